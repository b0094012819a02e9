//! What lands is signed, where the rig wants it.
//!
//! A candidate is signed before its gates run, so that what lands is the commit that they ran on.
//! What cannot be signed is no candidate: its beads wait, and say what the key needs.

use gtd_core::{Candidate, Graph, Member, Observation, Oid, SignPolicy, WaitReason};

use crate::{Plan, Question, Refinery, Seen};

impl Refinery {
    fn signs(&self, graph: &Graph) -> bool {
        let rig = graph.rig(&self.rig);
        rig.is_some_and(|rig| rig.rules.merge.sign != SignPolicy::Off)
    }

    /// Asks what a commit is when it is signed, where the rig wants it signed.
    pub(super) fn signature(&self, graph: &Graph, commit: &Oid) -> Option<Question> {
        self.signs(graph).then(|| Question::Signed {
            rig: self.rig.clone(),
            commit: commit.clone(),
        })
    }

    /// Finds the commit that would land; none while it cannot be signed, and says why.
    pub(super) fn to_land(
        &self,
        graph: &Graph,
        seen: &Seen,
        commit: &Oid,
        members: &[Member],
        plan: &mut Plan,
    ) -> Option<Oid> {
        if !self.signs(graph) {
            return Some(commit.clone());
        }
        match seen.signed(&self.rig, commit)? {
            Ok(signed) => Some(signed.clone()),
            Err(why) => {
                let beads = members.iter().filter_map(|member| graph.bead(&member.bead));
                plan.observations.extend(beads.map(|bead| Observation {
                    subject: bead.id.to_string(),
                    reason: WaitReason::Signature,
                    text: format!("it cannot be signed: {why}"),
                    since: bead.since,
                    until: None,
                }));
                None
            }
        }
    }

    /// Tells whether a candidate was made before the rig wanted it signed.
    pub(super) fn is_unsigned(&self, graph: &Graph, seen: &Seen, candidate: &Candidate) -> bool {
        let signed = seen.signed(&self.rig, &candidate.commit);
        let is_other = matches!(signed, Some(Ok(signed)) if *signed != candidate.commit);
        self.signs(graph) && is_other
    }
}
