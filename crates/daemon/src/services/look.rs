//! What a person looks at before and after a decision: the review of a bead, and the timeline.

use gtd_core::{BeadId, Recorded, Rejection, Revision, Timestamp, View, review_doc, timeline_doc};
use gtd_wire::pb::town::v1::{ReviewRequest, ReviewResponse, TimelineRequest, TimelineResponse};
use tonic::{Response, Status};

use super::{Api, document, lookup, reads, rejected};

/// How far back a timeline goes unless it is told.
const TIMELINE_MS: i64 = 24 * 3_600_000;
/// Records that one answer looks at.
const LOOKED_AT_MAX: u64 = 500_000;

impl Api {
    /// Makes the review of a bead.
    pub(super) async fn make_review(
        &self,
        request: &ReviewRequest,
    ) -> Result<Response<ReviewResponse>, Status> {
        let (id, made) = {
            let graph = self.town.ledger.graph();
            let bead = lookup::bead(&graph, &request.id).map_err(rejected)?;
            (bead.id.clone(), bead.created_at)
        };
        let log = self.log_since(made).await?;
        let (review, revision) = self.town.view(|view| {
            let bead = lookup::bead(view.graph, id.as_str()).map_err(rejected)?;
            let review = review_doc(view, bead, &log);
            Ok::<_, Status>((review, view.graph.revision()))
        })?;
        document("Review", review, revision)
    }

    /// Makes the timeline of a bead, of a goal, of a rig, or of the town.
    pub(super) async fn make_timeline(
        &self,
        request: &TimelineRequest,
    ) -> Result<Response<TimelineResponse>, Status> {
        let now = self.town.ledger.now();
        let rig = self.town.view(|view| reads::wished_rig(view, &request.rig));
        let rig = rig.map_err(rejected)?;
        let subject: Option<(BeadId, Timestamp)> = match request.id.as_str() {
            "" => None,
            id => {
                let graph = self.town.ledger.graph();
                let bead = lookup::bead(&graph, id).map_err(rejected)?;
                Some((bead.id.clone(), bead.created_at))
            }
        };
        let since = match (request.since_ms, &subject) {
            (Some(since), _) => Timestamp(since),
            (None, Some((_, made))) => *made,
            (None, None) => Timestamp(now.0.saturating_sub(TIMELINE_MS)),
        };
        if since > now {
            return Err(rejected(Rejection::BadText {
                field: "the begin of the timeline".to_owned(),
                why: "lies in the future".to_owned(),
            }));
        }
        let is_wanted = |view: View<'_>, id: &BeadId| {
            let Some(bead) = view.graph.bead(id) else {
                return false;
            };
            let of_subject = subject
                .as_ref()
                .is_none_or(|(wanted, _)| *wanted == bead.id || bead.goal.as_ref() == Some(wanted));
            of_subject && rig.as_ref().is_none_or(|rig| *rig == bead.rig)
        };
        // A bead that is still open may be older than the span that is shown.
        let begun = self.town.view(|view| {
            let open = view.graph.unfinished();
            let goal = subject
                .as_ref()
                .and_then(|(wanted, _)| view.graph.goal(wanted));
            let of_goal = goal
                .into_iter()
                .flat_map(|goal| &goal.beads)
                .filter_map(|id| view.graph.bead(id));
            let wanted = open.chain(of_goal).filter(|bead| is_wanted(view, &bead.id));
            wanted.map(|bead| bead.created_at).min()
        });
        let made = subject.as_ref().map(|(_, made)| *made);
        let from = [Some(since), begun, made].into_iter().flatten().min();
        let log = self.log_since(from.unwrap_or(since)).await?;
        let (timeline, revision) = self.town.view(|view| {
            let timeline = timeline_doc(view, &log, |id| is_wanted(view, id), since);
            (timeline, view.graph.revision())
        });
        document("Timeline", timeline, revision)
    }

    /// Reads the log from a moment on, of bounded length: the newest records.
    async fn log_since(&self, moment: Timestamp) -> Result<Vec<Recorded>, Status> {
        let head = self.revision();
        let after = self.last_before(moment).await?;
        let after = after.max(Revision(head.0.saturating_sub(LOOKED_AT_MAX)));
        self.records(after, head).await
    }
}
