//! Goals and their plans.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Decision, Scene, TEXT_MAX,
    bead::{check_spec, fresh, goal_of, is_past, joins_without_circle},
    check_text, discovery, replan,
};
use crate::{
    Approval, Bead, BeadId, BeadSpec, BeadType, Criterion, Epoch, Event, GateRun, Goal, HoldKind,
    Landing, Need, Oid, Outcome, Phase, Plan, PlanState, PlannedBead, Rejection, Rig, Target,
    Timestamp, Verdict,
};

pub(super) fn open(
    scene: Scene<'_>,
    mut spec: BeadSpec,
    target: Target,
    max: Option<u32>,
    until: Option<Timestamp>,
    plan: Option<Plan>,
    approval: Approval,
) -> Decision {
    spec.kind = BeadType::Goal;
    if let Some(plan) = &plan {
        add_acceptance(&mut spec, &plan.acceptance);
    }
    check_spec(&spec)?;
    let rig = scene.rig(&target.rig)?;
    check_policy(rig, &spec)?;
    check_limits(scene, max, until)?;
    let id = scene.free_id(rig, &spec.title, &spec.description, &BTreeSet::new())?;
    let ordinal = scene.graph.next_ordinal();
    let bead = fresh(scene, id.clone(), rig.name.clone(), spec, ordinal);
    let goal = Goal {
        target,
        max,
        until,
        plan: PlanState::Wanted,
        approval: match plan {
            Some(_) => Approval::NotNeeded,
            None => approval,
        },
        replans: 0,
        replan: Vec::new(),
        failures: 0,
        stopped: None,
        beads: Vec::new(),
        proof: Vec::new(),
        landing: Landing::Unasked,
    };
    let rig_name = bead.rig.clone();
    let mut events = vec![Event::GoalOpened { bead, goal }];
    if let Some(plan) = plan {
        events.extend(beads_of_plan(
            scene, &id, &rig_name, plan, approval, ordinal,
        )?);
    }
    Ok(events)
}

/// Checks that a goal names a policy that its rig knows, or none.
pub(super) fn check_policy(rig: &Rig, spec: &BeadSpec) -> Result<(), Rejection> {
    let known = &rig.rules.policies.known;
    match &spec.policy {
        Some(name) if !known.contains_key(name) => {
            let names: Vec<&str> = known.keys().map(crate::PolicyName::as_str).collect();
            Err(Rejection::BadText {
                field: format!("the policy `{name}`"),
                why: format!(
                    "is none of rig {}, which has {} (your own: [policies.{name}] in config.toml)",
                    rig.name,
                    names.join(", ")
                ),
            })
        }
        _ => Ok(()),
    }
}

/// Checks the limits that a person sets to a goal.
pub(super) fn check_limits(
    scene: Scene<'_>,
    max: Option<u32>,
    until: Option<Timestamp>,
) -> Result<(), Rejection> {
    let refuse = |field: &str, why: &str| {
        Err(Rejection::BadText {
            field: field.to_owned(),
            why: why.to_owned(),
        })
    };
    if max == Some(0) {
        return refuse("`max`", "must be at least 1");
    }
    if until.is_some_and(|until| is_past(scene, until)) {
        return refuse("`until`", "lies in the past");
    }
    Ok(())
}

/// Adds the criteria of a plan to those of its goal.
pub fn add_acceptance(spec: &mut BeadSpec, acceptance: &[Criterion]) {
    for criterion in acceptance {
        if !spec.acceptance.contains(criterion) {
            spec.acceptance.push(criterion.clone());
        }
    }
}

pub(super) fn propose(
    scene: Scene<'_>,
    id: &BeadId,
    epoch: Epoch,
    plan: Plan,
    approval: Approval,
) -> Decision {
    let (bead, goal) = goal_of(scene, id)?;
    if bead.is_for_the_mayor() {
        return Err(scene.wrong_phase(bead));
    }
    if goal.plan == PlanState::Approved && bead.phase.lease().is_some() {
        return replan::propose(scene, bead, epoch, plan, approval);
    }
    if goal.plan != PlanState::Wanted {
        return Ok(vec![]);
    }
    if bead.phase.is_finished() {
        return Err(scene.wrong_phase(bead));
    }
    // What an attempt made counts while it is the attempt.
    if epoch != Epoch(0) || bead.phase.lease().is_some() {
        scene.leased(bead, epoch)?;
        super::work::nothing_asked(scene, bead)?;
    }
    let mut spec = bead.spec.clone();
    add_acceptance(&mut spec, &plan.acceptance);
    check_spec(&spec)?;
    let mut events = Vec::new();
    if spec != bead.spec {
        events.push(Event::BeadEdited {
            bead: id.clone(),
            spec,
        });
    }
    events.extend(beads_of_plan(
        scene,
        id,
        &bead.rig,
        plan,
        approval,
        scene.graph.next_ordinal() - 1,
    )?);
    Ok(events)
}

/// Turns a plan into beads; its local names become ids.
fn beads_of_plan(
    scene: Scene<'_>,
    goal: &BeadId,
    rig: &crate::RigName,
    plan: Plan,
    approval: Approval,
    ordinal: u64,
) -> Decision {
    check_text("the summary", &plan.summary, TEXT_MAX)?;
    let mut events = vec![Event::PlanProposed {
        goal: goal.clone(),
        n_beads: u32::try_from(plan.beads.len()).unwrap_or(u32::MAX),
        summary: plan.summary,
    }];
    let drafts = drafts_of_plan(scene, goal, rig, plan.beads, ordinal)?;
    events.extend(drafts.into_iter().map(|bead| Event::BeadOpened { bead }));
    if approval == Approval::NotNeeded {
        events.push(Event::PlanApproved { goal: goal.clone() });
    }
    Ok(events)
}

/// Makes the drafts of a plan.
pub(super) fn drafts_of_plan(
    scene: Scene<'_>,
    goal: &BeadId,
    rig: &crate::RigName,
    beads: Vec<PlannedBead>,
    ordinal: u64,
) -> Result<Vec<Bead>, Rejection> {
    let mut drafts = beads_named(scene, goal, scene.rig(rig)?, beads, ordinal)?;
    for bead in &mut drafts {
        joins_without_circle(scene, goal, &bead.needs, bead.spec.parent.as_ref())?;
        bead.goal = Some(goal.clone());
        bead.phase = Phase::Draft;
    }
    Ok(drafts)
}

/// Makes beads that name each other and beads that exist, all open; `taken` is no id of theirs.
pub(super) fn beads_named(
    scene: Scene<'_>,
    taken: &BeadId,
    rig: &Rig,
    beads: Vec<PlannedBead>,
    mut ordinal: u64,
) -> Result<Vec<Bead>, Rejection> {
    let bad = |what: String| Rejection::BadPlan { what };
    if beads.is_empty() {
        return Err(bad("it has no beads".to_owned()));
    }
    let mut ids: BTreeMap<String, BeadId> = BTreeMap::new();
    let mut taken: BTreeSet<BeadId> = BTreeSet::from([taken.clone()]);
    for planned in &beads {
        check_spec(&planned.spec)?;
        if planned.spec.kind == BeadType::Goal {
            return Err(bad(format!("`{}` is itself a goal", planned.local_id)));
        }
        let id = scene.free_id(rig, &planned.spec.title, &planned.spec.description, &taken)?;
        taken.insert(id.clone());
        if ids.insert(planned.local_id.clone(), id).is_some() {
            return Err(bad(format!("two beads are named `{}`", planned.local_id)));
        }
    }
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for planned in &beads {
        for need in &planned.needs {
            if ids.contains_key(need) {
                edges
                    .entry(planned.local_id.as_str())
                    .or_default()
                    .push(need.as_str());
            }
        }
    }
    if let Some(path) = find_cycle(&edges) {
        return Err(bad(format!(
            "its needs go in a circle: {}",
            path.join(" needs ")
        )));
    }
    let mut made = Vec::new();
    for planned in beads {
        let mut needs = Vec::new();
        for name in &planned.needs {
            let on = match ids.get(name) {
                Some(id) => id.clone(),
                None => BeadId::parse(name)
                    .ok()
                    .filter(|id| scene.graph.bead(id).is_some())
                    .ok_or_else(|| {
                        bad(format!(
                            "`{}` needs `{name}`, which is neither in the plan nor a bead",
                            planned.local_id
                        ))
                    })?,
            };
            let need = Need::blocks(on);
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        if let Some(parent) = &planned.spec.parent {
            scene.bead(parent)?;
        }
        ordinal += 1;
        let id = ids[&planned.local_id].clone();
        let mut bead = fresh(scene, id, rig.name.clone(), planned.spec, ordinal);
        bead.local_id = Some(planned.local_id);
        bead.needs = needs;
        made.push(bead);
    }
    Ok(made)
}

/// Finds a circle among named edges; the first name stands again at the end.
fn find_cycle<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    // False while a name is on the path, true when nothing behind it is left to see.
    let mut done: BTreeMap<&str, bool> = BTreeMap::new();
    for start in edges.keys() {
        if done.contains_key(start) {
            continue;
        }
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        done.insert(start, false);
        while let Some((here, edge)) = path.last_mut() {
            let here = *here;
            let next = edges.get(here).and_then(|list| list.get(*edge)).copied();
            *edge += 1;
            let Some(next) = next else {
                done.insert(here, true);
                path.pop();
                continue;
            };
            match done.get(next) {
                Some(true) => {}
                Some(false) => {
                    let from = path.iter().position(|(name, _)| *name == next)?;
                    let mut circle: Vec<&str> =
                        path[from..].iter().map(|(name, _)| *name).collect();
                    circle.push(next);
                    return Some(circle);
                }
                None => {
                    done.insert(next, false);
                    path.push((next, 0));
                }
            }
        }
    }
    None
}

pub(super) fn approve(scene: Scene<'_>, id: BeadId) -> Decision {
    if let Some(accepted) = discovery::accept(scene, &id) {
        return accepted;
    }
    let (bead, goal) = goal_of(scene, &id)?;
    match goal.plan {
        PlanState::Approved if !goal.replan.is_empty() && !bead.phase.is_finished() => {
            replan::approve(scene, &id, goal)
        }
        PlanState::Approved => Ok(vec![]),
        PlanState::Proposed if !bead.phase.is_finished() => {
            Ok(vec![Event::PlanApproved { goal: id }])
        }
        _ => Err(scene.wrong_phase(bead)),
    }
}

pub(super) fn cancel(scene: Scene<'_>, id: BeadId, why: String) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    let bead = scene.bead(&id)?;
    match &bead.phase {
        Phase::Closed {
            outcome: Outcome::Cancelled,
            ..
        } => return Ok(vec![]),
        Phase::Landed { .. } | Phase::Closed { .. } => return Err(scene.wrong_phase(bead)),
        _ => {}
    }
    let Some(goal) = scene.graph.goal(&id) else {
        return Ok(vec![Event::BeadClosed {
            bead: id,
            outcome: Outcome::Cancelled,
            why,
        }]);
    };
    let mut events: Vec<Event> = goal
        .beads
        .iter()
        .filter_map(|id| scene.graph.bead(id))
        .filter(|bead| !bead.phase.is_finished())
        .map(|bead| Event::BeadClosed {
            bead: bead.id.clone(),
            outcome: Outcome::Cancelled,
            why: why.clone(),
        })
        .collect();
    events.push(Event::GoalClosed {
        goal: id,
        outcome: Outcome::Cancelled,
        why,
        proof: vec![],
    });
    Ok(events)
}

pub(super) fn close(
    scene: Scene<'_>,
    id: BeadId,
    outcome: Outcome,
    why: String,
    proof: Vec<GateRun>,
) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    let (bead, goal) = goal_of(scene, &id)?;
    if let Phase::Closed { outcome: was, .. } = &bead.phase {
        return if *was == outcome {
            Ok(vec![])
        } else {
            Err(scene.wrong_phase(bead))
        };
    }
    let open = scene.graph.open_in_goal(&id);
    if open > 0 {
        return Err(Rejection::GoalUnfinished { goal: id, open });
    }
    if bead.is_for_the_mayor() && outcome.is_good() {
        super::work::nothing_asked(scene, bead)?;
    }
    // Without a plan there is nothing that could have reached it, unless it wants an answer.
    let wants_a_plan = goal.plan != PlanState::Approved && !bead.is_for_the_mayor();
    if wants_a_plan && outcome.is_good() {
        return Err(scene.wrong_phase(bead));
    }
    // What landed on a branch of its own is proposed first, and ends with what becomes of that.
    if outcome.is_good() && scene.graph.is_proposed(goal) {
        match goal.landing {
            Landing::Unasked => return Ok(vec![Event::LandRequested { goal: id }]),
            Landing::Asked { .. } | Landing::Refused { .. } => return Ok(vec![]),
            Landing::Done { .. } => {}
        }
    }
    // All of its work has landed, and it is not what was wanted: nobody else would tell a person.
    let mut beads = goal.beads.iter().filter_map(|id| scene.graph.bead(id));
    let all_good = beads.all(|bead| scene.graph.is_settled_well(bead));
    // A check that vanished has no record.
    let red = proof.iter().find(|run| run.verdict != Verdict::Passed);
    let look = red.map_or_else(String::new, |run| format!("; gtd logs {}", run.run));
    let alert = (outcome == Outcome::Failed && all_good && !goal.beads.is_empty()).then(|| {
        Event::Escalated {
            about: id.to_string(),
            text: format!("the goal is not reached: {why}{look}"),
        }
    });
    let mut events = vec![Event::GoalClosed {
        goal: id,
        outcome,
        why,
        proof,
    }];
    events.extend(alert);
    Ok(events)
}

pub(super) fn request_landing(scene: Scene<'_>, id: BeadId) -> Decision {
    let (bead, goal) = goal_of(scene, &id)?;
    if goal.target.short_ref() == goal.target.branch {
        return Err(Rejection::WrongPhase {
            bead: bead.id.clone(),
            state: format!("landing on {} already", goal.target.branch),
            next: "gtd report".to_owned(),
        });
    }
    if let Some(hold) = scene
        .graph
        .hold_of(&goal.target.rig, HoldKind::Freeze, scene.now)
    {
        return Err(hold.refusal());
    }
    // What is proposed is all of the goal: what landed later would be in nothing that is merged.
    let open = scene.graph.open_in_goal(&id);
    if goal.target.mode == crate::LandMode::PullRequest && open > 0 {
        return Err(Rejection::GoalUnfinished { goal: id, open });
    }
    match goal.landing {
        Landing::Asked { .. } => Ok(vec![]),
        _ => Ok(vec![Event::LandRequested { goal: id }]),
    }
}

pub(super) fn conclude_landing(
    scene: Scene<'_>,
    id: BeadId,
    commit: Option<Oid>,
    why: String,
) -> Decision {
    let (_, goal) = goal_of(scene, &id)?;
    match goal.landing {
        Landing::Asked { .. } => Ok(vec![Event::LandConcluded {
            goal: id,
            commit,
            why,
        }]),
        _ => Ok(vec![]),
    }
}
