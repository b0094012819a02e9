//! What landed and is proven is pushed, where the rig wants it.
//!
//! What is to be pushed follows from where the branch is: a commit that landed through the queue.
//! What somebody put onto it by hand is theirs to push, until something lands on top of it.

use gtd_core::{Graph, LandMode, Landing, Oid, Timestamp};

use crate::{Effect, Plan, Question, Refinery, Seen, candidate_id};

/// How often a candidate may have been tried anew before it landed, as its name tells.
const RETRIES: u32 = 4;

impl Refinery {
    /// Lists the branches that are to be pushed, each with the commit that landed there.
    fn pushes(&self, graph: &Graph) -> Vec<(String, Oid)> {
        let Some(rules) = graph.rig(&self.rig).map(|rig| &rig.rules.merge.push) else {
            return Vec::new();
        };
        if rules.is_off() {
            return Vec::new();
        }
        let mut wanted = Vec::new();
        for queue in graph.queues().filter(|queue| queue.target.rig == self.rig) {
            let target = &queue.target;
            if rules.allows(target.short_ref())
                && let Some(tip) = &queue.tip
                && has_landed(graph, tip)
            {
                wanted.push((target.r#ref.clone(), tip.clone()));
            }
            // What a person brought home from an integration branch.
            let mut home = graph
                .goals_at_home(target)
                .filter_map(|goal| match &goal.landing {
                    Landing::Done { commit } if goal.target.mode == LandMode::Integration => {
                        Some(commit)
                    }
                    _ => None,
                });
            let home = home.find(|commit| queue.tip.as_ref() == Some(*commit));
            if rules.allows(&target.branch)
                && let Some(commit) = home
                && has_landed(graph, commit)
            {
                wanted.push((format!("refs/heads/{}", target.branch), commit.clone()));
            }
        }
        wanted
    }

    fn pushed(&self, graph: &Graph, name: &str) -> Question {
        let rig = graph.rig(&self.rig);
        Question::Pushed {
            rig: self.rig.clone(),
            remote: rig.map_or_else(String::new, |rig| rig.rules.merge.push.remote().to_owned()),
            name: name.to_owned(),
        }
    }

    /// Asks what was pushed already.
    pub(super) fn look_at_pushes(&self, graph: &Graph, questions: &mut Vec<Question>) {
        let wanted = self.pushes(graph);
        questions.extend(wanted.iter().map(|(name, _)| self.pushed(graph, name)));
    }

    /// Pushes what is not there yet. What a remote did not take waits for its time, and holds up
    /// nothing else.
    pub(super) fn push(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        if self.freeze(graph, now).is_some() {
            return plan;
        }
        for (name, commit) in self.pushes(graph) {
            let question = self.pushed(graph, &name);
            let Some(pushed) = seen.pushed(&question) else {
                continue;
            };
            let Question::Pushed { remote, .. } = question else {
                continue;
            };
            let effect = Effect::EnsurePushed {
                rig: self.rig.clone(),
                remote,
                name,
                commit: commit.clone(),
            };
            let waits = graph.back_off(&effect.key());
            let waits = waits.is_some_and(|wait| wait.waits_at(now));
            if pushed != Some(&commit) && !waits {
                plan.act(effect);
            }
        }
        plan
    }
}

/// Tells whether a commit landed through the queue.
fn has_landed(graph: &Graph, commit: &Oid) -> bool {
    (0..RETRIES).any(|retry| {
        let candidate = candidate_id(commit, retry);
        graph.beads_of_candidate(&candidate).next().is_some()
    })
}
