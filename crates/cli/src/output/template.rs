//! `--template`: a text of minijinja over each document.

use gtd_core::{Diagnostic, Moment, Timestamp};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, value::Serde};
use serde_json::Value;

use super::times::ago;
use crate::clock;

/// What a mistake names as its place.
const FLAG: &str = "--template";

/// A template that was read and holds together.
pub(crate) struct Template {
    text: String,
    env: Environment<'static>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// With the place of what is wrong in it.
    pub(crate) fn read(text: &str) -> Result<Self, Diagnostic> {
        let mut env = Environment::new();
        env.set_debug(true);
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| AutoEscape::None);
        env.add_filter("tojson", to_json);
        env.add_filter("ago", time_ago);
        env.template_from_named_str(FLAG, text)
            .map_err(|error| wrong(text, &error))?;
        Ok(Self {
            text: text.to_owned(),
            env,
        })
    }

    /// Renders a document.
    ///
    /// # Errors
    /// When it has not what the template wants.
    pub(crate) fn of(&self, document: &Value) -> Result<String, Diagnostic> {
        self.env
            .template_from_named_str(FLAG, &self.text)
            .and_then(|template| template.render(Serde(document)))
            .map_err(|error| {
                let mistake = wrong(&self.text, &error);
                let fields: Vec<&str> = document
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.as_str())
                    .collect();
                if error.kind() == ErrorKind::UndefinedError {
                    mistake.with_help(&format!("the document has: {}", fields.join(" ")))
                } else {
                    mistake
                }
            })
    }
}

fn wrong(text: &str, error: &Error) -> Diagnostic {
    let message = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    let span = error
        .range()
        .unwrap_or_else(|| line(text, error.line().unwrap_or(1)));
    Diagnostic::at(FLAG, text, span, &message)
}

/// Finds a line, from 1.
fn line(text: &str, number: usize) -> std::ops::Range<usize> {
    let mut start = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if at + 1 == number {
            return start..start + line.trim_end().len();
        }
        start += line.len();
    }
    text.len()..text.len()
}

fn to_json(value: minijinja::Value) -> Result<String, Error> {
    serde_json::to_string(&value).map_err(|error| {
        Error::new(ErrorKind::BadSerialization, "it has no form in JSON").with_source(error)
    })
}

fn time_ago(moment: &str) -> Result<String, Error> {
    let moment: jiff::Timestamp = moment.parse().map_err(|_| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("`{moment}` is no moment"),
        )
    })?;
    Ok(ago(
        Moment(Timestamp(moment.as_millisecond())),
        clock::now(),
    ))
}
