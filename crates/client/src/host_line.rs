//! The line between a role host and the daemon.

use std::time::Duration;

use gtd_core::{Revision, RoleName};
use gtd_wire::{
    MAX_MESSAGE_BYTES,
    pb::host::v1::{
        self as pb, attach_request::Up, attach_response::Down,
        host_service_client::HostServiceClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::{Client, ClientError, client::unlimited};

/// How many words may wait to be sent.
const WAITING: usize = 64;

/// What the daemon tells a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// To run these roles.
    Run(Vec<String>),
    /// To stop all of them and leave.
    Stop,
}

/// The speaking end of the line. Clones share it.
#[derive(Debug, Clone)]
pub struct HostLine {
    up: mpsc::Sender<pb::AttachRequest>,
}

impl HostLine {
    /// Publishes what a role saw. A line that is down loses it: the next pass sees anew.
    pub async fn observed(&self, role: &RoleName, observation: &serde_json::Value) {
        self.say(Up::Observed(pb::Observed {
            role: role.to_string(),
            json: observation.to_string().into_bytes().into(),
        }))
        .await;
    }

    /// Publishes how a pass of a role ended; an error in words, or nothing when it went well.
    pub async fn passed(&self, role: &RoleName, revision: Revision, error: Option<String>) {
        self.say(Up::Passed(pb::Passed {
            role: role.to_string(),
            revision: revision.0,
            ok: error.is_none(),
            text: error.unwrap_or_default(),
        }))
        .await;
    }

    /// Tells whether the line is down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.up.is_closed()
    }

    async fn say(&self, up: Up) {
        let sent = self.up.send(pb::AttachRequest { up: Some(up) }).await;
        // What a role saw is worth nothing without a listener.
        drop(sent);
    }
}

/// The hearing end of the line.
#[derive(Debug)]
pub struct Orders {
    stream: Streaming<pb::AttachResponse>,
    deadline: Duration,
}

impl Orders {
    /// Waits for the next order; nothing when the daemon ended the line.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn next(&mut self) -> Result<Option<Order>, ClientError> {
        loop {
            let next = self.stream.message().await;
            let next = next.map_err(|s| ClientError::of(s, "host.attach", self.deadline))?;
            match next.map(|message| message.down) {
                None => return Ok(None),
                Some(Some(Down::Assigned(assigned))) => {
                    return Ok(Some(Order::Run(assigned.roles)));
                }
                Some(Some(Down::Stop(pb::Stop {}))) => return Ok(Some(Order::Stop)),
                // An order that this version does not know.
                Some(None) => {}
            }
        }
    }
}

impl Client {
    /// Joins a role host to the town; no roles means all that there are.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn attach(
        &self,
        host: &str,
        roles: &[RoleName],
    ) -> Result<(HostLine, Orders), ClientError> {
        let (up, waiting) = mpsc::channel(WAITING);
        let line = HostLine { up };
        line.say(Up::Hello(pb::Hello {
            host: host.to_owned(),
            roles: roles.iter().map(ToString::to_string).collect(),
        }))
        .await;
        let stream = self
            .stream("host.attach", |service| async move {
                HostServiceClient::new(service)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .attach(unlimited(ReceiverStream::new(waiting)))
                    .await
            })
            .await?;
        let deadline = self.deadline();
        Ok((line, Orders { stream, deadline }))
    }
}
