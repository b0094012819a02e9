//! `gtd rig set`.

use gtd_core::config::value_of_words;

use crate::{
    args::Change,
    commands::config::{file::ConfigFile, set, text},
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    settings,
};

/// Set keys in gtd.toml of the rig; its comments stay
///
/// A name without a dot is one of the rig table: branch=trunk is rig.branch. Nothing is written
/// unless all of the file is right then. What you set at a terminal (or with --yes) is trusted,
/// when the rig was trusted before.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is to be, such as branch=trunk or merge.batch=2
    #[arg(value_name = "KEY=VALUE", required = true)]
    settings: Vec<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    ctx.need_rig()?;
    let file = ConfigFile::of_project(ctx)?;
    let mut made = file.text_or_begin();
    let mut changes = Vec::new();
    for setting in &args.settings {
        let Some((key, words)) = setting.split_once('=') else {
            return Err(CliError::usage(format!("`{setting}` has no `=`"))
                .help("gtd rig set branch=trunk merge.batch=2"));
        };
        let key = if key.contains('.') {
            key.to_owned()
        } else {
            format!("rig.{key}")
        };
        set::known(ctx, &key)?;
        let value = value_of_words(&key, words).map_err(settings::wrong)?;
        made = text::with(&made, &key, &value)
            .map_err(|error| CliError::new(Kind::State(format!("{}: {error}", file.name))))?;
        changes.push(set::KeyChange {
            key,
            value: Some(value),
        });
    }
    set::Plan {
        changes,
        file: &file,
        made,
    }
    .carry_out(ctx, &args.change)
    .await
}
