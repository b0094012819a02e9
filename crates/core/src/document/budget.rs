//! The caps that there are, and how far each is used.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Dollars, View};
use crate::{Bead, Cap, CapScope, Moment, Purse, RigName};

/// How much of something there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts<T> {
    /// The most.
    pub limit: T,
    /// What is gone.
    pub spent: T,
    /// What attempts at work hold back.
    pub reserved: T,
}

/// One cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetDoc {
    /// `town`, the name of a rig, or the id of a goal or bead.
    pub scope: String,
    /// What it is for: `bead`, `convoy`, `day`, `hour` or `plan`.
    pub per: String,
    /// In words.
    pub text: String,
    /// The money, where it counts that.
    pub usd: Option<Amounts<Dollars>>,
    /// The tokens, where it counts these.
    pub tokens: Option<Amounts<u64>>,
    /// Some of what is gone is estimated.
    #[serde(default)]
    pub estimated: bool,
    /// How much is gone, in percent.
    pub percent: u64,
    /// When something of what is gone counts no more.
    pub again: Option<Moment>,
    /// The command that raises it by half.
    pub raise: String,
}

impl BudgetDoc {
    fn of(cap: &Cap) -> Self {
        let (scope, per) = match &cap.scope {
            CapScope::Bead(bead) => (bead.to_string(), "bead"),
            CapScope::Convoy(goal) => (goal.to_string(), "convoy"),
            CapScope::Day(rig) => (rig.to_string(), "day"),
            CapScope::TownDay => ("town".to_owned(), "day"),
            CapScope::Hour(rig) => (rig.to_string(), "hour"),
            CapScope::Plan(rig) => (rig.to_string(), "plan"),
            CapScope::Review(rig) => (rig.to_string(), "review"),
        };
        let is_tokens = matches!(cap.scope, CapScope::Hour(_));
        Self {
            scope,
            per: per.to_owned(),
            text: text(cap),
            usd: (!is_tokens).then_some(Amounts {
                limit: Dollars(cap.limit),
                spent: Dollars(cap.spent),
                reserved: Dollars(cap.reserved),
            }),
            tokens: is_tokens.then_some(Amounts {
                limit: cap.limit,
                spent: cap.spent,
                reserved: cap.reserved,
            }),
            estimated: cap.estimated,
            percent: cap.percent(),
            again: cap.again.map(Moment),
            raise: cap.raise(0).cmd,
        }
    }

    /// Tells whether all of it is gone or held back.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        let money = self
            .usd
            .map(|usd| (usd.limit.0, usd.spent.0, usd.reserved.0));
        let tokens = self.tokens.map(|of| (of.limit, of.spent, of.reserved));
        money
            .or(tokens)
            .is_some_and(|(limit, spent, reserved)| spent.saturating_add(reserved) >= limit)
    }

    /// Tells whether most of it is gone.
    #[must_use]
    pub fn is_nearly_used(&self) -> bool {
        /// Percent of a cap from which on a person wants to know.
        const NEARLY: u64 = 80;
        self.percent >= NEARLY
    }
}

fn text(cap: &Cap) -> String {
    let held = match cap.reserved {
        0 => String::new(),
        held => format!(", {} held back", cap.amount(held)),
    };
    format!(
        "{}: {} of {} spent{held}",
        cap.name(),
        cap.gone(),
        cap.amount(cap.limit)
    )
}

/// Lists the caps on the town, on rigs, and on goals that have not ended.
#[must_use]
pub fn budget_docs(view: View<'_>, rig: Option<&RigName>) -> Vec<BudgetDoc> {
    let graph = view.graph;
    let purse = Purse::new(graph, view.now);
    let of_rig = |name: &RigName| rig.is_none_or(|rig| rig == name);
    let rigs = graph.rigs().filter(|known| of_rig(&known.name));
    let goals = graph.open_goals().filter_map(|(id, _)| graph.bead(id));
    let goals = goals.filter(|goal| of_rig(&goal.rig));
    let of_goals = goals.flat_map(|goal| purse.caps(goal));
    let mut told = BTreeSet::new();
    rigs.flat_map(|known| purse.caps_of_rig(&known.name))
        .chain(of_goals)
        .filter(|cap| told.insert(cap.scope.clone()))
        .map(|cap| BudgetDoc::of(&cap))
        .collect()
}

/// Lists the caps that an attempt at a bead, or at the plan of a goal, counts to.
#[must_use]
pub fn budgets_of(view: View<'_>, bead: &Bead) -> Vec<BudgetDoc> {
    let purse = Purse::new(view.graph, view.now);
    purse.caps(bead).iter().map(BudgetDoc::of).collect()
}
