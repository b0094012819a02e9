//! From events and spans to lines.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use gtd_core::{Moment, RoleName, Timestamp};
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::file::LogFile;

/// The field of a span that names the role at work.
const ROLE: &str = "role";

/// Starts logging into a folder; what belongs to no role goes to the log `process`.
///
/// `GTD_LOG` sets the level: off, error, warn, info, debug or trace.
pub(crate) fn start(folder: &Path, process: &str) {
    let level = std::env::var("GTD_LOG")
        .ok()
        .and_then(|word| word.trim().parse::<LevelFilter>().ok())
        .unwrap_or(LevelFilter::INFO);
    let layer = ToFiles {
        folder: folder.to_owned(),
        process: process.to_owned(),
        level,
        files: Mutex::default(),
    };
    // A second start in one process keeps the first: only tests could do that.
    let _first_stays = tracing_subscriber::registry().with(layer).try_init();
}

/// Routes events to files.
struct ToFiles {
    folder: PathBuf,
    process: String,
    level: LevelFilter,
    files: Mutex<HashMap<String, LogFile>>,
}

/// What a span says about everything inside it.
struct Said(Map<String, Value>);

impl<S> Layer<S> for ToFiles
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        // Other people's crates only speak up when something is wrong.
        let limit = if metadata.target().starts_with("gtd") || metadata.is_span() {
            self.level
        } else {
            self.level.min(LevelFilter::WARN)
        };
        *metadata.level() <= limit
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Said(fields.0));
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(said) = span.extensions_mut().get_mut::<Said>()
        {
            said.0.extend(fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut data = Map::new();
        let mut spans = String::new();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(said) = span.extensions().get::<Said>() {
                for (key, value) in &said.0 {
                    data.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            let gap = if spans.is_empty() { "" } else { " < " };
            // Writing to a string does not fail.
            let _fine = write!(spans, "{gap}{}", span.name());
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let text = match fields.0.remove("message") {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        data.extend(fields.0);
        let role = data
            .get(ROLE)
            .and_then(Value::as_str)
            .filter(|role| RoleName::parse(role).is_ok())
            .map(str::to_owned);
        let metadata = event.metadata();
        if *metadata.level() <= Level::WARN {
            echo(*metadata.level(), &text, &data);
        }
        let name = role.clone().unwrap_or_else(|| self.process.clone());
        let line = |seq: u64| {
            let rest = serde_json::json!({
                "kind": "LogLine",
                "at": Moment(now()),
                "level": metadata.level().as_str().to_ascii_lowercase(),
                "role": role,
                "target": metadata.target(),
                "span": spans,
                "text": text,
                "data": data,
            });
            let rest = rest.to_string();
            format!(r#"{{"seq":{seq},{}"#, &rest[1..])
        };
        if let Err(error) = self.write(&name, line) {
            let _nobody = writeln!(
                io::stderr(),
                "gtdd: cannot write the log of {name}: {error}"
            );
        }
    }
}

impl ToFiles {
    fn write(&self, name: &str, line: impl FnOnce(u64) -> String) -> io::Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match files.entry(name.to_owned()) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(LogFile::open(&self.folder, name)?)
            }
        };
        file.write(line)
    }
}

/// Tells whoever watches the terminal what needs attention.
fn echo(level: Level, text: &str, data: &Map<String, Value>) {
    let data: Vec<String> = data
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let gap = if data.is_empty() { "" } else { "  " };
    let level = level.as_str().to_ascii_lowercase();
    // A closed terminal is no reason to fail.
    let _nobody = writeln!(io::stderr(), "gtdd: {level}: {text}{gap}{}", data.join(" "));
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Collects the fields of a span or an event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, crate::ledger::chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_to_the_log_of_the_role_whose_span_surrounds_it() {
        let folder = tempfile::tempdir().unwrap();
        let layer = ToFiles {
            folder: folder.path().to_owned(),
            process: "daemon".to_owned(),
            level: LevelFilter::INFO,
            files: Mutex::default(),
        };
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "gtd_test", bead = "gt-1", "before");
            let pass =
                tracing::info_span!(target: "gtd_test", "pass", role = "refinery", revision = 7);
            pass.in_scope(|| {
                tracing::debug!(target: "gtd_test", "not shown");
                tracing::info!(target: "gtd_test", candidate = %"mr-1", "landed");
            });
            tracing::info!(target: "h2::codec", "not ours");
        });
        let read = |name: &str| {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            text.lines()
                .map(|line| {
                    let mut value: Value = serde_json::from_str(line).unwrap();
                    assert!(value["at"].is_string());
                    value.as_object_mut().unwrap().remove("at");
                    value.to_string()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(
            read("daemon.log"),
            [
                r#"{"data":{"bead":"gt-1"},"kind":"LogLine","level":"info","role":null,"seq":1,"span":"","target":"gtd_test","text":"before"}"#
            ]
        );
        assert_eq!(
            read("refinery.log"),
            [
                r#"{"data":{"candidate":"mr-1","revision":7,"role":"refinery"},"kind":"LogLine","level":"info","role":"refinery","seq":1,"span":"pass","target":"gtd_test","text":"landed"}"#
            ]
        );
    }
}
