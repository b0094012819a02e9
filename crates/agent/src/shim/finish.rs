//! Leaves the last word of a run.

use std::time::{Duration, Instant};

use gtd_core::Timestamp;

use crate::{
    folder::{self, Folder, Keep},
    shim::{chain, now, output::Output},
    state::{End, Exit},
};

/// How the run ended.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) timed_out: bool,
    pub(super) stopped: bool,
    pub(super) left_behind: u32,
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
    };
    gtd_fault::point("shim.before-exit-file");
    // After a power cut the run is lost without it, as are the files that it wrote just before:
    // a success that outlives its work would be worse. But half a word would be a riddle.
    // The last word is worth waiting for: a full disk may have room in a while.
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match folder.write(folder::EXIT, &exit, Keep::Wholly) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(chain(&error)),
            Err(_) => std::thread::sleep(Duration::from_millis(500)),
        }
    }
}
