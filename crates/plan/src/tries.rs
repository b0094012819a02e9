//! What says nothing about the work is tried again, and not for ever.

use gtd_core::{Bead, FaultClass, RunId, Verdict};

use crate::{Effect, Plan, RunSeen, Seen};

/// How often a check is run that says nothing about the work.
pub(crate) const TRIES: u32 = 3;
/// So many attempts in a row that ended without anybody's fault: the next such end counts.
pub(crate) const PATIENCE: usize = 4;

/// Lists the runs of one check, as far as each before the last said nothing about the work.
pub(crate) fn tries(seen: &Seen, name: impl Fn(u32) -> RunId) -> Vec<RunId> {
    let mut runs = Vec::new();
    for retry in 0..TRIES {
        let run = name(retry);
        let says_nothing = match seen.run(&run) {
            Some(RunSeen::Lost) => true,
            Some(RunSeen::Ended(end)) => end.verdict() == Verdict::Infra,
            _ => false,
        };
        runs.push(run);
        if !says_nothing {
            break;
        }
    }
    runs
}

/// Ends what the lost ones of these runs left running, before somebody else works in their place.
pub(crate) fn sweep(plan: &mut Plan, seen: &Seen, runs: &[RunId]) {
    for run in runs {
        if matches!(seen.run(run), Some(RunSeen::Lost)) {
            plan.act(Effect::SweepLost { run: run.clone() });
        }
    }
}

/// Tells whether a bead's last attempts all ended so that it can hardly be chance any more.
pub(crate) fn is_no_chance(bead: &Bead, is_so: impl Fn(&FaultClass) -> bool) -> bool {
    let in_a_row = bead
        .attempts
        .iter()
        .rev()
        .filter(|attempt| attempt.ended.is_some())
        .take_while(|attempt| attempt.fault.as_ref().is_some_and(|why| is_so(&why.class)))
        .count();
    in_a_row >= PATIENCE
}
