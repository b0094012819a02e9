//! Who is in the town: roles that come with the daemon, workers that come with leases.

use std::collections::BTreeSet;

use gtd_core::{Actor as Pen, HostName, Observations, RuntimeName};
use gtd_plan::{Crew, Mayor, Refinery, Witness, Worker};

use super::{
    actor::Role,
    runs::State,
    town::{ERRANDS, Going, MIRRORS, Sim, pen, rig},
};

fn host() -> HostName {
    HostName::parse("local").expect("a plain word")
}

impl Sim {
    pub(super) fn open(&mut self) {
        let at = self.world.now;
        self.away = None;
        for mirror in 0..MIRRORS {
            self.catch_up(mirror, self.graph.revision());
        }
        let refinery = Refinery { rig: rig() };
        let witness = Witness { host: host() };
        let crew = Crew {
            host: host(),
            runtimes: BTreeSet::from([RuntimeName::parse("shell").expect("a word")]),
        };
        self.hire(
            "mayor",
            Role::new(Box::new(Mayor { host: host() }), pen("mayor"), at, 0),
        );
        self.hire("crew", Role::new(Box::new(crew), pen("crew"), at, 1));
        self.hire(
            "witness",
            Role::new(Box::new(witness), pen("witness"), at, 2),
        );
        self.hire(
            "refinery",
            Role::new(Box::new(refinery), pen("refinery"), at, 0),
        );
        self.errands_at = at;
        self.staff_soon();
    }

    fn hire(&mut self, name: &str, role: Role) {
        self.roles.insert(name.to_owned(), role);
    }

    pub(super) fn staff_soon(&mut self) {
        if self.away.is_none() {
            let at = self.world.now + self.rng.below(30);
            self.staff_at = Some(self.staff_at.map_or(at, |known| known.min(at)));
        }
    }

    /// Sees to it that every lease has its worker.
    pub(super) fn staff(&mut self) {
        self.staff_at = None;
        let mirror = usize::try_from(self.rng.below(3)).unwrap_or(0);
        self.catch_up(mirror, self.graph.revision());
        let leases: Vec<_> = self.mirrors[mirror]
            .leased()
            .filter_map(|bead| {
                let lease = bead.phase.lease()?;
                matches!(lease.holder, gtd_core::Holder::Seat { .. })
                    .then(|| (bead.id.clone(), lease.epoch))
            })
            .collect();
        for (bead, epoch) in leases {
            let name = format!("worker.{bead}.e{epoch}");
            if self.roles.contains_key(&name) {
                continue;
            }
            let worker = Worker {
                bead: bead.clone(),
                epoch,
                host: host(),
            };
            let pen = Pen::Lease {
                bead: bead.clone(),
                epoch,
            };
            let mut role = Role::new(Box::new(worker), pen, self.world.now, mirror);
            role.lease = Some((bead, epoch));
            role.last_write = self.mirrors[mirror].revision();
            self.roles.insert(name, role);
        }
    }

    /// Ends all roles. Their memory is gone; with `forgets` so is that of the hands.
    pub(super) fn crash(&mut self, forgets: bool, what: &str) -> Going {
        self.say(what);
        self.crashes += 1;
        self.roles.clear();
        self.staff_at = None;
        self.board = Observations::default();
        if forgets {
            self.world.memory.clear();
            self.world.assemblies.clear();
        }
        self.replay()?;
        let away = if self.rng.chance(850) {
            self.rng.between(50, 3_000)
        } else {
            self.rng.between(3_000, 300_000)
        };
        self.away = Some(self.world.now + away);
        Ok(())
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    pub(super) fn wake_all(&mut self, within: u64, per_mille: u64) {
        for role in self.roles.values_mut() {
            if self.rng.chance(per_mille) {
                role.wake(self.world.now + 1 + self.rng.below(within));
            }
        }
    }

    /// Ends every live run of a bead whose lease is gone.
    pub(super) fn errands(&mut self) {
        self.errands_at = self.world.now + ERRANDS;
        let orphans: Vec<_> = self
            .world
            .runs
            .iter()
            .filter(|(_, proc)| proc.state == State::Live)
            .filter(|(_, proc)| {
                let Some(bead) = &proc.order.bead else {
                    return false;
                };
                let epoch = proc.order.epoch;
                let is_current =
                    self.graph
                        .bead(bead)
                        .is_some_and(|bead| match bead.phase.lease() {
                            Some(lease) => lease.epoch == epoch,
                            None => epoch.0 == 0 && !bead.phase.is_finished(),
                        });
                !is_current
            })
            .map(|(run, _)| run.clone())
            .collect();
        for run in orphans {
            self.say(&format!("deacon: ends {run}"));
            self.world.stop(&run);
        }
    }
}
