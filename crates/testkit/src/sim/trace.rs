//! What happened, line by line, and one hash over all of it.

use std::collections::VecDeque;

use super::rng::hash;

/// Lines that are kept when not all are.
const KEPT: usize = 250;

/// The trace of one town.
#[derive(Debug)]
pub(super) struct Trace {
    lines: VecDeque<String>,
    is_whole: bool,
    pub(super) hash: u64,
}

impl Trace {
    pub(super) fn new(is_whole: bool) -> Self {
        Self {
            lines: VecDeque::new(),
            is_whole,
            hash: 0,
        }
    }

    pub(super) fn note(&mut self, tick: u32, at: u64, text: &str) {
        self.hash = hash(self.hash ^ at, text);
        if !self.is_whole && self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        let (seconds, millis) = (at / 1_000, at % 1_000);
        self.lines
            .push_back(format!("{tick:5} {seconds:6}.{millis:03} {text}"));
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
