//! `gtd rig add`.

use std::path::PathBuf;

use gtd_client::WriteContext;
use gtd_core::RigName;

use super::would;
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};

/// Make a repository a rig as it is
///
/// Nothing is written into the repository, and what its configuration says is trusted as it is
/// now. gtd init does this too, and writes a gtd.toml with the gates that it finds.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of the repository
    path: PathBuf,
    /// Its name; by default that of gtd.toml or of the folder
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let name = args.name.as_deref().map(RigName::parse).transpose();
    let name = name.map_err(|error| CliError::usage(error.to_string()))?;
    let given = ctx.path(&args.path);
    let act = || format!("add {}", args.path.display());
    let folder = std::fs::canonicalize(&given).map_err(|error| CliError::given(act(), error))?;
    if args.change.dry_run {
        let act = format!(
            "make {} a rig and trust its configuration",
            folder.display()
        );
        return Ok(would(ctx, &[act]));
    }
    let client = town::reach_for(ctx, &args.change).await?;
    let added = client
        .add_rig(&folder, name.as_ref(), WriteContext::default())
        .await
        .doing(act)?;
    let name = added.document["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if ctx.screen.is_json() {
        ctx.screen.document(&added.document);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(&name);
    } else {
        ctx.screen.line(format!(
            "{name}  {} is a rig of this town",
            folder.display()
        ));
    }
    ctx.screen.next(&[format!("gtd rig show {name}")]);
    Ok(Exit::Done)
}
