//! `gtd crew attach`: what an agent that stays does, live, and the next turn from what is typed.

use std::{
    io::{BufRead as _, IsTerminal as _},
    time::{Duration, Instant},
};

use gtd_client::Client;
use gtd_core::{Command, CrewAgentDoc, CrewDoc, RunId, SeatName};
use tokio::sync::{mpsc, watch};

use super::{find, look_for};
use crate::{
    commands::logs,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    follow,
    output::reader_left,
    town,
};

/// How long a daemon may be away.
const AWAY: Duration = Duration::from_secs(30);
/// How soon one looks again for a daemon that is away, or for a run that has not begun.
const SEEK: Duration = Duration::from_millis(150);

/// Talk with the agent of a member, and watch what it does
///
/// A line that you type is told to it, and begins its next turn; it is not interrupted. Ctrl-D
/// leaves, and the member goes on. Where stdin is no terminal its lines are told one after the
/// other, and the command ends (exit 0) when the member has heard and done all of them, or the
/// last turn did not end well or it cannot go on (exit 4). With --json one object per line, as `gtd logs` writes them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The member
    #[arg(value_name = "NAME")]
    name: String,
    /// How many lines of its last turn to begin with
    #[arg(short = 'n', long, value_name = "N", default_value = "20")]
    lines: u32,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let member = find(&client, &args.name).await?;
    let agent = listening(&member)?;
    let name = &member.name;
    let is_typed = std::io::stdin().is_terminal() && !ctx.no_input;
    ctx.screen.say(match is_typed {
        true => format!("{name} listens: a line is its next turn; Ctrl-D leaves, and it goes on"),
        false => format!("{name} listens"),
    });
    if let Some(last) = &agent.last {
        logs::show_end(ctx, &client, last.as_str(), args.lines).await?;
        ctx.screen.flush();
    }
    let (said_all, is_all_said) = watch::channel(false);
    let mut talk = Talk {
        ctx,
        client: &client,
        name,
        shown: agent.last.clone(),
        has_failed: false,
        is_all_said,
    };
    let talking = async {
        tokio::select! {
            left = tell(&client, name, is_typed, said_all) => left,
            ended = talk.watch() => ended,
        }
    };
    let limited = async {
        match ctx.wait_limit {
            Some(limit) => tokio::time::timeout(limit, talking)
                .await
                .unwrap_or(Ok(Exit::StillGoing)),
            None => talking.await,
        }
    };
    tokio::select! {
        left = limited => left,
        () = reader_left() => Ok(Exit::Done),
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

/// Returns the agent of a member, when it can be told something.
fn listening(member: &CrewDoc) -> Result<&CrewAgentDoc, CliError> {
    let name = &member.name;
    let fail = |state: &str| {
        Err(CliError::new(Kind::State(format!("{name} {state}")))
            .doing(format!("attach to {name}"))
            .help(format!("gtd crew start {name}")))
    };
    match &member.agent {
        None => fail("has no agent"),
        Some(agent) if agent.state == "stopped" || agent.state == "stopping" => fail("is stopped"),
        Some(agent) => Ok(agent),
    }
}

/// Tells the member what is typed, line by line. It returns when a person leaves.
async fn tell(
    client: &Client,
    name: &SeatName,
    is_typed: bool,
    said_all: watch::Sender<bool>,
) -> Result<Exit, CliError> {
    let (line_read, mut lines) = mpsc::unbounded_channel();
    // Nobody waits for it: a read of a terminal ends with the process.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if line_read.send(line).is_err() {
                break;
            }
        }
    });
    while let Some(text) = lines.recv().await {
        if text.trim().is_empty() {
            continue;
        }
        let command = Command::TellCrew {
            member: name.clone(),
            text,
        };
        client
            .tell(command)
            .await
            .doing(|| format!("tell {name}"))?;
    }
    if is_typed {
        return Ok(Exit::Done);
    }
    said_all.send_replace(true);
    // Whoever watches knows when all of it is done.
    std::future::pending().await
}

/// What is shown of a member.
struct Talk<'a> {
    ctx: &'a Context,
    client: &'a Client,
    name: &'a SeatName,
    /// The last turn that was shown.
    shown: Option<RunId>,
    /// Whether that did not end well.
    has_failed: bool,
    is_all_said: watch::Receiver<bool>,
}

/// What there is to do for whoever watches.
enum Next {
    /// A turn is to be shown.
    Show(RunId),
    /// Nothing goes on, and nothing follows.
    End(Exit),
    /// It cannot go on by itself.
    Stuck(String),
}

impl Talk<'_> {
    /// Shows each turn, until all that was to be said has been done.
    async fn watch(&mut self) -> Result<Exit, CliError> {
        let mut away_since: Option<Instant> = None;
        loop {
            match self.step().await {
                Ok(Some(exit)) => return Ok(exit),
                Ok(None) => away_since = None,
                Err(error) if error.is_lost() => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > AWAY {
                        return Err(error);
                    }
                    tokio::time::sleep(SEEK).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Exit>, CliError> {
        let next = {
            let mut all_said = self.is_all_said.clone();
            let has_said_all = *all_said.borrow_and_update();
            tokio::select! {
                next = self.next(has_said_all) => Some(next?),
                // The same question, otherwise.
                _ = all_said.changed(), if !has_said_all => None,
            }
        };
        match next {
            None => Ok(None),
            Some(Next::End(Exit::Done)) if self.has_failed => Ok(Some(Exit::NeedsYou)),
            Some(Next::End(exit)) => Ok(Some(exit)),
            Some(Next::Stuck(why)) => {
                let name = self.name;
                self.ctx.screen.insist(format!("{name} waits: {why}"));
                Ok(Some(Exit::NeedsYou))
            }
            Some(Next::Show(run)) => {
                match logs::follow_run(self.ctx, self.client, run.as_str()).await {
                    // It has not begun.
                    Err(error) if error.is_not_found() => tokio::time::sleep(SEEK).await,
                    Err(error) => return Err(error),
                    Ok(()) => {
                        self.shown = Some(run.clone());
                        self.has_failed = self.tell_end(&run).await?;
                    }
                }
                Ok(None)
            }
        }
    }

    /// Waits for the next turn, or for the end.
    async fn next(&self, has_said_all: bool) -> Result<Next, CliError> {
        follow::until_some(self.client, async || {
            let Some(member) = look_for(self.client, self.name.as_str()).await? else {
                return Ok(Some(Next::End(Exit::Done)));
            };
            let Some(agent) = member.agent else {
                return Ok(Some(Next::End(Exit::Done)));
            };
            if let (true, Some(why)) = (has_said_all, &agent.waits) {
                return Ok(Some(Next::Stuck(why.clone())));
            }
            let goes_on = agent.run.filter(|run| Some(run) != self.shown.as_ref());
            let has_ended = agent.last.filter(|last| Some(last) != self.shown.as_ref());
            // The end of one that was shown may not be recorded yet.
            let turn = has_ended.or(goes_on);
            if let Some(turn) = turn {
                return Ok(Some(Next::Show(turn)));
            }
            let is_at_work = agent.state == "in a turn" || agent.state == "stopping";
            if agent.state == "stopped" {
                return Ok(Some(Next::End(Exit::NeedsYou)));
            }
            if !has_said_all || is_at_work {
                return Ok(None);
            }
            Ok((agent.unheard == 0).then_some(Next::End(Exit::Done)))
        })
        .await
    }

    /// Says why a turn did not end well, once that is known; true when it did not.
    async fn tell_end(&self, run: &RunId) -> Result<bool, CliError> {
        let agent = follow::until_some(self.client, async || {
            let member = look_for(self.client, self.name.as_str()).await?;
            let agent = member.and_then(|member| member.agent);
            let Some(agent) = agent else {
                return Ok(Some(None));
            };
            let is_recorded = agent.run.as_ref() != Some(run);
            Ok(is_recorded.then_some(Some(agent)))
        })
        .await?;
        let name = self.name;
        let ended = agent.filter(|agent| agent.last.as_ref() == Some(run));
        let fault = ended.and_then(|agent| agent.fault);
        if let Some(fault) = &fault {
            self.ctx
                .screen
                .insist(format!("the turn of {name} did not end well: {fault}"));
        }
        Ok(fault.is_some())
    }
}
