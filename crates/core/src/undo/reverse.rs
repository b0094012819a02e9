//! From the graph of before and the graph of now: what takes an operation back.

use std::collections::BTreeSet;

use super::{Operation, Reversal};
use crate::{Bead, BeadId, Event, Fault, FaultClass, Graph, Pause, PauseScope, Phase, Rejection};

/// Computes what takes an operation back.
///
/// `before` is a graph up to the record before the operation's first; it need
/// only hold what the operation touched, with their goals.
///
/// # Errors
/// When the operation is none that can be taken back, or was overtaken.
pub fn reverse(op: &Operation, before: &Graph, now: &Graph) -> Result<Reversal, Rejection> {
    op.must_be_reversible()?;
    let mut subjects = op.subjects();
    subjects.extend(op.approved(before).cloned());
    let mut reversal = Reversal {
        op: op.first,
        last: op.last,
        until: now.revision(),
        what: op.what(),
        ..Reversal::default()
    };
    let after = op.after(before);
    for id in &subjects {
        if let Some(is) = now.bead(id)
            && !after.bead(id).is_some_and(|was| is_same(was, is))
        {
            return Err(reversal.changed(is));
        }
        let limits = |graph: &Graph| graph.goal(id).map(|goal| (goal.max, goal.until));
        if let Some(is) = now.bead(id)
            && limits(&after) != limits(now)
        {
            return Err(reversal.changed(is));
        }
        match (before.bead(id), now.bead(id)) {
            (Some(was), Some(is)) => {
                reversal.beads.push(as_before(was, is));
                if let Some(goal) = before.goal(id) {
                    reversal.goals.push((id.clone(), goal.clone()));
                }
            }
            (Some(was), None) => {
                reversal.beads.push(was.clone());
                if let Some(goal) = before.goal(id) {
                    reversal.goals.push((id.clone(), goal.clone()));
                }
            }
            (None, Some(_)) => reversal.withdrawn.push(id.clone()),
            (None, None) => {}
        }
        let scope = PauseScope::Bead(id.clone());
        let held = |graph: &Graph| -> Option<Pause> {
            let mut pauses = graph.pauses().iter();
            pauses.find(|pause| pause.scope == scope).cloned()
        };
        if let (Some(pause), None) = (held(before), held(now)) {
            reversal.paused.push(pause);
        }
    }
    for event in &op.events {
        match event {
            Event::Paused { scope, .. } => reversal.resumed.push(scope.clone()),
            Event::ScheduleRemoved { schedule } => reversal.schedules.push(schedule.clone()),
            Event::ScheduleAdded { schedule } => {
                let (rig, name) = (&schedule.rig, &schedule.name);
                if now.schedule(rig, name) != Some(schedule) {
                    return Err(reversal.refuse(
                        format!("schedule {name} changed since"),
                        format!("gtd schedule remove {name}"),
                    ));
                }
                reversal.unscheduled.push((rig.clone(), name.clone()));
            }
            _ => {}
        }
    }
    reversal.check(now)?;
    Ok(reversal)
}

/// Tells whether a bead is the same, whenever it was last written.
fn is_same(was: &Bead, is: &Bead) -> bool {
    let was = Bead {
        changed: is.changed,
        ..was.clone()
    };
    *is == was
}

/// Makes a bead as it was; an attempt that was ended does not begin again by itself.
fn as_before(was: &Bead, is: &Bead) -> Bead {
    let attempts = match &was.phase {
        Phase::Leased(_) => is.attempts.clone(),
        // What was said of one that had ended is taken back with the rest.
        _ => was.attempts.clone(),
    };
    let mut bead = Bead {
        attempts,
        epoch: is.epoch,
        ..was.clone()
    };
    if let Phase::Leased(lease) = &was.phase {
        bead.phase = match &is.phase {
            Phase::Leased(held) if held.epoch == lease.epoch => is.phase.clone(),
            _ => Phase::Returned {
                why: Box::new(Fault {
                    class: FaultClass::Stopped,
                    text: "its attempt was ended by what was undone".to_owned(),
                    evidence: String::new(),
                    run: None,
                }),
            },
        };
    }
    bead
}

impl Reversal {
    fn refuse(&self, why: String, next: String) -> Rejection {
        Rejection::CannotUndo {
            op: self.op,
            what: self.what.clone(),
            why,
            next,
        }
    }

    /// Tells whether everything is already as it was before.
    #[must_use]
    pub fn is_true(&self, now: &Graph) -> bool {
        let is_as_before = |was: &Bead| now.bead(&was.id).is_some_and(|is| is_same(was, is));
        self.beads.iter().all(is_as_before)
            && self.goals.iter().all(|(id, was)| now.goal(id) == Some(was))
            && self.withdrawn.iter().all(|id| now.bead(id).is_none())
            && self.paused.iter().all(|pause| now.pauses().contains(pause))
            && self.schedules.iter().all(|was| {
                now.schedule(&was.rig, &was.name)
                    .is_some_and(|is| is.is_said_by(&was.cron, &was.goal))
            })
            && (self.unscheduled.iter()).all(|(rig, name)| now.schedule(rig, name).is_none())
            && !now
                .pauses()
                .iter()
                .any(|pause| self.resumed.contains(&pause.scope))
    }

    /// Checks that nothing was built upon the operation meanwhile.
    ///
    /// # Errors
    /// When something was: it stays, and another way is told.
    pub fn check(&self, now: &Graph) -> Result<(), Rejection> {
        let withdrawn: BTreeSet<&BeadId> = self.withdrawn.iter().collect();
        let present = self
            .beads
            .iter()
            .map(|bead| &bead.id)
            .chain(&self.withdrawn)
            .filter_map(|id| now.bead(id));
        for bead in present {
            if bead.changed > self.until {
                return Err(self.changed(bead));
            }
        }
        for id in &self.withdrawn {
            self.check_withdrawal(now, id, &withdrawn)?;
        }
        for was in &self.beads {
            self.check_dependents(now, was)?;
        }
        for (id, goal) in &self.goals {
            let joined = now
                .goal(id)
                .and_then(|is| is.beads.iter().find(|bead| !goal.beads.contains(bead)));
            if let Some(bead) = joined {
                return Err(self.refuse(
                    format!("{bead} joined {id} since"),
                    format!("gtd convoy show {id}"),
                ));
            }
        }
        for was in &self.schedules {
            let name = &was.name;
            if now.rig(&was.rig).is_none() {
                return Err(self.refuse(
                    format!("{} is no rig any more", was.rig),
                    "gtd rig list".to_owned(),
                ));
            }
            if now.schedule(&was.rig, name).is_some() {
                return Err(self.refuse(
                    format!("there is a schedule {name} again"),
                    "gtd schedule list".to_owned(),
                ));
            }
        }
        for (rig, name) in &self.unscheduled {
            if now.schedule(rig, name).is_some_and(|is| is.last.is_some()) {
                return Err(self.refuse(
                    format!("schedule {name} has made a goal since"),
                    format!("gtd schedule remove {name}"),
                ));
            }
        }
        for scope in &self.resumed {
            let holds = now.pauses().iter().any(|pause| pause.scope == *scope);
            if !holds {
                return Err(self.refuse("the pause has ended".to_owned(), "gtd status".to_owned()));
            }
        }
        Ok(())
    }

    fn changed(&self, bead: &Bead) -> Rejection {
        self.refuse(format!("{} changed since", bead.id), instead_for(bead))
    }

    fn check_withdrawal(
        &self,
        now: &Graph,
        id: &BeadId,
        withdrawn: &BTreeSet<&BeadId>,
    ) -> Result<(), Rejection> {
        // What was put to it by the same operation is taken away from it with that.
        let leaves = |other: &BeadId| {
            let was = self.beads.iter().find(|was| was.id == *other);
            was.is_some_and(|was| !refers(was, id))
        };
        let stays = |other: &BeadId| !withdrawn.contains(other) && !leaves(other);
        let of_goal = now.goal(id).into_iter().flat_map(|goal| &goal.beads);
        let upon = now
            .dependents(id)
            .chain(now.children(id))
            .chain(now.found_at(id))
            .chain(of_goal)
            .find(|other| stays(other));
        let named = || {
            now.beads()
                .find(|bead| bead.needs.iter().any(|need| need.on == *id) && stays(&bead.id))
                .map(|bead| &bead.id)
        };
        match upon.or_else(named) {
            Some(other) => Err(self.refuse(
                format!("{other} refers to {id}"),
                format!("gtd bead close {id} -m WHY"),
            )),
            None => Ok(()),
        }
    }

    /// Refuses when something began because of how a bead ended.
    fn check_dependents(&self, now: &Graph, was: &Bead) -> Result<(), Rejection> {
        let Some(is) = now.bead(&was.id) else {
            return Ok(());
        };
        if is.phase.is_finished() == was.phase.is_finished()
            && is.phase.is_good() == was.phase.is_good()
        {
            return Ok(());
        }
        let begun = now
            .dependents(&was.id)
            .filter_map(|id| now.bead(id))
            .find(|other| {
                other.changed > self.last
                    && matches!(
                        other.phase,
                        Phase::Leased(_) | Phase::Submitted { .. } | Phase::Landed { .. }
                    )
            });
        match begun {
            Some(other) => {
                Err(self.refuse(format!("{} has begun since", other.id), instead_for(other)))
            }
            None => Ok(()),
        }
    }
}

/// Tells whether a bead names another: as a need, as its parent, or as its goal.
fn refers(bead: &Bead, other: &BeadId) -> bool {
    bead.needs.iter().any(|need| need.on == *other)
        || bead.spec.parent.as_ref() == Some(other)
        || bead.goal.as_ref() == Some(other)
}

/// Names another way than taking away what was done with a bead.
fn instead_for(bead: &Bead) -> String {
    let id = &bead.id;
    match &bead.phase {
        Phase::Leased(_) | Phase::Submitted { .. } => format!("gtd stop {id}"),
        Phase::Landed { .. } => {
            format!("it has landed: gtd bead create TITLE --discovered-from {id}")
        }
        _ => format!("gtd bead show {id}"),
    }
}
