//! One layer: what one file, the environment or the command line sets.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    check::{check, is_plain_name, is_variable},
    find::{Found, NameKind, children, find, name_kind},
    key::{Key, Who},
    keys::KEYS,
    value::Value,
};
use crate::{
    diagnostic::{Diagnostic, shorten},
    toml_text::{Entry, TomlText, in_order, kind_of, nearest, quoted},
};

const LONGEST_FILE: usize = 128 << 10;
const LONGEST_EXCERPT: usize = 200;

/// The layers, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// What gtd brings along.
    BuiltIn,
    /// `/etc/gtd/config.toml`.
    System,
    /// `config.toml` of the user.
    User,
    /// `gtd.toml` of the repository.
    Project,
    /// `gtd.local.toml` beside it.
    Local,
    /// Environment variables.
    Environment,
    /// `--set key=value`.
    Flags,
}

impl LayerKind {
    /// Tells whether the layer comes with a repository, and so may only narrow what the user allows.
    #[must_use]
    pub fn is_of_project(self) -> bool {
        matches!(self, Self::Project | Self::Local)
    }

    /// Tells whether the layer is a file of the machine or the user, for all rigs.
    pub(super) fn is_for_all_rigs(self) -> bool {
        matches!(self, Self::System | Self::User)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// gtd brings it along.
    Default,
    /// A file says it.
    File {
        /// The layer.
        layer: LayerKind,
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable says it.
    Environment {
        /// The variable.
        variable: String,
    },
    /// The command line says it.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line, .. } => write!(f, "{file}:{line}"),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// What one layer sets.
#[derive(Debug, Clone)]
pub struct Layer {
    pub(super) kind: LayerKind,
    pub(super) settings: BTreeMap<String, Setting>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// One value, with its place.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: Origin,
    /// Points at the value; it says nothing yet.
    pub(super) place: Diagnostic,
    pub(super) key: &'static Key,
}

impl Layer {
    /// Makes a layer that sets nothing.
    #[must_use]
    pub fn empty(kind: LayerKind) -> Self {
        Self {
            kind,
            settings: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// Returns which layer it is.
    #[must_use]
    pub fn kind(&self) -> LayerKind {
        self.kind
    }

    /// Returns what was ignored, and why.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns what it sets a key to.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.settings.get(key).map(|setting| &setting.value)
    }

    /// Takes a value in, unless this layer may not set it.
    pub(super) fn set(&mut self, path: String, setting: Setting) -> Result<(), Diagnostic> {
        let who = setting.key.who;
        if who == Who::ProjectOnly && self.kind.is_for_all_rigs() {
            return Err(setting
                .place
                .saying(&format!("`{path}` belongs to one project"))
                .with_help("write it into gtd.toml of the repository"));
        }
        if self.kind.is_of_project() {
            let refused = match who {
                Who::UserOnly => Some("is for the user alone to set".to_owned()),
                Who::UserOnlyWord(word) if setting.value.as_str() == Some(word) => {
                    Some(format!("= \"{word}\" is for the user alone to say"))
                }
                _ => None,
            };
            if let Some(why) = refused {
                self.ignore(&path, &setting, &why);
                return Ok(());
            }
        }
        self.settings.insert(path, setting);
        Ok(())
    }

    /// Warns once per table that a repository's wish is ignored.
    fn ignore(&mut self, path: &str, setting: &Setting, why: &str) {
        let warning = setting
            .place
            .saying(&format!("ignored: `{path}` {why}"))
            .with_help("write it into your own config.toml (gtd config path)");
        let table = |text: &str| {
            text.split_once('.')
                .map_or(text.to_owned(), |(t, _)| t.to_owned())
        };
        let begin = format!("ignored: `{}.", table(path));
        if setting.key.who != Who::UserOnly
            || !self
                .warnings
                .iter()
                .any(|old| old.message.starts_with(&begin))
        {
            self.warnings.push(warning);
        }
    }
}

/// Reads a configuration file.
///
/// # Errors
/// When it is not TOML, or holds a key or a value that the table of keys does not.
pub fn layer_from_toml(kind: LayerKind, file_name: &str, text: &str) -> Result<Layer, Diagnostic> {
    let source = TomlText {
        file: file_name,
        text,
    };
    if text.len() > LONGEST_FILE {
        return Err(source.mistake(0..0, "the file is longer than 128 KiB"));
    }
    let document = source.parse()?;
    let mut walk = Walk {
        source,
        layer: Layer::empty(kind),
    };
    walk.table(&mut Vec::new(), document.get_ref())?;
    Ok(walk.layer)
}

struct Walk<'a> {
    source: TomlText<'a>,
    layer: Layer,
}

impl Walk<'_> {
    fn table<'t>(
        &mut self,
        path: &mut Vec<&'t str>,
        table: &'t DeTable<'_>,
    ) -> Result<(), Diagnostic> {
        in_order(table)
            .into_iter()
            .try_for_each(|entry| self.entry(path, entry))
    }

    fn entry<'t>(
        &mut self,
        path: &mut Vec<&'t str>,
        (name, value): Entry<'t, '_>,
    ) -> Result<(), Diagnostic> {
        if path.is_empty() && name.get_ref() == "schema" {
            return self.source.check_schema(value);
        }
        let (words, is_open) = children(path);
        let word: &str = name.get_ref();
        if !words.contains(&word) {
            if !is_open {
                return Err(self.unknown(path, name, &words));
            }
            self.check_name(path, name)?;
        }
        path.push(word);
        let outcome = match (find(path), value.get_ref()) {
            (Found::Leaf(key), _) => self.leaf(path, key, name, value),
            (_, DeValue::Table(table)) => self.table(path, table),
            (_, other) => Err(self
                .source
                .mistake(
                    value.span(),
                    &format!("`{}` is a table, not {}", path.join("."), kind_of(other)),
                )
                .with_help(&format!("write its keys below a line [{}]", path.join(".")))),
        };
        path.pop();
        outcome
    }

    fn leaf(
        &mut self,
        path: &[&str],
        key: &'static Key,
        name: &Spanned<toml::de::DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Diagnostic> {
        let path = path.join(".");
        let checked = check(&self.source, &path, key.kind, value)?;
        let mut place = self.source.mistake(name.span(), "");
        place.excerpt = shorten(&place.excerpt, LONGEST_EXCERPT);
        let origin = match self.layer.kind {
            LayerKind::BuiltIn => Origin::Default,
            layer => Origin::File {
                layer,
                file: place.file.clone(),
                line: place.line,
            },
        };
        let setting = Setting {
            value: checked,
            origin,
            place,
            key,
        };
        self.layer.set(path, setting)
    }

    fn check_name(
        &mut self,
        path: &[&str],
        name: &Spanned<toml::de::DeString<'_>>,
    ) -> Result<(), Diagnostic> {
        let word = name.get_ref();
        let (is_fine, rule) = match name_kind(path) {
            NameKind::Plain => (
                is_plain_name(word),
                "a name is made of a-z, 0-9, `-` and `_`",
            ),
            NameKind::Variable => (
                is_variable(word),
                "the name of a variable is made of letters, digits and `_`",
            ),
        };
        if !is_fine {
            return Err(self
                .source
                .mistake(
                    name.span(),
                    &format!("{} cannot be a name in `{}`", quoted(word), path.join(".")),
                )
                .with_help(rule));
        }
        let known = match path {
            ["roles"] => ROLES,
            ["policies"] => POLICIES,
            _ => &[],
        };
        if !known.contains(&word.as_ref())
            && let Some(near) = nearest(word, known.iter().copied())
        {
            self.layer.warnings.push(
                self.source
                    .mistake(
                        name.span(),
                        &format!("`{}.{word}` is a name of your own", path.join(".")),
                    )
                    .with_help(&format!("did you mean `{near}`?")),
            );
        }
        Ok(())
    }

    fn unknown(
        &self,
        path: &[&str],
        name: &Spanned<toml::de::DeString<'_>>,
        words: &[&'static str],
    ) -> Diagnostic {
        let word = name.get_ref();
        let all = match path.first() {
            Some(first) => format!("all keys: gtd config explain {first}"),
            None => "all keys: gtd config explain".to_owned(),
        };
        let near = nearest(word, words.iter().copied())
            .map(|near| format!("did you mean `{near}`?"))
            .or_else(|| elsewhere(word).map(|path| format!("did you mean `{path}`?")));
        self.source
            .mistake(name.span(), &format!("unknown key {}", quoted(word)))
            .with_help(&match near {
                Some(near) => format!("{near}   {all}"),
                None => all,
            })
    }
}

const ROLES: &[&str] = &[
    "mayor", "crew", "worker", "refinery", "witness", "reviewer", "deacon",
];
const POLICIES: &[&str] = &["attended", "overnight", "review-all", "dry", "yolo"];

/// Finds a key of that name in another table.
fn elsewhere(word: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| key.path)
        .find(|path| path.rsplit('.').next() == Some(word))
}
