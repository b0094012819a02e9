//! What is kept of an output, and what a person is told in one line.
//!
//! Both go to the ledger, which refuses what is too long or holds a NUL: a
//! report that is refused would be made again for ever.

use gtd_core::{GateRun, TestReport, Verdict};

use crate::EndSeen;

/// How much of an output is kept as evidence, in bytes.
const EVIDENCE: usize = 4_000;
/// A cut so near to the begin of a line is moved there, in bytes.
const NEAR: usize = 200;
/// The longest line for a person, in bytes.
const LINE: usize = 1_000;
/// Files that are named in a line.
const NAMED: usize = 10;

/// Keeps the end of an output, from a line's begin where one is near.
pub(crate) fn evidence(tail: &str) -> String {
    end_of(tail, EVIDENCE)
}

fn end_of(tail: &str, most: usize) -> String {
    let text = tail.replace('\0', "\u{2400}");
    let from = ceil_boundary(&text, text.len().saturating_sub(most));
    let kept = &text[from..];
    let from = match kept.find('\n') {
        Some(end) if from > 0 && end < NEAR => end + 1,
        _ => 0,
    };
    kept[from..].trim_end().to_owned()
}

/// Adds to the end of an output which tests were red, and leaves as much of the output as there is
/// room for.
pub(crate) fn with_tests(tail: &str, report: Option<&TestReport>) -> String {
    match report.map(TestReport::told).filter(|told| !told.is_empty()) {
        Some(told) => {
            let told = told.trim_end().replace('\0', "\u{2400}");
            let room = EVIDENCE.saturating_sub(told.len() + 2);
            format!("{}\n\n{told}", end_of(tail, room))
        }
        None => evidence(tail),
    }
}

/// Takes what is kept of the report of a gate that ended; `before` are earlier runs on the same
/// tree.
pub(crate) fn tests(end: &EndSeen, before: &[GateRun]) -> Option<TestReport> {
    let results = end.tests.as_deref()?;
    let mut report = TestReport::of(results, before);
    // A report explains a verdict and never makes one; where they differ, that is said.
    if report.remark.is_empty() && report.failed > 0 && end.verdict() == Verdict::Passed {
        report.remark = "it names red tests, and the gate ended with exit code 0".to_owned();
    }
    Some(report)
}

/// Keeps the begin of what others wrote.
pub(crate) fn begin(text: &str) -> String {
    let text = text.replace('\0', "\u{2400}");
    match text.len() {
        ..=EVIDENCE => text.trim_end().to_owned(),
        _ => format!("{} …", &text[..ceil_boundary(&text, EVIDENCE)]),
    }
}

/// Shortens what others wrote to a line that can be told.
pub(crate) fn line(text: &str) -> String {
    let text = text.replace(['\0', '\n', '\r'], " ");
    if text.len() <= LINE {
        return text;
    }
    let end = ceil_boundary(&text, LINE);
    format!("{} …", &text[..end])
}

/// Names the first of many files.
pub(crate) fn named(files: &[String]) -> String {
    let first = files.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let first = line(&first.join(", "));
    match files.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn ceil_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use gtd_core::RedTest;

    use super::*;

    #[test]
    fn evidence_is_the_end_of_an_output_from_a_lines_begin() {
        assert_eq!(evidence("one\ntwo\n"), "one\ntwo");
        let long = format!("{}\n{}", "é".repeat(3_000), "x".repeat(3_900));
        assert_eq!(evidence(&long), "x".repeat(3_900));
        let one_line = "é".repeat(3_000);
        assert!(evidence(&one_line).len() <= EVIDENCE);
        assert_eq!(evidence("a\0b"), "a\u{2400}b");
    }

    #[test]
    fn the_red_tests_are_told_whole_and_of_the_output_what_there_is_room_for() {
        let red = (0..12).map(|n| RedTest {
            name: format!("test_{n}"),
            file: String::new(),
            message: "é".repeat(400),
        });
        let report = TestReport {
            failed: 12,
            red: red.collect(),
            ..TestReport::default()
        };
        let text = with_tests(&"output\n".repeat(2_000), Some(&report));
        assert!(text.len() <= EVIDENCE, "{}", text.len());
        assert!(text.starts_with("output\n"), "{text}");
        assert!(text.contains("12 tests are red:\n  test_0: "), "{text}");
        assert_eq!(evidence(&text), text, "it is not cut again");
    }

    #[test]
    fn a_line_is_short_whatever_is_put_into_it() {
        assert_eq!(line("a\0b\nc"), "a b c");
        assert!(line(&"é".repeat(10_000)).len() < LINE + 10);
        let files: Vec<String> = (0..5_000).map(|n| format!("file-{n}")).collect();
        assert!(named(&files).ends_with("file-9 and 4990 more"));
        assert_eq!(named(&files[..2]), "file-0, file-1");
    }
}
