//! `gtd role reset`.

use super::file::{RoleFile, Whose};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    settings,
};

/// Take a role file of yours away, so that the role is again what stands below it
///
/// The file is kept beside the others as NAME.toml.old, and its prompt stays.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The role
    #[arg(value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let file = RoleFile::find(ctx, &args.role, args.whose)?;
    let Some(text) = &file.text else {
        return Err(
            CliError::new(Kind::State(format!("there is no {}", file.name))).help(format!(
                "where the role comes from: gtd role show {}",
                file.role
            )),
        );
    };
    let mut old = file.path.as_os_str().to_owned();
    old.push(".old");
    let old = std::path::PathBuf::from(old);
    if !args.change.dry_run {
        crate::commands::config::file::write_whole(&old, text)?;
    }
    let act = format!("take {} away and keep it as {}", file.name, old.display());
    let quoted = |path: &std::path::Path| {
        let path = path.display().to_string();
        crate::commands::config::set::quoted(&gtd_core::config::Value::Text(path))
    };
    let undo = format!("mv {} {}", quoted(&old), quoted(&file.path));
    let ended = file.change(ctx, None, &act, &undo, &args.change).await;
    if ended.is_err() && settings::read(&old)?.as_deref() == Some(text) {
        drop(std::fs::remove_file(&old));
    }
    ended
}
