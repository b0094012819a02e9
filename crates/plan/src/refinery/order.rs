//! Submissions as they go into a candidate, and how one that does not fit comes back.

use gtd_core::{
    Bead, Candidate, Command, Fault, FaultClass, Graph, Member, Observation, Oid, Phase, Target,
    WaitReason,
};

use crate::{
    AssemblyMember, AssemblyOrder, ConflictSeen,
    evidence::{begin, line, named},
};

/// Tells whether somebody took a member back; the target is known not to have it.
pub(super) fn has_lost_a_member(graph: &Graph, candidate: &Candidate) -> bool {
    candidate.members.iter().any(|wanted| {
        let known = graph.bead(&wanted.bead).and_then(member);
        known.as_ref() != Some(wanted)
    })
}

/// Tells whether a member came to need the yes of a person or of a reviewer after it went into the
/// candidate.
pub(super) fn waits_for_yes(graph: &Graph, candidate: &Candidate) -> bool {
    let mut members = candidate.members.iter();
    members.any(|member| {
        let bead = graph.bead(&member.bead);
        bead.is_some_and(|bead| {
            graph.unapproved(bead).is_some()
                || graph.reviewing(bead).is_waiting()
                || graph.policy_of(bead).lands_nothing()
        })
    })
}

pub(super) fn member(bead: &Bead) -> Option<Member> {
    match &bead.phase {
        Phase::Submitted { epoch, head, .. } => Some(Member {
            bead: bead.id.clone(),
            epoch: *epoch,
            head: head.clone(),
        }),
        _ => None,
    }
}

pub(super) fn order(target: &Target, base: &Oid, beads: &[&Bead]) -> AssemblyOrder {
    AssemblyOrder {
        target: target.clone(),
        base: base.clone(),
        members: beads
            .iter()
            .filter_map(|bead| {
                let member = member(bead)?;
                Some(AssemblyMember {
                    bead: member.bead,
                    epoch: member.epoch,
                    head: member.head,
                    title: bead.spec.title.clone(),
                    goal: bead.goal.clone(),
                })
            })
            .collect(),
    }
}

/// Sends a submission back that does not merge, with what both sides wanted.
pub(super) fn conflict(bead: &Bead, target: &Target, found: &ConflictSeen) -> Command {
    /// Files that are kept in the record.
    const KEPT: usize = 100;
    let onto = target.short_ref();
    let files = &found.files;
    let (class, text) = if files.is_empty() {
        // Its agent went somewhere else: from the same place the next attempt would do the same.
        let criterion = format!("it stands on the history of {onto}");
        let text = format!("it shares no history with {onto}");
        (FaultClass::Check { criterion }, text)
    } else {
        let kept = files.iter().take(KEPT).cloned().collect();
        let text = format!("it does not merge onto {onto}: {}", named(files));
        (FaultClass::Conflict { files: kept }, text)
    };
    Command::SendBack {
        bead: bead.id.clone(),
        epoch: bead.epoch,
        why: Fault {
            class,
            text: line(&text),
            evidence: both_sides(bead, onto, found),
            run: None,
        },
    }
}

/// Says what the two sides of a conflict are: the titles say what each of them wanted.
fn both_sides(bead: &Bead, onto: &str, found: &ConflictSeen) -> String {
    if found.theirs.is_empty() {
        return String::new();
    }
    let theirs: Vec<String> = found.theirs.iter().map(|text| line(text)).collect();
    let mut text = format!(
        "this side, {}: {}\nthe other side, on {onto} meanwhile:\n  {}\n",
        bead.id,
        line(&bead.spec.title),
        theirs.join("\n  ")
    );
    if !found.diff.is_empty() {
        text.push_str("what that changed in the same files:\n");
        text.push_str(&found.diff);
    }
    begin(&text)
}

/// Says that a submission waits for what is before it and changes the same lines.
pub(super) fn behind(bead: &Bead, files: &[String]) -> Observation {
    Observation {
        subject: bead.id.to_string(),
        reason: WaitReason::Overlap,
        text: format!(
            "it does not merge behind what is before it in the queue: {}",
            named(files)
        ),
        since: bead.since,
        until: None,
    }
}
