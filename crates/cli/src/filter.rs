//! What a list is narrowed to and ordered by: `--filter 'state=running and age>1h' --sort -age`.
//!
//! An expression speaks of the fields that a row has in `--json`. `age` is the
//! time since the row's `created_at`, `since` or `started_at`.

use std::cmp::Ordering;

use gtd_core::{Moment, Timestamp, config::parse_duration};
use serde::Serialize;
use serde_json::Value;

use crate::{clock, error::CliError};

/// What every list takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ListArgs {
    /// Only rows of which this is true, such as 'state=running and age>1h'; fields are those of
    /// --json, operators = != < <= > >= and ~ (holds the text), joined by and, or, not
    #[arg(long, value_name = "EXPR", value_parser = parse)]
    pub(crate) filter: Option<Filter>,
    /// In the order of this field, or with a minus the other way round
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
    /// How many at most
    #[arg(short = 'L', long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

impl ListArgs {
    /// Narrows, orders and cuts rows.
    pub(crate) fn apply<T: Serialize>(&self, rows: Vec<T>) -> Result<Vec<T>, CliError> {
        let mut rows = self.narrowed(rows)?;
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(rows)
    }

    /// Tells whether rows have to be looked at before any may be left out.
    pub(crate) fn needs_all(&self) -> bool {
        self.filter.is_some() || self.sort.is_some()
    }

    /// Narrows and orders rows.
    pub(crate) fn narrowed<T: Serialize>(&self, rows: Vec<T>) -> Result<Vec<T>, CliError> {
        if !self.needs_all() {
            return Ok(rows);
        }
        let now = clock::now();
        let mut seen: Vec<(Value, T)> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut value = serde_json::to_value(&row).unwrap_or_default();
            add_age(&mut value, now);
            seen.push((value, row));
        }
        let keys = self.filter.iter().flat_map(|filter| filter.keys());
        let sort = self.sort.as_deref().map(|key| match key.strip_prefix('-') {
            Some(key) => (key, true),
            None => (key, false),
        });
        for key in keys.chain(sort.iter().map(|(key, _)| *key)) {
            check_key(key, seen.iter().map(|(value, _)| value))?;
        }
        if let Some(filter) = &self.filter {
            seen.retain(|(value, _)| filter.holds(value));
        }
        if let Some((key, is_reversed)) = sort {
            seen.sort_by(|(a, _), (b, _)| {
                let order = compare(at(a, key), at(b, key));
                if is_reversed { order.reverse() } else { order }
            });
        }
        Ok(seen.into_iter().map(|(_, row)| row).collect())
    }
}

fn add_age(value: &mut Value, now: Timestamp) {
    let began = ["created_at", "since", "started_at", "at"]
        .into_iter()
        .find_map(|key| serde_json::from_value::<Moment>(value.get(key)?.clone()).ok());
    if let (Some(began), Value::Object(map)) = (began, value) {
        let age = now.since(began.0).as_millis();
        map.entry("age")
            .or_insert_with(|| Value::from(u64::try_from(age).unwrap_or(u64::MAX)));
    }
}

fn at<'a>(value: &'a Value, key: &str) -> &'a Value {
    key.split('.')
        .try_fold(value, |value, part| value.get(part))
        .unwrap_or(&Value::Null)
}

/// Refuses a field that no row has.
fn check_key<'a>(key: &str, rows: impl Iterator<Item = &'a Value>) -> Result<(), CliError> {
    let first = key.split('.').next().unwrap_or(key);
    // A row that has not begun has none.
    if first == "age" {
        return Ok(());
    }
    let mut known: Vec<String> = Vec::new();
    for row in rows {
        let fields = row.as_object().into_iter().flat_map(|map| map.keys());
        for field in fields {
            if field == first {
                return Ok(());
            }
            if !known.contains(field) {
                known.push(field.clone());
            }
        }
    }
    // What is empty has no fields to speak of.
    if known.is_empty() {
        return Ok(());
    }
    known.sort();
    let near = known
        .iter()
        .map(|field| (strsim::levenshtein(first, field), field))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    let near = near.map_or(String::new(), |(_, near)| {
        format!("did you mean `{near}`?   ")
    });
    Err(
        CliError::usage(format!("a row of this list has no field `{first}`"))
            .help(format!("{near}fields: {}", known.join(" "))),
    )
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            a.total_cmp(&b)
        }
        _ => text(a).cmp(&text(b)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// An expression over the fields of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// One of them.
    Or(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// One comparison.
    Is {
        /// The field.
        key: String,
        /// How it is compared.
        how: How,
        /// With what.
        value: String,
    },
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// `=`
    Equal,
    /// `!=`
    Other,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `~`
    Holds,
}

impl Filter {
    fn keys(&self) -> Vec<&str> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::keys).collect(),
            Self::Not(part) => part.keys(),
            Self::Is { key, .. } => vec![key],
        }
    }

    fn holds(&self, row: &Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Is { key, how, value } => {
                let found = at(row, key);
                match found {
                    // One of a list is enough.
                    Value::Array(items) if *how != How::Other => {
                        items.iter().any(|item| is(key, item, *how, value))
                    }
                    Value::Array(items) => items.iter().all(|item| is(key, item, *how, value)),
                    found => is(key, found, *how, value),
                }
            }
        }
    }
}

fn is(key: &str, found: &Value, how: How, value: &str) -> bool {
    if how == How::Holds {
        let found = text(found).to_lowercase();
        return found.contains(&value.to_lowercase());
    }
    let order = match (found, found.as_f64(), number(key, value)) {
        (Value::Null, ..) if !value.is_empty() && value != "null" => {
            return how == How::Other;
        }
        (_, Some(found), Some(value)) => found.total_cmp(&value),
        _ if value == "null" && found.is_null() => Ordering::Equal,
        _ => text(found).as_str().cmp(value),
    };
    match how {
        How::Equal => order.is_eq(),
        How::Other => order.is_ne(),
        How::Less => order.is_lt(),
        How::AtMost => order.is_le(),
        How::More => order.is_gt(),
        How::AtLeast => order.is_ge(),
        How::Holds => false,
    }
}

/// Reads a number; a duration is one of seconds where the field is, else one of milliseconds.
fn number(key: &str, value: &str) -> Option<f64> {
    if let Ok(number) = value.parse::<f64>() {
        return Some(number);
    }
    let seconds = parse_duration(value).ok()?.as_secs_f64();
    let is_seconds = key.ends_with("_s") || key.ends_with("seconds");
    Some(if is_seconds { seconds } else { seconds * 1e3 })
}

/// Reads an expression.
///
/// # Errors
/// When it does not hold together, with the place.
pub(crate) fn parse(source: &str) -> Result<Filter, String> {
    let mut reader = Reader {
        source,
        tokens: tokens(source)?,
        next: 0,
    };
    let filter = reader.any()?;
    match reader.tokens.get(reader.next) {
        None => Ok(filter),
        Some(token) => Err(reader.wrong(token.at, "`and` or `or` is missing here")),
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    at: usize,
    word: String,
    kind: TokenKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Word,
    Quoted,
    Operator,
    Bracket,
}

const OPERATORS: [(&str, How); 8] = [
    ("!=", How::Other),
    ("<=", How::AtMost),
    (">=", How::AtLeast),
    ("==", How::Equal),
    ("=", How::Equal),
    ("<", How::Less),
    (">", How::More),
    ("~", How::Holds),
];

fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        let mut push = |word: &str, kind| {
            found.push(Token {
                at,
                word: word.to_owned(),
                kind,
            });
        };
        let operator = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
        at += if c.is_whitespace() {
            c.len_utf8()
        } else if c == '(' || c == ')' {
            push(&rest[..1], TokenKind::Bracket);
            1
        } else if c == '"' || c == '\'' {
            let end = rest[1..]
                .find(c)
                .ok_or_else(|| place(source, at, "this quotation mark has no partner"))?;
            push(&rest[1..=end], TokenKind::Quoted);
            end + 2
        } else if let Some((sign, _)) = operator {
            push(sign, TokenKind::Operator);
            sign.len()
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || "()=!<>~\"'".contains(c))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(place(source, at, "this is no operator"));
            }
            push(&rest[..end], TokenKind::Word);
            end
        };
    }
    Ok(found)
}

/// Says what is wrong and behind what; the refusal of an argument is one line.
fn place(source: &str, at: usize, what: &str) -> String {
    let (before, after) = source.split_at(at.min(source.len()));
    match (before.trim(), after.trim()) {
        ("", after) => format!("{what}, before `{after}`"),
        (before, "") => format!("{what}, after `{before}`"),
        (before, after) => format!("{what}, between `{before}` and `{after}`"),
    }
}

struct Reader<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    next: usize,
}

impl Reader<'_> {
    fn wrong(&self, at: usize, what: &str) -> String {
        place(self.source, at, what)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn takes(&mut self, kind: TokenKind, word: &str) -> bool {
        let is_next = self
            .tokens
            .get(self.next)
            .is_some_and(|token| token.kind == kind && token.word == word);
        self.next += usize::from(is_next);
        is_next
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.all()?];
        while self.takes(TokenKind::Word, "or") {
            parts.push(self.all()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Filter::Or(parts),
        })
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.one()?];
        while self.takes(TokenKind::Word, "and") {
            parts.push(self.one()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Filter::And(parts),
        })
    }

    fn one(&mut self) -> Result<Filter, String> {
        let end = self.source.len();
        if self.takes(TokenKind::Word, "not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.takes(TokenKind::Bracket, "(") {
            let inner = self.any()?;
            if self.takes(TokenKind::Bracket, ")") {
                return Ok(inner);
            }
            let at = self.tokens.get(self.next).map_or(end, |token| token.at);
            return Err(self.wrong(at, "a `)` is missing here"));
        }
        let key = match self.take() {
            Some(token) if token.kind == TokenKind::Word => token.word,
            token => {
                let at = token.map_or(end, |token| token.at);
                return Err(self.wrong(at, "the name of a field is missing here"));
            }
        };
        let how = match self.take() {
            Some(token) if token.kind == TokenKind::Operator => {
                let known = OPERATORS.iter().find(|(sign, _)| *sign == token.word);
                known.map_or(How::Equal, |(_, how)| *how)
            }
            token => {
                let at = token.map_or(end, |token| token.at);
                return Err(self.wrong(at, "one of = != < <= > >= ~ is missing here"));
            }
        };
        match self.take() {
            Some(Token {
                kind: TokenKind::Word | TokenKind::Quoted,
                word: value,
                ..
            }) => Ok(Filter::Is { key, how, value }),
            token => {
                let at = token.map_or(end, |token| token.at);
                Err(self.wrong(at, "a value is missing here"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Value> {
        vec![
            json!({"id": "a", "state": "running", "age": 7_200_000, "labels": ["x", "y"], "bead": null}),
            json!({"id": "b", "state": "waiting", "age": 60_000, "labels": [], "bead": "gt-1"}),
            json!({"id": "c", "state": "running", "age": 30_000, "labels": ["y"], "bead": "gt-2"}),
        ]
    }

    fn check(filter: &str, sort: Option<&str>) -> String {
        let wish = ListArgs {
            filter: (!filter.is_empty()).then(|| parse(filter).unwrap()),
            sort: sort.map(str::to_owned),
            limit: None,
        };
        let rows = wish.apply(rows()).unwrap();
        let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        ids.join(" ")
    }

    #[test]
    fn rows_are_narrowed_by_what_they_say() {
        assert_eq!(check("state=running", None), "a c");
        assert_eq!(check("state=running and age>1h", None), "a");
        assert_eq!(check("state = waiting or age < 45s", None), "b c");
        assert_eq!(check("not (state=running)", None), "b");
        assert_eq!(check("labels=y and age<=30s", None), "c");
        assert_eq!(check("labels!=x", None), "b c");
        assert_eq!(check("bead~GT-", None), "b c");
        assert_eq!(check("bead=null", None), "a");
        assert_eq!(check("state='running' and id!=\"a\"", None), "c");
    }

    #[test]
    fn rows_are_ordered_by_a_field_either_way() {
        assert_eq!(check("", Some("age")), "c b a");
        assert_eq!(check("", Some("-age")), "a b c");
        assert_eq!(check("state=running", Some("id")), "a c");
    }

    #[test]
    fn a_field_that_no_row_has_is_told_with_those_that_there_are() {
        let wish = ListArgs {
            filter: Some(parse("stat=running").unwrap()),
            ..ListArgs::default()
        };
        let error = wish.apply(rows()).unwrap_err();
        let help = error.hints.help.unwrap_or_default();
        assert!(help.contains("did you mean `state`?"), "{help}");
    }

    #[test]
    fn an_expression_that_does_not_hold_together_is_shown_with_the_place() {
        let wrong = |text: &str| parse(text).unwrap_err();
        expect![[r#"
            one of = != < <= > >= ~ is missing here, between `state` and `running`
            a value is missing here, after `state=`
            a `)` is missing here, after `(a=1 and b=2`
            `and` or `or` is missing here, between `a=1` and `b=2`
            this quotation mark has no partner, between `a=` and `"x`"#]]
        .assert_eq(
            &[
                "state running",
                "state=",
                "(a=1 and b=2",
                "a=1 b=2",
                "a=\"x",
            ]
            .map(wrong)
            .join("\n"),
        );
    }
}
