//! The mayor: goals without a plan, goals whose beads have all ended, and goals that come by the
//! clock.
//!
//! A given plan is opened with its goal in one write; the plan of a goal in plain
//! words is made by an agent: `planning.rs`.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Bead, Command, Epoch, Gate, GateName, GateRun, GateWhen, Goal, Graph, HostName, Landing, Oid,
    Outcome, PlanState, Revision, RunId, Timestamp, Verdict,
};

use crate::{
    Checkout, Effect, Plan, Planner, Question, RunOrder, RunSeen, Seen, Work, accept_owner,
    accept_run, accept_slot, planning,
    refinery::gate_run,
    schedules,
    tries::{TRIES, sweep, tries},
};

/// The longest that a goal's own check may take.
const CHECK_LIMIT_MS: u64 = 20 * 60_000;

/// Plans goals.
#[derive(Debug, Clone)]
pub struct Mayor {
    /// The machine that plans are made on.
    pub host: HostName,
}

impl Planner for Mayor {
    fn role(&self) -> &'static str {
        "mayor"
    }

    fn look(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Question> {
        let mut questions: Vec<Question> = schedules::look(graph).into_iter().collect();
        questions.extend(planning::look(graph, seen, &self.host, now));
        for ended in ended(graph) {
            if !ended.is_good() {
                continue;
            }
            let proofs = ended.proofs();
            if proofs.is_empty() {
                continue;
            }
            questions.push(Question::Tip(ended.goal.target.clone()));
            questions.push(Question::Owner {
                rig: ended.goal.target.rig.clone(),
                slot: accept_slot(&ended.goal.target),
            });
            let Some(commit) = ended.commit(seen) else {
                continue;
            };
            for (index, gate) in proofs.iter().enumerate() {
                let runs = ended.runs(seen, &commit, index, gate);
                let is_green = runs.last().is_some_and(|run| seen.is_green(run));
                questions.extend(runs.into_iter().map(Question::Run));
                if !is_green {
                    break;
                }
            }
        }
        questions
    }

    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        if graph.stop().is_some() || graph.is_role_paused("mayor") {
            return plan;
        }
        let mut ended: Vec<Ended<'_>> = ended(graph).collect();
        // Whoever has the worktree of a target goes first: a check is not ended for another goal.
        ended.sort_by_key(|ended| ended.started(seen).is_none());
        let mut busy: BTreeSet<String> = BTreeSet::new();
        let mut parts = Vec::new();
        for ended in ended {
            let key = ended.goal.target.key();
            let mut part = Plan::default();
            match ended.conclude(seen, busy.contains(&key), &mut part) {
                Conclusion::Close(outcome, why, proof) => part.tell(Command::CloseGoal {
                    goal: ended.bead.id.clone(),
                    outcome,
                    why,
                    proof,
                }),
                Conclusion::Proving => {
                    busy.insert(key);
                }
                Conclusion::Waits => {}
            }
            parts.push(part);
        }
        // What has ended first: a schedule may wait for just that.
        parts.extend(schedules::plan(graph, seen, now));
        parts.extend(planning::plan(graph, seen, &self.host, now));
        plan.join(graph, parts);
        plan
    }
}

/// An open goal whose beads have all ended.
struct Ended<'a> {
    graph: &'a Graph,
    bead: &'a Bead,
    goal: &'a Goal,
}

/// How far the end of a goal is.
enum Conclusion {
    /// It has ended so, for this reason, with these proofs.
    Close(Outcome, String, Vec<GateRun>),
    /// Its checks are at work in the worktree of its target.
    Proving,
    /// It waits for something else.
    Waits,
}

/// Lists the open goals whose beads have all ended.
fn ended(graph: &Graph) -> impl Iterator<Item = Ended<'_>> {
    graph
        .open_goals()
        .filter(|(id, goal)| goal.plan == PlanState::Approved && graph.open_in_goal(id) == 0)
        .filter_map(move |(id, goal)| {
            Some(Ended {
                graph,
                bead: graph.bead(id)?,
                goal,
            })
        })
}

impl Ended<'_> {
    fn beads(&self) -> impl Iterator<Item = &Bead> {
        self.goal.beads.iter().filter_map(|id| self.graph.bead(id))
    }

    fn is_good(&self) -> bool {
        self.beads().all(|bead| self.graph.is_settled_well(bead))
    }

    /// Returns the revision of the last change of the goal and its beads.
    fn as_of(&self) -> Revision {
        self.beads()
            .map(|bead| bead.changed)
            .fold(self.bead.changed, Revision::max)
    }

    fn owner(&self, commit: &Oid) -> String {
        accept_owner(&self.bead.id, commit, self.as_of())
    }

    /// Returns the commit that the checks have begun on, when nothing has changed since.
    fn started(&self, seen: &Seen) -> Option<Oid> {
        let target = &self.goal.target;
        let found = seen.owner(&target.rig, &accept_slot(target))??;
        let start = found.start.clone()?;
        (found.owner == self.owner(&start)).then_some(start)
    }

    /// Returns the commit that the checks run on: where they have begun, or else where the target is.
    ///
    /// A target that moves on does not begin them anew: on a busy one they would never end.
    fn commit(&self, seen: &Seen) -> Option<Oid> {
        let target = &self.goal.target;
        seen.owner(&target.rig, &accept_slot(target))?;
        self.started(seen)
            .or_else(|| seen.tip(target)?.start().cloned())
    }

    fn runs(&self, seen: &Seen, commit: &Oid, index: usize, gate: &Gate) -> Vec<RunId> {
        let owner = self.owner(commit);
        tries(seen, |retry| accept_run(&owner, index, &gate.run, retry))
    }

    /// Lists what must be green on the target: the goal's own checks, then the gates for goals.
    fn proofs(&self) -> Vec<Gate> {
        let checks =
            self.bead
                .spec
                .acceptance
                .iter()
                .enumerate()
                .filter_map(|(index, criterion)| {
                    Some(Gate {
                        name: GateName::parse(&format!("acceptance-{}", index + 1))
                            .expect("a word and a number"),
                        run: criterion.check.clone()?,
                        when: GateWhen::Goal,
                        timeout_ms: CHECK_LIMIT_MS,
                        env: BTreeMap::new(),
                        affected: None,
                        junit: None,
                    })
                });
        let gates = self
            .graph
            .rig(&self.goal.target.rig)
            .into_iter()
            .flat_map(|rig| &rig.rules.gates)
            .filter(|gate| gate.when == GateWhen::Goal)
            .cloned();
        checks.chain(gates).collect()
    }

    /// Brings a goal one step nearer to its end, or tells how it ended.
    fn conclude(&self, seen: &Seen, is_busy: bool, plan: &mut Plan) -> Conclusion {
        let close = |outcome, why: &str| Conclusion::Close(outcome, why.to_owned(), vec![]);
        if !self.is_good() {
            return close(Outcome::Failed, "not all of its beads ended well");
        }
        // What is proposed ends with what becomes of that.
        let is_open = matches!(
            self.goal.landing,
            Landing::Asked { .. } | Landing::Refused { .. }
        );
        if is_open && self.graph.is_proposed(self.goal) {
            return Conclusion::Waits;
        }
        let proofs = self.proofs();
        if proofs.is_empty() {
            return Conclusion::Close(Outcome::Done, self.reached(), vec![]);
        }
        if is_busy {
            return Conclusion::Waits;
        }
        match self.commit(seen) {
            Some(commit) => self.prove(seen, &commit, &proofs, plan),
            None => Conclusion::Waits,
        }
    }

    /// Says that the goal is reached, and how much of that nobody has looked at.
    fn reached(&self) -> String {
        let acceptance = &self.bead.spec.acceptance;
        let unverified = acceptance.iter().filter(|c| c.check.is_none()).count();
        let mut said = "all of its beads ended well".to_owned();
        if !self.proofs().is_empty() {
            said.push_str(" and its own acceptance is green");
        }
        match unverified {
            0 => said,
            1 => said + "; no command looks at 1 criterion",
            n => format!("{said}; no command looks at {n} criteria"),
        }
    }

    fn prove(&self, seen: &Seen, commit: &Oid, proofs: &[Gate], plan: &mut Plan) -> Conclusion {
        let mut records = Vec::new();
        for (index, gate) in proofs.iter().enumerate() {
            let runs = self.runs(seen, commit, index, gate);
            let Some(run) = runs.last() else {
                return Conclusion::Waits;
            };
            let failed = |why: String, records| Conclusion::Close(Outcome::Failed, why, records);
            match seen.run(run) {
                None => return Conclusion::Waits,
                Some(RunSeen::Absent { .. } | RunSeen::Prepared) => {
                    sweep(plan, seen, &runs);
                    self.begin(seen, commit, gate, run, plan);
                    return Conclusion::Proving;
                }
                Some(RunSeen::Live(_)) => return Conclusion::Proving,
                Some(RunSeen::Lost) => {
                    sweep(plan, seen, &runs);
                    let why = format!("{} vanished while it ran, {TRIES} times", gate.name);
                    return failed(why, records);
                }
                Some(RunSeen::Ended(end)) => {
                    let record = gate_run(gate, commit, run, end, &[]);
                    let (verdict, detail) = (record.verdict, record.detail.clone());
                    records.push(record);
                    let name = &gate.name;
                    match verdict {
                        Verdict::Passed => {}
                        Verdict::Failed => {
                            let why = format!("{name} is red on the target ({detail})");
                            return failed(why, records);
                        }
                        Verdict::Infra => {
                            let why = format!("{name} could not run, {TRIES} times ({detail})");
                            return failed(why, records);
                        }
                    }
                }
            }
        }
        Conclusion::Close(Outcome::Done, self.reached(), records)
    }

    fn begin(&self, seen: &Seen, commit: &Oid, gate: &Gate, run: &RunId, plan: &mut Plan) {
        let target = &self.goal.target;
        let slot = accept_slot(target);
        if self.started(seen).is_none() {
            plan.act(Effect::EnsureWorktree {
                rig: target.rig.clone(),
                slot: slot.clone(),
                checkout: Checkout::Exact {
                    commit: commit.clone(),
                    owner: self.owner(commit),
                },
            });
        }
        plan.act(Effect::EnsureRun(RunOrder {
            run: run.clone(),
            rig: target.rig.clone(),
            slot,
            work: Work::Gate(gate.name.clone(), gate.run.clone()),
            bead: Some(self.bead.id.clone()),
            epoch: Epoch(0),
            limit_ms: gate.timeout_ms,
            env: gate.env.clone(),
            report: gate.junit.clone(),
        }));
    }
}
