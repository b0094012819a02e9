//! `gtd trust report`: what became of the work of each runtime, from the log and from nothing else.
//!
//! Nothing is kept for it: an attempt, its submission, its review, its landing and the revert of
//! that are events with their moments, so what stood after a day, a week or a month is worked out
//! from these whenever somebody asks. What was thought of a submission before its gates ran is an
//! event too (`SubmissionWeighed`, `ReviewEnded`), and stands beside what became of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Recorded, View};
use crate::{
    Bead, BeadId, BeadType, CandidateId, EdgeKind, Epoch, Event, FaultClass, Holder, Member,
    Moment, Oid, OpinionVerdict, ReviewOutcome, Timestamp, Weight,
};

/// After so many days it is looked what has become of a landing.
pub const TRUST_DAYS: [u32; 3] = [1, 7, 30];
const DAY_MS: i64 = 86_400_000;
/// The area of what nobody has weighed.
const UNKNOWN: &str = "unknown";

/// What one line of a trust report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustBy {
    /// One runtime.
    #[default]
    Runtime,
    /// One runtime in one area: a folder at the top of the repository.
    Area,
    /// One runtime in one class of work: the type of the bead.
    Class,
}

impl TrustBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Runtime, Self::Area, Self::Class];

    /// Returns its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Area => "area",
            Self::Class => "class",
        }
    }

    /// Finds what a word means.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }
}

/// What has become of landings after some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrustAfter {
    /// The days.
    pub days: u32,
    /// Landings that stood then.
    pub stood: u64,
    /// Landings that were taken back by then.
    pub reverted: u64,
    /// Landings that are younger, and stand.
    pub young: u64,
}

/// What became of the work of one runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustRow {
    /// The runtime.
    pub runtime: String,
    /// The area or the class of work; none when a line is a runtime.
    pub of: Option<String>,
    /// Attempts that began.
    pub attempts: u64,
    /// Attempts that handed something in.
    pub handed_in: u64,
    /// Submissions that landed.
    pub landed: u64,
    /// Submissions that came back: red, held back, or wanted otherwise. Conflicts are nobody's fault.
    pub sent_back: u64,
    /// Beads that were set aside for a person at its last attempt.
    pub parked: u64,
    /// Landings that were taken back later.
    pub reverted: u64,
    /// Its submissions that a reviewer approved.
    pub approved: u64,
    /// Its submissions that a reviewer wanted otherwise.
    pub changes_wanted: u64,
    /// Reviews that it made itself.
    pub reviews: u64,
    /// What has become of its landings, by days.
    pub after: Vec<TrustAfter>,
}

/// One landing, with what was thought of it before and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustLanding {
    /// The bead.
    pub bead: BeadId,
    /// The attempt.
    pub epoch: Epoch,
    /// The commit that was handed in.
    pub head: Oid,
    /// The runtime that did it.
    pub runtime: String,
    /// The class of work: the type of the bead.
    pub class: String,
    /// How much it was and what of it was risky, where that was recorded before its gates ran.
    pub weight: Option<Weight>,
    /// The runtime that approved it, if one did.
    pub approved_by: Option<String>,
    /// When it landed.
    pub landed_at: Moment,
    /// When it was taken back, if it was.
    pub reverted_at: Option<Moment>,
}

impl TrustLanding {
    /// Tells what had become of it after some days, seen at `now`: true when it stood; none when
    /// it is younger and stands.
    #[must_use]
    pub fn stood_after(&self, days: u32, now: Timestamp) -> Option<bool> {
        let then = self.landed_at.0.0 + i64::from(days) * DAY_MS;
        match self.reverted_at {
            Some(reverted) if reverted.0.0 <= then => Some(false),
            _ if now.0 >= then => Some(true),
            _ => None,
        }
    }
}

/// What became of the work of each runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustDoc {
    /// Attempts that began from then on.
    pub since: Moment,
    /// Up to then.
    pub until: Moment,
    /// What one line is.
    pub by: TrustBy,
    /// The lines: whoever landed most first.
    pub rows: Vec<TrustRow>,
    /// Each landing, oldest first.
    pub landings: Vec<TrustLanding>,
}

/// What is known of one attempt.
struct Try<'a> {
    bead: &'a Bead,
    runtime: String,
    weight: Option<&'a Weight>,
    approved_by: Option<String>,
    handed_in: bool,
    sent_back: bool,
    parked: bool,
    approved: u64,
    changes_wanted: u64,
    landed: Option<(Timestamp, Oid)>,
}

type Tries<'a> = BTreeMap<(BeadId, Epoch), Try<'a>>;

/// Tells whether a trust report asks for an event.
#[must_use]
pub fn is_for_trust(event: &Event) -> bool {
    matches!(
        event,
        Event::LeaseGranted { .. }
            | Event::WorkSubmitted { .. }
            | Event::SubmissionWeighed { .. }
            | Event::SubmissionReturned { .. }
            | Event::ChangesWanted { .. }
            | Event::BeadParked { .. }
            | Event::BeadQuarantined { .. }
            | Event::ReviewBegan { .. }
            | Event::ReviewEnded { .. }
            | Event::CandidateFormed { .. }
            | Event::CandidateLanded { .. }
    )
}

/// Works out what became of the attempts that began since then, of the beads that are wanted.
/// `log` begins no later than these attempts.
#[must_use]
pub fn trust_doc(
    view: View<'_>,
    log: &[Recorded],
    by: TrustBy,
    since: Timestamp,
    is_wanted: impl Fn(&Bead) -> bool,
) -> TrustDoc {
    let graph = view.graph;
    let mut tries = Tries::new();
    let mut members: BTreeMap<&CandidateId, &[Member]> = BTreeMap::new();
    let mut readers: BTreeMap<(&BeadId, Epoch, u32), String> = BTreeMap::new();
    let mut reviews: BTreeMap<String, u64> = BTreeMap::new();
    let mut landed_at: BTreeMap<&BeadId, Timestamp> = BTreeMap::new();
    for (_, record) in log {
        match &record.event {
            Event::LeaseGranted { bead, lease } if record.at >= since => {
                let known = graph.bead(bead).filter(|bead| is_wanted(bead));
                let Some(bead) = known.filter(|bead| bead.spec.kind != BeadType::Goal) else {
                    continue;
                };
                let runtime = match (&lease.holder, &lease.runtime) {
                    (Holder::Claimant { .. }, _) => "claimed".to_owned(),
                    (_, Some(runtime)) => runtime.to_string(),
                    (_, None) => bead.wished_runtime().unwrap_or(UNKNOWN).to_owned(),
                };
                let attempt = Try {
                    bead,
                    runtime,
                    weight: None,
                    approved_by: None,
                    handed_in: false,
                    sent_back: false,
                    parked: false,
                    approved: 0,
                    changes_wanted: 0,
                    landed: None,
                };
                tries.insert((bead.id.clone(), lease.epoch), attempt);
            }
            Event::WorkSubmitted { bead, epoch, .. } => {
                change(&mut tries, bead, *epoch, |attempt| attempt.handed_in = true);
            }
            Event::SubmissionWeighed {
                bead,
                epoch,
                weight,
                ..
            } => change(&mut tries, bead, *epoch, |attempt| {
                attempt.weight = Some(weight);
            }),
            Event::SubmissionReturned {
                bead, epoch, why, ..
            } if !matches!(why.class, FaultClass::Conflict { .. }) => {
                change(&mut tries, bead, *epoch, |attempt| attempt.sent_back = true);
            }
            Event::ChangesWanted { bead, epoch, .. } => {
                change(&mut tries, bead, *epoch, |attempt| attempt.sent_back = true);
            }
            Event::BeadParked { bead, .. } | Event::BeadQuarantined { bead, .. } => {
                let mut before = tries.range_mut(..=(bead.clone(), Epoch(u64::MAX)));
                if let Some(((id, _), attempt)) = before.next_back()
                    && id == bead
                {
                    attempt.parked = true;
                }
            }
            Event::ReviewBegan {
                bead,
                epoch,
                review,
                ..
            } => {
                let key = (bead, *epoch, review.number);
                readers.insert(key, review.runtime.to_string());
            }
            Event::ReviewEnded {
                bead,
                epoch,
                number,
                outcome: ReviewOutcome::Said(opinion),
                ..
            } if graph.bead(bead).is_some_and(&is_wanted) && record.at >= since => {
                let reader = readers.get(&(bead, *epoch, *number)).cloned();
                if let Some(reader) = &reader {
                    *reviews.entry(reader.clone()).or_default() += 1;
                }
                change(&mut tries, bead, *epoch, |attempt| match opinion.verdict {
                    OpinionVerdict::Approve => {
                        attempt.approved += 1;
                        attempt.approved_by = reader;
                    }
                    OpinionVerdict::Changes => attempt.changes_wanted += 1,
                });
            }
            Event::CandidateFormed { candidate } => {
                members.insert(&candidate.id, &candidate.members);
            }
            Event::CandidateLanded { candidate, .. } => {
                for member in members.get(candidate).copied().unwrap_or_default() {
                    landed_at.insert(&member.bead, record.at);
                    let landed = (record.at, member.head.clone());
                    change(&mut tries, &member.bead, member.epoch, |attempt| {
                        attempt.landed = Some(landed);
                    });
                }
            }
            _ => {}
        }
    }
    let reverted = reverted(view, &landed_at);
    document(view, by, since, &tries, &reverted, &reviews)
}

fn change<'a>(
    tries: &mut Tries<'a>,
    bead: &BeadId,
    epoch: Epoch,
    change: impl FnOnce(&mut Try<'a>),
) {
    if let Some(attempt) = tries.get_mut(&(bead.clone(), epoch)) {
        change(attempt);
    }
}

/// Finds when what landed was taken back: when a bead landed that says it reverts it.
fn reverted(
    view: View<'_>,
    landed_at: &BTreeMap<&BeadId, Timestamp>,
) -> BTreeMap<BeadId, Timestamp> {
    let mut found: BTreeMap<BeadId, Timestamp> = BTreeMap::new();
    for (bead, at) in landed_at {
        let needs = view.graph.bead(bead).map(|bead| bead.needs.as_slice());
        for need in needs.unwrap_or_default() {
            let is_revert =
                matches!(&need.kind, EdgeKind::Custom(word) if word == EdgeKind::REVERTS);
            if is_revert {
                let first = found.entry(need.on.clone()).or_insert(*at);
                *first = (*first).min(*at);
            }
        }
    }
    found
}

fn document(
    view: View<'_>,
    by: TrustBy,
    since: Timestamp,
    tries: &Tries<'_>,
    reverted: &BTreeMap<BeadId, Timestamp>,
    reviews: &BTreeMap<String, u64>,
) -> TrustDoc {
    let mut rows: BTreeMap<(String, Option<String>), TrustRow> = BTreeMap::new();
    let mut landings = Vec::new();
    for ((bead, epoch), attempt) in tries {
        let landing = attempt.landed.as_ref().map(|(at, head)| TrustLanding {
            bead: bead.clone(),
            epoch: *epoch,
            head: head.clone(),
            runtime: attempt.runtime.clone(),
            class: attempt.bead.spec.kind.word().to_owned(),
            weight: attempt.weight.cloned(),
            approved_by: attempt.approved_by.clone(),
            landed_at: Moment(*at),
            reverted_at: reverted
                .get(bead)
                .filter(|then| *then >= at)
                .copied()
                .map(Moment),
        });
        for of in groups(by, attempt) {
            let key = (attempt.runtime.clone(), of);
            let row = rows.entry(key.clone()).or_insert_with(|| row(key));
            count(row, attempt, landing.as_ref(), view.now);
        }
        landings.extend(landing);
    }
    for (runtime, n) in reviews {
        // Of areas and classes a review is told with whose work it was.
        if by == TrustBy::Runtime {
            let key = (runtime.clone(), None);
            rows.entry(key.clone()).or_insert_with(|| row(key)).reviews += n;
        }
    }
    let mut rows: Vec<TrustRow> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.landed, row.attempts)));
    landings.sort_by_key(|landing| landing.landed_at);
    TrustDoc {
        since: Moment(since),
        until: Moment(view.now),
        by,
        rows,
        landings,
    }
}

/// Tells to which lines of its runtime an attempt belongs.
fn groups(by: TrustBy, attempt: &Try<'_>) -> BTreeSet<Option<String>> {
    match by {
        TrustBy::Runtime => [None].into(),
        TrustBy::Class => [Some(attempt.bead.spec.kind.word().to_owned())].into(),
        TrustBy::Area => match attempt.weight.map(|weight| weight.areas.as_slice()) {
            None | Some([]) => [Some(UNKNOWN.to_owned())].into(),
            Some(areas) => areas.iter().cloned().map(Some).collect(),
        },
    }
}

fn row((runtime, of): (String, Option<String>)) -> TrustRow {
    TrustRow {
        runtime,
        of,
        attempts: 0,
        handed_in: 0,
        landed: 0,
        sent_back: 0,
        parked: 0,
        reverted: 0,
        approved: 0,
        changes_wanted: 0,
        reviews: 0,
        after: TRUST_DAYS
            .map(|days| TrustAfter {
                days,
                ..TrustAfter::default()
            })
            .to_vec(),
    }
}

fn count(row: &mut TrustRow, attempt: &Try<'_>, landing: Option<&TrustLanding>, now: Timestamp) {
    row.attempts += 1;
    row.handed_in += u64::from(attempt.handed_in);
    row.sent_back += u64::from(attempt.sent_back);
    row.parked += u64::from(attempt.parked);
    row.approved += attempt.approved;
    row.changes_wanted += attempt.changes_wanted;
    let Some(landing) = landing else { return };
    row.landed += 1;
    row.reverted += u64::from(landing.reverted_at.is_some());
    for after in &mut row.after {
        match landing.stood_after(after.days, now) {
            Some(true) => after.stood += 1,
            Some(false) => after.reverted += 1,
            None => after.young += 1,
        }
    }
}
