//! Leaves the last word of a run.

use std::time::{Duration, Instant};

use gtd_core::Timestamp;

use crate::{
    folder::{self, Folder, Keep},
    shim::{chain, now, output::Output},
    state::{End, Exit, ReportEnd},
};

/// How long the last word waits for room on the disk.
const PATIENCE: Duration = Duration::from_hours(24);
/// The wait between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// How the run ended.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) timed_out: bool,
    pub(super) stopped: bool,
    pub(super) left_behind: u32,
    pub(super) report: Option<ReportEnd>,
}

/// Writes the last word of the run.
pub(super) fn finish(
    folder: &Folder,
    started_at: Timestamp,
    output: &mut Output,
    ended: &Ended,
) -> Result<(), String> {
    output.finish();
    let (output_bytes, dropped_bytes) = output.totals();
    let exit = Exit {
        end: ended.end,
        timed_out: ended.timed_out,
        stopped: ended.stopped,
        started_at,
        ended_at: now(),
        output_bytes,
        dropped_bytes,
        left_behind: ended.left_behind,
        output_sha256: output.digest(),
        report: ended.report.clone(),
    };
    gtd_fault::point("shim.before-exit-file");
    // After a power cut the run is lost without it, as are the files that it wrote just before:
    // a success that outlives its work would be worse. But half a word would be a riddle.
    // The last word is worth waiting for: a full disk may have room in a while, and without it
    // work that is done would be done again.
    let until = Instant::now() + PATIENCE;
    loop {
        match folder.write(folder::EXIT, &exit, Keep::Wholly) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(chain(&error)),
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
}
