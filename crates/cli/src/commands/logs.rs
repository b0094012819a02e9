//! `gtd logs`: read or follow the log of anything.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use gtd_client::{Client, Lines};
use gtd_core::{AgentDoc, BeadDoc, ConvoyDoc, ReviewDoc, StatusDoc};
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
    sift::{Sift, SiftArgs},
    town::{self, DocumentKind},
};

const DAEMON: &str = "daemon";
/// How long a daemon may be away while its log is followed.
const AWAY: Duration = Duration::from_secs(30);
const SEEK: Duration = Duration::from_millis(150);

/// Read or follow the log of anything
///
/// A role (mayor crew worker refinery witness deacon), `daemon`, an agent, a
/// bead, a goal, a run or a candidate. With --json one object per line, with
/// `seq`; --after resumes behind one.
///
/// What narrows the lines is looked for in all of the log, and -n counts what
/// is left. A goal, and `--attempt all`, are read one after the other.
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
    /// A role, as an address
    #[arg(long, value_name = "ROLE", conflicts_with_all = ["address", "agent", "convoy"])]
    role: Option<String>,
    /// A bead, as an address; of a role only the lines about it
    #[arg(long, value_name = "ID", conflicts_with_all = ["agent", "convoy"])]
    bead: Option<String>,
    /// An agent, as an address
    #[arg(long, value_name = "NAME", conflicts_with_all = ["address", "convoy"])]
    agent: Option<String>,
    /// All beads of a goal, one after the other
    #[arg(long, value_name = "ID", conflicts_with = "address")]
    convoy: Option<String>,
    /// Which attempt at a bead, or all; the last one unless told
    #[arg(long, value_name = "N", value_parser = tries)]
    attempt: Option<Tries>,
    #[command(flatten)]
    sift: SiftArgs,
    /// Only what was written in each line, of an agent program as it wrote it
    #[arg(long)]
    raw: bool,
    /// Long texts whole, and not only their beginning
    #[arg(long)]
    full: bool,
}

impl Args {
    /// The last lines of what is named otherwise.
    fn last(lines: u32) -> Self {
        Self {
            address: None,
            follow: false,
            lines: Some(lines),
            after: 0,
            role: None,
            bead: None,
            agent: None,
            convoy: None,
            attempt: None,
            sift: SiftArgs::default(),
            raw: false,
            full: false,
        }
    }
}

/// Lines of one text that are shown unless all are wished.
const FOLDED: usize = 20;

/// Which attempts at a bead are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tries {
    /// Every one that is remembered.
    All,
    /// One.
    One(u64),
}

fn tries(text: &str) -> Result<Tries, String> {
    match text.parse() {
        Ok(n) => Ok(Tries::One(n)),
        Err(_) if text == "all" => Ok(Tries::All),
        Err(_) => Err("an attempt is a number, or `all`".to_owned()),
    }
}

/// What is read.
#[derive(Debug, Clone)]
enum Source {
    Role(String),
    Run(String),
    Attempt(Attempt),
}

/// How far it was read, and what of it is shown.
struct Cursor {
    after: u64,
    /// How many of the last lines the daemon is asked for.
    last: Option<u32>,
    sift: Sift,
    /// How many of the lines that are left are shown, when they have to be counted here.
    keep: Option<usize>,
    kept: VecDeque<Line>,
    n_shown: u64,
}

impl Cursor {
    fn of(args: &Args, sift: Sift) -> Self {
        let is_whole = sift.takes_all();
        let is_spanned = args.sift.is_spanned();
        let usual = (args.after == 0 && !is_spanned).then_some(50);
        let last = args.lines.or(usual);
        let keep = last.and_then(|n| usize::try_from(n).ok());
        Self {
            after: args.after,
            last: last.filter(|_| is_whole),
            // What is followed is shown as it comes.
            keep: keep.filter(|_| !is_whole && !args.follow),
            sift,
            kept: VecDeque::new(),
            n_shown: 0,
        }
    }

    fn take(&mut self, ctx: &Context, line: Line, args: &Args) {
        if !self.sift.takes(&line) {
            return;
        }
        match self.keep {
            None => {
                self.n_shown += 1;
                show_line(ctx, &line, args);
            }
            Some(keep) => {
                self.kept.push_back(line);
                if self.kept.len() > keep {
                    self.kept.pop_front();
                }
            }
        }
    }

    /// Shows what was kept; returns how many lines were shown in all.
    fn flush(&mut self, ctx: &Context, args: &Args) -> u64 {
        for line in std::mem::take(&mut self.kept) {
            self.n_shown += 1;
            show_line(ctx, &line, args);
        }
        self.n_shown
    }
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let named = [
        &args.address,
        &args.role,
        &args.agent,
        &args.convoy,
        &args.bead,
    ];
    let address = named.into_iter().find_map(|name| name.as_deref());
    let address = address.unwrap_or(DAEMON);
    let mut sift = args.sift.sift()?;
    let client = match town::reach(ctx).await {
        Ok(client) => client,
        Err(error) if error.is_lost() && !args.follow => {
            // A daemon that is not there finds no bead by the beginning of its id.
            sift.bead = args.bead.clone().filter(|bead| bead != address);
            let mut cursor = Cursor::of(&args, sift);
            return from_file(ctx, &args, address, &mut cursor, error);
        }
        Err(error) => return Err(error),
    };
    if let Some(bead) = args.bead.as_deref().filter(|bead| *bead != address) {
        sift.bead = Some(town::find(&client, bead).await?.bead()?.to_string());
    }
    let sources = sources(&client, address, &args).await?;
    if sources.is_empty() {
        ctx.screen.say(format!(
            "{address} holds no bead now.  gtd ps   gtd logs worker"
        ));
        return Ok(Exit::Done);
    }
    if args.follow && sources.len() > 1 {
        return Err(CliError::usage("several logs cannot be followed at once")
            .help(format!("what happens to all of it: gtd watch {address}")));
    }
    let mut n_shown = 0;
    let n_sources = sources.len();
    for source in sources {
        let mut cursor = Cursor::of(&args, sift.clone());
        if args.follow {
            let at_limit = Exit::Done;
            return follow(ctx, &client, &source, &mut cursor, &args, address, at_limit).await;
        }
        match read(ctx, &client, &source, &mut cursor, &args, address).await {
            // Of several, some may have nothing to read yet, or no more.
            Err(error) if n_sources > 1 && error.is_not_found() => {}
            read => read?,
        }
        n_shown += cursor.flush(ctx, &args);
    }
    if n_shown == 0 {
        ctx.screen.say("nothing was written");
    }
    Ok(Exit::Done)
}

/// Shows the last lines that a run wrote; nothing when its folder is gone.
pub(crate) async fn show_end(
    ctx: &Context,
    client: &Client,
    run: &str,
    lines: u32,
) -> Result<(), CliError> {
    let args = Args::last(lines);
    let mut cursor = Cursor::of(&args, Sift::default());
    let source = Source::Run(run.to_owned());
    match read(ctx, client, &source, &mut cursor, &args, run).await {
        Err(error) if error.is_not_found() => {}
        read => read?,
    }
    cursor.flush(ctx, &args);
    Ok(())
}

/// Shows all that a run writes, until it ends.
pub(crate) async fn follow_run(ctx: &Context, client: &Client, run: &str) -> Result<(), CliError> {
    let args = Args {
        follow: true,
        lines: None,
        ..Args::last(0)
    };
    let mut cursor = Cursor {
        after: 0,
        last: None,
        sift: Sift::default(),
        keep: None,
        kept: VecDeque::new(),
        n_shown: 0,
    };
    let source = Source::Run(run.to_owned());
    read(ctx, client, &source, &mut cursor, &args, run).await
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
        follow: true,
        attempt: attempt.epoch.map(Tries::One),
        ..Args::last(lines)
    };
    let mut cursor = Cursor::of(&args, Sift::default());
    let source = Source::Attempt(attempt);
    follow(
        ctx,
        client,
        &source,
        &mut cursor,
        &args,
        &address,
        Exit::StillGoing,
    )
    .await
}

/// Reads until the end of what is followed, the caller's limit, or Ctrl-C.
async fn follow(
    ctx: &Context,
    client: &Client,
    source: &Source,
    cursor: &mut Cursor,
    args: &Args,
    address: &str,
    at_limit: Exit,
) -> Result<Exit, CliError> {
    let reading = async {
        let read = read(ctx, client, source, cursor, args, address).await;
        read.map(|()| Exit::Done)
    };
    let limited = async {
        match ctx.wait_limit {
            Some(limit) => tokio::time::timeout(limit, reading)
                .await
                .unwrap_or(Ok(at_limit)),
            None => reading.await,
        }
    };
    tokio::select! {
        done = limited => done,
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
    for line in lines.into_iter().skip(from) {
        cursor.take(ctx, line, args);
    }
    cursor.flush(ctx, args);
    ctx.screen.say(format!("from its file: {}", lost.message()));
    Ok(Exit::Done)
}

/// Finds what is read: one log, or those of a goal or of all attempts in their order.
async fn sources(client: &Client, address: &str, args: &Args) -> Result<Vec<Source>, CliError> {
    let attempt = match args.attempt {
        Some(Tries::One(n)) => Some(n),
        _ => None,
    };
    let word = address.rsplit('/').next().unwrap_or(address);
    let is_role = word == DAEMON || ROLES.contains(&word);
    let found = match is_role {
        true => None,
        false => town::find(client, word).await.ok(),
    };
    let beads: Vec<String> = match &found {
        Some(found) if found.kind == DocumentKind::Convoy => {
            let convoy: ConvoyDoc = town::read(&found.document)?;
            convoy
                .beads
                .iter()
                .map(|bead| bead.id.to_string())
                .collect()
        }
        Some(found) if found.kind == DocumentKind::Bead => vec![found.id.clone()],
        _ => Vec::new(),
    };
    if let (Some(gate), false) = (&args.sift.gate, beads.is_empty()) {
        return gate_runs(client, &beads, gate, args).await;
    }
    if beads.is_empty() || (beads.len() == 1 && args.attempt != Some(Tries::All)) {
        let address = beads.first().map_or(address, String::as_str);
        return Ok(source(client, address, attempt)
            .await?
            .into_iter()
            .collect());
    }
    let mut sources = Vec::new();
    for bead in beads {
        let document: BeadDoc = town::read(&client.get(&bead).await?)?;
        let epochs: Vec<u64> = match args.attempt {
            Some(Tries::All) => document.attempts.iter().map(|a| a.epoch).collect(),
            Some(Tries::One(n)) => vec![n],
            None => document
                .attempts
                .last()
                .map(|a| a.epoch)
                .into_iter()
                .collect(),
        };
        sources.extend(epochs.into_iter().map(|epoch| {
            Source::Attempt(Attempt {
                bead: bead.clone(),
                epoch: Some(epoch),
            })
        }));
    }
    Ok(sources)
}

/// Finds where a gate ran over the work of beads: in worktrees, and on candidates.
async fn gate_runs(
    client: &Client,
    beads: &[String],
    gate: &str,
    args: &Args,
) -> Result<Vec<Source>, CliError> {
    let mut sources = Vec::new();
    for bead in beads {
        let review: ReviewDoc = town::read(&client.review(bead).await?)?;
        let is_wanted = |epoch: u64| match args.attempt {
            Some(Tries::All) => true,
            Some(Tries::One(n)) => n == epoch,
            None => review
                .attempts
                .last()
                .is_none_or(|last| last.epoch == epoch),
        };
        for attempt in review.attempts.iter().filter(|a| is_wanted(a.epoch)) {
            sources.push(Source::Attempt(Attempt {
                bead: bead.clone(),
                epoch: Some(attempt.epoch),
            }));
        }
        let runs = review.gates.iter().filter(|seen| is_wanted(seen.attempt));
        let runs = runs.filter(|seen| seen.run.gate.as_str() == gate);
        sources.extend(runs.map(|seen| Source::Run(seen.run.run.to_string())));
    }
    if args.follow {
        // One log can be followed: the newest.
        return Ok(sources.pop().into_iter().collect());
    }
    Ok(sources)
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
                Some(agent) => {
                    let epoch = attempt.or(agent.attempt);
                    agent.bead.map(|bead| {
                        Source::Attempt(Attempt {
                            bead: bead.to_string(),
                            epoch,
                        })
                    })
                }
                None => Some(Source::Run(address.to_owned())),
            });
        }
        Err(error) => return Err(error),
    };
    match found.kind {
        DocumentKind::Bead => {
            // Named now: after a reconnect the numbers of its lines must be those of the same one.
            let document: BeadDoc = town::read(&found.document)?;
            let last = document.attempts.last().map(|last| last.epoch);
            Ok(Some(Source::Attempt(Attempt {
                bead: found.id,
                epoch: attempt.or(last),
            })))
        }
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
            let epoch = attempt.or(agent.attempt);
            Ok(agent.bead.map(|bead| {
                Source::Attempt(Attempt {
                    bead: bead.to_string(),
                    epoch,
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
        cursor.take(ctx, Line::of(line.seq, &line.json), args);
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
        ctx.screen.line(line.raw().unwrap_or_default());
    } else {
        let text = show::log_line(line, ctx.screen.look);
        let n_lines = text.lines().count();
        if args.full || n_lines <= FOLDED {
            ctx.screen.line(text);
            return;
        }
        for line in text.lines().take(FOLDED) {
            ctx.screen.line(line);
        }
        let dots = ctx.screen.look.mark("…", "...");
        ctx.screen
            .line(format!("{dots} {} lines, --full", n_lines - FOLDED));
    }
}
