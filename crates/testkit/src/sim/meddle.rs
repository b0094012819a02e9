//! What people do although nobody asked them to.

use gtd_core::{BeadId, Command, Need, Outcome, PauseScope, RoleName};

use super::town::{Going, Sim, rig};

impl Sim {
    fn any_bead(&mut self) -> Option<BeadId> {
        let beads: Vec<BeadId> = self
            .graph
            .unfinished()
            .map(|bead| bead.id.clone())
            .collect();
        self.rng.pick(&beads).cloned()
    }

    fn any_scope(&mut self) -> PauseScope {
        let roles = ["crew", "worker", "refinery", "mayor", "witness"];
        match self.rng.below(4) {
            0 => PauseScope::Town,
            1 => PauseScope::Rig(rig()),
            2 => {
                let role = self.rng.pick(&roles).copied().unwrap_or("crew");
                PauseScope::Role(RoleName::parse(role).expect("a plain word"))
            }
            _ => self.any_bead().map_or(PauseScope::Town, PauseScope::Bead),
        }
    }

    pub(super) fn meddle(&mut self) -> Going {
        let Some(bead) = self.any_bead() else {
            return Ok(());
        };
        let why = "so I say".to_owned();
        match self.rng.below(17) {
            0 | 1 => drop(self.say_to_ledger(Command::ParkBead { bead, why })?),
            2 => drop(self.say_to_ledger(Command::RetryBead { bead })?),
            3 => {
                let comments = "src/lib.rs:7: why twice?".to_owned();
                self.say_to_ledger(Command::WantChanges {
                    bead,
                    why,
                    comments,
                })?;
            }
            4 => drop(self.say_to_ledger(Command::Cancel { bead, why })?),
            5 => {
                let outcome = if self.rng.chance(500) {
                    Outcome::Done
                } else {
                    Outcome::Cancelled
                };
                self.say_to_ledger(Command::CloseBead { bead, outcome, why })?;
            }
            6 => {
                let scope = self.any_scope();
                self.say_to_ledger(Command::Pause { scope, why })?;
            }
            7 | 8 => {
                let scope = self.any_scope();
                self.say_to_ledger(Command::Resume { scope })?;
            }
            9 => {
                self.world.freeze();
                self.say_to_ledger(Command::Stop { why })?;
            }
            10 => {
                self.world.thaw();
                self.say_to_ledger(Command::Thaw)?;
            }
            11 | 12 => self.claim(bead)?,
            13 => {
                let goals: Vec<BeadId> = self.graph.goals().map(|(id, _)| id.clone()).collect();
                if let Some(goal) = self.rng.pick(&goals).cloned() {
                    self.say_to_ledger(Command::RequestLanding { goal })?;
                }
            }
            14 => self.file_bead()?,
            15 => self.trust_again()?,
            _ => {
                if let Some(other) = self.any_bead() {
                    let need = Need::blocks(other);
                    if self.rng.chance(600) {
                        self.say_to_ledger(Command::Link { bead, need })?;
                    } else {
                        self.say_to_ledger(Command::Unlink { bead, need })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn file_bead(&mut self) -> Going {
        let spec = self.new_work();
        let goal = self
            .graph
            .open_goals()
            .next()
            .map(|(id, _)| id.clone())
            .filter(|_| self.rng.chance(700));
        self.say_to_ledger(Command::CreateBead {
            rig: rig(),
            goal,
            spec,
            needs: vec![],
        })?;
        Ok(())
    }

    fn trust_again(&mut self) -> Going {
        let Some(known) = self.graph.rig(&rig()) else {
            return Ok(());
        };
        let mut rules = known.rules.clone();
        rules.merge.batch = u32::try_from(self.rng.between(1, 6)).unwrap_or(1);
        rules.worker.max = u32::try_from(self.rng.between(1, 4)).unwrap_or(1);
        self.person.n_rules += 1;
        let digest = self.person.n_rules.to_string();
        self.say_to_ledger(Command::TrustRig {
            rig: rig(),
            rules,
            digest,
        })?;
        Ok(())
    }
}
