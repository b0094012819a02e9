//! What models used in the time of a report, and for what.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    super::{CostBy, CostOf, CostRow, Dollars, Recorded, TokensDoc, View, cost_doc},
    LandedDoc,
};
use crate::{BeadId, Event, Graph, RunId, Timestamp, review_of_run};

/// The roles whose work is no part of a bead: they plan, judge and merge it.
const OVERHEAD: [&str; 6] = ["mayor", "reviewer", "refinery", "crew", "witness", "deacon"];

/// What models used in the time of a report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReportCost {
    /// What all of it costs, as the programs said, or as it was estimated where they did not.
    pub usd: Dollars,
    /// Some of that is estimated.
    pub estimated: bool,
    /// What went in and out.
    pub tokens: TokensDoc,
    /// How many runs used something.
    pub runs: u64,
    /// How many of them have no price: their tokens count, their money does not.
    pub unpriced_runs: u64,
    /// What all of it costs for each bead that landed; none when none did, or when nothing
    /// has a price.
    pub per_landed: Option<Dollars>,
    /// What of it planned, judged and merged.
    pub overhead_usd: Dollars,
    /// The tokens of that.
    pub overhead_tokens: u64,
    /// The share of that in a hundred: of the dollars, or of the tokens where a run has no price.
    pub overhead_percent: Option<u64>,
    /// How many runs used something and belong to no attempt, plan or review.
    pub idle_runs: u64,
    /// By role.
    pub by_role: Vec<CostRow>,
    /// By bead.
    pub by_bead: Vec<CostRow>,
    /// By day in UTC.
    pub by_day: Vec<CostRow>,
}

/// Sums what models used for the beads that are wanted.
pub(super) fn cost(
    view: View<'_>,
    log: &[Recorded],
    since: Timestamp,
    n_landed: usize,
    is_wanted: impl Fn(&BeadId) -> bool + Copy,
) -> ReportCost {
    // A report is of work: what a person talks of with a standing member is in `gtd cost` alone.
    let is_of_work = |of: CostOf<'_>| matches!(of, CostOf::Bead(bead) if is_wanted(&bead.id));
    let by = |by| cost_doc(view, log, by, since, is_of_work);
    let roles = by(CostBy::Role);
    let (mut overhead_usd, mut overhead_tokens) = (0, 0);
    for row in &roles.groups {
        if OVERHEAD.contains(&row.key.as_str()) {
            overhead_usd += row.usd.0;
            overhead_tokens += n_tokens(&row.tokens);
        }
    }
    let usd = roles.total_usd.0;
    let n_landed = u64::try_from(n_landed).unwrap_or(u64::MAX);
    let is_priced = usd > 0 && roles.unpriced_runs == 0;
    let (part, whole) = match is_priced {
        true => (overhead_usd, usd),
        false => (overhead_tokens, n_tokens(&roles.tokens)),
    };
    ReportCost {
        usd: roles.total_usd,
        estimated: roles.estimated,
        tokens: roles.tokens,
        runs: roles.runs,
        unpriced_runs: roles.unpriced_runs,
        per_landed: usd
            .checked_div(n_landed)
            .filter(|_| usd > 0 || roles.unpriced_runs == 0)
            .map(Dollars),
        overhead_usd: Dollars(overhead_usd),
        overhead_tokens,
        overhead_percent: (part * 100 + whole / 2).checked_div(whole),
        idle_runs: idle_runs(view.graph, log, since, is_wanted),
        by_bead: by(CostBy::Bead).groups,
        by_day: by(CostBy::Day).groups,
        by_role: roles.groups,
    }
}

/// Notes what each landed bead used.
pub(super) fn price(landed: &mut [LandedDoc], by_bead: &[CostRow]) {
    for one in landed {
        if let Some(row) = by_bead.iter().find(|row| row.key == one.bead.as_str()) {
            one.usd = row.usd;
            one.estimated = row.estimated;
            one.tokens = n_tokens(&row.tokens);
        }
    }
}

fn n_tokens(tokens: &TokensDoc) -> u64 {
    tokens.all_input() + tokens.output
}

/// Counts the runs that used something though nothing was at work or under review.
fn idle_runs(
    graph: &Graph,
    log: &[Recorded],
    since: Timestamp,
    is_wanted: impl Fn(&BeadId) -> bool,
) -> u64 {
    let mut idle: BTreeSet<&RunId> = BTreeSet::new();
    for (_, record) in log.iter().filter(|(_, record)| record.at >= since) {
        if let Event::UsageRecorded { bead, usage } = &record.event
            && is_wanted(bead)
            && !is_of_work(graph, bead, &usage.run)
        {
            idle.insert(&usage.run);
        }
    }
    u64::try_from(idle.len()).unwrap_or(u64::MAX)
}

/// Tells whether a run is a turn of an attempt or of a review that there was.
fn is_of_work(graph: &Graph, id: &BeadId, run: &RunId) -> bool {
    let Some(bead) = graph.bead(id) else {
        return false;
    };
    if let Some((of, epoch, _)) = review_of_run(run) {
        return of == *id && epoch <= bead.epoch;
    }
    let epoch = run
        .as_str()
        .strip_prefix(id.as_str())
        .and_then(|rest| rest.strip_prefix(".e"))
        .and_then(|rest| rest.split('.').next())
        .and_then(|number| number.parse().ok());
    epoch.is_some_and(|epoch: u64| (1..=bead.epoch.0).contains(&epoch))
}
