//! Beads that people work on by hand: they hand in, give back, or are never seen again.

use std::{collections::BTreeSet, rc::Rc};

use gtd_core::{Actor as Pen, BeadId, Command, Epoch, Fault, FaultClass, Outcome, RunId, SeatName};

use super::{
    git::Change,
    person::MAIN,
    town::{Going, Sim},
    world::number_of,
};

/// A bead that a person works on by hand.
#[derive(Debug)]
pub(super) struct Claim {
    bead: BeadId,
    epoch: Epoch,
    due: u64,
    vanishes: bool,
}

impl Sim {
    pub(super) fn claim(&mut self, bead: BeadId) -> Going {
        // People like the names of stones as well.
        let name = self.rng.pick(&["ann", "quartz", "onyx"]).copied();
        let name = SeatName::parse(name.unwrap_or("ann")).expect("a plain word");
        let command = Command::Claim {
            bead: bead.clone(),
            name: name.clone(),
        };
        let revision = self.graph.revision();
        if self.say_to_ledger(command)? && self.graph.revision() != revision {
            let epoch = self.graph.bead(&bead).map_or(Epoch(0), |bead| bead.epoch);
            let due = self.world.now + self.rng.between(5_000, 900_000);
            let vanishes = !self.is_calm && self.rng.chance(200);
            self.person.claims.push(Claim {
                bead,
                epoch,
                due,
                vanishes,
            });
        }
        Ok(())
    }

    pub(super) fn keep_claims(&mut self) -> Going {
        let now = self.world.now;
        let (due, rest): (Vec<Claim>, Vec<Claim>) = std::mem::take(&mut self.person.claims)
            .into_iter()
            .partition(|claim| claim.due <= now);
        self.person.claims = rest;
        for claim in due {
            if !claim.vanishes {
                self.end_claim(&claim)?;
            }
        }
        Ok(())
    }

    fn end_claim(&mut self, claim: &Claim) -> Going {
        let pen = Pen::Lease {
            bead: claim.bead.clone(),
            epoch: claim.epoch,
        };
        let command = match self.rng.below(4) {
            0 => Command::Return {
                bead: claim.bead.clone(),
                epoch: claim.epoch,
                why: Fault {
                    class: FaultClass::GivenBack,
                    text: "I have no time".to_owned(),
                    evidence: String::new(),
                    run: None,
                },
            },
            1 => Command::Finish {
                bead: claim.bead.clone(),
                epoch: claim.epoch,
                outcome: Outcome::Done,
                why: "I did it elsewhere".to_owned(),
            },
            _ => match self.work_by_hand(claim) {
                Some(command) => command,
                None => return Ok(()),
            },
        };
        drop(self.tell(&pen, command)?);
        Ok(())
    }

    /// Makes the commit that a claimant hands in.
    fn work_by_hand(&mut self, claim: &Claim) -> Option<Command> {
        let bead = self.graph.bead(&claim.bead)?;
        let number = number_of(bead.spec.run.as_deref()?)?;
        let target = self.graph.target_of(bead)?;
        let refs = &self.world.git.refs;
        let base = refs.get(&target.r#ref).or_else(|| refs.get(MAIN))?.clone();
        let mut tree = self.world.git.tree(&base);
        for file in self.world.files.get(&number)? {
            Rc::make_mut(&mut tree)
                .entry(*file)
                .or_default()
                .insert(Change::Aware(number));
        }
        if tree == self.world.git.tree(&base) {
            return None;
        }
        let run = RunId::parse(&format!("{}.e{}.claim", claim.bead, claim.epoch)).ok()?;
        let authors = Rc::new(BTreeSet::from([run]));
        let head = self.world.git.commit(&[&base], tree, authors, "by hand");
        Some(Command::Submit {
            bead: claim.bead.clone(),
            epoch: claim.epoch,
            head,
            base,
            summary: "by hand".to_owned(),
            checks: vec![],
        })
    }
}
