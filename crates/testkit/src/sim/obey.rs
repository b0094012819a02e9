//! What people do because `gtd why` tells them to.
//!
//! Whatever needs a person must name a way that helps: each line that is
//! advised is run as it stands, and the ledger must take one of them.

use std::collections::{BTreeSet, VecDeque};

use gtd_core::{
    BeadId, Command, LandMode, Landing, Need, Outcome, PauseScope, Phase, RoleName, explain,
};

use super::town::{Going, Sim, rig};

impl Sim {
    /// Does for each bead that needs a person what `gtd why` says is next.
    pub(super) fn obey_all(&mut self) -> Going {
        if self.is_calm || self.rng.chance(150) {
            self.mend();
        }
        self.wait_for_landings()?;
        let ids: Vec<BeadId> = self.graph.unfinished().map(|b| b.id.clone()).collect();
        for id in ids {
            let Some(why) = explain(&self.graph, &self.board, &id, self.now()) else {
                continue;
            };
            if why.clears_by_itself || self.graph.bead(&id).is_none_or(|b| b.phase.is_finished()) {
                continue;
            }
            let next = why.next.iter().map(|step| step.cmd.clone()).collect();
            let is_taken = self.follow(next)?;
            if !is_taken {
                return Err(format!(
                    "{id} needs a person, and nothing of what is next helps: {:?} {:?}",
                    why.chain, why.next
                ));
            }
        }
        Ok(())
    }

    /// Somebody who asked for a landing and sees no end of it looks at what is paused; and
    /// nobody leaves everything stopped for ever.
    fn wait_for_landings(&mut self) -> Going {
        let done: Vec<BeadId> = self
            .graph
            .goals()
            .filter(|(id, goal)| {
                goal.landing == Landing::Unasked
                    && goal.target.mode == LandMode::Integration
                    && self.graph.bead(id).is_some_and(|bead| bead.phase.is_good())
            })
            .map(|(id, _)| id.clone())
            .collect();
        for goal in done {
            self.say_to_ledger(Command::RequestLanding { goal })?;
        }
        let waits = self
            .graph
            .goals()
            .any(|(_, goal)| matches!(goal.landing, Landing::Asked { .. }));
        if self.is_calm && self.graph.stop().is_some() {
            self.obey("gtd resume --all")?;
        }
        if waits && self.graph.is_role_paused("refinery") {
            self.obey("gtd resume refinery")?;
        }
        Ok(())
    }

    /// Tries what is advised, in order; one advice may be to ask why of something else.
    fn follow(&mut self, advice: Vec<String>) -> Going<bool> {
        let mut open: VecDeque<String> = advice.into();
        let mut asked = BTreeSet::new();
        while let Some(line) = open.pop_front() {
            let other = line
                .strip_prefix("gtd why ")
                .and_then(|id| BeadId::parse(id).ok())
                .filter(|id| asked.insert(id.clone()));
            if let Some(other) = other {
                let why = explain(&self.graph, &self.board, &other, self.now());
                open.extend(
                    why.into_iter()
                        .flat_map(|why| why.next)
                        .map(|step| step.cmd),
                );
            } else if self.obey(&line)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Runs a command line of `gtd`; true when the ledger took it.
    fn obey(&mut self, line: &str) -> Going<bool> {
        self.say(&format!("ann: {line}"));
        let id = |text: &str| BeadId::parse(text).map_err(|error| error.to_string());
        let words: Vec<&str> = line.split(' ').collect();
        let why = "it was advised".to_owned();
        let command = match words.as_slice() {
            ["gtd", "resume", "--all"] => {
                self.world.thaw();
                Command::Thaw
            }
            ["gtd", "resume"] => Command::Resume {
                scope: PauseScope::Town,
            },
            ["gtd", "resume", scope] => Command::Resume {
                scope: self.scope(scope)?,
            },
            ["gtd", "bead", "retry", bead] => Command::RetryBead { bead: id(bead)? },
            ["gtd", "answer", bead, _] => {
                let bead = id(bead)?;
                let text = "as you think best".to_owned();
                self.say_to_ledger(Command::AddNote {
                    bead: bead.clone(),
                    text,
                })?;
                Command::RetryBead { bead }
            }
            ["gtd", "bead", "close", bead, ..] => Command::CloseBead {
                bead: id(bead)?,
                outcome: Outcome::Cancelled,
                why,
            },
            ["gtd", "bead", "dep", "rm", bead, "--needs", on] => Command::Unlink {
                bead: id(bead)?,
                need: Need::blocks(id(on)?),
            },
            ["gtd", "bead", "claim", bead] => {
                let bead = id(bead)?;
                self.claim(bead.clone())?;
                let phase = self.graph.bead(&bead).map(|bead| &bead.phase);
                return Ok(matches!(phase, Some(Phase::Leased(_))));
            }
            ["gtd", "approve", goal] => Command::ApprovePlan { goal: id(goal)? },
            ["gtd", "stop", bead] => Command::Cancel {
                bead: id(bead)?,
                why,
            },
            // A look changes nothing.
            ["gtd", "why" | "ps" | "logs" | "convoy", ..] => return Ok(false),
            _ => return Err(format!("nobody can run `{line}`")),
        };
        self.say_to_ledger(command)
    }

    fn scope(&self, text: &str) -> Going<PauseScope> {
        if text == rig().as_str() {
            return Ok(PauseScope::Rig(rig()));
        }
        if let Ok(bead) = BeadId::parse(text)
            && self.graph.bead(&bead).is_some()
        {
            return Ok(PauseScope::Bead(bead));
        }
        RoleName::parse(text)
            .map(PauseScope::Role)
            .map_err(|error| error.to_string())
    }
}
