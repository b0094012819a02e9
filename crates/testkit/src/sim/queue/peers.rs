//! What others do, as models: enough of each to tell how much its runs decide.
//!
//! | who | what |
//! |---|---|
//! | serial | one change after the other |
//! | batch of eight | all together; when they are red, each half, down to single ones |
//! | speculation | four prefixes at once on one machine; those behind a red one begin again |
//!
//! A red that would send a change back is looked at twice by all of them.

use std::collections::VecDeque;

use super::{
    super::rng::Rng,
    load::{Arrivals, Figures, Load},
};

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// One change after the other.
    Serial,
    /// Eight together, and halves of them when they are red.
    Batch,
    /// Four prefixes at once.
    Speculation,
}

struct Waiting {
    since: f64,
    is_wrong: bool,
}

struct Model<'a> {
    load: &'a Load,
    rng: Rng,
    now: f64,
    figures: Figures,
}

/// Batches of the model that takes several together.
const BATCH: usize = 8;
/// Prefixes that are tried at once.
const WINDOW: usize = 4;

impl Peer {
    /// Returns what it is called in a table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Batch => "batch 8 + bisect",
            Self::Speculation => "speculation, 4 at once",
        }
    }

    /// Puts it to a load: wrong changes and flakes, nothing else of it.
    #[must_use]
    pub fn run(self, load: &Load) -> Figures {
        let mut model = Model {
            load,
            rng: Rng::apart(load.seed, "peers"),
            now: 0.0,
            figures: Figures::default(),
        };
        let mut came = 0;
        let mut next = 0.0;
        let mut queue: VecDeque<Waiting> = VecDeque::new();
        while came < load.changes {
            match load.arrivals {
                Arrivals::Always(n) => {
                    while u64::try_from(queue.len()).unwrap_or(u64::MAX) < n {
                        queue.push_back(model.change(model.now));
                        came += 1;
                    }
                }
                Arrivals::PerGate(rate) => {
                    if queue.is_empty() {
                        model.now = model.now.max(next);
                    }
                    while next <= model.now && came < load.changes {
                        queue.push_back(model.change(next));
                        came += 1;
                        next += model.rng.gap(rate);
                    }
                }
            }
            match self {
                Self::Serial => model.serial(&mut queue),
                Self::Batch => model.batch(&mut queue),
                Self::Speculation => model.speculate(&mut queue),
            }
        }
        // What still waits has waited until now, and has not landed.
        for waiting in &queue {
            let waited = model.millis(model.now - waiting.since);
            model.figures.waits.push(waited);
        }
        model.figures
    }
}

impl Model<'_> {
    fn change(&mut self, since: f64) -> Waiting {
        Waiting {
            since,
            is_wrong: self.rng.chance(self.load.wrong),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time in milliseconds that is shown"
    )]
    fn millis(&self, gates: f64) -> u64 {
        let gate = f64::from(u32::try_from(self.load.gate_ms).unwrap_or(u32::MAX));
        (gates.max(0.0) * gate) as u64
    }

    fn is_red(&mut self, is_wrong: bool) -> bool {
        self.figures.runs += 1;
        is_wrong || self.rng.chance(self.load.flakes)
    }

    /// Runs the gate on one change alone, and again when it is red.
    fn single(&mut self, is_wrong: bool) -> bool {
        self.now += 1.0;
        let mut is_red = self.is_red(is_wrong);
        if is_red {
            self.now += 1.0;
            is_red = self.is_red(is_wrong);
        }
        is_red
    }

    fn decide(&mut self, change: &Waiting, is_red: bool) {
        let waited = self.millis(self.now - change.since);
        self.figures.waits.push(waited);
        self.figures.decided += 1;
        if is_red {
            self.figures.sent_back += 1;
            self.figures.false_rejects += u64::from(!change.is_wrong);
        } else {
            self.figures.landed += 1;
        }
    }

    fn serial(&mut self, queue: &mut VecDeque<Waiting>) {
        if let Some(change) = queue.pop_front() {
            let is_red = self.single(change.is_wrong);
            self.decide(&change, is_red);
        }
    }

    fn batch(&mut self, queue: &mut VecDeque<Waiting>) {
        let n = queue.len().min(BATCH);
        let all: Vec<Waiting> = queue.drain(..n).collect();
        self.halve(&all);
    }

    fn halve(&mut self, all: &[Waiting]) {
        match all {
            [] => {}
            [change] => {
                let is_red = self.single(change.is_wrong);
                self.decide(change, is_red);
            }
            _ => {
                self.now += 1.0;
                if self.is_red(all.iter().any(|change| change.is_wrong)) {
                    let (first, second) = all.split_at(all.len() / 2);
                    self.halve(first);
                    self.halve(second);
                } else {
                    for change in all {
                        self.decide(change, false);
                    }
                }
            }
        }
    }

    fn speculate(&mut self, queue: &mut VecDeque<Waiting>) {
        let n = queue.len().min(WINDOW);
        let mut reds = Vec::new();
        let mut is_wrong = false;
        for change in queue.iter().take(n) {
            is_wrong |= change.is_wrong;
            reds.push(is_wrong);
        }
        // They share one machine: all of them end when each has had its time.
        self.now += f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let first = reds
            .into_iter()
            .map(|is_wrong| self.is_red(is_wrong))
            .collect::<Vec<_>>()
            .into_iter()
            .position(|is_red| is_red);
        for _ in 0..first.unwrap_or(n) {
            if let Some(change) = queue.pop_front() {
                self.decide(&change, false);
            }
        }
        if first.is_some()
            && let Some(change) = queue.pop_front()
        {
            self.now += 1.0;
            let is_red = self.is_red(change.is_wrong);
            self.decide(&change, is_red);
        }
    }
}
