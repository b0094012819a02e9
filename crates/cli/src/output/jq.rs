//! `--jq`: an expression of jq over each document.
//!
//! jaq runs it, so no program `jq` is needed. An expression reaches no file and no
//! network; what it does with the processor is for whoever wrote it to answer for.

use gtd_core::Diagnostic;
use jaq_core::{
    Compiler, Ctx, Filter, Vars,
    compile::Undefined,
    data::JustLut,
    load::{self, Arena, File, Loader},
    unwrap_valr,
};
use jaq_json::Val;
use serde_json::Value;

/// What a mistake names as its place.
const FLAG: &str = "--jq";
/// How unlike a name may be to be taken for a slip of the one that was meant.
const LIKE: f64 = 0.6;
/// Formats of jq that the library leaves to its programs.
const FORMATS: &str = r#"
def @tsv: [.[] | if . == null then "" elif type == "string"
  then split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n") | split("\r") | join("\\r")
  else tojson end] | join("\t");
def @csv: [.[] | if . == null then "" elif type == "string"
  then "\"" + (split("\"") | join("\"\"")) + "\""
  else tojson end] | join(",");
"#;

/// A function that is built in.
type Function = jaq_core::native::Fun<JustLut<Val>>;

/// An expression that was read and holds together.
pub(crate) struct Jq {
    text: String,
    filter: Filter<JustLut<Val>>,
}

impl Jq {
    /// Reads an expression.
    ///
    /// # Errors
    /// With the place of what is wrong in it.
    pub(crate) fn read(text: &str) -> Result<Self, Diagnostic> {
        let arena = Arena::default();
        let file = File {
            code: text,
            path: (),
        };
        let defs = || {
            let formats = load::parse(FORMATS, |parser| parser.defs());
            jaq_core::defs()
                .chain(jaq_std::defs())
                .chain(jaq_json::defs())
                .chain(formats.expect("a test uses them"))
        };
        let modules = Loader::new(defs())
            .load(&arena, file)
            .map_err(|errors| unread(text, errors))?;
        let filter = Compiler::default()
            .with_funs(functions())
            .compile(modules)
            .map_err(|errors| {
                let functions = functions();
                let known = functions
                    .map(|(name, ..)| name)
                    .chain(defs().map(|def| def.name));
                undefined(text, errors, known)
            })?;
        Ok(Self {
            text: text.to_owned(),
            filter,
        })
    }

    /// Returns what the expression makes of a document, one text for each value.
    ///
    /// Texts stand as they are and everything else as JSON, as `jq -r` prints it.
    ///
    /// # Errors
    /// When it cannot be done with this document.
    pub(crate) fn of(&self, document: &Value, is_wide: bool) -> Result<Vec<String>, Diagnostic> {
        let failed = |why: String| Diagnostic::at(FLAG, &self.text, 0..self.text.len(), &why);
        let input: Val =
            serde_json::from_value(document.clone()).map_err(|error| failed(error.to_string()))?;
        let ctx = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        self.filter
            .id
            .run((ctx, input))
            .map(unwrap_valr)
            .map(|value| match value {
                Ok(value) => Ok(text_of(&value, is_wide)),
                Err(error) => Err(failed(error.to_string())),
            })
            .collect()
    }
}

fn functions() -> impl Iterator<Item = Function> {
    jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
}

fn text_of(value: &Val, is_wide: bool) -> String {
    match value {
        Val::TStr(text) => String::from_utf8_lossy(text).into_owned(),
        value => {
            let text = value.to_string();
            match serde_json::from_str::<Value>(&text) {
                Ok(value) if is_wide => format!("{value:#}"),
                _ => text,
            }
        }
    }
}

/// Says why an expression cannot be read.
fn unread(text: &str, errors: load::Errors<&str, ()>) -> Diagnostic {
    let first = errors.into_iter().next().map(|(_, error)| error);
    let (at, message) = match first {
        Some(load::Error::Lex(errors)) => match errors.into_iter().next() {
            // The whole rest is named as found.
            Some((expected, rest)) => {
                let first = rest.chars().next().map_or(0, char::len_utf8);
                let span = load::span(text, rest);
                let what = format!("{} is missing", with_article(expected.as_str()));
                (span.start..span.start + first, what)
            }
            None => (0..text.len(), "it cannot be read".to_owned()),
        },
        Some(load::Error::Parse(errors)) => match errors.into_iter().next() {
            Some((expected, found)) => {
                let what = with_article(expected.as_str());
                let message = if found.is_empty() {
                    format!("it ends where {what} should come")
                } else {
                    format!("`{found}` stands where {what} should come")
                };
                (load::span(text, found), message)
            }
            None => (0..text.len(), "it cannot be read".to_owned()),
        },
        Some(load::Error::Io(errors)) => {
            let part = errors.first().map_or(text, |(part, _)| part);
            (
                load::span(text, part),
                "modules cannot be imported here".to_owned(),
            )
        }
        None => (0..text.len(), "it cannot be read".to_owned()),
    };
    Diagnostic::at(FLAG, text, at, &message)
        .with_help("expressions are those of jq: https://jqlang.org/manual")
}

fn with_article(what: &str) -> String {
    match what {
        "nothing" => "the end".to_owned(),
        what if what.starts_with(|c: char| c.is_alphabetic()) && what.contains(' ')
            || [
                "term", "key", "variable", "string", "argument", "pattern", "token", "digit",
            ]
            .contains(&what) =>
        {
            format!("a {what}")
        }
        "identifier" => "an identifier".to_owned(),
        what => format!("`{what}`"),
    }
}

/// Says what an expression names and there is not.
fn undefined<'k>(
    text: &str,
    errors: jaq_core::compile::Errors<&str, ()>,
    known: impl Iterator<Item = &'k str>,
) -> Diagnostic {
    let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
    let Some((name, what)) = first else {
        return Diagnostic::at(FLAG, text, 0..text.len(), "it cannot be read");
    };
    let is_function = matches!(what, Undefined::Filter(_));
    let (message, near) = match what {
        Undefined::Filter(arity) => {
            let known: Vec<&str> = known.collect();
            let message = if known.contains(&name) {
                format!("`{name}` does not take {arity} arguments")
            } else {
                format!("there is no function `{name}`")
            };
            (message, nearest(name, known))
        }
        what => (format!("there is no {} `{name}`", what.as_str()), None),
    };
    let help = match near {
        Some(near) if is_function && near != name => format!("did you mean `{near}`?"),
        // `status` for `.status` is the slip that everybody makes once.
        _ if is_function => format!("a field is written with a dot: .{name}"),
        _ => "expressions are those of jq: https://jqlang.org/manual".to_owned(),
    };
    Diagnostic::at(FLAG, text, load::span(text, name), &message).with_help(&help)
}

fn nearest<'k>(word: &str, known: Vec<&'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(word, name), name))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}
