//! `gtd inbox`: the decisions that wait for a person, and nothing else.
//!
//! It shows what `gtd status` counts as needing you; the two never differ.

use std::collections::BTreeSet;

use gtd_client::Client;
use gtd_core::{Command, NeedsYou, Rejection, Timestamp};
use serde_json::json;

use super::would;
use crate::{
    clock,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    filter::ListArgs,
    lists, show, town,
};

/// Decisions that wait for you
///
/// Those that most work waits for come first. Each names the command that
/// answers it. A snoozed one is out of sight until its time, or until the
/// matter is a new one; it is counted all the while.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the one of this number, or those about this goal, bead, rig or role
    subject: Option<String>,
    /// Only of these kinds
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        value_parser = ["plan", "question", "failure", "budget", "found", "approval", "review", "gate", "pause", "stop", "alert"]
    )]
    kind: Vec<String>,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all: bool,
    /// Do not show this one until then: 07:00, 6h, or RFC 3339
    #[arg(
        long,
        num_args = 2,
        value_names = ["N", "WHEN"],
        conflicts_with_all = ["subject", "wake", "snoozed"]
    )]
    snooze: Vec<String>,
    /// Show this one again
    #[arg(long, value_name = "N", conflicts_with_all = ["subject", "snoozed"])]
    wake: Option<String>,
    /// Those that are snoozed, too
    #[arg(long)]
    snoozed: bool,
    /// Say what would be snoozed or woken, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    list: ListArgs,
    /// Exit with 4 when something waits
    #[arg(long)]
    exit_code: bool,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    if let [subject, when] = args.snooze.as_slice() {
        let until = clock::ahead(when)?;
        return snooze(ctx, subject, Some(until), args.dry_run).await;
    }
    if let Some(subject) = &args.wake {
        return snooze(ctx, subject, None, args.dry_run).await;
    }
    let client = town::reach(ctx).await?;
    let rig = if args.all { None } else { ctx.rig()? };
    let mut items: Vec<NeedsYou> = lists::all(&client, &lists::inbox(rig.as_ref())).await?;
    let snoozed: Vec<NeedsYou> = items
        .iter()
        .filter(|item| item.is_snoozed())
        .cloned()
        .collect();
    // Whoever asks for one by its number sees it, wherever it is.
    if !args.snoozed && args.subject.is_none() {
        items.retain(|item| !item.is_snoozed());
    }
    let is_wanted = |item: &NeedsYou| args.kind.is_empty() || args.kind.contains(&item.kind);
    let items = items.into_iter().filter(is_wanted).collect();
    let items = match &args.subject {
        None => items,
        Some(subject) => about(items, subject)?,
    };
    let items = args.list.apply(items)?;
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "Inbox", "api": gtd_core::API, "items": items, "next": "",
            "snoozed": snoozed.len()}),
        );
    } else if ctx.screen.is_quiet() {
        for item in &items {
            ctx.screen.line(&item.subject);
        }
    } else if items.is_empty() {
        ctx.screen.say("nothing waits for you");
    } else {
        for line in items
            .iter()
            .flat_map(|item| show::needs_you(item, clock::now(), ctx.screen.look))
        {
            ctx.screen.line(line);
        }
    }
    if !args.snoozed && !ctx.screen.is_quiet() {
        tell_snoozed(ctx, &snoozed);
    }
    Ok(
        if args.exit_code && items.iter().any(|item| !item.is_snoozed()) {
            Exit::NeedsYou
        } else {
            Exit::Done
        },
    )
}

/// Says what is out of sight, so that it is never lost.
fn tell_snoozed(ctx: &Context, snoozed: &[NeedsYou]) {
    let first = snoozed.iter().filter_map(|item| item.snoozed_until).min();
    if let Some(first) = first {
        let times = show::snoozed(snoozed.len(), first, clock::now());
        ctx.screen.say(format!("{times}   gtd inbox --snoozed"));
    }
}

/// Puts what a person does not want to see out of sight, or back into it.
async fn snooze(
    ctx: &Context,
    subject: &str,
    until: Option<Timestamp>,
    dry_run: bool,
) -> Result<Exit, CliError> {
    let client = match dry_run {
        true => town::reach(ctx).await?,
        false => town::reach_or_start(ctx).await?,
    };
    let verb = if until.is_some() { "snooze" } else { "wake" };
    let items: Vec<NeedsYou> = lists::all(&client, &lists::inbox(None)).await?;
    let items = about_one(items, subject)?;
    if dry_run {
        let acts: Vec<String> = items
            .iter()
            .map(|item| format!("{verb} the {} about {}", item.kind, item.subject))
            .collect();
        return Ok(would(ctx, &acts));
    }
    for item in &items {
        let command = Command::SnoozeDecision {
            kind: item.kind.clone(),
            subject: item.subject.clone(),
            until,
        };
        client
            .tell(command)
            .await
            .doing(|| format!("{verb} {}", item.subject))?;
    }
    tell_changed(ctx, &client, &items, until).await
}

async fn tell_changed(
    ctx: &Context,
    client: &Client,
    items: &[NeedsYou],
    until: Option<Timestamp>,
) -> Result<Exit, CliError> {
    if ctx.screen.is_json() {
        let mut now: Vec<NeedsYou> = lists::all(client, &lists::inbox(None)).await?;
        let is_one = |other: &NeedsYou| {
            let same = |item: &NeedsYou| item.kind == other.kind && item.subject == other.subject;
            items.iter().any(same)
        };
        now.retain(is_one);
        ctx.screen
            .document(&json!({"kind": "Inbox", "api": gtd_core::API, "items": now, "next": ""}));
        return Ok(Exit::Done);
    }
    for item in items {
        let subject = &item.subject;
        ctx.screen.line(match until {
            _ if ctx.screen.is_quiet() => subject.clone(),
            Some(until) => {
                let back = show::comes_back(gtd_core::Moment(until), clock::now());
                format!("{subject} is out of sight; it {back}, or when it is another matter")
            }
            None => format!("{subject} is seen again"),
        });
    }
    Ok(Exit::Done)
}

fn has_number(item: &NeedsYou, text: &str) -> bool {
    item.n.is_some_and(|n| n.to_string() == text)
}

fn about(items: Vec<NeedsYou>, subject: &str) -> Result<Vec<NeedsYou>, CliError> {
    let found: Vec<NeedsYou> = items
        .into_iter()
        .filter(|item| item.subject.starts_with(subject) || has_number(item, subject))
        .collect();
    if found.is_empty() {
        return Err(CliError::new(Kind::NotFound {
            kind: "decision about",
            name: subject.to_owned(),
        })
        .help("gtd inbox"));
    }
    Ok(found)
}

/// Finds the decisions about one subject: of this very name or number, or else of the only one
/// that begins so.
fn about_one(items: Vec<NeedsYou>, subject: &str) -> Result<Vec<NeedsYou>, CliError> {
    let items = about(items, subject)?;
    let is_exact = |item: &NeedsYou| item.subject == subject || has_number(item, subject);
    let (exact, begins): (Vec<NeedsYou>, Vec<NeedsYou>) = items.into_iter().partition(is_exact);
    let found = if exact.is_empty() { begins } else { exact };
    let subjects: BTreeSet<&String> = found.iter().map(|item| &item.subject).collect();
    if subjects.len() > 1 {
        return Err(Rejection::AmbiguousId {
            text: subject.to_owned(),
            candidates: subjects.into_iter().cloned().collect(),
        }
        .into());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(n: Option<u64>, subject: &str, kind: &str) -> NeedsYou {
        let document = json!({
            "n": n, "kind": kind, "subject": subject, "title": "", "text": "", "unblocks": 0,
            "since": "2026-01-01T00:00:00Z", "next": "",
        });
        serde_json::from_value(document).unwrap()
    }

    fn snoozed_by(subject: &str) -> String {
        let items = vec![
            waiting(Some(1), "repo-7k2m", "question"),
            waiting(Some(1), "repo-7k2m", "failure"),
            waiting(Some(12), "repo-7xq0", "plan"),
            waiting(None, "repo", "pause"),
        ];
        match about_one(items, subject) {
            Ok(items) => {
                let shown = items
                    .iter()
                    .map(|item| format!("{} {}", item.subject, item.kind));
                shown.collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.kind.to_string(),
        }
    }

    #[test]
    fn what_is_snoozed_is_about_one_subject() {
        assert_eq!(snoozed_by("1"), "repo-7k2m question, repo-7k2m failure");
        assert_eq!(
            snoozed_by("repo-7k"),
            "repo-7k2m question, repo-7k2m failure"
        );
        assert_eq!(snoozed_by("repo"), "repo pause");
        assert_eq!(snoozed_by("repo-"), "`repo-` matches 2 things");
        assert_eq!(snoozed_by("rep"), "`rep` matches 3 things");
        assert_eq!(snoozed_by(""), "`` matches 3 things");
    }
}
