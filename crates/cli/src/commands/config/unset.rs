//! `gtd config unset`.

use super::{
    file::{ConfigFile, Which, unchanged},
    set::{KeyChange, Plan, known},
    text,
};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    settings,
};

/// Take a key out of a file, so that a lower layer or the default holds
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The key, such as roles.worker.max
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let key = known(ctx, &args.key)?;
    let file = ConfigFile::find(ctx, args.which, Some(key))?;
    let made = text::without(file.text.as_deref().unwrap_or_default(), key)
        .map_err(|error| unchanged(&file, &error))?;
    let Some(made) = made else {
        let config = settings::effective(ctx, ctx.rig()?.as_ref())?;
        let set_at = config
            .get(key)
            .map_or("it is set nowhere".to_owned(), |(_, origin)| {
                format!("it is set at {origin}")
            });
        return Err(
            CliError::new(Kind::State(format!("{} does not set {key}", file.name))).help(set_at),
        );
    };
    let change = KeyChange {
        key: key.to_owned(),
        value: None,
    };
    let plan = Plan {
        changes: vec![change],
        file: &file,
        made,
    };
    plan.carry_out(ctx, &args.change).await
}
