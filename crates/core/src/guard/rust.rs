//! Tests and assertions in Rust.

use super::{
    lex::{Code, close_of, is_word, skip_space},
    scan::{Call, Place, Strength},
};

/// Finds the functions with an attribute that makes them a test.
pub(super) fn tests(code: &Code) -> Vec<Place> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut attributes: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' if bytes.get(at + 1) == Some(&b'[') => {
                let close = close_of(code, at + 1);
                attributes.push(code.get(at + 2..close).unwrap_or(""));
                at = close + 1;
            }
            b'{' | b'}' | b';' => {
                attributes.clear();
                at += 1;
            }
            byte if is_word(byte) => {
                let end = at + bytes[at..].iter().take_while(|b| is_word(**b)).count();
                if &code[at..end] == "fn" {
                    at = function(code, end, &attributes, &mut found);
                    attributes.clear();
                } else {
                    at = end;
                }
            }
            _ => at += 1,
        }
    }
    found
}

/// Reads a function; returns where to go on.
fn function(code: &Code, after: usize, attributes: &[&str], found: &mut Vec<Place>) -> usize {
    let name = skip_space(code, after);
    let bytes = code.as_bytes();
    let end = name + bytes[name..].iter().take_while(|b| is_word(**b)).count();
    if !attributes.iter().any(|attribute| is_test(attribute)) {
        return end.max(after);
    }
    let mut open = end;
    while open < bytes.len() && bytes[open] != b'{' && bytes[open] != b';' {
        open = match bytes[open] {
            b'(' | b'[' => close_of(code, open) + 1,
            _ => open + 1,
        };
    }
    let close = close_of(code, open.min(code.len()));
    found.push(Place {
        name: code[name..end].to_owned(),
        at: name,
        body: (name, close),
        is_skipped: attributes.iter().any(|attribute| {
            let mut words = attribute.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            words.any(|word| word == "ignore")
        }),
        is_focused: false,
    });
    close + 1
}

fn is_test(attribute: &str) -> bool {
    let path = attribute.split('(').next().unwrap_or(attribute).trim();
    let last = path.rsplit("::").next().unwrap_or(path);
    last.ends_with("test") || matches!(last, "test_case" | "quickcheck" | "proptest")
}

/// Tells what an assertion says, and where it ends.
pub(super) fn assertion(call: &Call<'_>) -> Option<(Strength, usize)> {
    let end = call.end()?;
    // `expect![[…]].assert_eq(&…)`
    if call.is_after(b'.') && !call.is_macro() {
        return call
            .word
            .starts_with("assert")
            .then_some((Strength::Exact, end));
    }
    if !call.is_macro() {
        return None;
    }
    let name = call
        .word
        .trim_start_matches("prop_")
        .trim_start_matches("debug_");
    let inside = call.inside();
    let strength = match name {
        "assert" if ["==", "matches!"].iter().any(|sign| inside.contains(sign)) => Strength::Exact,
        "assert" | "assert_ne" => Strength::Loose,
        _ if name.starts_with("assert") => Strength::Exact,
        _ => return None,
    };
    Some((strength, end))
}
