//! The ways in which a person is told what needs them.

use std::{collections::BTreeSet, sync::Arc};

use gtd_core::{ListDoc, Moment};
use gtd_host::ChannelSeen;
use gtd_wire::pb::town::v1::{TryChannelsRequest, TryChannelsResponse};
use serde::Serialize;
use tonic::{Response, Status};

use super::{Api, document, town::blocking};

/// One channel, and how it did.
#[derive(Debug, Serialize)]
struct ChannelDoc {
    name: String,
    /// The events that it carries; null is all of them.
    events: Option<BTreeSet<String>>,
    /// `ok`, `failed` or `unused`.
    state: &'static str,
    /// When it was used last.
    at: Option<Moment>,
    /// Why it failed then.
    why: Option<String>,
}

impl Api {
    /// Tries channels, and in a rehearsal only tells of them.
    pub(super) async fn channels(
        &self,
        request: TryChannelsRequest,
    ) -> Result<Response<TryChannelsResponse>, Status> {
        let town = Arc::clone(&self.town);
        let seen = blocking(move || {
            let only = Some(request.channel.as_str()).filter(|name| !name.is_empty());
            match request.validate_only {
                true => gtd_host::channels(&town.places),
                false => gtd_host::try_channels(&town.places, only),
            }
        })
        .await?;
        let list = ListDoc {
            items: seen.into_iter().map(ChannelDoc::of).collect(),
            next: String::new(),
        };
        document("ChannelList", list, self.revision())
    }
}

impl ChannelDoc {
    fn of(seen: ChannelSeen) -> Self {
        Self {
            state: match (&seen.at, &seen.failed) {
                (None, _) => "unused",
                (Some(_), None) => "ok",
                (Some(_), Some(_)) => "failed",
            },
            name: seen.name,
            events: seen.events,
            at: seen.at,
            why: seen.failed,
        }
    }
}
