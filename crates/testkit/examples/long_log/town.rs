//! The graph and the store, moved on together by the rules.

use std::{path::Path, time::Duration};

use gtd_core::{Actor, Ask, BeadId, Command, Envelope, Event, Graph, RequestId, Timestamp, decide};
use gtd_store::{Options, Record, Store};

use crate::dice::Dice;

/// How many records go to the disk together.
const BATCH: usize = 1000;
/// The first moment of the history.
const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

pub(crate) type Failure = Box<dyn std::error::Error>;

/// A town without roles: its rules, its state and its log.
pub(crate) struct Town {
    graph: Graph,
    store: Store,
    waiting: Vec<Record>,
    now: Timestamp,
}

impl Town {
    /// Opens a store that is still empty.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let (store, opened) = Store::open(dir, &Options::default())?;
        if opened.head.0 > 0 {
            return Err(format!("{} holds a log already", dir.display()).into());
        }
        Ok(Self {
            graph: Graph::default(),
            store,
            waiting: Vec::new(),
            now: BEGIN,
        })
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn events(&self) -> u64 {
        self.graph.revision().0
    }

    /// Tells whether a bead could begin now.
    pub(crate) fn is_ready(&self, bead: &BeadId) -> bool {
        let found = self.graph.bead(bead);
        found.is_some_and(|bead| self.graph.is_ready(bead, self.now))
    }

    /// Lets time pass.
    pub(crate) fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    /// Asks as `by`, and keeps what was decided.
    pub(crate) fn ask(
        &mut self,
        dice: &mut Dice,
        by: &Actor,
        command: Command,
    ) -> Result<Vec<Event>, Failure> {
        self.now = Timestamp(self.now.0 + 1 + i64::try_from(dice.below(900))?);
        let request = format!("{:016x}-{:016x}", dice.bits(), dice.bits());
        let ask = Ask {
            by: by.clone(),
            request: Some(RequestId::parse(&request)?),
            expected: None,
            command,
        };
        let events = decide(&self.graph, &ask, self.now)
            .map_err(|why| format!("{:?} was refused: {why}", ask.command))?;
        for event in &events {
            let envelope = Envelope {
                at: self.now,
                by: ask.by.clone(),
                request: ask.request.clone(),
                cause: None,
                event: event.clone(),
            };
            let revision = self.graph.revision().next();
            self.graph.apply(revision, &envelope);
            self.waiting.push(Record {
                revision,
                request: ask.request.clone(),
                body: serde_json::to_string(&envelope)?.into(),
            });
        }
        if self.waiting.len() >= BATCH {
            self.flush()?;
        }
        Ok(events)
    }

    /// Makes durable what waits.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.store.append(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}
