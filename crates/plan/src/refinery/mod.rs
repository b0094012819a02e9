//! The refinery of one rig: it proves and merges, one candidate a target.
//!
//! | the target's queue | next |
//! |---|---|
//! | a candidate that the target contains | record the landing (finished work first) |
//! | the target is not where it was left | record the move, give the candidate up |
//! | a candidate without verdict | run its gates, judge |
//! | a green candidate whose member was taken back | give it up |
//! | a green candidate that is to be signed and is not | give it up |
//! | a green candidate | move the ref by compare-and-swap, record |
//! | a red candidate of one, base not proven | run the gate on the base: `blame` |
//! | a red candidate of one, base green | send it back with its evidence |
//! | a submission that gtd's own gates hold back | send it back, before any gate runs: `guard` |
//! | a submission that a reviewer is to look at | have it read, before any gate runs: `review` |
//! | no candidate, suspects or submissions | put some of them together: `batch` |
//! | halted | find the commit that made the target red: `culprit`; nothing lands until a person acts or the target moves |
//! | paused by a person | no new candidate |
//! | frozen by a person | no ref moves |
//!
//! What landed on the branch of a goal alone is proposed as a pull request: `propose`.
//! Beside the queues it runs the gates that people ask for: `asked`; and it pushes what landed, where
//! the rig wants that: `push`.

mod asked;
mod batch;
mod blame;
mod culprit;
mod guard;
mod look;
mod order;
mod owner;
mod proof;
mod propose;
mod push;
mod review;
mod signature;
mod verdict;
mod weight;

use std::hash::{DefaultHasher, Hash, Hasher};

use gtd_core::{
    Bead, Candidate, Command, Evidence, Gate, Graph, HoldKind, LandMode, Member, MergeHold, Oid,
    Queue, RigName, Target, Timestamp, Verdict,
};

pub(crate) use self::verdict::gate_run;
use self::{
    batch::Next,
    order::{behind, conflict, has_lost_a_member, member, order, waits_for_yes},
};
use crate::{AssemblyOrder, Effect, Plan, Planner, Question, Seen, candidate_id, candidate_ref};

/// Submissions looked at alone while a candidate is in test, in one pass at most.
const EARLY_LOOKS: usize = 32;
/// Plans the merges of one rig.
#[derive(Debug, Clone)]
pub struct Refinery {
    /// The rig.
    pub rig: RigName,
}

impl Planner for Refinery {
    fn role(&self) -> &'static str {
        "refinery"
    }

    fn look(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Question> {
        let mut questions = Vec::new();
        for target in self.targets(graph) {
            self.look_at(graph, seen, now, &target, &mut questions);
        }
        self.look_at_reviews(graph, seen, now, &mut questions);
        self.look_at_asked(graph, seen, &mut questions);
        self.look_at_pushes(graph, &mut questions);
        self.look_at_proposals(graph, seen, now, &mut questions);
        questions
    }

    fn plan(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        if graph.stop().is_some() || graph.is_role_paused("refinery") {
            return plan;
        }
        let mut parts = Vec::new();
        for target in self.targets(graph) {
            let mut part = Plan::default();
            self.plan_target(graph, seen, now, &target, &mut part);
            parts.push(part);
            if seen.tip(&target).is_some() && self.freeze(graph, now).is_none() {
                parts.push(Self::bring_home(graph, &target));
            }
        }
        parts.extend(self.plan_reviews(graph, seen, now));
        parts.push(self.answer_gates(graph, seen));
        parts.push(self.push(graph, seen, now));
        parts.extend(self.propose(graph, seen, now));
        plan.join(graph, parts);
        plan
    }
}

impl Refinery {
    /// Returns a number that changes when a queue of the rig, a pause, a stop or a wish to land does.
    #[must_use]
    pub fn interest(&self, graph: &Graph) -> u64 {
        let mut hasher = DefaultHasher::new();
        graph.stop().is_some().hash(&mut hasher);
        for pause in graph.pauses() {
            pause.scope.hash(&mut hasher);
        }
        graph
            .rig(&self.rig)
            .map(|rig| (&rig.digest, rig.revoked.is_some()))
            .hash(&mut hasher);
        for hold in graph.holds().filter(|hold| hold.rig == self.rig) {
            (hold.kind, hold.until).hash(&mut hasher);
        }
        for ask in graph.gate_asks().filter(|ask| ask.rig == self.rig) {
            ask.number.hash(&mut hasher);
        }
        for queue in graph.queues().filter(|queue| queue.target.rig == self.rig) {
            queue.generation.hash(&mut hasher);
            queue.tip.hash(&mut hasher);
            queue.suspects.hash(&mut hasher);
            queue.first.hash(&mut hasher);
            queue.green.hash(&mut hasher);
            queue.halt.is_some().hash(&mut hasher);
            queue.infra.hash(&mut hasher);
            if let Some(candidate) = &queue.candidate {
                candidate.id.hash(&mut hasher);
                candidate.verdict.is_some().hash(&mut hasher);
            }
        }
        for target in graph
            .targets_with_submissions()
            .filter(|t| t.rig == self.rig)
        {
            for bead in graph.queued(&target) {
                bead.id.hash(&mut hasher);
                bead.epoch.hash(&mut hasher);
                let attempt = bead.attempt(bead.epoch);
                let looked_at = attempt.map(|a| (a.guards.len(), a.waivers.len()));
                looked_at.hash(&mut hasher);
                let read = attempt.map(|a| (a.weight.is_some(), a.approvals.len()));
                read.hash(&mut hasher);
                let reviews = attempt.map_or(&[][..], |attempt| &attempt.reviews);
                for review in reviews {
                    review.is_open().hash(&mut hasher);
                }
            }
        }
        for bead in graph.in_review().filter(|bead| bead.rig == self.rig) {
            bead.id.hash(&mut hasher);
            bead.epoch.hash(&mut hasher);
        }
        for (runtime, hold) in graph.runtime_holds() {
            runtime.hash(&mut hasher);
            hold.until.hash(&mut hasher);
        }
        for (id, _) in graph.landing_asked() {
            id.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Lists the targets at which something is to be done.
    fn targets(&self, graph: &Graph) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        let in_test = graph
            .queues()
            .filter(|queue| queue.candidate.is_some())
            .map(|queue| queue.target.clone());
        let to_bring_home = graph.landing_asked().map(|(_, goal)| goal.target.clone());
        let submitted = graph.targets_with_submissions();
        for target in in_test.chain(submitted).chain(to_bring_home) {
            if target.rig == self.rig && !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// Finds the freeze under which no ref of the rig moves.
    fn freeze<'a>(&self, graph: &'a Graph, now: Timestamp) -> Option<&'a MergeHold> {
        graph.hold_of(&self.rig, HoldKind::Freeze, now)
    }

    fn gates<'a>(&self, graph: &'a Graph) -> Vec<&'a Gate> {
        graph
            .rig(&self.rig)
            .into_iter()
            .flat_map(|rig| &rig.rules.gates)
            .filter(|gate| gate.when.is_for_merge())
            .collect()
    }

    /// Lists submissions that came while a candidate is in test.
    fn early<'a>(graph: &'a Graph, target: &'a Target, candidate: &'a Candidate) -> Vec<&'a Bead> {
        graph
            .queued(target)
            .filter(|bead| candidate.members.iter().all(|m| m.bead != bead.id))
            .filter(|bead| graph.unapproved(bead).is_none())
            .take(EARLY_LOOKS)
            .collect()
    }

    fn plan_target(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        target: &Target,
        plan: &mut Plan,
    ) {
        let Some(tip) = seen.tip(target) else { return };
        let Some(start) = tip.start() else {
            if graph.queued(target).next().is_some() {
                plan.tell(Command::Escalate {
                    about: target.key(),
                    text: format!("{} has no commit that work could land on", target.branch),
                });
            }
            return;
        };
        let empty = Queue::new(target.clone());
        let queue = graph.queue(target).unwrap_or(&empty);
        if let Some(candidate) = &queue.candidate
            && candidate.verdict == Some(Verdict::Passed)
        {
            match seen.contains(target, &candidate.commit) {
                // Whether it has landed decides everything else.
                None => return,
                Some(true) => {
                    plan.act(self.note(graph, candidate));
                    plan.tell(Command::Land {
                        candidate: candidate.id.clone(),
                    });
                    return;
                }
                Some(false) => {}
            }
        }
        // Main went ahead of the integration branch: begin from where main is. A candidate on
        // the old base would part the two for good.
        if target.mode != LandMode::Local
            && tip.branch_is_ahead
            && let (Some(at), Some(branch)) = (&tip.at, &tip.branch)
        {
            if self.freeze(graph, now).is_some() {
                return;
            }
            if let Some(candidate) = &queue.candidate {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: format!("{} moved to {}", target.branch, branch.short()),
                });
            }
            plan.act(Effect::EnsureRef {
                rig: self.rig.clone(),
                name: target.r#ref.clone(),
                new: branch.clone(),
                old: Some(at.clone()),
            });
            return;
        }
        if queue.tip.as_ref() != Some(start) {
            if let Some(candidate) = &queue.candidate {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: format!("{} moved to {}", target.short_ref(), start.short()),
                });
            }
            plan.tell(Command::ObserveTarget {
                target: target.clone(),
                tip: start.clone(),
            });
            return;
        }
        self.guards(graph, seen, queue, target, start).judge(plan);
        if queue.halt.is_some() {
            self.find_a_culprit(graph, seen, queue, plan);
            return;
        }
        match &queue.candidate {
            Some(candidate) => {
                Self::send_early_conflicts(graph, seen, target, start, candidate, plan);
                self.plan_candidate(graph, seen, now, queue, candidate, tip.at.as_ref(), plan);
            }
            None if graph.hold_of(&self.rig, HoldKind::Pause, now).is_some() => {}
            None => self.form(graph, seen, queue, target, start, plan),
        }
    }

    fn bring_home(graph: &Graph, target: &Target) -> Plan {
        let mut plan = Plan::default();
        for (id, goal) in graph.landing_asked() {
            if goal.target == *target && target.mode != LandMode::PullRequest {
                plan.act(Effect::BringHome {
                    goal: id.clone(),
                    target: target.clone(),
                });
            }
        }
        plan
    }

    fn send_early_conflicts(
        graph: &Graph,
        seen: &Seen,
        target: &Target,
        tip: &Oid,
        candidate: &Candidate,
        plan: &mut Plan,
    ) {
        for bead in Self::early(graph, target, candidate) {
            let order = Self::early_order(graph, target, tip, candidate, bead);
            let Some(assembly) = seen.assembly(&order) else {
                continue;
            };
            for found in assembly.conflicts.iter().filter(|c| c.bead == bead.id) {
                plan.tell(conflict(bead, target, found));
            }
            for (_, files) in assembly.behind.iter().filter(|(id, _)| *id == bead.id) {
                plan.observations.push(behind(bead, files));
            }
        }
    }

    /// Puts a submission behind the candidate in test: what would it be there?
    fn early_order(
        graph: &Graph,
        target: &Target,
        tip: &Oid,
        candidate: &Candidate,
        bead: &Bead,
    ) -> AssemblyOrder {
        let members = candidate.members.iter();
        let mut beads: Vec<&Bead> = members.filter_map(|m| graph.bead(&m.bead)).collect();
        beads.push(bead);
        order(target, tip, &beads)
    }

    fn form(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        target: &Target,
        tip: &Oid,
        plan: &mut Plan,
    ) {
        let Next::Members(members) = self.next_members(graph, seen, queue, target, tip) else {
            return;
        };
        let Some(assembly) = seen.assembly(&order(target, tip, &members)) else {
            return;
        };
        for found in &assembly.conflicts {
            if let Some(bead) = members.iter().find(|bead| bead.id == found.bead) {
                plan.tell(conflict(bead, target, found));
            }
        }
        for (id, files) in &assembly.behind {
            if let Some(bead) = members.iter().find(|bead| bead.id == *id) {
                plan.observations.push(behind(bead, files));
            }
        }
        let joined: Vec<Member> = assembly
            .joined
            .iter()
            .filter_map(|id| members.iter().find(|bead| bead.id == *id))
            .filter_map(|bead| member(bead))
            .collect();
        if joined.is_empty() {
            return;
        }
        let Some(commit) = self.to_land(graph, seen, &assembly.commit, &joined, plan) else {
            return;
        };
        let id = candidate_id(&commit, queue.infra);
        plan.act(Effect::EnsureRef {
            rig: self.rig.clone(),
            name: candidate_ref(&id),
            new: commit.clone(),
            old: None,
        });
        plan.tell(Command::Form {
            id,
            target: target.clone(),
            base: tip.clone(),
            members: joined,
            commit,
            tree: assembly.tree.clone(),
            retry: queue.infra,
        });
    }

    #[expect(clippy::too_many_arguments, reason = "what one pass knows")]
    fn plan_candidate(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        queue: &Queue,
        candidate: &Candidate,
        at: Option<&Oid>,
        plan: &mut Plan,
    ) {
        match candidate.verdict {
            None => self.judge(graph, seen, now, queue, candidate, plan),
            Some(Verdict::Passed) if has_lost_a_member(graph, candidate) => {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: "not all of it is handed in any more".to_owned(),
                });
            }
            Some(Verdict::Passed) if waits_for_yes(graph, candidate) => {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: "a part of it waits for the yes of a person or a reviewer".to_owned(),
                });
            }
            Some(Verdict::Passed) if !self.is_proven(graph, queue, candidate) => {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: "its gates have changed since they ran".to_owned(),
                });
            }
            Some(Verdict::Passed) if self.is_unsigned(graph, seen, candidate) => {
                plan.tell(Command::Void {
                    candidate: candidate.id.clone(),
                    why: "it is to be signed now".to_owned(),
                });
            }
            Some(Verdict::Passed) if self.freeze(graph, now).is_some() => {}
            Some(Verdict::Passed) => {
                plan.act(self.note(graph, candidate));
                plan.act(Effect::EnsureRef {
                    rig: self.rig.clone(),
                    name: candidate.target.r#ref.clone(),
                    new: candidate.commit.clone(),
                    old: at.cloned(),
                });
                plan.tell(Command::Land {
                    candidate: candidate.id.clone(),
                });
            }
            Some(Verdict::Failed) => self.blame(graph, seen, queue, candidate, plan),
            Some(Verdict::Infra) => plan.tell(Command::Void {
                candidate: candidate.id.clone(),
                why: "its gates could not run".to_owned(),
            }),
        }
    }

    /// Puts what a candidate is proven by onto its commit: before its target moves, so that
    /// nothing is on a target without it.
    fn note(&self, graph: &Graph, candidate: &Candidate) -> Effect {
        Effect::EnsureNote {
            rig: self.rig.clone(),
            commit: candidate.commit.clone(),
            text: Evidence::of(graph, candidate).to_note(),
        }
    }
}
