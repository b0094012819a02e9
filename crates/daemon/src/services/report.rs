//! What happened over a span of time, read from the log.

use gtd_core::{
    BeadId, Envelope, Event, Recorded, Rejection, Revision, Timestamp, View, report_doc,
};
use gtd_wire::pb::town::v1::{ReportRequest, ReportResponse};
use tonic::{Response, Status};

use super::{Api, document, lookup, rejected};
use crate::ledger::Refused;

/// How far back a report goes unless it is told.
const REPORT_MS: i64 = 24 * 3_600_000;
/// Records that are read at once.
const PAGE: usize = 2_000;
/// Records that one report looks at.
const REPORT_MAX: usize = 500_000;

impl Api {
    /// Makes the report of a span of time, or of a goal.
    pub(super) async fn make_report(
        &self,
        request: ReportRequest,
    ) -> Result<Response<ReportResponse>, Status> {
        let now = self.town.ledger.now();
        let goal: Option<(BeadId, Timestamp)> = match request.goal.as_str() {
            "" => None,
            text => {
                let graph = self.town.ledger.graph();
                let bead = lookup::bead(&graph, text).map_err(rejected)?;
                if graph.goal(&bead.id).is_none() {
                    let bead = bead.id.clone();
                    return Err(rejected(Rejection::NotAGoal { bead }));
                }
                Some((bead.id.clone(), bead.created_at))
            }
        };
        let since = match (request.since_ms, &goal) {
            (Some(since), _) => Timestamp(since),
            (None, Some((_, created))) => *created,
            (None, None) => Timestamp(now.0.saturating_sub(REPORT_MS)),
        };
        let until = request.until_ms.map_or(now, Timestamp);
        let log = self.reported(goal.as_ref(), since, until).await?;
        let (report, revision) = self.town.view(|view| {
            let view = View {
                now: until.min(now),
                ..view
            };
            let goal = goal.as_ref().map(|(id, _)| id);
            (report_doc(view, &log, goal, since), view.graph.revision())
        });
        document("Report", report, revision)
    }

    /// Reads what a report is made from: the span of time, and before it the lives of the beads
    /// that were open in it, as far as that stays within the length of one report.
    async fn reported(
        &self,
        goal: Option<&(BeadId, Timestamp)>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Recorded>, Status> {
        let begun = self.town.view(|view| match goal {
            Some((id, made)) => {
                let goal = view.graph.goal(id);
                let beads = goal.into_iter().flat_map(|goal| &goal.beads);
                let beads = beads.filter_map(|id| view.graph.bead(id));
                // What joined it later may be older than it.
                beads.map(|bead| bead.created_at).chain([*made]).min()
            }
            // Also of what ended within the span: it may have begun before it.
            None => {
                let beads = view.graph.beads();
                let open = beads.filter(|bead| !bead.phase.is_finished() || bead.since >= since);
                open.map(|bead| bead.created_at).min()
            }
        });
        let span = self.last_before(since).await?;
        let after = match begun.filter(|begun| *begun < since) {
            Some(begun) => self.last_before(begun).await?,
            None => span,
        };
        let most = u64::try_from(REPORT_MAX).unwrap_or(u64::MAX);
        let newest = Revision(self.revision().0.saturating_sub(most));
        let after = after.max(newest).min(span);
        self.records_after(after, until, |_| true).await
    }

    /// Reads the records of a span of time that are wanted; moments never fall along the log.
    pub(super) async fn records_between(
        &self,
        since: Timestamp,
        until: Timestamp,
        is_wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<Recorded>, Status> {
        let after = self.last_before(since).await?;
        self.records_after(after, until, is_wanted).await
    }

    /// Reads the records after a revision that are wanted, up to a moment.
    async fn records_after(
        &self,
        mut after: Revision,
        until: Timestamp,
        is_wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<Recorded>, Status> {
        let ledger = &self.town.ledger;
        let mut log = Vec::new();
        while log.len() < REPORT_MAX && after < ledger.graph().revision() {
            let page = self.page(after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            let is_over = page.iter().any(|(_, envelope)| envelope.at > until);
            log.extend(
                page.into_iter()
                    .filter(|(_, envelope)| envelope.at <= until && is_wanted(&envelope.event)),
            );
            if is_over {
                break;
            }
        }
        Ok(log)
    }

    /// Reads at most so many records after a revision.
    pub(super) async fn page(
        &self,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Recorded>, Status> {
        let records = self.town.ledger.read(after, limit).await?;
        records
            .iter()
            .map(|record| {
                let envelope: Envelope = serde_json::from_slice(&record.json).map_err(|error| {
                    Refused::Broken(format!("record {}: {error}", record.revision))
                })?;
                Ok((record.revision, envelope))
            })
            .collect()
    }
}
