//! Which host runs which role, and how the roles' passes went.
//!
//! The built-in host has every role that no attached host has asked for. Roles
//! go to the host that came last; when its line ends, they go back.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gtd_core::{Moment, Timestamp};
use serde::Serialize;
use tokio::sync::watch;

/// The roles of a town.
pub(crate) const ROLES: [&str; 6] = ["mayor", "crew", "worker", "refinery", "witness", "deacon"];

/// The name of the host inside the daemon.
pub(crate) const BUILT_IN: &str = "local";

/// What a host is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// To run these roles.
    Run(Vec<String>),
    /// To leave: another host of this name has come.
    Leave,
}

/// How the last pass of a role ended.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LastPass {
    pub(crate) at: Moment,
    pub(crate) revision: u64,
    pub(crate) ok: bool,
    pub(crate) text: String,
    pub(crate) n_passes: u64,
    pub(crate) n_failures: u64,
}

/// All hosts that are attached.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    hosts: BTreeMap<u64, Host>,
    passes: BTreeMap<String, LastPass>,
}

#[derive(Debug)]
struct Host {
    name: String,
    wants: Vec<String>,
    told: watch::Sender<Told>,
}

impl Host {
    fn is_built_in(&self) -> bool {
        self.name == BUILT_IN
    }

    fn wants(&self, role: &str) -> bool {
        self.wants.is_empty() || self.wants.iter().any(|wanted| wanted == role)
    }
}

impl Hosts {
    /// Adds a host that can run `wants`, or everything when that is empty.
    pub(crate) fn attach(&self, name: &str, wants: Vec<String>) -> (u64, watch::Receiver<Told>) {
        let mut inner = self.lock();
        inner.hosts.retain(|_, host| {
            if host.name == name {
                host.told.send_replace(Told::Leave);
            }
            host.name != name
        });
        let id = inner.next;
        inner.next += 1;
        let (told, hears) = watch::channel(Told::Run(Vec::new()));
        let host = Host {
            name: name.to_owned(),
            wants,
            told,
        };
        inner.hosts.insert(id, host);
        inner.assign();
        (id, hears)
    }

    /// Takes a host out; returns the roles that it had.
    pub(crate) fn detach(&self, id: u64) -> Vec<String> {
        let mut inner = self.lock();
        let Some(gone) = inner.hosts.remove(&id) else {
            return Vec::new();
        };
        inner.assign();
        match &*gone.told.borrow() {
            Told::Run(roles) => roles.clone(),
            Told::Leave => Vec::new(),
        }
    }

    /// Notes how a pass of a role ended.
    pub(crate) fn passed(&self, role: &str, at: Timestamp, revision: u64, ok: bool, text: String) {
        let mut inner = self.lock();
        let before = inner.passes.get(role);
        let pass = LastPass {
            at: Moment(at),
            revision,
            ok,
            text,
            n_passes: before.map_or(0, |pass| pass.n_passes) + 1,
            n_failures: before.map_or(0, |pass| pass.n_failures) + u64::from(!ok),
        };
        inner.passes.insert(role.to_owned(), pass);
    }

    /// Returns how the last pass of a role ended.
    pub(crate) fn last_pass(&self, role: &str) -> Option<LastPass> {
        self.lock().passes.get(role).cloned()
    }

    /// Returns the host that has a role.
    pub(crate) fn host_of(&self, role: &str) -> Option<String> {
        self.lock().holder(role).map(|(_, host)| host.name.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn holder(&self, role: &str) -> Option<(u64, &Host)> {
        let wants = |(_, host): &(&u64, &Host)| host.wants(role);
        self.hosts
            .iter()
            .rev()
            .filter(|(_, host)| !host.is_built_in())
            .find(wants)
            .or_else(|| {
                self.hosts
                    .iter()
                    .filter(|(_, host)| host.is_built_in())
                    .find(wants)
            })
            .map(|(id, host)| (*id, host))
    }

    /// Tells every host its roles: first what is taken away, then what is given.
    fn assign(&mut self) {
        let mut roles: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for role in ROLES {
            if let Some((id, _)) = self.holder(role) {
                roles.entry(id).or_default().push(role.to_owned());
            }
        }
        let mut changes: Vec<(bool, &Host, Vec<String>)> = self
            .hosts
            .iter()
            .map(|(id, host)| {
                let now = roles.remove(id).unwrap_or_default();
                let grows = match &*host.told.borrow() {
                    Told::Run(before) => now.iter().any(|role| !before.contains(role)),
                    Told::Leave => true,
                };
                (grows, host, now)
            })
            .collect();
        changes.sort_by_key(|(grows, _, _)| *grows);
        for (_, host, now) in changes {
            host.told.send_if_modified(|told| {
                let next = Told::Run(now);
                let is_new = *told != next;
                *told = next;
                is_new
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(hears: &watch::Receiver<Told>) -> String {
        match &*hears.borrow() {
            Told::Run(roles) => roles.join(" "),
            Told::Leave => "leave".to_owned(),
        }
    }

    #[test]
    fn roles_go_to_the_host_that_came_last_and_come_back_when_it_leaves() {
        let hosts = Hosts::default();
        let (_, built_in) = hosts.attach(BUILT_IN, vec![]);
        assert_eq!(roles(&built_in), ROLES.join(" "));
        let (id, far) = hosts.attach("far", vec!["witness".into(), "refinery".into()]);
        assert_eq!(roles(&far), "refinery witness");
        assert_eq!(roles(&built_in), "mayor crew worker deacon");
        assert_eq!(hosts.host_of("witness").as_deref(), Some("far"));
        let (other, near) = hosts.attach("near", vec!["witness".into()]);
        assert_eq!(roles(&far), "refinery");
        assert_eq!(roles(&near), "witness");
        assert_eq!(hosts.detach(id), ["refinery"]);
        assert_eq!(roles(&built_in), "mayor crew worker refinery deacon");
        hosts.detach(other);
        assert_eq!(roles(&built_in), ROLES.join(" "));
    }

    #[test]
    fn a_host_that_comes_again_takes_the_place_of_its_former_line() {
        let hosts = Hosts::default();
        let (first, old) = hosts.attach(BUILT_IN, vec![]);
        let (_, new) = hosts.attach(BUILT_IN, vec![]);
        assert_eq!(roles(&old), "leave");
        assert_eq!(roles(&new), ROLES.join(" "));
        assert_eq!(hosts.detach(first), [""; 0]);
        assert_eq!(roles(&new), ROLES.join(" "));
    }
}
