//! What tokens cost: the price of a runtime, and list prices of well-known models.
//!
//! A program that names its price is believed; this is for those that name none,
//! and for what a run has used before it says what that costs. What comes out is
//! an estimate and is told as one: a list price knows no subscription, no rebate
//! and no dearer tariff for long contexts.

use serde::{Deserialize, Serialize};

use crate::Usage;

/// What tokens cost, in millionths of a dollar for a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Price {
    /// Those that go in.
    pub input: u64,
    /// Those that come out.
    pub output: u64,
    /// Those that are read from the cache; as dear as those that go in when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Those that are written to the cache; as dear as those that go in when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
}

impl Price {
    /// Returns what a usage costs, in millionths of a dollar, rounded up.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> u64 {
        let parts = [
            (usage.input, self.input),
            (usage.output, self.output),
            (usage.cache_read, self.cache_read.unwrap_or(self.input)),
            (usage.cache_write, self.cache_write.unwrap_or(self.input)),
        ];
        let each = parts.map(|(tokens, price)| u128::from(tokens) * u128::from(price));
        let all = each.into_iter().sum::<u128>().div_ceil(1_000_000);
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    /// Tells whether the work costs nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let of_cache = self.cache_read.unwrap_or(0) + self.cache_write.unwrap_or(0);
        self.input == 0 && self.output == 0 && of_cache == 0
    }
}

/// One row of the list: a model, and thousandths of a dollar for a million tokens in, out, read
/// from the cache and written to it.
type Row = (&'static str, [u64; 4]);

/// List prices of October 2026, from the pricing pages of Anthropic and of `OpenAI`.
///
/// Dearer tariffs for long contexts are left out, but for the one model whose long contexts
/// begin where agents usually are (haiku 5.5). Where nothing is billed for writing to a cache,
/// no program tells such tokens, and the price of tokens in stands there.
const LIST: &[Row] = &[
    ("claude-fable-5-1", [10_000, 50_000, 250, 12_500]),
    ("claude-fable-5", [10_000, 50_000, 1_000, 12_500]),
    ("claude-opus-5-5", [4_000, 20_000, 200, 5_000]),
    ("claude-opus-5", [5_000, 25_000, 500, 6_250]),
    ("claude-opus-4-8", [5_000, 25_000, 500, 6_250]),
    ("claude-opus-4-7", [5_000, 25_000, 500, 6_250]),
    ("claude-opus-4-6", [5_000, 25_000, 500, 6_250]),
    ("claude-opus-4-5", [5_000, 25_000, 500, 6_250]),
    ("claude-opus-4-1", [15_000, 75_000, 1_500, 18_750]),
    ("claude-opus-4", [15_000, 75_000, 1_500, 18_750]),
    ("claude-sonnet-5-5", [2_000, 10_000, 100, 2_500]),
    ("claude-sonnet-5", [2_000, 10_000, 200, 2_500]),
    ("claude-sonnet-4-6", [3_000, 15_000, 300, 3_750]),
    ("claude-sonnet-4-5", [3_000, 15_000, 300, 3_750]),
    ("claude-sonnet-4", [3_000, 15_000, 300, 3_750]),
    ("claude-haiku-5-5", [500, 2_500, 50, 625]),
    ("claude-haiku-4-5", [1_000, 5_000, 100, 1_250]),
    ("gpt-6-astra", [10_000, 50_000, 1_000, 12_500]),
    ("gpt-6-sol", [2_000, 10_000, 200, 2_500]),
    ("gpt-6-luna", [100, 500, 10, 125]),
    ("gpt-5.6-sol", [5_000, 30_000, 500, 6_250]),
    ("gpt-5.6-terra", [2_000, 12_000, 200, 2_500]),
    ("gpt-5.6-luna", [200, 1_200, 20, 250]),
    ("gpt-5.5", [5_000, 30_000, 500, 5_000]),
    ("gpt-5.4", [2_500, 15_000, 250, 2_500]),
    ("gpt-5.4-mini", [750, 4_500, 75, 750]),
    ("gpt-5.4-nano", [200, 1_250, 20, 200]),
    ("gpt-5.3-codex", [1_750, 14_000, 175, 1_750]),
    ("gpt-5.2-codex", [1_750, 14_000, 175, 1_750]),
    ("gpt-5.2", [1_750, 14_000, 175, 1_750]),
    ("gpt-5.1-codex-mini", [250, 2_000, 25, 250]),
    ("gpt-5.1-codex-max", [1_250, 10_000, 125, 1_250]),
    ("gpt-5.1-codex", [1_250, 10_000, 125, 1_250]),
    ("gpt-5.1", [1_250, 10_000, 125, 1_250]),
    ("gpt-5-codex", [1_250, 10_000, 125, 1_250]),
    ("gpt-5-mini", [250, 2_000, 25, 250]),
    ("gpt-5", [1_250, 10_000, 125, 1_250]),
];

/// Returns the list price of a model; none when nobody knows it.
///
/// A name is known with a date, a provider or a kind of context around it, and with nothing else:
/// the next model of a family may cost ten times as much.
#[must_use]
pub fn list_price(model: &str) -> Option<Price> {
    let wanted = plain_name(model);
    let (_, price) = LIST.iter().find(|(name, _)| *name == wanted)?;
    let [input, output, cache_read, cache_write] = price.map(|thousandths| thousandths * 1_000);
    Some(Price {
        input,
        output,
        cache_read: Some(cache_read),
        cache_write: Some(cache_write),
    })
}

/// How many tokens models take at once, by their names.
///
/// Only what their programs or makers say; of others nothing is known, and nothing is metered.
const WINDOWS: &[(&str, u64)] = &[
    // What claude 2.1.330 prints of it (`modelUsage`).
    ("claude-opus-5-5", 1_000_000),
    ("claude-opus-4-5", 200_000),
    ("claude-opus-4-1", 200_000),
    ("claude-opus-4", 200_000),
    ("claude-sonnet-4-5", 200_000),
    ("claude-sonnet-4", 200_000),
    ("claude-haiku-4-5", 200_000),
];

/// Returns how many tokens a model takes at once; none when nobody knows.
#[must_use]
pub fn context_window(model: &str) -> Option<u64> {
    /// What stands behind the name of a model that is asked for with a long context.
    const LONG: &str = "[1m]";
    if model.ends_with(LONG) {
        return Some(1_000_000);
    }
    let wanted = plain_name(model);
    let mut known = WINDOWS.iter().filter(|(name, _)| *name == wanted);
    known.next().map(|(_, window)| *window)
}

/// Takes a provider before the name of a model off, and a date or a kind of context behind it.
fn plain_name(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.split(['[', '@', ':']).next().unwrap_or(name);
    let name = name.strip_suffix("-latest").unwrap_or(name);
    let mut rest = name;
    let mut digits = 0;
    while let Some((before, part)) = rest.rsplit_once('-') {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        rest = before;
        digits += part.len();
        // `20250929`, or `2025-09-29`; less than that is the number of a version.
        if part.len() >= 4 {
            return if digits == 8 { rest } else { name };
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name_whatever_stands_around_it() {
        let known = list_price("claude-opus-4-5");
        assert!(known.is_some());
        for name in [
            "claude-opus-4-5-20251101",
            "claude-opus-4-5@20251101",
            "claude-opus-4-5-latest",
            "claude-opus-4-5[1m]",
            "anthropic/claude-opus-4-5",
        ] {
            assert_eq!(list_price(name), known, "{name}");
        }
        assert_eq!(list_price("gpt-5-2025-08-07"), list_price("gpt-5"));
        assert_ne!(list_price("claude-opus-4-1"), known);
    }

    #[test]
    fn a_model_that_nobody_knows_has_no_context() {
        assert_eq!(context_window("claude-sonnet-4-5-20250929"), Some(200_000));
        assert_eq!(context_window("claude-sonnet-4-5[1m]"), Some(1_000_000));
        assert_eq!(context_window("m"), None);
    }

    #[test]
    fn a_model_that_nobody_knows_has_no_price() {
        for name in [
            "",
            "m",
            "gpt-5-pro",
            "claude-opus-9",
            "gpt-5-99",
            "o-20251101-x",
        ] {
            assert_eq!(list_price(name), None, "{name}");
        }
    }

    #[test]
    fn tokens_are_priced_by_kind_and_what_nobody_named_is_as_dear_as_input() {
        let usage = Usage {
            input: 1_000_000,
            output: 100_000,
            cache_read: 2_000_000,
            cache_write: 400_000,
            usd_micros: None,
        };
        let listed = list_price("claude-opus-5-5").expect("a known model");
        assert_eq!(
            listed.of(&usage),
            4_000_000 + 2_000_000 + 400_000 + 2_000_000
        );
        let own = Price {
            input: 1_000_000,
            output: 10_000_000,
            ..Price::default()
        };
        assert_eq!(own.of(&usage), 1_000_000 + 1_000_000 + 2_000_000 + 400_000);
        let one = Usage {
            input: 1,
            ..Usage::default()
        };
        assert_eq!(own.of(&one), 1, "nothing is free that has a price");
    }
}
