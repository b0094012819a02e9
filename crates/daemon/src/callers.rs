//! Who calls: what the kernel says of the socket's other end, and what a token proves.
//!
//! Every request passes through here before any service sees it: the user id
//! must be ours, a token must be its caller's own, a person's process must not
//! descend from a run, and a lease holder's that does has the verbs of its role
//! only. All processes share one user id, so this keeps
//! agents honest; it is no wall against a hostile program of the same user.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use gtd_core::{BeadId, Rejection};
use gtd_wire::{Caller, to_status};
use tonic::{
    Status,
    body::Body,
    codegen::{BoxFuture, Context, Poll, Service, http},
    metadata::MetadataMap,
};

use crate::{access, peer::Peer, town::Town};

/// A caller whose claim was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proven {
    /// It is who it says.
    Believed(Caller),
    /// It says that it is a person, and a run of this town started it.
    Agent(String),
    /// It shows the token of a lease, and a run of this town started it.
    AgentOf {
        /// The bead of the lease.
        bead: BeadId,
        /// The lease holder.
        caller: Caller,
    },
}

/// What must be known to check a caller.
#[derive(Debug)]
pub(crate) struct Gatekeeper {
    town: Arc<Town>,
    /// The folder of this town's runs.
    runs: PathBuf,
    /// The user whose town it is.
    user: u32,
}

impl Gatekeeper {
    /// Makes the gatekeeper of a town.
    pub(crate) fn new(town: Arc<Town>) -> Self {
        Self {
            runs: town.runs_folder(),
            user: nix::unistd::getuid().as_raw(),
            town,
        }
    }

    /// Checks a request and returns its caller.
    fn check(&self, method: &str, parts: &http::request::Parts) -> Result<Proven, Status> {
        let (peer, user) = parts
            .extensions
            .get::<Peer>()
            .and_then(|peer| Some((peer, peer.user()?)))
            .ok_or_else(|| Status::unauthenticated("the caller's process is not known"))?;
        if user != self.user {
            return Err(Status::permission_denied(
                "this town belongs to another user",
            ));
        }
        let no_name = || not_yours("a caller without a name", method);
        let metadata = MetadataMap::from_headers(parts.headers.clone());
        let caller = Caller::take(&metadata).map_err(|_| no_name())?;
        if !self.town.key.believes(&caller) {
            let claim = caller.actor().to_string();
            return Err(not_yours(
                &format!("a caller that says it is {claim}"),
                method,
            ));
        }
        // What everyone may do, an agent may do as well: no need to know whether it is one.
        if access::is_for_everyone(method) {
            return Ok(Proven::Believed(caller));
        }
        let proven = match caller {
            Caller::Person { name } if peer.is_agent(&self.runs) => Proven::Agent(name),
            Caller::Lease { ref bead, .. } if peer.is_agent(&self.runs) => Proven::AgentOf {
                bead: bead.clone(),
                caller,
            },
            caller => Proven::Believed(caller),
        };
        access::admit(method, &proven)
            .and_then(|()| match &proven {
                Proven::AgentOf { bead, .. } => {
                    access::admit_verb(method, bead, |verb| self.town.allows_verb(bead, verb))
                }
                Proven::Agent(_) | Proven::Believed(_) => Ok(()),
            })
            .map_err(|rejection| to_status(&rejection))?;
        Ok(proven)
    }
}

/// Tells whether a process descends from a run of this town. In doubt it does.
pub(crate) fn is_agent(pid: Option<i32>, runs: &Path) -> bool {
    let Some(pid) = pid else { return true };
    let Some(shims) = shims_above(pid) else {
        return true;
    };
    if shims.is_empty() {
        return false;
    }
    // A town inside somebody else's run: what is above the daemon itself proves nothing about its callers.
    let own = i32::try_from(std::process::id())
        .ok()
        .and_then(shims_above)
        .unwrap_or_default();
    shims
        .iter()
        .any(|shim| !own.contains(shim) || is_run_of(*shim, runs))
}

fn not_yours(caller: &str, method: &str) -> Status {
    to_status(&Rejection::NotYours {
        caller: caller.to_owned(),
        verb: format!("call {}", method.rsplit('.').next().unwrap_or(method)),
    })
}

const SHIM: &str = "gtd-shim";
const DEPTH_MAX: usize = 256;

/// Finds the shims among a process and its ancestors; nothing when the chain cannot be read.
fn shims_above(pid: i32) -> Option<BTreeSet<i32>> {
    // A process on the way may end and its child pass to another parent: look again then.
    (0..3).find_map(|_| walk(pid))
}

fn walk(pid: i32) -> Option<BTreeSet<i32>> {
    let mut found = BTreeSet::new();
    let mut next = pid;
    for _ in 0..DEPTH_MAX {
        if next <= 1 {
            return Some(found);
        }
        let (name, parent) = name_and_parent(next)?;
        let program = fs::read_link(format!("/proc/{next}/exe")).ok();
        let is_shim = name == SHIM
            || program
                .as_deref()
                .and_then(Path::file_name)
                .is_some_and(|name| {
                    // The kernel marks a program whose file was replaced.
                    name.as_bytes() == SHIM.as_bytes()
                        || name.as_bytes() == format!("{SHIM} (deleted)").as_bytes()
                });
        if is_shim {
            found.insert(next);
        }
        next = parent;
    }
    None
}

/// Reads the name and the parent of a process.
fn name_and_parent(pid: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may itself hold brackets and spaces.
    let begin = stat.find('(')? + 1;
    let end = stat.rfind(')')?;
    let parent = stat[end + 1..].split_whitespace().nth(1)?.parse().ok()?;
    Some((stat[begin..end].to_owned(), parent))
}

/// Tells whether a shim supervises a run in this folder.
fn is_run_of(shim: i32, runs: &Path) -> bool {
    fs::read(format!("/proc/{shim}/cmdline")).is_ok_and(|line| {
        line.split(|byte| *byte == 0)
            .any(|word| Path::new(std::ffi::OsStr::from_bytes(word)).starts_with(runs))
    })
}

/// The checked caller of a request, for the services.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// Who it is.
    pub(crate) caller: Caller,
    /// A run of this town started it.
    pub(crate) is_agent: bool,
}

/// Puts the gatekeeper before all services.
#[derive(Debug, Clone)]
pub(crate) struct Gate(pub(crate) Arc<Gatekeeper>);

impl<S> tower::Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            inner,
            keeper: Arc::clone(&self.0),
        }
    }
}

/// A service behind the gate.
#[derive(Debug, Clone)]
pub(crate) struct Gated<S> {
    inner: S,
    keeper: Arc<Gatekeeper>,
}

impl<S> Service<http::Request<Body>> for Gated<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<S::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let method = parts.uri.path().trim_start_matches('/').to_owned();
        if is_public(&method) {
            return Box::pin(self.inner.call(http::Request::from_parts(parts, body)));
        }
        match self.keeper.check(&method, &parts) {
            Ok(proven) => {
                tracing::trace!(%method, ?proven, "admitted");
                let is_agent = !matches!(proven, Proven::Believed(_));
                let caller = match proven {
                    Proven::Believed(caller) | Proven::AgentOf { caller, .. } => caller,
                    Proven::Agent(name) => Caller::Person { name },
                };
                parts.extensions.insert(Admitted { caller, is_agent });
                Box::pin(self.inner.call(http::Request::from_parts(parts, body)))
            }
            Err(status) => {
                tracing::debug!(%method, why = status.message(), "refused at the door");
                let refused = status.into_http();
                Box::pin(async move { Ok(refused) })
            }
        }
    }
}

/// Health and reflection tell nothing of the town; the socket's folder is private anyway.
fn is_public(method: &str) -> bool {
    method.starts_with("grpc.health.v1.Health/") || method.starts_with("grpc.reflection.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_this_process_can_be_read() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (name, parent) = name_and_parent(own).unwrap();
        assert!(!name.is_empty());
        assert!(parent > 0);
        assert!(shims_above(own).is_some());
    }

    #[test]
    fn a_process_that_cannot_be_looked_at_is_taken_for_an_agent() {
        let runs = Path::new("/nowhere/runs");
        assert!(is_agent(None, runs));
        assert!(is_agent(Some(i32::MAX), runs));
    }
}
