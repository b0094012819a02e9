//! Tests and assertions in Go.

use super::{
    lex::{Code, close_of, is_word, words},
    scan::{Call, Place, Strength},
};

/// Finds the functions that `go test` runs.
pub(super) fn tests(code: &Code) -> Vec<Place> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let all: Vec<(usize, &str)> = words(code).collect();
    for pair in all.windows(2) {
        let [(keyword, "func"), (at, name)] = *pair else {
            continue;
        };
        let kinds = ["Test", "Fuzz", "Benchmark", "Example"];
        let open = at + name.len();
        let is_method = code[keyword + "func".len()..at].contains('(');
        let is_one = kinds.iter().any(|kind| {
            let rest = name.strip_prefix(kind);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
        });
        if !is_one || is_method || bytes.get(open) != Some(&b'(') {
            continue;
        }
        let parameters = close_of(code, open);
        let Some(brace) = code.get(parameters..).and_then(|rest| rest.find('{')) else {
            continue;
        };
        let close = close_of(code, parameters + brace);
        let body = code.get(parameters..close).unwrap_or("");
        found.push(Place {
            name: name.to_owned(),
            at,
            body: (keyword, close),
            is_skipped: skips(body),
            is_focused: false,
        });
    }
    found
}

fn skips(body: &str) -> bool {
    ["Skip", "SkipNow", "Skipf"].iter().any(|word| {
        let call = format!(".{word}(");
        body.match_indices(&call).any(|(at, _)| {
            let before = body[..at]
                .bytes()
                .rev()
                .take_while(|byte| is_word(*byte))
                .count();
            matches!(&body[at - before..at], "t" | "b" | "f" | "tb")
        })
    })
}

/// Tells what an assertion says, and where it ends.
pub(super) fn assertion(call: &Call<'_>) -> Option<(Strength, usize)> {
    let end = call.end()?;
    match (call.receiver(), call.word) {
        ("t" | "b" | "f" | "tb", "Error" | "Errorf" | "Fatal" | "Fatalf" | "Fail" | "FailNow") => {
            Some((Strength::Exact, end))
        }
        (
            "assert" | "require",
            "True" | "False" | "NotNil" | "NotEqual" | "Contains" | "NotEmpty" | "Error"
            | "NoError",
        ) => Some((Strength::Loose, end)),
        ("assert" | "require", _) => Some((Strength::Exact, end)),
        _ => None,
    }
}
