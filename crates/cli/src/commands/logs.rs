//! `gtd logs`: read or follow the log of anything.

use std::time::{Duration, Instant};

use gtd_client::{Client, Lines};
use gtd_core::{AgentDoc, StatusDoc};
use gtd_wire::pb::{
    run::v1::{Attempt, TailRequest, tail_request::Subject},
    town::v1::LogsRequest,
};

use super::pause::ROLES;
use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::reader_left,
    settings,
    show::{self, Line},
    town::{self, DocumentKind},
};

const DAEMON: &str = "daemon";
/// How long a daemon may be away while its log is followed.
const AWAY: Duration = Duration::from_secs(30);
const SEEK: Duration = Duration::from_millis(150);

/// Read or follow the log of anything
///
/// A role (mayor crew worker refinery witness deacon), `daemon`, an agent, a
/// bead, a run or a candidate. With --json one object per line, with `seq`;
/// --after resumes behind one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to read; without one, the daemon
    address: Option<String>,
    /// Go on as lines come
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines to begin with; 50 unless --after is given
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u32>,
    /// Only lines after this number
    #[arg(long, value_name = "SEQ", default_value = "0")]
    after: u64,
    /// Which attempt at a bead; the last one unless told
    #[arg(long, value_name = "N")]
    attempt: Option<u64>,
    /// Only the text of each line
    #[arg(long)]
    raw: bool,
}

/// What is read.
#[derive(Debug, Clone)]
enum Source {
    Role(String),
    Run(String),
    Attempt(Attempt),
}

/// How far it was read.
struct Cursor {
    after: u64,
    last: Option<u32>,
    shown: u64,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let address = args.address.as_deref().unwrap_or(DAEMON);
    let mut cursor = Cursor {
        after: args.after,
        last: args.lines.or((args.after == 0).then_some(50)),
        shown: 0,
    };
    let client = match town::reach(ctx).await {
        Ok(client) => client,
        Err(error) if error.is_lost() && !args.follow => {
            return from_file(ctx, &args, address, &mut cursor, error);
        }
        Err(error) => return Err(error),
    };
    let Some(source) = source(&client, address, args.attempt).await? else {
        ctx.screen.say(format!(
            "{address} holds no bead now.  gtd ps   gtd logs worker"
        ));
        return Ok(Exit::Done);
    };
    if args.follow {
        return follow(ctx, &client, &source, &mut cursor, &args, address).await;
    }
    read(ctx, &client, &source, &mut cursor, &args, address).await?;
    if cursor.shown == 0 {
        ctx.screen.say("nothing was written");
    }
    Ok(Exit::Done)
}

/// Follows what one attempt at a bead writes, until it ends.
pub(crate) async fn follow_attempt(
    ctx: &Context,
    client: &Client,
    attempt: Attempt,
    lines: u32,
) -> Result<Exit, CliError> {
    let address = attempt.bead.clone();
    let args = Args {
        address: None,
        follow: true,
        lines: Some(lines),
        after: 0,
        attempt: attempt.epoch,
        raw: false,
    };
    let mut cursor = Cursor {
        after: 0,
        last: Some(lines),
        shown: 0,
    };
    let source = Source::Attempt(attempt);
    follow(ctx, client, &source, &mut cursor, &args, &address).await
}

/// Reads until the end of what is followed, the caller's limit, or Ctrl-C.
async fn follow(
    ctx: &Context,
    client: &Client,
    source: &Source,
    cursor: &mut Cursor,
    args: &Args,
    address: &str,
) -> Result<Exit, CliError> {
    let reading = read(ctx, client, source, cursor, args, address);
    let limited = async {
        match ctx.wait_limit {
            Some(limit) => tokio::time::timeout(limit, reading).await.unwrap_or(Ok(())),
            None => reading.await,
        }
    };
    tokio::select! {
        done = limited => done.map(|()| Exit::Done),
        () = reader_left() => Ok(Exit::Done),
        // Whatever is followed goes on.
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

/// Reads what a daemon that is not there, or hangs, has written.
fn from_file(
    ctx: &Context,
    args: &Args,
    address: &str,
    cursor: &mut Cursor,
    lost: CliError,
) -> Result<Exit, CliError> {
    let name = address.rsplit('/').next().unwrap_or(address);
    if name != DAEMON && !ROLES.contains(&name) {
        return Err(lost);
    }
    let folder = ctx.places.logs();
    let mut text = String::new();
    for file in [format!("{name}.log.1"), format!("{name}.log")] {
        text.push_str(&settings::read(&folder.join(file))?.unwrap_or_default());
    }
    let lines: Vec<Line> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| Line::of(0, line.as_bytes()))
        .filter(|line| line.seq > cursor.after)
        .collect();
    if lines.is_empty() {
        return Err(lost);
    }
    let last = cursor.last.and_then(|n| usize::try_from(n).ok());
    let from = lines.len().saturating_sub(last.unwrap_or(usize::MAX));
    for line in &lines[from..] {
        show_line(ctx, line, args);
    }
    ctx.screen.say(format!("from its file: {}", lost.message()));
    Ok(Exit::Done)
}

/// Finds what an address means; none for an agent that has nothing to do.
async fn source(
    client: &Client,
    address: &str,
    attempt: Option<u64>,
) -> Result<Option<Source>, CliError> {
    // `api/refinery` names a role of a rig; a role has one log.
    let word = address.rsplit('/').next().unwrap_or(address);
    if word == DAEMON {
        return Ok(Some(Source::Role(String::new())));
    }
    if ROLES.contains(&word) {
        return Ok(Some(Source::Role(word.to_owned())));
    }
    let found = match town::find(client, word).await {
        Ok(found) => found,
        // What is no bead may be a run or a candidate that has ended.
        Err(error)
            if matches!(
                error.kind,
                Kind::Rejected(gtd_core::Rejection::NoBead { .. })
            ) =>
        {
            let status: StatusDoc = town::read(&client.status().await?)?;
            let agent = status.agents.into_iter().find(|agent| agent.name == word);
            return Ok(match agent {
                Some(agent) => agent.bead.map(|bead| {
                    Source::Attempt(Attempt {
                        bead: bead.to_string(),
                        epoch: attempt,
                    })
                }),
                None => Some(Source::Run(address.to_owned())),
            });
        }
        Err(error) => return Err(error),
    };
    match found.kind {
        DocumentKind::Bead => Ok(Some(Source::Attempt(Attempt {
            bead: found.id,
            epoch: attempt,
        }))),
        DocumentKind::Convoy => Err(CliError::new(Kind::State(format!(
            "{} is a goal; its beads have the logs",
            found.id
        )))
        .help(format!("gtd convoy show {}", found.id))),
        DocumentKind::Other => {
            // An agent: what it works on. Anything else is known by its name.
            let Ok(agent) = town::read::<AgentDoc>(&found.document) else {
                return Ok(Some(Source::Run(found.id)));
            };
            Ok(agent.bead.map(|bead| {
                Source::Attempt(Attempt {
                    bead: bead.to_string(),
                    epoch: attempt,
                })
            }))
        }
    }
}

async fn open(
    client: &Client,
    source: &Source,
    cursor: &Cursor,
    follow: bool,
) -> Result<Lines, CliError> {
    let (after_seq, last) = (cursor.after, cursor.last);
    let subject = match source {
        Source::Role(role) => {
            let role = role.clone();
            let request = LogsRequest {
                role,
                last,
                follow,
                after_seq,
            };
            return Ok(client.logs(request).await?);
        }
        Source::Run(run) => Subject::Run(run.clone()),
        Source::Attempt(attempt) => Subject::Attempt(attempt.clone()),
    };
    let request = TailRequest {
        subject: Some(subject),
        after_seq,
        last,
        follow,
    };
    Ok(client.tail(request).await?)
}

async fn read(
    ctx: &Context,
    client: &Client,
    source: &Source,
    cursor: &mut Cursor,
    args: &Args,
    address: &str,
) -> Result<(), CliError> {
    let mut away_since: Option<Instant> = None;
    loop {
        let ended = match open(client, source, cursor, args.follow).await {
            Ok(mut lines) => {
                away_since = None;
                drain(ctx, &mut lines, cursor, args).await
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => return Ok(()),
            Err(error) if args.follow && error.is_lost() => {
                let since = *away_since.get_or_insert_with(Instant::now);
                if since.elapsed() > AWAY {
                    return Err(error);
                }
                tokio::time::sleep(SEEK).await;
            }
            Err(error) => {
                return Err(error).doing(|| format!("read the log of {address}"));
            }
        }
    }
}

async fn drain(
    ctx: &Context,
    lines: &mut Lines,
    cursor: &mut Cursor,
    args: &Args,
) -> Result<(), CliError> {
    while let Some(line) = lines.next().await? {
        // The numbers go on where they were, also after a reconnect.
        cursor.after = line.seq;
        cursor.last = None;
        cursor.shown += 1;
        show_line(ctx, &Line::of(line.seq, &line.json), args);
        if args.follow {
            ctx.screen.flush();
        }
    }
    Ok(())
}

fn show_line(ctx: &Context, line: &Line, args: &Args) {
    if ctx.screen.is_json() {
        ctx.screen.object(&line.object.clone().into());
    } else if args.raw {
        ctx.screen.line(line.text().unwrap_or_default());
    } else {
        ctx.screen.line(show::log_line(line, ctx.screen.look));
    }
}
