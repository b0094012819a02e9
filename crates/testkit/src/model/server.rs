//! HTTP: a port of the system's choice on loopback, and what is asked there.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/messages`, `/v1/responses`, `/v1/chat/completions` | what the scenario says |
//! | `POST /v1/messages/count_tokens` | the tokens of a prompt |
//! | `GET /v1/models` | a model |
//! | `GET /ledger` | what was billed |
//! | `PUT /scenarios/NAME` | makes NAME (or `default`) the steps in the body, from the next prompt on |
//! | `POST /release/NAME` | lets all go on that wait at `hold NAME` |

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};

use super::{
    answer::{Answer, Ending, Stop},
    anthropic,
    asked::Asked,
    body::{End, Pieces},
    chat,
    conversations::Conversations,
    failures::{self, Failure, Vendor},
    ledger::{Entry, Ledger},
    responses, scenarios,
    script::{Script, ScriptError, Step},
    tools,
};

/// The service, which ends when this is dropped.
#[derive(Debug)]
pub struct ModelServer {
    address: SocketAddr,
    service: Arc<Service>,
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ModelServer {
    /// Begins to serve on a free port; prompts without a marker get `default`.
    ///
    /// # Errors
    /// When `default` is no scenario, or no port can be had.
    pub fn start(default: &str) -> io::Result<Self> {
        let default = scenarios::choose(default).map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let service = Arc::new(Service::new(default));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&service);
        let thread = std::thread::Builder::new()
            .name("model-server".to_owned())
            .spawn(move || runtime.block_on(serve(listener, served, stopped)))?;
        Ok(Self {
            address,
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the base URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns what was billed until now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.service.state().ledger.clone()
    }

    /// Makes a name (or `default`) stand for these steps, from the next prompt on.
    ///
    /// # Errors
    /// When they are no scenario.
    pub fn set(&self, name: &str, steps: &str) -> Result<(), ScriptError> {
        self.service.set(name, steps)
    }

    /// Lets all go on that wait at `hold NAME`, now or later.
    pub fn release(&self, name: &str) {
        self.service.release(name);
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told where it happened.
            drop(thread.join());
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    service: Arc<Service>,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = TcpListener::from_std(listener).expect("the socket was made for this");
    loop {
        let stream = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // No descriptor is left, say; the next one may find some.
                Err(_) => { tokio::task::yield_now().await; continue }
            },
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(service.answer(request).await) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            // Connections that break are what scenarios are for.
            drop(served);
        });
    }
}

/// What all connections share.
#[derive(Debug)]
struct Service {
    state: Mutex<State>,
    released: watch::Sender<BTreeSet<String>>,
}

#[derive(Debug)]
struct State {
    default: Script,
    named: HashMap<String, Script>,
    conversations: Conversations,
    ledger: Ledger,
}

/// The ways in which models are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Anthropic,
    Responses,
    Chat,
}

impl Service {
    fn new(default: Script) -> Self {
        Self {
            state: Mutex::new(State {
                default,
                named: HashMap::new(),
                conversations: Conversations::default(),
                ledger: Ledger::default(),
            }),
            released: watch::Sender::new(BTreeSet::new()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, name: &str, steps: &str) -> Result<(), ScriptError> {
        let script = scenarios::choose(steps)?;
        let mut state = self.state();
        match name {
            "default" => state.default = script,
            _ => drop(state.named.insert(name.to_owned(), script)),
        }
        Ok(())
    }

    fn release(&self, name: &str) {
        self.released.send_modify(|names| {
            names.insert(name.to_owned());
        });
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Pieces> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return wrong(StatusCode::BAD_REQUEST, "the request broke off");
        };
        let body = body.to_bytes();
        let path = head.uri.path().to_owned();
        let protocol = Protocol::of(&path);
        match (&head.method, protocol) {
            (&Method::POST, Some(protocol)) => self.model(protocol, &head.headers, &body).await,
            _ => self.desk(&head.method, &path, &head.headers, &body),
        }
    }

    /// Answers what is no request to a model.
    fn desk(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response<Pieces> {
        if method == Method::GET && path == "/ledger" {
            return document(&self.state().ledger.to_json());
        }
        if method == Method::GET && path.ends_with("/models") {
            let model =
                json!({"id": "mock", "object": "model", "type": "model", "owned_by": "gtd"});
            return document(&json!({"object": "list", "data": [model], "has_more": false}));
        }
        if method == Method::POST && path.ends_with("/messages/count_tokens") {
            let body = serde_json::from_slice(body).unwrap_or_default();
            return document(&json!({"input_tokens": anthropic::read(&body, headers).tokens}));
        }
        if let (&Method::PUT, Some(name)) = (method, path.strip_prefix("/scenarios/")) {
            let steps = String::from_utf8_lossy(body);
            return match self.set(name, steps.trim()) {
                Ok(()) => document(&json!({"scenario": name})),
                Err(error) => wrong(StatusCode::BAD_REQUEST, &error.to_string()),
            };
        }
        if let (&Method::POST, Some(name)) = (method, path.strip_prefix("/release/")) {
            self.release(name);
            return document(&json!({"released": name}));
        }
        wrong(
            StatusCode::NOT_FOUND,
            &format!("nothing is at {method} {path}"),
        )
    }

    /// Answers a request to a model, as its scenario says.
    async fn model(
        &self,
        protocol: Protocol,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response<Pieces> {
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return wrong(StatusCode::BAD_REQUEST, &format!("no JSON: {error}")),
        };
        let asked = protocol.read(&body, headers);
        loop {
            let went = self.state().go_on(&asked);
            let held = match went {
                Went::On(reply) => return reply.send(protocol, &asked).await,
                Went::Held(name) => name,
            };
            let mut released = self.released.subscribe();
            if released
                .wait_for(|names| names.contains(&held))
                .await
                .is_err()
            {
                return wrong(StatusCode::SERVICE_UNAVAILABLE, "the server ends");
            }
            self.state().pass(&asked, &held);
        }
    }
}

/// How a conversation went on.
enum Went {
    /// By a step.
    On(Reply),
    /// Not yet: it waits for this name.
    Held(String),
}

/// What is sent back.
enum Reply {
    Answer(Answer),
    Failure(Failure, String),
    /// There is no such scenario, or it cannot be played with the tools that are offered.
    Impossible(String),
    Never,
}

impl State {
    /// Takes the next step, or returns the name at which the conversation is held.
    fn go_on(&mut self, asked: &Asked) -> Went {
        match self.enter(asked) {
            Ok(Step::Hold(name)) => Went::Held(name),
            Ok(step) => Went::On(self.take(&step, asked)),
            Err(error) => {
                self.ledger.count(asked, &Entry::Failed("no-scenario"));
                let known = scenarios::NAMES.join(", ");
                let why = format!("scenario: {error} (and none of: {known})");
                Went::On(Reply::Impossible(why))
            }
        }
    }

    /// Returns the step that a request meets; it goes on only when that is taken.
    fn enter(&mut self, asked: &Asked) -> Result<Step, ScriptError> {
        let script = match asked.chosen.as_deref() {
            None => self.default.clone(),
            Some(chosen) => match self.named.get(chosen) {
                Some(script) => script.clone(),
                None => scenarios::choose(chosen)?,
            },
        };
        let next = self.conversations.enter(asked, script).next();
        Ok(match (asked.is_aside(), next) {
            // A service that is down is down for everything; else what is asked
            // beside the work leaves the scenario where it is.
            (true, Step::Fail(_)) | (false, _) => next.clone(),
            (true, _) => Step::Say("A piece of work".to_owned()),
        })
    }

    /// Goes past a step at which the conversation was held, unless another request did.
    fn pass(&mut self, asked: &Asked, held: &str) {
        let script = self.default.clone();
        let conversation = self.conversations.enter(asked, script);
        if matches!(conversation.next(), Step::Hold(name) if name == held) {
            conversation.step();
        }
    }

    /// Takes a step: counts and bills it.
    fn take(&mut self, step: &Step, asked: &Asked) -> Reply {
        let script = self.default.clone();
        let conversation = self.conversations.enter(asked, script);
        if !asked.is_aside() {
            conversation.step();
        }
        let id = conversation.name_answer();
        let say = |text: &str| (Some(text.to_owned()), None, Stop::End);
        let (text, call, stop) = match step {
            Step::Say(text) | Step::Ask(text) => say(text),
            Step::Use(act) => match tools::call(act, &asked.tools) {
                Ok(call) => {
                    let text = format!("I use {} now.", call.tool);
                    (Some(text), Some(call), Stop::Tool)
                }
                Err(why) => {
                    self.ledger.count(asked, &Entry::Failed("no-tool"));
                    return Reply::Impossible(why);
                }
            },
            Step::Refuse => (
                Some("I cannot help with that.".to_owned()),
                None,
                Stop::Refusal,
            ),
            Step::MaxTokens => (
                Some("This goes on and on and".to_owned()),
                None,
                Stop::Length,
            ),
            Step::Empty => (None, None, Stop::End),
            Step::Drop | Step::Overload | Step::Stall => {
                say("I begin by reading the files that this is about, and then I will")
            }
            Step::Fail(failure) => {
                self.ledger.count(asked, &Entry::Failed(failure.name()));
                return Reply::Failure(*failure, id);
            }
            Step::Hang | Step::Hold(_) => {
                self.ledger.count(asked, &Entry::Hung);
                return Reply::Never;
            }
        };
        let output = match (step, asked.is_aside()) {
            (Step::Empty, _) => 1,
            _ => Answer::output(text.as_deref(), call.as_ref()),
        };
        let usage = conversation.charge(asked, output);
        let ending = match step {
            Step::Drop => Ending::Dropped,
            Step::Overload => Ending::Overloaded,
            Step::Stall => Ending::Stalled,
            _ => Ending::Whole,
        };
        let entry = match (ending, asked.is_aside()) {
            (Ending::Whole, false) => Entry::Answered(usage),
            (Ending::Whole, true) => Entry::Aside(usage),
            _ => Entry::Cut(usage),
        };
        self.ledger.count(asked, &entry);
        Reply::Answer(Answer {
            id,
            model: asked.model.clone(),
            text,
            call,
            stop,
            usage,
            ending,
        })
    }
}

impl Reply {
    async fn send(self, protocol: Protocol, asked: &Asked) -> Response<Pieces> {
        match self {
            Self::Answer(answer) => protocol.write(&answer, asked),
            Self::Failure(failure, id) => protocol.fail(failure, &id, asked),
            Self::Impossible(why) => wrong(StatusCode::BAD_REQUEST, &why),
            Self::Never => std::future::pending().await,
        }
    }
}

impl Protocol {
    /// Returns what is spoken at a path; programs differ in what they put before it.
    fn of(path: &str) -> Option<Self> {
        [
            ("/messages", Self::Anthropic),
            ("/responses", Self::Responses),
            ("/chat/completions", Self::Chat),
        ]
        .into_iter()
        .find(|(end, _)| path.ends_with(end))
        .map(|(_, protocol)| protocol)
    }

    fn vendor(self) -> Vendor {
        match self {
            Self::Anthropic => Vendor::Anthropic,
            Self::Responses | Self::Chat => Vendor::OpenAi,
        }
    }

    fn read(self, body: &Value, headers: &HeaderMap) -> Asked {
        match self {
            Self::Anthropic => anthropic::read(body, headers),
            Self::Responses => responses::read(body, headers),
            Self::Chat => chat::read(body, headers),
        }
    }

    fn write(self, answer: &Answer, asked: &Asked) -> Response<Pieces> {
        if !asked.is_streamed && answer.ending == Ending::Overloaded {
            return self.fail(Failure::Overloaded, &answer.id, asked);
        }
        let pieces = match (asked.is_streamed, self) {
            (true, Self::Anthropic) => anthropic::events(answer),
            (true, Self::Responses) => responses::events(answer),
            (true, Self::Chat) => chat::events(answer),
            (false, Self::Anthropic) => vec![anthropic::whole(answer).to_string()],
            (false, Self::Responses) => vec![responses::whole(answer).to_string()],
            (false, Self::Chat) => vec![chat::whole(answer).to_string()],
        };
        let (pieces, end) = match answer.ending {
            Ending::Whole | Ending::Overloaded => (pieces, End::Whole),
            Ending::Dropped => (halves(pieces, asked), End::Broken),
            Ending::Stalled => (halves(pieces, asked), End::Silent),
        };
        let mut headers = vec![("request-id", format!("req_{}", answer.id))];
        if asked.is_subscription {
            let resets_at = failures::epoch() / 3600 * 3600 + 3600;
            headers.extend(match self.vendor() {
                Vendor::Anthropic => failures::window("allowed", "0.31", resets_at),
                Vendor::OpenAi => failures::gauge("31", resets_at),
            });
        }
        let kind = match asked.is_streamed {
            true => "text/event-stream",
            false => "application/json",
        };
        respond(StatusCode::OK, kind, &headers, Pieces::new(pieces, end))
    }

    fn fail(self, failure: Failure, id: &str, asked: &Asked) -> Response<Pieces> {
        let request = format!("req_{id}");
        let refusal = failure.write(self.vendor(), &asked.model, &request);
        if self == Self::Responses && failure == Failure::Long && asked.is_streamed {
            let events = responses::failed(id, &asked.model, &refusal.body["error"]);
            let body = Pieces::new(events, End::Whole);
            return respond(StatusCode::OK, "text/event-stream", &[], body);
        }
        let mut headers = refusal.headers;
        headers.push(("request-id", request));
        let body = Pieces::document(&refusal.body);
        respond(refusal.status, "application/json", &headers, body)
    }
}

/// Cuts a document in the middle; a stream was cut where it was made.
fn halves(pieces: Vec<String>, asked: &Asked) -> Vec<String> {
    match asked.is_streamed {
        true => pieces,
        false => pieces
            .into_iter()
            .map(|text| text.chars().take(text.len() / 2).collect())
            .collect(),
    }
}

fn document(document: &Value) -> Response<Pieces> {
    respond(
        StatusCode::OK,
        "application/json",
        &[],
        Pieces::document(document),
    )
}

/// Answers that the caller did something wrong, in a form that all programs show.
fn wrong(status: StatusCode, why: &str) -> Response<Pieces> {
    let error = json!({
        "type": "error",
        "error": {"type": "invalid_request_error", "message": why, "code": "scenario"},
    });
    respond(status, "application/json", &[], Pieces::document(&error))
}

fn respond(
    status: StatusCode,
    kind: &str,
    headers: &[(&'static str, String)],
    body: Pieces,
) -> Response<Pieces> {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", kind);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(body).expect("the headers are plain text")
}
