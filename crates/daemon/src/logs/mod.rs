//! The logs of the daemon and of its roles: JSON lines in files of bounded size.
//!
//! An event goes to the file of the role whose span surrounds it, everything
//! else to the file of the process. Each line has a number, so that a reader
//! can go on where it stopped, also over a rotation and a restart.

mod file;
mod layer;
mod read;

pub(crate) use self::{layer::start, read::LogReader};

/// The log of everything that belongs to no role.
pub(crate) const DAEMON: &str = "daemon";
