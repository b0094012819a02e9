//! The layers that are words: environment variables and `--set key=value`.

use toml::de::DeValue;

use super::{
    check::{check, is_plain_name, is_variable, wanted},
    explain::suggest,
    find::{Found, NameKind, children, find, name_kind},
    key::{Key, Kind},
    layer::{Layer, LayerKind, Origin, Setting},
    value::{Value, toml_string},
};
use crate::{
    diagnostic::Diagnostic,
    toml_text::{TomlText, quoted},
};

/// Reads the environment: variables that begin with `GTD_` and hold `__`.
///
/// `GTD_ROLES__WORKER__ATTEMPTS=1` is `roles.worker.attempts`. A single `_` in a
/// name of one's own stands for `-`. Lists are TOML, or words with commas between.
///
/// # Errors
/// When such a variable is not a key, or its value is not what the key takes; the variable is named.
pub fn layer_from_env(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Layer, Diagnostic> {
    let mut layer = Layer::empty(LayerKind::Environment);
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix("GTD_") else {
            continue;
        };
        if !variable.contains("__") {
            continue;
        }
        let path = path_of_variable(name);
        let origin = Origin::Environment {
            variable: variable.clone(),
        };
        set(&mut layer, &variable, &path, &text, origin)?;
    }
    Ok(layer)
}

/// Reads the `key=value` words of `--set`; the last of a key wins.
///
/// # Errors
/// When a word has no `=`, its key is not known, or its value is not what the key takes.
pub fn layer_from_flags<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Layer, Diagnostic> {
    let mut layer = Layer::empty(LayerKind::Flags);
    for word in words {
        let Some((key, text)) = word.split_once('=') else {
            return Err(
                Diagnostic::without_line("--set", &format!("{} has no `=`", quoted(word)))
                    .with_help("write it as --set merge.batch=2"),
            );
        };
        let path: Vec<String> = key.trim().split('.').map(str::to_owned).collect();
        let file = format!("--set {}", quoted(key.trim()).trim_matches('`'));
        set(&mut layer, &file, &path, text.trim(), Origin::Flag)?;
    }
    Ok(layer)
}

/// Reads the value of one key from words, as `gtd config set` takes it.
///
/// # Errors
/// When there is no such key, or it does not take this value; the key is named.
pub fn value_of_words(key: &str, text: &str) -> Result<Value, Diagnostic> {
    let mut layer = Layer::empty(LayerKind::Flags);
    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
    set(&mut layer, key, &path, text, Origin::Flag)?;
    let (_, setting) = layer
        .settings
        .pop_first()
        .expect("a layer of flags takes every key");
    Ok(setting.value)
}

fn set(
    layer: &mut Layer,
    file: &str,
    path: &[String],
    text: &str,
    origin: Origin,
) -> Result<(), Diagnostic> {
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    let joined = path.join(".");
    let key = match find(&segments) {
        Found::Leaf(key) if names_are_fine(&segments) => key,
        Found::Table => {
            return Err(Diagnostic::without_line(
                file,
                &format!("{} is a table, not a key", quoted(&joined)),
            )
            .with_help(&format!("its keys: gtd config explain {joined}")));
        }
        _ => {
            let all = "all keys: gtd config explain";
            return Err(Diagnostic::without_line(
                file,
                &format!("there is no key {}", quoted(&joined)),
            )
            .with_help(&match suggest(&joined) {
                Some(near) => format!("did you mean `{near}`?   {all}"),
                None => all.to_owned(),
            }));
        }
    };
    let toml = as_toml(key, text);
    let source = TomlText { file, text: &toml };
    let without_line = |mistake: Diagnostic| {
        let plain = Diagnostic::without_line(file, &mistake.message);
        match mistake.help {
            Some(help) => plain.with_help(&help),
            None => plain,
        }
    };
    let value = DeValue::parse(&toml)
        .map_err(|error| match key.kind {
            Kind::Bool | Kind::Integer(..) | Kind::Number(..) => Diagnostic::without_line(
                file,
                &format!("`{joined}` does not take {}", quoted(text)),
            )
            .with_help(&format!("`{joined}` is {}", wanted(key.kind))),
            _ => Diagnostic::without_line(
                file,
                &format!("{} is not a value: {}", quoted(text), error.message()),
            ),
        })
        .and_then(|value| check(&source, &joined, key.kind, &value).map_err(without_line))?;
    let setting = Setting {
        value,
        origin,
        place: Diagnostic::without_line(file, ""),
        key,
    };
    layer.set(joined, setting)
}

/// Writes the text of a word as TOML, by what the key takes.
fn as_toml(key: &Key, text: &str) -> String {
    let text = text.trim();
    match key.kind {
        Kind::Bool
        | Kind::Integer(..)
        | Kind::Number(..)
        | Kind::Environment
        | Kind::Secret
        | Kind::Rows(_) => text.to_owned(),
        Kind::Texts | Kind::Words(_) | Kind::Integers(..) | Kind::TextOrTexts
            if text.starts_with('[') =>
        {
            text.to_owned()
        }
        Kind::Texts | Kind::Words(_) => list(text, toml_string),
        Kind::Integers(..) => list(text, str::to_owned),
        _ => toml_string(text),
    }
}

fn list(text: &str, write: impl Fn(&str) -> String) -> String {
    let items: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(write)
        .collect();
    format!("[{}]", items.join(", "))
}

fn path_of_variable(name: &str) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    for part in name.split("__") {
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let lower = part.to_lowercase();
        let (words, is_open) = children(&segments);
        let segment = if words.contains(&lower.as_str()) || !is_open {
            lower
        } else {
            match name_kind(&segments) {
                NameKind::Plain => lower.replace('_', "-"),
                NameKind::Variable => part.to_owned(),
            }
        };
        path.push(segment);
    }
    path
}

fn names_are_fine(segments: &[&str]) -> bool {
    (0..segments.len()).all(|at| {
        let (before, word) = (&segments[..at], segments[at]);
        children(before).0.contains(&word)
            || match name_kind(before) {
                NameKind::Plain => is_plain_name(word),
                NameKind::Variable => is_variable(word),
            }
    })
}
