//! Tests and assertions in Python.

use super::scan::{Call, Place, Strength};

struct Line<'a> {
    at: usize,
    indent: usize,
    text: &'a str,
}

/// Lists the lines of code that say something, each with where it begins.
fn lines(code: &str) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if !text.trim().is_empty() {
            found.push(Line {
                at: at + indent,
                indent,
                text: text.trim_end(),
            });
        }
        at += line.len();
    }
    found
}

/// Finds the functions whose name begins with `test`.
pub(super) fn tests(code: &str) -> Vec<Place> {
    let lines = lines(code);
    let mut found = Vec::new();
    let mut classes: Vec<(usize, &str, bool)> = Vec::new();
    let mut decorators: Vec<&str> = Vec::new();
    let is_skipped_whole = lines
        .iter()
        .any(|line| line.indent == 0 && line.text.starts_with("pytestmark") && is_skip(line.text));
    let mut depth = 0_i32;
    let mut is_decorator = false;
    for (number, line) in lines.iter().enumerate() {
        let is_continued = depth > 0;
        depth = (depth + balance(line.text)).max(0);
        if is_continued {
            if is_decorator {
                decorators.push(line.text);
            }
            continue;
        }
        is_decorator = line.text.starts_with('@');
        classes.retain(|(indent, _, _)| *indent < line.indent);
        if is_decorator {
            decorators.push(line.text);
            continue;
        }
        let is_skipped = decorators.iter().any(|decorator| is_skip(decorator));
        decorators.clear();
        if let Some(rest) = line.text.strip_prefix("class ") {
            classes.push((line.indent, word(rest), is_skipped));
            continue;
        }
        let rest = line.text.strip_prefix("async ").unwrap_or(line.text);
        let Some(rest) = rest.strip_prefix("def ") else {
            continue;
        };
        let name = word(rest);
        if !name.starts_with("test") {
            continue;
        }
        let body = &lines[number + 1..];
        let next = body
            .iter()
            .find(|other| other.indent <= line.indent && !other.text.starts_with([')', ']', '}']));
        let end = next.map_or(code.len(), |next| next.at);
        let of_class = classes.last().map_or("", |(_, class, _)| class);
        let inside = code.get(line.at..end).unwrap_or("");
        let skips_itself = [
            "pytest.skip(",
            "self.skipTest(",
            "raise SkipTest",
            "unittest.SkipTest",
        ]
        .iter()
        .any(|skip| inside.contains(skip));
        found.push(Place {
            name: match of_class {
                "" => name.to_owned(),
                class => format!("{class}::{name}"),
            },
            at: line.at + line.text.find(name).unwrap_or(0),
            body: (line.at, end),
            is_skipped: is_skipped_whole
                || is_skipped
                || skips_itself
                || classes.iter().any(|(_, _, is_skipped)| *is_skipped),
            is_focused: false,
        });
    }
    found
}

fn is_skip(text: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| {
        matches!(
            word,
            "skip" | "skipif" | "skipIf" | "skipUnless" | "xfail" | "expectedFailure"
        )
    })
}

fn balance(text: &str) -> i32 {
    text.bytes().fold(0, |depth, byte| match byte {
        b'(' | b'[' | b'{' => depth + 1,
        b')' | b']' | b'}' => depth - 1,
        _ => depth,
    })
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    &text[..end.unwrap_or(text.len())]
}

/// Finds the end of a statement: the end of its line, outside of all brackets.
pub(super) fn end_of_statement(code: &str, from: usize) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b'\n' if depth <= 0 && code.as_bytes()[at.saturating_sub(1)] != b'\\' => return at,
            _ => {}
        }
    }
    code.len()
}

/// Tells what an assertion says, and where it ends.
pub(super) fn assertion(call: &Call<'_>) -> Option<(Strength, usize)> {
    if call.word == "assert" && !call.is_after(b'.') {
        let end = end_of_statement(call.code, call.at);
        let said = &call.code[call.at..end];
        let is_exact =
            [" == ", " is "].iter().any(|sign| said.contains(sign)) && !said.contains(" is not ");
        return Some((
            if is_exact {
                Strength::Exact
            } else {
                Strength::Loose
            },
            end,
        ));
    }
    let end = call.end()?;
    let strength = match (call.receiver(), call.word) {
        ("pytest", "raises" | "warns") => Strength::Exact,
        (_, "assertTrue" | "assertFalse") if call.inside().contains("==") => Strength::Exact,
        (
            _,
            "assertTrue" | "assertFalse" | "assertIn" | "assertNotIn" | "assertIsNotNone"
            | "assertNotEqual" | "assertIsInstance" | "assertGreater" | "assertLess"
            | "assert_called",
        ) => Strength::Loose,
        (receiver, word) if !receiver.is_empty() && word.starts_with("assert") => Strength::Exact,
        _ => return None,
    };
    Some((strength, end))
}
