//! The worktrees of standing members: made once, then left to the member, put away when a person
//! wants it.
//!
//! Only the mark of the worktree is looked at in each pass, and never git: what a member does in it
//! is its own business.

use gtd_core::{Command, CrewMember, CrewOutcome, CrewState, Graph, Target};

use crate::{Checkout, Effect, Plan, Question, Seen, standing_owner, turns};

pub(crate) fn look(graph: &Graph, seen: &Seen) -> Vec<Question> {
    let mut questions = Vec::new();
    for member in graph.crew() {
        questions.extend(turns::look(member));
        if matches!(member.state, CrewState::Leaving { .. }) {
            continue;
        }
        questions.push(Question::Owner {
            rig: member.rig.clone(),
            slot: member.slot(),
        });
        if lacks_its_worktree(member, seen)
            && let Some(target) = target(graph, member)
        {
            questions.push(Question::Tip(target));
        }
    }
    questions
}

/// Plans for each member by itself: one whose worktree cannot be made holds up nobody else.
pub(crate) fn plan(graph: &Graph, seen: &Seen) -> Vec<Plan> {
    let members = graph.crew();
    members
        .map(|member| plan_member(graph, seen, member))
        .collect()
}

fn plan_member(graph: &Graph, seen: &Seen, member: &CrewMember) -> Plan {
    let mut plan = Plan::default();
    let Some(target) = target(graph, member) else {
        return plan;
    };
    let slot = member.slot();
    if let CrewState::Leaving { discard } = member.state {
        plan.act(Effect::PutAwayCrew {
            member: member.name.clone(),
            target,
            slot,
            branch: member.branch(),
            discard,
        });
        return plan;
    }
    if seen.is_owned_by(&member.rig, &slot, &standing_owner(&member.name)) {
        if member.state == CrewState::Coming {
            plan.tell(Command::ConcludeCrew {
                member: member.name.clone(),
                outcome: CrewOutcome::Ready,
                why: String::new(),
            });
        }
        return plan;
    }
    // Not looked at is no proof that it is not there.
    if !lacks_its_worktree(member, seen) {
        return plan;
    }
    let start = seen.tip(&target).and_then(|tip| match &tip.at {
        Some(at) if !tip.branch_is_ahead => Some(at),
        _ => tip.branch.as_ref(),
    });
    let Some(start) = start else {
        return plan;
    };
    plan.act(Effect::EnsureWorktree {
        rig: member.rig.clone(),
        slot,
        checkout: Checkout::Standing {
            member: member.name.clone(),
            branch: member.branch(),
            start: start.clone(),
        },
    });
    plan
}

fn lacks_its_worktree(member: &CrewMember, seen: &Seen) -> bool {
    let owner = seen.owner(&member.rig, &member.slot());
    owner.is_some_and(|owner| owner.is_none_or(|owner| owner.owner != standing_owner(&member.name)))
}

fn target(graph: &Graph, member: &CrewMember) -> Option<Target> {
    Some(graph.rig(&member.rig)?.usual_target())
}
