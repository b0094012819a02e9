//! Finds where in a template a name stands.
//!
//! It splits a template into text and code as far as that takes; what the code
//! means is for the template language.

use std::ops::Range;

/// A word of the code of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// The name, with dots: `bead.id`.
    pub(super) name: &'t str,
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// Whether it comes after a `|`, and so is a filter.
    pub(super) is_filter: bool,
}

/// Returns the names in the code of a template, without those inside quotes.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(open) = next_open(text, at) {
        let kind = text.as_bytes()[open + 1];
        let inside = open + 2;
        if kind == b'#' {
            at = text[inside..]
                .find("#}")
                .map_or(text.len(), |end| inside + end + 2);
            continue;
        }
        let close: &str = if kind == b'{' { "}}" } else { "%}" };
        let end = code_end(text, inside, close);
        collect(text, inside..end, &mut words);
        at = (end + 2).min(text.len());
        if kind == b'%' && is_tag(&text[inside..end], "raw") {
            at = raw_end(text, at);
        }
    }
    words
}

fn next_open(text: &str, from: usize) -> Option<usize> {
    text.as_bytes()
        .get(from..)?
        .windows(2)
        .position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
        .map(|at| from + at)
}

fn is_tag(code: &str, name: &str) -> bool {
    code.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+') == name
}

/// Returns where the block of raw text ends whose first byte is `from`.
fn raw_end(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(open) = text[at..].find("{%").map(|open| at + open) {
        let end = code_end(text, open + 2, "%}");
        if is_tag(&text[open + 2..end], "endraw") {
            return end;
        }
        at = open + 2;
    }
    text.len()
}

/// Returns where the code ends: at `close` outside quotes, or with the text.
fn code_end(text: &str, from: usize, close: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = string_end(bytes, at, quote),
            _ if bytes[at..].starts_with(close.as_bytes()) => return at,
            _ => at += 1,
        }
    }
    text.len()
}

/// Returns the byte after the string that begins at `open`.
fn string_end(bytes: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn collect<'t>(text: &'t str, code: Range<usize>, words: &mut Vec<Word<'t>>) {
    let bytes = text.as_bytes();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let mut at = code.start;
    let mut is_filter = false;
    while at < code.end {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                at = string_end(bytes, at, quote).min(code.end);
                is_filter = false;
            }
            b'|' => {
                is_filter = true;
                at += 1;
            }
            byte if byte.is_ascii_whitespace() => at += 1,
            byte if is_letter(byte) => {
                let start = at;
                while at < code.end && (is_letter(bytes[at]) || bytes[at] == b'.') {
                    at += 1;
                }
                let name = text[start..at].trim_end_matches('.');
                words.push(Word {
                    name,
                    span: start..start + name.len(),
                    is_filter,
                });
                is_filter = false;
            }
            _ => {
                is_filter = false;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        words(text)
            .iter()
            .map(|word| format!("{}{}", if word.is_filter { "|" } else { "" }, word.name))
            .collect()
    }

    #[test]
    fn names_are_found_in_code_and_nowhere_else() {
        assert_eq!(
            names("bead {{ bead.id | tail(2) }} {# no #} {% if x == \"}} y\" %}z{% endif %}"),
            ["bead.id", "|tail", "2", "if", "x", "endif"]
        );
        assert_eq!(
            names("{%- raw -%}{{ no }}{% endraw %}{{ yes }}"),
            ["raw", "yes"]
        );
    }

    #[test]
    fn no_broken_template_makes_it_panic() {
        for text in [
            "{{",
            "{%",
            "{#",
            "{{ 'a",
            "{{ 'a\\",
            "{% raw %}{%",
            "{{ ä.",
            "{",
        ] {
            drop(words(text));
        }
    }
}
