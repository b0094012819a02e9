//! `gtd role render`.

use gtd_wire::pb::town::v1::RenderRoleRequest;
use serde_json::Value;

use crate::{
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// Show what an agent of a role would be told about a bead, word for word
///
/// The prompt stands on standard output. How large it is, and which file it comes from, is said
/// beside it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The role
    #[arg(value_name = "ROLE")]
    role: String,
    /// The bead
    #[arg(long, value_name = "ID")]
    bead: String,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let bead = town::find(&client, &args.bead).await?.bead()?;
    let document: Value = client
        .read(RenderRoleRequest {
            role: args.role.clone(),
            bead: bead.to_string(),
            ..RenderRoleRequest::default()
        })
        .await
        .doing(|| format!("render the prompt of {}", args.role))?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let text = |key: &str| document[key].as_str().unwrap_or_default();
    ctx.screen.line(text("text").trim_end());
    ctx.screen.say(format!(
        "about {} tokens of {} at most, from {} ({})",
        document["tokens"],
        document["max_tokens"],
        text("file"),
        text("layer"),
    ));
    Ok(Exit::Done)
}
