//! `gtd logs`: read or follow the log of anything.

use std::time::{Duration, Instant};

use gtd_client::{Client, Lines};
use gtd_core::AgentDoc;
use gtd_wire::pb::{
    run::v1::{Attempt, TailRequest, tail_request::Subject},
    town::v1::LogsRequest,
};

use super::pause::ROLES;
use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
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
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let address = args.address.as_deref().unwrap_or(DAEMON);
    let source = source(&client, address, args.attempt).await?;
    let mut cursor = Cursor {
        after: args.after,
        last: args.lines.or((args.after == 0).then_some(50)),
    };
    let reading = read(ctx, &client, &source, &mut cursor, &args, address);
    if !args.follow {
        reading.await?;
        return Ok(Exit::Done);
    }
    let limited = async {
        match ctx.wait_limit {
            Some(limit) => tokio::time::timeout(limit, reading).await.unwrap_or(Ok(())),
            None => reading.await,
        }
    };
    tokio::select! {
        done = limited => done.map(|()| Exit::Done),
        // Whatever is followed goes on.
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

async fn source(client: &Client, address: &str, attempt: Option<u64>) -> Result<Source, CliError> {
    // `api/refinery` names a role of a rig; a role has one log.
    let word = address.rsplit('/').next().unwrap_or(address);
    if word == DAEMON {
        return Ok(Source::Role(String::new()));
    }
    if ROLES.contains(&word) {
        return Ok(Source::Role(word.to_owned()));
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
            return Ok(Source::Run(address.to_owned()));
        }
        Err(error) => return Err(error),
    };
    match found.kind {
        DocumentKind::Bead => Ok(Source::Attempt(Attempt {
            bead: found.id,
            epoch: attempt,
        })),
        DocumentKind::Convoy => Err(CliError::new(Kind::State(format!(
            "{} is a goal; its beads have the logs",
            found.id
        )))
        .help(format!("gtd convoy show {}", found.id))),
        DocumentKind::Other => {
            // An agent: what it works on. Anything else is known by its name.
            let agent = town::read::<AgentDoc>(&found.document).ok();
            match agent.and_then(|agent| agent.bead) {
                Some(bead) => Ok(Source::Attempt(Attempt {
                    bead: bead.to_string(),
                    epoch: attempt,
                })),
                None => Ok(Source::Run(found.id)),
            }
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
        let line = Line::of(line.seq, &line.json);
        if ctx.screen.is_json() {
            ctx.screen.object(&line.object.clone().into());
        } else if args.raw {
            ctx.screen.line(line.text().unwrap_or_default());
        } else {
            ctx.screen.line(show::log_line(&line, ctx.screen.look));
        }
        if args.follow {
            ctx.screen.flush();
        }
    }
    Ok(())
}
