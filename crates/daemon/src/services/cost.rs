//! What models used, read from the log.

use gtd_core::{BeadId, CostBy, CostOf, Event, Rejection, Timestamp, View, cost_doc};
use gtd_wire::pb::town::v1::{CostRequest, CostResponse};
use tonic::{Response, Status};

use super::{
    Api, document, lookup,
    reads::{unknown_word, wished_rig},
    rejected,
};

/// How far back a cost page goes unless it is told.
const COST_MS: i64 = 24 * 3_600_000;

impl Api {
    /// Sums what models used: of a span of time, a rig, a goal or a bead.
    pub(super) async fn sum_cost(
        &self,
        request: CostRequest,
    ) -> Result<Response<CostResponse>, Status> {
        let now = self.town.ledger.now();
        let by = match request.by.as_str() {
            "" => CostBy::default(),
            word => CostBy::of_word(word).ok_or_else(|| rejected(unknown_group(word)))?,
        };
        let subject: Option<(BeadId, Timestamp)> = match request.id.as_str() {
            "" => None,
            text => {
                let graph = self.town.ledger.graph();
                let bead = lookup::bead(&graph, text).map_err(rejected)?;
                Some((bead.id.clone(), bead.created_at))
            }
        };
        let rig = self.town.view(|view| wished_rig(view, &request.rig));
        let rig = rig.map_err(rejected)?;
        let since = match (request.since_ms, &subject) {
            (Some(since), _) => Timestamp(since),
            (None, Some((_, made))) => *made,
            (None, None) => Timestamp(now.0.saturating_sub(COST_MS)),
        };
        let until = request.until_ms.map_or(now, Timestamp).min(now);
        // The whole span counts, however long: little of it is about what was used.
        let tells = |event: &Event| {
            matches!(
                event,
                Event::UsageRecorded { .. }
                    | Event::CandidateLanded { .. }
                    | Event::CrewTurnEnded { usage: Some(_), .. }
            )
        };
        let log = self.records_between(since, until, tells).await?;
        let is_wanted = |of: CostOf<'_>| {
            let (of_subject, of_rig) = match of {
                CostOf::Bead(bead) => (
                    subject
                        .as_ref()
                        .is_none_or(|(id, _)| bead.id == *id || bead.goal.as_ref() == Some(id)),
                    &bead.rig,
                ),
                CostOf::Crew(_, of_rig) => (subject.is_none(), of_rig),
            };
            of_subject && rig.as_ref().is_none_or(|rig| of_rig == rig)
        };
        let (cost, revision) = self.town.view(|view| {
            let view = View { now: until, ..view };
            let cost = cost_doc(view, &log, by, since, is_wanted);
            (cost, view.graph.revision())
        });
        document("Cost", cost, revision)
    }
}

fn unknown_group(word: &str) -> Rejection {
    let words: Vec<&str> = CostBy::ALL.into_iter().map(CostBy::word).collect();
    unknown_word("what a group is", word, &words)
}
