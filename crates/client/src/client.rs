//! One caller's way to the daemon.
//!
//! Every unary call has a deadline, and a call whose connection breaks is sent
//! again within it: reads change nothing, and a write carries its request id,
//! by which the daemon knows a repeat.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use gtd_wire::{API_LEVEL, Call, Caller, DEFAULT_DEADLINE, Skew, pb};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Request, Status, Streaming};

use crate::{
    Called, ClientError, Listener, Places,
    channel::{self, CallerChannel},
};

/// How often a call is sent at most.
const TRIES: u32 = 7;

/// The wait before the second try; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// The call with which a client says hello.
const GREETING: &str = <pb::town::v1::HelloRequest as Call>::NAME;

/// The longest deadline: what is longer cannot be told to the daemon.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// One caller's way to the daemon. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    service: CallerChannel,
    caller: Caller,
    socket: PathBuf,
    deadline: Duration,
    skew: Option<Skew>,
    listener: Option<Listener>,
}

impl Client {
    /// Connects to the daemon of a town and says hello.
    ///
    /// # Errors
    /// When no daemon listens, it is silent, or it speaks another protocol.
    pub async fn connect(places: &Places, caller: Caller) -> Result<Self, ClientError> {
        Self::connect_within(places, caller, DEFAULT_DEADLINE).await
    }

    /// Connects with a deadline of one's own, which then holds for each unary call.
    ///
    /// # Errors
    /// When no daemon listens, it is silent, or it speaks another protocol.
    pub async fn connect_within(
        places: &Places,
        caller: Caller,
        deadline: Duration,
    ) -> Result<Self, ClientError> {
        let client = Self::open(places.socket(), caller).with_deadline(deadline);
        client.greeted().await
    }

    /// Says hello, and checks that the daemon speaks a protocol that this program works with.
    ///
    /// # Errors
    /// When no daemon listens, it is silent, or it speaks another protocol.
    pub async fn greeted(mut self) -> Result<Self, ClientError> {
        let hello = self.hello().await?;
        let skew = Skew::of(hello.api_level);
        if !skew.works() {
            return Err(ClientError::OtherApi {
                version: hello.version,
                pid: hello.pid,
                theirs: hello.api_level,
                ours: API_LEVEL,
            });
        }
        self.skew = Some(skew);
        Ok(self)
    }

    /// Makes a client that connects at its first call. Must be called within a tokio runtime.
    #[must_use]
    pub fn open(socket: &Path, caller: Caller) -> Self {
        Self {
            service: channel::open(socket, caller.clone()),
            caller,
            socket: socket.to_owned(),
            deadline: DEFAULT_DEADLINE,
            skew: None,
            listener: None,
        }
    }

    /// Lets somebody hear of every call.
    #[must_use]
    pub fn heard_by(mut self, listener: Listener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Changes how long each unary call may take.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Makes a client of another caller, with a connection of its own.
    #[must_use]
    pub fn speaking_as(&self, caller: Caller) -> Self {
        Self {
            listener: self.listener.clone(),
            ..Self::open(&self.socket, caller).with_deadline(self.deadline)
        }
    }

    /// Returns how the daemon's level stands to ours, once it has said hello.
    #[must_use]
    pub fn skew(&self) -> Option<Skew> {
        self.skew
    }

    /// Returns the caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns how long each unary call may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Sends a unary request of the protocol, again when the connection breaks.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn call<R: Call>(&self, request: R) -> Result<R::Response, ClientError> {
        self.call_within(request, self.deadline).await
    }

    /// Sends a unary request with a deadline of its own.
    ///
    /// # Errors
    /// When the daemon refuses, is silent or is not there.
    pub async fn call_within<R: Call>(
        &self,
        request: R,
        within: Duration,
    ) -> Result<R::Response, ClientError> {
        self.repeat(R::NAME, within, |left| {
            request.clone().call(self.service.clone(), Some(left))
        })
        .await
    }

    /// Sends something until it is answered, the tries are spent or the deadline passes.
    pub(crate) async fn repeat<T, F>(
        &self,
        method: &'static str,
        within: Duration,
        send: impl Fn(Duration) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let within = within.min(LONGEST);
        let until = Instant::now() + within;
        let mut wait = FIRST_WAIT;
        let mut broken = None;
        for _ in 0..TRIES {
            let began = Instant::now();
            let left = until.saturating_duration_since(began);
            let answer = match timeout(left, send(left)).await {
                Ok(answer) => answer.map_err(|status| ClientError::of(status, method, within)),
                Err(_) => Err(ClientError::Silent { method, within }),
            };
            self.let_hear(method, began, answer.as_ref().err());
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error {
                ClientError::Broken { .. } => broken = Some(error),
                // The daemon that broke off may be starting again. A greeting asks just that, and
                // whoever can start one waits for the answer.
                ClientError::NotRunning { .. } if broken.is_some() && method != GREETING => {}
                error => return Err(error),
            }
            if until.saturating_duration_since(Instant::now()) <= wait {
                break;
            }
            sleep(wait).await;
            wait *= 2;
        }
        Err(broken.expect("only a broken call is sent again"))
    }

    /// Opens a stream: the deadline is for its first sign, not for its length.
    pub(crate) async fn stream<T, F>(
        &self,
        method: &'static str,
        open: impl FnOnce(CallerChannel) -> F,
    ) -> Result<Streaming<T>, ClientError>
    where
        F: Future<Output = Result<tonic::Response<Streaming<T>>, Status>>,
    {
        let within = self.deadline;
        let began = Instant::now();
        let opened = match timeout(within, open(self.service.clone())).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(ClientError::of(status, method, within)),
            Err(_) => Err(ClientError::Silent { method, within }),
        };
        self.let_hear(method, began, opened.as_ref().err());
        opened
    }

    /// Lets whoever listens know how a call went; of a stream, how it began.
    fn let_hear(&self, method: &'static str, began: Instant, failed: Option<&ClientError>) {
        if let Some(listener) = &self.listener {
            listener.hear(&Called {
                method,
                took: began.elapsed(),
                failed,
            });
        }
    }

    pub(crate) fn service(&self) -> CallerChannel {
        self.service.clone()
    }
}

/// Wraps the request of a stream: it has no deadline.
pub(crate) fn unlimited<T>(request: T) -> Request<T> {
    Request::new(request)
}
