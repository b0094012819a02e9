//! In whose hands each bead was, and how long.
//!
//! Each bead has at any moment at most one holder. A change of hands ends one span and begins the
//! next; the sums are over those that are not goals.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    fold::{Bead, Fold, Record, text, word},
    list,
};

/// In whose hands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Hands {
    Agent(u64),
    Gate(u64),
    Merge(u64),
    /// With the refinery, and waiting.
    Queue(u64),
    /// Free, and waiting for something.
    Waits(String),
    /// A person's; of an attempt that asks, or of none.
    You(Option<u64>),
}

struct Span {
    hands: Hands,
    from: i64,
    to: Option<i64>,
}

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) agent: i64,
    pub(super) gate: i64,
    pub(super) merge: i64,
    pub(super) waits: BTreeMap<String, (i64, BTreeSet<String>)>,
}

#[derive(Default)]
struct Reader {
    spans: BTreeMap<String, Vec<Span>>,
    ends: BTreeMap<String, i64>,
    needs: BTreeMap<String, Vec<String>>,
    drafts: BTreeMap<String, Vec<String>>,
    members: BTreeMap<String, Vec<(String, u64)>>,
    asked: BTreeMap<String, u64>,
}

/// Sums the time of the wanted beads between two moments.
pub(super) fn of(
    records: &[Record<'_>],
    fold: &Fold,
    since: i64,
    until: i64,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Sums {
    let mut reader = Reader::default();
    for record in records {
        reader.take(record);
    }
    let mut sums = Sums::default();
    for (id, spans) in &reader.spans {
        let is_goal = fold.goals.contains_key(id) || !fold.beads.contains_key(id);
        let is_old = reader.ends.get(id).is_some_and(|end| *end < since);
        if is_goal || is_old || !is_wanted(id) {
            continue;
        }
        for span in spans {
            let mut from = span.from;
            if matches!(span.hands, Hands::Waits(_)) {
                let Some(free) = reader.may_begin(id, fold) else {
                    continue;
                };
                from = from.max(free);
            }
            let ms = span.to.unwrap_or(until) - from.max(since);
            if ms <= 0 {
                continue;
            }
            let reason = match &span.hands {
                Hands::Agent(_) => {
                    sums.agent += ms;
                    continue;
                }
                Hands::Gate(_) => {
                    sums.gate += ms;
                    continue;
                }
                Hands::Merge(_) => {
                    sums.merge += ms;
                    continue;
                }
                Hands::Queue(_) => "queue",
                Hands::Waits(reason) => reason,
                Hands::You(_) => "you",
            };
            let (sum, beads) = sums.waits.entry(reason.to_owned()).or_default();
            *sum += ms;
            beads.insert(id.clone());
        }
    }
    sums
}

impl Reader {
    /// Tells since when nothing that a bead needs is unfinished.
    fn may_begin(&self, id: &str, fold: &Fold) -> Option<i64> {
        let mut latest = i64::MIN;
        for need in self.needs.get(id).into_iter().flatten() {
            let is_over = |bead: &Bead| bead.state.is_finished();
            match self.ends.get(need) {
                Some(end) => latest = latest.max(*end),
                None if fold.beads.get(need).is_none_or(is_over) => {}
                None => return None,
            }
        }
        Some(latest)
    }

    fn end(&mut self, id: &str, at: i64) {
        let open = self.spans.entry(id.to_owned()).or_default().last_mut();
        if let Some(open) = open.filter(|open| open.to.is_none()) {
            open.to = Some(at);
        }
    }

    fn give(&mut self, id: &str, hands: Hands, at: i64) {
        let open = self.spans.entry(id.to_owned()).or_default().last();
        let open = open.filter(|open| open.to.is_none());
        let goes_on = open.is_some_and(|open| match (&open.hands, &hands) {
            (Hands::Waits(_), Hands::Waits(_)) => true,
            (had, has) => had == has,
        });
        if !goes_on {
            self.end(id, at);
            let spans = self.spans.entry(id.to_owned()).or_default();
            spans.push(Span {
                hands,
                from: at,
                to: None,
            });
        }
    }

    fn hands_of(&self, id: &str) -> Option<&Hands> {
        let last = self.spans.get(id)?.last()?;
        last.to.is_none().then_some(&last.hands)
    }

    fn set(&mut self, id: &str, phase: &Value, at: i64) {
        let epoch = |value: &Value| value["epoch"].as_u64().unwrap_or(0);
        match word(phase) {
            "draft" => self.give(id, Hands::You(None), at),
            "leased" => self.give(id, Hands::Agent(epoch(&phase["leased"])), at),
            "submitted" => self.give(id, Hands::Queue(epoch(&phase["submitted"])), at),
            "parked" => self.give(id, Hands::You(None), at),
            "landed" | "closed" => {
                self.end(id, at);
                self.ends.insert(id.to_owned(), at);
            }
            _ => self.give(id, Hands::Waits("seat".to_owned()), at),
        }
    }

    fn take(&mut self, record: &Record<'_>) {
        let (at, body) = (record.at, record.body);
        let id = text(&body["bead"]);
        let epoch = body["epoch"].as_u64().unwrap_or(0);
        match record.name {
            "BeadOpened" => {
                let bead = &body["bead"];
                let id = text(&bead["id"]);
                let needs = list(&bead["needs"]).iter().filter(|need| acts(need));
                let needs = needs.map(|need| text(&need["on"]).to_owned()).collect();
                self.needs.insert(id.to_owned(), needs);
                if let (Some(goal), "draft") = (bead["goal"].as_str(), text(&bead["phase"])) {
                    let drafts = self.drafts.entry(goal.to_owned()).or_default();
                    drafts.push(id.to_owned());
                }
                self.set(id, &bead["phase"], at);
            }
            "PlanApproved" => {
                let drafts = self.drafts.remove(text(&body["goal"]));
                for id in drafts.unwrap_or_default() {
                    if !self.ends.contains_key(&id) {
                        self.give(&id, Hands::Waits("seat".to_owned()), at);
                    }
                }
            }
            "EdgeAdded" if acts(&body["need"]) => {
                let needs = self.needs.entry(id.to_owned()).or_default();
                needs.push(text(&body["need"]["on"]).to_owned());
            }
            "EdgeRemoved" => {
                let on = text(&body["need"]["on"]);
                let needs = self.needs.entry(id.to_owned()).or_default();
                needs.retain(|known| known != on);
            }
            "LeaseGranted" => {
                let epoch = body["lease"]["epoch"].as_u64().unwrap_or(0);
                self.give(id, Hands::Agent(epoch), at);
            }
            "WorkSubmitted" | "SubmissionRestored" => {
                self.ends.remove(id);
                self.give(id, Hands::Queue(epoch), at);
            }
            "WorkReturned" | "LeaseExpired" | "SubmissionReturned" | "ChangesWanted" => {
                self.ends.remove(id);
                self.end(id, at);
                self.give(id, Hands::Waits(reason(&body["why"]["class"])), at);
            }
            "BeadParked" | "BeadQuarantined" => {
                self.end(id, at);
                self.give(id, Hands::You(None), at);
            }
            "QuestionAsked" => {
                let epoch = body["asked"]["epoch"].as_u64().unwrap_or(0);
                self.asked.insert(id.to_owned(), epoch);
                self.give(id, Hands::You(Some(epoch)), at);
            }
            "QuestionAnswered" => {
                if let Some(epoch) = self.asked.remove(id) {
                    self.give(id, Hands::Agent(epoch), at);
                }
            }
            "BeadRetried" | "BeadReopened" => {
                self.ends.remove(id);
                self.give(id, Hands::Waits("seat".to_owned()), at);
            }
            "BeadClosed" | "WorkClosed" => {
                self.ends.insert(id.to_owned(), at);
                self.end(id, at);
            }
            "OperationUndone" => {
                for bead in list(&body["reversal"]["beads"]) {
                    self.ends.remove(text(&bead["id"]));
                    self.set(text(&bead["id"]), &bead["phase"], at);
                }
                for id in list(&body["reversal"]["withdrawn"]) {
                    self.end(text(id), at);
                }
            }
            _ => self.take_merge(record),
        }
    }

    /// Takes what happens to candidates.
    fn take_merge(&mut self, record: &Record<'_>) {
        let (at, body) = (record.at, record.body);
        let candidate = text(&body["candidate"]).to_owned();
        let members = self.members.get(&candidate).cloned().unwrap_or_default();
        match record.name {
            "CandidateFormed" => {
                let candidate = &body["candidate"];
                let members = list(&candidate["members"]).iter().map(|member| {
                    let epoch = member["epoch"].as_u64().unwrap_or(0);
                    (text(&member["bead"]).to_owned(), epoch)
                });
                let members: Vec<(String, u64)> = members.collect();
                self.members
                    .insert(text(&candidate["id"]).to_owned(), members.clone());
                self.move_all(&members, Hands::Gate, at);
            }
            "CandidateJudged" => match text(&body["verdict"]) {
                "passed" => self.move_all(&members, Hands::Merge, at),
                "failed" => {
                    for (id, epoch) in &members {
                        if matches!(self.hands_of(id), Some(Hands::Gate(_))) {
                            self.end(id, at);
                            self.give(id, Hands::Queue(*epoch), at);
                        }
                    }
                }
                _ => self.move_all(&members, Hands::Queue, at),
            },
            "CandidateVoided" => self.move_all(&members, Hands::Queue, at),
            "CandidateLanded" => {
                for (id, _) in &members {
                    self.ends.insert(id.clone(), at);
                    self.end(id, at);
                }
            }
            _ => {}
        }
    }

    fn move_all(&mut self, members: &[(String, u64)], into: fn(u64) -> Hands, at: i64) {
        for (id, epoch) in members {
            let is_there = matches!(
                self.hands_of(id),
                Some(Hands::Queue(_) | Hands::Waits(_) | Hands::Gate(_) | Hands::Merge(_))
            );
            if is_there {
                self.give(id, into(*epoch), at);
            }
        }
    }
}

fn acts(need: &Value) -> bool {
    matches!(text(&need["kind"]), "blocks" | "conditional-blocks")
}

/// Says what a bead waits for after an attempt that ended so.
fn reason(class: &Value) -> String {
    let runtime = &class["runtime"];
    let fault = word(&runtime["fault"]);
    let is_away = matches!(
        fault,
        "auth" | "rate_limited" | "overloaded" | "billing" | "model_missing" | "network"
    );
    if is_away {
        format!("{} {fault}", text(&runtime["runtime"]))
    } else {
        "next attempt".to_owned()
    }
}
