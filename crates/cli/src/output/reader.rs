//! Whether anybody still reads what is written.

use std::{io, time::Duration};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::sleep;

/// How often a quiet follower looks.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until the reader of stdout has gone away.
///
/// A quiet follower writes nothing for hours, so no failing write would tell it.
pub(crate) async fn reader_left() {
    while !is_alone() {
        sleep(LOOK).await;
    }
}

/// Tells whether stdout is a pipe or the like without a reader.
fn is_alone() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec::default();
    poll(&mut fds, Some(&at_once)).is_ok_and(|n| n > 0)
        && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}
