//! What an attempt at work may still use before it is stopped.
//!
//! It may use what it holds back, and beyond that what nobody else has spent or
//! holds back of any budget that it counts to: who raises a budget while an
//! attempt is at work lets it go on, and one that was cut short by others may
//! have what they leave. What it holds back is its own in any case.

use super::{money::reserving, purse::Purse};
use crate::{Bead, BeadType, Cap, CapScope, Epoch, NextStep, Review, UsageDelta, marked, usd};

/// What an attempt may use, and how far that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// What it has used, as recorded, in millionths of a dollar.
    pub used: u64,
    /// Some of that is estimated.
    pub estimated: bool,
    /// All that it may use.
    pub all: u64,
    /// The budget that ends first, in words.
    pub of: String,
    /// The command with which a person lets it have more.
    pub more: NextStep,
}

impl Allowance {
    /// Percent from which on a person is told, and whoever works should come to an end.
    const NEARLY: u64 = 80;

    /// Counts what is used and not recorded yet; what the program tells takes the place of what
    /// was `guessed` of its run.
    #[must_use]
    pub fn after(&self, new: &UsageDelta, guessed: u64) -> Self {
        let is_told = !new.estimated && new.usd_micros > 0;
        let replaced = if is_told { guessed } else { 0 };
        Self {
            used: (self.used + new.usd_micros).saturating_sub(replaced),
            estimated: (self.estimated && !is_told) || (new.estimated && new.usd_micros > 0),
            ..self.clone()
        }
    }

    /// Returns what it may still use.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.all.saturating_sub(self.used)
    }

    /// Tells whether nothing is left.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.used >= self.all
    }

    /// Tells whether so much is used that a person should know.
    #[must_use]
    pub fn is_nearly_used(&self) -> bool {
        u128::from(self.used) * 100 >= u128::from(self.all) * u128::from(Self::NEARLY)
    }

    /// Says how far it is used.
    #[must_use]
    pub fn text(&self) -> String {
        let used = marked(&usd(self.used), self.estimated);
        format!("{used} of {} used ({})", usd(self.all), self.of)
    }
}

/// What holds back, how much of it is used, and what its role may spend alone.
struct Held {
    reserved: u64,
    used: u64,
    estimated: bool,
    /// No cap counts a plan or a review alone: what its role may spend is the most that it holds
    /// back.
    own: Option<u64>,
    scope: CapScope,
}

impl Purse<'_> {
    /// Returns what the attempt at work on a bead, or at the plan of a goal, may use; none when
    /// no budget holds it.
    #[must_use]
    pub fn allowance(&self, bead: &Bead) -> Option<Allowance> {
        let lease = reserving(bead).filter(|lease| lease.reserved.usd_micros > 0)?;
        let run = lease.run.as_ref();
        let is_plan = bead.spec.kind == BeadType::Goal;
        let held = Held {
            reserved: lease.reserved.usd_micros,
            used: self.graph.used_by_attempt(bead).usd,
            estimated: run.is_some_and(|run| self.graph.metered(run).estimated > 0),
            own: self.rules(bead)?.plan.filter(|_| is_plan),
            scope: CapScope::Plan(bead.rig.clone()),
        };
        self.allowed(bead, held)
    }

    /// Returns what a review of a bead may use; none when no budget holds it.
    #[must_use]
    pub fn allowance_of_review(
        &self,
        bead: &Bead,
        epoch: Epoch,
        review: &Review,
    ) -> Option<Allowance> {
        if review.reserved.usd_micros == 0 {
            return None;
        }
        let (used, estimated) = self.graph.used_by_review(&bead.id, epoch, review);
        let held = Held {
            reserved: review.reserved.usd_micros,
            used: used.usd_micros.unwrap_or(0),
            estimated,
            own: self.rules(bead)?.review,
            scope: CapScope::Review(bead.rig.clone()),
        };
        self.allowed(bead, held)
    }

    fn allowed(&self, bead: &Bead, held: Held) -> Option<Allowance> {
        let Held {
            reserved,
            used,
            estimated,
            own,
            scope,
        } = held;
        // Beyond what it holds back, when something is left there.
        let all = |free: u64| match free {
            0 => reserved,
            free => reserved.max(used) + free,
        };
        let caps = self.caps(bead).into_iter();
        let cap = caps
            .filter(|cap| !matches!(cap.scope, CapScope::Hour(_)))
            .min_by_key(Cap::free);
        let own = own.map(|limit| limit.saturating_sub(reserved.max(used)));
        match (cap, own) {
            (None, None) => None,
            (Some(cap), own) if own.is_none_or(|own| cap.free() <= own) => Some(Allowance {
                used,
                estimated,
                all: all(cap.free()),
                of: cap.name(),
                more: cap.raise(reserved),
            }),
            (_, own) => {
                let cap = Cap {
                    scope,
                    limit: reserved,
                    spent: used,
                    estimated,
                    reserved: reserved.saturating_sub(used),
                    again: None,
                };
                Some(Allowance {
                    used,
                    estimated,
                    all: all(own.unwrap_or(0)),
                    of: cap.name(),
                    more: cap.raise(reserved),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunId;

    fn allowance(used: u64, all: u64) -> Allowance {
        Allowance {
            used,
            estimated: false,
            all,
            of: "the budget of gt-1".to_owned(),
            more: NextStep {
                cmd: String::new(),
                text: String::new(),
            },
        }
    }

    fn new(usd_micros: u64, estimated: bool) -> UsageDelta {
        UsageDelta {
            run: RunId::parse("gt-1.e1.work").expect("a name"),
            sequence: 1,
            input: 0,
            output: 0,
            cache_read: 0,
            cache_write: 0,
            usd_micros,
            estimated,
            context: None,
        }
    }

    #[test]
    fn what_is_not_recorded_yet_counts_too() {
        let before = allowance(500_000, 1_000_000);
        assert!(!before.is_nearly_used());
        let near = before.after(&new(300_000, true), 0);
        assert!(near.is_nearly_used() && !near.is_used_up());
        assert_eq!(near.text(), "~$0.80 of $1.00 used (the budget of gt-1)");
        let over = near.after(&new(250_000, true), 300_000);
        assert!(over.is_used_up());
        assert_eq!(over.text(), "~$1.05 of $1.00 used (the budget of gt-1)");
        assert_eq!((near.left(), over.left()), (200_000, 0));
        // The program tells less than was estimated.
        let told = over.after(&new(400_000, false), 550_000);
        assert_eq!(told.text(), "$0.90 of $1.00 used (the budget of gt-1)");
    }
}
