//! The operations of people, read from the log.

use std::collections::BTreeSet;

use super::OpDoc;
use crate::{
    Actor, BeadId, Envelope, Event, Graph, Moment, PauseScope, Recorded, Rejection, RequestId,
    Revision, Timestamp,
};

/// How an operation begins whose first word says enough of all of it.
const WHOLE: [&str; 3] = ["goal ", "stop ", "split "];

/// One write of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its first record.
    pub first: Revision,
    /// Its last record.
    pub last: Revision,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// What happened by it.
    pub events: Vec<Event>,
    request: Option<RequestId>,
}

/// Finds the operations of people in records that follow one another, oldest first.
#[must_use]
pub fn operations(records: &[Recorded]) -> Vec<Operation> {
    let mut found: Vec<Operation> = Vec::new();
    for (revision, envelope) in records {
        if !matches!(envelope.by, Actor::Person(_)) {
            continue;
        }
        match found.last_mut() {
            Some(op)
                if op.request.is_some()
                    && op.request == envelope.request
                    && op.by == envelope.by
                    && op.last.next() == *revision =>
            {
                op.last = *revision;
                op.events.push(envelope.event.clone());
            }
            _ => found.push(Operation {
                first: *revision,
                last: *revision,
                by: envelope.by.clone(),
                at: envelope.at,
                events: vec![envelope.event.clone()],
                request: envelope.request.clone(),
            }),
        }
    }
    found
}

impl Operation {
    /// Returns the operation that this one took back.
    #[must_use]
    pub fn undoes(&self) -> Option<Revision> {
        self.events.iter().find_map(|event| match event {
            Event::OperationUndone { reversal } => Some(reversal.op),
            _ => None,
        })
    }

    /// Says what it did, in words.
    #[must_use]
    pub fn what(&self) -> String {
        let note = self
            .events
            .iter()
            .any(|event| matches!(event, Event::NoteAdded { .. }));
        let retries = |id: &BeadId| {
            let of_it = |event: &Event| matches!(event, Event::BeadRetried { bead } if bead == id);
            self.events.iter().any(of_it)
        };
        let edits = |goal: &BeadId| {
            let of_goal =
                |event: &Event| matches!(event, Event::BeadEdited { bead, .. } if bead == goal);
            self.events.iter().any(of_goal)
        };
        let said = self.events.iter().filter_map(|event| {
            Some(match event {
                Event::GoalOpened { bead, .. } => format!("goal {} {}", bead.id, bead.spec.title),
                Event::PlanApproved { goal } => format!("approve {goal}"),
                Event::PlanKept { goal, .. } => format!("reject the new plan of {goal}"),
                Event::GoalClosed { goal, outcome, .. } => match outcome {
                    crate::Outcome::Cancelled => format!("stop {goal}"),
                    _ => format!("close {goal}"),
                },
                Event::LandRequested { goal } => format!("land {goal}"),
                Event::BeadOpened { bead } => format!("create {} {}", bead.id, bead.spec.title),
                Event::BeadEdited { bead, .. } => format!("edit {bead}"),
                Event::GoalEdited { goal, .. } if !edits(goal) => format!("edit {goal}"),
                Event::BeadJoined { bead, goal } => format!("add {bead} to {goal}"),
                Event::BeadSplit { bead, parts } => {
                    let parts: Vec<&str> = parts.iter().map(BeadId::as_str).collect();
                    format!("split {bead} into {}", parts.join(" "))
                }
                Event::BeadReopened { bead } => format!("reopen {bead}"),
                Event::EdgeAdded { bead, need } => format!("{bead} needs {}", need.on),
                Event::EdgeRemoved { bead, need } => format!("{bead} needs {} no more", need.on),
                Event::BeadClosed { bead, .. } => format!("close {bead}"),
                Event::QuestionAnswered { bead, .. } if !retries(bead) => format!("answer {bead}"),
                Event::Told { bead, .. } => format!("tell {bead}"),
                Event::BeadRetried { bead } if note => format!("answer {bead}"),
                Event::BeadRetried { bead } => format!("retry {bead}"),
                Event::SubmissionWaived { bead, what, .. } => {
                    format!("waive {} of {bead}", what.told())
                }
                Event::ChangesWanted { bead, .. } => format!("want changes of {bead}"),
                Event::BeadParked { bead, .. } => format!("park {bead}"),
                Event::LeaseGranted { bead, .. } => format!("claim {bead}"),
                Event::Paused { scope, .. } => format!("pause {}", words(scope)),
                Event::Resumed { scope } => format!("resume {}", words(scope)),
                Event::RigTrusted { rig, .. } => format!("trust {rig}"),
                Event::TrustRevoked { rig, .. } => format!("revoke the trust in {rig}"),
                Event::RigRemoved { rig } => format!("remove {rig}"),
                Event::Stopped { .. } => "stop everything".to_owned(),
                Event::Thawed => "resume everything".to_owned(),
                Event::MailSent { mail } => format!("send mail to {}", mail.to),
                Event::OperationUndone { reversal } => format!("undo {}", reversal.what),
                Event::ScheduleAdded { schedule } => format!("schedule {}", schedule.name),
                Event::ScheduleRemoved { schedule } => {
                    format!("remove schedule {}", schedule.name)
                }
                Event::SchedulePaused { schedule, .. } => format!("pause schedule {schedule}"),
                Event::ScheduleResumed { schedule, .. } => format!("resume schedule {schedule}"),
                Event::DecisionSnoozed { snooze } => format!("snooze {}", snooze.subject),
                Event::DecisionWoken { subject, .. } => format!("wake {subject}"),
                Event::CrewJoined { member } => format!("add crew member {}", member.name),
                Event::CrewLeaving { member, .. } => format!("remove crew member {member}"),
                Event::CrewStarted { member, .. } => format!("start {member}"),
                Event::CrewStopped { member } => format!("stop {member}"),
                Event::CrewTold { member, .. } => format!("tell {member}"),
                _ => return None,
            })
        });
        // A goal with its plan, a stop with its beads, a split with its parts: the whole says enough.
        let mut said: Vec<String> = said.collect();
        let whole = said
            .iter()
            .position(|text| WHOLE.iter().any(|word| text.starts_with(word)));
        if let Some(whole) = whole {
            return said.swap_remove(whole);
        }
        match (said.as_slice(), self.events.first()) {
            ([], Some(Event::NoteAdded { bead, .. })) => format!("note on {bead}"),
            ([], Some(event)) => event.type_name().to_owned(),
            ([], None) => "nothing".to_owned(),
            (all, _) => all.join(", "),
        }
    }

    /// Makes its line of a list.
    #[must_use]
    pub fn doc(&self, undone_by: Option<Revision>) -> OpDoc {
        OpDoc {
            id: self.first,
            what: self.what(),
            by: self.by.to_string(),
            at: Moment(self.at),
            undoes: self.undoes(),
            undone_by,
        }
    }

    /// Names the beads and goals that it may have changed, as far as its records tell.
    #[must_use]
    pub fn subjects(&self) -> BTreeSet<BeadId> {
        let mut found = BTreeSet::new();
        for event in &self.events {
            match event {
                Event::OperationUndone { reversal } => {
                    found.extend(reversal.beads.iter().map(|bead| bead.id.clone()));
                    found.extend(reversal.goals.iter().map(|(goal, _)| goal.clone()));
                    found.extend(reversal.withdrawn.iter().cloned());
                }
                // A pause changes nothing of what it holds.
                Event::Paused { .. } | Event::Resumed { .. } => {}
                event => found.extend(event.bead().cloned()),
            }
        }
        found
    }

    /// Names the beads of the goals that it approved.
    pub(super) fn approved<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = &'a BeadId> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::PlanApproved { goal } => graph.goal(goal),
                _ => None,
            })
            .flat_map(|goal| &goal.beads)
    }

    /// Tells after which revision everything that it touched begins to exist.
    ///
    /// Nothing when that has to be found by the moment of their making.
    #[must_use]
    pub fn rests_on(&self) -> Option<Revision> {
        self.events.iter().find_map(|event| match event {
            Event::OperationUndone { reversal } => Some(Revision(reversal.op.0.saturating_sub(1))),
            _ => None,
        })
    }

    /// Folds it into the graph of before.
    pub(super) fn after(&self, before: &Graph) -> Graph {
        let mut after = before.clone();
        for (revision, event) in (self.first.0..).zip(&self.events) {
            let envelope = Envelope {
                at: self.at,
                by: self.by.clone(),
                request: self.request.clone(),
                cause: None,
                event: event.clone(),
            };
            after.apply(Revision(revision), &envelope);
        }
        after
    }

    /// Refuses what no operation takes back.
    pub(super) fn must_be_reversible(&self) -> Result<(), Rejection> {
        let refuse = |why: &str, next: String| {
            Err(Rejection::CannotUndo {
                op: self.first,
                what: self.what(),
                why: why.to_owned(),
                next,
            })
        };
        for event in &self.events {
            match event {
                Event::GoalOpened { .. }
                | Event::PlanProposed { .. }
                | Event::PlanApproved { .. }
                | Event::PlanKept { .. }
                | Event::GoalClosed { .. }
                | Event::LandRequested { .. }
                | Event::GoalEdited { .. }
                | Event::BeadOpened { .. }
                | Event::BeadJoined { .. }
                | Event::BeadSplit { .. }
                | Event::BeadReopened { .. }
                | Event::BeadEdited { .. }
                | Event::EdgeAdded { .. }
                | Event::EdgeRemoved { .. }
                | Event::NoteAdded { .. }
                | Event::BeadClosed { .. }
                | Event::BeadRetried { .. }
                | Event::QuestionAnswered { .. }
                | Event::ChangesWanted { .. }
                | Event::BeadParked { .. }
                | Event::Paused { .. }
                | Event::ScheduleAdded { .. }
                | Event::ScheduleRemoved { .. } => {}
                // With the goal that it made.
                Event::ScheduleFired { .. }
                    if matches!(self.events.first(), Some(Event::GoalOpened { .. })) => {}
                Event::OperationUndone { reversal }
                    if reversal.resumed.is_empty()
                        && reversal.schedules.is_empty()
                        && reversal.unscheduled.is_empty() => {}
                Event::OperationUndone { reversal } if reversal.resumed.is_empty() => {
                    return refuse(
                        "a schedule is made or removed anew",
                        "gtd schedule list".to_owned(),
                    );
                }
                Event::Told { bead, .. } => {
                    return refuse(
                        "whoever works may have heard it",
                        format!("gtd tell {bead} TEXT"),
                    );
                }
                Event::SchedulePaused { schedule, .. } => {
                    return refuse(
                        "a schedule goes on from now",
                        format!("gtd schedule resume {schedule}"),
                    );
                }
                Event::ScheduleResumed { schedule, .. } => {
                    return refuse(
                        "a schedule is held back anew",
                        format!("gtd schedule pause {schedule}"),
                    );
                }
                Event::DecisionSnoozed { snooze } => {
                    return refuse(
                        "a decision is woken and not undone",
                        format!("gtd inbox --wake {}", snooze.subject),
                    );
                }
                Event::OperationUndone { .. } => {
                    return refuse("a pause is made anew", "gtd pause".to_owned());
                }
                Event::Resumed { .. } | Event::QueueResumed { .. } => {
                    return refuse("what was held has gone on", "gtd pause".to_owned());
                }
                Event::LeaseGranted { bead, .. } => {
                    return refuse(
                        "a claim is given back and not undone",
                        format!("gtd bead park {bead}"),
                    );
                }
                Event::RigTrusted { .. } => {
                    return refuse(
                        "the rules come from the files of the repository",
                        "bring back the file as it was, then: gtd trust".to_owned(),
                    );
                }
                Event::TrustRevoked { rig, .. } => {
                    return refuse("trust is given anew", format!("gtd trust -r {rig}"));
                }
                Event::RigRemoved { .. } => {
                    return refuse("a rig is made anew", "gtd init".to_owned());
                }
                Event::Stopped { .. } => {
                    return refuse(
                        "a stop is ended and not undone",
                        "gtd resume --all".to_owned(),
                    );
                }
                Event::Thawed => {
                    return refuse("what was stopped has gone on", "gtd stop --all".to_owned());
                }
                Event::MergesHeld { .. } => {
                    return refuse(
                        "a hold is ended and not undone",
                        "gtd merge resume".to_owned(),
                    );
                }
                Event::SubmissionWaived { bead, .. } => {
                    return refuse(
                        "a waiver ends with its commit",
                        format!("gtd review {bead} --changes TEXT"),
                    );
                }
                Event::CrewJoined { member } => {
                    return refuse(
                        "what is in its worktree is looked at first",
                        format!("gtd crew remove {}", member.name),
                    );
                }
                Event::CrewLeaving { member, .. } => {
                    return refuse(
                        "a crew member is made anew",
                        format!("gtd crew add {member}"),
                    );
                }
                Event::CrewStarted { member, .. } => {
                    return refuse(
                        "an agent that goes on is stopped",
                        format!("gtd crew stop {member}"),
                    );
                }
                Event::CrewStopped { member } => {
                    return refuse(
                        "an agent that was stopped is started",
                        format!("gtd crew start {member}"),
                    );
                }
                Event::CrewTold { member, .. } => {
                    return refuse("what was said is said", format!("gtd crew attach {member}"));
                }
                _ => return refuse("it cannot be taken back", "gtd undo --list".to_owned()),
            }
        }
        Ok(())
    }
}

fn words(scope: &PauseScope) -> String {
    match scope {
        PauseScope::Town => "the town".to_owned(),
        PauseScope::Rig(rig) => rig.to_string(),
        PauseScope::Bead(bead) => bead.to_string(),
        PauseScope::Role(role) => role.to_string(),
        PauseScope::Runtime(runtime) => runtime.to_string(),
    }
}
