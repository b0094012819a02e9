//! The story: one line for what a person would tell of an event, and nothing that the log does not say.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{BeadId, CandidateId, Envelope, Epoch, Event, FaultClass, Revision, Verdict};
use serde::Serialize;

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    /// When, in milliseconds since the goal was set.
    pub(super) at_ms: i64,
    /// Who.
    pub(super) who: String,
    /// What, in words.
    pub(super) text: String,
    /// The record of the log that it was read from.
    pub(super) revision: u64,
    /// The name of the event; none for what the demo itself did.
    pub(super) event: Option<&'static str>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    began: Option<i64>,
    names: BTreeMap<BeadId, String>,
    seats: BTreeMap<BeadId, String>,
    members: BTreeMap<CandidateId, Vec<BeadId>>,
    runs: BTreeMap<BeadId, (Epoch, Revision)>,
    red: BTreeMap<BeadId, String>,
    died_at: Option<Revision>,
    submitted: BTreeSet<BeadId>,
}

impl Story {
    /// Returns the id of a bead by its name in the plan.
    pub(super) fn id(&self, name: &str) -> Option<&BeadId> {
        self.names
            .iter()
            .find(|(_, n)| *n == name)
            .map(|(id, _)| id)
    }

    /// Tells whether a bead was handed in at least once.
    pub(super) fn was_submitted(&self, name: &str) -> bool {
        self.id(name).is_some_and(|id| self.submitted.contains(id))
    }

    /// Returns the epoch of the run that was seen last.
    pub(super) fn run_of(&self, name: &str) -> Option<(BeadId, Epoch)> {
        let id = self.id(name)?;
        self.runs.get(id).map(|(epoch, _)| (id.clone(), *epoch))
    }

    /// Remembers how far the log was when the daemon was killed.
    pub(super) fn daemon_died(&mut self, at: Revision) {
        self.died_at = Some(at);
    }

    /// Reads a record; returns what a person would tell of it.
    pub(super) fn read(&mut self, revision: Revision, record: &Envelope) -> Option<Line> {
        let at = record.at.0;
        let began = *self.began.get_or_insert(at);
        let (who, text) = self.tell(revision, &record.event)?;
        Some(Line {
            at_ms: at - began,
            who,
            text,
            revision: revision.0,
            event: Some(record.event.name()),
        })
    }

    fn tell(&mut self, revision: Revision, event: &Event) -> Option<(String, String)> {
        let town = |who: &str, text: String| Some((who.to_owned(), text));
        match event {
            Event::PlanProposed { n_beads, .. } => {
                town("goal", format!("a plan of {n_beads} beads"))
            }
            Event::BeadOpened { bead } => {
                if let Some(name) = &bead.local_id {
                    self.names.insert(bead.id.clone(), name.clone());
                }
                None
            }
            Event::LeaseGranted { bead, lease } => {
                let seat = lease.holder.name().to_string();
                self.seats.insert(bead.clone(), seat.clone());
                (lease.epoch.0 > 1).then(|| (seat, format!("takes {} up again", self.name(bead))))
            }
            Event::RunStarted { bead, epoch, .. } => {
                self.runs.insert(bead.clone(), (*epoch, revision));
                None
            }
            Event::WorkSubmitted { bead, epoch, .. } => {
                self.submitted.insert(bead.clone());
                let adopted = self.died_at.is_some_and(|died| {
                    self.runs
                        .get(bead)
                        .is_some_and(|(begun, at)| begun == epoch && *at <= died && died < revision)
                });
                let more = match adopted {
                    true => ": adopted, it never noticed that the daemon died",
                    false => "",
                };
                Some((
                    self.seat(bead),
                    format!("hands in {}{more}", self.name(bead)),
                ))
            }
            Event::WorkReturned { bead, why, .. } if why.class == FaultClass::Question => Some((
                self.seat(bead),
                format!("asks about {}: {} (parked)", self.name(bead), why.text),
            )),
            Event::WorkReturned { bead, why, .. } | Event::LeaseExpired { bead, why, .. } => {
                Some((
                    self.seat(bead),
                    format!("{} failed: {}", self.name(bead), why.text),
                ))
            }
            Event::BeadParked { bead, why } | Event::BeadQuarantined { bead, why } => Some((
                self.seat(bead),
                format!("{} waits for a person: {}", self.name(bead), why.text),
            )),
            Event::CandidateFormed { candidate } => {
                let members: Vec<BeadId> = candidate
                    .members
                    .iter()
                    .map(|member| member.bead.clone())
                    .collect();
                let told = (members.len() > 1).then(|| {
                    format!(
                        "tests {} as one batch: {}",
                        members.len(),
                        self.list(&members)
                    )
                });
                self.members.insert(candidate.id.clone(), members);
                told.and_then(|text| town("refinery", text))
            }
            Event::CandidateJudged {
                candidate,
                verdict: Verdict::Failed,
                gates,
            } => {
                let members = self.members.get(candidate).cloned().unwrap_or_default();
                let gate = gates
                    .iter()
                    .find(|gate| gate.verdict == Verdict::Failed)
                    .map_or_else(String::new, |gate| gate.gate.to_string());
                let text = match members.as_slice() {
                    [alone] => {
                        self.red.insert(alone.clone(), gate.clone());
                        format!("gate {gate} is red on {}", self.name(alone))
                    }
                    _ => format!("gate {gate} is red on the batch: it is split"),
                };
                town("refinery", text)
            }
            Event::CandidateJudged {
                candidate, gates, ..
            } => {
                // Green in the end: what was red on the way was red without a reason.
                let red = gates.iter().find(|run| run.verdict == Verdict::Failed)?;
                let members = self.members.get(candidate).cloned().unwrap_or_default();
                town(
                    "refinery",
                    format!(
                        "gate {} is red on {}, and green a second time on the same tree",
                        red.gate,
                        self.list(&members)
                    ),
                )
            }
            Event::CandidateLanded { candidate, .. } => {
                let members = self.members.get(candidate).cloned().unwrap_or_default();
                let mut text = format!("landed {}", self.list(&members));
                for member in &members {
                    let Some(gate) = self.red.remove(member) else {
                        continue;
                    };
                    let whose = match members.len() {
                        1 => String::new(),
                        _ => format!("{}: ", self.name(member)),
                    };
                    let told = format!(" ({whose}gate {gate} was red before and is green now)");
                    text.push_str(&told);
                }
                town("refinery", text)
            }
            Event::SubmissionReturned { bead, why, .. } => {
                let text = match &why.class {
                    FaultClass::Conflict { files } => {
                        format!(
                            "sends {} back: conflict in {}",
                            self.name(bead),
                            files.join(", ")
                        )
                    }
                    _ => format!("sends {} back: {}", self.name(bead), why.text),
                };
                town("refinery", text)
            }
            Event::BaseJudged { gate, .. } => {
                let colour = match gate.verdict {
                    Verdict::Passed => "green",
                    Verdict::Failed | Verdict::Infra => "not green",
                };
                town(
                    "refinery",
                    format!("gate {} is {colour} without it", gate.gate),
                )
            }
            Event::QueueHalted { halt, .. } => {
                town("refinery", format!("stands still: {}", halt.text))
            }
            Event::BreakerTripped { goal, why, .. } => {
                let what = goal.as_ref().map_or("rig", |_| "goal");
                town("witness", format!("pauses the {what}: {why}"))
            }
            Event::GoalClosed { why, .. } => town("mayor", format!("closes the goal: {why}")),
            _ => None,
        }
    }

    fn name(&self, bead: &BeadId) -> String {
        self.names
            .get(bead)
            .cloned()
            .unwrap_or_else(|| bead.to_string())
    }

    fn seat(&self, bead: &BeadId) -> String {
        self.seats
            .get(bead)
            .cloned()
            .unwrap_or_else(|| "somebody".to_owned())
    }

    fn list(&self, beads: &[BeadId]) -> String {
        let names: Vec<String> = beads.iter().map(|bead| self.name(bead)).collect();
        names.join(", ")
    }
}
