//! The lines of a task list, each with what it is and where it stands.

use std::ops::Range;

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// Its bytes in the whole text.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// `#` and more of them, and the words behind.
    Heading(usize, &'a str),
    Task(Task<'a>),
    /// A line that belongs to what stands above it.
    Indented,
    /// Part of a code block or a comment.
    Hidden,
    Other,
}

/// A line with a box at the margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task<'a> {
    pub(super) is_done: bool,
    /// Where the one character in the box stands.
    pub(super) mark: Range<usize>,
    pub(super) id: Option<&'a str>,
    pub(super) is_parallel: bool,
    /// What else stands in brackets before the text, such as `US1`.
    pub(super) labels: Vec<&'a str>,
    pub(super) words: &'a str,
}

/// Goes through the lines of a text.
pub(super) fn lines(text: &str) -> Lines<'_> {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    Lines {
        rest,
        at: text.len() - rest.len(),
        open: None,
    }
}

/// See [`lines`].
pub(super) struct Lines<'a> {
    rest: &'a str,
    at: usize,
    open: Option<Open<'a>>,
}

/// A code block or a comment that has begun.
struct Open<'a> {
    /// The marks of a code block; none for a comment.
    fence: Option<&'a str>,
    begun: Range<usize>,
}

impl Lines<'_> {
    /// Returns the line of a code block or a comment that did not end up to here.
    pub(super) fn unclosed(&self) -> Option<Range<usize>> {
        self.open.as_ref().map(|open| open.begun.clone())
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let whole = self.rest.split_inclusive('\n').next()?;
        let start = self.at;
        self.at += whole.len();
        self.rest = &self.rest[whole.len()..];
        let text = whole.trim_end_matches(['\n', '\r']);
        let span = start..start + text.len();
        let kind = match &self.open {
            Some(open) => {
                let ends = match open.fence {
                    Some(marks) => closes(text, marks),
                    None => !is_comment_open(text, true),
                };
                if ends {
                    self.open = None;
                }
                Kind::Hidden
            }
            None => {
                let fence = fence_of(text);
                let is_comment = text.trim_start().starts_with("<!--");
                if fence.is_some() || (is_comment && is_comment_open(text, false)) {
                    let begun = span.clone();
                    self.open = Some(Open { fence, begun });
                }
                match fence.is_some() || is_comment {
                    true => Kind::Hidden,
                    false => kind(text, start),
                }
            }
        };
        Some(Line { text, span, kind })
    }
}

/// Returns the marks with which a line begins a code block.
fn fence_of(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let mark = text.chars().next().filter(|mark| "`~".contains(*mark))?;
    let behind = text.trim_start_matches(mark);
    let n_marks = text.len() - behind.len();
    // Code within a line begins with backquotes and has more of them.
    (n_marks >= 3 && !(mark == '`' && behind.contains('`'))).then(|| &text[..n_marks])
}

fn closes(text: &str, marks: &str) -> bool {
    let text = text.trim();
    let mark = marks.chars().next().unwrap_or('`');
    text.len() >= marks.len() && text.chars().all(|c| c == mark)
}

fn is_comment_open(text: &str, was_open: bool) -> bool {
    match (text.rfind("<!--"), text.rfind("-->")) {
        (None, None) => was_open,
        (begun, ended) => begun > ended,
    }
}

fn kind(text: &str, start: usize) -> Kind<'_> {
    let level = text.bytes().take_while(|byte| *byte == b'#').count();
    if level > 0
        && let Some(words) = text[level..].strip_prefix([' ', '\t'])
    {
        return Kind::Heading(level, words.trim());
    }
    if text.starts_with([' ', '\t']) {
        return Kind::Indented;
    }
    task(text, start).map_or(Kind::Other, Kind::Task)
}

/// Reads `- [ ] T012 [P] [US1] words`; the id may be bold.
fn task(text: &str, start: usize) -> Option<Task<'_>> {
    let rest = text.strip_prefix(['-', '*', '+'])?;
    let rest = rest.trim_start_matches(' ').strip_prefix('[')?;
    let at = text.len() - rest.len();
    let is_done = match rest.as_bytes().first()? {
        b' ' => false,
        b'x' | b'X' => true,
        _ => return None,
    };
    let mut words = rest[1..].strip_prefix(']')?.trim();
    let (first, behind) = split_word(words);
    let bare = first.trim_matches('*').trim_end_matches(':');
    let id = is_id(bare).then_some(bare);
    if id.is_some() {
        words = behind.trim_start_matches("**").trim_start();
    }
    let mut is_parallel = false;
    let mut labels = Vec::new();
    while let Some((label, behind)) = bracketed(words) {
        match label {
            "P" => is_parallel = true,
            label => labels.push(label),
        }
        words = behind;
    }
    Some(Task {
        is_done,
        mark: start + at..start + at + 1,
        id,
        is_parallel,
        labels,
        words,
    })
}

fn split_word(text: &str) -> (&str, &str) {
    match text.split_once(' ') {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

/// Takes `[label]` from the beginning; a link is no label.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (label, rest) = text.strip_prefix('[')?.split_once(']')?;
    let is_label =
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (is_label && !rest.starts_with(['(', '['])).then(|| (label, rest.trim_start()))
}

/// Tells whether a word is the id of a task: some letters, then digits, as in `T012` or `T012a`.
pub(super) fn is_id(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = word.len() - digits.len();
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let n_digits = digits.len() - rest.len();
    (1..=4).contains(&letters)
        && (1..=6).contains(&n_digits)
        && (rest.is_empty()
            || (rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_lowercase())))
}
