//! A person's key to the town, and what everybody may know of it.

use std::sync::{Arc, atomic::Ordering};

use gtd_core::{
    ListDoc, Moment, Rejection, Revision, RigName, StatusDoc, config, explain, status_doc,
};
use gtd_wire::{
    API_LEVEL, Skew, WriteContext, WriteRequest as _, Written,
    pb::{
        common::v1::Line,
        town::v1::{
            AddRigRequest, AddRigResponse, BackupRequest, BackupResponse, CheckRolesRequest,
            CheckRolesResponse, ConfigRequest, ConfigResponse, CostRequest, CostResponse,
            GatesRequest, GatesResponse, HelloRequest, HelloResponse, ListRigsRequest,
            ListRigsResponse, LogsRequest, LogsResponse, OperationsRequest, OperationsResponse,
            PauseRequest, PauseResponse, RemoveRigRequest, RemoveRigResponse, RenderRoleRequest,
            RenderRoleResponse, ReportRequest, ReportResponse, ResumeRequest, ResumeResponse,
            ReviewRequest, ReviewResponse, RevokeTrustRequest, RevokeTrustResponse, RolesRequest,
            RolesResponse, ScheduleBackupsRequest, ScheduleBackupsResponse, ShutdownRequest,
            ShutdownResponse, StatusRequest, StatusResponse, StopAllRequest, StopAllResponse,
            SweepRigRequest, SweepRigResponse, ThawRequest, ThawResponse, TimelineRequest,
            TimelineResponse, TrustReportRequest, TrustReportResponse, TrustRigRequest,
            TrustRigResponse, TryChannelsRequest, TryChannelsResponse, UndoRequest, UndoResponse,
            WhyRequest, WhyResponse, town_service_server::TownService,
        },
    },
};
use serde::Serialize;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{
    Api, caller_of, document, gates, json,
    lines::{self, Source, Until},
    lookup, malformed, prompts,
    reads::{known_rig, wished_rig},
    rejected,
    why::why_all,
};
use crate::{
    backup,
    ledger::chain,
    logs::{DAEMON, LogReader},
    town::OrderFrame,
};

/// The status page with what the daemon says of itself.
#[derive(Debug, Serialize)]
struct TownStatusDoc {
    #[serde(flatten)]
    status: StatusDoc,
    daemon: DaemonDoc,
}

#[derive(Debug, Serialize)]
struct DaemonDoc {
    version: &'static str,
    pid: u32,
    town: String,
    started_at: Moment,
    uptime_s: u64,
    /// Why a person should look at the backups that are made by the clock.
    backups: Option<String>,
}

/// The configuration in effect.
#[derive(Debug, Serialize)]
struct ConfigDoc {
    items: Vec<config::Explanation>,
    warnings: Vec<String>,
    without_effect: Vec<String>,
}

super::writes::writes! {
    TownService {
        pause PauseRequest => PauseResponse;
        resume ResumeRequest => ResumeResponse;
    } also {
        async fn stop_all(
            &self,
            request: Request<StopAllRequest>,
        ) -> Result<Response<StopAllResponse>, Status> {
            let _one_at_a_time = self.town.stopping.lock().await;
            // The file first: it holds even if nothing else works any more.
            let (places, why) = (self.town.places.clone(), request.get_ref().why.clone());
            blocking(move || gtd_host::stop_everything(&places, &why)).await?;
            self.write(request).await
        }

        async fn thaw(
            &self,
            request: Request<ThawRequest>,
        ) -> Result<Response<ThawResponse>, Status> {
            let _one_at_a_time = self.town.stopping.lock().await;
            let answer = self.write(request).await?;
            let places = self.town.places.clone();
            blocking(move || gtd_host::thaw_everything(&places)).await?;
            Ok(answer)
        }

        async fn operations(
            &self,
            request: Request<OperationsRequest>,
        ) -> Result<Response<OperationsResponse>, Status> {
            self.list_operations(request.into_inner()).await
        }

        async fn undo(
            &self,
            request: Request<UndoRequest>,
        ) -> Result<Response<UndoResponse>, Status> {
            self.undo_operation(request).await
        }

        async fn review(
            &self,
            request: Request<ReviewRequest>,
        ) -> Result<Response<ReviewResponse>, Status> {
            self.make_review(request.get_ref()).await
        }

        async fn timeline(
            &self,
            request: Request<TimelineRequest>,
        ) -> Result<Response<TimelineResponse>, Status> {
            self.make_timeline(request.get_ref()).await
        }

        type LogsStream = ReceiverStream<Result<LogsResponse, Status>>;

        async fn hello(
            &self,
            request: Request<HelloRequest>,
        ) -> Result<Response<HelloResponse>, Status> {
            let HelloRequest {
                client_version,
                api_level,
            } = request.into_inner();
            if !Skew::of(api_level).works() {
                return Err(other_level(&client_version, api_level));
            }
            Ok(Response::new(HelloResponse {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                town: self.town.places.town.clone(),
                api_level: told_level(),
                revision: self.town.ledger.graph().revision().0,
                opening: self.town.ledger.is_opening(),
                config_reads: self.town.config_reads.load(Ordering::Acquire),
            }))
        }

        async fn status(
            &self,
            request: Request<StatusRequest>,
        ) -> Result<Response<StatusResponse>, Status> {
            let rig = request.into_inner().rig;
            let (status, revision) = self.town.view(|view| {
                let rig = wished_rig(view, &rig).map_err(rejected)?;
                Ok::<_, Status>((status_doc(view, rig.as_ref()), view.graph.revision()))
            })?;
            let daemon = DaemonDoc {
                version: env!("CARGO_PKG_VERSION"),
                pid: std::process::id(),
                town: self.town.places.town.clone(),
                started_at: Moment(self.town.started_at),
                uptime_s: self.town.started.elapsed().as_secs(),
                backups: self.problem_of_backups().await,
            };
            document("Status", TownStatusDoc { status, daemon }, revision)
        }

        async fn why(&self, request: Request<WhyRequest>) -> Result<Response<WhyResponse>, Status> {
            let id = request.into_inner().id;
            let (json, revision) = self.town.view(|view| {
                let json = if id.trim().is_empty() {
                    json("WhyList", why_all(view))
                } else {
                    let bead = lookup::bead(view.graph, &id).map_err(rejected)?;
                    let why = explain(view.graph, view.observations, &bead.id, view.now);
                    json("Why", why.ok_or_else(|| Status::internal("a bead without a reason"))?)
                };
                Ok::<_, Status>((json?, view.graph.revision()))
            })?;
            Ok(Response::new(gtd_wire::Document::new(json, revision)))
        }

        async fn report(
            &self,
            request: Request<ReportRequest>,
        ) -> Result<Response<ReportResponse>, Status> {
            self.make_report(request.into_inner()).await
        }

        async fn cost(
            &self,
            request: Request<CostRequest>,
        ) -> Result<Response<CostResponse>, Status> {
            self.sum_cost(request.into_inner()).await
        }

        async fn trust_report(
            &self,
            request: Request<TrustReportRequest>,
        ) -> Result<Response<TrustReportResponse>, Status> {
            self.report_trust(request.into_inner()).await
        }

        async fn shutdown(
            &self,
            request: Request<ShutdownRequest>,
        ) -> Result<Response<ShutdownResponse>, Status> {
            let by = caller_of(&request)?.actor();
            tracing::info!(%by, "asked to end");
            self.town.leaving.cancel();
            let written = Written {
                revision: self.town.ledger.graph().revision(),
                ..Written::default()
            };
            Ok(Response::new(ShutdownResponse { written: Some(written.into()) }))
        }

        async fn config(
            &self,
            request: Request<ConfigRequest>,
        ) -> Result<Response<ConfigResponse>, Status> {
            let request = request.into_inner();
            let rig = match request.rig.as_str() {
                "" => None,
                name => Some(self.rig(name)?),
            };
            let config = self.town.rigs.config(rig.as_ref()).map_err(rejected)?;
            let items = config.explain(&request.key).map_err(|unknown| {
                rejected(Rejection::NotFound {
                    kind: match unknown.similar {
                        Some(near) => format!("configuration key (did you mean {near}?)"),
                        None => "configuration key".to_owned(),
                    },
                    name: unknown.key,
                })
            })?;
            let doc = ConfigDoc {
                items,
                warnings: config.warnings().iter().map(gtd_core::Diagnostic::render).collect(),
                without_effect: config.without_effect().map(|(key, _)| key.to_owned()).collect(),
            };
            document("Config", doc, self.revision())
        }

        async fn add_rig(
            &self,
            request: Request<AddRigRequest>,
        ) -> Result<Response<AddRigResponse>, Status> {
            let caller = caller_of(&request)?;
            let request = request.into_inner();
            let frame = frame(caller.actor(), request.context)?;
            let name = match request.name.as_str() {
                "" => None,
                name => Some(parse_rig(name)?),
            };
            let path = std::path::Path::new(&request.path);
            let ledger = &self.town.ledger;
            let (answer, name) = self.town.rigs.add(ledger, frame, path, name).await?;
            self.look_at_trust();
            Ok(Response::new(AddRigResponse {
                written: Some(self.written(answer).into()),
                json: self.rig_json(&name)?.into(),
            }))
        }

        async fn trust_rig(
            &self,
            request: Request<TrustRigRequest>,
        ) -> Result<Response<TrustRigResponse>, Status> {
            let caller = caller_of(&request)?;
            let request = request.into_inner();
            let frame = frame(caller.actor(), request.context)?;
            let name = parse_rig(&request.rig)?;
            let ledger = &self.town.ledger;
            let answer = self.town.rigs.trust(ledger, frame, &name, &request.digest).await?;
            self.look_at_trust();
            Ok(Response::new(TrustRigResponse {
                written: Some(self.written(answer).into()),
                json: self.rig_json(&name)?.into(),
            }))
        }

        async fn remove_rig(
            &self,
            request: Request<RemoveRigRequest>,
        ) -> Result<Response<RemoveRigResponse>, Status> {
            let caller = caller_of(&request)?;
            let request = request.into_inner();
            let name = parse_rig(&request.rig)?;
            let (_, context) = request.command().map_err(malformed)?;
            let frame = OrderFrame { by: caller.actor(), context };
            let answer = self.town.rigs.remove(&self.town.ledger, frame, &name).await?;
            Ok(Response::new(self.written(answer).into()))
        }

        async fn revoke_trust(
            &self,
            request: Request<RevokeTrustRequest>,
        ) -> Result<Response<RevokeTrustResponse>, Status> {
            let written = self.write(request).await?;
            self.look_at_trust();
            Ok(written)
        }

        async fn sweep_rig(
            &self,
            request: Request<SweepRigRequest>,
        ) -> Result<Response<SweepRigResponse>, Status> {
            self.sweep(request.into_inner()).await
        }

        async fn try_channels(
            &self,
            request: Request<TryChannelsRequest>,
        ) -> Result<Response<TryChannelsResponse>, Status> {
            self.channels(request.into_inner()).await
        }

        async fn list_rigs(
            &self,
            _: Request<ListRigsRequest>,
        ) -> Result<Response<ListRigsResponse>, Status> {
            let rigs: Vec<gtd_core::Rig> = self.town.ledger.graph().rigs().cloned().collect();
            let items = rigs.iter().map(|rig| self.town.rigs.doc(rig)).collect();
            let list = ListDoc { items, next: String::new() };
            document("RigList", list, self.revision())
        }

        async fn roles(
            &self,
            request: Request<RolesRequest>,
        ) -> Result<Response<RolesResponse>, Status> {
            self.list_roles(&request.into_inner().role)
        }

        async fn check_roles(
            &self,
            request: Request<CheckRolesRequest>,
        ) -> Result<Response<CheckRolesResponse>, Status> {
            let rig = match request.into_inner().rig.as_str() {
                "" => None,
                name => Some(self.rig(name)?.name),
            };
            let town = Arc::clone(&self.town);
            let checked = tokio::task::spawn_blocking(move || town.rigs.check_roles(rig.as_ref()));
            let checked = checked
                .await
                .map_err(|error| Status::internal(error.to_string()))?
                .map_err(rejected)?;
            document("RoleCheck", checked, self.revision())
        }

        async fn render_role(
            &self,
            request: Request<RenderRoleRequest>,
        ) -> Result<Response<RenderRoleResponse>, Status> {
            let wish = request.into_inner();
            let rendered = prompts::render_prompt(&self.town, &wish).map_err(rejected)?;
            document("RolePrompt", rendered, self.revision())
        }

        async fn gates(
            &self,
            request: Request<GatesRequest>,
        ) -> Result<Response<GatesResponse>, Status> {
            let wanted = request.into_inner().rig;
            let (items, revision) = self.town.view(|view| {
                let wanted = match wanted.as_str() {
                    "" => None,
                    name => Some(known_rig(view, name).map_err(rejected)?),
                };
                let items: Vec<gates::GateDoc> = view
                    .graph
                    .rigs()
                    .filter(|rig| wanted.as_ref().is_none_or(|name| *name == rig.name))
                    .flat_map(|rig| gates::docs(view.graph, rig))
                    .collect();
                Ok::<_, Status>((items, view.graph.revision()))
            })?;
            document("GateList", ListDoc { items, next: String::new() }, revision)
        }

        async fn backup(
            &self,
            request: Request<BackupRequest>,
        ) -> Result<Response<BackupResponse>, Status> {
            let file = match request.into_inner().file.as_str() {
                "" => None,
                path => Some(std::path::PathBuf::from(path)),
            };
            if file.as_ref().is_some_and(|file| !file.is_absolute()) {
                return Err(Status::invalid_argument("the file of a backup is an absolute path"));
            }
            let town = Arc::clone(&self.town);
            let made = tokio::task::spawn_blocking(move || {
                let (until, now) = (town.ledger.graph().revision(), town.ledger.now());
                backup::create(&town.places, until, file.as_deref(), now)
            });
            let made = made
                .await
                .map_err(|error| Status::internal(error.to_string()))?
                .map_err(|error| Status::failed_precondition(format!("cannot {}", chain(&error))))?;
            tracing::info!(path = %made.path.display(), revision = %made.manifest.head, "made a backup");
            let head = made.manifest.head;
            document("Backup", made.document(), head)
        }

        async fn schedule_backups(
            &self,
            request: Request<ScheduleBackupsRequest>,
        ) -> Result<Response<ScheduleBackupsResponse>, Status> {
            self.schedule_the_backups(request.into_inner()).await
        }

        async fn logs(
            &self,
            request: Request<LogsRequest>,
        ) -> Result<Response<Self::LogsStream>, Status> {
            let request = request.into_inner();
            let folder = self.town.logs();
            let until = if request.follow { Until::TheEnd } else { Until::Now };
            let opened = tokio::task::spawn_blocking(move || {
                let name = match request.role.as_str() {
                    "" => DAEMON,
                    role => role,
                };
                let last = request.last.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
                LogReader::open(&folder, name, request.after_seq, last)
            });
            let reader = opened
                .await
                .map_err(|error| Status::internal(error.to_string()))?
                .map_err(|error| Status::not_found(chain(&error)))?;
            let wrap = |lines| LogsResponse { lines };
            let closing = self.town.closing.clone();
            Ok(Response::new(lines::stream(reader, until, closing, wrap)))
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, gtd_host::HostError> + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(act)
        .await
        .map_err(|error| Status::internal(error.to_string()))?
        .map_err(|error| Status::internal(error.chain()))
}

impl Source for LogReader {
    fn next(&mut self) -> Result<Vec<Line>, Status> {
        let lines = Self::next(self, lines::BATCH);
        Ok(lines
            .map_err(|error| Status::internal(chain(&error)))?
            .into_iter()
            .map(|(seq, text)| Line {
                seq,
                json: text.into_bytes().into(),
            })
            .collect())
    }

    fn has_ended(&mut self) -> bool {
        false
    }
}

impl Api {
    pub(super) fn revision(&self) -> Revision {
        self.town.ledger.graph().revision()
    }

    pub(super) fn rig(&self, name: &str) -> Result<gtd_core::Rig, Status> {
        let name = parse_rig(name)?;
        let found = self.town.ledger.graph().rig(&name).cloned();
        found.ok_or_else(|| rejected(Rejection::NoRig { rig: name }))
    }

    fn rig_json(&self, name: &RigName) -> Result<Vec<u8>, Status> {
        let rig = self.rig(name.as_str())?;
        json("Rig", self.town.rigs.doc(&rig))
    }

    /// Looks at once whether the files of the rigs are as they were trusted.
    fn look_at_trust(&self) {
        let town = Arc::clone(&self.town);
        tokio::task::spawn_blocking(move || town.look_at_trust());
    }
}

/// Returns the level that hello tells; a test can let it be another one.
fn told_level() -> u32 {
    let is_asked = |point| gtd_fault::point_result(point).is_err();
    if is_asked("town.level-one-newer") {
        API_LEVEL + 1
    } else if is_asked("town.level-far-newer") {
        API_LEVEL + 9
    } else {
        API_LEVEL
    }
}

fn other_level(version: &str, level: u32) -> Status {
    Status::failed_precondition(format!(
        "this gtdd (version {}, API level {API_LEVEL}) works with one level up or down, and yours (version \
         {version}) is {level}: use programs of one version",
        env!("CARGO_PKG_VERSION"),
    ))
}

fn frame(
    by: gtd_core::Actor,
    context: Option<gtd_wire::pb::common::v1::WriteContext>,
) -> Result<OrderFrame, Status> {
    let context = match context {
        Some(wire) => WriteContext::try_from(wire).map_err(malformed)?,
        None => WriteContext::default(),
    };
    Ok(OrderFrame { by, context })
}

pub(super) fn parse_rig(name: &str) -> Result<RigName, Status> {
    RigName::parse(name).map_err(|error| {
        rejected(Rejection::BadText {
            field: "the rig".to_owned(),
            why: error.to_string(),
        })
    })
}
