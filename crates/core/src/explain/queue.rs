//! The reason of a bead that was handed in: its place in the merge queue, and what holds the queue.

use super::{
    WaitReason,
    bead::{Found, count, observed, paused},
    halt_text,
    look::Look,
};
use crate::{
    Allowance, Bead, HaltKind, HoldKind, MergeHold, Purse, Queue, Reviewing, Verdict, review_run,
};

/// Says that the policy of its goal lets nothing land.
fn lands_nothing(look: Look<'_>, bead: &Bead) -> Option<Found> {
    let goal = bead.goal.as_ref()?;
    if !look.graph.policy_of(bead).lands_nothing() {
        return None;
    }
    let name = look.graph.policy_name(bead);
    let name = name.map_or_else(String::new, |name| format!(" {name}"));
    let text = format!("it is handed in, and the policy{name} of its goal lands nothing");
    let found = Found::new(WaitReason::Approval, text, bead.since)
        .then("under a policy that lands work its gates run on the merged tree")
        .next(format!("gtd review {}", bead.id), "what it is")
        .next(
            format!("gtd convoy edit {goal} --policy attended"),
            "let it land",
        );
    Some(found)
}

/// Finds what a submission waits for.
pub(super) fn handed_in(look: Look<'_>, bead: &Bead) -> Found {
    let Look {
        graph,
        observations,
        ..
    } = look;
    let id = &bead.id;
    if let Some(pause) = graph
        .pause_of(bead)
        .or_else(|| graph.pause_of_role("refinery"))
    {
        return paused(pause);
    }
    if let Some(found) = unapproved(look, bead) {
        return found;
    }
    let reviewing = graph.reviewing(bead);
    if reviewing.is_waiting() {
        return reviewed(look, bead, reviewing);
    }
    if let Some(found) = lands_nothing(look, bead) {
        return found;
    }
    let target = graph.target_of(bead);
    let Some((target, queue)) = target
        .as_ref()
        .and_then(|target| Some((target, graph.queue(target)?)))
    else {
        if let Some(hold) = target
            .as_ref()
            .and_then(|target| hold_of(look, target, None))
        {
            return held(hold);
        }
        return Found::new(
            WaitReason::MergeQueue,
            "handed in; the refinery looks at it next",
            bead.since,
        )
        .then("its gates run on the merged tree")
        .evidence("gtd logs refinery -n 20", "what the refinery does");
    };
    if let Some(halt) = &queue.halt {
        let reason = match halt.kind {
            HaltKind::MainRed => WaitReason::MainRed,
            HaltKind::GateInfra => WaitReason::GateInfra,
        };
        let rig = &bead.rig;
        return Found::new(reason, halt_text(observations, queue, halt), halt.since)
            .then("the queue goes on when the branch moves or you resume it")
            .evidence(format!("gtd logs {}", halt.run), "the gate's output")
            .next(format!("gtd resume {rig}"), "run the gate again");
    }
    let in_candidate = queue
        .candidate
        .as_ref()
        .filter(|candidate| candidate.members.iter().any(|member| member.bead == *id));
    if let Some(hold) = hold_of(look, target, in_candidate) {
        return held(hold);
    }
    let is_suspect = queue.suspects.contains(id);
    if is_suspect {
        let n = queue.suspects.len();
        return Found::new(
            WaitReason::Bisecting,
            if n == 1 {
                "a batch was red; this one is still under suspicion".to_owned()
            } else {
                format!("a batch was red; {n} of it are still under suspicion")
            },
            bead.since,
        )
        .then("green parts land, the culprit goes back to a worker")
        .evidence("gtd logs refinery -n 20", "the splits so far");
    }
    if let Some(candidate) = in_candidate {
        if let Some(seen) = observations.about(id.as_str()).next() {
            return observed(seen)
                .then("green lands, red goes back with its output")
                .evidence(format!("gtd logs {}", candidate.id), "the gates' output");
        }
        return Found::new(
            WaitReason::GateRunning,
            format!(
                "candidate {} of {} is in its gates",
                candidate.id,
                count(candidate.members.len(), "bead")
            ),
            candidate.formed_at,
        )
        .then("green lands, red goes back with its output")
        .evidence(format!("gtd logs {}", candidate.id), "the gates' output");
    }
    if let Some(seen) = observations
        .about(id.as_str())
        .find(|seen| matches!(seen.reason, WaitReason::Review | WaitReason::Signature))
    {
        return observed(seen).then("its gates run on the merged tree");
    }
    if let Some(seen) = observations
        .about(id.as_str())
        .find(|seen| seen.reason == WaitReason::Overlap)
    {
        return observed(seen)
            .then("when that lands it is done anew on top of it, else it goes in as it is");
    }
    in_line(look, bead, target, queue)
}

/// Says that a submission changes what only a person lets through.
fn unapproved(look: Look<'_>, bead: &Bead) -> Option<Found> {
    let report = look.graph.unapproved(bead)?;
    let head = bead.attempt(bead.epoch)?.head.as_ref()?;
    let id = &bead.id;
    let text = format!("it changes {}, which waits for your yes", report.files());
    let found = Found::new(WaitReason::Approval, text, bead.since)
        .then("it goes into the next candidate, and its gates run on the merged tree")
        .evidence(
            format!("gtd review {id}"),
            "what it changes, and what protects that",
        )
        .next(
            format!("gtd approve {id} --at {}", head.short()),
            "let exactly this commit into the queue",
        )
        .next(
            format!("gtd review {id} --changes TEXT"),
            "send it back with what is to be otherwise",
        )
        .next(format!("gtd reject {id} -m WHY"), "give it up");
    Some(found)
}

/// Says how far the review of a submission is.
fn reviewed(look: Look<'_>, bead: &Bead, reviewing: Reviewing<'_>) -> Found {
    let id = &bead.id;
    let yes = |found: Found| {
        found.next(
            format!("gtd review {id} --approve"),
            "look at it yourself, and let it merge",
        )
    };
    let then = "with a yes it goes into the merge queue, else back to a worker";
    if let Reviewing::GivenUp(review) = reviewing {
        let since = review.ended.unwrap_or(review.began);
        let found = Found::new(WaitReason::Review, reviewing.text(), since)
            .needs_person()
            .then(then)
            .evidence(format!("gtd review {id}"), "the work, and what was said");
        return yes(found).next(
            format!("gtd review {id} --changes TEXT"),
            "send it back with what is to be otherwise",
        );
    }
    if let (Reviewing::Wanted, Some(pause)) = (reviewing, look.graph.pause_of_role("reviewer")) {
        return paused(pause);
    }
    if let Some(seen) = look.observations.about(id.as_str()).next() {
        return yes(observed(seen).then(then));
    }
    let Reviewing::Open(review) = reviewing else {
        return Found::new(WaitReason::Review, reviewing.text(), bead.since)
            .then(then)
            .evidence("gtd logs refinery -n 20", "what the refinery does");
    };
    let purse = Purse::new(look.graph, look.now);
    let allowance = purse.allowance_of_review(bead, bead.epoch, review);
    let short = allowance.filter(Allowance::is_nearly_used);
    let text = match &short {
        None => reviewing.text(),
        Some(short) => format!("{}; {}", reviewing.text(), short.text()),
    };
    let run = review_run(id, bead.epoch, review.number, 0);
    Found::new(WaitReason::Review, text, review.began)
        .then(then)
        .evidence(format!("gtd logs {run} -f"), "what it prints")
}

/// Finds the hold on merges that a submission waits for: a pause holds what is in no candidate,
/// a freeze what would land now.
fn hold_of<'a>(
    look: Look<'a>,
    target: &crate::Target,
    candidate: Option<&crate::Candidate>,
) -> Option<&'a MergeHold> {
    let kind = match candidate {
        None => HoldKind::Pause,
        Some(candidate) if candidate.verdict == Some(Verdict::Passed) => HoldKind::Freeze,
        Some(_) => return None,
    };
    look.graph.hold_of(&target.rig, kind, look.now)
}

fn held(hold: &MergeHold) -> Found {
    let text = format!(
        "the merges of {} are {} by {}",
        hold.rig,
        hold.kind.word(),
        hold.blame()
    );
    let mut found = Found::new(WaitReason::Paused, text, hold.since)
        .until(hold.until)
        .then("its gates run, and it lands when they are green")
        .evidence("gtd merge list", "what is held and since when")
        .next(format!("gtd merge resume -r {}", hold.rig), "end the hold");
    found.by_itself = hold.until.is_some();
    found
}

fn in_line(look: Look<'_>, bead: &Bead, target: &crate::Target, queue: &Queue) -> Found {
    let (position, n) = look.graph.place_in_queue(target, bead);
    let draining = match &queue.candidate {
        Some(candidate) => format!("a candidate of {} is in test", candidate.members.len()),
        None if !queue.suspects.is_empty() => format!(
            "a batch was red, and {} of it are tried before",
            queue.suspects.len()
        ),
        None => "the refinery forms the next candidate".to_owned(),
    };
    Found::new(
        WaitReason::MergeQueue,
        format!("position {position} of {n}; {draining}"),
        bead.since,
    )
    .then("its gates run on the merged tree")
    .evidence("gtd logs refinery -n 20", "what the refinery does")
}
