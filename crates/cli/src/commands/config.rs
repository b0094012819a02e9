//! `gtd config`: the configuration and the folders. Works without a daemon.

use gtd_core::config::Origin;
use serde_json::json;

use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    output::{Cell, Ink, Table},
    settings,
};

/// The configuration and the folders
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Where everything of this town is
    Path {
        /// Only this one, such as `socket` or `logs`
        name: Option<String>,
    },
    /// What a key is
    Get {
        /// The key, such as roles.worker.max
        key: String,
        /// Say where it comes from
        #[arg(long)]
        origin: bool,
    },
    /// Every key that is set
    List {
        /// Say where each comes from
        #[arg(long)]
        origin: bool,
    },
    /// What a key is for, or all keys of a table
    Explain {
        /// A key or a table; without one, all keys
        key: Option<String>,
    },
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Path { name } => path(ctx, name.as_deref()),
        Verb::Get { key, origin } => get(ctx, &key, origin),
        Verb::List { origin } => list(ctx, origin),
        Verb::Explain { key } => explain(ctx, key.as_deref().unwrap_or_default()),
    }
}

fn path(ctx: &Context, name: Option<&str>) -> Result<Exit, CliError> {
    let document = ctx.places.to_json();
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let paths = document.as_object().into_iter().flatten();
    let paths: Vec<(&String, &str)> = paths
        .filter(|(key, _)| !matches!(key.as_str(), "kind" | "api"))
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .collect();
    match name {
        None => {
            for (key, value) in paths {
                ctx.screen.line(format!("{key:<10} {value}"));
            }
        }
        Some(name) => {
            let found = paths.iter().find(|(key, _)| key.as_str() == name);
            let Some((_, value)) = found else {
                let all: Vec<&str> = paths.iter().map(|(key, _)| key.as_str()).collect();
                return Err(CliError::new(Kind::NotFound {
                    kind: "path",
                    name: name.to_owned(),
                })
                .help(format!("paths: {}", all.join(" "))));
            };
            ctx.screen.line(value);
        }
    }
    Ok(Exit::Done)
}

fn get(ctx: &Context, key: &str, with_origin: bool) -> Result<Exit, CliError> {
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

fn list(ctx: &Context, with_origin: bool) -> Result<Exit, CliError> {
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

fn explain(ctx: &Context, key: &str) -> Result<Exit, CliError> {
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

fn origin(from: Option<&Origin>) -> Option<String> {
    from.map(ToString::to_string)
}

fn no_key(unknown: &gtd_core::config::UnknownKey) -> CliError {
    let all = "all keys: gtd config explain";
    CliError::new(Kind::NoKey(unknown.key.clone())).help(match &unknown.similar {
        Some(near) => format!("did you mean `{near}`?   {all}"),
        None => all.to_owned(),
    })
}
