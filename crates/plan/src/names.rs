//! Names that planners and hands agree on: runs, branches, owners.
//!
//! A run's name says what it is for, so that a second try finds the first. It
//! begins with the owner of the worktree that it runs in and a dot, so that
//! whoever takes the worktree next can end what still runs there.

use gtd_core::{
    BeadId, CandidateId, Epoch, Gate, GateAsk, GateName, Lease, Oid, Queue, Revision, RigName,
    RunId, SeatName, Target,
};

/// What the runs of notices are called: they stay longer than others, so that nobody is told twice.
pub const NOTICE: &str = "notice-";

fn run_id(text: &str) -> RunId {
    RunId::parse(text).expect("made of valid names and short enough")
}

/// Names a run that proves something: one that proved something else has another name.
fn proof_run(name: &str, command: &str, retry: u32) -> RunId {
    let digest = u32::try_from(fnv(command.as_bytes()) >> 32).expect("the upper half");
    let mut text = format!("{name}-{digest:08x}");
    if retry > 0 {
        text.push_str(&format!(".r{retry}"));
    }
    run_id(&text)
}

/// Names the run in which an agent works on a bead.
#[must_use]
pub fn work_run(bead: &BeadId, epoch: Epoch) -> RunId {
    run_id(&format!("{bead}.e{epoch}.work"))
}

/// Names the run of one turn of an agent on a bead: the first is the work run, and those after
/// it go on in its session.
#[must_use]
pub fn turn_run(bead: &BeadId, epoch: Epoch, turn: u32) -> RunId {
    match turn {
        0 => work_run(bead, epoch),
        turn => run_id(&format!("{bead}.e{epoch}.work.t{turn}")),
    }
}

/// Tells which turn of its attempt a lease is at, by the run that was seen last.
#[must_use]
pub fn turn_of(lease: &Lease) -> u32 {
    lease.run.as_ref().map_or(0, turn_in)
}

/// Tells which turn of its attempt a run is.
pub(crate) fn turn_in(run: &RunId) -> u32 {
    let turn = run.as_str().rsplit_once(".work.t");
    turn.and_then(|(_, turn)| turn.parse().ok()).unwrap_or(0)
}

/// Names what is proven after one turn of an attempt.
fn proven(bead: &BeadId, epoch: Epoch, turn: u32) -> String {
    match turn {
        0 => format!("{bead}.e{epoch}"),
        turn => format!("{bead}.e{epoch}.t{turn}"),
    }
}

/// Names the run of a bead's acceptance check after one turn; `retry` counts the earlier runs
/// that said nothing about the work.
#[must_use]
pub fn check_run(
    bead: &BeadId,
    epoch: Epoch,
    turn: u32,
    index: usize,
    command: &str,
    retry: u32,
) -> RunId {
    let name = format!("{}.check{index}", proven(bead, epoch, turn));
    proof_run(&name, command, retry)
}

/// Names the run of a gate in a worker's worktree after one turn; `retry` counts the earlier
/// runs that said nothing about the work.
#[must_use]
pub fn worker_gate_run(bead: &BeadId, epoch: Epoch, turn: u32, gate: &Gate, retry: u32) -> RunId {
    let name = format!("{}.gate-{}", proven(bead, epoch, turn), gate.name);
    proof_run(&name, gate.for_worker(), retry)
}

/// Names how often a queue was begun anew and a gate was run again, for a name.
fn again(queue: &Queue, turn: u32) -> String {
    match turn {
        0 => format!("g{}", queue.generation),
        turn => format!("g{}t{turn}", queue.generation),
    }
}

/// Names the owner of the worktree in which a candidate's gates run; `turn` counts the runs of
/// the same gate before.
#[must_use]
pub fn merge_gate_owner(candidate: &CandidateId, queue: &Queue, turn: u32) -> String {
    format!("{candidate}.{}", again(queue, turn))
}

/// Names the run of a gate on a candidate.
#[must_use]
pub fn merge_gate_run(candidate: &CandidateId, queue: &Queue, gate: &GateName, turn: u32) -> RunId {
    let owner = merge_gate_owner(candidate, queue, turn);
    run_id(&format!("{owner}.{gate}"))
}

/// Names the owner of the worktree in which gates run on the target itself; `turn` counts the
/// runs of the same gate before.
#[must_use]
pub fn base_gate_owner(rig: &RigName, commit: &Oid, queue: &Queue, turn: u32) -> String {
    let short = &commit.as_str()[..10];
    format!("base-{rig}-{short}.{}", again(queue, turn))
}

/// Names the run of a gate on the target itself.
#[must_use]
pub fn base_gate_run(
    rig: &RigName,
    commit: &Oid,
    queue: &Queue,
    gate: &GateName,
    turn: u32,
) -> RunId {
    let owner = base_gate_owner(rig, commit, queue, turn);
    run_id(&format!("{owner}.{gate}"))
}

/// Names the owner of the worktree in which new tests run without the work that they are for.
#[must_use]
pub fn proof_owner(rig: &RigName, commit: &Oid, queue: &Queue) -> String {
    format!("proof-{rig}-{}.{}", &commit.as_str()[..10], again(queue, 0))
}

/// Names the run of a gate on new tests without the work that they are for.
#[must_use]
pub fn proof_gate_run(rig: &RigName, commit: &Oid, queue: &Queue, gate: &GateName) -> RunId {
    run_id(&format!("{}.{gate}", proof_owner(rig, commit, queue)))
}

/// Names the worktree in which new tests run without the work that they are for.
#[must_use]
pub fn proof_slot(target: &Target) -> String {
    // No ref begins with a slash, so no worktree of a target has such a name.
    format!("refinery-~proof~{}", slot_part(target))
}

/// Names the owner of the worktree in which a gate runs that a person asked for; `turn` counts
/// the runs of the same gate before.
#[must_use]
pub fn asked_owner(ask: &GateAsk, turn: u32) -> String {
    let GateAsk { number, since, .. } = ask;
    format!("asked-{}-{number}-{:x}.t{turn}", ask.rig, since.0)
}

/// Names the run of a gate that a person asked for.
#[must_use]
pub fn asked_run(ask: &GateAsk, gate: &Gate, turn: u32) -> RunId {
    run_id(&format!("{}.{}", asked_owner(ask, turn), gate.name))
}

/// Names the worktree in which gates run that people ask for.
#[must_use]
pub fn asked_slot() -> &'static str {
    "refinery-asked"
}

/// Names the owner of the worktree in which a goal's own checks run on its target, as it was
/// when the goal and its beads had last changed at `as_of`.
#[must_use]
pub fn accept_owner(goal: &BeadId, commit: &Oid, as_of: Revision) -> String {
    format!("{goal}.accept-{}-{as_of}", &commit.as_str()[..10])
}

/// Names the run of one of a goal's own checks in the worktree of `owner`; `retry` counts the
/// earlier runs that said nothing about the work.
#[must_use]
pub fn accept_run(owner: &str, index: usize, command: &str, retry: u32) -> RunId {
    proof_run(&format!("{owner}.{index}"), command, retry)
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

/// Tells of which attempt an owner of a worktree is; nothing when it is no attempt.
#[must_use]
pub fn attempt_of_owner(owner: &str) -> Option<(BeadId, Epoch)> {
    let (bead, epoch) = owner.rsplit_once(".e")?;
    attempt_of(bead, epoch)
}

/// Tells of which attempt a branch is, by its name without `refs/heads/`.
#[must_use]
pub fn attempt_of_branch(branch: &str) -> Option<(BeadId, Epoch)> {
    let (bead, epoch) = branch.strip_prefix("gtd/")?.split_once("/e")?;
    attempt_of(bead, epoch)
}

fn attempt_of(bead: &str, epoch: &str) -> Option<(BeadId, Epoch)> {
    Some((BeadId::parse(bead).ok()?, Epoch(epoch.parse().ok()?)))
}

/// Names the owner of the worktree of a standing member. No run and no attempt has such a name.
#[must_use]
pub fn standing_owner(member: &SeatName) -> String {
    format!("crew/{member}")
}

/// Names the ref that keeps a candidate from being collected.
#[must_use]
pub fn candidate_ref(candidate: &CandidateId) -> String {
    format!("refs/gtd/candidates/{candidate}")
}

/// Names the worktree in which the refinery runs the gates of a target.
#[must_use]
pub fn gate_slot(target: &Target) -> String {
    format!("refinery-{}", slot_part(target))
}

/// Names the seat, and the worktree, of an agent that plans a goal; `n` tells those of a rig apart.
#[must_use]
pub fn plan_seat(n: usize) -> SeatName {
    SeatName::parse(&format!("plan-{}", n + 1)).expect("a plain word and a number")
}

/// Names whoever reviews what was handed in, and the worktree; `n` tells those of a rig apart.
#[must_use]
pub fn review_seat(n: usize) -> SeatName {
    SeatName::parse(&format!("review-{}", n + 1)).expect("a plain word and a number")
}

/// Names the worktree in which the mayor checks what a goal on a target asked for.
#[must_use]
pub fn accept_slot(target: &Target) -> String {
    format!("mayor-{}", slot_part(target))
}

/// Turns a ref into a part of a folder's name: one for each ref, and never too long.
fn slot_part(target: &Target) -> String {
    /// Leaves room for the prefix and the digest.
    const LONGEST: usize = 100;
    // No ref holds a tilde.
    let mut text = target.short_ref().replace('/', "~");
    if text.len() > LONGEST {
        let digest = fnv(text.as_bytes());
        let mut end = LONGEST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(&format!("~{digest:016x}"));
    }
    text
}

/// The FNV-1a digest: the same in every version of every program.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use gtd_core::LandMode;

    use super::*;

    #[test]
    fn each_target_has_a_worktree_of_its_own() {
        let slot = |branch: &str| {
            gate_slot(&Target {
                rig: RigName::parse("repo").expect("a name"),
                r#ref: format!("refs/heads/{branch}"),
                mode: LandMode::Local,
                branch: branch.to_owned(),
            })
        };
        assert_eq!(slot("main"), "refinery-main");
        assert_ne!(slot("a/b"), slot("a-b"));
        assert!(!slot("a/b").contains('/'));
        let long = "é".repeat(120);
        assert!(slot(&long).len() < 150);
        assert_ne!(slot(&format!("{long}1")), slot(&format!("{long}2")));
    }

    #[test]
    fn an_attempt_is_read_out_of_the_names_that_it_gave() {
        let (bead, epoch) = (BeadId::parse("gt-1.e2").expect("a name"), Epoch(13));
        let attempt = Some((bead.clone(), epoch));
        assert_eq!(attempt_of_owner(&attempt_owner(&bead, epoch)), attempt);
        assert_eq!(attempt_of_branch(&branch_name(&bead, epoch)), attempt);
        for other in ["gtd/crew/ada", "gtd/integration/main", "gtd/gt-1/e", "main"] {
            assert_eq!(attempt_of_branch(other), None, "{other}");
        }
        for other in ["crew/ada", "mr-0123456789.g0", "gt-1.accept-0123456789-7"] {
            assert_eq!(attempt_of_owner(other), None, "{other}");
        }
    }

    #[test]
    fn the_longest_names_make_valid_runs() {
        /// More turns than an attempt has, and more tries than a check.
        const MOST_TURNS: u32 = 9;
        const MOST_TRIES: u32 = 9;
        let long = "n".repeat(100);
        let bead = BeadId::parse(&long).expect("a name");
        let gate = GateName::parse(&long).expect("a name");
        let worker_gate = Gate {
            name: gate.clone(),
            run: "true".to_owned(),
            when: gtd_core::GateWhen::Worker,
            timeout_ms: 1,
            env: std::collections::BTreeMap::new(),
            affected: None,
            junit: None,
        };
        let rig = RigName::parse(&long).expect("a name");
        let oid = Oid::parse(&"0".repeat(40)).expect("an oid");
        let epoch = Epoch(u64::MAX);
        let mut queue = Queue::new(Target {
            rig: rig.clone(),
            r#ref: "refs/heads/main".to_owned(),
            mode: LandMode::Local,
            branch: "main".to_owned(),
        });
        queue.generation = u32::MAX;
        let candidate = candidate_id(&oid, u32::MAX);
        let owner = accept_owner(&bead, &oid, Revision(u64::MAX));
        for run in [
            work_run(&bead, epoch),
            turn_run(&bead, epoch, MOST_TURNS),
            check_run(&bead, epoch, MOST_TURNS, usize::MAX, "true", MOST_TRIES),
            worker_gate_run(&bead, epoch, MOST_TURNS, &worker_gate, MOST_TRIES),
            merge_gate_run(&candidate, &queue, &gate, MOST_TRIES),
            base_gate_run(&rig, &oid, &queue, &gate, MOST_TRIES),
            proof_gate_run(&rig, &oid, &queue, &gate),
            accept_run(&owner, usize::MAX, "true", u32::MAX),
        ] {
            assert!(run.as_str().len() <= 250, "{run}");
        }
    }
}
