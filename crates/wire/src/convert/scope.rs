//! What a pause holds.

use gtd_core::PauseScope;

use super::carried::{Carried, messages};
use crate::{
    Malformed,
    pb::common::v1::{self as pb, pause_scope::Scope},
};

messages!(PauseScope);

impl TryFrom<pb::PauseScope> for PauseScope {
    type Error = Malformed;
    fn try_from(wire: pb::PauseScope) -> Result<Self, Malformed> {
        Ok(
            match wire.scope.ok_or_else(|| Malformed::missing("scope"))? {
                Scope::Town(pb::Everything {}) => Self::Town,
                Scope::Rig(rig) => Self::Rig(Carried::take(rig, "rig")?),
                Scope::Bead(bead) => Self::Bead(Carried::take(bead, "bead")?),
                Scope::Role(role) => Self::Role(Carried::take(role, "role")?),
                Scope::Runtime(runtime) => Self::Runtime(Carried::take(runtime, "runtime")?),
            },
        )
    }
}

impl From<PauseScope> for pb::PauseScope {
    fn from(scope: PauseScope) -> Self {
        let scope = match scope {
            PauseScope::Town => Scope::Town(pb::Everything {}),
            PauseScope::Rig(rig) => Scope::Rig(rig.put()),
            PauseScope::Bead(bead) => Scope::Bead(bead.put()),
            PauseScope::Role(role) => Scope::Role(role.put()),
            PauseScope::Runtime(runtime) => Scope::Runtime(runtime.put()),
        };
        Self { scope: Some(scope) }
    }
}
