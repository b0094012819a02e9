//! What the plan of a goal, and the review of a submission, can be made with.

use gtd_core::config::{PlanMeans, ReviewMeans};

use super::Carried;
use crate::{Malformed, pb::plan::v1 as pb};

impl From<PlanMeans> for pb::MeansResponse {
    fn from(means: PlanMeans) -> Self {
        Self {
            mayor: means.mayor.put(),
            worker: means.worker.put(),
            usable: means.usable.into_iter().map(Carried::put).collect(),
            limit_ms: means.limit_ms,
            silence_ms: means.silence_ms,
            most_beads: means.most_beads,
            reviewers: means
                .review
                .runtimes
                .into_iter()
                .map(Carried::put)
                .collect(),
            review_limit_ms: means.review.limit_ms,
            review_silence_ms: means.review.silence_ms,
        }
    }
}

impl TryFrom<pb::MeansResponse> for PlanMeans {
    type Error = Malformed;
    fn try_from(wire: pb::MeansResponse) -> Result<Self, Malformed> {
        let usable = wire.usable.into_iter();
        let reviewers = wire.reviewers.into_iter();
        Ok(Self {
            mayor: Carried::take(wire.mayor, "mayor")?,
            worker: Carried::take(wire.worker, "worker")?,
            usable: usable
                .map(|name| Carried::take(name, "usable"))
                .collect::<Result<_, _>>()?,
            limit_ms: wire.limit_ms,
            silence_ms: wire.silence_ms,
            most_beads: wire.most_beads,
            review: ReviewMeans {
                runtimes: reviewers
                    .map(|name| Carried::take(name, "reviewers"))
                    .collect::<Result<_, _>>()?,
                limit_ms: wire.review_limit_ms,
                silence_ms: wire.review_silence_ms,
            },
        })
    }
}
