//! What a full session leaves to its successor.

use gtd_core::{ContextUse, Handover};

use super::carried::messages;
use crate::{Malformed, pb::common::v1 as pb};

messages!(ContextUse, Handover);

impl TryFrom<pb::ContextUse> for ContextUse {
    type Error = Malformed;
    fn try_from(wire: pb::ContextUse) -> Result<Self, Malformed> {
        Ok(Self {
            used: wire.used,
            window: wire.window,
        })
    }
}

impl From<ContextUse> for pb::ContextUse {
    fn from(context: ContextUse) -> Self {
        Self {
            used: context.used,
            window: context.window,
        }
    }
}

impl TryFrom<pb::Handover> for Handover {
    type Error = Malformed;
    fn try_from(wire: pb::Handover) -> Result<Self, Malformed> {
        Ok(Self {
            done: wire.done,
            left: wire.left,
            decisions: wire.decisions,
            pitfalls: wire.pitfalls,
            files: wire.files,
            missing: wire.missing,
            tail: wire.tail,
        })
    }
}

impl From<Handover> for pb::Handover {
    fn from(handover: Handover) -> Self {
        Self {
            done: handover.done,
            left: handover.left,
            decisions: handover.decisions,
            pitfalls: handover.pitfalls,
            files: handover.files,
            missing: handover.missing,
            tail: handover.tail,
        }
    }
}
