//! A database that fails on demand, in front of a real one.

use std::sync::{Arc, Mutex};

use crate::kv::{DatabaseError, Kv, Page, Writes};

/// How the fatal call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing of it is done.
    Before,
    /// All of it is done, and then it says that it failed.
    After,
    /// The first third of a batch reaches the disk.
    Torn,
    /// Nothing of it is done, for want of space.
    NoSpace,
}

/// Counts the writing calls of all databases that share it, and fails at one; all later calls fail too.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) fatal_call: u64,
    pub(crate) failure: Failure,
    pub(crate) calls: u64,
}

pub(crate) struct Faulty {
    inner: Box<dyn Kv>,
    plan: Arc<Mutex<Plan>>,
}

impl Faulty {
    pub(crate) fn new(inner: Box<dyn Kv>, plan: &Arc<Mutex<Plan>>) -> Self {
        Self {
            inner,
            plan: Arc::clone(plan),
        }
    }

    fn call(&mut self, act: Act) -> Result<(), DatabaseError> {
        let (is_fatal, is_dead, failure) = {
            let mut plan = self.plan.lock().unwrap();
            plan.calls += 1;
            (
                plan.calls == plan.fatal_call,
                plan.calls > plan.fatal_call,
                plan.failure,
            )
        };
        if is_dead {
            return Err(injected(failure));
        }
        if is_fatal {
            match (failure, act) {
                (Failure::Torn, Act::Apply(mut writes)) => {
                    let third = writes.0.len() / 3;
                    writes.0.truncate(third);
                    self.inner.apply(writes)?;
                    self.inner.flush()?;
                }
                (Failure::After, act) => self.pass(act)?,
                (Failure::Before | Failure::NoSpace | Failure::Torn, _) => {}
            }
            return Err(injected(failure));
        }
        self.pass(act)
    }

    fn pass(&mut self, act: Act) -> Result<(), DatabaseError> {
        match act {
            Act::Apply(writes) => self.inner.apply(writes),
            Act::Flush => self.inner.flush(),
            Act::Sync => self.inner.sync(),
        }
    }
}

enum Act {
    Apply(Writes),
    Flush,
    Sync,
}

fn injected(failure: Failure) -> DatabaseError {
    DatabaseError::Io(match failure {
        Failure::NoSpace => std::io::Error::from_raw_os_error(nix::errno::Errno::ENOSPC as i32),
        _ => std::io::Error::other("injected"),
    })
}

impl Kv for Faulty {
    fn apply(&mut self, writes: Writes) -> Result<(), DatabaseError> {
        self.call(Act::Apply(writes))
    }

    fn flush(&mut self) -> Result<(), DatabaseError> {
        self.call(Act::Flush)
    }

    fn sync(&mut self) -> Result<(), DatabaseError> {
        self.call(Act::Sync)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DatabaseError> {
        self.inner.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8]) -> Result<Page, DatabaseError> {
        self.inner.range(from, to)
    }
}
