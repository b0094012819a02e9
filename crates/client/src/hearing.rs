//! Hearing of every call that a client makes: for a person who wants to see what a command does.

use std::{fmt, sync::Arc, time::Duration};

use crate::ClientError;

/// One call, as it went.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// Service and method.
    pub method: &'static str,
    /// How long it took.
    pub took: Duration,
    /// Why it was not answered as it should be.
    pub failed: Option<&'a ClientError>,
}

/// What hears of every call.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&Called<'_>) + Send + Sync>);

impl Listener {
    /// Makes a listener.
    pub fn new(hear: impl Fn(&Called<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(crate) fn hear(&self, called: &Called<'_>) {
        (self.0)(called);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
