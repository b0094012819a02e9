//! The way to the daemon: reached by readers, started by writers.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use gtd_client::{Caller, Client, ClientError, Door, Hello, knock};
use gtd_core::NeedsYou;
use gtd_wire::{DEFAULT_DEADLINE, Skew};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    args::Change,
    context::Context,
    daemon_program::{DaemonProgram, Ended},
    error::{CliError, Kind},
    last, lists, settings,
};

/// How long a start may take.
const START: Duration = Duration::from_secs(10);
/// How long one look at a starting daemon may take.
const LOOK: Duration = Duration::from_millis(500);
/// How long a daemon that does not answer has to take a connection.
const KNOCK: Duration = Duration::from_millis(500);
/// How long a process that lost the race for the town may leave us without an answer.
const RACE: Duration = Duration::from_secs(2);

/// A daemon, and how it came to be there.
pub(crate) struct Town {
    /// The way to it.
    pub(crate) client: Client,
    /// Who answers, when this call started it.
    pub(crate) started: Option<Hello>,
}

/// Reaches the daemon as a person; never starts it.
pub(crate) async fn reach(ctx: &Context) -> Result<Client, CliError> {
    reach_as(ctx, person()).await
}

/// Reaches the daemon as any caller; never starts it.
pub(crate) async fn reach_as(ctx: &Context, caller: Caller) -> Result<Client, CliError> {
    let deadline = ctx.deadline.unwrap_or(DEFAULT_DEADLINE);
    if ctx.screen.is_verbose() {
        let socket = ctx.places.socket().display();
        ctx.screen.say(format!("connecting to unix:{socket}"));
    }
    match client(ctx, caller, deadline).greeted().await {
        Ok(client) => {
            tell_skew(ctx, &client);
            Ok(client)
        }
        Err(error) => Err(wedged(ctx, error.into()).await),
    }
}

/// Makes the way to the daemon for a caller that stays; nothing is said before it calls.
pub(crate) fn open_as(ctx: &Context, caller: Caller) -> Client {
    client(ctx, caller, ctx.deadline.unwrap_or(DEFAULT_DEADLINE))
}

/// Makes the way to the daemon, before anything is said.
fn client(ctx: &Context, caller: Caller, deadline: Duration) -> Client {
    let client = Client::open(ctx.places.socket(), caller).with_deadline(deadline);
    match &ctx.listener {
        Some(listener) => client.heard_by(listener.clone()),
        None => client,
    }
}

/// Warns, once in a process, of a daemon of a neighbouring level.
fn tell_skew(ctx: &Context, client: &Client) {
    static TOLD: std::sync::Once = std::sync::Once::new();
    let text = match client.skew() {
        Some(Skew::OneOlder) => {
            "gtdd is one API level older than this gtd; both work together, and gtd down && gtd up starts the newer one"
        }
        Some(Skew::OneNewer) => {
            "gtdd is one API level newer than this gtd; both work together, and what is new needs the newer gtd"
        }
        _ => return,
    };
    TOLD.call_once(|| ctx.screen.warn(text));
}

/// Says of a daemon that does not answer what was seen of it, and what can be done about it.
async fn wedged(ctx: &Context, error: CliError) -> CliError {
    let Kind::Silent(text) = &error.kind else {
        return error;
    };
    if let Door::Opened(took) = knock(ctx.places.socket(), KNOCK).await {
        let text = format!(
            "{text}; it is busy: it took a connection within {} ms",
            took.as_millis().max(1)
        );
        return CliError::new(Kind::Silent(text)).help(
            "wait, or give it longer: --timeout 60s   what it does: gtd logs daemon   \
             stop all work meanwhile: gtd stop --all",
        );
    }
    let pid = std::fs::read(ctx.places.run.join("daemon.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .and_then(|document| document.get("pid")?.as_u64());
    let Some(pid) = pid else { return error };
    if is_halted(pid) {
        let text = format!("{text}; its process {pid} is halted by a signal");
        return CliError::new(Kind::Silent(text)).help(format!(
            "let it go on: kill -CONT {pid}   stop all work without it: gtd stop --all"
        ));
    }
    let text = format!("{text}; its process {pid} takes no connections");
    CliError::new(Kind::Silent(text)).help(format!(
        "what it wrote: gtd logs daemon   stop all work without it: gtd stop --all   \
         begin anew, nothing is lost: kill {pid} && gtd up, and kill -9 where kill alone does nothing"
    ))
}

/// Tells whether a process stands still because a signal or a debugger halts it.
fn is_halted(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold anything, a bracket too.
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| state.starts_with(['T', 't']))
}

/// Reaches the daemon as a person, and starts it when nobody listens.
pub(crate) async fn reach_or_start(ctx: &Context) -> Result<Client, CliError> {
    match reach(ctx).await {
        Err(error) if matches!(error.kind, Kind::NotRunning { .. }) && !may_start(ctx)? => {
            Err(error)
        }
        Err(error) if matches!(error.kind, Kind::NotRunning { .. }) => Ok(start(ctx).await?.client),
        reached => reached,
    }
}

/// Tells whether the user lets writers start the daemon.
fn may_start(ctx: &Context) -> Result<bool, CliError> {
    if ctx.is_elsewhere {
        return Ok(false);
    }
    let config = settings::effective(ctx, None)?;
    let wish = config
        .get("town.autostart")
        .and_then(|(value, _)| value.as_bool());
    Ok(wish.unwrap_or(true))
}

/// Reaches the daemon for a change: a rehearsal starts nothing.
pub(crate) async fn reach_for(ctx: &Context, change: &Change) -> Result<Client, CliError> {
    if change.dry_run {
        reach(ctx).await
    } else {
        reach_or_start(ctx).await
    }
}

/// Reaches the daemon, starts it when nobody listens, and says so in one line.
pub(crate) async fn open(ctx: &Context) -> Result<Town, CliError> {
    match reach(ctx).await {
        Ok(client) => Ok(Town {
            client,
            started: None,
        }),
        Err(error) if matches!(error.kind, Kind::NotRunning { .. }) && !ctx.is_elsewhere => {
            start(ctx).await
        }
        Err(error) => Err(error),
    }
}

async fn start(ctx: &Context) -> Result<Town, CliError> {
    // A daemon would begin with a configuration that is wrong; better to say so here.
    settings::effective(ctx, None)?;
    if crate::commands::service::start_installed(ctx)? {
        let client = reach(ctx).await?;
        let hello = client.hello().await?;
        ctx.screen.say(format!(
            "started  town {}  pid {} (as a service)",
            hello.town, hello.pid
        ));
        return Ok(Town {
            client,
            started: Some(hello),
        });
    }
    let mut started = DaemonProgram::find(&ctx.places)?.start()?;
    let until = Instant::now() + START;
    let mut ended_at = None;
    loop {
        match look(ctx).await? {
            // Its log may still turn out to be one that nobody may write.
            Some((_, hello)) if hello.opening && Instant::now() < until => {}
            Some((client, hello)) => {
                ctx.screen
                    .say(format!("started  town {}  pid {}", hello.town, hello.pid));
                if hello.opening {
                    ctx.screen
                        .say("the log is still being opened: reads are answered, writes wait");
                }
                return Ok(Town {
                    client,
                    started: Some(hello),
                });
            }
            None => {
                match started.ended() {
                    Some(Ended::Failed) if !has_holder(ctx) => return Err(started.failure()),
                    // Whoever has the town answers soon.
                    Some(Ended::Beaten | Ended::Failed) => {
                        ended_at.get_or_insert_with(Instant::now);
                    }
                    None => {}
                }
                let lost = ended_at.is_some_and(|at: Instant| at.elapsed() > RACE);
                if lost || Instant::now() >= until {
                    return Err(started.failure());
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// Tells whether a living process says that it has the town; its lock is left alone.
fn has_holder(ctx: &Context) -> bool {
    let text = std::fs::read_to_string(ctx.places.lock()).unwrap_or_default();
    let pid = text.trim().parse().ok().map(nix::unistd::Pid::from_raw);
    pid.is_some_and(|pid| nix::sys::signal::kill(pid, None).is_ok())
}

/// Looks whether a daemon answers by now.
async fn look(ctx: &Context) -> Result<Option<(Client, Hello)>, CliError> {
    let client = match client(ctx, person(), LOOK).greeted().await {
        Ok(client) => client.with_deadline(ctx.deadline.unwrap_or(DEFAULT_DEADLINE)),
        Err(error @ ClientError::OtherApi { .. }) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let hello = client.hello().await.ok();
    Ok(hello.map(|hello| (client, hello)))
}

/// Returns the caller that a person at this machine is.
pub(crate) fn person() -> Caller {
    let name = ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(std::env::var_os)
        .map(|name| name.to_string_lossy().into_owned())
        .find(|name| !name.is_empty())
        .or_else(|| {
            let user = nix::unistd::User::from_uid(nix::unistd::getuid());
            Some(user.ok()??.name)
        })
        .unwrap_or_else(|| format!("uid-{}", nix::unistd::getuid()));
    Caller::Person { name }
}

/// Refuses what only a person may do and what no daemon is asked for, inside of a run.
///
/// This is no wall: it keeps an agent from doing by mistake what would end its own run.
pub(crate) fn need_person(verb: &str) -> Result<(), CliError> {
    if std::env::var_os("GTD_RUN").is_none() {
        return Ok(());
    }
    Err(gtd_core::Rejection::NotYours {
        caller: "an agent".to_owned(),
        verb: verb.to_owned(),
    }
    .into())
}

/// Reads a document as what it should be, for the screen: without what a terminal would act upon.
pub(crate) fn read<T: DeserializeOwned>(document: &Value) -> Result<T, CliError> {
    // A long list is not copied for what is hardly ever there.
    let shown = if is_printable(document) {
        Cow::Borrowed(document)
    } else {
        Cow::Owned(printable(document))
    };
    T::deserialize(&*shown).map_err(|error| unreadable(document, &error))
}

/// Texts come from plans and agents: an escape sequence of theirs must not reach the terminal.
fn printable(value: &Value) -> Value {
    let shown = |c| if acts(c) { '\u{fffd}' } else { c };
    match value {
        Value::String(text) => text.chars().map(shown).collect::<String>().into(),
        Value::Array(items) => items.iter().map(printable).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), printable(value)))
            .collect(),
        other => other.clone(),
    }
}

fn is_printable(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains(acts),
        Value::Array(items) => items.iter().all(is_printable),
        Value::Object(map) => map.values().all(is_printable),
        _ => true,
    }
}

/// Tells whether a terminal would act upon it.
fn acts(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

fn unreadable(document: &Value, error: &serde_json::Error) -> CliError {
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or("?");
    CliError::new(Kind::Daemon(format!(
        "the daemon's document of kind {kind} cannot be read: {error}"
    )))
    .help("gtd and gtdd may be of different versions: gtd version")
}

/// What a document is about, as its `kind` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    /// A goal with its beads.
    Convoy,
    /// One bead.
    Bead,
    /// Something else.
    Other,
}

/// Says of each candidate what it is, so that a person can tell them apart.
async fn told_apart(client: &Client, mut error: CliError) -> CliError {
    for candidate in &mut error.hints.candidates {
        if let Ok(document) = client.get(&candidate.id).await {
            let document = printable(&document);
            let word = |key: &str| {
                document
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            candidate.state = Some(word("state").to_owned());
            candidate.title = word("title").to_owned();
        }
    }
    error
}

/// A thing that was looked up by its id, or the beginning of it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The whole id.
    pub(crate) id: String,
    /// What it is.
    pub(crate) kind: DocumentKind,
    /// All of it.
    pub(crate) document: Value,
}

/// Finds what a number of the inbox is about.
async fn numbered(client: &Client, number: u64) -> Result<String, CliError> {
    let items: Vec<NeedsYou> = lists::all(client, &lists::inbox(None)).await?;
    let found = items.into_iter().find(|item| item.n == Some(number));
    found.map(|item| item.subject).ok_or_else(|| {
        CliError::new(Kind::NotFound {
            kind: "number in the inbox",
            name: number.to_string(),
        })
        .help("what waits for you: gtd inbox   by another number it is another thing")
    })
}

/// Looks something up: by its id, the beginning of it, or its number in the inbox.
pub(crate) async fn find(client: &Client, id: &str) -> Result<Found, CliError> {
    let id = last::named(id.trim())?;
    let id = match id.parse::<u64>() {
        Ok(number) => numbered(client, number).await?,
        Err(_) => id,
    };
    let document = match client.get(&id).await {
        Ok(document) => document,
        Err(error) => return Err(told_apart(client, error.into()).await),
    };
    let kind = match document.get("kind").and_then(Value::as_str) {
        Some("Convoy" | "Goal") => DocumentKind::Convoy,
        Some("Bead") => DocumentKind::Bead,
        _ => DocumentKind::Other,
    };
    let id = ["id", "name"]
        .into_iter()
        .find_map(|key| document.get(key)?.as_str())
        .unwrap_or(&id)
        .to_owned();
    Ok(Found { id, kind, document })
}

/// Looks up the bead or goal that a command is about, if one was named; `all` is how it is asked
/// about everything.
pub(crate) async fn subject(
    client: &Client,
    id: Option<&str>,
    all: &str,
) -> Result<Option<String>, CliError> {
    let Some(id) = id else {
        return Ok(None);
    };
    let found = find(client, id).await?;
    if found.kind == DocumentKind::Other {
        return Err(
            CliError::usage(format!("{} is neither a bead nor a goal", found.id))
                .help(format!("everything of a rig: {all}")),
        );
    }
    last::remember(&found.id);
    Ok(Some(found.id))
}

impl Found {
    /// Takes the id as that of a bead or goal.
    pub(crate) fn bead(&self) -> Result<gtd_core::BeadId, CliError> {
        if self.kind == DocumentKind::Other {
            return Err(CliError::new(Kind::NotFound {
                kind: "bead",
                name: self.id.clone(),
            })
            .help("all beads: gtd bead list"));
        }
        gtd_core::BeadId::parse(&self.id).map_err(|error| CliError::usage(error.to_string()))
    }
}
