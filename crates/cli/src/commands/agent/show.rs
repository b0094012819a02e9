//! `gtd agent show`.

use gtd_core::BeadDoc;
use gtd_wire::pb::run::v1::ListRequest;
use serde_json::{Value, json};

use super::{Whose, find, worktree};
use crate::{
    clock,
    commands::recent::{self, About, Recent},
    context::Context,
    error::CliError,
    exit::Exit,
    show, town,
};

/// Show one agent: what it holds, where it works, how to look on
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent, or the bead that it holds
    #[arg(value_name = "AGENT")]
    agent: String,
}

pub(super) async fn run(ctx: &Context, args: Args, whose: Whose) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let agent = find(&client, &args.agent, whose).await?;
    let folder = worktree(ctx, &agent);
    let bead: Option<BeadDoc> = match &agent.bead {
        Some(bead) => Some(town::read(&client.get(bead.as_str()).await?)?),
        None => None,
    };
    let pid = match &agent.bead {
        Some(bead) => {
            let request = ListRequest {
                bead: bead.to_string(),
                live_only: true,
                ..ListRequest::default()
            };
            let runs = client.runs(request).await?;
            runs.pointer("/items/0/pid").and_then(Value::as_i64)
        }
        None => None,
    };
    let recent = match &bead {
        Some(bead) => {
            let about = About::one(bead.id.clone());
            recent::find(&client, &about, Some(bead.updated_at)).await?
        }
        None => Recent::default(),
    };
    let branch = bead.as_ref().and_then(|bead| bead.branch.clone());
    if ctx.screen.is_json() {
        let mut document = serde_json::to_value(&agent).unwrap_or_default();
        document["kind"] = json!("Agent");
        document["api"] = json!(gtd_core::API);
        document["worktree"] = json!(folder);
        document["branch"] = json!(branch);
        document["pid"] = json!(pid);
        recent.add_to(&mut document);
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(&agent.name);
        return Ok(Exit::Done);
    }
    let seen = show::AgentSeen {
        agent: &agent,
        bead: bead.as_ref(),
        folder: folder.as_deref(),
        pid,
    };
    for line in show::agent(&seen, clock::now(), ctx.screen.look) {
        ctx.screen.line(line);
    }
    recent.print(ctx, &[]);
    Ok(Exit::Done)
}
