//! Budgets: what may be spent, on what, and what is told when that is not enough.
//!
//! Amounts are millionths of a dollar; those of an hour are tokens. What is
//! spent and held back is kept by the graph (`graph/money.rs`); who may begin
//! is worked out in `graph/purse.rs`.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::{Deserialize, Serialize};

use crate::{BeadId, RigName, RuntimeName, Timestamp, explain::NextStep};

const DAY_MS: i64 = 86_400_000;

/// What the configuration and the role files let be spent on a rig; what is none has no end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BudgetRules {
    /// One bead, over all attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bead: Option<u64>,
    /// One attempt at the plan of a goal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<u64>,
    /// One review of what was handed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<u64>,
    /// One goal with its beads and its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convoy: Option<u64>,
    /// The rig, in one local day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<u64>,
    /// All rigs together, in one local day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town_day: Option<u64>,
    /// Tokens of the rig, in any hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_hour: Option<u64>,
    /// How far the local day is before that of UTC, in seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset_s: i32,
    /// The runtimes whose work costs nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub free: BTreeSet<RuntimeName>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl BudgetRules {
    /// Tells whether nothing was said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether the work of a runtime costs something: that of scripts does not.
    #[must_use]
    pub fn costs(&self, runtime: &str) -> bool {
        let is_script = runtime == crate::config::SHELL || runtime == crate::config::DEMO;
        !is_script && !self.free.iter().any(|free| free.as_str() == runtime)
    }

    /// Returns the number of the local day.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> i64 {
        (at.0 + self.offset_ms()).div_euclid(DAY_MS)
    }

    /// Returns when the local day after this moment begins.
    #[must_use]
    pub fn next_day(&self, at: Timestamp) -> Timestamp {
        Timestamp((self.day_of(at) + 1) * DAY_MS - self.offset_ms())
    }

    fn offset_ms(&self) -> i64 {
        i64::from(self.offset_s) * 1_000
    }
}

/// What a cap is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapScope {
    /// One bead.
    Bead(BeadId),
    /// One goal with its beads.
    Convoy(BeadId),
    /// One rig, today.
    Day(RigName),
    /// All rigs, today.
    TownDay,
    /// Tokens of one rig, in the last hour.
    Hour(RigName),
    /// One attempt at a plan on a rig.
    Plan(RigName),
    /// One review on a rig.
    Review(RigName),
}

/// A cap, and how far it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// What it is on.
    pub scope: CapScope,
    /// The most.
    pub limit: u64,
    /// What is gone.
    pub spent: u64,
    /// Some of that is estimated.
    pub estimated: bool,
    /// What attempts at work hold back.
    pub reserved: u64,
    /// When something of what is gone counts no more.
    pub again: Option<Timestamp>,
}

impl Cap {
    /// Returns what nobody has spent or holds back.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.limit
            .saturating_sub(self.spent)
            .saturating_sub(self.reserved)
    }

    /// Returns how much of it is spent, in percent.
    #[must_use]
    pub fn percent(&self) -> u64 {
        match self.limit {
            0 => 100,
            limit => {
                u64::try_from(u128::from(self.spent) * 100 / u128::from(limit)).unwrap_or(u64::MAX)
            }
        }
    }

    /// Writes an amount as this cap counts it.
    #[must_use]
    pub fn amount(&self, amount: u64) -> String {
        match self.scope {
            CapScope::Hour(_) => format!("{amount} tokens"),
            _ => usd(amount),
        }
    }

    /// Writes what is gone.
    #[must_use]
    pub fn gone(&self) -> String {
        marked(&self.amount(self.spent), self.estimated)
    }

    /// Says what it is on.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.scope {
            CapScope::Bead(bead) => format!("the budget of {bead}"),
            CapScope::Convoy(goal) => format!("the budget of the goal {goal}"),
            CapScope::Day(rig) => format!("today's budget of {rig}"),
            CapScope::TownDay => "today's budget of the town".to_owned(),
            CapScope::Hour(rig) => format!("the hour's budget of {rig}"),
            CapScope::Plan(rig) => format!("the budget of a plan of {rig}"),
            CapScope::Review(rig) => format!("the budget of a review of {rig}"),
        }
    }

    /// Returns the command with which a person raises it so far that `wanted` is free.
    #[must_use]
    pub fn raise(&self, wanted: u64) -> NextStep {
        let most = self
            .spent
            .saturating_add(self.reserved)
            .saturating_add(wanted);
        let most = most.max(self.limit.saturating_add(self.limit / 2));
        let dollars = most.div_ceil(1_000_000);
        let cmd = match &self.scope {
            CapScope::Bead(id) | CapScope::Convoy(id) => {
                format!("gtd cost budget set {id} {dollars}")
            }
            CapScope::Day(rig) => format!("gtd rig set -r {rig} budget.day_usd={dollars}"),
            CapScope::TownDay => format!("gtd cost budget set town {dollars}"),
            CapScope::Hour(rig) => {
                format!("gtd rig set -r {rig} budget.tokens_per_hour={most}")
            }
            CapScope::Plan(rig) => format!("gtd rig set -r {rig} roles.mayor.usd={dollars}"),
            CapScope::Review(rig) => {
                format!("gtd rig set -r {rig} roles.reviewer.usd={dollars}")
            }
        };
        NextStep {
            cmd,
            text: format!("raise {}", self.name()),
        }
    }
}

/// Why nothing begins: a cap has not enough left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The cap.
    pub cap: Cap,
    /// What an attempt needs of it.
    pub wanted: u64,
}

impl Shortage {
    /// Says what is missing.
    #[must_use]
    pub fn text(&self) -> String {
        let cap = &self.cap;
        let is = match cap.spent < cap.limit {
            true => "has not enough left",
            false => "is used up",
        };
        let mut text = format!(
            "{} {is}: {} of {} spent",
            cap.name(),
            cap.gone(),
            cap.amount(cap.limit)
        );
        if cap.reserved > 0 {
            let _ = write!(
                text,
                ", {} held back for who is at work",
                cap.amount(cap.reserved)
            );
        }
        if cap.spent < cap.limit {
            let wanted = cap.amount(self.wanted);
            let _ = write!(text, "; an attempt usually needs {wanted}");
        }
        text
    }

    /// Tells whether it may go on without a person: with time, or when who is at work uses less
    /// than it holds back.
    #[must_use]
    pub fn clears_by_itself(&self) -> bool {
        let cap = &self.cap;
        let needed = self.wanted.min(cap.limit);
        let is_held_back = cap.reserved > 0 && cap.spent.saturating_add(needed) <= cap.limit;
        cap.again.is_some() || is_held_back
    }

    /// Returns the command that ends it.
    #[must_use]
    pub fn next(&self) -> NextStep {
        self.cap.raise(self.wanted)
    }
}

/// Writes millionths of a dollar for people.
#[must_use]
pub fn usd(micros: u64) -> String {
    match micros {
        0 => "$0".to_owned(),
        1..10_000 => format!("${}.{:04}", micros / 1_000_000, micros / 100 % 10_000),
        _ => format!("${}.{:02}", micros / 1_000_000, micros / 10_000 % 100),
    }
}

/// Marks an amount as an estimate, when it is one.
#[must_use]
pub fn marked(amount: &str, estimated: bool) -> String {
    match estimated {
        true => format!("~{amount}"),
        false => amount.to_owned(),
    }
}

/// Reads dollars, with or without the sign: `20`, `$2.50`.
#[must_use]
pub fn usd_of_words(text: &str) -> Option<u64> {
    /// More than anybody means.
    const MOST: f64 = 1e9;
    let text = text.trim();
    let number: f64 = text.strip_prefix('$').unwrap_or(text).parse().ok()?;
    usd_of_number(number).filter(|_| number <= MOST)
}

/// Turns a number of dollars into millionths of one.
#[must_use]
pub fn usd_of_number(dollars: f64) -> Option<u64> {
    let is_money = dollars.is_finite() && dollars >= 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, not negative, and saturates"
    )]
    is_money.then(|| (dollars * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_day_ends_at_local_midnight() {
        let rules = BudgetRules {
            offset_s: 2 * 3_600,
            ..BudgetRules::default()
        };
        // 1970-01-02 in UTC begins two hours later than there.
        let before = Timestamp(DAY_MS - 2 * 3_600_000 - 1);
        assert_eq!(rules.day_of(before), 0);
        assert_eq!(rules.next_day(before), Timestamp(before.0 + 1));
        assert_eq!(rules.day_of(Timestamp(before.0 + 1)), 1);
    }

    #[test]
    fn dollars_are_read_and_written_without_a_loss() {
        assert_eq!(usd_of_words("$2.50"), Some(2_500_000));
        assert_eq!(usd_of_words("20"), Some(20_000_000));
        for bad in ["", "$", "-1", "nan", "inf", "1e12", "two"] {
            assert_eq!(usd_of_words(bad), None, "{bad}");
        }
        assert_eq!(usd(2_500_000), "$2.50");
        assert_eq!(usd(4_200), "$0.0042");
        assert_eq!(usd(0), "$0");
    }
}
