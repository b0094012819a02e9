//! The table of keys as a JSON Schema, for editors that complete and check TOML by one.

use serde_json::{Map, Value, json};

use super::{
    find::{NameKind, name_kind},
    key::{Key, Kind, Who},
    keys::KEYS,
    merge::built_in,
};

/// For whom a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOf {
    /// `config.toml` of the user.
    User,
    /// `gtd.toml` and `gtd.local.toml` of a repository.
    Project,
}

impl SchemaOf {
    fn has(self, who: Who) -> bool {
        match self {
            Self::User => who != Who::ProjectOnly,
            Self::Project => who != Who::UserOnly,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::User => "config.toml of gtd",
            Self::Project => "gtd.toml",
        }
    }
}

/// Makes the JSON Schema of a configuration file.
#[must_use]
pub fn json_schema(of: SchemaOf) -> Value {
    let defaults = built_in();
    let mut root = table();
    root["properties"]["schema"] = json!({"const": 1, "description": "The format of the file."});
    for key in KEYS.iter().filter(|key| of.has(key.who)) {
        let mut schema = described(key);
        if let Some(setting) = defaults.settings.get(key.path) {
            schema["default"] = json!(setting.value);
        }
        put(&mut root, key.path, schema);
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!(of.title());
    root
}

fn table() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

/// Puts the schema of a key at its path; `*` is any name.
fn put(root: &mut Value, path: &str, schema: Value) {
    let segments: Vec<&str> = path.split('.').collect();
    let mut at = root;
    for (depth, segment) in segments.iter().enumerate() {
        let (group, name) = match *segment {
            "*" => ("patternProperties", pattern(&segments[..depth])),
            name => ("properties", name),
        };
        let below = &mut at[group][name];
        if depth + 1 == segments.len() {
            *below = schema;
            return;
        }
        if below.is_null() {
            *below = table();
        }
        at = below;
    }
}

fn pattern(before: &[&str]) -> &'static str {
    match name_kind(before) {
        NameKind::Plain => "^[a-z0-9][a-z0-9_-]*$",
        NameKind::Variable => "^[A-Za-z_][A-Za-z0-9_]*$",
    }
}

fn described(key: &Key) -> Value {
    let mut schema = of_kind(key.kind);
    schema["description"] = json!(key.doc);
    schema
}

fn of_kind(kind: Kind) -> Value {
    let text = || json!({"type": "string"});
    let list = |items: Value| json!({"type": "array", "items": items});
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Integer(min, max) => whole(min, max),
        Kind::Number(min, max) => json!({"type": "number", "minimum": min, "maximum": max}),
        Kind::Script => json!({"type": "string", "minLength": 1}),
        Kind::Name => json!({"type": "string", "pattern": pattern(&[])}),
        Kind::Word(words) => json!({"enum": words}),
        Kind::Words(words) => list(json!({"enum": words})),
        Kind::Integers(min, max) => list(whole(min, max)),
        Kind::Texts => list(json!({"type": "string", "minLength": 1})),
        Kind::TextOrTexts => json!({"anyOf": [text(), list(text())]}),
        Kind::CountOrShare => json!({"anyOf": [whole(0, i64::MAX), text()]}),
        Kind::TimeOfDay => json!({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}),
        Kind::Environment => json!({"type": "object", "additionalProperties": text()}),
        Kind::Secret => json!({
            "type": "object", "additionalProperties": false,
            "minProperties": 1, "maxProperties": 1,
            "properties": {"env": text(), "command": list(text()), "file": text(), "keyring": text()},
        }),
        Kind::Rows(keys) => {
            let columns: Map<String, Value> = keys
                .iter()
                .map(|key| (key.path.to_owned(), described(key)))
                .collect();
            list(json!({"type": "object", "additionalProperties": false, "properties": columns}))
        }
        Kind::Text
        | Kind::Prefix
        | Kind::Branch
        | Kind::Remote
        | Kind::Duration
        | Kind::Span
        | Kind::Size
        | Kind::SizeOrShare
        | Kind::TimesOfDay => text(),
    }
}

fn whole(min: i64, max: i64) -> Value {
    let mut schema = json!({"type": "integer", "minimum": min});
    if max < i64::MAX {
        schema["maximum"] = json!(max);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::known_keys;

    /// Finds the schema at a path of keys, as an editor does.
    fn find<'s>(root: &'s Value, path: &str) -> Option<&'s Value> {
        path.split('.').try_fold(root, |at, part| {
            let (name, is_row) = match part.strip_suffix("[]") {
                Some(name) => (name, true),
                None => (part, false),
            };
            let below = match name {
                "*" => at["patternProperties"].as_object()?.values().next()?,
                name => at["properties"].get(name)?,
            };
            Some(if is_row { &below["items"] } else { below })
        })
    }

    #[test]
    fn every_key_is_in_a_schema_with_what_it_is_for() {
        let both = [json_schema(SchemaOf::User), json_schema(SchemaOf::Project)];
        for key in known_keys() {
            let found = both.iter().find_map(|root| find(root, &key));
            let about = found.and_then(|schema| schema["description"].as_str());
            assert!(about.is_some_and(|text| text.len() > 5), "{key}");
        }
    }

    #[test]
    fn a_key_of_the_user_alone_is_not_in_the_schema_of_a_project() {
        let (user, project) = (json_schema(SchemaOf::User), json_schema(SchemaOf::Project));
        assert!(find(&user, "ui.pager").is_some() && find(&project, "ui.pager").is_none());
        assert!(find(&project, "gate").is_some() && find(&user, "gate").is_none());
        assert_eq!(find(&project, "merge.batch").unwrap()["default"], 64);
        assert_eq!(
            find(&project, "merge").unwrap()["additionalProperties"],
            false
        );
    }
}
