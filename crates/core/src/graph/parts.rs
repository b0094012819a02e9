//! A graph taken apart, so that a snapshot of it can be written and read in pieces.
//!
//! Nearly all of a graph is its beads. They are handed out in the order of
//! their ids; everything else is the frame, whose form nobody but this module
//! knows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Facts, Graph};
use crate::{Bead, Revision};

/// A graph without its beads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Frame(Facts);

impl Frame {
    /// Returns the revision of the graph.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.revision
    }
}

impl Graph {
    /// Takes the graph apart.
    #[must_use]
    pub fn into_parts(self) -> (Frame, Vec<Arc<Bead>>) {
        let mut facts = self.facts;
        let beads = std::mem::take(&mut facts.beads);
        (Frame(facts), beads.into_values().collect())
    }

    /// Puts a graph together again; its index is derived anew.
    #[must_use]
    pub fn from_parts(frame: Frame, beads: impl IntoIterator<Item = Bead>) -> Self {
        let mut facts = frame.0;
        let beads = beads
            .into_iter()
            .map(|bead| (bead.id.clone(), Arc::new(bead)));
        facts.beads = beads.collect();
        facts.into()
    }
}
