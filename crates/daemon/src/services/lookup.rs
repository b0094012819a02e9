//! From what a person typed to the thing that is meant.

use gtd_core::{Bead, BeadId, Graph, Rejection};

/// Candidates that are shown when a beginning is not enough.
const SHOWN: usize = 6;

/// Finds a bead by its id, or by a beginning that only one bead has.
///
/// # Errors
/// When there is none, or more than one.
pub(super) fn bead<'a>(graph: &'a Graph, text: &str) -> Result<&'a Bead, Rejection> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(exact) = BeadId::parse(&text).ok().and_then(|id| graph.bead(&id)) {
        return Ok(exact);
    }
    let found = if text.is_empty() {
        Vec::new()
    } else {
        graph.beads_with_prefix(&text, SHOWN)
    };
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Rejection::NoBead {
            similar: graph.similar_ids(&text),
            bead: text,
        }),
        several => Err(Rejection::AmbiguousId {
            text,
            candidates: several.iter().map(|bead| bead.id.to_string()).collect(),
        }),
    }
}
