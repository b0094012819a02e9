//! Lists that the daemon keeps, page by page.

use gtd_client::Client;
use gtd_core::{BeadState, ListDoc, RigName};
use gtd_wire::pb::graph::v1::QueryRequest;
use serde::de::DeserializeOwned;

use crate::{error::CliError, town};

/// Items of one page.
pub(crate) const PAGE: u32 = 2_000;

/// Asks for the beads that have not ended.
pub(crate) fn unfinished(rig: Option<&RigName>) -> QueryRequest {
    let ended = [
        BeadState::Landed,
        BeadState::Closed,
        BeadState::Failed,
        BeadState::Cancelled,
    ];
    let states = BeadState::WORDS
        .iter()
        .filter(|(_, state)| !ended.contains(state))
        .map(|(word, _)| (*word).to_owned());
    QueryRequest {
        states: states.collect(),
        ..of_rig("beads", rig)
    }
}

/// Asks for the goals.
pub(crate) fn convoys(rig: Option<&RigName>) -> QueryRequest {
    of_rig("convoys", rig)
}

/// Asks for what waits to be merged.
pub(crate) fn merges(rig: Option<&RigName>) -> QueryRequest {
    of_rig("merges", rig)
}

/// Asks for the merge queues.
pub(crate) fn queues(rig: Option<&RigName>) -> QueryRequest {
    of_rig("queues", rig)
}

/// Asks for what needs a person.
pub(crate) fn inbox(rig: Option<&RigName>) -> QueryRequest {
    of_rig("inbox", rig)
}

/// Asks for a list of one rig, or of all.
pub(crate) fn of_rig(kind: &str, rig: Option<&RigName>) -> QueryRequest {
    QueryRequest {
        kind: kind.to_owned(),
        rig: rig.map(ToString::to_string).unwrap_or_default(),
        limit: PAGE,
        ..QueryRequest::default()
    }
}

/// Reads every page of a list.
pub(crate) async fn all<T: DeserializeOwned>(
    client: &Client,
    request: &QueryRequest,
) -> Result<Vec<T>, CliError> {
    let mut items = Vec::new();
    let mut request = request.clone();
    loop {
        let page = client.query(request.clone()).await?;
        items.extend(town::read::<ListDoc<T>>(&page.document)?.items);
        match page.next {
            Some(next) => request.page_token = next,
            None => return Ok(items),
        }
    }
}
