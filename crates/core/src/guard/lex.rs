//! Code without its comments and without what stands in its strings.
//!
//! What is left out becomes spaces, so that every place is where it was.

use super::language::Language;

/// Code in which each bracket knows the one that closes it.
#[derive(Debug)]
pub(super) struct Code {
    text: String,
    closes: Vec<usize>,
}

impl std::ops::Deref for Code {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// Blanks comments and the insides of strings; quotes and line ends stay.
pub(super) fn code_of(text: &str, language: Language) -> Code {
    let mut lexer = Lexer {
        text: text.as_bytes(),
        code: text.as_bytes().to_vec(),
        at: 0,
        language,
    };
    lexer.run();
    let text = String::from_utf8(lexer.code).unwrap_or_else(|_| " ".repeat(text.len()));
    let mut closes = vec![text.len(); text.len()];
    let mut open = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open.push(at),
            b')' | b']' | b'}' => {
                if let Some(begin) = open.pop() {
                    closes[begin] = at;
                }
            }
            _ => {}
        }
    }
    Code { text, closes }
}

struct Lexer<'a> {
    text: &'a [u8],
    code: Vec<u8>,
    at: usize,
    language: Language,
}

impl Lexer<'_> {
    fn run(&mut self) {
        let has_hash = self.language == Language::Python;
        while self.at < self.text.len() {
            let byte = self.text[self.at];
            match byte {
                b'#' if has_hash => self.line_comment(),
                b'/' if !has_hash && self.is_at("//") => self.line_comment(),
                b'/' if !has_hash && self.is_at("/*") => self.block_comment(),
                b'"' | b'\'' if has_hash => self.python_string(byte),
                b'"' if self.language == Language::Rust && self.n_hashes_before().is_some() => {
                    let hashes = self.n_hashes_before().unwrap_or(0);
                    let end = format!("\"{}", "#".repeat(hashes));
                    self.until(&end, 1, b'\0');
                }
                b'"' => self.until("\"", 1, b'\\'),
                b'\'' if self.language == Language::Rust => self.rust_quote(),
                b'\'' => self.until("'", 1, b'\\'),
                b'`' if self.language == Language::Script => self.until("`", 1, b'\\'),
                b'`' if self.language == Language::Go => self.until("`", 1, b'\0'),
                _ => self.at += 1,
            }
        }
    }

    fn is_at(&self, wanted: &str) -> bool {
        self.text[self.at..].starts_with(wanted.as_bytes())
    }

    fn blank(&mut self, at: usize) {
        if self.text[at] != b'\n' {
            self.code[at] = b' ';
        }
    }

    fn line_comment(&mut self) {
        while self.at < self.text.len() && self.text[self.at] != b'\n' {
            self.blank(self.at);
            self.at += 1;
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_u32;
        while self.at < self.text.len() {
            if self.is_at("/*") && (depth == 0 || self.language == Language::Rust) {
                depth += 1;
            } else if self.is_at("*/") {
                depth -= 1;
            } else {
                self.blank(self.at);
                self.at += 1;
                continue;
            }
            self.blank(self.at);
            self.blank(self.at + 1);
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
    }

    /// Counts the hashes of a raw string that begins here; none when it is a plain one.
    fn n_hashes_before(&self) -> Option<usize> {
        let before = &self.text[..self.at];
        let hashes = before
            .iter()
            .rev()
            .take_while(|byte| **byte == b'#')
            .count();
        let mut rest = before.iter().rev().skip(hashes);
        let is_raw = rest.next() == Some(&b'r')
            && rest
                .next()
                .is_none_or(|byte| matches!(byte, b'b' | b'c') || !is_word(*byte));
        is_raw.then_some(hashes)
    }

    /// Blanks up to an end, which is `end` as it stands; `escape` takes the byte after it along.
    fn until(&mut self, end: &str, opening: usize, escape: u8) {
        self.at += opening;
        // A string that does not end in its line is none: an apostrophe, or a part of a pattern.
        let spans_lines = match end {
            "'" => false,
            "\"" => self.language == Language::Rust,
            _ => true,
        };
        while self.at < self.text.len() {
            if self.is_at(end) {
                self.at += end.len();
                return;
            }
            if self.text[self.at] == b'\n' && !spans_lines {
                return;
            }
            if escape != 0 && self.text[self.at] == escape && self.at + 1 < self.text.len() {
                self.blank(self.at);
                self.at += 1;
            }
            self.blank(self.at);
            self.at += 1;
        }
    }

    fn python_string(&mut self, quote: u8) {
        let one = char::from(quote).to_string();
        let three = one.repeat(3);
        if self.is_at(&three) {
            self.until(&three, 3, b'\\');
        } else {
            self.until(&one, 1, b'\\');
        }
    }

    /// Tells a character from a lifetime.
    fn rust_quote(&mut self) {
        let rest = &self.text[self.at + 1..];
        let is_char = match rest.first() {
            Some(b'\\') => true,
            Some(_) => {
                let width = rest
                    .iter()
                    .skip(1)
                    .take_while(|b| **b & 0xC0 == 0x80)
                    .count()
                    + 1;
                rest.get(width) == Some(&b'\'')
            }
            None => false,
        };
        if is_char {
            self.until("'", 1, b'\\');
        } else {
            self.at += 1;
        }
    }
}

/// Tells whether a byte can be in a name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Lists the names in code, each with where it begins.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = code.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_word(bytes[at]) {
            at += 1;
        }
        let begin = at;
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        (begin < at).then(|| (begin, &code[begin..at]))
    })
}

/// Finds the bracket that closes the one at `open`; the end of the code when there is none.
pub(super) fn close_of(code: &Code, open: usize) -> usize {
    code.closes.get(open).copied().unwrap_or(code.len())
}

/// Skips white space from `at`.
pub(super) fn skip_space(code: &str, at: usize) -> usize {
    let rest = code.get(at..).unwrap_or("");
    at + rest.len() - rest.trim_start().len()
}

/// Counts the line of a place, from 1.
pub(super) fn line_of(text: &str, at: usize) -> u32 {
    let lines = text.as_bytes()[..at.min(text.len())].iter();
    let lines = lines.filter(|byte| **byte == b'\n').count();
    u32::try_from(lines + 1).unwrap_or(u32::MAX)
}

/// Joins what stands in several lines to one, with single spaces.
pub(super) fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Splits what stands between brackets at its commas.
pub(super) fn arguments(code: &str, open: usize, close: usize) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let mut begin = open + 1;
    let mut depth = 0_u32;
    let end = close.min(code.len());
    for (at, byte) in code.bytes().enumerate().take(end).skip(open + 1) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push((begin, at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    if begin < end && !code[begin..end].trim().is_empty() {
        parts.push((begin, end));
    }
    parts
}
