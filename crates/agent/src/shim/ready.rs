//! Waits for signals and output at once.

use std::os::fd::BorrowedFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::state::Kind;

/// Which descriptors have something.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ready {
    pub(super) signals: bool,
    out: bool,
    err: bool,
}

impl Ready {
    pub(super) fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Out => self.out,
            Kind::Err => self.err,
            Kind::Note => false,
        }
    }
}

/// Waits until one of them has something or the time is over.
pub(super) fn wait_for(
    signals: BorrowedFd<'_>,
    out: Option<BorrowedFd<'_>>,
    err: Option<BorrowedFd<'_>>,
    timeout: PollTimeout,
) -> Ready {
    let mut fds = vec![PollFd::new(signals, PollFlags::POLLIN)];
    fds.extend(
        out.iter()
            .chain(err.iter())
            .map(|fd| PollFd::new(*fd, PollFlags::POLLIN)),
    );
    if poll(&mut fds, timeout).is_err() {
        return Ready::default();
    }
    let mut any = fds.iter().map(|fd| fd.any().unwrap_or(true));
    Ready {
        signals: any.next().unwrap_or(false),
        out: out.is_some() && any.next().unwrap_or(false),
        err: err.is_some() && any.next().unwrap_or(false),
    }
}
