//! How much was handed in, and what reviewers say of it.

use gtd_core::{
    CriterionOpinion, Fault, Opinion, OpinionVerdict, ReviewComment, ReviewOutcome, Weight,
};

use super::carried::{Carried, messages, words};
use crate::{
    Malformed,
    pb::common::v1::{self as pb, review_outcome::Outcome},
};

messages!(
    CriterionOpinion,
    Opinion,
    ReviewComment,
    ReviewOutcome,
    Weight
);

words!(OpinionVerdict as pb::OpinionVerdict, unspecified = None, { Approve, Changes });

impl TryFrom<pb::Weight> for Weight {
    type Error = Malformed;
    fn try_from(wire: pb::Weight) -> Result<Self, Malformed> {
        Ok(Self {
            files: wire.files,
            lines: wire.lines,
            areas: wire.areas,
            risks: wire.risks,
        })
    }
}

impl From<Weight> for pb::Weight {
    fn from(weight: Weight) -> Self {
        Self {
            files: weight.files,
            lines: weight.lines,
            areas: weight.areas,
            risks: weight.risks,
        }
    }
}

impl TryFrom<pb::ReviewComment> for ReviewComment {
    type Error = Malformed;
    fn try_from(wire: pb::ReviewComment) -> Result<Self, Malformed> {
        Ok(Self {
            file: wire.file,
            line: wire.line,
            text: wire.text,
        })
    }
}

impl From<ReviewComment> for pb::ReviewComment {
    fn from(comment: ReviewComment) -> Self {
        Self {
            file: comment.file,
            line: comment.line,
            text: comment.text,
        }
    }
}

impl TryFrom<pb::CriterionOpinion> for CriterionOpinion {
    type Error = Malformed;
    fn try_from(wire: pb::CriterionOpinion) -> Result<Self, Malformed> {
        Ok(Self {
            text: wire.text,
            met: wire.met,
            why: wire.why,
        })
    }
}

impl From<CriterionOpinion> for pb::CriterionOpinion {
    fn from(criterion: CriterionOpinion) -> Self {
        Self {
            text: criterion.text,
            met: criterion.met,
            why: criterion.why,
        }
    }
}

impl TryFrom<pb::Opinion> for Opinion {
    type Error = Malformed;
    fn try_from(wire: pb::Opinion) -> Result<Self, Malformed> {
        Ok(Self {
            verdict: Carried::take(wire.verdict, "verdict")?,
            summary: wire.summary,
            comments: Carried::take(wire.comments, "comments")?,
            criteria: Carried::take(wire.criteria, "criteria")?,
        })
    }
}

impl From<Opinion> for pb::Opinion {
    fn from(opinion: Opinion) -> Self {
        Self {
            verdict: opinion.verdict.put(),
            summary: opinion.summary,
            comments: opinion.comments.put(),
            criteria: opinion.criteria.put(),
        }
    }
}

impl TryFrom<pb::ReviewOutcome> for ReviewOutcome {
    type Error = Malformed;
    fn try_from(wire: pb::ReviewOutcome) -> Result<Self, Malformed> {
        let outcome = wire.outcome.ok_or_else(|| Malformed::missing("outcome"))?;
        Ok(match outcome {
            Outcome::Said(opinion) => Self::Said(Opinion::take(Some(opinion), "said")?),
            Outcome::Failed(fault) => Self::Failed(Fault::take(Some(fault), "failed")?),
        })
    }
}

impl From<ReviewOutcome> for pb::ReviewOutcome {
    fn from(outcome: ReviewOutcome) -> Self {
        let outcome = match outcome {
            ReviewOutcome::Said(opinion) => Outcome::Said(opinion.into()),
            ReviewOutcome::Failed(fault) => Outcome::Failed(fault.into()),
        };
        Self {
            outcome: Some(outcome),
        }
    }
}
