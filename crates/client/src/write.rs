//! Writes: any command, and the wishes that the daemon turns into commands.

use std::{path::Path, time::Duration};

use gtd_core::{BeadId, Command, Epoch, RequestId, Revision, RigName, RunId, SeatName, Target};
use gtd_wire::{Call, GoalWish, Malformed, Write, WriteContext, Written, pb};
use serde_json::Value;
use uuid::Uuid;

use crate::{Client, ClientError, read::parse_json};

/// What became of a wish for a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalReceipt {
    /// What was written: the goal's id first, then the ids of its beads.
    pub written: Written,
    /// Where it lands.
    pub target: Target,
    /// What a person should be told.
    pub notices: Vec<String>,
}

/// Whether a write only rehearses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rehearsal {
    /// It is written.
    No,
    /// Everything is checked and nothing is written.
    Only,
}

/// What became of a rig.
#[derive(Debug, Clone, PartialEq)]
pub struct RigReceipt {
    /// What was written.
    pub written: Written,
    /// The rig, as a document.
    pub document: Value,
}

impl Client {
    /// Sends a command under a request id of its own.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn tell(&self, command: Command) -> Result<Written, ClientError> {
        self.tell_as(command, WriteContext::default()).await
    }

    /// Sends a command; without a request id it gets one.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn tell_as(
        &self,
        command: Command,
        context: WriteContext,
    ) -> Result<Written, ClientError> {
        let write =
            Write::new(command, named(context), self.caller()).map_err(ClientError::Unsendable)?;
        let method = write.name();
        let wire = self
            .repeat(method, self.deadline(), |left| {
                write.clone().send(self.service(), Some(left))
            })
            .await?;
        Written::try_from(wire).map_err(|malformed| ClientError::unreadable(method, &malformed))
    }

    /// Opens a goal.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn submit_goal(
        &self,
        wish: GoalWish,
        context: WriteContext,
    ) -> Result<GoalReceipt, ClientError> {
        let answer = self.call(wish.into_request(named(context))).await?;
        let method = pb::goal::v1::SubmitRequest::NAME;
        receipt(answer.written, answer.target, answer.notices, method)
    }

    /// Opens a goal that beads answer which exist already.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn gather(
        &self,
        wish: GoalWish,
        beads: &[BeadId],
        context: WriteContext,
    ) -> Result<GoalReceipt, ClientError> {
        let request = pb::goal::v1::GatherRequest {
            goal: Some(wish.into_request(named(context))),
            beads: beads.iter().map(ToString::to_string).collect(),
        };
        let answer = self.call(request).await?;
        let method = pb::goal::v1::GatherRequest::NAME;
        receipt(answer.written, answer.target, answer.notices, method)
    }

    /// Takes back what a person did, or only checks that it could be.
    ///
    /// # Errors
    /// When it was overtaken, or the daemon refuses, is silent or is not there.
    pub async fn undo(
        &self,
        op: Revision,
        rehearsal: Rehearsal,
        context: WriteContext,
    ) -> Result<Value, ClientError> {
        let request = pb::town::v1::UndoRequest {
            context: wire(context),
            op: op.0,
            validate_only: rehearsal == Rehearsal::Only,
        };
        let answer = self.call(request).await?;
        parse_json(&answer.json, pb::town::v1::UndoRequest::NAME)
    }

    /// Answers a bead that asks.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn answer(
        &self,
        bead: &BeadId,
        text: String,
        context: WriteContext,
    ) -> Result<Written, ClientError> {
        let request = pb::goal::v1::AnswerRequest {
            context: wire(context),
            bead: bead.to_string(),
            text,
        };
        let answer = self.call(request).await?;
        written(answer.written, pb::goal::v1::AnswerRequest::NAME)
    }

    /// Gives a bead back with a question for a person.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn ask(
        &self,
        bead: &BeadId,
        epoch: Epoch,
        text: String,
        context: WriteContext,
    ) -> Result<Written, ClientError> {
        let request = pb::work::v1::AskRequest {
            context: wire(context),
            bead: bead.to_string(),
            epoch: epoch.0,
            text,
        };
        let answer = self.call(request).await?;
        written(answer.written, pb::work::v1::AskRequest::NAME)
    }

    /// Takes the first ready bead of a rig, and waits for one at most so long.
    ///
    /// # Errors
    /// When nothing became ready, or the daemon refuses, is silent or is not there.
    pub async fn claim_next(
        &self,
        rig: &RigName,
        name: &SeatName,
        wait: Duration,
        context: WriteContext,
    ) -> Result<Written, ClientError> {
        let request = pb::work::v1::ClaimNextRequest {
            context: wire(context),
            rig: rig.to_string(),
            name: name.to_string(),
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        };
        let within = self.deadline().saturating_add(wait);
        let answer = self.call_within(request, within).await?;
        written(answer.written, pb::work::v1::ClaimNextRequest::NAME)
    }

    /// Makes a repository a rig of the town and trusts its configuration as it is.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn add_rig(
        &self,
        folder: &Path,
        name: Option<&RigName>,
        context: WriteContext,
    ) -> Result<RigReceipt, ClientError> {
        let request = pb::town::v1::AddRigRequest {
            context: wire(context),
            path: folder.to_string_lossy().into_owned(),
            name: name.map(ToString::to_string).unwrap_or_default(),
        };
        let method = pb::town::v1::AddRigRequest::NAME;
        let answer = self.call(request).await?;
        Ok(RigReceipt {
            written: written(answer.written, method)?,
            document: parse_json(&answer.json, method)?,
        })
    }

    /// Puts the configuration of a rig into effect; with a digest, only the one that has it.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn trust_rig(
        &self,
        rig: &RigName,
        digest: Option<&str>,
        context: WriteContext,
    ) -> Result<RigReceipt, ClientError> {
        let request = pb::town::v1::TrustRigRequest {
            context: wire(context),
            rig: rig.to_string(),
            digest: digest.unwrap_or_default().to_owned(),
        };
        let method = pb::town::v1::TrustRigRequest::NAME;
        let answer = self.call(request).await?;
        Ok(RigReceipt {
            written: written(answer.written, method)?,
            document: parse_json(&answer.json, method)?,
        })
    }

    /// Stops a run.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn stop_run(
        &self,
        run: &RunId,
        why: String,
        context: WriteContext,
    ) -> Result<Written, ClientError> {
        let request = pb::run::v1::StopRequest {
            context: wire(context),
            run: run.to_string(),
            why,
        };
        let answer = self.call(request).await?;
        written(answer.written, pb::run::v1::StopRequest::NAME)
    }

    /// Ends the daemon; the runs live on.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn shutdown(&self) -> Result<Written, ClientError> {
        let request = pb::town::v1::ShutdownRequest {
            context: wire(WriteContext::default()),
        };
        let answer = self.call(request).await?;
        written(answer.written, pb::town::v1::ShutdownRequest::NAME)
    }
}

/// Gives a write a name of its own, by which the daemon knows a repeat.
fn named(mut context: WriteContext) -> WriteContext {
    context.request.get_or_insert_with(|| {
        RequestId::parse(&Uuid::now_v7().to_string()).expect("a UUID is printable ASCII")
    });
    context
}

fn wire(context: WriteContext) -> Option<pb::common::v1::WriteContext> {
    Some(named(context).into())
}

fn receipt(
    answered: Option<pb::common::v1::Written>,
    target: Option<pb::common::v1::Target>,
    notices: Vec<String>,
    method: &'static str,
) -> Result<GoalReceipt, ClientError> {
    let missing = || ClientError::unreadable(method, &Malformed::new("target", "is missing"));
    Ok(GoalReceipt {
        written: written(answered, method)?,
        target: target
            .ok_or_else(missing)?
            .try_into()
            .map_err(|malformed| ClientError::unreadable(method, &malformed))?,
        notices,
    })
}

fn written(
    wire: Option<pb::common::v1::Written>,
    method: &'static str,
) -> Result<Written, ClientError> {
    wire.ok_or_else(|| Malformed::new("written", "is missing"))
        .and_then(Written::try_from)
        .map_err(|malformed| ClientError::unreadable(method, &malformed))
}
