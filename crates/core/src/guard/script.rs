//! Tests and assertions in JavaScript and TypeScript.

use super::{
    lex::{Code, close_of, is_word, skip_space, words},
    scan::{Call, Place, Strength, chained},
};

/// Finds the calls of `test` and `it` with a title.
pub(super) fn tests(text: &str, code: &Code) -> Vec<Place> {
    let groups: Vec<Named> = named(text, code, &["describe", "suite", "context"]);
    let mut found = Vec::new();
    for test in named(text, code, &["it", "test", "specify"]) {
        let around = groups.iter().filter(|group| group.holds(test.at));
        let groups: Vec<&Named> = around.collect();
        found.push(Place {
            at: test.at,
            body: (test.at, test.end),
            is_skipped: test.is_skipped || groups.iter().any(|group| group.is_skipped),
            is_focused: test.is_focused || groups.iter().any(|group| group.is_focused),
            name: test.title,
        });
    }
    found
}

/// A call with a title.
struct Named {
    title: String,
    at: usize,
    end: usize,
    is_skipped: bool,
    is_focused: bool,
}

impl Named {
    fn holds(&self, at: usize) -> bool {
        self.at < at && at < self.end
    }
}

fn named(text: &str, code: &Code, names: &[&str]) -> Vec<Named> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    for (at, word) in words(code) {
        let plain = word
            .strip_prefix(['x', 'f'])
            .filter(|rest| names.contains(rest));
        if plain.is_none() && !names.contains(&word)
            || at > 0 && matches!(bytes[at - 1], b'.' | b'$')
        {
            continue;
        }
        let mut is_skipped = plain.is_some() && word.starts_with('x');
        let mut is_focused = plain.is_some() && word.starts_with('f');
        let mut next = at + word.len();
        // `.skip`, `.each([…])`, `.concurrent.only`
        loop {
            match bytes.get(next) {
                Some(b'.') => {
                    let end = next
                        + 1
                        + bytes[next + 1..]
                            .iter()
                            .take_while(|b| is_word(**b))
                            .count();
                    let said = &code[next + 1..end];
                    is_skipped |= matches!(
                        said,
                        "skip" | "skipIf" | "todo" | "failing" | "fails" | "fixme"
                    );
                    is_focused |= said == "only";
                    next = end;
                }
                Some(b'`') => {
                    let end = code[next + 1..].find('`');
                    next = end.map_or(code.len(), |end| next + end + 2);
                }
                Some(b'(') if !is_title(bytes, skip_space(code, next + 1)) => {
                    let close = close_of(code, next);
                    // Only after `.each(…)` a second call follows.
                    if bytes.get(close + 1) != Some(&b'(') {
                        break;
                    }
                    next = close + 1;
                }
                _ => break,
            }
        }
        let title = skip_space(code, next + 1);
        if bytes.get(next) != Some(&b'(') || !is_title(bytes, title) {
            continue;
        }
        let quote = char::from(bytes[title]);
        let length = code.get(title + 1..).and_then(|rest| rest.find(quote));
        let Some(title) = length.and_then(|n| text.get(title + 1..title + 1 + n)) else {
            continue;
        };
        found.push(Named {
            title: title.to_owned(),
            at,
            end: close_of(code, next),
            is_skipped,
            is_focused,
        });
    }
    found
}

fn is_title(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b'"' | b'\'' | b'`'))
}

/// Tells what an assertion says, and where it ends.
pub(super) fn assertion(call: &Call<'_>) -> Option<(Strength, usize)> {
    const LOOSE: [&str; 14] = [
        "toBeTruthy",
        "toBeFalsy",
        "toBeDefined",
        "toBeInstanceOf",
        "toContain",
        "toMatch",
        "toMatchObject",
        "toBeGreaterThan",
        "toBeLessThan",
        "toHaveBeenCalled",
        "toBeCloseTo",
        "ok",
        "notEqual",
        "match",
    ];
    let loose = |word: &str, is_not: bool| match is_not || LOOSE.contains(&word) {
        true => Strength::Loose,
        false => Strength::Exact,
    };
    let end = call.end()?;
    if call.word == "expect" && !call.is_after(b'.') {
        let (word, open, close) = chained(call.code, end)?;
        let is_not = call.code[end..open].contains(".not.");
        return Some((loose(word, is_not), (close + 1).min(call.code.len())));
    }
    match call.receiver() {
        "assert" | "t" if !matches!(call.word, "test" | "it" | "plan" | "log" | "end") => {
            Some((loose(call.word, false), end))
        }
        "" if call.word == "assert" => Some((Strength::Loose, end)),
        _ => None,
    }
}
