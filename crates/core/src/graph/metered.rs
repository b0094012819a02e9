//! What is recorded of the usage of each run, so that each record counts only what is new.
//!
//! A run that names no price while it is at work counts at list prices. When
//! its program tells what it cost, that takes the place of the estimate.

use serde::{Deserialize, Serialize};

use super::Graph;
use crate::{ContextUse, RunId, Usage, UsageDelta};

/// What is recorded of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Metered {
    /// The number of the last record.
    pub sequence: u64,
    /// What was used; the price is the one that the program told.
    pub usage: Usage,
    /// What counts for it as long as the program has told no price, in millionths of a dollar.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub estimated: u64,
    /// How full the context of its session was at the last record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextUse>,
}

impl Metered {
    /// Takes a record, and returns what it takes the place of, in millionths of a dollar.
    pub(super) fn add(&mut self, delta: &UsageDelta) -> u64 {
        self.sequence = delta.sequence;
        self.context = delta.context.or(self.context);
        let told = (!delta.estimated && delta.usd_micros > 0).then_some(delta.usd_micros);
        self.usage = self.usage.plus(&Usage {
            input: delta.input,
            output: delta.output,
            cache_read: delta.cache_read,
            cache_write: delta.cache_write,
            usd_micros: told,
        });
        match told {
            Some(_) => std::mem::take(&mut self.estimated),
            None => {
                self.estimated += delta.usd_micros;
                0
            }
        }
    }

    /// Returns what has to be recorded so that `used` is, as it was read off line `line`; none
    /// when that is known.
    #[must_use]
    pub fn delta(
        &self,
        run: &RunId,
        line: u64,
        used: &Usage,
        estimated: bool,
    ) -> Option<UsageDelta> {
        if line <= self.sequence {
            return None;
        }
        let told = self.usage.usd_micros;
        let known = match (estimated, told) {
            (true, None) => self.estimated,
            // What the program told is not made better by a list.
            (true, Some(_)) => u64::MAX,
            (false, _) => told.unwrap_or(0),
        };
        let new = used.since(&self.usage);
        let delta = UsageDelta {
            run: run.clone(),
            sequence: line,
            input: new.input,
            output: new.output,
            cache_read: new.cache_read,
            cache_write: new.cache_write,
            usd_micros: used.usd_micros.unwrap_or(0).saturating_sub(known),
            estimated: estimated && used.usd_micros.is_some(),
            context: None,
        };
        let is_nothing = new.tokens() == 0 && delta.usd_micros == 0;
        (!is_nothing).then_some(delta)
    }
}

impl Graph {
    /// Returns what is recorded of a run.
    #[must_use]
    pub fn metered(&self, run: &RunId) -> Metered {
        self.facts.usage.get(run).copied().unwrap_or_default()
    }

    /// Takes a record of usage, and returns what it takes the place of, in millionths of a dollar.
    pub(super) fn meter(&mut self, usage: &UsageDelta) -> u64 {
        let metered = self.facts.usage.entry(usage.run.clone()).or_default();
        let replaced = metered.add(usage);
        let spend = &mut self.facts.spend;
        spend.input += usage.input + usage.cache_read + usage.cache_write;
        spend.output += usage.output;
        spend.usd_micros = (spend.usd_micros + usage.usd_micros).saturating_sub(replaced);
        if usage.estimated {
            spend.estimated_micros += usage.usd_micros;
        }
        spend.estimated_micros = spend.estimated_micros.saturating_sub(replaced);
        replaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(input: u64, usd_micros: Option<u64>) -> Usage {
        Usage {
            input,
            usd_micros,
            ..Usage::default()
        }
    }

    fn run() -> RunId {
        RunId::parse("gt-1.e1.work").expect("a name")
    }

    #[test]
    fn only_what_is_new_is_recorded_and_nothing_twice() {
        let mut metered = Metered::default();
        let first = metered.delta(&run(), 3, &used(100, Some(40)), true);
        let first = first.expect("something new");
        assert_eq!(
            (first.input, first.usd_micros, first.estimated),
            (100, 40, true)
        );
        assert_eq!(metered.add(&first), 0);
        assert_eq!(metered.delta(&run(), 3, &used(100, Some(40)), true), None);
        assert_eq!(metered.delta(&run(), 4, &used(100, Some(40)), true), None);
        let second = metered.delta(&run(), 5, &used(150, Some(70)), true);
        let second = second.expect("something new");
        assert_eq!((second.input, second.usd_micros), (50, 30));
        metered.add(&second);
        assert_eq!(metered.estimated, 70);
    }

    #[test]
    fn what_the_program_tells_takes_the_place_of_what_was_estimated() {
        let mut metered = Metered::default();
        let guess = metered.delta(&run(), 1, &used(100, Some(70)), true);
        metered.add(&guess.expect("something new"));
        let told = metered.delta(&run(), 2, &used(100, Some(50)), false);
        let told = told.expect("a price");
        assert_eq!(
            (told.input, told.usd_micros, told.estimated),
            (0, 50, false)
        );
        assert_eq!(metered.add(&told), 70);
        assert_eq!((metered.estimated, metered.usage.usd_micros), (0, Some(50)));
        assert_eq!(metered.delta(&run(), 3, &used(100, Some(70)), true), None);
    }
}
