//! Changes to the text of a TOML file that leave everything else of it as it was.

use gtd_core::config::Value;
use toml_edit::{DocumentMut, Item, Table, TableLike};

/// Why a text could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextError {
    /// It is no TOML.
    #[error("it is no TOML: {0}")]
    NotToml(String),
    /// Something stands where a table should be.
    #[error("`{0}` is not a table there")]
    NotATable(String),
}

/// Sets a key, with the tables that lead to it; what stood behind the value stays behind it.
///
/// # Errors
/// When the text is no TOML, or something else stands in the way.
pub(crate) fn with(text: &str, key: &str, value: &Value) -> Result<String, TextError> {
    let mut document = parse(text)?;
    let (tables, name) = split(key);
    let mut at: &mut dyn TableLike = document.as_table_mut();
    let mut path = Vec::new();
    for table in tables {
        path.push(table);
        if !at.contains_key(table) {
            let mut fresh = Table::new();
            // `[roles.worker]` alone is what a person would write.
            fresh.set_implicit(true);
            at.insert(table, Item::Table(fresh));
        }
        at = at
            .get_mut(table)
            .and_then(Item::as_table_like_mut)
            .ok_or_else(|| TextError::NotATable(path.join(".")))?;
    }
    let mut fresh: toml_edit::Value = value
        .to_string()
        .parse()
        .map_err(|error: toml_edit::TomlError| TextError::NotToml(error.message().to_owned()))?;
    match at.get_mut(name) {
        Some(Item::Value(old)) => {
            *fresh.decor_mut() = old.decor().clone();
            *old = fresh;
        }
        Some(other) => *other = Item::Value(fresh),
        None => {
            at.insert(name, Item::Value(fresh));
        }
    }
    Ok(document.to_string())
}

/// Takes a key out, and tables that are empty then; nothing when it is not there.
///
/// # Errors
/// When the text is no TOML.
pub(crate) fn without(text: &str, key: &str) -> Result<Option<String>, TextError> {
    let mut document = parse(text)?;
    let (tables, name) = split(key);
    let is_gone = remove(document.as_table_mut(), &tables, name);
    Ok(is_gone.then(|| document.to_string()))
}

fn remove(at: &mut dyn TableLike, tables: &[&str], name: &str) -> bool {
    let Some((first, rest)) = tables.split_first() else {
        return at.remove(name).is_some();
    };
    let Some(below) = at.get_mut(first).and_then(Item::as_table_like_mut) else {
        return false;
    };
    let is_gone = remove(below, rest, name);
    if is_gone && below.is_empty() {
        at.remove(first);
    }
    is_gone
}

fn parse(text: &str) -> Result<DocumentMut, TextError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| TextError::NotToml(error.message().to_owned()))
}

fn split(key: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = key.split('.').collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const TEXT: &str = "# mine\nschema = 1\n\n[merge] # the queue\n# few\nbatch = 4   # for the night\n\n[roles.worker]\nmax = 2\n";

    fn check(made: Result<String, TextError>, expected: &Expect) {
        expected.assert_eq(&made.unwrap_or_else(|error| error.to_string()));
    }

    #[test]
    fn a_value_changes_and_its_comments_stay() {
        check(
            with(TEXT, "merge.batch", &Value::Integer(2)),
            &expect![[r#"
                # mine
                schema = 1

                [merge] # the queue
                # few
                batch = 2   # for the night

                [roles.worker]
                max = 2
            "#]],
        );
    }

    #[test]
    fn a_new_key_stands_in_its_table() {
        check(
            with(TEXT, "roles.worker.limit", &Value::Text("1h".to_owned())),
            &expect![[r##"
                # mine
                schema = 1

                [merge] # the queue
                # few
                batch = 4   # for the night

                [roles.worker]
                max = 2
                limit = "1h"
            "##]],
        );
        check(
            with("schema = 1\n", "roles.worker.max", &Value::Integer(3)),
            &expect![[r#"
                schema = 1

                [roles.worker]
                max = 3
            "#]],
        );
        check(
            with(
                "roles = { worker = { max = 1 } }\n",
                "roles.worker.max",
                &Value::Integer(3),
            ),
            &expect![[r#"
                roles = { worker = { max = 3 } }
            "#]],
        );
    }

    #[test]
    fn a_key_that_goes_takes_its_empty_table_along() {
        let gone = |key: &str| without(TEXT, key).map(Option::unwrap_or_default);
        check(
            gone("roles.worker.max"),
            &expect![[r#"
            # mine
            schema = 1

            [merge] # the queue
            # few
            batch = 4   # for the night
        "#]],
        );
        assert_eq!(without(TEXT, "merge.order"), Ok(None));
        assert_eq!(without(TEXT, "nothing.here"), Ok(None));
    }

    #[test]
    fn what_is_no_table_is_not_overwritten() {
        assert_eq!(
            with("merge = 1\n", "merge.batch", &Value::Integer(3)),
            Err(TextError::NotATable("merge".to_owned()))
        );
        assert!(matches!(
            with("merge = \n", "merge.batch", &Value::Integer(3)),
            Err(TextError::NotToml(_))
        ));
    }
}
