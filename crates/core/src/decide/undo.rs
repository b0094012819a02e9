//! Taking back what a person did: the last look before it is written.

use super::{Decision, Scene};
use crate::{Event, Reversal, Revision};

pub(super) fn undo(scene: Scene<'_>, reversal: Reversal) -> Decision {
    if reversal.until > scene.graph.revision() || reversal.op == Revision::default() {
        return Err(crate::Rejection::NotFound {
            kind: "operation".to_owned(),
            name: reversal.op.to_string(),
        });
    }
    if reversal.is_true(scene.graph) {
        return Ok(vec![]);
    }
    reversal.check(scene.graph)?;
    Ok(vec![Event::OperationUndone { reversal }])
}
