//! `gtd config get`.

use gtd_core::config::Origin;
use serde_json::json;

use super::{no_key, origin};
use crate::{context::Context, error::CliError, exit::Exit, settings};

pub(super) fn run(ctx: &Context, key: &str, with_origin: bool) -> Result<Exit, CliError> {
    let config = settings::effective(ctx, ctx.rig()?.as_ref())?;
    let found = config.explain(key).map_err(|unknown| no_key(&unknown))?;
    let exact = found.iter().find(|item| item.key == key);
    if ctx.screen.is_json() {
        ctx.screen.document(&match exact {
            Some(item) => json!({"kind": "ConfigValue", "api": gtd_core::API, "key": key,
                "value": item.value, "default": item.default, "origin": origin(item.origin.as_ref()),
                "works": item.works}),
            None => json!({"kind": "ConfigList", "api": gtd_core::API, "items": found, "next": ""}),
        });
        return Ok(Exit::Done);
    }
    let is_one = exact.is_some();
    for item in found.iter().filter(|item| !is_one || item.key == key) {
        let Some(value) = &item.value else {
            if is_one {
                ctx.screen.say(format!("{key} is not set"));
            }
            continue;
        };
        let value = match value.as_str() {
            Some(text) if is_one => text.to_owned(),
            _ => value.to_string(),
        };
        let name = if is_one {
            String::new()
        } else {
            format!("{} = ", item.key)
        };
        let from = match (&item.origin, &item.default) {
            _ if !with_origin => String::new(),
            (Some(from), Some(default)) if *from != Origin::Default => {
                format!("   {from}   (default {default})")
            }
            (Some(from), _) => format!("   {from}"),
            (None, _) => String::new(),
        };
        ctx.screen.line(format!("{name}{value}{from}"));
    }
    Ok(Exit::Done)
}
