//! `gtd review`: what an attempt claims, what is known to be so, and the work itself.

mod changed;
mod git;

use clap::ValueEnum;
use gtd_client::{Client, WriteContext};
use gtd_core::{BeadId, Command, Oid, ReviewDoc, Waived};
use serde_json::{Value, json};

use self::git::Work;
use super::{approve, status, would};
use crate::{
    clock,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::{Ink, State},
    show,
    town::{self, DocumentKind, Found},
};

/// Bytes of a diff in a document; the rest is told to be left out.
const DIFF_MAX: usize = 1024 * 1024;

/// Look at what an attempt made, and decide
///
/// The claim first, then what records show: the criteria, the gates with their
/// times, the tries, the files outside of the scope, new dependencies. The
/// diff comes last. Nothing in the repository is changed.
///
/// With --changes or --comment the work goes back: the next attempt has the
/// words in its brief. With --approve what came back, or was set aside, goes
/// into the merge queue as it is. Both are bound to what is there now; --at
/// binds them to the commit that was looked at. What changes protected files
/// waits in the queue until then: --approve lets that commit through.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The bead, its number in the inbox, or the beginning of its id
    id: String,
    /// How to show the diff; a pager on a terminal unless told
    #[arg(long, value_name = "TOOL")]
    tool: Option<Tool>,
    /// Say something of one line of the work; the work goes back
    #[arg(long, value_names = ["FILE:LINE", "TEXT"], num_args = 2, conflicts_with = "approve")]
    comment: Vec<String>,
    /// Send the work back, with what is to be otherwise
    #[arg(long, value_name = "TEXT", conflicts_with = "approve")]
    changes: Option<String>,
    /// Say yes: to a plan, to protected files, or to work that came back or was set aside
    #[arg(long)]
    approve: bool,
    /// Decide only while the work is at this commit
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,
    /// Check everything and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// How the diff is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    /// In the pager, when stdout is a terminal.
    Pager,
    /// In the tool that `git difftool` is set to.
    Difftool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let comments = comments(&args.comment)?;
    let client = town::reach(ctx).await?;
    let found = town::find(&client, &args.id).await?;
    crate::last::remember(&found.id);
    if found.kind == DocumentKind::Convoy {
        return plan(ctx, &client, &found, &args).await;
    }
    let bead = found.bead()?;
    let document = client.review(bead.as_str()).await?;
    let review: ReviewDoc = town::read(&document)?;
    if let Some(at) = &args.at {
        bound(&review, at)?;
    }
    if args.approve {
        return say_yes(ctx, &client, &review, args.dry_run).await;
    }
    if args.changes.is_some() || !comments.is_empty() {
        let changes = args.changes.unwrap_or_default();
        return send_back(ctx, &client, &review, (changes, comments), args.dry_run).await;
    }
    let work = match ctx.folder_of(&review.rig) {
        Ok(folder) => git::work(&folder, &review)?,
        Err(_) => None,
    };
    if args.tool == Some(Tool::Difftool) {
        let Some(work) = &work else {
            return Err(nothing_there(&review));
        };
        return git::difftool(&ctx.folder_of(&review.rig)?, work);
    }
    print(ctx, document, &review, work.as_ref());
    Ok(Exit::Done)
}

/// Reads pairs of a place and a text into lines.
fn comments(given: &[String]) -> Result<String, CliError> {
    let mut lines = Vec::new();
    for pair in given.chunks(2) {
        let [place, text] = pair else { continue };
        let is_place = place
            .rsplit_once(':')
            .is_some_and(|(file, line)| !file.is_empty() && line.parse::<u32>().is_ok());
        if !is_place {
            return Err(CliError::usage(format!(
                "a comment stands at FILE:LINE, not at `{place}`"
            ))
            .help("gtd review ID --comment src/main.rs:12 \"why twice?\""));
        }
        lines.push(format!("{place}: {}", text.trim()));
    }
    Ok(lines.join("\n"))
}

/// Shows the plan of a goal, or says yes to it.
async fn plan(
    ctx: &Context,
    client: &Client,
    found: &Found,
    args: &Args,
) -> Result<Exit, CliError> {
    let goal = found.bead()?;
    if args.approve {
        return approve::goal(ctx, client, found, args.dry_run).await;
    }
    if args.changes.is_some() || !args.comment.is_empty() {
        return Err(CliError::usage(format!(
            "{goal} is a goal: a plan is rejected, its beads are sent back one by one"
        ))
        .help(format!("gtd reject {goal} -m WHY   gtd convoy show {goal}")));
    }
    status::card(ctx, client, found).await?;
    Ok(Exit::Done)
}

/// Refuses a decision about work that is not at the commit that was looked at.
pub(super) fn bound(review: &ReviewDoc, at: &str) -> Result<(), CliError> {
    let is_there = review
        .head
        .as_ref()
        .is_some_and(|head| at.len() >= 4 && head.as_str().starts_with(&at.to_lowercase()));
    if is_there {
        return Ok(());
    }
    let id = &review.bead;
    let now = match &review.head {
        Some(head) => format!("at {} now", head.short()),
        None => "without a commit that was handed in".to_owned(),
    };
    Err(
        CliError::new(Kind::State(format!("{id} moved: it is {now}, not at {at}")))
            .help(format!("look again: gtd review {id}")),
    )
}

/// Refuses a yes where nothing waits for one.
fn waits_for_yes(review: &ReviewDoc) -> Result<&Oid, CliError> {
    let id = &review.bead;
    review
        .head
        .as_ref()
        .filter(|_| review.may_approve)
        .ok_or_else(|| {
            CliError::new(Kind::State(format!(
                "{id} is {}, and nothing of it waits for a yes",
                State::of(&review.state).word
            )))
            .help(format!("what does: gtd inbox   about this: gtd why {id}"))
        })
}

/// Lets through what only a person lets through, and puts what came back, or was set aside, into
/// the queue as it is.
pub(super) async fn put_in_queue(
    client: &Client,
    review: &ReviewDoc,
    why: Option<&str>,
) -> Result<(), CliError> {
    /// The reason of a yes that was said without one.
    const NO_REASON: &str = "it was looked at";
    let head = waits_for_yes(review)?;
    let id = &review.bead;
    let mut revision = review.revision;
    // First what may be refused: a yes that was written is not taken back.
    if !review.is_queued || review.waits_for_reviewer {
        let command = Command::RetrySubmission { bead: id.clone() };
        let written = client.tell_as(command, since(revision)).await;
        let written = written.doing(|| format!("approve {id}"))?;
        revision = written.revision.0;
    }
    if let Some(guard) = review.unapproved {
        let command = Command::Waive {
            bead: id.clone(),
            head: head.clone(),
            what: Waived::Guard(guard),
            why: why
                .filter(|why| !why.trim().is_empty())
                .unwrap_or(NO_REASON)
                .to_owned(),
        };
        let written = client.tell_as(command, since(revision)).await;
        written.doing(|| format!("approve {id}"))?;
    }
    Ok(())
}

/// Says that it was put there.
pub(super) fn in_queue(ctx: &Context, review: &ReviewDoc) -> String {
    let look = ctx.screen.look;
    let mark = look.paint(Ink::Good, State::of("ok").mark(look));
    let id = &review.bead;
    let at = review
        .head
        .as_ref()
        .map_or_else(String::new, |head| format!(" at {}", head.short()));
    format!("{mark} {id}{at} approved: it is in the merge queue")
}

async fn say_yes(
    ctx: &Context,
    client: &Client,
    review: &ReviewDoc,
    dry_run: bool,
) -> Result<Exit, CliError> {
    let id = &review.bead;
    let head = waits_for_yes(review)?;
    if dry_run {
        let act = match review.unapproved {
            Some(guard) => format!("let {} of {id} through {}", head.short(), guard.word()),
            None => format!("put {} of {id} into the merge queue", head.short()),
        };
        return Ok(would(ctx, &[act]));
    }
    put_in_queue(client, review, None).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&decision(review, "approved"));
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(id.as_str());
    } else {
        ctx.screen.line(in_queue(ctx, review));
        ctx.screen
            .next(&[format!("gtd why {id}"), "gtd merge list".to_owned()]);
    }
    Ok(Exit::Done)
}

async fn send_back(
    ctx: &Context,
    client: &Client,
    review: &ReviewDoc,
    (why, comments): (String, String),
    dry_run: bool,
) -> Result<Exit, CliError> {
    let id = &review.bead;
    if !review.may_send_back {
        let error = CliError::new(Kind::State(format!(
            "{id} is {}, and cannot be sent back",
            State::of(&review.state).word
        )));
        return Err(match (&review.landed, &review.attempt) {
            (Some(_), _) => error.help(format!(
                "it has landed; what follows is new work: \
                 gtd bead create TITLE --discovered-from {id}"
            )),
            (None, None) => error.help(format!("nobody has worked on it yet: gtd why {id}")),
            (None, Some(_)) => error.help(format!("say it all the same: gtd bead note {id} TEXT")),
        });
    }
    if dry_run {
        return Ok(would(ctx, &[format!("send {id} back to a worker")]));
    }
    let command = Command::WantChanges {
        bead: id.clone(),
        why,
        comments,
    };
    client
        .tell_as(command, since(review.revision))
        .await
        .doing(|| format!("send {id} back"))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&decision(review, "changes_wanted"));
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(id.as_str());
    } else {
        ctx.screen
            .line(format!("{id} goes back to a worker, with what you said"));
        ctx.screen
            .next(&[format!("gtd logs {id} -f"), "gtd undo".to_owned()]);
    }
    Ok(Exit::Done)
}

/// Binds a write to what was seen.
fn since(revision: u64) -> WriteContext {
    WriteContext {
        expected: Some(gtd_core::Revision(revision)),
        ..WriteContext::default()
    }
}

fn decision(review: &ReviewDoc, verdict: &str) -> Value {
    json!({
        "kind": "Decision",
        "api": gtd_core::API,
        "bead": review.bead,
        "verdict": verdict,
        "commit": review.head,
    })
}

fn nothing_there(review: &ReviewDoc) -> CliError {
    let id: &BeadId = &review.bead;
    CliError::new(Kind::State(match review.attempt {
        None => format!("nobody has worked on {id} yet"),
        Some(n) => format!("attempt {n} at {id} left no commit in the repository"),
    }))
    .help(format!("gtd why {id}"))
}

fn print(ctx: &Context, mut document: Value, review: &ReviewDoc, work: Option<&Work>) {
    if ctx.screen.is_json() {
        if let Some(work) = work {
            document["files"] = json!(work.files);
            document["outside_scope"] = work.outside_scope().collect();
            document["dependencies"] = json!(work.dependencies);
            let text = String::from_utf8_lossy(&work.diff);
            let end = text.floor_char_boundary(DIFF_MAX.min(text.len()));
            document["diff"] = text[..end].into();
            document["diff_is_whole"] = (end == text.len()).into();
        }
        ctx.screen.document(&document);
        return;
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(review.bead.as_str());
        return;
    }
    let look = ctx.screen.look;
    let lines = show::review(review, clock::now(), look);
    let mut page = lines.join("\n") + "\n";
    if let Some(work) = work {
        page.push_str(&changed::lines(work, look));
    }
    if !look.terminal {
        // A pipe gets the diff as git wrote it.
        ctx.screen.write(page.as_bytes());
        if let Some(work) = work {
            ctx.screen.write(&work.diff);
        }
        return;
    }
    if let Some(work) = work {
        page.push_str(&changed::diff(work, look));
    }
    ctx.screen.write(page.as_bytes());
    let commands = review.next.iter().map(|step| bound_step(review, &step.cmd));
    ctx.screen.next(&commands.collect::<Vec<_>>());
}

/// Binds an offered decision to the commit that was shown.
fn bound_step(review: &ReviewDoc, command: &str) -> String {
    match &review.head {
        Some(head) if command.ends_with("--approve") => format!("{command} --at {}", head.short()),
        _ => command.to_owned(),
    }
}
