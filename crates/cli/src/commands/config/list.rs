//! `gtd config list`.

use serde_json::json;

use super::origin;
use crate::{
    context::Context,
    error::CliError,
    exit::Exit,
    output::{Cell, Ink, Table},
    settings,
};

pub(super) fn run(ctx: &Context, with_origin: bool) -> Result<Exit, CliError> {
    let config = settings::effective(ctx, ctx.rig()?.as_ref())?;
    for warning in config.warnings() {
        ctx.screen.warn(warning.to_string());
    }
    if ctx.screen.is_json() {
        let items: Vec<_> = config
            .list()
            .map(|(key, value, from)| json!({"key": key, "value": value, "origin": origin(Some(from))}))
            .collect();
        ctx.screen.document(
            &json!({"kind": "ConfigList", "api": gtd_core::API, "items": items, "next": ""}),
        );
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        for (key, ..) in config.list() {
            ctx.screen.line(key);
        }
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["KEY", "VALUE", "FROM"], &["VALUE"]);
    for (key, value, from) in config.list() {
        let from = if with_origin {
            from.to_string()
        } else {
            String::new()
        };
        table.row([
            Cell::from(key),
            Cell::from(value.to_string()),
            Cell::inked(from, Ink::Faint),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line.trim_end());
    }
    Ok(Exit::Done)
}
