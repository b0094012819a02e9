//! What became of the work of each runtime, read from the log.

use gtd_core::{Bead, Rejection, Timestamp, TrustBy, View, is_for_trust, trust_doc};
use gtd_wire::pb::town::v1::{TrustReportRequest, TrustReportResponse};
use tonic::{Response, Status};

use super::{
    Api, document,
    reads::{unknown_word, wished_rig},
    rejected,
};

impl Api {
    /// Works out what became of the work of each runtime, from the beginning or since a moment.
    pub(super) async fn report_trust(
        &self,
        request: TrustReportRequest,
    ) -> Result<Response<TrustReportResponse>, Status> {
        let now = self.town.ledger.now();
        let by = match request.by.as_str() {
            "" => TrustBy::default(),
            word => TrustBy::of_word(word).ok_or_else(|| rejected(unknown_line(word)))?,
        };
        let rig = self.town.view(|view| wished_rig(view, &request.rig));
        let rig = rig.map_err(rejected)?;
        let since = request.since_ms.map_or(Timestamp(0), Timestamp);
        // What became of an attempt comes after it, however long that takes.
        let log = self.records_between(since, now, is_for_trust).await?;
        let is_wanted = |bead: &Bead| rig.as_ref().is_none_or(|rig| bead.rig == *rig);
        let (trust, revision) = self.town.view(|view| {
            let view = View { now, ..view };
            let trust = trust_doc(view, &log, by, since, is_wanted);
            (trust, view.graph.revision())
        });
        document("TrustReport", trust, revision)
    }
}

fn unknown_line(word: &str) -> Rejection {
    let words: Vec<&str> = TrustBy::ALL.into_iter().map(TrustBy::word).collect();
    unknown_word("what a line is", word, &words)
}
