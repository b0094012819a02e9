//! The budget of an attempt at work: it is warned of, and it ends what goes on past it.
//!
//! | seen | next |
//! |---|---|
//! | a good part of the budget used since the last record | record it |
//! | 80 % of the budget used | record it: whoever asks is told |
//! | all of the budget used | record it and stop the run |
//! | the run ended, and all of the budget is used | no further turn |
//!
//! What a run uses is read off what it says, so a program that tells its usage
//! only at the end of its turn is stopped by no budget within it. The stop comes
//! after the message that used up the budget: what a model is at then is at most
//! one message more.

use gtd_core::{
    Allowance, Bead, Command, Epoch, FaultClass, Graph, Purse, Review, RunId, RuntimeFault,
    RuntimeName, Timestamp, UsageDelta,
};

use crate::{Effect, EndSeen, LiveSeen, Plan, UsedSeen};

/// A part of the budget that is worth a record of its own: one in so many.
const PARTS: u64 = 20;

/// What is known of the money of an attempt at work.
#[derive(Clone, Copy)]
pub(crate) struct Budget<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) bead: &'a Bead,
    /// The review, when it is one of what an attempt handed in.
    pub(crate) review: Option<(Epoch, &'a Review)>,
    pub(crate) now: Timestamp,
}

impl Budget<'_> {
    /// Finds what the attempt may use; none when no budget holds it.
    fn allowance(&self) -> Option<Allowance> {
        let purse = Purse::new(self.graph, self.now);
        match self.review {
            None => purse.allowance(self.bead),
            Some((epoch, review)) => purse.allowance_of_review(self.bead, epoch, review),
        }
    }

    fn epoch(&self) -> Epoch {
        self.review.map_or(self.bead.epoch, |(epoch, _)| epoch)
    }

    fn runtime(&self) -> Option<RuntimeName> {
        match self.review {
            None => RuntimeName::parse(self.bead.runtime_at_work()?).ok(),
            Some((_, review)) => Some(review.runtime.clone()),
        }
    }

    fn unrecorded(&self, run: &RunId, used: &UsedSeen) -> Option<UsageDelta> {
        let metered = self.graph.metered(run);
        let mut new = metered.delta(run, used.line, &used.usage, used.estimated)?;
        new.context = used.context;
        Some(new)
    }

    /// Tells how far the budget is used once what a run has used is recorded.
    fn after(&self, run: &RunId, used: &UsedSeen) -> Option<Allowance> {
        let allowance = self.allowance()?;
        Some(match self.unrecorded(run, used) {
            Some(new) => allowance.after(&new, self.graph.metered(run).estimated),
            None => allowance,
        })
    }

    /// Records what a live run uses, part by part, and stops it when its budget is used up.
    pub(crate) fn watch(&self, plan: &mut Plan, run: &RunId, live: &LiveSeen) {
        let (Some(used), Some(before)) = (&live.used, self.allowance()) else {
            return;
        };
        let Some(after) = self.after(run, used) else {
            return;
        };
        if let Some(usage) = self.unrecorded(run, used) {
            let is_a_part = usage.usd_micros.saturating_mul(PARTS) >= before.all;
            let is_news = after.is_nearly_used() && !before.is_nearly_used();
            if is_a_part || is_news || after.is_used_up() {
                plan.tell(Command::RecordUsage {
                    bead: self.bead.id.clone(),
                    epoch: self.epoch(),
                    usage,
                });
            }
        }
        if after.is_used_up() {
            plan.act(Effect::StopRun { run: run.clone() });
        }
    }

    /// Says why an attempt whose last run has ended does not go on, when its budget is used up.
    pub(crate) fn used_up(&self, run: &RunId, end: &EndSeen) -> Option<(FaultClass, String)> {
        let after = self.after(run, &end.agent.as_ref()?.used)?;
        let runtime = self.runtime()?;
        if !after.is_used_up() {
            return None;
        }
        let text = format!("{runtime}: stopped at its budget: {}", after.text());
        let fault = RuntimeFault::LimitReached;
        Some((FaultClass::Runtime { runtime, fault }, text))
    }

    /// Tells an agent that goes on how little is left, when it is little.
    pub(crate) fn reminder(&self, run: &RunId, used: &UsedSeen) -> String {
        match self.after(run, used) {
            Some(after) if after.is_nearly_used() => format!(
                "\nLittle of the budget is left for this: about {}. Do what matters most, commit, \
                 and end your turn.\n",
                gtd_core::usd(after.left())
            ),
            _ => String::new(),
        }
    }
}
