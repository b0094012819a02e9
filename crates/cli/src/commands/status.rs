//! `gtd status`: does it need me, what is done, is it healthy.

use std::time::Duration;

use gtd_client::Client;
use gtd_core::{AgentDoc, BeadDoc, ConvoyDoc, StatusDoc};
use serde_json::{Value, json};

use super::recent::{self, About, Recent};
use crate::{
    clock,
    context::Context,
    error::CliError,
    exit::Exit,
    follow,
    output::span,
    settings, show,
    town::{self, DocumentKind, Found},
};

/// Does it need me, what is done, is it healthy
///
/// In a rig: that rig. Elsewhere, or with --all-rigs: the whole town. With an
/// id: that goal, bead or agent, ending in what happened last.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// A goal or a bead, or the beginning of its id
    id: Option<String>,
    /// The whole town, also in a rig
    #[arg(long)]
    all_rigs: bool,
    /// Exit 0 when all is done, 4 when you are needed, 5 when something failed, 8 while it works
    #[arg(long)]
    exit_code: bool,
    /// Show it again and again
    #[arg(long, value_name = "DUR", num_args = 0..=1, require_equals = true,
        default_missing_value = "2s", value_parser = clock::duration)]
    watch: Option<Duration>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let Some(every) = args.watch else {
        return once(ctx, &client, &args).await;
    };
    ctx.screen.never_paged();
    loop {
        if ctx.screen.look.terminal && !ctx.screen.is_json() {
            // Home, and erase what is below.
            ctx.screen.write(b"\x1b[H\x1b[2J");
        }
        once(ctx, &client, &args).await?;
        ctx.screen.flush();
        tokio::select! {
            () = tokio::time::sleep(every.max(Duration::from_millis(100))) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
        }
    }
}

async fn once(ctx: &Context, client: &Client, args: &Args) -> Result<Exit, CliError> {
    if let Some(id) = &args.id {
        let found = town::find(client, id).await?;
        crate::last::remember(&found.id);
        card(ctx, client, &found).await?;
        let exit = follow::exit_of(&found.document).unwrap_or(Exit::StillGoing);
        return Ok(if args.exit_code { exit } else { Exit::Done });
    }
    let rig = if args.all_rigs { None } else { ctx.rig()? };
    let mut document = client.status_of(rig.as_ref()).await?;
    let status: StatusDoc = town::read(&document)?;
    let trusted = match &rig {
        Some(rig) => settings::is_trusted(ctx, rig).unwrap_or(false),
        None => true,
    };
    if rig.is_some() {
        document["trusted"] = json!(trusted);
    }
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else if ctx.screen.is_quiet() {
        for row in &status.convoys {
            ctx.screen.line(row.id.as_str());
        }
    } else {
        let up = document
            .pointer("/daemon/uptime_s")
            .and_then(Value::as_u64)
            .map(|seconds| format!(" · up {}", span(Duration::from_secs(seconds))));
        let rig = rig.map(|rig| format!("{rig} · ")).unwrap_or_default();
        let title = format!("{rig}town {}{}", ctx.places.town, up.unwrap_or_default());
        for line in show::status(&status, &title, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
        if let Some(problem) = document.pointer("/daemon/backups").and_then(Value::as_str) {
            ctx.screen.warn(format!("{problem}: gtd backup schedule"));
        }
        if !trusted {
            ctx.screen.warn(
                "the configuration changed since it was trusted, and no new goal begins: gtd trust",
            );
        }
    }
    Ok(if args.exit_code {
        exit_of(&status)
    } else {
        Exit::Done
    })
}

/// Prints the page of a goal or bead as it is.
pub(crate) fn page(ctx: &Context, found: &Found) -> Result<(), CliError> {
    if ctx.screen.is_json() {
        ctx.screen.document(&found.document);
        return Ok(());
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(&found.id);
        return Ok(());
    }
    let (now, look) = (clock::now(), ctx.screen.look);
    let lines = match found.kind {
        DocumentKind::Convoy => show::convoy(&town::read(&found.document)?, now, look),
        DocumentKind::Bead => show::bead(&town::read(&found.document)?, now, look),
        DocumentKind::Other => vec![format!("{:#}", found.document)],
    };
    for line in lines {
        ctx.screen.line(line);
    }
    Ok(())
}

/// Prints the card of one goal, bead or other thing, with what happened last.
pub(crate) async fn card(ctx: &Context, client: &Client, found: &Found) -> Result<(), CliError> {
    if ctx.screen.is_quiet() && !ctx.screen.is_json() {
        ctx.screen.line(&found.id);
        return Ok(());
    }
    let (now, look) = (clock::now(), ctx.screen.look);
    let id = &found.id;
    let (lines, about, changed, next) = match found.kind {
        DocumentKind::Convoy => {
            let convoy: ConvoyDoc = town::read(&found.document)?;
            let beads = convoy.beads.iter().map(|bead| bead.id.clone());
            let about = About::Beads(beads.chain([found.bead()?]).collect());
            let next = ["why", "timeline", "report"].map(|verb| format!("gtd {verb} {id}"));
            let lines = show::convoy(&convoy, now, look);
            (lines, Some(about), None, next.to_vec())
        }
        DocumentKind::Bead => {
            let bead: BeadDoc = town::read(&found.document)?;
            let mut next = vec![format!("gtd why {id}")];
            if !bead.attempts.is_empty() {
                next.extend([format!("gtd review {id}"), format!("gtd logs {id}")]);
            }
            let about = About::one(bead.id.clone());
            let lines = show::bead(&bead, now, look);
            (lines, Some(about), Some(bead.updated_at), next)
        }
        DocumentKind::Other => (other(ctx, client, found).await?, None, None, Vec::new()),
    };
    let recent = match &about {
        Some(about) => recent::find(client, about, changed).await?,
        None => Recent::default(),
    };
    if ctx.screen.is_json() {
        let mut document = found.document.clone();
        if about.is_some() {
            recent.add_to(&mut document);
        }
        ctx.screen.document(&document);
        return Ok(());
    }
    for line in lines {
        ctx.screen.line(line);
    }
    recent.print(ctx, &next);
    Ok(())
}

/// Shows what is neither a goal nor a bead: an agent by its own page, the rest as it is.
async fn other(ctx: &Context, client: &Client, found: &Found) -> Result<Vec<String>, CliError> {
    let Ok(agent) = town::read::<AgentDoc>(&found.document) else {
        return Ok(vec![format!("{:#}", found.document)]);
    };
    let bead: Option<BeadDoc> = match &agent.bead {
        Some(bead) => Some(town::read(&client.get(bead.as_str()).await?)?),
        None => None,
    };
    let seen = show::AgentSeen {
        agent: &agent,
        bead: bead.as_ref(),
        folder: None,
        pid: None,
    };
    Ok(show::agent(&seen, clock::now(), ctx.screen.look))
}

fn exit_of(status: &StatusDoc) -> Exit {
    let working = status.counts.values().sum::<usize>() > 0
        || status.agents.iter().any(|agent| agent.bead.is_some())
        || status
            .convoys
            .iter()
            .any(|row| row.done + row.failed < row.total);
    if !status.needs_you.is_empty() {
        Exit::NeedsYou
    } else if working {
        Exit::StillGoing
    } else if status.convoys.first().is_some_and(|row| row.failed > 0) {
        Exit::WorkFailed
    } else {
        Exit::Done
    }
}
