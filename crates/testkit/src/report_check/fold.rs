//! What each record makes of beads, goals and candidates.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One record of the log.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    /// When.
    pub(super) at: i64,
    /// Who.
    pub(super) by: &'a Value,
    /// What happened.
    pub(super) name: &'a str,
    /// With what.
    pub(super) body: &'a Value,
}

/// Reads the lines of an export.
pub(super) fn records(log: &[Value]) -> Vec<Record<'_>> {
    log.iter().map(read).collect()
}

fn read(line: &Value) -> Record<'_> {
    let event = line["event"].as_object();
    let (name, body) = match event.and_then(|event| event.iter().next()) {
        Some((name, body)) => (name.as_str(), body),
        None => (text(&line["event"]), &Value::Null),
    };
    Record {
        at: line["at"].as_i64().unwrap_or(0),
        by: &line["by"],
        name,
        body,
    }
}

/// Reads a text; nothing where there is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Reads the word of a value that is one, or that has one with something behind it.
pub(super) fn word(value: &Value) -> &str {
    let object = value.as_object().and_then(|object| object.keys().next());
    object.map_or_else(|| text(value), String::as_str)
}

/// How far a bead is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Draft,
    Open,
    Leased,
    Submitted,
    /// Set aside, with the class of the reason.
    Parked(String),
    Landed {
        by: String,
        commit: String,
    },
    /// Ended, with how.
    Closed(String),
}

impl State {
    pub(super) fn is_finished(&self) -> bool {
        matches!(self, Self::Landed { .. } | Self::Closed(_))
    }

    pub(super) fn is_landed(&self) -> bool {
        matches!(self, Self::Landed { .. })
    }

    pub(super) fn is_good(&self) -> bool {
        match self {
            Self::Landed { .. } => true,
            Self::Closed(how) => !matches!(how.as_str(), "cancelled" | "failed"),
            _ => false,
        }
    }

    fn of(phase: &Value) -> Self {
        match word(phase) {
            "draft" => Self::Draft,
            "leased" => Self::Leased,
            "submitted" => Self::Submitted,
            "landed" => Self::Landed {
                by: text(&phase["landed"]["candidate"]).to_owned(),
                commit: text(&phase["landed"]["commit"]).to_owned(),
            },
            "parked" => Self::Parked(word(&phase["parked"]["why"]["class"]).to_owned()),
            "closed" => Self::Closed(word(&phase["closed"]["outcome"]).to_owned()),
            _ => Self::Open,
        }
    }
}

/// What is known of a bead.
#[derive(Debug, Clone)]
pub(super) struct Bead {
    pub(super) state: State,
    pub(super) epoch: u64,
    goal: Option<String>,
    /// The role that its plan wishes.
    pub(super) role: Option<String>,
    /// What it needs, with the kind of the need.
    pub(super) needs: Vec<(String, String)>,
    asks: bool,
}

/// What is known of a goal.
#[derive(Debug, Clone, Default)]
pub(super) struct Goal {
    plan: String,
    replans: bool,
}

/// What is known of a candidate.
#[derive(Debug, Clone, Default)]
struct Candidate {
    members: Vec<String>,
    commit: String,
}

/// The town, as far as a report tells of it.
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub(super) beads: BTreeMap<String, Bead>,
    pub(super) goals: BTreeMap<String, Goal>,
    candidates: BTreeMap<String, Candidate>,
    /// Each review that began: bead, epoch and number.
    pub(super) reviews: BTreeSet<(String, u64, u64)>,
    /// Scopes that are paused, what was told to a person, and queues that stand still.
    paused: BTreeSet<String>,
    alerts: BTreeSet<String>,
    halted: BTreeSet<String>,
    is_stopped: bool,
    /// Runtimes of which an attempt told that they cannot go on.
    held: BTreeSet<String>,
}

impl Fold {
    pub(super) fn goal_of(&self, id: &str) -> Option<&str> {
        self.beads.get(id)?.goal.as_deref()
    }

    pub(super) fn of_goal(&self, goal: &str) -> Vec<&State> {
        let beads = self.beads.values();
        let of = beads.filter(|bead| bead.goal.as_deref() == Some(goal));
        of.map(|bead| &bead.state).collect()
    }

    pub(super) fn carried(&self, candidate: &str) -> &[String] {
        let known = self.candidates.get(candidate);
        known.map_or(&[], |known| known.members.as_slice())
    }

    /// Tells whether a bead, or what stands for it, ended well.
    pub(super) fn is_settled_well(&self, id: &str) -> bool {
        let Some(bead) = self.beads.get(id) else {
            return false;
        };
        let stands = |other: &Bead| {
            let is_for = |(kind, on): &(String, String)| kind == "supersedes" && on == id;
            other.goal == bead.goal && other.state.is_good() && other.needs.iter().any(is_for)
        };
        let is_cancelled = bead.state == State::Closed("cancelled".to_owned());
        bead.state.is_good()
            || (is_cancelled && bead.goal.is_some() && self.beads.values().any(stands))
    }

    /// Names what a person must be told of, and what they may be told of besides.
    pub(super) fn needs_you(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut must = BTreeSet::new();
        let mut may: BTreeSet<String> = self.held.clone();
        for (id, bead) in &self.beads {
            match &bead.state {
                // What is spent may be planned anew instead, by the rules of the rig.
                State::Parked(class) if class == "attempts" => may.insert(id.clone()),
                State::Parked(_) if !self.goals.contains_key(id) => must.insert(id.clone()),
                State::Leased if bead.asks && !self.goals.contains_key(id) => {
                    must.insert(id.clone())
                }
                state if !state.is_finished() => may.insert(id.clone()),
                _ => false,
            };
        }
        for (id, goal) in &self.goals {
            let is_open = |bead: &Bead| !bead.state.is_finished();
            let is_draft = goal.plan == "proposed" || goal.replans;
            if is_draft && self.beads.get(id).is_some_and(is_open) {
                must.insert(id.clone());
            }
        }
        must.extend(self.paused.iter().cloned());
        must.extend(self.alerts.iter().cloned());
        must.extend(self.halted.iter().cloned());
        if self.is_stopped {
            must.insert("town".to_owned());
        }
        (must, may)
    }

    pub(super) fn take(&mut self, record: &Record<'_>) {
        let body = record.body;
        let bead = text(&body["bead"]);
        match record.name {
            "GoalOpened" => {
                let id = text(&body["bead"]["id"]).to_owned();
                self.put(&body["bead"]);
                self.put_goal(id, &body["goal"]);
            }
            "BeadOpened" => self.put(&body["bead"]),
            "BeadJoined" => {
                if let Some(known) = self.beads.get_mut(bead) {
                    known.goal = Some(text(&body["goal"]).to_owned());
                }
            }
            "BeadEdited" => {
                if let Some(known) = self.beads.get_mut(bead) {
                    known.role = body["spec"]["role"].as_str().map(str::to_owned);
                }
            }
            "PlanProposed" => self.plan(body, "proposed", false),
            "PlanRevised" => self.plan(body, "approved", true),
            "PlanKept" => {
                self.plan(body, "approved", false);
            }
            "PlanApproved" => {
                self.plan(body, "approved", false);
                let goal = text(&body["goal"]);
                for bead in self.beads.values_mut() {
                    if bead.goal.as_deref() == Some(goal) && bead.state == State::Draft {
                        bead.state = State::Open;
                    }
                }
            }
            "GoalClosed" => {
                let how = word(&body["outcome"]).to_owned();
                self.set(text(&body["goal"]), State::Closed(how));
            }
            "BeadClosed" | "WorkClosed" => {
                self.set(bead, State::Closed(word(&body["outcome"]).to_owned()));
            }
            "BeadRetried" | "BeadReopened" => {
                let goal = self.goal_of(bead).and_then(|goal| self.goals.get(goal));
                let is_draft = goal.is_some_and(|goal| goal.plan == "proposed");
                self.set(bead, if is_draft { State::Draft } else { State::Open });
            }
            "BeadParked" | "BeadQuarantined" => {
                let class = word(&body["why"]["class"]).to_owned();
                self.set(bead, State::Parked(class));
            }
            "LeaseGranted" => {
                if let Some(known) = self.beads.get_mut(bead) {
                    known.epoch = body["lease"]["epoch"].as_u64().unwrap_or(0);
                    known.asks = false;
                }
                self.set(bead, State::Leased);
            }
            "WorkSubmitted" | "SubmissionRestored" => self.set(bead, State::Submitted),
            "WorkReturned" | "LeaseExpired" | "SubmissionReturned" | "ChangesWanted" => {
                if let Some(runtime) = body["why"]["class"]["runtime"]["runtime"].as_str() {
                    self.held.insert(runtime.to_owned());
                }
                self.set(bead, State::Open);
            }
            "QuestionAsked" | "QuestionAnswered" => {
                if let Some(known) = self.beads.get_mut(bead) {
                    known.asks = record.name == "QuestionAsked";
                }
            }
            "ReviewBegan" => {
                let number = body["review"]["number"].as_u64().unwrap_or(0);
                let epoch = body["epoch"].as_u64().unwrap_or(0);
                self.reviews.insert((bead.to_owned(), epoch, number));
            }
            _ => self.take_rest(record),
        }
    }

    fn take_rest(&mut self, record: &Record<'_>) {
        let body = record.body;
        match record.name {
            "CandidateFormed" => {
                let candidate = &body["candidate"];
                let members = super::list(&candidate["members"]).iter();
                let members = members.map(|member| text(&member["bead"]).to_owned());
                let known = Candidate {
                    members: members.collect(),
                    commit: text(&candidate["commit"]).to_owned(),
                };
                let id = text(&candidate["id"]).to_owned();
                self.candidates.insert(id, known);
            }
            "CandidateLanded" => {
                let by = text(&body["candidate"]).to_owned();
                let known = self.candidates.get(&by).cloned().unwrap_or_default();
                for member in &known.members {
                    let state = State::Landed {
                        by: by.clone(),
                        commit: known.commit.clone(),
                    };
                    self.set(member, state);
                    self.paused.remove(member);
                }
            }
            "BeadSplit" => {
                let parts = super::list(&body["parts"]).iter();
                let needs = parts.map(|part| ("blocks".to_owned(), text(part).to_owned()));
                if let Some(known) = self.beads.get_mut(text(&body["bead"])) {
                    known.needs.extend(needs);
                }
            }
            "EdgeAdded" | "EdgeRemoved" => {
                let need = &body["need"];
                let need = (text(&need["kind"]).to_owned(), text(&need["on"]).to_owned());
                if let Some(known) = self.beads.get_mut(text(&body["bead"])) {
                    known.needs.retain(|known| *known != need);
                    if record.name == "EdgeAdded" {
                        known.needs.push(need);
                    }
                }
            }
            "Paused" => {
                self.paused.insert(scope(&body["scope"]));
            }
            "BreakerTripped" | "TrustRevoked" => {
                let goal = text(&body["goal"]);
                let scope = if goal.is_empty() {
                    text(&body["rig"])
                } else {
                    goal
                };
                self.paused.insert(scope.to_owned());
            }
            "Resumed" => {
                let scope = scope(&body["scope"]);
                self.paused.remove(&scope);
                self.alerts.remove(&scope);
                self.held.remove(&scope);
                if scope == "town" {
                    self.alerts.clear();
                }
            }
            "Stopped" => self.is_stopped = true,
            "Thawed" => self.is_stopped = false,
            "Escalated" => {
                self.alerts.insert(text(&body["about"]).to_owned());
            }
            "QueueHalted" => {
                self.halted.insert(text(&body["target"]["rig"]).to_owned());
            }
            "QueueResumed" => {
                self.halted.remove(text(&body["target"]["rig"]));
            }
            "OperationUndone" => self.take_back(&body["reversal"]),
            "TownRestored" => {
                for bead in self.beads.values_mut() {
                    if bead.state == State::Leased {
                        bead.state = State::Open;
                    }
                }
            }
            _ => {}
        }
    }

    fn take_back(&mut self, reversal: &Value) {
        for id in super::list(&reversal["withdrawn"]) {
            self.beads.remove(text(id));
            self.goals.remove(text(id));
        }
        for bead in super::list(&reversal["beads"]) {
            self.beads.remove(text(&bead["id"]));
            self.put(bead);
        }
        for pair in super::list(&reversal["goals"]) {
            self.put_goal(text(&pair[0]).to_owned(), &pair[1]);
        }
        for pause in super::list(&reversal["paused"]) {
            self.paused.insert(scope(&pause["scope"]));
        }
        for resumed in super::list(&reversal["resumed"]) {
            self.paused.remove(&scope(resumed));
        }
    }

    fn put(&mut self, bead: &Value) {
        let needs = super::list(&bead["needs"]).iter();
        let needs =
            needs.map(|need| (text(&need["kind"]).to_owned(), text(&need["on"]).to_owned()));
        let known = Bead {
            state: State::of(&bead["phase"]),
            epoch: bead["epoch"].as_u64().unwrap_or(0),
            goal: bead["goal"].as_str().map(str::to_owned),
            role: bead["spec"]["role"].as_str().map(str::to_owned),
            needs: needs.collect(),
            asks: false,
        };
        let id = text(&bead["id"]).to_owned();
        self.beads.entry(id).or_insert(known);
    }

    fn put_goal(&mut self, id: String, goal: &Value) {
        let known = Goal {
            plan: word(&goal["plan"]).to_owned(),
            replans: !super::list(&goal["replan"]).is_empty(),
        };
        self.goals.insert(id, known);
    }

    fn plan(&mut self, body: &Value, plan: &str, replans: bool) {
        let id = text(&body["goal"]);
        if let Some(goal) = self.goals.get_mut(id) {
            plan.clone_into(&mut goal.plan);
            goal.replans = replans;
        }
        // Whoever made it is done with it.
        let made = self.beads.get_mut(id);
        if let Some(bead) = made.filter(|bead| !bead.state.is_finished()) {
            bead.state = State::Open;
        }
    }

    fn set(&mut self, id: &str, state: State) {
        if let Some(bead) = self.beads.get_mut(id) {
            bead.state = state;
        }
    }
}

/// Reads what a pause is of.
pub(super) fn scope(scope: &Value) -> String {
    let of = scope.as_object().and_then(|scope| scope.values().next());
    of.map_or_else(|| text(scope), text).to_owned()
}
