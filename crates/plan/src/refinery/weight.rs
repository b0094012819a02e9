//! How much a submission changes, and what of that is risky. By rule: nobody's judgement is in it.

use gtd_core::{
    Bead, GATE_DEFINITIONS, MergeRules, Weight, may_meet, names_needs, protected_paths,
};

use crate::{
    SubmissionSeen,
    evidence::{line, named},
};

/// The label with which whoever plans says that a mistake would be costly.
const RISKY: &str = "risk:high";
/// Areas that are kept.
const AREAS: usize = 8;

/// Tells whether agent programs take a file as their instructions or settings, that of the reviewer
/// among them.
fn tells_agents(file: &str) -> bool {
    let mut names = file.split('/');
    let is_settings = |name| matches!(name, ".claude" | ".codex" | ".gemini" | ".mcp.json");
    let last = file.rsplit('/').next().unwrap_or(file);
    matches!(
        last,
        "AGENTS.md" | "AGENTS.override.md" | "CLAUDE.md" | "CLAUDE.local.md" | "GEMINI.md"
    ) || names.any(is_settings)
}

/// Lists the files among those changed that count as protected, in this repository or everywhere.
fn protected(globs: &[String], changed: &[String]) -> Vec<String> {
    let always = GATE_DEFINITIONS.iter().map(|&glob| glob.to_owned());
    let globs: Vec<String> = always.chain(globs.iter().cloned()).collect();
    let report = protected_paths(&globs, changed);
    report
        .findings
        .into_iter()
        .map(|found| found.file)
        .collect()
}

/// Weighs what was handed in for a bead.
pub(super) fn weigh(bead: &Bead, seen: &SubmissionSeen, rules: &MergeRules) -> Weight {
    let files = |is_wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let files = seen.files.iter().filter(|file| is_wanted(file));
        files.cloned().collect()
    };
    let mut risks = Vec::new();
    let mut risk = |what: &str, files: &[String]| {
        if !files.is_empty() {
            risks.push(line(&format!("{what}: {}", named(files))));
        }
    };
    risk("protected", &protected(&rules.protect, &seen.files));
    risk("names what it needs", &files(&names_needs));
    risk("tells agents what to do", &files(&tells_agents));
    let scope = &bead.spec.scope;
    risk(
        "outside of its scope",
        &files(&|file| !scope.is_empty() && !scope.iter().any(|glob| may_meet(glob, file))),
    );
    if seen.lines >= rules.review.lines {
        risks.push(format!("{} lines changed", seen.lines));
    }
    if bead.spec.labels.contains(RISKY) {
        risks.push(format!("labelled {RISKY}"));
    }
    let mut areas: Vec<String> = seen
        .files
        .iter()
        .map(|file| file.split_once('/').map_or(".", |(top, _)| top))
        .map(line)
        .collect();
    areas.sort_unstable();
    areas.dedup();
    areas.truncate(AREAS);
    Weight {
        files: u64::try_from(seen.files.len()).unwrap_or(u64::MAX),
        lines: seen.lines,
        areas,
        risks,
    }
}
