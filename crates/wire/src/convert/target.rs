//! Where work lands, and whether its plan waits.

use gtd_core::{Approval, LandMode, Target};

use super::carried::{Carried, messages, words};
use crate::{Malformed, pb::common::v1 as pb};

messages!(Target);

impl Carried for Option<Target> {
    type Wire = Option<pb::Target>;
    fn take(wire: Self::Wire, field: &str) -> Result<Self, Malformed> {
        wire.map(|target| {
            target
                .try_into()
                .map_err(|error: Malformed| error.under(field))
        })
        .transpose()
    }
    fn put(self) -> Self::Wire {
        self.map(Into::into)
    }
}

words!(LandMode as pb::LandMode, unspecified = None, { Local, Integration, PullRequest });

words!(Approval as pb::ApprovalWish, unspecified = None, { Needed, NotNeeded });

impl TryFrom<pb::Target> for Target {
    type Error = Malformed;
    fn try_from(wire: pb::Target) -> Result<Self, Malformed> {
        Ok(Self {
            rig: Carried::take(wire.rig, "rig")?,
            r#ref: wire.r#ref,
            mode: Carried::take(wire.mode, "mode")?,
            branch: wire.branch,
        })
    }
}

impl From<Target> for pb::Target {
    fn from(target: Target) -> Self {
        Self {
            rig: target.rig.put(),
            r#ref: target.r#ref,
            mode: target.mode.put(),
            branch: target.branch,
        }
    }
}
