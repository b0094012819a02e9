//! How far the review of a submission is, and what reviews hold back and use.
//!
//! | what is known of a submission | it is |
//! |---|---|
//! | the rig reviews nothing, or only what is risky and it is not | let through |
//! | a person said yes to it, or a reviewer did | let through |
//! | a review goes on | read |
//! | nobody has looked how much it is | to be weighed |
//! | what a reviewer said cannot be read, or reviews failed too often | a person's |
//! | else | to be reviewed |

use super::{
    Graph,
    change::attempt_mut,
    money::{Spent, Used, goal_of, got_nothing},
};
use crate::{
    Bead, BeadId, Epoch, Fault, Phase, REVIEW_TRIES, REVIEW_TURNS, Review, ReviewOutcome,
    ReviewPolicy, RunId, Timestamp, Usage, review_run,
};

/// How far the review of a submission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reviewing<'a> {
    /// None is wanted.
    NotWanted,
    /// A reviewer or a person has said yes.
    Approved,
    /// Nobody has looked how much it is.
    Unweighed,
    /// A review may begin.
    Wanted,
    /// It is being read.
    Open(&'a Review),
    /// A person decides: reviews have failed.
    GivenUp(&'a Review),
}

impl Reviewing<'_> {
    /// Tells whether it goes into no candidate yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !matches!(self, Self::NotWanted | Self::Approved)
    }

    /// Says how far it is.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::NotWanted => "no review is wanted".to_owned(),
            Self::Approved => "it is approved".to_owned(),
            Self::Unweighed => "nobody has looked yet how risky it is".to_owned(),
            Self::Wanted => "it waits for a reviewer".to_owned(),
            Self::Open(review) => format!("reviewer {} is reading", review.runtime),
            Self::GivenUp(review) => {
                let why = review.fault().map_or("", |fault| fault.text.as_str());
                format!("its review failed: {why}")
            }
        }
    }
}

impl Graph {
    /// Tells how far the review of a bead is; of what is not handed in none is wanted.
    #[must_use]
    pub fn reviewing<'a>(&'a self, bead: &'a Bead) -> Reviewing<'a> {
        let Phase::Submitted { epoch, .. } = &bead.phase else {
            return Reviewing::NotWanted;
        };
        let policy = self.policy_of(bead).review;
        let Some(attempt) = bead.attempt(*epoch) else {
            return Reviewing::NotWanted;
        };
        let is_risky = attempt
            .weight
            .as_ref()
            .map(|weight| !weight.risks.is_empty());
        match (policy, is_risky) {
            (ReviewPolicy::Off, _) | (ReviewPolicy::Risky, Some(false)) => {
                return Reviewing::NotWanted;
            }
            _ => {}
        }
        if attempt.is_approved() {
            return Reviewing::Approved;
        }
        if let Some(review) = attempt.open_review() {
            return Reviewing::Open(review);
        }
        if is_risky.is_none() {
            return Reviewing::Unweighed;
        }
        let outcomes = attempt.reviews.iter().filter_map(|r| r.outcome.as_ref());
        let n_failed = outcomes.filter(|outcome| outcome.counts()).count();
        match attempt.reviews.last() {
            Some(last)
                if n_failed >= REVIEW_TRIES
                    || last
                        .outcome
                        .as_ref()
                        .is_some_and(ReviewOutcome::is_unreadable) =>
            {
                Reviewing::GivenUp(last)
            }
            _ => Reviewing::Wanted,
        }
    }

    /// Lists the beads of which a review goes on.
    pub fn in_review(&self) -> impl Iterator<Item = &Bead> {
        self.index.in_review.iter().filter_map(|id| self.bead(id))
    }

    /// Returns what a review has used, as metered, and whether some of that is estimated.
    #[must_use]
    pub fn used_by_review(&self, bead: &BeadId, epoch: Epoch, review: &Review) -> (Usage, bool) {
        let mut all = Usage::default();
        let mut is_estimated = false;
        for run in runs(bead, epoch, review) {
            let metered = self.metered(&run);
            let mut used = metered.usage;
            if used.usd_micros.is_none() && metered.estimated > 0 {
                used.usd_micros = Some(metered.estimated);
                is_estimated = true;
            }
            all = all.plus(&used);
        }
        (all, is_estimated)
    }

    /// Returns what the reviews of a bead hold back and have not used.
    pub(super) fn held_by_reviews(&self, bead: &Bead) -> Used {
        let mut held = Used::default();
        for (epoch, review) in bead.open_reviews() {
            let (used, _) = self.used_by_review(&bead.id, epoch, review);
            let usd = used.usd_micros.unwrap_or(0);
            held.usd += review.reserved.usd_micros.saturating_sub(usd);
            held.tokens += review.reserved.tokens.saturating_sub(used.tokens());
        }
        held
    }

    /// Ends a review, and lets go what it holds back.
    pub(super) fn end_review(
        &mut self,
        id: &BeadId,
        epoch: Epoch,
        number: u32,
        model: &str,
        outcome: &ReviewOutcome,
        at: Timestamp,
    ) {
        let attempt = self.bead(id).and_then(|bead| bead.attempt(epoch));
        let open = attempt.and_then(|attempt| attempt.open_review());
        let Some(review) = open.filter(|review| review.number == number).cloned() else {
            return;
        };
        let fault = match outcome {
            ReviewOutcome::Said(_) => None,
            ReviewOutcome::Failed(fault) => Some(fault),
        };
        self.settle_review(id, epoch, &review, fault, at);
        self.note_runtime_of(id, (&review.runtime, review.began), fault, at);
        self.change(id, |bead| {
            let attempt = attempt_mut(bead, epoch);
            let reviews = attempt.map(|attempt| attempt.reviews.iter_mut());
            let ended = reviews.into_iter().flatten().find(|r| r.number == number);
            if let Some(review) = ended {
                review.ended = Some(at);
                model.clone_into(&mut review.model);
                review.outcome = Some(outcome.clone());
            }
        });
    }

    /// Lets go what a review holds back; where nobody told a price, all of it counts as spent.
    fn settle_review(
        &mut self,
        id: &BeadId,
        epoch: Epoch,
        review: &Review,
        fault: Option<&Fault>,
        at: Timestamp,
    ) {
        let (used, _) = self.used_by_review(id, epoch, review);
        // What has failed without a run has asked no model anything.
        let has_run = fault.is_none_or(|fault| fault.run.is_some());
        let is_silent = used.usd_micros.is_none() && has_run && !got_nothing(fault);
        if let Some(bead) = self.bead(id).filter(|_| is_silent) {
            let (goal, rig) = (goal_of(bead).clone(), bead.rig.clone());
            let guessed = Spent::guessed(review.reserved.usd_micros);
            self.count_spent(&goal, &rig, guessed, at);
        }
    }
}

fn runs<'a>(
    bead: &'a BeadId,
    epoch: Epoch,
    review: &'a Review,
) -> impl Iterator<Item = RunId> + 'a {
    (0..REVIEW_TURNS).map(move |turn| review_run(bead, epoch, review.number, turn))
}
