//! Reads a JUnit report: what single tests showed.
//!
//! There is no standard, only writers. What all of them agree on is enough: a
//! `testcase` has a name and maybe a class and a file, and is red, skipped or
//! flaky by what stands in it. A report that cannot be read to its end gives
//! what was read, and a remark; it never decides anything.

use gtd_core::{TestCase, TestOutcome, TestResults};
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

/// Tests of one report that are read.
const CASES: usize = 20_000;
/// How deep suites may lie in each other.
const DEPTH: usize = 64;
/// The longest name of a test or a file, in characters.
const NAME: usize = 300;
/// How much of what a red test said is kept, in characters.
const MESSAGE: usize = 400;

/// Reads a report.
#[must_use]
pub fn read_junit(bytes: &[u8]) -> TestResults {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut reading = Reading::default();
    let remark = loop {
        match reader.read_event() {
            Ok(Event::Eof) if reading.open.is_empty() => break reading.verdict(),
            Ok(Event::Eof) => break "it breaks off before its end".to_owned(),
            Ok(event) => {
                if let Err(why) = reading.take(&event) {
                    break why;
                }
            }
            Err(error) => {
                break format!(
                    "it is broken at byte {}: {}",
                    reader.error_position(),
                    clean(&error.to_string(), MESSAGE)
                );
            }
        }
    };
    TestResults {
        cases: reading.cases,
        remark,
    }
}

/// How far a report is read.
#[derive(Default)]
struct Reading {
    open: Vec<String>,
    suites: Vec<String>,
    case: Option<TestCase>,
    /// What a red test said, while it is read.
    said: Option<String>,
    cases: Vec<TestCase>,
    is_report: bool,
}

impl Reading {
    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(tag) => {
                self.begin(tag)?;
                self.open.push(tag.local_name().as_ref().to_owned());
            }
            Event::Empty(tag) => {
                self.begin(tag)?;
                self.end(tag.local_name().as_ref());
            }
            Event::End(_) => {
                if let Some(name) = self.open.pop() {
                    self.end(&name);
                }
            }
            Event::Text(text) => self.hear(&text.xml10_content()),
            Event::CData(text) => self.hear(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let known = match name.resolve_char_ref() {
                    Ok(Some(c)) => Some(c),
                    _ => match name.xml10_content().as_ref() {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    },
                };
                self.hear(known.unwrap_or('?').encode_utf8(&mut [0; 4]));
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let tag_name = tag.local_name();
        let name = tag_name.as_ref();
        if self.open.is_empty() && !matches!(name, "testsuites" | "testsuite") {
            return Err(format!(
                "it is no JUnit report: it begins with <{}>",
                clean(name, 40)
            ));
        }
        self.is_report = true;
        if self.open.len() >= DEPTH {
            return Err("its elements lie too deep in each other".to_owned());
        }
        match (name, &mut self.case) {
            ("testsuite", _) => self.suites.push(attribute(tag, "name")),
            ("testcase", None) => {
                if self.cases.len() == CASES {
                    return Err(format!("it has more than {CASES} tests"));
                }
                self.case = Some(self.new_case(tag));
            }
            ("failure" | "error", Some(case)) => {
                case.outcome = TestOutcome::Failed;
                let message = attribute(tag, "message");
                if case.message.is_empty() && message.is_empty() {
                    self.said = Some(String::new());
                } else if case.message.is_empty() {
                    case.message = message;
                }
            }
            ("flakyFailure" | "flakyError", Some(case)) if case.outcome == TestOutcome::Passed => {
                case.outcome = TestOutcome::Flaky;
            }
            ("skipped", Some(case)) if case.outcome == TestOutcome::Passed => {
                case.outcome = TestOutcome::Skipped;
            }
            _ => {}
        }
        Ok(())
    }

    fn new_case(&self, tag: &BytesStart<'_>) -> TestCase {
        let name = attribute(tag, "name");
        let class = match attribute(tag, "classname") {
            class if class.is_empty() => self.suites.last().cloned().unwrap_or_default(),
            class => class,
        };
        let full = match (class.as_str(), name.as_str()) {
            ("", name) => name.to_owned(),
            (class, "") => class.to_owned(),
            // Some writers put the one into the other, or say one of them twice.
            (class, name) if name.starts_with(class) => name.to_owned(),
            (class, name) => format!("{class}::{name}"),
        };
        let did_not_run = matches!(
            attribute(tag, "status").as_str(),
            "notrun" | "disabled" | "skipped"
        );
        TestCase {
            name: clean(&full, NAME),
            file: attribute(tag, "file"),
            outcome: match did_not_run {
                true => TestOutcome::Skipped,
                false => TestOutcome::Passed,
            },
            message: String::new(),
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "testsuite" => drop(self.suites.pop()),
            "testcase" => self.cases.extend(self.case.take()),
            "failure" | "error" => {
                if let (Some(said), Some(case)) = (self.said.take(), &mut self.case) {
                    case.message = clean(said.trim(), MESSAGE);
                }
            }
            _ => {}
        }
    }

    fn hear(&mut self, text: &str) {
        if let Some(said) = &mut self.said
            && said.len() < MESSAGE * 4
        {
            said.push_str(text);
        }
    }

    fn verdict(&self) -> String {
        match (self.is_report, self.cases.is_empty()) {
            (false, _) => "it is empty".to_owned(),
            (true, true) => "it names no test".to_owned(),
            (true, false) => String::new(),
        }
    }
}

/// Reads an attribute; empty when it is not there or cannot be read.
fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let found = tag.try_get_attribute(name).ok().flatten();
    let Some(found) = found else {
        return String::new();
    };
    match found.normalized_value(XmlVersion::Implicit1_0) {
        Ok(value) => clean(&value, NAME.max(MESSAGE)),
        Err(_) => clean(&found.value, NAME.max(MESSAGE)),
    }
}

/// Makes one line of what others wrote, and a short one; its first line is its begin.
fn clean(text: &str, most: usize) -> String {
    let mut short: String = text
        .chars()
        .take(most)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    short.truncate(short.trim_end().len());
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(xml: &str) -> Vec<String> {
        let results = read_junit(xml.as_bytes());
        let cases = results.cases.iter().map(|case| {
            let mut line = format!("{:?} {}", case.outcome, case.name);
            for (mark, text) in [(" @ ", &case.file), (": ", &case.message)] {
                if !text.is_empty() {
                    line.push_str(mark);
                    line.push_str(text);
                }
            }
            line
        });
        let mut lines: Vec<String> = cases.collect();
        if !results.remark.is_empty() {
            lines.push(format!("! {}", results.remark));
        }
        lines
    }

    #[test]
    fn what_nextest_pytest_and_jest_write_is_read() {
        let nextest = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ci" tests="3" failures="1" errors="0" uuid="x" timestamp="t" time="0.1">
  <testsuite name="gtd-core::rules" tests="3" disabled="0" errors="0" failures="1">
    <testcase name="parser::numbers" classname="gtd-core::rules" timestamp="t" time="0.01">
      <failure message="thread &apos;parser::numbers&apos; panicked at src/parser.rs:40:9" type="test failure">thread panicked</failure>
      <rerunFailure type="test failure">again</rerunFailure>
      <system-out>running 1 test &amp; more</system-out>
    </testcase>
    <testcase name="parser::words" classname="gtd-core::rules" time="0.01"/>
    <testcase name="clock::ticks" classname="gtd-core::rules" time="0.01">
      <flakyFailure timestamp="t" time="0.1" type="test failure">once</flakyFailure>
    </testcase>
  </testsuite>
</testsuites>"#;
        assert_eq!(
            told(nextest),
            [
                "Failed gtd-core::rules::parser::numbers: thread 'parser::numbers' panicked at src/parser.rs:40:9",
                "Passed gtd-core::rules::parser::words",
                "Flaky gtd-core::rules::clock::ticks",
            ]
        );
        let pytest = r#"<testsuites><testsuite name="pytest" errors="0"><testcase classname="tests.test_api" name="test_login[a&lt;b]" file="tests/test_api.py" line="3" time="0.001"><failure message="assert 1 == 2">def test_login():
&gt;       assert 1 == 2</failure></testcase><testcase classname="tests.test_api" name="test_later" time="0"><skipped type="pytest.skip" message="not now">x</skipped></testcase></testsuite></testsuites>"#;
        assert_eq!(
            told(pytest),
            [
                "Failed tests.test_api::test_login[a<b] @ tests/test_api.py: assert 1 == 2",
                "Skipped tests.test_api::test_later",
            ]
        );
        let jest = "<testsuite name=\"sum\"><testcase classname=\"sum adds\" name=\"sum adds\"><failure><![CDATA[Error: expect(received)\nat sum.test.js:3]]></failure></testcase></testsuite>";
        assert_eq!(
            told(jest),
            ["Failed sum adds: Error: expect(received) at sum.test.js:3"]
        );
    }

    #[test]
    fn a_broken_report_is_a_remark_and_what_was_read_before_it_counts() {
        let begun = "<testsuite><testcase name=\"a\"/><testcase name=\"b\">";
        assert_eq!(told(begun), ["Passed a", "! it breaks off before its end"]);
        let crossed = told("<testsuite><testcase name=\"a\"/></testcase></testsuite>");
        assert!(
            crossed[1].starts_with("! it is broken at byte"),
            "{crossed:?}"
        );
        assert_eq!(told(""), ["! it is empty"]);
        assert_eq!(told("no tests here"), ["! it is empty"]);
        assert_eq!(told("<testsuites/>"), ["! it names no test"]);
        assert_eq!(
            told("<html><body/></html>"),
            ["! it is no JUnit report: it begins with <html>"]
        );
        let deep = format!("{}{}", "<testsuite>".repeat(70), "</testsuite>".repeat(70));
        assert_eq!(told(&deep), ["! its elements lie too deep in each other"]);
        let bytes = read_junit(b"\xef\xbb\xbf<testsuite><testcase name=\"\xff\"/></testsuite>");
        assert_eq!(bytes.cases[0].name, "\u{fffd}");
    }

    #[test]
    fn an_entity_of_its_own_is_never_resolved() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b SYSTEM \"file:///etc/passwd\">]>\
            <testsuite name=\"&a;\"><testcase name=\"n\"><failure>&a;&b;&#65;</failure></testcase></testsuite>";
        assert_eq!(told(bomb), ["Failed &a;::n: ??A"]);
    }

    #[test]
    fn names_and_messages_are_short_and_of_one_line() {
        let long = "x".repeat(10_000);
        let xml = format!(
            "<testsuite><testcase name=\"a&#10;b\"><failure message=\"{long}\"/></testcase></testsuite>"
        );
        let results = read_junit(xml.as_bytes());
        assert_eq!(results.cases[0].name, "a b");
        assert_eq!(results.cases[0].message.len(), MESSAGE);
    }
}
