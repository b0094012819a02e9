//! One attempt at the plan of a goal, and what it does next.
//!
//! | seen | next |
//! |---|---|
//! | no attempt, and something here can plan | begin one |
//! | no worktree of this attempt, no run | ensure them |
//! | run at work | wait; end it when it is silent for too long, or at the end of its budget |
//! | run ended badly | give the goal back with its evidence |
//! | a plan that holds | propose it |
//! | an answer, where a person asks and wants no plan | close it with that |
//! | no plan, or one that does not hold, and a turn is left | ensure the next turn, with the mistakes |
//! | no turn is left | ask a person |
//! | a new plan is not wanted any more | end what runs, and give the goal back |

use std::collections::BTreeMap;

use gtd_core::{
    Approval, Asked, Bead, BeadId, Command, Fault, FaultClass, Goal, Graph, Lease, Observation,
    Oid, Outcome, PlanState, RunId, RuntimeName, Timestamp, WaitReason, config::PlanMeans,
};

use crate::{
    Again, AgentSeen, AgentTurn, Checkout, Effect, EndSeen, LiveSeen, Plan, RunOrder, RunSeen,
    Seen, Task, Work,
    agent_plan::read_plan,
    agents::{agent_fault, meter},
    answers::{Asking, asking, ended_agent, kept, n_told, only_told, with_answer, with_told},
    attempt_owner,
    budget::Budget,
    evidence::{begin, evidence, line},
    role::wrap,
    turn_of, turn_run,
};

/// Turns of one attempt at a plan at most: its first, and what comes back to it.
pub(crate) const TURNS: u32 = 3;
/// The processor must have been idle for so long as well, in milliseconds.
const SECOND_SIGNAL_MS: u64 = 3_000;

/// What whoever plans does with the answer to a question.
const THEN_PLAN: &str = "Then end your turn with the plan.";

/// What one pass knows of an attempt at a plan.
pub(crate) struct Attempt<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) seen: &'a Seen,
    pub(crate) bead: &'a Bead,
    pub(crate) goal: &'a Goal,
    pub(crate) lease: &'a Lease,
}

impl Attempt<'_> {
    fn slot(&self) -> String {
        self.lease.holder.name().to_string()
    }

    fn id(&self) -> &BeadId {
        &self.bead.id
    }

    fn run(&self, turn: u32) -> RunId {
        turn_run(self.id(), self.lease.epoch, turn)
    }

    fn budget(&self, now: Timestamp) -> Budget<'_> {
        Budget {
            graph: self.graph,
            bead: self.bead,
            review: None,
            now,
        }
    }

    fn give_back(&self, plan: &mut Plan, class: FaultClass, text: &str, tail: &str) {
        plan.tell(Command::Return {
            bead: self.id().clone(),
            epoch: self.lease.epoch,
            why: Fault {
                class,
                text: line(text),
                evidence: evidence(tail),
                run: Some(self.run(turn_of(self.lease))),
            },
        });
    }

    fn note_start(&self, plan: &mut Plan, turn: u32) {
        self.note_turn(plan, turn, 0);
    }

    /// Notes a turn that begins with so much of what people told.
    fn note_turn(&self, plan: &mut Plan, turn: u32, told: u32) {
        let run = self.run(turn);
        if self.lease.run.as_ref() != Some(&run) {
            plan.tell(Command::Started {
                bead: self.id().clone(),
                epoch: self.lease.epoch,
                run,
                told,
            });
        }
    }

    /// Tells whether a person has helped what a new plan was to help.
    fn is_moot(&self, now: Timestamp) -> bool {
        self.goal.plan == PlanState::Approved && self.graph.to_replan(self.id(), now).is_empty()
    }

    /// Ends an attempt at a plan that nobody needs any more.
    fn call_off(&self, plan: &mut Plan) {
        let turn = turn_of(self.lease);
        let run = self.run(turn);
        match self.seen.run(&run) {
            None => return,
            Some(RunSeen::Live(_) | RunSeen::Prepared) => {
                return plan.act(Effect::StopRun { run });
            }
            Some(RunSeen::Ended(end)) => {
                self.note_start(plan, turn);
                meter(plan, self.graph, (self.id(), self.lease.epoch), &run, end);
            }
            Some(RunSeen::Absent { .. } | RunSeen::Lost) => {}
        }
        let text = "no new plan is needed any more";
        self.give_back(plan, FaultClass::GivenBack, text, "");
    }

    /// Brings the attempt one step nearer to a plan.
    pub(crate) fn go_on(&self, plan: &mut Plan, now: Timestamp) {
        if self.is_moot(now) {
            return self.call_off(plan);
        }
        let turn = turn_of(self.lease);
        let run = self.run(turn);
        match self.seen.run(&run) {
            None => {}
            Some(RunSeen::Absent { .. }) if self.seen.is_older_than(self.bead) => {}
            Some(RunSeen::Absent { .. }) if self.lease.run.is_some() => {
                let text = "its run vanished from the disk";
                self.give_back(plan, FaultClass::Lost, text, "");
            }
            Some(RunSeen::Absent { .. }) => self.begin(plan, now),
            // What it was told is in its place already.
            Some(RunSeen::Prepared) => {
                if let Some(start) = self.start(None) {
                    plan.act(Effect::EnsureRun(self.order(turn, &start, None)));
                }
            }
            Some(RunSeen::Live(live)) => {
                self.note_start(plan, turn);
                self.budget(now).watch(plan, &run, live);
                self.watch(plan, live, now);
            }
            Some(RunSeen::Lost) => {
                plan.act(Effect::SweepLost { run });
                let text = "its process vanished without a record of its end";
                self.give_back(plan, FaultClass::Lost, text, "");
            }
            Some(RunSeen::Ended(end)) => {
                self.note_start(plan, turn);
                meter(plan, self.graph, (self.id(), self.lease.epoch), &run, end);
                self.conclude(plan, turn, end, now);
            }
        }
    }

    /// Returns the commit that the attempt looks at: the one it began from, or else the tip.
    fn start(&self, tip: Option<Oid>) -> Option<Oid> {
        let owner = self.seen.owner(&self.bead.rig, &self.slot()).flatten();
        let mine = attempt_owner(self.id(), self.lease.epoch);
        owner
            .filter(|owner| owner.owner == mine)
            .and_then(|owner| owner.start.clone())
            .or(tip)
    }

    fn begin(&self, plan: &mut Plan, now: Timestamp) {
        let target = &self.goal.target;
        let owner = attempt_owner(self.id(), self.lease.epoch);
        let again = match kept(self.bead, self.lease) {
            None => None,
            Some((asked, run)) => match ended_agent(self.seen, run) {
                // Nobody has looked.
                None => return,
                Some(agent) => agent.map(|agent| with_answer(asked, agent, run, THEN_PLAN)),
            },
        };
        let Some(tip) = self.seen.tip(target) else {
            return;
        };
        let Some(start) = self.start(tip.start().cloned()) else {
            plan.observations.push(Observation {
                subject: self.id().to_string(),
                reason: WaitReason::Stuck,
                text: format!("{} has no commit to plan from", target.branch),
                since: now,
                until: None,
            });
            return;
        };
        if !self.seen.is_owned_by(&self.bead.rig, &self.slot(), &owner) {
            plan.act(Effect::EnsureWorktree {
                rig: self.bead.rig.clone(),
                slot: self.slot(),
                checkout: Checkout::Exact {
                    commit: start.clone(),
                    owner,
                },
            });
        }
        let again = again.map(|again| with_told(self.bead, again));
        plan.act(Effect::EnsureRun(self.order(0, &start, again)));
        self.note_turn(plan, 0, n_told(self.bead));
    }

    fn order(&self, turn: u32, start: &Oid, again: Option<Again>) -> RunOrder {
        /// The longest that a turn may take when nobody has looked what its role says.
        const LIMIT_MS: u64 = 30 * 60_000;
        let runtime = self.lease.runtime.clone();
        RunOrder {
            run: self.run(turn),
            rig: self.bead.rig.clone(),
            slot: self.slot(),
            work: Work::Agent(AgentTurn {
                // A lease on a goal always names it.
                runtime: runtime
                    .unwrap_or_else(|| RuntimeName::parse("unknown").expect("a plain word")),
                task: match self.bead.is_for_the_mayor() {
                    true => Task::Answer(start.clone()),
                    false => Task::Plan(start.clone()),
                },
                again,
            }),
            bead: Some(self.id().clone()),
            epoch: self.lease.epoch,
            limit_ms: self
                .seen
                .means(&self.bead.rig)
                .map_or(LIMIT_MS, |means| means.limit_ms),
            env: BTreeMap::new(),
            report: None,
        }
    }

    /// Ends a turn that is silent and idle for too long.
    fn watch(&self, plan: &mut Plan, live: &LiveSeen, now: Timestamp) {
        let Some(means) = self.seen.means(&self.bead.rig) else {
            return;
        };
        let silence = means.silence_ms;
        let is_dead = live.quiet_ms >= silence && live.idle_ms >= SECOND_SIGNAL_MS.min(silence);
        if is_dead {
            let run = self.run(turn_of(self.lease));
            plan.act(Effect::StopRun { run });
        }
        if is_dead || live.quiet_ms >= silence / 2 {
            plan.observations.push(Observation {
                subject: self.id().to_string(),
                reason: WaitReason::Stuck,
                text: format!("no output for {} min", live.quiet_ms / 60_000),
                since: now,
                until: None,
            });
        }
    }

    /// Takes what a turn that ended has left: a plan, a reason, or nothing of use.
    fn conclude(&self, plan: &mut Plan, turn: u32, end: &EndSeen, now: Timestamp) {
        let used_up = self.budget(now).used_up(&self.run(turn), end);
        if end.stopped
            && let Some((class, text)) = used_up
        {
            return self.give_back(plan, class, &text, &end.tail);
        }
        if end.stopped {
            let text = "it was stopped: no output and no activity";
            return self.give_back(plan, FaultClass::Silent, text, &end.tail);
        }
        if end.timed_out {
            let text = "its plan took too long";
            return self.give_back(plan, FaultClass::TimedOut, text, &end.tail);
        }
        let runtime = self.lease.runtime.as_ref();
        let Some(agent) = &end.agent else {
            let text = format!("it left no word of an agent ({})", end.detail());
            return self.give_back(plan, FaultClass::Killed, &text, &end.tail);
        };
        let fault = runtime.and_then(|name| agent_fault(name.as_str(), agent));
        if let Some((class, text)) = fault {
            return self.give_back(plan, class, &text, &end.tail);
        }
        match asking(self.bead, self.lease.epoch, now) {
            Some(Asking::Waits) => return,
            Some(Asking::Over(asked)) => {
                return self.give_back(plan, FaultClass::Question, &asked.text, "");
            }
            Some(Asking::Answered(asked)) => match used_up {
                Some((class, text)) => return self.give_back(plan, class, &text, ""),
                None => return self.answer(plan, turn, agent, asked),
            },
            None => {}
        }
        if self.bead.is_for_the_mayor() {
            return self.close_with(plan, agent);
        }
        // Not looked at is no proof that nothing is there.
        let (Some(means), Some(is_touched)) = (self.seen.means(&self.bead.rig), self.is_touched())
        else {
            return;
        };
        if used_up.is_none() && self.listen(plan, turn, agent) {
            return;
        }
        let left = self.graph.to_replan(self.id(), now);
        match read_plan(&agent.answer, self.graph, self.id(), &left, means) {
            Ok(found) => plan.tell(self.propose(found, is_touched)),
            Err(mistakes) => match used_up {
                Some((class, text)) => self.give_back(plan, class, &text, &mistakes.join("\n")),
                None => self.send_back(plan, turn, agent, means, &mistakes),
            },
        }
    }

    /// Ends what a person asks with what the agent says of it.
    fn close_with(&self, plan: &mut Plan, agent: &AgentSeen) {
        let answer = begin(agent.answer.trim());
        if answer.is_empty() {
            let class = FaultClass::Check {
                criterion: "it says something".to_owned(),
            };
            return self.give_back(plan, class, "it ended without a word", "");
        }
        plan.tell(Command::CloseGoal {
            goal: self.id().clone(),
            outcome: Outcome::Done,
            why: answer,
            proof: Vec::new(),
        });
    }

    /// Goes on with the answer to a question, in the same session.
    fn answer(&self, plan: &mut Plan, turn: u32, agent: &AgentSeen, asked: &Asked) {
        if self.graph.pause_of(self.bead).is_some() {
            return;
        }
        let start = self.seen.worktree(&self.bead.rig, &self.slot());
        let Some(start) = start.and_then(|worktree| worktree.start.clone()) else {
            return;
        };
        let again = with_answer(asked, agent, &self.run(turn), THEN_PLAN);
        let again = with_told(self.bead, again);
        self.next_turn(plan, turn + 1, &start, again);
    }

    /// Goes on with what people told while the turn was at work.
    ///
    /// Returns false when nobody told anything, or nothing can go on with it.
    fn listen(&self, plan: &mut Plan, turn: u32, agent: &AgentSeen) -> bool {
        let again = only_told(self.bead, agent, &self.run(turn), THEN_PLAN);
        let Some(again) = again else { return false };
        let start = self.seen.worktree(&self.bead.rig, &self.slot());
        let Some(start) = start.and_then(|worktree| worktree.start.clone()) else {
            return false;
        };
        if self.graph.pause_of(self.bead).is_none() {
            self.next_turn(plan, turn + 1, &start, again);
        }
        true
    }

    /// Begins a turn of the session, with what people told meanwhile.
    fn next_turn(&self, plan: &mut Plan, turn: u32, start: &Oid, again: Again) {
        plan.act(Effect::EnsureRun(self.order(turn, start, Some(again))));
        self.note_turn(plan, turn, n_told(self.bead));
    }

    /// Tells whether the worktree is not as it was; none when nobody has looked.
    fn is_touched(&self) -> Option<bool> {
        let (rig, slot) = (&self.bead.rig, self.slot());
        match self.seen.worktree(rig, &slot) {
            Some(worktree) => Some(worktree.dirty || worktree.changed),
            None => self.seen.has_no_worktree(rig, &slot).then_some(true),
        }
    }

    fn propose(&self, mut found: gtd_core::Plan, is_touched: bool) -> Command {
        let said = std::mem::take(&mut found.summary);
        let touched = "(It changed files while it planned; they go nowhere.)".to_owned();
        let mut summary: Vec<String> = is_touched.then_some(touched).into_iter().collect();
        summary.extend(said.lines().map(line));
        found.summary = evidence(&summary.join("\n"));
        Command::ProposePlan {
            goal: self.id().clone(),
            epoch: self.lease.epoch,
            plan: found,
            approval: self.approval(),
        }
    }

    /// Tells whether the plan waits for a person.
    fn approval(&self) -> Approval {
        if self.goal.plan == PlanState::Wanted {
            return self.goal.approval;
        }
        // Who let the first plan begin has not seen this one: the policy has a word of its own.
        let rules = self.graph.policy_of(self.bead).replans;
        match (self.goal.approval, rules.approval) {
            (Approval::NotNeeded, Approval::NotNeeded) => Approval::NotNeeded,
            _ => Approval::Needed,
        }
    }

    /// Gives the mistakes of a plan back to whoever made it, or to a person.
    fn send_back(
        &self,
        plan: &mut Plan,
        turn: u32,
        agent: &AgentSeen,
        means: &PlanMeans,
        mistakes: &[String],
    ) {
        let next = turn + 1;
        let all = mistakes.join("\n");
        let first = mistakes.first().and_then(|first| first.lines().next());
        let first = first.unwrap_or_default();
        let start = self.seen.worktree(&self.bead.rig, &self.slot());
        let start = start.and_then(|worktree| worktree.start.clone());
        match start {
            Some(start) if next < TURNS + self.bead.answered_in(self.lease.epoch) => {
                let again = Again {
                    session: agent.session.clone(),
                    after: self.run(turn),
                    words: no_plan_yet(agent, means, &all),
                };
                self.next_turn(plan, next, &start, with_told(self.bead, again));
            }
            _ => {
                let text = format!("its plan does not hold after {next} turns: {first}");
                self.give_back(plan, FaultClass::Question, &text, &all);
            }
        }
    }
}

/// Tells an agent what is wrong with its plan.
fn no_plan_yet(agent: &AgentSeen, means: &PlanMeans, mistakes: &str) -> String {
    let mut words = String::new();
    if agent.session.is_none() {
        // Whoever begins anew does not know what was said.
        let answer = wrap("your answer before", &evidence(&agent.answer));
        words.push_str(&format!("\n## Your answer before\n\n{answer}\n\n"));
    }
    words.push_str("That is no plan yet. It was read, and this is wrong with it:\n\n");
    words.push_str(&format!("```\n{}\n```\n", evidence(mistakes)));
    let names: Vec<&str> = means.usable.iter().map(RuntimeName::as_str).collect();
    words.push_str(&format!(
        "\nPut it right, and end your answer with the whole plan, as one block in the same form. \
         Runtimes that a bead may name: {}.\n",
        names.join(", ")
    ));
    words
}
