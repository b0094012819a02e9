//! `gtd config explain`.

use serde_json::json;

use super::no_key;
use crate::{context::Context, error::CliError, exit::Exit, output::Ink, settings};

pub(super) fn run(ctx: &Context, key: &str) -> Result<Exit, CliError> {
    let config = settings::effective(ctx, ctx.rig()?.as_ref())?;
    let found = config.explain(key).map_err(|unknown| no_key(&unknown))?;
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "ConfigList", "api": gtd_core::API, "items": found, "next": ""}),
        );
        return Ok(Exit::Done);
    }
    for item in found {
        let name = ctx.screen.look.paint(Ink::Strong, &item.key);
        ctx.screen.line(format!("{name}  {item}"));
    }
    Ok(Exit::Done)
}
