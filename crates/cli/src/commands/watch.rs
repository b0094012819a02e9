//! `gtd watch`: what happens, one event a line, as it happens.

use std::time::{Duration, Instant};

use gtd_client::{Client, Recorded};
use gtd_core::{BeadId, Revision};

use crate::{
    clock,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    names::Names,
    output::reader_left,
    past, show,
    town::{self, DocumentKind},
};

/// How long a daemon may be away.
const AWAY: Duration = Duration::from_secs(30);
const SEEK: Duration = Duration::from_millis(150);
/// How many records are read at once while it catches up.
const PAGE: u32 = 1_000;
/// How many records before the first one are read for what candidates are made of.
const CONTEXT: u64 = 1_000;

/// What happens, one event a line, as it happens
///
/// It begins with the last ten events, or where --since or --after says, and
/// follows until Ctrl-C, which ends only the watching. In a rig it shows that
/// rig and what concerns the whole town; with an ID only that bead, or that goal
/// with its beads.
///
/// With --json each line is one object of kind Event: `seq` rises by one with
/// each event of the log and is never given twice, so `--after SEQ` goes on
/// behind any of them without loss. The names in `type`, such as
/// `bead.landed`, are stable.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this bead, or this goal with its beads
    id: Option<String>,
    /// One event a line; there is no other view yet, and none off a terminal
    #[arg(long)]
    plain: bool,
    /// Begin so long ago, or at this moment: 1h, 22:00, yesterday
    #[arg(long, value_name = "TIME", conflicts_with = "after")]
    since: Option<String>,
    /// Begin behind the event of this number
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// How many of the last events to begin with; 10 unless told
    #[arg(short = 'n', long, value_name = "N", conflicts_with_all = ["since", "after"])]
    lines: Option<u64>,
    /// Only what went wrong or waits for a person
    #[arg(long)]
    problems: bool,
    /// The whole town, also in a rig
    #[arg(long)]
    all_rigs: bool,
    /// End with what has happened so far
    #[arg(long)]
    no_follow: bool,
}

/// What is shown, and how far it was.
struct Feed<'a> {
    ctx: &'a Context,
    names: Names,
    after: Revision,
    subject: Option<BeadId>,
    rig: Option<gtd_core::RigName>,
    problems: bool,
    seen_at: Instant,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let subject = match &args.id {
        Some(id) => Some(subject(&client, id).await?),
        None => None,
    };
    let head = client.hello().await?.revision;
    let after = match (&args.since, args.after) {
        (Some(since), _) => past::before(&client, clock::behind(since)?).await?,
        (None, Some(after)) => Revision(after),
        (None, None) => Revision(head.0.saturating_sub(args.lines.unwrap_or(10))),
    };
    if after > head {
        return Err(CliError::new(Kind::State(format!(
            "the log ends at {head}, before {after}"
        )))
        .help("this may be another town, or one that was restored from a backup: begin anew without --after"));
    }
    let mut names = Names::default();
    let context = Revision(after.0.saturating_sub(CONTEXT));
    for record in past::between(&client, context, after).await? {
        names.learn(&record);
    }
    let rig = match (&subject, args.all_rigs) {
        (None, false) => ctx.rig()?,
        _ => None,
    };
    let mut feed = Feed {
        ctx,
        names,
        after,
        subject,
        rig,
        problems: args.problems,
        seen_at: Instant::now(),
    };
    if args.no_follow {
        feed.catch_up(&client, Some(head)).await?;
        return Ok(Exit::Done);
    }
    let following = feed.follow(&client);
    let limited = async {
        match ctx.wait_limit {
            Some(limit) => tokio::time::timeout(limit, following)
                .await
                .unwrap_or(Ok(())),
            None => following.await,
        }
    };
    tokio::select! {
        ended = limited => ended.map(|()| Exit::Done),
        () = reader_left() => Ok(Exit::Done),
        _ = tokio::signal::ctrl_c() => {
            ctx.screen.insist("detached: the work goes on.  gtd status");
            Ok(Exit::Interrupted)
        }
    }
}

async fn subject(client: &Client, id: &str) -> Result<BeadId, CliError> {
    let found = town::find(client, id).await?;
    if found.kind == DocumentKind::Other {
        return Err(
            CliError::usage(format!("{} is neither a bead nor a goal", found.id)).help(
                "everything of a rig: gtd watch -r RIG   what an agent says: gtd logs NAME -f",
            ),
        );
    }
    found.bead()
}

impl Feed<'_> {
    /// Shows everything up to a revision, or up to the newest.
    async fn catch_up(&mut self, client: &Client, until: Option<Revision>) -> Result<(), CliError> {
        loop {
            let page = client.log(self.after, PAGE, until).await?;
            for record in &page.records {
                self.take(client, record).await?;
            }
            let end = until.unwrap_or(page.head);
            if page.records.is_empty() || self.after >= end {
                return Ok(());
            }
        }
    }

    async fn take(&mut self, client: &Client, record: &Recorded) -> Result<(), CliError> {
        self.names.learn(record);
        if self.is_wanted(client, record).await? {
            let subject = self.names.subject(client, record).await?;
            let of_rig = record.envelope.event.rig().or(subject.rig.as_ref());
            // What is of no rig concerns all of them.
            let is_elsewhere = self
                .rig
                .as_ref()
                .zip(of_rig)
                .is_some_and(|(wanted, rig)| wanted != rig);
            let screen = &self.ctx.screen;
            if is_elsewhere {
                // Not asked for.
            } else if screen.is_json() {
                screen.object(&show::event_object(record, &subject));
            } else if screen.is_quiet() {
                screen.line_now(record.revision.to_string());
            } else {
                screen.line_now(show::event_line(record, &subject, screen.look));
            }
        }
        self.after = record.revision;
        Ok(())
    }

    async fn is_wanted(&mut self, client: &Client, record: &Recorded) -> Result<bool, CliError> {
        if self.problems && !record.envelope.event.is_problem() {
            return Ok(false);
        }
        match self.subject.clone() {
            Some(wanted) => self.names.concerns(client, record, &wanted).await,
            None => Ok(true),
        }
    }

    /// Shows what happens; a daemon that goes away is waited for, and nothing is missed.
    async fn follow(&mut self, client: &Client) -> Result<(), CliError> {
        let mut is_told = false;
        loop {
            let seen_at = self.seen_at;
            let ended = self.stream(client).await;
            if self.seen_at > seen_at {
                is_told = false;
            }
            match ended {
                Err(error) if !error.is_lost() => return Err(error),
                Err(error) if self.seen_at.elapsed() > AWAY => {
                    return Err(error.help("the daemon did not come back: gtd up"));
                }
                Err(_) if !is_told => {
                    is_told = true;
                    self.ctx
                        .screen
                        .say("the daemon does not answer; waiting for it to come back");
                }
                _ => {}
            }
            tokio::time::sleep(SEEK).await;
        }
    }

    /// Follows one connection to its end.
    async fn stream(&mut self, client: &Client) -> Result<(), CliError> {
        // However far behind: a watch alone would be refused.
        self.catch_up(client, None).await?;
        let mut watch = client.watch(self.after).await?;
        self.seen_at = Instant::now();
        while let Some(page) = watch.next().await? {
            self.seen_at = Instant::now();
            for record in &page.records {
                self.take(client, record).await?;
            }
        }
        Ok(())
    }
}
