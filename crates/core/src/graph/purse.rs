//! What an attempt may hold back, so that what is spent and held back never exceeds a cap.
//!
//! An attempt holds back what its bead may still cost, or what is left of the
//! nearest cap where that is less. It begins with no less than it may need:
//! what attempts on the rig usually use, else a quarter of what a bead may cost.

use std::collections::BTreeMap;

use super::{Graph, money::Used};
use crate::{
    Bead, BeadId, BeadType, BudgetRules, Cap, CapScope, Reserved, RigName, RuntimeName, Shortage,
    Timestamp,
};

/// What an attempt may cost when nobody says so, in millionths of a dollar.
const USD: u64 = 3_000_000;
/// The tokens of an attempt when nobody knows them.
const TOKENS: u64 = 250_000;

/// What everybody at work holds back, and what is left for the next one.
#[derive(Debug)]
pub struct Purse<'a> {
    pub(super) graph: &'a Graph,
    now: Timestamp,
    goals: BTreeMap<BeadId, u64>,
    rigs: BTreeMap<RigName, Used>,
}

impl<'a> Purse<'a> {
    /// Counts what the leases in effect hold back.
    #[must_use]
    pub fn new(graph: &'a Graph, now: Timestamp) -> Self {
        let mut purse = Self {
            graph,
            now,
            goals: BTreeMap::new(),
            rigs: BTreeMap::new(),
        };
        for bead in graph.leased().chain(graph.planning()) {
            let held = graph.held_back(bead);
            purse.put(bead, held);
        }
        for bead in graph.in_review() {
            purse.put(bead, graph.held_by_reviews(bead));
        }
        purse
    }

    /// Counts one more that begins.
    pub fn hold(&mut self, bead: &Bead, reserved: Reserved) {
        let held = Used {
            usd: reserved.usd_micros,
            tokens: reserved.tokens,
        };
        self.put(bead, held);
    }

    /// Returns what the attempt at work on a bead holds back and has not used, in millionths of a
    /// dollar.
    #[must_use]
    pub fn held(&self, bead: &Bead) -> u64 {
        self.graph.held_back(bead).usd
    }

    fn put(&mut self, bead: &Bead, held: Used) {
        if held == Used::default() {
            return;
        }
        let goal = bead.goal.as_ref().unwrap_or(&bead.id);
        *self.goals.entry(goal.clone()).or_default() += held.usd;
        let of_rig = self.rigs.entry(bead.rig.clone()).or_default();
        of_rig.usd += held.usd;
        of_rig.tokens += held.tokens;
    }

    /// Returns what an attempt at a bead is to hold back.
    ///
    /// # Errors
    /// When a cap has not enough left for it.
    pub fn reserve(&self, bead: &Bead) -> Result<Reserved, Shortage> {
        match bead.wished_runtime() {
            Some(runtime) => self.reserve_for(bead, runtime),
            None => Ok(Reserved::default()),
        }
    }

    /// Returns what an attempt at the plan of a goal is to hold back.
    ///
    /// # Errors
    /// When a cap has not enough left for it.
    pub fn reserve_plan(&self, goal: &Bead, runtime: &RuntimeName) -> Result<Reserved, Shortage> {
        self.reserve_for(goal, runtime.as_str())
    }

    /// Returns what a review of a submission is to hold back.
    ///
    /// # Errors
    /// When a cap has not enough left for it.
    pub fn reserve_review(&self, bead: &Bead, runtime: &RuntimeName) -> Result<Reserved, Shortage> {
        let rules = self.rules(bead);
        let Some(rules) = rules.filter(|rules| rules.costs(runtime.as_str())) else {
            return Ok(Reserved::default());
        };
        if rules.review == Some(0) {
            return Err(nothing_allowed(CapScope::Review(bead.rig.clone())));
        }
        let usd = rules.review.unwrap_or(USD);
        // What attempts at work use says nothing of a look at them.
        let wish = Wish {
            is_said: rules.review.is_some(),
            most: Used {
                usd,
                tokens: TOKENS,
            },
            usd: usd / 4,
        };
        reserve_of(&self.caps_of(bead, rules), &wish)
    }

    fn reserve_for(&self, bead: &Bead, runtime: &str) -> Result<Reserved, Shortage> {
        let Some(rules) = self.rules(bead).filter(|rules| rules.costs(runtime)) else {
            return Ok(Reserved::default());
        };
        if let Some(short) = no_plan(bead, rules) {
            return Err(short);
        }
        reserve_of(&self.caps_of(bead, rules), &self.wish(bead, rules))
    }

    /// Checks that an attempt at a bead may begin with what it wants to hold back: no cap is
    /// exceeded by it, and it is enough.
    ///
    /// # Errors
    /// With the cap that has not enough left, or of which too little would be held back.
    pub fn check(&self, bead: &Bead, reserved: Reserved) -> Result<(), Shortage> {
        let runtime = bead.wished_runtime().unwrap_or_default();
        let Some(rules) = self.rules(bead).filter(|rules| rules.costs(runtime)) else {
            return Ok(());
        };
        let wish = self.wish(bead, rules);
        let caps = self.caps_of(bead, rules);
        let smallest = smallest(&caps);
        for cap in caps {
            let wanted = match cap.scope {
                CapScope::Hour(_) => reserved.tokens,
                _ => reserved.usd_micros,
            };
            if wanted > cap.free() || wanted < wish.least(&cap, smallest) {
                let wanted = wanted.max(wish.usual(&cap));
                return Err(Shortage { cap, wanted });
            }
        }
        Ok(())
    }

    /// Lists the caps that an attempt at a bead counts to, with how far each is used.
    #[must_use]
    pub fn caps(&self, bead: &Bead) -> Vec<Cap> {
        self.rules(bead)
            .map(|rules| self.caps_of(bead, rules))
            .unwrap_or_default()
    }

    /// Lists the caps on a rig and on the town.
    #[must_use]
    pub fn caps_of_rig(&self, rig: &RigName) -> Vec<Cap> {
        let rules = self.graph.rig(rig).map(|rig| &rig.rules.budget);
        rules.map_or_else(Vec::new, |rules| self.shared(rig, rules).collect())
    }

    pub(super) fn rules(&self, bead: &Bead) -> Option<&'a BudgetRules> {
        Some(&self.graph.rig(&bead.rig)?.rules.budget)
    }

    fn caps_of(&self, bead: &Bead, rules: &BudgetRules) -> Vec<Cap> {
        self.of_bead(bead, rules)
            .into_iter()
            .chain(self.of_goal(bead, rules))
            .chain(self.shared(&bead.rig, rules))
            .collect()
    }

    fn of_bead(&self, bead: &Bead, rules: &BudgetRules) -> Option<Cap> {
        if bead.spec.kind == BeadType::Goal {
            return None;
        }
        let spent = self.graph.spent_on_bead(&bead.id);
        Some(Cap {
            limit: bead.spec.budget_micros.or(rules.bead)?,
            spent: spent.usd,
            estimated: spent.is_estimate(),
            reserved: self.graph.held_back(bead).usd + self.graph.held_by_reviews(bead).usd,
            again: None,
            scope: CapScope::Bead(bead.id.clone()),
        })
    }

    fn of_goal(&self, bead: &Bead, rules: &BudgetRules) -> Option<Cap> {
        let id = match &bead.goal {
            Some(goal) => goal,
            None if bead.spec.kind == BeadType::Goal => &bead.id,
            None => return None,
        };
        let goal = self.graph.bead(id)?;
        let spent = self.graph.spent_on_goal(id);
        Some(Cap {
            limit: goal.spec.budget_micros.or(rules.convoy)?,
            spent: spent.usd,
            estimated: spent.is_estimate(),
            reserved: self.goals.get(id).copied().unwrap_or(0),
            again: None,
            scope: CapScope::Convoy(id.clone()),
        })
    }

    fn shared(&self, rig: &RigName, rules: &BudgetRules) -> impl Iterator<Item = Cap> {
        let (graph, now) = (self.graph, self.now);
        let held = self.rigs.get(rig).copied().unwrap_or_default();
        let tomorrow = Some(rules.next_day(now));
        // What the user says for the whole town stands in each rig's configuration as well.
        let own = rules.day.filter(|day| rules.town_day != Some(*day));
        let (today, in_town) = (graph.spent_today(rig, now), graph.spent_today_in_town(now));
        let day = own.map(|limit| Cap {
            limit,
            spent: today.usd,
            estimated: today.is_estimate(),
            reserved: held.usd,
            again: tomorrow.filter(|_| limit > 0),
            scope: CapScope::Day(rig.clone()),
        });
        let town = rules.town_day.map(|limit| Cap {
            limit,
            spent: in_town.usd,
            estimated: in_town.is_estimate(),
            reserved: self.rigs.values().map(|held| held.usd).sum(),
            again: tomorrow.filter(|_| limit > 0),
            scope: CapScope::TownDay,
        });
        let hour = rules.tokens_per_hour.map(|limit| {
            let (spent, again) = graph.tokens_last_hour(rig, now);
            Cap {
                limit,
                spent,
                estimated: false,
                reserved: held.tokens,
                again: again.filter(|_| limit > 0),
                scope: CapScope::Hour(rig.clone()),
            }
        });
        town.into_iter().chain(day).chain(hour)
    }

    fn wish(&self, bead: &Bead, rules: &BudgetRules) -> Wish {
        let said = match bead.spec.kind {
            BeadType::Goal => rules.plan,
            _ => bead.spec.budget_micros.or(rules.bead),
        };
        let usd = said.unwrap_or(USD);
        let usual = self.graph.usual_usd(&bead.rig);
        Wish {
            is_said: said.is_some(),
            most: Used {
                usd,
                tokens: self.graph.usual_tokens(&bead.rig).unwrap_or(TOKENS),
            },
            usd: usual.unwrap_or(usd / 4).min(usd),
        }
    }
}

/// Holds back of all caps what is wished for, or what is left where that is less.
fn reserve_of(caps: &[Cap], wish: &Wish) -> Result<Reserved, Shortage> {
    let mut reserved = match (caps.is_empty(), wish.is_said) {
        (true, false) => Reserved::default(),
        _ => Reserved {
            usd_micros: wish.most.usd,
            ..Reserved::default()
        },
    };
    let smallest = smallest(caps);
    for cap in caps {
        if cap.free() < wish.least(cap, smallest) {
            let (cap, wanted) = (cap.clone(), wish.usual(cap));
            return Err(Shortage { cap, wanted });
        }
        match cap.scope {
            CapScope::Hour(_) => reserved.tokens = wish.usual(cap).min(cap.free()),
            _ => reserved.usd_micros = reserved.usd_micros.min(cap.free()),
        }
    }
    Ok(reserved)
}

/// What an attempt would like to hold back.
struct Wish {
    /// Somebody said what it may cost.
    is_said: bool,
    /// The most.
    most: Used,
    /// The least money with which it is worth to begin.
    usd: u64,
}

impl Wish {
    /// Returns what an attempt usually needs of a cap.
    fn usual(&self, cap: &Cap) -> u64 {
        let usual = match cap.scope {
            CapScope::Hour(_) => self.most.tokens,
            _ => self.usd,
        };
        usual.max(1)
    }

    /// Returns the least with which it may begin under a cap. No cap gives more than all of it,
    /// and what is held back of one is held back of all: so the smallest of them sets it.
    fn least(&self, cap: &Cap, smallest: u64) -> u64 {
        let limit = match cap.scope {
            CapScope::Hour(_) => cap.limit,
            _ => smallest,
        };
        self.usual(cap).min(limit).max(1)
    }
}

/// Says that no plan is made: who plans may spend nothing.
fn no_plan(bead: &Bead, rules: &BudgetRules) -> Option<Shortage> {
    let is_none = bead.spec.kind == BeadType::Goal && rules.plan == Some(0);
    is_none.then(|| nothing_allowed(CapScope::Plan(bead.rig.clone())))
}

/// Says that a role may spend nothing.
fn nothing_allowed(scope: CapScope) -> Shortage {
    Shortage {
        cap: Cap {
            scope,
            limit: 0,
            spent: 0,
            estimated: false,
            reserved: 0,
            again: None,
        },
        wanted: USD / 4,
    }
}

/// Returns the limit of the smallest cap on money.
fn smallest(caps: &[Cap]) -> u64 {
    let money = caps
        .iter()
        .filter(|cap| !matches!(cap.scope, CapScope::Hour(_)));
    money.map(|cap| cap.limit).min().unwrap_or(u64::MAX)
}
