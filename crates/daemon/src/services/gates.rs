//! What the gates of a rig are, and what they showed.

use std::collections::BTreeMap;

use gtd_core::{
    Gate, GateAsk, GateName, GateRun, GateShown, Graph, Moment, Oid, Rejection, Rig, RigName,
    TestCounts, Timestamp, Verdict,
};
use serde::Serialize;

/// One gate.
#[derive(Debug, Serialize)]
pub(super) struct GateDoc {
    rig: RigName,
    #[serde(flatten)]
    gate: Gate,
    /// Whether it was green on the present tip of each target.
    green: Vec<String>,
    /// What it showed on the candidate in test.
    in_test: Option<GateRun>,
    /// What it showed last.
    last: Option<ShownDoc>,
    /// Red and green on the same commit, among the runs that are remembered.
    flaky: bool,
}

/// What a gate showed, the newest first.
#[derive(Debug, Serialize)]
pub(super) struct GateHistoryDoc {
    rig: RigName,
    #[serde(flatten)]
    gate: Gate,
    /// Red and green on the same commit, among the runs that are remembered.
    flaky: bool,
    /// What people asked for and nobody has answered yet.
    pending: Vec<GateAsk>,
    items: Vec<ShownDoc>,
    /// Its tests that were ever red, the flakiest first.
    tests: Vec<TestDoc>,
}

/// What one test of a gate has shown over time.
#[derive(Debug, Serialize)]
pub(super) struct TestDoc {
    test: String,
    /// In how many runs it was red.
    red: u32,
    /// How often it was red and then green on one tree.
    flaky: u32,
    /// How often of late, since the last bead about it.
    recent: usize,
    /// When it last was one of both.
    last: Moment,
    /// The bead that asks for it to be mended.
    bead: Option<gtd_core::BeadId>,
}

#[derive(Debug, Serialize)]
pub(super) struct ShownDoc {
    at: Moment,
    purpose: &'static str,
    commit: Oid,
    verdict: Verdict,
    detail: String,
    seconds: f64,
    run: gtd_core::RunId,
    asked: Option<u64>,
    tests: Option<TestCounts>,
}

pub(super) fn docs<'a>(graph: &'a Graph, rig: &'a Rig) -> impl Iterator<Item = GateDoc> + 'a {
    rig.rules.gates.iter().map(|gate| {
        let queues = || graph.queues().filter(|queue| queue.target.rig == rig.name);
        GateDoc {
            rig: rig.name.clone(),
            green: queues()
                .filter(|queue| queue.green.contains(&gate.name))
                .map(|queue| queue.target.short_ref().to_owned())
                .collect(),
            in_test: queues()
                .filter_map(|queue| queue.candidate.as_ref())
                .flat_map(|candidate| &candidate.gates)
                .find(|run| run.gate == gate.name)
                .cloned(),
            last: graph.gate_history(&rig.name, &gate.name).last().map(doc),
            flaky: is_flaky(graph.gate_history(&rig.name, &gate.name)),
            gate: gate.clone(),
        }
    })
}

/// Makes the history of one gate.
///
/// # Errors
/// When there is no such rig or gate.
pub(super) fn history(
    graph: &Graph,
    rig: &RigName,
    gate: &GateName,
    limit: u32,
    now: Timestamp,
) -> Result<GateHistoryDoc, Rejection> {
    let known = graph
        .rig(rig)
        .ok_or_else(|| Rejection::NoRig { rig: rig.clone() })?;
    let Some(spec) = known.rules.gates.iter().find(|known| known.name == *gate) else {
        return Err(Rejection::NotFound {
            kind: "gate".to_owned(),
            name: gate.to_string(),
        });
    };
    let limit = match limit {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let shown: Vec<&GateShown> = graph.gate_history(rig, gate).collect();
    Ok(GateHistoryDoc {
        rig: rig.clone(),
        gate: spec.clone(),
        flaky: is_flaky(shown.iter().copied()),
        pending: graph
            .gate_asks()
            .filter(|ask| ask.rig == *rig && ask.gate == *gate)
            .cloned()
            .collect(),
        items: shown.into_iter().rev().take(limit).map(doc).collect(),
        tests: tests(graph, rig, gate, now),
    })
}

fn tests(graph: &Graph, rig: &RigName, gate: &GateName, now: Timestamp) -> Vec<TestDoc> {
    let mut tests: Vec<TestDoc> = graph
        .tests_of(rig, gate)
        .map(|(test, record)| TestDoc {
            test: test.to_owned(),
            red: record.red,
            flaky: record.flaky,
            recent: record.recent_flips(now),
            last: Moment(record.last),
            bead: record.bead.clone(),
        })
        .collect();
    tests.sort_by_key(|test| std::cmp::Reverse((test.flaky, test.red, test.last)));
    tests
}

fn doc(shown: &GateShown) -> ShownDoc {
    #[expect(clippy::cast_precision_loss, reason = "seconds for display")]
    let seconds = shown.took_ms as f64 / 1e3;
    ShownDoc {
        at: Moment(shown.at),
        purpose: shown.purpose.word(),
        commit: shown.commit.clone(),
        verdict: shown.verdict,
        detail: shown.detail.clone(),
        seconds,
        run: shown.run.clone(),
        asked: shown.asked,
        tests: shown.tests,
    }
}

/// Tells whether a gate was red and green on the same commit.
fn is_flaky<'a>(shown: impl Iterator<Item = &'a GateShown>) -> bool {
    let mut seen: BTreeMap<&Oid, Verdict> = BTreeMap::new();
    for run in shown.filter(|run| run.verdict != Verdict::Infra) {
        if seen
            .insert(&run.commit, run.verdict)
            .is_some_and(|other| other != run.verdict)
        {
            return true;
        }
    }
    false
}
