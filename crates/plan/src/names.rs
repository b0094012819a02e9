//! Names that planners and hands agree on: runs, branches, owners.
//!
//! A run's name says what it is for, so that a second try finds the first. It
//! begins with the owner of the worktree that it runs in and a dot, so that
//! whoever takes the worktree next can end what still runs there.

use gtd_core::{BeadId, CandidateId, Epoch, GateName, Oid, Queue, RigName, RunId, Target};

fn run_id(text: &str) -> RunId {
    RunId::parse(text).expect("made of valid names and short enough")
}

/// Names the run in which an agent works on a bead.
#[must_use]
pub fn work_run(bead: &BeadId, epoch: Epoch) -> RunId {
    run_id(&format!("{bead}.e{epoch}.work"))
}

/// Names the run of a bead's acceptance check.
#[must_use]
pub fn check_run(bead: &BeadId, epoch: Epoch, index: usize) -> RunId {
    run_id(&format!("{bead}.e{epoch}.check{index}"))
}

/// Names the run of a gate in a worker's worktree.
#[must_use]
pub fn worker_gate_run(bead: &BeadId, epoch: Epoch, gate: &GateName) -> RunId {
    run_id(&format!("{bead}.e{epoch}.gate-{gate}"))
}

/// Names the owner of the worktree in which a candidate's gates run.
#[must_use]
pub fn merge_gate_owner(candidate: &CandidateId, queue: &Queue) -> String {
    format!("{candidate}.g{}", queue.generation)
}

/// Names the run of a gate on a candidate.
#[must_use]
pub fn merge_gate_run(candidate: &CandidateId, queue: &Queue, gate: &GateName) -> RunId {
    run_id(&format!("{}.{gate}", merge_gate_owner(candidate, queue)))
}

/// Names the owner of the worktree in which gates run on the target itself.
#[must_use]
pub fn base_gate_owner(rig: &RigName, commit: &Oid, queue: &Queue) -> String {
    let short = &commit.as_str()[..10];
    format!("base-{rig}-{short}.g{}", queue.generation)
}

/// Names the run of a gate on the target itself.
#[must_use]
pub fn base_gate_run(rig: &RigName, commit: &Oid, queue: &Queue, gate: &GateName) -> RunId {
    run_id(&format!("{}.{gate}", base_gate_owner(rig, commit, queue)))
}

/// Names the owner of the worktree in which a goal's own checks run on the target.
#[must_use]
pub fn accept_owner(goal: &BeadId, commit: &Oid) -> String {
    format!("{goal}.accept-{}", &commit.as_str()[..10])
}

/// Names the run of one of a goal's own checks on the target; `retry` counts the earlier
/// runs that said nothing about the work.
#[must_use]
pub fn accept_run(goal: &BeadId, commit: &Oid, index: usize, retry: u32) -> RunId {
    let owner = accept_owner(goal, commit);
    if retry == 0 {
        run_id(&format!("{owner}.{index}"))
    } else {
        run_id(&format!("{owner}.{index}.r{retry}"))
    }
}

/// Names a candidate after the commit that would land.
#[must_use]
pub fn candidate_id(commit: &Oid, retry: u32) -> CandidateId {
    let short = &commit.as_str()[..10];
    let text = if retry == 0 {
        format!("mr-{short}")
    } else {
        format!("mr-{short}.r{retry}")
    };
    CandidateId::parse(&text).expect("hex digits and a number")
}

/// Names the branch of an attempt.
#[must_use]
pub fn branch_name(bead: &BeadId, epoch: Epoch) -> String {
    format!("gtd/{bead}/e{epoch}")
}

/// Names the owner of the worktree of an attempt.
#[must_use]
pub fn attempt_owner(bead: &BeadId, epoch: Epoch) -> String {
    format!("{bead}.e{epoch}")
}

/// Names the ref that keeps a candidate from being collected.
#[must_use]
pub fn candidate_ref(candidate: &CandidateId) -> String {
    format!("refs/gtd/candidates/{candidate}")
}

/// Names the worktree in which the refinery runs the gates of a target.
#[must_use]
pub fn gate_slot(target: &Target) -> String {
    format!("refinery-{}", target.short_ref().replace('/', "-"))
}

/// Names the worktree in which the mayor checks what a goal on a target asked for.
#[must_use]
pub fn accept_slot(target: &Target) -> String {
    format!("mayor-{}", target.short_ref().replace('/', "-"))
}
