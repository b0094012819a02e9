//! How far an attempt at work is from the end of its budget.

use super::look::Look;
use crate::{Allowance, Bead, Purse};

/// Returns what the attempt at work may use, once a person should know of it.
pub(super) fn nearly_used(look: Look<'_>, bead: &Bead) -> Option<Allowance> {
    let reserved = bead.phase.lease()?.reserved.usd_micros;
    if reserved == 0 {
        return None;
    }
    let allowance = Purse::new(look.graph, look.now).allowance(bead)?;
    allowance.is_nearly_used().then_some(allowance)
}

/// Says what becomes of an attempt whose budget is nearly used.
pub(super) fn warning(allowance: &Allowance) -> String {
    format!("{}; at all of it, it is stopped", allowance.text())
}
