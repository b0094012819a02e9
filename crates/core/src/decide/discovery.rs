//! Work that agents find on the way: what they may file, how much, and whom it waits for.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Decision, Scene,
    bead::{check_spec, fresh},
};
use crate::{
    Actor, Bead, BeadId, BeadSpec, BeadType, DiscoveryRules, EdgeKind, Epoch, Event, Goal, Graph,
    Need, OnDiscovery, Phase, PlanState, Rejection, SatisfiedBy,
};

/// The time over which found beads are counted.
const HOUR: Duration = Duration::from_hours(1);
/// Finders above one bead that are followed at most; no rule allows more.
const DEEPEST: usize = 1_000;

pub(super) fn discover(scene: Scene<'_>, id: BeadId, epoch: Epoch, mut spec: BeadSpec) -> Decision {
    check_spec(&spec)?;
    let bead = scene.bead(&id)?;
    scene.leased(bead, epoch)?;
    let may_not = |what: &str| Rejection::NotYours {
        caller: format!("the holder of {id}"),
        verb: what.to_owned(),
    };
    if spec.run.is_some() || spec.acceptance.iter().any(|c| c.check.is_some()) {
        return Err(may_not("set a script or a check"));
    }
    if spec.runtime.is_some() || spec.role.is_some() {
        return Err(may_not("choose who does a bead"));
    }
    if spec.budget_micros.is_some() {
        return Err(may_not("set a budget"));
    }
    if spec.kind == BeadType::Goal {
        return Err(may_not("set a goal"));
    }
    let rig = scene.rig(&bead.rig)?;
    check_quotas(scene, bead, rig.rules.discovery)?;
    spec.parent = None;
    // What other programs know a bead by is not an agent's to say.
    spec.origin = None;
    spec.metadata.clear();
    spec.extra.clear();
    // Whoever could do the one can do the other.
    spec.runtime = bead
        .is_for_an_agent()
        .then(|| bead.spec.runtime.clone())
        .flatten();
    let new = scene.free_id(rig, &spec.title, &spec.description, &BTreeSet::new())?;
    let ordinal = scene.graph.next_ordinal();
    let mut found = fresh(scene, new, bead.rig.clone(), spec, ordinal);
    found.needs.push(Need {
        on: id,
        kind: EdgeKind::DiscoveredFrom,
        satisfied_by: SatisfiedBy::Finish,
    });
    let on = scene.graph.policy_of(bead).discovery;
    match (on, goal_of(scene.graph, bead)) {
        (OnDiscovery::Triage, _) => found.phase = Phase::Draft,
        (OnDiscovery::Join, Some((goal, record))) => {
            found.goal = Some(goal.clone());
            if record.plan == PlanState::Proposed {
                found.phase = Phase::Draft;
            }
        }
        (OnDiscovery::Join, None) => {}
    }
    Ok(vec![Event::BeadOpened { bead: found }])
}

/// Lets a bead begin that an agent found; it joins the goal at whose work it was found.
///
/// None when it is no such bead.
pub(super) fn accept(scene: Scene<'_>, id: &BeadId) -> Option<Decision> {
    let bead = scene.graph.bead(id)?;
    let finder = finder(bead)?;
    if bead.goal.is_some() {
        return None;
    }
    Some(match &bead.phase {
        Phase::Draft => {
            let at = scene.graph.bead(finder);
            let goal = at.and_then(|at| goal_of(scene.graph, at));
            let path = goal.and_then(|(goal, _)| scene.graph.cycle_by_joining(id, goal));
            if let Some(path) = path {
                return Some(Err(Rejection::Cycle { path }));
            }
            let joined = goal.map(|(goal, _)| Event::BeadJoined {
                bead: id.clone(),
                goal: goal.clone(),
            });
            let mut events: Vec<Event> = joined.into_iter().collect();
            events.push(Event::BeadRetried { bead: id.clone() });
            Ok(events)
        }
        Phase::Open => Ok(vec![]),
        _ => Err(scene.wrong_phase(bead)),
    })
}

/// Returns the goal that a bead answers, while that is open.
fn goal_of<'a>(graph: &'a Graph, bead: &'a Bead) -> Option<(&'a BeadId, &'a Goal)> {
    let goal = bead.goal.as_ref()?;
    let is_open = graph
        .bead(goal)
        .is_some_and(|goal| !goal.phase.is_finished());
    Some((goal, graph.goal(goal)?)).filter(|_| is_open)
}

/// Returns the bead at which another was found.
fn finder(bead: &Bead) -> Option<&BeadId> {
    let mut found = bead.needs.iter();
    let edge = found.find(|need| need.kind == EdgeKind::DiscoveredFrom)?;
    Some(&edge.on)
}

/// Refuses what is more than agents may find, with what to do instead.
fn check_quotas(scene: Scene<'_>, bead: &Bead, rules: DiscoveryRules) -> Result<(), Rejection> {
    let id = &bead.id;
    let refuse = |what: String| {
        Err(Rejection::Quota {
            bead: id.clone(),
            what,
            instead: format!("say it in a note, and a person decides: gtd bead note {id} \"…\""),
        })
    };
    let above: Vec<&Bead> = finders(scene.graph, bead).collect();
    let depth = count(above.len());
    if depth >= rules.depth {
        return refuse(match depth {
            0 => "been told that agents file nothing (discovered.depth = 0)".to_owned(),
            1 => "been found by an agent itself (discovered.depth = 1)".to_owned(),
            n => format!("{n} finders above it (discovered.depth = {})", rules.depth),
        });
    }
    let by_agents = |id: &&BeadId| scene.graph.bead(id).is_some_and(is_by_an_agent);
    let filed = count(scene.graph.found_at(id).filter(by_agents).count());
    if filed >= rules.per_bead {
        let limit = rules.per_bead;
        return refuse(format!(
            "found {filed} already (discovered.per_bead = {limit})"
        ));
    }
    let root = above.last().copied().unwrap_or(bead);
    let lately = count(found_lately(scene, root));
    if lately >= rules.per_hour {
        let (whose, limit) = (root.goal.as_ref().unwrap_or(&root.id), rules.per_hour);
        return refuse(format!(
            "a share in {whose}, where {lately} beads were found within an hour (discovered.per_hour = {limit})"
        ));
    }
    Ok(())
}

/// Lists the bead at which an agent found this one, the one at which one found that, and so on.
fn finders<'a>(graph: &'a Graph, bead: &'a Bead) -> impl Iterator<Item = &'a Bead> {
    let next = |bead: &&'a Bead| graph.bead(finder(bead).filter(|_| is_by_an_agent(bead))?);
    std::iter::successors(Some(bead), next)
        .skip(1)
        .take(DEEPEST)
}

/// Counts what agents have found within the last hour at the goal of `root`, or at `root` itself.
fn found_lately(scene: Scene<'_>, root: &Bead) -> usize {
    let graph = scene.graph;
    let mut open: Vec<&BeadId> = match root.goal.as_ref().and_then(|goal| graph.goal(goal)) {
        Some(goal) => goal.beads.iter().collect(),
        None => vec![&root.id],
    };
    let mut seen: BTreeSet<&BeadId> = open.iter().copied().collect();
    let mut lately = 0;
    let mut counted: BTreeSet<&BeadId> = BTreeSet::new();
    while let Some(id) = open.pop() {
        for found in graph.found_at(id) {
            let is_new = graph.bead(found).is_some_and(|found| {
                is_by_an_agent(found) && found.created_at.plus(HOUR) > scene.now
            });
            if is_new && counted.insert(found) {
                lately += 1;
            }
            if seen.insert(found) {
                open.push(found);
            }
        }
    }
    lately
}

fn is_by_an_agent(bead: &Bead) -> bool {
    matches!(bead.created_by, Actor::Lease { .. })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
