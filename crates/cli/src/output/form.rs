//! What `--jq` and `--template` make of documents.

use gtd_core::Diagnostic;
use serde_json::Value;

use super::{jq::Jq, template::Template};

/// The form in which documents are written.
#[derive(Default)]
pub(crate) enum Form {
    /// As JSON.
    #[default]
    Json,
    /// What an expression of jq makes of them.
    Jq(Box<Jq>),
    /// What a template makes of them.
    Template(Box<Template>),
}

impl Form {
    /// Reads what the command line wishes.
    ///
    /// # Errors
    /// With the place of what is wrong in it, before anything was done.
    pub(crate) fn read(jq: Option<&str>, template: Option<&str>) -> Result<Self, Diagnostic> {
        match (jq, template) {
            (Some(text), _) => Jq::read(text).map(|jq| Self::Jq(Box::new(jq))),
            (None, Some(text)) => {
                Template::read(text).map(|template| Self::Template(Box::new(template)))
            }
            (None, None) => Ok(Self::Json),
        }
    }

    /// Tells whether documents are written as they are.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Self::Json)
    }

    /// Returns the lines that a document becomes; `is_wide` is JSON over several lines.
    ///
    /// # Errors
    /// When the expression or the template cannot be used on this document.
    pub(crate) fn lines(&self, document: &Value, is_wide: bool) -> Result<Vec<String>, Diagnostic> {
        match self {
            Self::Json if is_wide => Ok(vec![format!("{document:#}")]),
            Self::Json => Ok(vec![document.to_string()]),
            Self::Jq(expression) => expression.of(document, is_wide),
            Self::Template(template) => {
                let text = template.of(document)?;
                Ok(match text.strip_suffix('\n').unwrap_or(&text) {
                    "" => Vec::new(),
                    text => vec![text.to_owned()],
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({"kind": "BeadList", "api": "gtd/v1", "next": "", "items": [
            {"id": "gt-1", "title": "Say \"hello\"", "state": "landed", "priority": 2, "since": null},
            {"id": "gt-2", "title": "Größe", "state": "ready", "priority": 0, "since": null},
        ]})
    }

    fn said(form: Result<Form, Diagnostic>) -> String {
        match form.and_then(|form| form.lines(&document(), false)) {
            Ok(lines) => lines.join("\n"),
            Err(mistake) => mistake.render(),
        }
    }

    fn jq(expression: &str, expected: &Expect) {
        expected.assert_eq(&said(Form::read(Some(expression), None)));
    }

    fn template(text: &str, expected: &Expect) {
        expected.assert_eq(&said(Form::read(None, Some(text))));
    }

    #[test]
    fn texts_stand_as_they_are_and_the_rest_as_json() {
        jq(
            ".items[].title",
            &expect![[r#"
            Say "hello"
            Größe"#]],
        );
        jq(
            r#".items[] | select(.priority < 1) | {id, title, since}"#,
            &expect![[r#"{"id":"gt-2","title":"Größe","since":null}"#]],
        );
        jq(
            r#".items | map(.priority) | add, length, ("\(.[0])" | test("2"))"#,
            &expect![[r#"
                2
                2
                true"#]],
        );
        jq(
            r#".items[] | [.id, .priority] | @tsv"#,
            &expect![[r#"
                gt-1	2
                gt-2	0"#]],
        );
        jq(
            r#"["a\tb\\c", null, 1, true, "\"q\""] | @tsv, @csv"#,
            &expect![[r#"
                a\tb\\c		1	true	"q"
                "a	b\c",,1,true,"""q""""#]],
        );
        jq("empty", &expect![[""]]);
    }

    #[test]
    fn a_mistake_in_an_expression_shows_its_place() {
        jq(
            ".items[",
            &expect![[r#"
            --jq: a closing bracket is missing
             --> --jq:1:8
              |
            1 | .items[
              |        ^
              help: expressions are those of jq: https://jqlang.org/manual"#]],
        );
        jq(
            ".items | mpa(.id)",
            &expect![[r#"
                --jq: there is no function `mpa`
                 --> --jq:1:10
                  |
                1 | .items | mpa(.id)
                  |          ^^^
                  help: did you mean `map`?"#]],
        );
        jq(
            "items",
            &expect![[r#"
            --jq: there is no function `items`
             --> --jq:1:1
              |
            1 | items
              | ^^^^^
              help: a field is written with a dot: .items"#]],
        );
        jq(
            ".items[] | $x",
            &expect![[r#"
            --jq: there is no variable `$x`
             --> --jq:1:12
              |
            1 | .items[] | $x
              |            ^^
              help: expressions are those of jq: https://jqlang.org/manual"#]],
        );
        jq(
            ".items + ",
            &expect![[r#"
            --jq: it ends where a term should come
             --> --jq:1:10
              |
            1 | .items +
              |          ^
              help: expressions are those of jq: https://jqlang.org/manual"#]],
        );
        jq(
            ".items[] | .id | .x",
            &expect![[r#"
            --jq: cannot index "gt-1" with "x"
             --> --jq:1:1
              |
            1 | .items[] | .id | .x
              | ^^^^^^^^^^^^^^^^^^^"#]],
        );
        jq(
            "",
            &expect![[r#"
            --jq: it ends where a term should come
             --> --jq:1:1
              |
            1 |
              | ^
              help: expressions are those of jq: https://jqlang.org/manual"#]],
        );
        jq(
            "\"abc",
            &expect![[r#"
            --jq: a closing quote is missing
             --> --jq:1:5
              |
            1 | "abc
              |     ^
              help: expressions are those of jq: https://jqlang.org/manual"#]],
        );
    }

    #[test]
    fn a_template_sees_the_document() {
        template(
            "{% for bead in items %}{{ bead.id }} {{ bead.title }}\n{% endfor %}",
            &expect![[r#"
                gt-1 Say "hello"
                gt-2 Größe"#]],
        );
        template(
            "{{ items[0] | tojson }}",
            &expect![[
                r#"{"id":"gt-1","priority":2,"since":null,"state":"landed","title":"Say \"hello\""}"#
            ]],
        );
        template(
            "{{ items | length }} of {{ kind }}",
            &expect!["2 of BeadList"],
        );
    }

    #[test]
    fn a_mistake_in_a_template_shows_its_place() {
        template(
            "{{ itmes }}",
            &expect![[r#"
            --template: `itmes` is undefined
             --> --template:1:4
              |
            1 | {{ itmes }}
              |    ^^^^^
              help: the document has: api items kind next"#]],
        );
        template(
            "a\n{% for x in items %}\n{{ x.id }",
            &expect![[r#"
            --template: unexpected `}`, expected end of variable block
             --> --template:3:9
              |
            3 | {{ x.id }
              |         ^"#]],
        );
        template(
            "{{ kind | uper }}",
            &expect![[r#"
            --template: filter uper is unknown
             --> --template:1:11
              |
            1 | {{ kind | uper }}
              |           ^^^^"#]],
        );
        template(
            "{{ kind | ago }}",
            &expect![[r#"
            --template: `BeadList` is no moment
             --> --template:1:11
              |
            1 | {{ kind | ago }}
              |           ^^^"#]],
        );
    }
}
