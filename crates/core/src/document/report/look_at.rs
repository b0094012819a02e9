//! What a person should look at, though nothing waits for it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Recorded;
use crate::{BeadId, Event, GateRun, GuardReport, Timestamp, Weight};

/// What was noticed about submissions, the last word on each.
#[derive(Default)]
struct Noticed<'a> {
    guards: BTreeMap<(&'a BeadId, &'static str), &'a GuardReport>,
    weights: BTreeMap<&'a BeadId, &'a Weight>,
    flaky: BTreeSet<(&'a str, &'a str)>,
}

/// Lists what the gates that gtd brings along found, what is risky, and which tests are flaky.
pub(super) fn notable(
    log: &[Recorded],
    since: Timestamp,
    is_wanted: impl Fn(&BeadId) -> bool,
) -> Vec<String> {
    let mut noticed = Noticed::default();
    for (_, record) in log.iter().filter(|(_, record)| record.at >= since) {
        match &record.event {
            Event::SubmissionGuarded { bead, report, .. } if is_wanted(bead) => {
                noticed.guards.insert((bead, report.guard.word()), report);
            }
            Event::SubmissionWeighed { bead, weight, .. } if is_wanted(bead) => {
                noticed.weights.insert(bead, weight);
            }
            Event::CandidateJudged { gates, .. } => noticed.take_runs(gates),
            Event::GoalClosed { goal, proof, .. } if is_wanted(goal) => noticed.take_runs(proof),
            Event::FlakyTestFiled { gate, test, .. } => {
                noticed.flaky.insert((gate.as_str(), test));
            }
            _ => {}
        }
    }
    let guards = noticed.guards.iter().filter(|(_, found)| !found.is_clean());
    let guards =
        guards.map(|((bead, guard), found)| format!("{guard}: {} ({bead})", found.summary()));
    let weights = noticed.weights.iter().flat_map(|(bead, weight)| {
        let risks = weight.risks.iter();
        risks.map(move |risk| format!("{risk} ({bead})"))
    });
    let flaky = noticed.flaky.iter();
    let flaky = flaky.map(|(gate, test)| format!("{gate}: {test} is flaky"));
    guards.chain(weights).chain(flaky).collect()
}

impl<'a> Noticed<'a> {
    fn take_runs(&mut self, runs: &'a [GateRun]) {
        for run in runs {
            let flaky = run.tests.iter().flat_map(|tests| &tests.flaky);
            self.flaky
                .extend(flaky.map(|test| (run.gate.as_str(), test.as_str())));
        }
    }
}
