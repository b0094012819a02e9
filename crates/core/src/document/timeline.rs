//! `gtd timeline`: who had each bead, and when.
//!
//! One pass over the log gives every surface the same segments. A segment says
//! in whose hands a bead was: an agent's, a queue's, the gates', the merge's, or
//! yours. A bead that waits for other beads is in nobody's hands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Recorded, View, bead::state};
use crate::{
    BeadId, CandidateId, Envelope, Event, Fault, FaultClass, HoldsUp, Member, Moment, PauseScope,
    Phase, Timestamp, Verdict,
};

/// In whose hands a bead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hands {
    /// An agent works on it.
    Agent,
    /// Its gates run.
    Gate,
    /// It is proven and on its way to the target.
    Merge,
    /// It could go on, and waits for its turn.
    Queued,
    /// It waits for a person.
    You,
}

impl Hands {
    /// Every kind with its word, in the order of a legend.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("agent", Self::Agent),
        ("gate", Self::Gate),
        ("merge", Self::Merge),
        ("queued", Self::Queued),
        ("you", Self::You),
    ];

    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, hands)| *hands == self)
            .map_or("queued", |(word, _)| word)
    }
}

/// A span of time in which a bead was in the same hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// In whose hands.
    pub kind: Hands,
    /// The attempt, where there is one.
    pub attempt: Option<u64>,
    /// From.
    pub from: Moment,
    /// To; none while it goes on.
    pub to: Option<Moment>,
    /// Whether it ended badly: a failed attempt, a red gate.
    pub failed: bool,
    /// Who held it, or how it ended badly.
    pub text: String,
    /// What it waits for: `you`, `queue` (the refinery), `seat`, `next attempt`, or a runtime and
    /// what it is short of; nothing while it is at work.
    #[serde(default)]
    pub waits_for: String,
}

/// One bead on the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineRow {
    /// The bead.
    pub bead: BeadId,
    /// Its title.
    pub title: String,
    /// The goal.
    pub convoy: Option<BeadId>,
    /// Its state now, in a word.
    pub state: String,
    /// How often it was tried.
    pub attempts: u64,
    /// The segments, one after the other.
    pub segments: Vec<Segment>,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

/// A time in which nothing new began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// `pause` or `stop`.
    pub kind: String,
    /// What was held: `town`, a rig, a bead or a role.
    pub scope: String,
    /// Why.
    pub text: String,
    /// From.
    pub from: Moment,
    /// To; none while it holds.
    pub to: Option<Moment>,
}

/// Where the time went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineDoc {
    /// From.
    pub since: Moment,
    /// To.
    pub until: Moment,
    /// The beads, in the order in which they were first touched.
    pub rows: Vec<TimelineRow>,
    /// Pauses and stops.
    pub bands: Vec<Band>,
}

/// Makes the timeline from a log that begins no later than the beads that are wanted.
///
/// What ended before `since` is left out; what began before it is cut there.
#[must_use]
pub fn timeline_doc(
    view: View<'_>,
    log: &[Recorded],
    wanted: impl Fn(&BeadId) -> bool,
    since: Timestamp,
) -> TimelineDoc {
    let mut reader = Reader::default();
    for (_, envelope) in log {
        reader.take(envelope);
    }
    let Reader {
        rows,
        order,
        ends,
        mut bands,
        ..
    } = reader;
    let began = |row: &Row, at: Timestamp| row.may_begin(view, &ends).map(|ready| ready.max(at));
    let rows = order
        .iter()
        .filter(|id| wanted(id))
        .filter_map(|id| Some((view.graph.bead(id)?, rows.get(id)?)))
        .filter(|(bead, _)| view.graph.goal(&bead.id).is_none())
        .filter_map(|(bead, row)| {
            let segments: Vec<Segment> = row
                .segments
                .iter()
                .filter_map(|segment| {
                    let mut segment = segment.clone();
                    if segment.kind == Hands::Queued && segment.attempt.is_none() {
                        // Until what it needs has ended it is in nobody's hands.
                        segment.from = Moment(began(row, segment.from.0)?);
                    }
                    segment.from = segment.from.max(Moment(since));
                    let is_seen = segment.to.is_none_or(|to| to > segment.from);
                    is_seen.then_some(segment)
                })
                .collect();
            let ended_at = ends.get(&bead.id).map(|end| Moment(*end));
            let is_recent = ended_at.is_none_or(|end| end.0 >= since);
            let is_shown = is_recent && (!segments.is_empty() || ended_at.is_some());
            is_shown.then(|| TimelineRow {
                bead: bead.id.clone(),
                title: bead.spec.title.clone(),
                convoy: bead.goal.clone(),
                state: state(view, bead),
                attempts: bead.epoch.0,
                segments,
                ended_at,
            })
        })
        .collect();
    bands.retain(|band| band.to.is_none_or(|to| to.0 > since));
    for band in &mut bands {
        band.from = band.from.max(Moment(since));
    }
    TimelineDoc {
        since: Moment(since),
        until: Moment(view.now),
        rows,
        bands,
    }
}

/// What is known of one bead while the log is read.
#[derive(Debug, Default)]
struct Row {
    needs: Vec<BeadId>,
    segments: Vec<Segment>,
}

impl Row {
    /// Ends what goes on.
    fn end(&mut self, at: Timestamp, failed: Option<&str>) {
        if let Some(open) = self.segments.last_mut().filter(|open| open.to.is_none()) {
            open.to = Some(Moment(at));
            // Waiting is no failure, whatever ends it.
            let is_work = matches!(open.kind, Hands::Agent | Hands::Gate | Hands::Merge);
            if let Some(why) = failed.filter(|_| is_work) {
                open.failed = true;
                why.clone_into(&mut open.text);
            }
        }
    }

    fn begin(&mut self, kind: Hands, attempt: Option<u64>, at: Timestamp, text: &str) {
        let open = self.segments.last().filter(|open| open.to.is_none());
        if open.is_some_and(|open| open.kind == kind && open.attempt == attempt) {
            return;
        }
        self.end(at, None);
        let waits_for = match kind {
            Hands::You => "you",
            Hands::Queued if attempt.is_some() => "queue",
            Hands::Queued => "seat",
            Hands::Agent | Hands::Gate | Hands::Merge => "",
        };
        self.segments.push(Segment {
            kind,
            attempt,
            from: Moment(at),
            to: None,
            failed: false,
            text: text.to_owned(),
            waits_for: waits_for.to_owned(),
        });
    }

    /// Begins to wait for another attempt after one that ended badly.
    fn begin_again(&mut self, at: Timestamp, why: &Fault) {
        self.end(at, Some(&why.text));
        self.begin(Hands::Queued, None, at, "");
        if let Some(open) = self.segments.last_mut() {
            open.waits_for = match &why.class {
                FaultClass::Runtime { runtime, fault } if fault.holds_up() != HoldsUp::Work => {
                    format!("{runtime} {}", fault.word())
                }
                _ => "next attempt".to_owned(),
            };
        }
    }

    /// Tells since when nothing that it needs is unfinished; none while something is.
    fn may_begin(&self, view: View<'_>, ends: &BTreeMap<BeadId, Timestamp>) -> Option<Timestamp> {
        let mut ready = Timestamp(i64::MIN);
        for need in &self.needs {
            let is_over = |id: &BeadId| {
                let other = view.graph.bead(id);
                other.is_none_or(|other| other.phase.is_finished())
            };
            match ends.get(need) {
                Some(end) => ready = ready.max(*end),
                // It ended before this log begins.
                None if is_over(need) => {}
                None => return None,
            }
        }
        Some(ready)
    }
}

/// Reads the log record by record.
#[derive(Debug, Default)]
struct Reader {
    rows: BTreeMap<BeadId, Row>,
    order: Vec<BeadId>,
    ends: BTreeMap<BeadId, Timestamp>,
    drafts: BTreeMap<BeadId, Vec<BeadId>>,
    candidates: BTreeMap<CandidateId, Vec<Member>>,
    /// Who asked in which attempt, until the answer.
    asked: BTreeMap<BeadId, (String, u64)>,
    bands: Vec<Band>,
}

impl Reader {
    fn row(&mut self, id: &BeadId) -> &mut Row {
        if !self.rows.contains_key(id) {
            self.order.push(id.clone());
        }
        self.rows.entry(id.clone()).or_default()
    }

    fn take(&mut self, envelope: &Envelope) {
        let at = envelope.at;
        match &envelope.event {
            Event::BeadOpened { bead } => {
                let acting = bead.needs.iter().filter(|need| need.acts());
                let needs = acting.map(|need| need.on.clone()).collect();
                self.row(&bead.id).needs = needs;
                if bead.phase == Phase::Draft
                    && let Some(goal) = &bead.goal
                {
                    let drafts = self.drafts.entry(goal.clone()).or_default();
                    drafts.push(bead.id.clone());
                }
                self.set(&bead.id, &bead.phase, at);
            }
            Event::PlanProposed { goal, .. } | Event::PlanRevised { goal, .. } => {
                if let Some(row) = self.rows.get_mut(goal) {
                    row.end(at, None);
                }
            }
            Event::PlanApproved { goal } => {
                for id in self.drafts.remove(goal).unwrap_or_default() {
                    if !self.ends.contains_key(&id) {
                        self.row(&id).begin(Hands::Queued, None, at, "");
                    }
                }
            }
            Event::EdgeAdded { bead, need } if need.acts() => {
                self.row(bead).needs.push(need.on.clone());
            }
            Event::EdgeRemoved { bead, need } => {
                self.row(bead).needs.retain(|on| *on != need.on);
            }
            Event::LeaseGranted { bead, lease } => {
                let holder = lease.holder.name().to_string();
                let attempt = Some(lease.epoch.0);
                self.row(bead).begin(Hands::Agent, attempt, at, &holder);
            }
            Event::WorkSubmitted { bead, epoch, .. }
            | Event::SubmissionRestored { bead, epoch, .. } => {
                self.ends.remove(bead);
                self.row(bead).begin(Hands::Queued, Some(epoch.0), at, "");
            }
            Event::WorkReturned { bead, why, .. }
            | Event::LeaseExpired { bead, why, .. }
            | Event::SubmissionReturned { bead, why, .. }
            | Event::ChangesWanted { bead, why, .. } => {
                self.ends.remove(bead);
                self.row(bead).begin_again(at, why);
            }
            Event::BeadParked { bead, why } | Event::BeadQuarantined { bead, why } => {
                let row = self.row(bead);
                row.end(at, None);
                row.begin(Hands::You, None, at, &why.text);
            }
            Event::QuestionAsked { bead, asked } => {
                let who = (asked.seat.to_string(), asked.epoch.0);
                self.asked.insert(bead.clone(), who);
                let attempt = Some(asked.epoch.0);
                self.row(bead).begin(Hands::You, attempt, at, &asked.text);
            }
            Event::QuestionAnswered { bead, .. } => {
                if let Some((seat, epoch)) = self.asked.remove(bead) {
                    self.row(bead).begin(Hands::Agent, Some(epoch), at, &seat);
                }
            }
            Event::BeadRetried { bead } | Event::BeadReopened { bead } => {
                self.ends.remove(bead);
                self.row(bead).begin(Hands::Queued, None, at, "");
            }
            Event::BeadClosed { bead, .. } | Event::WorkClosed { bead, .. } => {
                self.ends.insert(bead.clone(), at);
                self.row(bead).end(at, None);
            }
            Event::OperationUndone { reversal } => {
                for bead in &reversal.beads {
                    self.ends.remove(&bead.id);
                    self.set(&bead.id, &bead.phase, at);
                }
                for id in &reversal.withdrawn {
                    self.row(id).end(at, None);
                }
            }
            Event::TownRestored { .. } => {
                for row in self.rows.values_mut() {
                    let is_leased = row
                        .segments
                        .last()
                        .is_some_and(|last| last.to.is_none() && last.kind == Hands::Agent);
                    if is_leased {
                        row.end(at, Some("the town was restored from a backup"));
                        row.begin(Hands::Queued, None, at, "");
                    }
                }
            }
            _ => self.take_rest(envelope),
        }
    }

    /// Takes what concerns several beads, or none.
    fn take_rest(&mut self, envelope: &Envelope) {
        let at = envelope.at;
        match &envelope.event {
            Event::CandidateFormed { candidate } => {
                let id = &candidate.id;
                self.candidates
                    .insert(id.clone(), candidate.members.clone());
                self.move_all(id, Hands::Gate, at, id.as_str());
            }
            Event::CandidateJudged {
                candidate, verdict, ..
            } => match verdict {
                Verdict::Passed => self.move_all(candidate, Hands::Merge, at, ""),
                Verdict::Failed => {
                    for member in self.candidates.get(candidate).cloned().unwrap_or_default() {
                        let row = self.row(&member.bead);
                        if row.is_in(Hands::Gate) {
                            row.end(at, Some("red"));
                            row.begin(Hands::Queued, Some(member.epoch.0), at, "");
                        }
                    }
                }
                Verdict::Infra => self.move_all(candidate, Hands::Queued, at, ""),
            },
            Event::CandidateVoided { candidate, .. } => {
                self.move_all(candidate, Hands::Queued, at, "");
            }
            Event::CandidateLanded { candidate, .. } => {
                for member in self.candidates.remove(candidate).unwrap_or_default() {
                    self.ends.insert(member.bead.clone(), at);
                    self.row(&member.bead).end(at, None);
                }
            }
            Event::Paused { scope, why } => self.hold("pause", &scope_word(scope), why, at),
            Event::BreakerTripped { rig, goal, why } => {
                let scope = PauseScope::of_breaker(rig, goal.as_ref());
                self.hold("pause", &scope_word(&scope), why, at);
            }
            Event::Resumed { scope } => self.release("pause", &scope_word(scope), at),
            Event::Stopped { why } => self.hold("stop", "town", why, at),
            Event::Thawed => self.release("stop", "town", at),
            _ => {}
        }
    }

    /// Moves every member of a candidate that is with it into other hands.
    fn move_all(&mut self, candidate: &CandidateId, hands: Hands, at: Timestamp, text: &str) {
        for member in self.candidates.get(candidate).cloned().unwrap_or_default() {
            let row = self.row(&member.bead);
            if [Hands::Queued, Hands::Gate, Hands::Merge]
                .into_iter()
                .any(|with| row.is_in(with))
            {
                row.begin(hands, Some(member.epoch.0), at, text);
            }
        }
    }

    /// Puts a bead into the hands that a phase stands for.
    fn set(&mut self, id: &BeadId, phase: &Phase, at: Timestamp) {
        let row = self.row(id);
        match phase {
            Phase::Draft => row.begin(Hands::You, None, at, "its plan waits for a yes"),
            Phase::Open | Phase::Returned { .. } => row.begin(Hands::Queued, None, at, ""),
            Phase::Leased(lease) => {
                let holder = lease.holder.name().to_string();
                row.begin(Hands::Agent, Some(lease.epoch.0), at, &holder);
            }
            Phase::Submitted { epoch, .. } => row.begin(Hands::Queued, Some(epoch.0), at, ""),
            Phase::Parked { why } => row.begin(Hands::You, None, at, &why.text),
            Phase::Landed { .. } | Phase::Closed { .. } => {
                row.end(at, None);
                self.ends.insert(id.clone(), at);
            }
        }
    }

    fn hold(&mut self, kind: &str, scope: &str, why: &str, at: Timestamp) {
        self.release(kind, scope, at);
        self.bands.push(Band {
            kind: kind.to_owned(),
            scope: scope.to_owned(),
            text: why.to_owned(),
            from: Moment(at),
            to: None,
        });
    }

    fn release(&mut self, kind: &str, scope: &str, at: Timestamp) {
        for band in &mut self.bands {
            if band.kind == kind && band.scope == scope && band.to.is_none() {
                band.to = Some(Moment(at));
            }
        }
    }
}

impl Row {
    fn is_in(&self, hands: Hands) -> bool {
        let open = self.segments.last().filter(|open| open.to.is_none());
        open.is_some_and(|open| open.kind == hands)
    }
}

fn scope_word(scope: &PauseScope) -> String {
    match scope {
        PauseScope::Town => "town".to_owned(),
        PauseScope::Rig(rig) => rig.to_string(),
        PauseScope::Bead(bead) => bead.to_string(),
        PauseScope::Role(role) => role.to_string(),
        PauseScope::Runtime(runtime) => runtime.to_string(),
    }
}
