//! `Why` without a subject: what everything waits for, grouped by reason.

use std::collections::BTreeMap;

use gtd_core::{BeadId, View, WaitReason, Why, explain, wait_reason};
use serde::Serialize;

/// Beads that are explained at most.
const EXPLAINED_MAX: usize = 5_000;
/// Whole explanations of each reason.
const SHOWN: usize = 5;
/// Ids of each reason.
const NAMED: usize = 50;

/// What everything waits for.
#[derive(Debug, Serialize)]
pub(super) struct WhyListDoc {
    /// The reasons, those that need a person first, then the most frequent.
    groups: Vec<Group>,
    /// Examples of each reason, in the same order.
    items: Vec<Why>,
    /// How many things have not ended.
    unfinished: usize,
    /// Whether not all of them were looked at.
    truncated: bool,
}

/// One reason.
#[derive(Debug, Serialize)]
struct Group {
    code: String,
    count: usize,
    clears_by_itself: bool,
    /// The reason of the first one, in words.
    text: String,
    beads: Vec<BeadId>,
}

/// Explains everything that has not ended.
pub(super) fn why_all(view: View<'_>) -> WhyListDoc {
    let mut by_reason: BTreeMap<WaitReason, (usize, Vec<BeadId>, Vec<Why>)> = BTreeMap::new();
    let mut unfinished = 0;
    for bead in view.graph.unfinished() {
        // A goal waits for its beads; only one without any speaks for itself.
        let has_beads = view
            .graph
            .goal(&bead.id)
            .is_some_and(|goal| !goal.beads.is_empty());
        if has_beads {
            continue;
        }
        unfinished += 1;
        if unfinished > EXPLAINED_MAX {
            continue;
        }
        let Some(reason) = wait_reason(view.graph, view.observations, &bead.id, view.now) else {
            continue;
        };
        let (count, named, shown) = by_reason.entry(reason).or_default();
        *count += 1;
        if named.len() < NAMED {
            named.push(bead.id.clone());
        }
        if shown.len() < SHOWN {
            shown.extend(explain(view.graph, view.observations, &bead.id, view.now));
        }
    }
    let mut reasons: Vec<_> = by_reason.into_iter().collect();
    reasons.sort_by_key(|(reason, (count, _, _))| {
        (reason.clears_by_itself(), std::cmp::Reverse(*count))
    });
    let mut groups = Vec::new();
    let mut items = Vec::new();
    for (reason, (count, beads, shown)) in reasons {
        groups.push(Group {
            code: reason.code().to_owned(),
            count,
            clears_by_itself: reason.clears_by_itself(),
            text: shown
                .first()
                .and_then(|why| why.chain.first())
                .map(|cause| cause.text.clone())
                .unwrap_or_default(),
            beads,
        });
        items.extend(shown);
    }
    WhyListDoc {
        groups,
        items,
        unfinished,
        truncated: unfinished > EXPLAINED_MAX,
    }
}
