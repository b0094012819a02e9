//! The services: thin. A request becomes a command, the ledger decides, an answer goes back.
//!
//! One file each, named as its proto. Who may call what was settled at the
//! door (`callers`, `access`); only what a lease holder may touch is looked at
//! here, because it depends on the message.

mod backups;
mod channels;
mod cost;
mod gates;
mod goal;
mod graph;
mod health;
mod host;
mod lines;
mod look;
mod lookup;
mod mail;
mod merge;
mod plan;
mod prompts;
mod reads;
mod report;
mod roles;
mod run;
mod schedule;
mod seat;
mod sweep;
mod town;
mod town_state;
mod transcripts;
mod trust;
mod undo;
mod why;
mod work;
mod writes;

use std::sync::Arc;

use gtd_core::Rejection;
use gtd_wire::{
    Caller, Document, Malformed, Refusal,
    pb::{
        FILE_DESCRIPTOR_SET, goal::v1::goal_service_server::GoalServiceServer,
        graph::v1::graph_service_server::GraphServiceServer,
        health::v1::health_service_server::HealthServiceServer,
        host::v1::host_service_server::HostServiceServer,
        mail::v1::mail_service_server::MailServiceServer,
        merge::v1::merge_service_server::MergeServiceServer,
        plan::v1::plan_service_server::PlanServiceServer,
        run::v1::run_service_server::RunServiceServer,
        seat::v1::seat_service_server::SeatServiceServer,
        town::v1::town_service_server::TownServiceServer,
        work::v1::work_service_server::WorkServiceServer,
    },
    to_status,
};
use serde::Serialize;
use tonic::{Request, Response, Status, service::Routes};

use crate::{callers::Admitted, ledger::Refused, town::Town};

/// All services of a town.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) town: Arc<Town>,
}

/// Wraps everything that the socket serves: our services, health, reflection.
///
/// # Errors
/// When the descriptions of the protocol cannot be served.
pub(crate) async fn routes(town: Arc<Town>) -> Result<Routes, tonic_reflection::server::Error> {
    macro_rules! sized {
        ($server:ident, $api:expr) => {
            $server::new($api)
                .max_decoding_message_size(gtd_wire::MAX_MESSAGE_BYTES)
                .max_encoding_message_size(gtd_wire::MAX_MESSAGE_BYTES)
        };
    }
    let api = Api { town };
    let (reporter, health) = tonic_health::server::health_reporter();
    let mut routes = Routes::builder();
    macro_rules! serve {
        ($($server:ident),*) => { $(
            reporter.set_serving::<$server<Api>>().await;
            routes.add_service(sized!($server, api.clone()));
        )* };
    }
    serve!(
        GoalServiceServer,
        PlanServiceServer,
        SeatServiceServer,
        WorkServiceServer,
        MergeServiceServer,
        HealthServiceServer,
        HostServiceServer,
        MailServiceServer,
        GraphServiceServer,
        RunServiceServer,
        TownServiceServer
    );
    routes.add_service(health);
    routes.add_service(
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?,
    );
    Ok(routes.routes())
}

/// Returns the caller that the door let in.
fn caller_of<T>(request: &Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Admitted>()
        .map(|admitted| admitted.caller.clone())
        .ok_or_else(|| Status::internal("the request came past the door"))
}

/// Tells whether a run of this town started the caller, where the door had to know.
fn is_agent<T>(request: &Request<T>) -> bool {
    let admitted = request.extensions().get::<Admitted>();
    admitted.is_some_and(|admitted| admitted.is_agent)
}

fn malformed(error: Malformed) -> Status {
    to_status(&Rejection::from(error))
}

fn rejected(rejection: impl Into<Rejection>) -> Status {
    to_status(&rejection.into())
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Rejected(rejection) => to_status(&rejection),
            Refused::Overloaded => Refusal::Overloaded {
                retry_after: std::time::Duration::from_millis(200),
            }
            .to_status(),
            Refused::Closed => Refusal::Leaving.to_status(),
            Refused::Broken(what) => {
                tracing::error!(%what, "a write failed in a way that no rule foresees");
                Status::internal(what)
            }
        }
    }
}

/// Makes the answer that is a document.
fn document<D: Document>(
    kind: &str,
    body: impl Serialize,
    revision: gtd_core::Revision,
) -> Result<Response<D>, Status> {
    Ok(Response::new(D::new(json(kind, body)?, revision)))
}

fn json(kind: &str, body: impl Serialize) -> Result<Vec<u8>, Status> {
    serde_json::to_vec(&gtd_core::Document::new(kind, body))
        .map_err(|error| Status::internal(format!("a document of kind {kind}: {error}")))
}
