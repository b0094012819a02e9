//! A goal as a person wishes it, before the daemon finds its target.

use gtd_core::{BeadId, BeadSpec, Plan, RigName, Timestamp};

use crate::{
    Malformed, WriteContext,
    convert::Carried,
    pb::{common::v1 as common, goal::v1 as pb},
};

/// How a person wants a goal to land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LandWish {
    /// As the rig and its checkouts allow.
    #[default]
    Auto,
    /// Straight onto the branch; refused while the branch is checked out.
    Main,
    /// Onto the integration branch.
    Integration,
    /// Onto a branch of its own, which is proposed to a host outside.
    PullRequest,
}

/// Whether a person wants to see the plan first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApprovalWish {
    /// As the policy says.
    #[default]
    Default,
    /// It stays a draft until a person says yes.
    Needed,
    /// It begins at once.
    NotNeeded,
}

/// A goal as a person wishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalWish {
    /// The rig.
    pub rig: RigName,
    /// The goal's own wishes.
    pub spec: BeadSpec,
    /// The plan; without one the mayor makes it.
    pub plan: Option<Plan>,
    /// How it is to land.
    pub land: LandWish,
    /// The branch that it is meant for; without one, the branch of the rig.
    pub branch: Option<String>,
    /// Seats at most.
    pub max: Option<u32>,
    /// No new attempt after this moment.
    pub until: Option<Timestamp>,
    /// Whether the plan waits for a person.
    pub approval: ApprovalWish,
    /// Checks everything and writes nothing.
    pub validate_only: bool,
}

impl GoalWish {
    /// Makes the usual wish: everything that is not said is as the rig says.
    #[must_use]
    pub fn new(rig: RigName, spec: BeadSpec) -> Self {
        Self {
            rig,
            spec,
            plan: None,
            land: LandWish::Auto,
            branch: None,
            max: None,
            until: None,
            approval: ApprovalWish::Default,
            validate_only: false,
        }
    }

    /// Makes the request.
    #[must_use]
    pub fn into_request(self, context: WriteContext) -> pb::SubmitRequest {
        pb::SubmitRequest {
            context: Some(context.into()),
            rig: self.rig.put(),
            spec: self.spec.put(),
            plan: self.plan.map(Into::into),
            land: self.land.put(),
            branch: self.branch,
            max: self.max,
            until_ms: self.until.map(|moment| moment.0),
            approval: self.approval.put(),
            validate_only: self.validate_only,
        }
    }

    /// Reads the request.
    ///
    /// # Errors
    /// When a field is missing or cannot be taken.
    pub fn take(wire: pb::SubmitRequest) -> Result<(Self, WriteContext), Malformed> {
        let wish = Self {
            rig: Carried::take(wire.rig, "rig")?,
            spec: Carried::take(wire.spec, "spec")?,
            plan: wire
                .plan
                .map(TryInto::try_into)
                .transpose()
                .map_err(|error: Malformed| error.under("plan"))?,
            land: Carried::take(wire.land, "land")?,
            branch: wire.branch,
            max: wire.max,
            until: wire.until_ms.map(Timestamp),
            approval: Carried::take(wire.approval, "approval")?,
            validate_only: wire.validate_only,
        };
        Ok((wish, WriteContext::take(wire.context)?))
    }
}

/// Reads a goal that beads answer which exist already: what is wished, and the beads.
impl TryFrom<pb::GatherRequest> for (GoalWish, Vec<BeadId>, WriteContext) {
    type Error = Malformed;
    fn try_from(wire: pb::GatherRequest) -> Result<Self, Malformed> {
        let goal = wire.goal.ok_or_else(|| Malformed::missing("goal"))?;
        let (wish, context) = GoalWish::take(goal).map_err(|error| error.under("goal"))?;
        Ok((wish, Carried::take(wire.beads, "beads")?, context))
    }
}

impl Carried for LandWish {
    type Wire = i32;
    fn take(wire: i32, field: &str) -> Result<Self, Malformed> {
        match pb::LandWish::try_from(wire) {
            Ok(pb::LandWish::Unspecified) => Ok(Self::Auto),
            Ok(pb::LandWish::Main) => Ok(Self::Main),
            Ok(pb::LandWish::Integration) => Ok(Self::Integration),
            Ok(pb::LandWish::PullRequest) => Ok(Self::PullRequest),
            Err(_) => Err(Malformed::unknown(field, wire)),
        }
    }
    fn put(self) -> i32 {
        i32::from(match self {
            Self::Auto => pb::LandWish::Unspecified,
            Self::Main => pb::LandWish::Main,
            Self::Integration => pb::LandWish::Integration,
            Self::PullRequest => pb::LandWish::PullRequest,
        })
    }
}

impl Carried for ApprovalWish {
    type Wire = i32;
    fn take(wire: i32, field: &str) -> Result<Self, Malformed> {
        match common::ApprovalWish::try_from(wire) {
            Ok(common::ApprovalWish::Unspecified) => Ok(Self::Default),
            Ok(common::ApprovalWish::Needed) => Ok(Self::Needed),
            Ok(common::ApprovalWish::NotNeeded) => Ok(Self::NotNeeded),
            Err(_) => Err(Malformed::unknown(field, wire)),
        }
    }
    fn put(self) -> i32 {
        i32::from(match self {
            Self::Default => common::ApprovalWish::Unspecified,
            Self::Needed => common::ApprovalWish::Needed,
            Self::NotNeeded => common::ApprovalWish::NotNeeded,
        })
    }
}
