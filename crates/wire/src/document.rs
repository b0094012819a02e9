//! Answers that are documents of the public JSON API.

use gtd_core::Revision;
use prost::bytes::Bytes;

use crate::{Call, pb};

/// An answer that is a document: one JSON object with `kind`.
pub trait Document {
    /// Makes the answer.
    fn new(json: Vec<u8>, revision: Revision) -> Self;

    /// Returns the document and the revision that it shows.
    fn into_parts(self) -> (Bytes, Revision);
}

/// A request whose answer is a document.
pub trait Read: Call<Response: Document> {}

impl<R: Call<Response: Document>> Read for R {}

macro_rules! documents {
    ($( $package:ident { $($response:ident),* } )*) => { $($(
        impl Document for pb::$package::v1::$response {
            fn new(json: Vec<u8>, revision: Revision) -> Self {
                Self { json: json.into(), revision: revision.0 }
            }

            fn into_parts(self) -> (Bytes, Revision) {
                (self.json, Revision(self.revision))
            }
        }
    )*)* };
}

documents! {
    graph { GetResponse }
    mail { ReadResponse }
    merge { GetResponse, GateHistoryResponse }
    run { ListResponse }
    town {
        StatusResponse, WhyResponse, ReportResponse, CostResponse, ConfigResponse, ListRigsResponse,
        SweepRigResponse,
        RolesResponse, CheckRolesResponse, RenderRoleResponse, GatesResponse, BackupResponse, OperationsResponse,
        ReviewResponse, ScheduleBackupsResponse, TimelineResponse, TrustReportResponse,
        TryChannelsResponse
    }
    work { BriefResponse }
}

impl Document for pb::graph::v1::QueryResponse {
    fn new(json: Vec<u8>, revision: Revision) -> Self {
        Self {
            json: json.into(),
            revision: revision.0,
            next_page_token: String::new(),
        }
    }

    fn into_parts(self) -> (Bytes, Revision) {
        (self.json, Revision(self.revision))
    }
}
