//! Reads: documents of the public JSON API.

use std::{path::Path, time::Duration};

use gtd_core::{BeadId, CostBy, Epoch, Revision, RigName, Timestamp, TrustBy, config::PlanMeans};
use gtd_wire::{API_LEVEL, Call, Document, Read, pb};
use serde_json::Value;

use crate::{Client, ClientError, Rehearsal};

/// How long a backup may take at least.
const BACKUP: Duration = Duration::from_secs(600);
/// How long the ways in which a person is told may take at least.
const CHANNELS: Duration = Duration::from_secs(45);

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The version of the daemon.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The name of the town.
    pub town: String,
    /// The level of its API.
    pub api_level: u32,
    /// How often it has read the user's files; 0 when it does not count.
    pub config_reads: u64,
    /// The newest revision of its log.
    pub revision: Revision,
    /// Its log is being opened: reads are answered, writes wait.
    pub opening: bool,
}

/// What an agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The prompt.
    pub text: String,
    /// What its role calls the model; none leaves it to the runtime.
    pub model: Option<String>,
}

/// Which costs are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CostWish {
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Up to this moment.
    pub until: Option<Timestamp>,
    /// What one group is.
    pub by: CostBy,
    /// Only this goal or bead.
    pub id: Option<String>,
    /// Only this rig.
    pub rig: Option<RigName>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The document.
    pub document: Value,
    /// The revision that it shows.
    pub revision: Revision,
    /// Leads to the next page, if there is one.
    pub next: Option<String>,
}

impl Client {
    /// Asks who answers.
    ///
    /// # Errors
    /// When the daemon is silent or is not there.
    pub async fn hello(&self) -> Result<Hello, ClientError> {
        let request = pb::town::v1::HelloRequest {
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            api_level: API_LEVEL,
        };
        let answer = self.call(request).await?;
        Ok(Hello {
            version: answer.version,
            pid: answer.pid,
            town: answer.town,
            api_level: answer.api_level,
            revision: Revision(answer.revision),
            opening: answer.opening,
            config_reads: answer.config_reads,
        })
    }

    /// Reads any document.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn read<R: Read>(&self, request: R) -> Result<Value, ClientError> {
        let (json, _) = self.call(request).await?.into_parts();
        parse_json(&json, R::NAME)
    }

    /// Reads what a worker on a bead is told, or whoever plans a goal.
    ///
    /// `map` is what is where in the repository, for a plan.
    ///
    /// # Errors
    /// When there is no such bead, its role has no prompt that holds, or the daemon is silent.
    pub async fn prompt_of(
        &self,
        bead: &BeadId,
        agent: &str,
        worktree: &str,
        branch: &str,
        map: String,
    ) -> Result<Told, ClientError> {
        let document = self
            .read(pb::town::v1::RenderRoleRequest {
                role: String::new(),
                bead: bead.to_string(),
                agent: agent.to_owned(),
                worktree: worktree.to_owned(),
                branch: branch.to_owned(),
                base: String::new(),
                map,
                diff: String::new(),
            })
            .await?;
        Ok(told(&document))
    }

    /// Reads what a reviewer of what was handed in for a bead is told.
    ///
    /// `diff` is what it changes.
    ///
    /// # Errors
    /// When there is no such bead, the role has no prompt that holds, or the daemon is silent.
    pub async fn prompt_of_review(
        &self,
        bead: &BeadId,
        agent: &str,
        worktree: &str,
        diff: String,
    ) -> Result<Told, ClientError> {
        let document = self
            .read(pb::town::v1::RenderRoleRequest {
                role: "reviewer".to_owned(),
                bead: bead.to_string(),
                agent: agent.to_owned(),
                worktree: worktree.to_owned(),
                diff,
                ..pb::town::v1::RenderRoleRequest::default()
            })
            .await?;
        Ok(told(&document))
    }

    /// Reads what the agent of a standing member is told when its session begins.
    ///
    /// # Errors
    /// When there is no such member, the role has no prompt that holds, or the daemon is silent.
    pub async fn prompt_of_member(
        &self,
        member: &str,
        worktree: &str,
    ) -> Result<Told, ClientError> {
        let document = self
            .read(pb::town::v1::RenderRoleRequest {
                role: "crew".to_owned(),
                agent: member.to_owned(),
                worktree: worktree.to_owned(),
                ..pb::town::v1::RenderRoleRequest::default()
            })
            .await?;
        Ok(told(&document))
    }

    /// Reads one bead, goal, seat or candidate by its id or the beginning of it.
    ///
    /// # Errors
    /// When there is none or there are several, or the daemon is silent or is not there.
    pub async fn get(&self, id: &str) -> Result<Value, ClientError> {
        let id = id.to_owned();
        self.read(pb::graph::v1::GetRequest { id }).await
    }

    /// Reads one page of a list.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn query(&self, request: pb::graph::v1::QueryRequest) -> Result<Page, ClientError> {
        let answer = self.call(request).await?;
        Ok(Page {
            document: parse_json(&answer.json, pb::graph::v1::QueryRequest::NAME)?,
            revision: Revision(answer.revision),
            next: Some(answer.next_page_token).filter(|token| !token.is_empty()),
        })
    }

    /// Reads how the town is.
    ///
    /// # Errors
    /// When the daemon is silent or is not there.
    pub async fn status(&self) -> Result<Value, ClientError> {
        self.status_of(None).await
    }

    /// Reads how one rig is; without one, how the town is.
    ///
    /// # Errors
    /// When there is no such rig, or the daemon is silent or is not there.
    pub async fn status_of(&self, rig: Option<&RigName>) -> Result<Value, ClientError> {
        let rig = rig.map(ToString::to_string).unwrap_or_default();
        self.read(pb::town::v1::StatusRequest { rig }).await
    }

    /// Reads why something stands still; without an id, what everything waits for.
    ///
    /// # Errors
    /// When there is no such thing, or the daemon is silent or is not there.
    pub async fn why(&self, id: Option<&str>) -> Result<Value, ClientError> {
        let id = id.unwrap_or_default().to_owned();
        self.read(pb::town::v1::WhyRequest { id }).await
    }

    /// Reads what happened.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn report(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        goal: Option<&BeadId>,
    ) -> Result<Value, ClientError> {
        self.read(pb::town::v1::ReportRequest {
            since_ms: since.map(|moment| moment.0),
            until_ms: until.map(|moment| moment.0),
            goal: goal.map(ToString::to_string).unwrap_or_default(),
        })
        .await
    }

    /// Reads what models used, in groups.
    ///
    /// # Errors
    /// When there is no such goal, bead, rig or way to group, or the daemon is silent or is not there.
    pub async fn cost(&self, wish: &CostWish) -> Result<Value, ClientError> {
        self.read(pb::town::v1::CostRequest {
            since_ms: wish.since.map(|moment| moment.0),
            until_ms: wish.until.map(|moment| moment.0),
            by: wish.by.word().to_owned(),
            id: wish.id.clone().unwrap_or_default(),
            rig: wish
                .rig
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        })
        .await
    }

    /// Reads what became of the work of each runtime.
    ///
    /// # Errors
    /// When there is no such rig, or the daemon is silent or is not there.
    pub async fn trust_report(
        &self,
        by: TrustBy,
        since: Option<Timestamp>,
        rig: Option<&RigName>,
    ) -> Result<Value, ClientError> {
        self.read(pb::town::v1::TrustReportRequest {
            since_ms: since.map(|moment| moment.0),
            by: by.word().to_owned(),
            rig: rig.map(ToString::to_string).unwrap_or_default(),
        })
        .await
    }

    /// Reads the configuration in effect.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn config(
        &self,
        key: Option<&str>,
        rig: Option<&RigName>,
    ) -> Result<Value, ClientError> {
        self.read(pb::town::v1::ConfigRequest {
            key: key.unwrap_or_default().to_owned(),
            rig: rig.map(ToString::to_string).unwrap_or_default(),
        })
        .await
    }

    /// Has a backup made: at an absolute path, or under a dated name in the folder of backups.
    ///
    /// # Errors
    /// When the daemon refuses, does not come to its end in time, or is not there.
    pub async fn backup(&self, file: Option<&Path>) -> Result<Value, ClientError> {
        let request = pb::town::v1::BackupRequest {
            file: file.map_or_else(String::new, |file| file.to_string_lossy().into_owned()),
        };
        let within = self.deadline().max(BACKUP);
        let (json, _) = self.call_within(request, within).await?.into_parts();
        parse_json(&json, pb::town::v1::BackupRequest::NAME)
    }

    /// Has the channels tried by which a person is told, or those of one name; in a rehearsal only
    /// reads how each did last.
    ///
    /// # Errors
    /// When the daemon refuses, does not come to its end in time, or is not there.
    pub async fn try_channels(
        &self,
        channel: Option<&str>,
        rehearsal: Rehearsal,
    ) -> Result<Value, ClientError> {
        let request = pb::town::v1::TryChannelsRequest {
            channel: channel.unwrap_or_default().to_owned(),
            validate_only: rehearsal == Rehearsal::Only,
        };
        let within = self.deadline().max(CHANNELS);
        let (json, _) = self.call_within(request, within).await?.into_parts();
        parse_json(&json, pb::town::v1::TryChannelsRequest::NAME)
    }

    /// Reads when the daemon makes backups by itself; with a wish, that is so from now on.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn schedule_backups(
        &self,
        wish: Option<pb::town::v1::BackupWish>,
    ) -> Result<Value, ClientError> {
        self.read(pb::town::v1::ScheduleBackupsRequest { wish })
            .await
    }

    /// Reads the rigs.
    ///
    /// # Errors
    /// When the daemon is silent or is not there.
    pub async fn rigs(&self) -> Result<Value, ClientError> {
        self.read(pb::town::v1::ListRigsRequest {}).await
    }

    /// Finds what gtd made in a rig for attempts that have ended, and takes it away but in a
    /// rehearsal.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn sweep_rig(
        &self,
        rig: &RigName,
        rehearsal: Rehearsal,
    ) -> Result<Value, ClientError> {
        self.read(pb::town::v1::SweepRigRequest {
            rig: rig.to_string(),
            validate_only: rehearsal == Rehearsal::Only,
        })
        .await
    }

    /// Reads the roles, or one of them.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn roles(&self, role: Option<&str>) -> Result<Value, ClientError> {
        let role = role.unwrap_or_default().to_owned();
        self.read(pb::town::v1::RolesRequest { role }).await
    }

    /// Reads the gates and what they showed last.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn gates(&self, rig: Option<&RigName>) -> Result<Value, ClientError> {
        let rig = rig.map(ToString::to_string).unwrap_or_default();
        self.read(pb::town::v1::GatesRequest { rig }).await
    }

    /// Asks whether branches of a rig may move now.
    ///
    /// # Errors
    /// When they are frozen, or the daemon is silent or is not there.
    pub async fn may_move(&self, rig: &RigName) -> Result<(), ClientError> {
        let rig = rig.to_string();
        self.call(pb::merge::v1::MayMoveRequest { rig }).await?;
        Ok(())
    }

    /// Reads what plans on a rig can be made with.
    ///
    /// # Errors
    /// When there is no such rig, its configuration is wrong, or the daemon is silent.
    pub async fn plan_means(&self, rig: &RigName) -> Result<PlanMeans, ClientError> {
        let request = pb::plan::v1::MeansRequest {
            rig: rig.to_string(),
        };
        let method = pb::plan::v1::MeansRequest::NAME;
        PlanMeans::try_from(self.call(request).await?)
            .map_err(|malformed| ClientError::unreadable(method, &malformed))
    }

    /// Reads a submission or a candidate by its id, with what its gates said.
    ///
    /// # Errors
    /// When there is none, or the daemon is silent or is not there.
    pub async fn merge(&self, id: &str) -> Result<Value, ClientError> {
        let id = id.to_owned();
        self.read(pb::merge::v1::GetRequest { id }).await
    }

    /// Reads the runs.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn runs(&self, request: pb::run::v1::ListRequest) -> Result<Value, ClientError> {
        self.read(request).await
    }

    /// Reads what the last attempt at a bead claims, and what is known to be so.
    ///
    /// # Errors
    /// When there is no such bead, or the daemon is silent or is not there.
    pub async fn review(&self, id: &str) -> Result<Value, ClientError> {
        let id = id.to_owned();
        self.read(pb::town::v1::ReviewRequest { id }).await
    }

    /// Reads in whose hands each bead was, and when: of one bead or goal, of a rig, or of all.
    ///
    /// # Errors
    /// When there is no such bead, or the daemon is silent or is not there.
    pub async fn timeline(
        &self,
        id: Option<&str>,
        rig: Option<&RigName>,
        since: Option<Timestamp>,
    ) -> Result<Value, ClientError> {
        self.read(pb::town::v1::TimelineRequest {
            id: id.unwrap_or_default().to_owned(),
            rig: rig.map(ToString::to_string).unwrap_or_default(),
            since_ms: since.map(|moment| moment.0),
        })
        .await
    }

    /// Reads what people did, the newest first; a limit of 0 means the usual number.
    ///
    /// # Errors
    /// When the daemon is silent or is not there.
    pub async fn operations(&self, limit: u32) -> Result<Value, ClientError> {
        self.read(pb::town::v1::OperationsRequest { limit }).await
    }

    /// Reads messages.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn mail(&self, request: pb::mail::v1::ReadRequest) -> Result<Value, ClientError> {
        self.read(request).await
    }

    /// Reads what the holder of a lease has to know.
    ///
    /// # Errors
    /// When the lease passed on, or the daemon is silent or is not there.
    pub async fn brief(&self, bead: &BeadId, epoch: Epoch) -> Result<Value, ClientError> {
        self.read(pb::work::v1::BriefRequest {
            bead: bead.to_string(),
            epoch: epoch.0,
        })
        .await
    }
}

fn told(document: &Value) -> Told {
    let text = |key: &str| document[key].as_str().map(str::to_owned);
    Told {
        text: text("text").unwrap_or_default(),
        model: text("model"),
    }
}

pub(crate) fn parse_json(json: &[u8], method: &'static str) -> Result<Value, ClientError> {
    serde_json::from_slice(json).map_err(|error| ClientError::Unreadable {
        method,
        why: error.to_string(),
    })
}
