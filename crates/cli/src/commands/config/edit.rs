//! `gtd config edit`.

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use super::file::{ConfigFile, Which};
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    settings,
};

/// Open a file in your editor; it is written only when it is right
///
/// The editor is ui.editor, then $VISUAL, then $EDITOR, then vi. A text with a mistake is kept
/// beside the file, and the next gtd config edit goes on with it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let file = ConfigFile::find(ctx, args.which, None)?;
    if !std::io::stdin().is_terminal() || ctx.no_input {
        return Err(CliError::usage("an editor needs a terminal")
            .help(format!("gtd config set KEY VALUE {}", file.flag())));
    }
    let draft = draft(ctx, &file.draft_name(), &file.text_or_begin())?;
    edit(ctx, &draft)?;
    let failed = |error| CliError::io(format!("read {}", draft.display()), error);
    let text = fs::read_to_string(&draft).map_err(failed)?;
    if file.text.as_deref() == Some(text.as_str())
        || (file.text.is_none() && text == file.text_or_begin())
    {
        drop(fs::remove_file(&draft));
        ctx.screen.say(format!("{} stays as it was", file.name));
        return Ok(Exit::Done);
    }
    file.check(ctx, &text).inspect_err(|_| {
        ctx.screen.insist(format!(
            "nothing was written; your text is kept: gtd config edit {} goes on with it",
            file.flag()
        ));
    })?;
    let was_trusted = file.is_trusted(ctx)?;
    file.write(&text)?;
    drop(fs::remove_file(&draft));
    let effect = file.put_into_effect(ctx, was_trusted, true).await?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "ConfigChange", "api": gtd_core::API,
            "file": file.path(), "changed": true, "effect": effect}));
    } else {
        ctx.screen
            .line(format!("wrote {} · {}", file.name, effect.text(file.kind)));
    }
    Ok(Exit::Done)
}

/// Returns the file in which a text is worked on: the one of the last time, when that was not right.
pub(crate) fn draft(ctx: &Context, name: &str, text: &str) -> Result<PathBuf, CliError> {
    let folder = ctx.places.state.join("drafts");
    let draft = folder.join(name);
    if draft.exists() {
        ctx.screen.say(format!("going on with {}", draft.display()));
        return Ok(draft);
    }
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&draft, text))
        .map_err(|error| CliError::io(format!("write {}", draft.display()), error))?;
    Ok(draft)
}

/// Opens a file in the editor that the person prefers, and waits for its end.
pub(crate) fn edit(ctx: &Context, path: &Path) -> Result<(), CliError> {
    let config = settings::effective(ctx, None);
    let configured = config
        .as_ref()
        .ok()
        .and_then(|config| config.get("ui.editor")?.0.as_str());
    let variable = |key: &str| std::env::var(key).ok();
    let editor = configured
        .map(str::to_owned)
        .into_iter()
        .chain(variable("VISUAL"))
        .chain(variable("EDITOR"))
        .find(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    ctx.screen.flush();
    // An editor may be a command with arguments, as git takes it.
    let ended = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(&editor)
        .arg(path)
        .status()
        .map_err(|error| CliError::io(format!("start {editor}"), error))?;
    if ended.success() {
        Ok(())
    } else {
        Err(CliError::new(Kind::State(format!(
            "the editor `{editor}` ended with a failure, and nothing was written"
        )))
        .help("set VISUAL to your editor, or: gtd config set ui.editor NAME"))
    }
}
