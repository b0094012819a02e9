//! Tests that are red and then green on one tree: after some time a bead asks for them to be mended.

use std::collections::BTreeSet;

use super::{Scene, bead::fresh};
use crate::{
    BeadId, BeadSpec, BeadType, Event, GateRun, Moment, Rig, TITLE_MAX, TestRecord, Timestamp,
};

/// The label of a bead about a flaky test.
const LABEL: &str = "flaky-test";

/// Files a bead for each test that these runs show to be flaky once too often.
pub(super) fn filed(scene: Scene<'_>, rig: &Rig, runs: &[GateRun]) -> Vec<Event> {
    let limit = usize::try_from(rig.rules.merge.flakes).unwrap_or(usize::MAX);
    let mut events = Vec::new();
    let mut taken: BTreeSet<BeadId> = BTreeSet::new();
    let mut done: BTreeSet<(&str, &str)> = BTreeSet::new();
    if limit == 0 {
        return events;
    }
    for run in runs {
        let report = run.tests.iter();
        for test in report.flat_map(|report| &report.flaky) {
            let known = scene.graph.test_record(&rig.name, &run.gate, test);
            let is_new = known.is_none_or(|known| !known.runs.contains(&run.run));
            let earlier = known.map_or(0, |known| known.recent_flips(scene.now));
            if !is_new || earlier + 1 < limit || is_open(scene, known) {
                continue;
            }
            if !done.insert((run.gate.as_str(), test)) {
                continue;
            }
            let spec = wanted(run, test, known, scene.now);
            // A verdict is not held up for want of a name.
            let Ok(id) = scene.free_id(rig, &spec.title, &spec.description, &taken) else {
                continue;
            };
            let ordinal = scene.graph.next_ordinal() + taken.len() as u64;
            taken.insert(id.clone());
            events.push(Event::BeadOpened {
                bead: fresh(scene, id.clone(), rig.name.clone(), spec, ordinal),
            });
            events.push(Event::FlakyTestFiled {
                rig: rig.name.clone(),
                gate: run.gate.clone(),
                test: test.clone(),
                bead: id,
            });
        }
    }
    events
}

/// Tells whether a bead asks for it already.
fn is_open(scene: Scene<'_>, known: Option<&TestRecord>) -> bool {
    let bead = known.and_then(|known| known.bead.as_ref());
    let bead = bead.and_then(|id| scene.graph.bead(id));
    bead.is_some_and(|bead| !bead.phase.is_finished())
}

fn wanted(run: &GateRun, test: &str, known: Option<&TestRecord>, now: Timestamp) -> BeadSpec {
    let mut title = format!("Mend or set aside the flaky test {test}");
    while title.len() > TITLE_MAX {
        title.pop();
    }
    let flips = known.into_iter().flat_map(|known| &known.flips);
    let times: Vec<String> = flips
        .chain([&now])
        .map(|at| format!("- {}", Moment(*at)))
        .collect();
    let description = format!(
        "In gate `{gate}` the test `{test}` was red and then green on one and the same tree:\n\n\
         {times}\n\nThe last time on {commit}, in the run {run}. \
         Such a test holds up work that is right and lets through work that is wrong.\n\n\
         Find out why it is not sure and mend it. If that cannot be done now, mark it as ignored \
         with a reason that names this bead. Do not delete it.\n\n\
         `gtd gate history {gate} --tests` shows what its tests did.",
        gate = run.gate,
        times = times.join("\n"),
        commit = run.commit.short(),
        run = run.run,
    );
    BeadSpec {
        title,
        description,
        kind: BeadType::Bug,
        labels: [LABEL.to_owned()].into(),
        metadata: [
            ("gate".to_owned(), run.gate.as_str().into()),
            ("test".to_owned(), test.into()),
        ]
        .into(),
        ..BeadSpec::default()
    }
}
