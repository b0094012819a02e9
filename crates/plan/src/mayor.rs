//! The mayor: goals without a plan, and goals whose beads have all ended.
//!
//! A given plan is opened with its goal in one write; the planning run by a
//! model takes its place in [`Mayor::plan`] where a goal still wants one.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Bead, BeadId, Command, Epoch, Gate, GateName, GateRun, GateWhen, Goal, Graph, Observation, Oid,
    Outcome, PlanState, RunId, Timestamp, Verdict, WaitReason,
};

use crate::{
    Checkout, Effect, Plan, Planner, Question, RunOrder, RunSeen, Seen, Work, accept_owner,
    accept_run, accept_slot, refinery::gate_run,
};

/// The longest that a goal's own check may take.
const CHECK_LIMIT_MS: u64 = 20 * 60_000;
/// How often a check is run that says nothing about the work.
const TRIES: u32 = 3;

/// Plans goals.
#[derive(Debug, Clone, Default)]
pub struct Mayor;

impl Planner for Mayor {
    fn role(&self) -> &'static str {
        "mayor"
    }

    fn look(&self, graph: &Graph, seen: &Seen, _now: Timestamp) -> Vec<Question> {
        let mut questions = Vec::new();
        for (id, _, goal) in ended(graph) {
            if !all_good(graph, goal) {
                continue;
            }
            let proofs = proofs(graph, id, goal);
            if proofs.is_empty() {
                continue;
            }
            questions.push(Question::Tip(goal.target.clone()));
            questions.push(Question::Worktree {
                rig: goal.target.rig.clone(),
                slot: accept_slot(&goal.target),
            });
            let Some(tip) = seen.tip(&goal.target).and_then(|tip| tip.start()) else {
                continue;
            };
            for index in 0..proofs.len() {
                let tries: Vec<RunId> = tries(seen, id, tip, index).collect();
                let green = matches!(tries.last().and_then(|run| seen.run(run)), Some(RunSeen::Ended(end)) if end.verdict() == Verdict::Passed);
                questions.extend(tries.into_iter().map(Question::Run));
                if !green {
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
        for (id, goal) in graph.open_goals() {
            if goal.plan == PlanState::Wanted {
                plan.observations.push(Observation {
                    subject: id.to_string(),
                    reason: WaitReason::RuntimeDown,
                    text: "no agent program is configured that could make its plan".to_owned(),
                    since: now,
                    until: None,
                });
            }
        }
        let mut busy: BTreeSet<String> = BTreeSet::new();
        let mut parts = Vec::new();
        for (id, bead, goal) in ended(graph) {
            if busy.contains(&goal.target.key()) {
                continue;
            }
            let mut part = Plan::default();
            match conclude(graph, seen, id, bead, goal, &mut part) {
                Some((outcome, why, proof)) => part.tell(Command::CloseGoal {
                    goal: id.clone(),
                    outcome,
                    why,
                    proof,
                }),
                None => {
                    busy.insert(goal.target.key());
                }
            }
            parts.push(part);
        }
        plan.join(graph, parts);
        plan
    }
}

/// Lists the open goals whose beads have all ended.
fn ended(graph: &Graph) -> impl Iterator<Item = (&BeadId, &Bead, &Goal)> {
    graph
        .open_goals()
        .filter(|(id, goal)| goal.plan == PlanState::Approved && graph.open_in_goal(id) == 0)
        .filter_map(|(id, goal)| Some((id, graph.bead(id)?, goal)))
}

fn all_good(graph: &Graph, goal: &Goal) -> bool {
    goal.beads
        .iter()
        .filter_map(|id| graph.bead(id))
        .all(|bead| bead.phase.is_good())
}

/// Lists what must be green on the target: the goal's own checks, then the gates for goals.
fn proofs(graph: &Graph, id: &BeadId, goal: &Goal) -> Vec<Gate> {
    let checks = graph
        .bead(id)
        .into_iter()
        .flat_map(|bead| &bead.spec.acceptance)
        .enumerate()
        .filter_map(|(index, criterion)| {
            Some(Gate {
                name: GateName::parse(&format!("acceptance-{}", index + 1))
                    .expect("a word and a number"),
                run: criterion.check.clone()?,
                when: GateWhen::Goal,
                timeout_ms: CHECK_LIMIT_MS,
                env: BTreeMap::new(),
            })
        });
    let gates = graph
        .rig(&goal.target.rig)
        .into_iter()
        .flat_map(|rig| &rig.rules.gates)
        .filter(|gate| gate.when == GateWhen::Goal)
        .cloned();
    checks.chain(gates).collect()
}

/// Brings a goal one step nearer to its end, or tells how it ended.
fn conclude(
    graph: &Graph,
    seen: &Seen,
    id: &BeadId,
    bead: &Bead,
    goal: &Goal,
    plan: &mut Plan,
) -> Option<(Outcome, String, Vec<GateRun>)> {
    if !all_good(graph, goal) {
        return Some((
            Outcome::Failed,
            "not all of its beads ended well".to_owned(),
            vec![],
        ));
    }
    let proofs = proofs(graph, id, goal);
    if proofs.is_empty() {
        return Some((
            Outcome::Done,
            "all of its beads ended well".to_owned(),
            vec![],
        ));
    }
    let tip = seen.tip(&goal.target).and_then(|tip| tip.start())?;
    let mut runs = Vec::new();
    for (index, gate) in proofs.iter().enumerate() {
        let run = tries(seen, id, tip, index).last()?;
        match seen.run(&run)? {
            RunSeen::Absent { .. } | RunSeen::Prepared => {
                let earlier = tries(seen, id, tip, index)
                    .filter(|run| matches!(seen.run(run), Some(RunSeen::Lost)));
                for run in earlier {
                    plan.act(Effect::SweepLost { run });
                }
                begin(seen, goal, bead, tip, gate, run, plan);
                return None;
            }
            RunSeen::Live(_) => return None,
            RunSeen::Lost => {
                plan.act(Effect::SweepLost { run });
                return Some((
                    Outcome::Failed,
                    format!("{} vanished while it ran, {TRIES} times", gate.name),
                    runs,
                ));
            }
            RunSeen::Ended(end) => {
                let record = gate_run(gate, tip, &run, end);
                let verdict = record.verdict;
                let detail = record.detail.clone();
                runs.push(record);
                match verdict {
                    Verdict::Passed => {}
                    Verdict::Failed => {
                        return Some((
                            Outcome::Failed,
                            format!("{} is red on the target ({detail})", gate.name),
                            runs,
                        ));
                    }
                    Verdict::Infra => {
                        return Some((
                            Outcome::Failed,
                            format!("{} could not run, {TRIES} times ({detail})", gate.name),
                            runs,
                        ));
                    }
                }
            }
        }
    }
    Some((
        Outcome::Done,
        "all of its beads ended well and its own acceptance is green".to_owned(),
        runs,
    ))
}

/// Lists the runs of one check, as far as each before the last said nothing about the work.
fn tries<'a>(
    seen: &'a Seen,
    goal: &'a BeadId,
    tip: &'a Oid,
    index: usize,
) -> impl Iterator<Item = RunId> + 'a {
    let mut goes_on = true;
    (0..TRIES)
        .map(move |retry| accept_run(goal, tip, index, retry))
        .take_while(move |run| {
            let is_wanted = goes_on;
            goes_on = match seen.run(run) {
                Some(RunSeen::Lost) => true,
                Some(RunSeen::Ended(end)) => end.verdict() == Verdict::Infra,
                _ => false,
            };
            is_wanted
        })
}

fn begin(
    seen: &Seen,
    goal: &Goal,
    bead: &Bead,
    tip: &Oid,
    gate: &Gate,
    run: RunId,
    plan: &mut Plan,
) {
    let slot = accept_slot(&goal.target);
    let owner = accept_owner(&bead.id, tip);
    let stands = seen
        .worktree(&goal.target.rig, &slot)
        .is_some_and(|worktree| worktree.owner == owner);
    if !stands {
        plan.act(Effect::EnsureWorktree {
            rig: goal.target.rig.clone(),
            slot: slot.clone(),
            checkout: Checkout::Exact {
                commit: tip.clone(),
                owner,
            },
        });
    }
    plan.act(Effect::EnsureRun(RunOrder {
        run,
        rig: goal.target.rig.clone(),
        slot,
        work: Work::Gate(gate.name.clone(), gate.run.clone()),
        bead: Some(bead.id.clone()),
        epoch: Epoch(0),
        limit_ms: gate.timeout_ms,
        env: gate.env.clone(),
    }));
}
