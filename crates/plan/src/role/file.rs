//! From the text of one role file to what it says, each with its place.
//!
//! It holds only what is written: what is inherited comes later.

use std::{collections::BTreeMap, ops::Range};

use gtd_core::{Diagnostic, RoleName};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::words::{Instances, Network, RoleKind, Sandbox, Session};

const SCHEMA: i64 = 1;
const LONGEST_FILE: usize = 128 << 10;

/// A role file as it is written.
#[derive(Debug)]
pub(super) struct RoleFile {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) name: RoleName,
    pub(super) says: Sections,
    spans: BTreeMap<String, Range<usize>>,
}

/// What a role file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sections {
    schema: Option<i64>,
    name: Option<String>,
    pub(super) extends: Option<String>,
    pub(super) kind: Option<RoleKind>,
    pub(super) summary: Option<String>,
    pub(super) instances: Option<Instances>,
    pub(super) runtime: RuntimeSection,
    pub(super) wake: WakeSection,
    pub(super) limits: LimitsSection,
    pub(super) access: AccessSection,
    pub(super) handover: HandoverSection,
    pub(super) escalate: EscalateSection,
    pub(super) prompt: PromptSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuntimeSection {
    #[serde(rename = "use")]
    pub(super) preferred: Option<Vec<String>>,
    pub(super) model: Option<String>,
    pub(super) session: Option<Session>,
    pub(super) refresh_at: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WakeSection {
    pub(super) on: Option<Vec<String>>,
    pub(super) every: Option<String>,
    pub(super) min_interval: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsSection {
    pub(super) turn: Option<String>,
    pub(super) bead: Option<String>,
    pub(super) attempts: Option<u32>,
    pub(super) usd: Option<f64>,
    pub(super) diff_lines: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccessSection {
    pub(super) write: Option<Vec<String>>,
    pub(super) deny: Option<Vec<String>>,
    pub(super) network: Option<Network>,
    pub(super) commands_deny: Option<Vec<String>>,
    pub(super) sandbox: Option<Sandbox>,
    pub(super) gtd: Option<Vec<String>>,
    pub(super) mcp: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HandoverSection {
    pub(super) require: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EscalateSection {
    pub(super) question: Option<String>,
    pub(super) stuck: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PromptSection {
    pub(super) file: Option<String>,
    pub(super) text: Option<String>,
    pub(super) vars: BTreeMap<String, toml::Value>,
    pub(super) max_tokens: Option<u32>,
}

impl RoleFile {
    /// Reads a role file.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        if text.len() > LONGEST_FILE {
            return Err(Diagnostic::at(
                file,
                text,
                0..0,
                "the file is longer than 128 KiB",
            ));
        }
        let table = DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let message = format!("not valid TOML: {}", error.message());
            Diagnostic::at(file, text, span, &message)
        })?;
        let mut spans = BTreeMap::new();
        collect_spans(table.get_ref(), "", &mut spans);
        let says: Sections =
            toml::from_str(text).map_err(|error| in_plain_words(file, text, &error))?;
        let at = |path: &str| spans.get(path).cloned().unwrap_or(0..0);
        if let Some(schema) = says.schema.filter(|schema| *schema != SCHEMA) {
            let message = if schema > SCHEMA {
                format!("schema {schema} is newer than this gtd, which reads schema {SCHEMA}")
            } else {
                "there is no such schema".to_owned()
            };
            return Err(
                Diagnostic::at(file, text, at("schema"), &message).with_help("write `schema = 1`")
            );
        }
        let stem = file.rsplit(['/', ':']).next().unwrap_or(file);
        let stem = stem.strip_suffix(".toml").unwrap_or(stem);
        let name = RoleName::parse(says.name.as_deref().unwrap_or(stem)).map_err(|error| {
            Diagnostic::at(file, text, at("name"), &error.to_string())
                .with_help("write a line such as name = \"docs-reviewer\"")
        })?;
        Ok(Self {
            file: file.to_owned(),
            text: text.to_owned(),
            name,
            says,
            spans,
        })
    }

    /// Tells whether the file says something about this key.
    pub(super) fn has(&self, path: &str) -> bool {
        self.spans.contains_key(path)
    }

    /// Returns the place of a value, or the beginning when the file does not say it.
    pub(super) fn span(&self, path: &str) -> Range<usize> {
        self.spans.get(path).cloned().unwrap_or(0..0)
    }

    /// Points at the value of a key.
    pub(super) fn mistake(&self, path: &str, message: &str) -> Diagnostic {
        Diagnostic::at(&self.file, &self.text, self.span(path), message)
    }
}

fn collect_spans(table: &DeTable<'_>, above: &str, spans: &mut BTreeMap<String, Range<usize>>) {
    for (key, value) in table {
        let path = match above {
            "" => key.get_ref().to_string(),
            above => format!("{above}.{}", key.get_ref()),
        };
        match value.get_ref() {
            DeValue::Table(table) => collect_spans(table, &path, spans),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    spans.insert(format!("{path}[{index}]"), item.span());
                }
            }
            _ => {}
        }
        spans.insert(path, value.span());
    }
}

/// Turns what the reader says about a wrong key or word into a sentence with a suggestion.
fn in_plain_words(file: &str, text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let message = error.message();
    let said = |begin: &str| message.strip_prefix(begin)?.split_once('`');
    if let Some((word, rest)) = said("unknown field `") {
        let message = format!("unknown key `{word}`");
        let known: Vec<&str> = backticked(rest).collect();
        return Diagnostic::at(file, text, span, &message).with_help(&suggest(
            word,
            &known,
            "all keys here",
        ));
    }
    if let Some((word, rest)) = said("unknown variant `") {
        let message = format!("`{word}` is not a word of this key");
        let known: Vec<&str> = backticked(rest).collect();
        return Diagnostic::at(file, text, span, &message).with_help(&suggest(
            word,
            &known,
            "all words",
        ));
    }
    if let Some((found, wanted)) = message
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        let message = format!("this wants {}, not {}", kind_of(wanted), kind_of(found));
        return Diagnostic::at(file, text, span, &message);
    }
    Diagnostic::at(file, text, span, message)
}

/// Says in a person's words what serde calls a kind of value.
fn kind_of(said: &str) -> &str {
    match said.split([' ', '`']).next().unwrap_or_default() {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" | "integer" => "a whole number",
        "f64" | "floating" => "a number",
        "string" | "a" if said.contains("string") => "a text",
        "boolean" | "bool" => "true or false",
        "sequence" | "a" if said.contains("sequence") => "a list",
        "map" | "struct" => "a table",
        _ => said,
    }
}

fn backticked(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Says which word was probably meant, and which there are.
pub(super) fn suggest(word: &str, known: &[&str], title: &str) -> String {
    let all = format!("{title}: {}", known.join(", "));
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?   {all}"),
        None => all,
    }
}

/// Finds the word that was probably meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word: String = word.chars().take(100).collect::<String>().to_lowercase();
    let most = (word.chars().count() / 3).min(4);
    known
        .into_iter()
        .map(|candidate| {
            let distance = strsim::osa_distance(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
