//! What the single tests of gates have shown over time.

use super::Graph;
use crate::{GateName, GateRun, RigName, TestRecord, Timestamp};

impl Graph {
    /// Lists the tests of a gate that were ever red, by name; only so many are remembered.
    pub fn tests_of(
        &self,
        rig: &RigName,
        gate: &GateName,
    ) -> impl Iterator<Item = (&str, &TestRecord)> {
        let of_rig = self.facts.tests.get(rig);
        of_rig
            .and_then(|gates| gates.get(gate))
            .into_iter()
            .flatten()
            .map(|(name, record)| (name.as_str(), record))
    }

    /// Finds what one test of a gate has shown, when it was ever red.
    #[must_use]
    pub fn test_record(&self, rig: &RigName, gate: &GateName, test: &str) -> Option<&TestRecord> {
        self.facts.tests.get(rig)?.get(gate)?.get(test)
    }

    pub(super) fn remember_tests(&mut self, rig: &RigName, runs: &[GateRun], at: Timestamp) {
        for run in runs {
            let Some(report) = &run.tests else { continue };
            let red = report.red.iter().map(|test| (test.name.as_str(), false));
            let flaky = report.flaky.iter().map(|name| (name.as_str(), true));
            for (name, is_flip) in red.chain(flaky) {
                let record = self.test_record_mut(rig, &run.gate, name);
                record.note(&run.run, is_flip, at);
            }
        }
    }

    pub(super) fn test_record_mut(
        &mut self,
        rig: &RigName,
        gate: &GateName,
        test: &str,
    ) -> &mut TestRecord {
        let of_rig = self.facts.tests.entry(rig.clone()).or_default();
        let known = of_rig.entry(gate.clone()).or_default();
        if known.len() >= TestRecord::KEPT && !known.contains_key(test) {
            // Whoever was red longest ago is forgotten, unless a bead asks about it.
            let oldest = known
                .iter()
                .min_by_key(|(_, record)| (record.bead.is_some(), record.last));
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                known.remove(&name);
            }
        }
        known.entry(test.to_owned()).or_default()
    }
}
