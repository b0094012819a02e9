//! Lines that a repair of a conflict dropped, of either side.
//!
//! A line counts as kept wherever it stands in what was handed in, and however it is indented: what
//! moved is not gone. Lines with next to nothing in them say nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileText, Finding, FindingKind, Guard, GuardReport};

/// So many letters and digits make a line that says something.
const TELLING: usize = 3;

/// The two sides of a conflict, and what became of them.
#[derive(Debug, Clone, Copy)]
pub struct Repair<'a> {
    /// The files where the two sides parted.
    pub parted: &'a [FileText],
    /// The same on the target, as the repair found it.
    pub landed: &'a [FileText],
    /// The same in the attempt that did not merge.
    pub earlier: &'a [FileText],
    /// All files that the repair changed, and these, as they were handed in.
    pub repaired: &'a [FileText],
}

/// Lists the lines that one of the sides brought and the repair does not have.
#[must_use]
pub fn dropped_lines(repair: Repair<'_>) -> Vec<Finding> {
    let kept: BTreeSet<&str> = repair.repaired.iter().flat_map(telling_lines).collect();
    let mut findings = Vec::new();
    let sides = [
        (repair.landed, "a line that landed meanwhile is gone"),
        (repair.earlier, "a line of the earlier attempt is gone"),
    ];
    for (side, what) in sides {
        for file in side {
            let old = repair.parted.iter().find(|old| old.path == file.path);
            let known: BTreeSet<&str> = old.into_iter().flat_map(telling_lines).collect();
            let mut told = BTreeSet::new();
            for (index, line) in file.text.lines().map(str::trim).enumerate() {
                let is_new = is_telling(line) && !known.contains(line);
                if is_new && !kept.contains(line) && told.insert(line) {
                    findings.push(Finding {
                        kind: FindingKind::LineDropped,
                        file: file.path.clone(),
                        line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                        test: String::new(),
                        text: format!("{what}: `{line}`"),
                    });
                }
            }
        }
    }
    first_of_each_file_first(findings)
}

/// A report is cut: no file is to hide what was dropped in another, of which nothing is said.
fn first_of_each_file_first(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, Finding)> = Vec::new();
    for finding in findings {
        let nth = seen.entry(finding.file.clone()).or_default();
        *nth += 1;
        ranked.push((*nth, finding));
    }
    ranked.sort_by_key(|(nth, _)| *nth);
    ranked.into_iter().map(|(_, finding)| finding).collect()
}

impl GuardReport {
    /// Takes out what was said: findings in files that a summary names.
    #[must_use]
    pub fn unsaid(mut self, summary: &str) -> Self {
        let is_said = |file: &str| {
            let name = file.rsplit('/').next().unwrap_or(file);
            summary.contains(name)
        };
        let said: BTreeSet<String> = self
            .findings
            .iter()
            .filter(|finding| is_said(&finding.file))
            .map(|finding| finding.file.clone())
            .collect();
        if self.guard != Guard::KeptLines || said.is_empty() {
            return self;
        }
        self.findings
            .retain(|finding| !said.contains(&finding.file));
        let files: Vec<String> = said.into_iter().collect();
        let said = format!("what is gone in {} is said", files.join(", "));
        self.remark = match self.remark.as_str() {
            "" => said,
            remark => format!("{remark}; {said}"),
        };
        self
    }
}

fn telling_lines(file: &FileText) -> impl Iterator<Item = &str> {
    file.text
        .lines()
        .map(str::trim)
        .filter(|line| is_telling(line))
}

fn is_telling(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).count() >= TELLING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Vec<FileText> {
        let texts = texts.iter().map(|&(path, text)| FileText {
            path: path.to_owned(),
            text: text.to_owned(),
        });
        texts.collect()
    }

    fn dropped(repaired: &[(&str, &str)]) -> Vec<String> {
        let findings = dropped_lines(Repair {
            parted: &files(&[("a.rs", "one();\n}\n")]),
            landed: &files(&[("a.rs", "one();\ntheirs();\n}\n")]),
            earlier: &files(&[("a.rs", "one();\n  ours();\n  {}\n}\n")]),
            repaired: &files(repaired),
        });
        findings.iter().map(Finding::told).collect()
    }

    #[test]
    fn what_neither_side_lost_is_kept_wherever_it_stands() {
        let both = "one();\nif x {\n    theirs();\n}\nours();\n}\n";
        assert_eq!(dropped(&[("a.rs", both)]), Vec::<String>::new());
        let moved = [("a.rs", "one();\nours();\n"), ("b.rs", "theirs();\n")];
        assert_eq!(dropped(&moved), Vec::<String>::new());
    }

    #[test]
    fn what_one_side_lost_is_found_with_its_place() {
        assert_eq!(
            dropped(&[("a.rs", "one();\nours();\n")]),
            ["a.rs:2 a line that landed meanwhile is gone: `theirs();`"]
        );
        assert_eq!(
            dropped(&[("a.rs", "theirs();\n")]),
            ["a.rs:2 a line of the earlier attempt is gone: `ours();`"]
        );
        assert_eq!(dropped(&[]).len(), 2);
    }

    #[test]
    fn no_file_hides_what_was_dropped_in_another() {
        let long: String = (0..40).map(|n| format!("line {n} of it\n")).collect();
        let found = dropped_lines(Repair {
            parted: &[],
            landed: &files(&[("a.rs", &long), ("b.rs", "theirs();\n")]),
            earlier: &[],
            repaired: &[],
        });
        let report = GuardReport::new(Guard::KeptLines, found, &[]);
        let unsaid = report.unsaid("a.rs is written anew");
        assert_eq!(unsaid.findings.len(), 1, "{unsaid:?}");
        assert_eq!(unsaid.findings[0].file, "b.rs");
    }

    #[test]
    fn what_is_said_is_no_finding() {
        let finding = |file: &str| Finding {
            kind: FindingKind::LineDropped,
            file: file.to_owned(),
            line: 1,
            test: String::new(),
            text: "a line is gone".to_owned(),
        };
        let found = vec![finding("src/a.rs"), finding("src/b.rs")];
        let report = GuardReport::new(Guard::KeptLines, found, &[]);
        let unsaid = report
            .clone()
            .unsaid("theirs() in a.rs is not needed any more");
        assert_eq!(unsaid.findings, [finding("src/b.rs")]);
        assert_eq!(unsaid.remark, "what is gone in src/a.rs is said");
        assert_eq!(report.clone().unsaid("done"), report);
    }
}
