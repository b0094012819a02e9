//! What was spent, as far as budgets ask: by bead, by goal, by rig and day, by rig and hour.
//!
//! What an attempt holds back stands in its lease, so it is let go with the
//! lease, however that ends. What takes its place is what was metered; where
//! the last run told nothing, or has no price, all that was held back counts as
//! spent, until the record comes after all.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::Graph;
use crate::{
    Bead, BeadId, Epoch, Fault, FaultClass, Holder, HoldsUp, Lease, RigName, RunId, Timestamp,
    UsageDelta,
};

/// So long a part of an hour is kept as one number.
const SLOT_MS: i64 = 5 * 60_000;
/// An hour, in parts.
const SLOTS: i64 = 12;
/// So many attempts of a rig are remembered for what the next one may need.
const LEARNT: usize = 16;

/// What budgets ask of the past.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Money {
    #[serde(default)]
    beads: BTreeMap<BeadId, OfBead>,
    #[serde(default)]
    goals: BTreeMap<BeadId, Spent>,
    #[serde(default)]
    rigs: BTreeMap<RigName, OfRig>,
}

/// What one bead has used, and its last attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct OfBead {
    /// On all attempts, as metered.
    spent: Spent,
    /// The last attempt that held something back.
    epoch: Epoch,
    /// What that one used, as metered.
    attempt: Used,
    /// The last of its runs that told a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<RunId>,
    /// What counts for it as spent though nobody told.
    #[serde(default, skip_serializing_if = "is_zero")]
    guessed: u64,
}

/// What one rig has used lately.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct OfRig {
    /// The local day.
    day: i64,
    /// What was spent on it.
    spent: Spent,
    /// Tokens by parts of the last hour, each with its number.
    #[serde(default)]
    slots: VecDeque<(i64, u64)>,
    /// What the last attempts used, oldest first.
    #[serde(default)]
    learnt: VecDeque<Used>,
}

/// Money that is gone, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// All of it.
    pub usd: u64,
    /// What of it no program told: it is estimated, or it is what was held back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated: u64,
}

impl Spent {
    /// Money that a program told.
    fn told(usd: u64) -> Self {
        Self { usd, estimated: 0 }
    }

    /// Money that no program told.
    pub(super) fn guessed(usd: u64) -> Self {
        Self {
            usd,
            estimated: usd,
        }
    }

    /// Tells whether some of it is estimated.
    #[must_use]
    pub fn is_estimate(self) -> bool {
        self.estimated > 0
    }

    /// Adds two amounts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            usd: self.usd + other.usd,
            estimated: self.estimated + other.estimated,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            usd: self.usd.saturating_sub(other.usd),
            estimated: self.estimated.saturating_sub(other.estimated),
        }
    }
}

/// An amount of both kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Used {
    /// Millionths of a dollar.
    pub(super) usd: u64,
    /// Tokens, in and out.
    pub(super) tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Returns the lease of a bead that gtd has hired somebody for, when it holds something back.
pub(super) fn reserving(bead: &Bead) -> Option<&Lease> {
    let lease = bead.phase.lease()?;
    let is_hired = matches!(lease.holder, Holder::Seat { .. });
    let holds = lease.reserved.usd_micros > 0 || lease.reserved.tokens > 0;
    (is_hired && holds).then_some(lease)
}

pub(super) fn goal_of(bead: &Bead) -> &BeadId {
    bead.goal.as_ref().unwrap_or(&bead.id)
}

impl Graph {
    /// Returns what was metered for a bead.
    #[must_use]
    pub fn spent_on_bead(&self, bead: &BeadId) -> Spent {
        let of = self.facts.money.beads.get(bead);
        of.map_or_else(Spent::default, |of| of.spent)
    }

    /// Returns what counts as spent on a goal, its beads and its plan.
    #[must_use]
    pub fn spent_on_goal(&self, goal: &BeadId) -> Spent {
        let of = self.facts.money.goals.get(goal);
        of.copied().unwrap_or_default()
    }

    /// Returns what counts as spent on a rig in the local day of `now`.
    #[must_use]
    pub fn spent_today(&self, rig: &RigName, now: Timestamp) -> Spent {
        let today = self.day_of(rig, now);
        let of = self.facts.money.rigs.get(rig);
        of.filter(|of| of.day >= today)
            .map_or_else(Spent::default, |of| of.spent)
    }

    /// Returns the same of all rigs together.
    #[must_use]
    pub fn spent_today_in_town(&self, now: Timestamp) -> Spent {
        let rigs = self.facts.money.rigs.keys();
        rigs.map(|rig| self.spent_today(rig, now))
            .fold(Spent::default(), Spent::plus)
    }

    /// Returns the tokens that a rig used in the last hour, and when some of them count no more.
    #[must_use]
    pub fn tokens_last_hour(&self, rig: &RigName, now: Timestamp) -> (u64, Option<Timestamp>) {
        let first = slot_of(now) - SLOTS + 1;
        let of = self.facts.money.rigs.get(rig);
        let slots = of.into_iter().flat_map(|of| &of.slots);
        let within = || slots.clone().filter(|(slot, _)| *slot >= first);
        let again = within().next();
        let again = again.map(|(slot, _)| Timestamp((slot + SLOTS) * SLOT_MS));
        (within().map(|(_, tokens)| tokens).sum(), again)
    }

    /// Returns what of a lease's reservation is not used yet.
    pub(super) fn held_back(&self, bead: &Bead) -> Used {
        let Some(lease) = reserving(bead) else {
            return Used::default();
        };
        let used = self.used_by_attempt(bead);
        Used {
            usd: lease.reserved.usd_micros.saturating_sub(used.usd),
            tokens: lease.reserved.tokens.saturating_sub(used.tokens),
        }
    }

    /// Returns what the attempt that holds a bead has used.
    pub(super) fn used_by_attempt(&self, bead: &Bead) -> Used {
        let epoch = bead.phase.lease().map(|lease| lease.epoch);
        let of = self.facts.money.beads.get(&bead.id);
        of.filter(|of| Some(of.epoch) == epoch)
            .map_or_else(Used::default, |of| of.attempt)
    }

    /// Returns what an attempt on a rig usually costs, in millionths of a dollar; nothing where
    /// that is not known.
    pub(super) fn usual_usd(&self, rig: &RigName) -> Option<u64> {
        let learnt = &self.facts.money.rigs.get(rig)?.learnt;
        let priced: Vec<u64> = learnt
            .iter()
            .map(|of| of.usd)
            .filter(|usd| *usd > 0)
            .collect();
        let n = u64::try_from(priced.len()).ok()?;
        priced.iter().sum::<u64>().checked_div(n)
    }

    /// Returns the most tokens that an attempt on a rig has used lately.
    pub(super) fn usual_tokens(&self, rig: &RigName) -> Option<u64> {
        let learnt = &self.facts.money.rigs.get(rig)?.learnt;
        learnt.iter().map(|of| of.tokens).max()
    }

    fn day_of(&self, rig: &RigName, at: Timestamp) -> i64 {
        // A rig that has left was counted by the clock of those that stay.
        let rules = self.rig(rig).or_else(|| self.rigs().next());
        rules.map_or(0, |rig| rig.rules.budget.day_of(at))
    }

    /// Begins to count for a lease that was granted.
    pub(super) fn open_purse(&mut self, bead: &BeadId, lease: &Lease) {
        if lease.reserved == crate::Reserved::default() {
            return;
        }
        let of = self.facts.money.beads.entry(bead.clone()).or_default();
        of.epoch = lease.epoch;
        of.attempt = Used::default();
        of.told = None;
        of.guessed = 0;
    }

    /// Counts what a run used, in the place of what counted for it so far without being told.
    pub(super) fn count_usage(
        &mut self,
        id: &BeadId,
        usage: &UsageDelta,
        replaced: u64,
        at: Timestamp,
    ) {
        let Some(bead) = self.facts.bead(id) else {
            return;
        };
        let (goal, rig) = (goal_of(bead).clone(), bead.rig.clone());
        let used = Used {
            usd: usage.usd_micros,
            tokens: usage.input + usage.cache_read + usage.cache_write + usage.output,
        };
        let of = self.facts.money.beads.entry(id.clone()).or_default();
        let spent = match usage.estimated {
            true => Spent::guessed(used.usd),
            false => Spent::told(used.usd),
        };
        let mut taken_back = Spent::guessed(replaced);
        of.spent = of.spent.plus(spent).minus(taken_back);
        if epoch_in(&usage.run, id) == Some(of.epoch) {
            of.attempt.usd = (of.attempt.usd + used.usd).saturating_sub(replaced);
            of.attempt.tokens += used.tokens;
            if used.usd > 0 {
                of.told = Some(usage.run.clone());
                taken_back = taken_back.plus(Spent::guessed(std::mem::take(&mut of.guessed)));
            }
        }
        self.take_back_spent(&goal, &rig, taken_back, at);
        self.count_spent(&goal, &rig, spent, at);
        self.count_tokens(&rig, used.tokens, at);
    }

    /// Counts what a turn of a standing member used: to its rig and the town, and to no goal.
    pub(super) fn count_crew_usage(
        &mut self,
        rig: &RigName,
        usage: &UsageDelta,
        replaced: u64,
        at: Timestamp,
    ) {
        let spent = match usage.estimated {
            true => Spent::guessed(usage.usd_micros),
            false => Spent::told(usage.usd_micros),
        };
        self.take_back_today(rig, Spent::guessed(replaced), at);
        self.count_today(rig, spent, at);
        let tokens = usage.input + usage.cache_read + usage.cache_write + usage.output;
        self.count_tokens(rig, tokens, at);
    }

    fn count_tokens(&mut self, rig: &RigName, used: u64, at: Timestamp) {
        let slot = slot_of(at);
        let of = self.facts.money.rigs.entry(rig.clone()).or_default();
        match of.slots.back_mut() {
            // A clock that was set back counts to the last part that there is.
            Some((last, tokens)) if *last >= slot => *tokens += used,
            _ => of.slots.push_back((slot, used)),
        }
        while of
            .slots
            .front()
            .is_some_and(|(first, _)| *first <= slot - SLOTS)
        {
            of.slots.pop_front();
        }
    }

    /// Lets go what the lease of a bead holds back, in the place of what was metered.
    pub(super) fn settle(&mut self, id: &BeadId, fault: Option<&Fault>, at: Timestamp) {
        let Some(bead) = self.facts.bead(id) else {
            return;
        };
        let Some(lease) = reserving(bead) else {
            return;
        };
        let (reserved, run) = (lease.reserved, lease.run.clone());
        let (goal, rig) = (goal_of(bead).clone(), bead.rig.clone());
        let epoch = lease.epoch;
        let Some(of) = self.facts.money.beads.get_mut(id) else {
            return;
        };
        if of.epoch != epoch {
            return;
        }
        let is_silent = run.is_some() && of.told != run && !got_nothing(fault);
        let guessed = if is_silent {
            reserved.usd_micros.saturating_sub(of.attempt.usd)
        } else {
            0
        };
        of.guessed = guessed;
        let attempt = of.attempt;
        if attempt != Used::default() {
            let learnt = &mut self.facts.money.rigs.entry(rig.clone()).or_default().learnt;
            if learnt.len() == LEARNT {
                learnt.pop_front();
            }
            learnt.push_back(attempt);
        }
        self.count_spent(&goal, &rig, Spent::guessed(guessed), at);
    }

    pub(super) fn count_spent(
        &mut self,
        goal: &BeadId,
        rig: &RigName,
        spent: Spent,
        at: Timestamp,
    ) {
        if spent == Spent::default() {
            return;
        }
        let of = self.facts.money.goals.entry(goal.clone()).or_default();
        *of = of.plus(spent);
        self.count_today(rig, spent, at);
    }

    fn count_today(&mut self, rig: &RigName, spent: Spent, at: Timestamp) {
        let today = self.day_of(rig, at);
        let of = self.facts.money.rigs.entry(rig.clone()).or_default();
        // A day that comes again, as by a journey to the west, goes on.
        if of.day < today {
            (of.day, of.spent) = (today, Spent::default());
        }
        of.spent = of.spent.plus(spent);
    }

    fn take_back_spent(&mut self, goal: &BeadId, rig: &RigName, spent: Spent, at: Timestamp) {
        if let Some(of) = self.facts.money.goals.get_mut(goal) {
            *of = of.minus(spent);
        }
        self.take_back_today(rig, spent, at);
    }

    fn take_back_today(&mut self, rig: &RigName, spent: Spent, at: Timestamp) {
        let today = self.day_of(rig, at);
        if let Some(of) = self.facts.money.rigs.get_mut(rig)
            && of.day >= today
        {
            of.spent = of.spent.minus(spent);
        }
    }
}

/// Reads off a run's name which attempt at a bead it belongs to.
fn epoch_in(run: &RunId, bead: &BeadId) -> Option<Epoch> {
    let rest = run.as_str().strip_prefix(bead.as_str())?;
    let number = rest.strip_prefix(".e")?.split('.').next()?;
    number.parse().ok().map(Epoch)
}

fn slot_of(at: Timestamp) -> i64 {
    at.0.div_euclid(SLOT_MS)
}

/// Tells whether an attempt ended because its provider gave it nothing.
pub(super) fn got_nothing(fault: Option<&Fault>) -> bool {
    match fault.map(|fault| &fault.class) {
        Some(FaultClass::Runtime { fault, .. }) => fault.holds_up() != HoldsUp::Work,
        _ => false,
    }
}
