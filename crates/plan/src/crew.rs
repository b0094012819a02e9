//! The crew: ready beads meet free seats. The one place where agents are admitted.
//!
//! It also keeps the worktrees of standing members (`standing.rs`) and drives the turns of their
//! agents (`turns.rs`).

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Admits, Bead, BeadId, Command, Graph, Holder, HostName, Observation, PlanState, Purse, Rig,
    RuntimeName, SeatName, Timestamp, WaitReason,
};

use crate::{MachineSeen, Plan, Planner, Question, Seen, standing, turns};

/// Grants in one pass at most: a start rate, since each pass follows a wake.
const GRANTS_PER_PASS: usize = 16;

/// Beads that are looked at for what they need of the configuration.
const LOOK_AHEAD: usize = 64;

/// Names for seats, taken in this order.
const NAMES: [&str; 24] = [
    "quartz", "onyx", "flint", "jasper", "opal", "agate", "beryl", "garnet", "topaz", "amber",
    "basalt", "cobalt", "slate", "marble", "pumice", "zircon", "spinel", "pyrite", "galena",
    "gypsum", "mica", "talc", "chert", "gneiss",
];

/// Plans who gets which bead.
#[derive(Debug, Clone)]
pub struct Crew {
    /// The machine that the seats are on.
    pub host: HostName,
    /// The runtimes that gtd brings along; the configuration names more.
    pub runtimes: BTreeSet<RuntimeName>,
}

impl Planner for Crew {
    fn role(&self) -> &'static str {
        "crew"
    }

    fn look(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Question> {
        let mut questions = standing::look(graph, seen);
        let any_ready = graph
            .rigs()
            .any(|rig| graph.hirable(&rig.name, now).next().is_some());
        if !any_ready {
            return questions;
        }
        questions.push(Question::Machine);
        // What gtd brings along needs no look at the configuration.
        let needs_more = graph.rigs().any(|rig| {
            let mut first = graph.hirable(&rig.name, now).take(LOOK_AHEAD);
            first.any(|bead| !self.brings_along(bead))
        });
        if needs_more {
            questions.push(Question::Runtimes);
        }
        questions
    }

    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        let mut parts = turns::end(graph, seen);
        if graph.stop().is_none() && !graph.is_role_paused("crew") {
            parts.extend(standing::plan(graph, seen));
            parts.extend(turns::begin(graph, seen, now));
            // A lease without a worker would only run out.
            if !graph.is_role_paused("worker") {
                parts.push(self.plan_hiring(graph, seen, now));
            }
        }
        plan.join(graph, parts);
        plan
    }
}

impl Crew {
    fn plan_hiring(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut hiring = Plan::default();
        let mut pass = Pass {
            names: SeatNames::new(graph),
            admitted: Admitted::new(graph, now),
            purse: Purse::new(graph, now),
        };
        for rig in graph.rigs() {
            self.plan_rig(graph, seen, now, rig, &mut pass, &mut hiring);
        }
        hiring
    }

    fn plan_rig(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        rig: &Rig,
        pass: &mut Pass<'_>,
        plan: &mut Plan,
    ) {
        let max = usize::try_from(rig.rules.worker.max).unwrap_or(usize::MAX);
        let kept = kept_seats(graph);
        let mut free: Vec<SeatName> = Vec::new();
        let mut n_seats = 0;
        for (name, seat) in graph
            .seats()
            .filter(|(_, seat)| seat.rig == rig.name && seat.host == self.host)
        {
            // Where a session waits for its answer, nobody else works meanwhile.
            if seat.bead.is_none() && (n_seats >= max || kept.contains(name)) {
                plan.tell(Command::CloseSeat { seat: name.clone() });
                continue;
            }
            n_seats += 1;
            if seat.bead.is_none() {
                free.push(name.clone());
            }
        }
        free.reverse();
        // Somebody became ready after the look.
        let Some(machine) = seen.machine() else {
            return;
        };
        let mut at_goal = AtGoal::new(graph);
        // The graph says why there is less of it.
        let room = graph.admission(rig).room().min(GRANTS_PER_PASS);
        let mut granted = 0;
        for bead in graph.hirable(&rig.name, now) {
            if granted >= room {
                return;
            }
            let Some(has_runtime) = self.has_runtime(bead, seen) else {
                // Nobody has looked yet.
                continue;
            };
            if !has_runtime {
                plan.observations.push(Observation {
                    subject: bead.id.to_string(),
                    reason: WaitReason::RuntimeDown,
                    text: format!(
                        "the runtime {} is not usable here",
                        bead.wished_runtime().unwrap_or_default()
                    ),
                    since: bead.since,
                    until: None,
                });
                continue;
            }
            if free.is_empty() && n_seats >= max {
                return;
            }
            if has_no_script(bead) {
                plan.observations.push(Observation {
                    subject: bead.id.to_string(),
                    reason: WaitReason::RuntimeDown,
                    text: "it has no script that could be run".to_owned(),
                    since: bead.since,
                    until: None,
                });
                continue;
            }
            if !pass.admitted.may(bead) {
                // The graph says why.
                continue;
            }
            if !Self::may_hire(graph, bead, now) || at_goal.is_full(graph, bead) {
                continue;
            }
            // The graph says why.
            let Ok(reserved) = pass.purse.reserve(bead) else {
                continue;
            };
            if let MachineSeen::Short(why) = machine {
                let seen = short(why, now);
                if !plan.observations.contains(&seen) {
                    plan.observations.push(seen);
                }
                return;
            }
            let own = bead.kept_session().map(|asked| &asked.seat);
            let seat = match (own.filter(|own| self.may_open(graph, rig, own)), free.pop()) {
                // It is not there, or was closed above; another one makes room for it.
                (Some(own), spare) => {
                    if n_seats < max {
                        free.extend(spare);
                        n_seats += 1;
                    } else if let Some(spare) = spare {
                        plan.tell(Command::CloseSeat { seat: spare });
                    } else {
                        return;
                    }
                    plan.tell(self.open(own, rig));
                    own.clone()
                }
                (None, Some(seat)) => seat,
                (None, None) if n_seats < max => {
                    let seat = pass.names.take();
                    n_seats += 1;
                    plan.tell(self.open(&seat, rig));
                    seat
                }
                (None, None) => return,
            };
            plan.tell(Command::Grant {
                bead: bead.id.clone(),
                seat,
                epoch: bead.epoch.next(),
                reserved,
            });
            at_goal.count(bead);
            pass.admitted.count(bead);
            pass.purse.hold(bead, reserved);
            granted += 1;
        }
    }

    /// Tells whether a seat of this rig could be opened here: nobody works in it, and nobody
    /// elsewhere has it.
    fn may_open(&self, graph: &Graph, rig: &Rig, seat: &SeatName) -> bool {
        graph.seat(seat).is_none_or(|known| {
            known.bead.is_none() && known.rig == rig.name && known.host == self.host
        })
    }

    fn open(&self, seat: &SeatName, rig: &Rig) -> Command {
        Command::OpenSeat {
            seat: seat.clone(),
            rig: rig.name.clone(),
            host: self.host.clone(),
        }
    }

    fn may_hire(graph: &Graph, bead: &Bead, now: Timestamp) -> bool {
        let goal = bead.goal.as_ref().and_then(|goal| graph.goal(goal));
        let goal_allows = goal.is_none_or(|goal| {
            goal.plan == PlanState::Approved && goal.until.is_none_or(|until| until > now)
        });
        // The witness is about to stop the goal.
        let stops = |goal| graph.stops_goal(goal, now).is_some();
        goal_allows && graph.pause_of(bead).is_none() && !bead.goal.as_ref().is_some_and(stops)
    }

    fn brings_along(&self, bead: &Bead) -> bool {
        bead.wished_runtime()
            .is_some_and(|wished| self.runtimes.iter().any(|known| known.as_str() == wished))
    }

    /// Tells whether something here can do a bead; none when that was not asked.
    fn has_runtime(&self, bead: &Bead, seen: &Seen) -> Option<bool> {
        let Some(wished) = bead.wished_runtime() else {
            return Some(false);
        };
        if self.brings_along(bead) {
            return Some(true);
        }
        let known = seen.runtimes()?;
        Some(known.iter().any(|known| known.as_str() == wished))
    }
}

/// Lists the seats in whose worktrees a session waits: for its answer, or to go on with it.
fn kept_seats(graph: &Graph) -> BTreeSet<&SeatName> {
    let asked = graph.asked();
    asked
        .filter_map(|bead| Some(&bead.kept_session()?.seat))
        .collect()
}

/// Says that nobody is hired: it is the same for all rigs.
fn short(why: &str, now: Timestamp) -> Observation {
    Observation {
        subject: "town".to_owned(),
        reason: WaitReason::Resources,
        text: why.to_owned(),
        since: now,
        until: None,
    }
}

/// Tells whether a bead asks for the shell and gives it nothing to do: that would end well at once.
fn has_no_script(bead: &Bead) -> bool {
    bead.wished_runtime() == Some("shell") && bead.spec.run.is_none()
}

/// What one pass keeps over all rigs.
struct Pass<'a> {
    names: SeatNames,
    admitted: Admitted<'a>,
    purse: Purse<'a>,
}

/// Who may begin with each runtime, with those of this pass.
struct Admitted<'a> {
    graph: &'a Graph,
    now: Timestamp,
    runtimes: BTreeMap<String, Admits>,
}

impl<'a> Admitted<'a> {
    fn new(graph: &'a Graph, now: Timestamp) -> Self {
        Self {
            graph,
            now,
            runtimes: BTreeMap::new(),
        }
    }

    fn may(&mut self, bead: &Bead) -> bool {
        let Some(wished) = bead.wished_runtime() else {
            return true;
        };
        if let Some(known) = self.runtimes.get(wished) {
            return *known != Admits::Nobody;
        }
        let admits = self.graph.runtime_admits(wished, self.now);
        self.runtimes.insert(wished.to_owned(), admits);
        admits != Admits::Nobody
    }

    /// After the one that tries nobody else may.
    fn count(&mut self, bead: &Bead) {
        let admits = bead
            .wished_runtime()
            .and_then(|wished| self.runtimes.get_mut(wished));
        if let Some(admits @ Admits::One) = admits {
            *admits = Admits::Nobody;
        }
    }
}

/// How many seats each goal holds, with those of this pass.
struct AtGoal(BTreeMap<BeadId, u32>);

impl AtGoal {
    fn new(graph: &Graph) -> Self {
        let mut counts = BTreeMap::new();
        for bead in graph.leased() {
            let in_seat = bead
                .phase
                .lease()
                .is_some_and(|lease| matches!(lease.holder, Holder::Seat { .. }));
            if let (true, Some(goal)) = (in_seat, &bead.goal) {
                *counts.entry(goal.clone()).or_default() += 1;
            }
        }
        Self(counts)
    }

    fn is_full(&self, graph: &Graph, bead: &Bead) -> bool {
        let Some(id) = &bead.goal else { return false };
        let max = graph.seats_of(id);
        max.is_some_and(|max| self.0.get(id).copied().unwrap_or(0) >= max)
    }

    fn count(&mut self, bead: &Bead) {
        if let Some(goal) = &bead.goal {
            *self.0.entry(goal.clone()).or_default() += 1;
        }
    }
}

/// Hands out seat names that nobody has.
struct SeatNames {
    taken: BTreeSet<SeatName>,
    next: usize,
}

impl SeatNames {
    fn new(graph: &Graph) -> Self {
        // A person may have claimed a bead under any name.
        let claimants = graph
            .leased()
            .filter_map(|bead| Some(bead.phase.lease()?.holder.name()));
        Self {
            taken: graph
                .seats()
                .map(|(name, _)| name)
                .chain(claimants)
                .chain(graph.crew().map(|member| &member.name))
                .chain(kept_seats(graph))
                .cloned()
                .collect(),
            next: 0,
        }
    }

    fn take(&mut self) -> SeatName {
        loop {
            let text = match NAMES.get(self.next) {
                Some(name) => (*name).to_owned(),
                None => format!("seat-{}", self.next + 1),
            };
            self.next += 1;
            let name = SeatName::parse(&text).expect("a plain word");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}
