//! What landed for a goal on a branch of its own is proposed as a pull request.
//!
//! | the pull request of a goal | next |
//! |---|---|
//! | nobody has looked since the last look was due | look: a run, which opens it when there is none |
//! | open | `why` says where; look again later, and less and less often |
//! | open, and checks of the host are red | a person is told; look again later |
//! | merged | the goal has landed |
//! | closed | it comes back: a person proposes it again, or gives it up |
//! | nobody can tell | a person is told why; look again later |
//!
//! Looks are numbered by the time since it was asked for, so whoever comes after a crash finds the
//! last one, and a look that was missed is not made up for.

use gtd_core::{
    BeadId, Command, Goal, Graph, LandMode, Landing, Observation, Oid, Phase, RunId, Timestamp,
    WaitReason,
};

use crate::{Effect, Plan, Proposal, ProposalSeen, Question, Refinery, RunSeen, Seen};

/// The shortest wait between two looks, in milliseconds.
const FIRST_MS: i64 = 2_000;
/// The longest wait between two looks, in milliseconds.
const LONGEST_MS: i64 = 10 * 60_000;

/// A goal that is proposed, and the number of the look that is due.
struct Proposed<'a> {
    id: &'a BeadId,
    goal: &'a Goal,
    since: Timestamp,
    look: u64,
}

impl Refinery {
    fn proposed<'a>(&self, graph: &'a Graph, now: Timestamp) -> Vec<Proposed<'a>> {
        let asked = graph.landing_asked().filter_map(|(id, goal)| {
            let is_mine = goal.target.rig == self.rig && goal.target.mode == LandMode::PullRequest;
            // What was given up is proposed to nobody.
            let is_open = graph.bead(id).is_some_and(|bead| !bead.phase.is_finished());
            match goal.landing {
                Landing::Asked { since } if is_mine && is_open => Some(Proposed {
                    id,
                    goal,
                    since,
                    look: look_at(since, now),
                }),
                _ => None,
            }
        });
        asked.collect()
    }

    /// Asks how far looks at pull requests are.
    pub(super) fn look_at_proposals(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        questions: &mut Vec<Question>,
    ) {
        for proposed in self.proposed(graph, now) {
            questions.push(Question::Tip(proposed.goal.target.clone()));
            for run in proposed.runs() {
                if matches!(seen.run(&run), Some(RunSeen::Ended(_))) {
                    questions.push(Question::Proposed(run.clone()));
                }
                questions.push(Question::Run(run));
            }
        }
    }

    /// Opens pull requests, looks how they stand, and concludes from that.
    pub(super) fn propose(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Plan> {
        let is_frozen = self.freeze(graph, now).is_some();
        let proposed = self.proposed(graph, now).into_iter();
        let plans = proposed.map(|proposed| {
            let mut plan = Plan::default();
            proposed.go_on(graph, seen, is_frozen, &mut plan);
            plan
        });
        plans.collect()
    }
}

impl Proposed<'_> {
    fn run(&self, look: u64) -> RunId {
        let name = format!("pull-{}.{:x}.p{look}", self.id, self.since.0);
        RunId::parse(&name).expect("made of valid names and short enough")
    }

    /// Lists the run that is due, and the one before it.
    fn runs(&self) -> impl Iterator<Item = RunId> {
        let before = self.look.checked_sub(1).map(|look| self.run(look));
        before.into_iter().chain([self.run(self.look)])
    }

    fn go_on(&self, graph: &Graph, seen: &Seen, is_frozen: bool, plan: &mut Plan) {
        // The last look that came to an end tells how it stands.
        let runs: Vec<RunId> = self.runs().collect();
        let last = runs.iter().rev().find_map(|run| seen.proposed(run));
        if let Some(last) = last {
            self.conclude(last, plan);
        }
        let is_at_work =
            |run: &RunId| matches!(seen.run(run), Some(RunSeen::Live(_) | RunSeen::Prepared));
        let due = self.run(self.look);
        for run in runs
            .iter()
            .filter(|run| matches!(seen.run(run), Some(RunSeen::Lost)))
        {
            plan.act(Effect::SweepLost { run: run.clone() });
        }
        let is_over = plan
            .steps
            .iter()
            .any(|step| matches!(step, crate::Step::Tell(Command::ConcludeLanding { .. })));
        let is_due = matches!(
            seen.run(&due),
            Some(RunSeen::Absent { .. } | RunSeen::Prepared)
        );
        let others = runs.iter().filter(|run| **run != due);
        if is_over || is_frozen || !is_due || others.into_iter().any(is_at_work) {
            return;
        }
        let tip = seen.tip(&self.goal.target).and_then(|tip| tip.at.clone());
        if let (Some(commit), Some(bead)) = (tip, graph.bead(self.id)) {
            plan.act(Effect::Propose(Proposal {
                run: due,
                goal: self.id.clone(),
                target: self.goal.target.clone(),
                remote: graph
                    .rig(&self.goal.target.rig)
                    .map_or_else(String::new, |rig| rig.rules.merge.push.remote().to_owned()),
                body: self.body(graph, &commit),
                commit,
                is_first: self.look == 0,
                title: bead.spec.title.clone(),
            }));
        }
    }

    fn conclude(&self, seen: &ProposalSeen, plan: &mut Plan) {
        let tell = |commit: Option<Oid>, why: String| Command::ConcludeLanding {
            goal: self.id.clone(),
            commit,
            why,
        };
        let (reason, text) = match seen {
            ProposalSeen::Merged { url, commit } => {
                let Some(commit) = commit else {
                    let why = format!("{url} was merged, and nobody says as which commit");
                    return plan.tell(tell(None, why));
                };
                return plan.tell(tell(Some(commit.clone()), format!("{url} was merged")));
            }
            ProposalSeen::Closed { url } => {
                return plan.tell(tell(None, format!("{url} was closed without a merge")));
            }
            ProposalSeen::Open { url, red } if red.is_empty() => {
                (WaitReason::PullRequest, format!("{url} is open"))
            }
            ProposalSeen::Open { url, red } => {
                let text = format!("{url} is open, and red: {}", red.join(", "));
                (WaitReason::RemoteFailed, text)
            }
            ProposalSeen::Failed(why) => {
                (WaitReason::RemoteFailed, format!("its pull request: {why}"))
            }
        };
        plan.observations.push(Observation {
            subject: self.id.to_string(),
            reason,
            text,
            since: self.since,
            until: None,
        });
    }

    /// Says what is proposed: the beads, each with its commit.
    fn body(&self, graph: &Graph, commit: &Oid) -> String {
        let goal = graph.bead(self.id);
        let mut text = goal.map_or(String::new(), |goal| goal.spec.description.clone());
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        for bead in self.goal.beads.iter().filter_map(|id| graph.bead(id)) {
            if let Phase::Landed { commit, .. } = &bead.phase {
                let (short, title) = (commit.short(), &bead.spec.title);
                text.push_str(&format!("- {title} ({}, {short})\n", bead.id));
            }
        }
        let gates = graph.rig(&self.goal.target.rig).into_iter();
        let gates = gates.flat_map(|rig| &rig.rules.gates);
        let names: Vec<&str> = gates
            .filter(|gate| gate.when.is_for_merge())
            .map(|gate| gate.name.as_str())
            .collect();
        text.push_str(&format!(
            "\nEach of these was green in its gates ({}) on exactly the tree that it landed with; \
             {} has all of them.\n",
            names.join(", "),
            commit.short()
        ));
        text
    }
}

/// Tells the number of the last look that is due.
fn look_at(since: Timestamp, now: Timestamp) -> u64 {
    let passed = now.0.saturating_sub(since.0);
    let (mut at, mut look) = (0_i64, 0);
    loop {
        at = at.saturating_add((at / 4).clamp(FIRST_MS, LONGEST_MS));
        if at > passed {
            return look;
        }
        look += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_request_is_looked_at_less_and_less_often() {
        let at = |seconds: i64| look_at(Timestamp(0), Timestamp(seconds * 1_000));
        assert_eq!([0, 1, 2, 5, 6, 14, 30].map(at), [0, 0, 1, 2, 3, 6, 9]);
        let day = 24 * 3_600;
        assert!(at(day) < 200, "{}", at(day));
        assert_eq!(at(2 * day) - at(day), 144);
        // A clock that was set back looks again from the beginning.
        assert_eq!(at(-5), 0);
    }
}
