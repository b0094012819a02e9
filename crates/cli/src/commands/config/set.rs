//! `gtd config set`.

use gtd_core::config::{Value, value_of_words};
use serde_json::json;

use super::{
    file::{ConfigFile, Effect, Which, unchanged},
    no_key, text,
};
use crate::{
    args::Change,
    commands::would,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    settings,
};

/// Set a key in a file; its comments stay
///
/// Nothing is written unless all of the file is right then. Without a flag it is your own
/// config.toml, or gtd.toml for a key that belongs to one project. What you set in a project at
/// a terminal (or with --yes) is trusted, when the project was trusted before.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The key, such as roles.worker.max
    #[arg(value_name = "KEY")]
    key: String,
    /// What it is to be; several with commas between, or as TOML
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let key = known(ctx, &args.key)?;
    let value = value_of_words(key, &args.value).map_err(settings::wrong)?;
    let file = ConfigFile::find(ctx, args.which, Some(key))?;
    let made =
        text::with(&file.text_or_begin(), key, &value).map_err(|error| unchanged(&file, &error))?;
    let change = KeyChange {
        key: key.to_owned(),
        value: Some(value),
    };
    let plan = Plan {
        changes: vec![change],
        file: &file,
        made,
    };
    plan.carry_out(ctx, &args.change).await
}

/// Returns the key when there is one of that name.
pub(crate) fn known<'k>(ctx: &Context, key: &'k str) -> Result<&'k str, CliError> {
    let config = settings::effective(ctx, ctx.rig()?.as_ref())?;
    let found = config.explain(key).map_err(|unknown| no_key(&unknown))?;
    if found.iter().any(|item| item.key == key) {
        return Ok(key);
    }
    let below: Vec<&str> = found.iter().map(|item| item.key.as_str()).take(8).collect();
    Err(CliError::new(Kind::NoKey(key.to_owned()))
        .help(format!("it is a table; in it: {}", below.join(" "))))
}

/// One key with what it is to be; nothing when it is to go.
pub(crate) struct KeyChange {
    pub(crate) key: String,
    pub(crate) value: Option<Value>,
}

/// Changes of keys, and the text that they make of a file.
pub(crate) struct Plan<'p> {
    pub(crate) changes: Vec<KeyChange>,
    pub(crate) file: &'p ConfigFile,
    pub(crate) made: String,
}

/// What is said of one change.
#[derive(Debug, serde::Serialize)]
struct Said {
    key: String,
    value: Option<Value>,
    before: Option<Value>,
    /// What counts then: another layer may have the last word.
    in_effect: Option<Value>,
    undo: String,
    #[serde(skip)]
    origin: Option<String>,
}

impl Plan<'_> {
    /// Checks the whole, writes it, and says what came of it and how to take it back.
    pub(crate) async fn carry_out(self, ctx: &Context, change: &Change) -> Result<Exit, CliError> {
        let file = self.file;
        let config = file.check(ctx, &self.made)?;
        let before = file.layer();
        let said: Vec<Said> = self
            .changes
            .into_iter()
            .map(|change| {
                let old = before
                    .as_ref()
                    .and_then(|layer| layer.value(&change.key).cloned());
                let (key, flag) = (&change.key, file.flag());
                let undo = match &old {
                    Some(value) => format!("gtd config set {key} {} {flag}", quoted(value)),
                    None => format!("gtd config unset {key} {flag}"),
                };
                let in_effect = config.get(key);
                Said {
                    in_effect: in_effect.map(|(value, _)| value.clone()),
                    origin: in_effect.map(|(_, origin)| origin.to_string()),
                    before: old,
                    undo,
                    key: change.key,
                    value: change.value,
                }
            })
            .collect();
        if change.dry_run {
            let acts: Vec<String> = said.iter().map(|said| said.act(&file.name)).collect();
            return Ok(would(ctx, &acts));
        }
        let is_same = file.text.as_deref() == Some(self.made.as_str());
        let was_trusted = file.is_trusted(ctx)?;
        let effect = if is_same {
            Effect::Holds
        } else {
            file.write(&self.made)?;
            let is_trusting = change.yes || ctx.screen.look.terminal_err;
            file.put_into_effect(ctx, was_trusted, is_trusting).await?
        };
        if ctx.screen.is_json() {
            ctx.screen
                .document(&json!({"kind": "ConfigChange", "api": gtd_core::API,
                "file": file.path(), "changed": !is_same, "effect": effect, "keys": said}));
            return Ok(Exit::Done);
        }
        for said in &said {
            if ctx.screen.is_quiet() {
                ctx.screen.line(&said.key);
                continue;
            }
            let what = said.text();
            ctx.screen.line(if is_same {
                format!("{what}   {} says so already", file.name)
            } else {
                format!("{what}   {} · {}", file.name, effect.text(file.kind))
            });
            if let (Some(origin), true) = (&said.origin, said.is_hidden()) {
                let counts = said.in_effect.as_ref().map(ToString::to_string);
                let counts = counts.unwrap_or_default();
                ctx.screen
                    .warn(format!("{origin} says {counts}, and that counts here"));
            }
        }
        let mut next: Vec<String> = Vec::new();
        if effect == Effect::NeedsTrust {
            next.push("gtd trust".to_owned());
        }
        if !is_same {
            next.extend(said.iter().map(|said| format!("undo: {}", said.undo)));
        }
        ctx.screen.next(&next);
        Ok(Exit::Done)
    }
}

impl Said {
    fn act(&self, file: &str) -> String {
        let was = match &self.before {
            Some(value) => format!(", which is {value}"),
            None => String::new(),
        };
        match &self.value {
            Some(value) => format!("set {} = {value} in {file}{was}", self.key),
            None => format!("unset {} in {file}{was}", self.key),
        }
    }

    fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("{} = {value}", self.key),
            None => format!("{} is not set any more", self.key),
        }
    }

    fn is_hidden(&self) -> bool {
        self.value.is_some() && self.in_effect != self.value
    }
}

/// Writes a value as a word of the command line.
pub(crate) fn quoted(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.clone(),
        value => value.to_string(),
    };
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c));
    if is_plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
