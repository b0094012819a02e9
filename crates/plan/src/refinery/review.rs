//! What a reviewer says of each submission, before it goes into a candidate.
//!
//! | a submission | next |
//! |---|---|
//! | the rig reviews nothing | nothing |
//! | nobody has looked how much it is | look, record it |
//! | a review is wanted, gtd's own gates let it through, and there is room | begin one |
//! | a review has no run | ensure its worktree and its first turn |
//! | its turn is at work | wait; end it when it is silent for too long, or at the end of its budget |
//! | its turn ended badly | the review has failed; another one begins, or a person decides |
//! | its turn ended with a verdict that can be read | record it; what is to be otherwise goes back |
//! | its turn ended without one, and a turn is left | ensure the next turn, with the mistakes |
//! | no turn is left | the review has failed; a person decides |
//! | nobody wants the review any more | end its run, record that |
//!
//! A review is bound to its commit by its name: whatever dies meanwhile, its run is found again, and
//! no commit is read twice because of that.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Attempt, Bead, Command, Epoch, Fault, FaultClass, Graph, Guard, GuardPolicy, Observation, Oid,
    Phase, Purse, REVIEW_TURNS, Review, ReviewOutcome, Reviewing, RunId, RuntimeName, SeatName,
    Timestamp, WaitReason, review_owner, review_run,
};

use super::weight::weigh;
use crate::{
    Again, AgentSeen, AgentTurn, Checkout, Effect, EndSeen, LiveSeen, Plan, Question, Refinery,
    RunOrder, RunSeen, Seen, Task, Work,
    agent_opinion::read_opinion,
    agents::{agent_fault, held_up, meter},
    budget::Budget,
    evidence::{evidence, line},
    review_seat,
    role::wrap,
};

/// Submissions of one target that are looked at in one pass, at most.
const LOOKS: usize = 64;
/// The processor must have been idle for so long as well, in milliseconds.
const SECOND_SIGNAL_MS: u64 = 3_000;
/// The longest that a turn may take when nobody has looked what its role says, in milliseconds.
const LIMIT_MS: u64 = 45 * 60_000;

/// What waits at one target, with the target's tip.
type Waiting<'a> = (&'a Bead, &'a Oid, Oid);

impl Refinery {
    /// Lists what was handed in and is to be weighed or read, with the tip that it is to land on.
    ///
    /// What waits for a person, or is being read, takes nobody's place.
    fn waiting<'a>(&self, graph: &'a Graph, seen: &Seen) -> Vec<Waiting<'a>> {
        let mut waiting = Vec::new();
        for target in self.targets(graph) {
            let Some(tip) = seen.tip(&target).and_then(|tip| tip.start()) else {
                continue;
            };
            let queued: Vec<&Bead> = graph.queued(&target).collect();
            let of_target = queued.into_iter().filter_map(|bead| {
                let Phase::Submitted { head, .. } = &bead.phase else {
                    return None;
                };
                let is_next = matches!(
                    graph.reviewing(bead),
                    Reviewing::Unweighed | Reviewing::Wanted
                );
                (is_next && graph.pause_of(bead).is_none()).then(|| (bead, head, tip.clone()))
            });
            waiting.extend(of_target.take(LOOKS));
        }
        waiting
    }

    /// Lists the reviews of the rig that go on.
    fn reading<'a>(&self, graph: &'a Graph, seen: &'a Seen, now: Timestamp) -> Vec<Reading<'a>> {
        let beads = graph.in_review().filter(|bead| bead.rig == self.rig);
        let open = beads.flat_map(|bead| {
            let attempts = bead.attempts.iter();
            attempts.filter_map(move |attempt| {
                Some(Reading {
                    graph,
                    seen,
                    now,
                    bead,
                    epoch: attempt.epoch,
                    head: attempt.head.as_ref()?,
                    review: attempt.open_review()?,
                })
            })
        });
        open.collect()
    }

    /// Asks what reviews need to know.
    pub(super) fn look_at_reviews(
        &self,
        graph: &Graph,
        seen: &Seen,
        now: Timestamp,
        questions: &mut Vec<Question>,
    ) {
        let mut needs_means = false;
        for (bead, head, tip) in self.waiting(graph, seen) {
            match graph.reviewing(bead) {
                Reviewing::Unweighed => questions.push(self.submission(head, &tip)),
                Reviewing::Wanted => needs_means = true,
                _ => {}
            }
        }
        for reading in self.reading(graph, seen, now) {
            needs_means = true;
            reading.look(questions);
        }
        if needs_means {
            questions.push(Question::Means(self.rig.clone()));
        }
    }

    fn submission(&self, head: &Oid, tip: &Oid) -> Question {
        Question::Submission {
            rig: self.rig.clone(),
            onto: tip.clone(),
            head: head.clone(),
        }
    }

    /// Plans for each review by itself: what is at work first, since it may end and make room.
    pub(super) fn plan_reviews(&self, graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Plan> {
        let mut parts = Vec::new();
        let waiting = self.waiting(graph, seen);
        for reading in self.reading(graph, seen, now) {
            let mut part = Plan::default();
            let target = graph.target_of(reading.bead);
            let tip = target.and_then(|target| seen.tip(&target)?.start().cloned());
            reading.go_on(&mut part, tip.as_ref());
            parts.push(part);
        }
        let Some(rig) = graph.rig(&self.rig) else {
            return parts;
        };
        let rules = &rig.rules.merge;
        let mut pass = Pass {
            refinery: self,
            graph,
            seen,
            now,
            busy: busy(graph, self),
            max: usize::try_from(rules.review.max).unwrap_or(usize::MAX),
            tried: BTreeSet::new(),
            purse: Purse::new(graph, now),
        };
        for (bead, head, tip) in &waiting {
            let mut part = Plan::default();
            match graph.reviewing(bead) {
                Reviewing::Unweighed => {
                    if let Some(submission) = seen.submission(&self.submission(head, tip)) {
                        part.tell(Command::Weigh {
                            bead: bead.id.clone(),
                            epoch: bead.epoch,
                            head: (*head).clone(),
                            weight: weigh(bead, submission, rules),
                        });
                    }
                }
                Reviewing::Wanted if self.has_passed_guards(graph, bead) => {
                    pass.begin(&mut part, bead, head);
                }
                _ => {}
            }
            parts.push(part);
        }
        parts
    }

    /// Tells whether gtd's own gates have let a submission through, as it is recorded: what they
    /// send back is read by nobody.
    fn has_passed_guards(&self, graph: &Graph, bead: &Bead) -> bool {
        let Some(rig) = graph.rig(&self.rig) else {
            return false;
        };
        let attempt = bead.attempt(bead.epoch);
        let Some((attempt, head)) = attempt.and_then(|a| Some((a, a.head.as_ref()?))) else {
            return false;
        };
        // What waits for a person's yes may be read meanwhile.
        let mut guards = Guard::ALL.into_iter().filter(|guard| !guard.asks());
        guards.all(|guard| match rig.rules.merge.policy_for(guard, bead) {
            GuardPolicy::Block => {
                attempt.guarded(guard, head).is_some() && attempt.held_by(guard, head).is_none()
            }
            _ => true,
        })
    }
}

/// Names who reviews on the rig at present.
fn busy(graph: &Graph, refinery: &Refinery) -> BTreeSet<SeatName> {
    let beads = graph.in_review().filter(|bead| bead.rig == refinery.rig);
    let open = beads.flat_map(Bead::open_reviews);
    open.map(|(_, review)| review.seat.clone()).collect()
}

/// What one pass keeps over all submissions.
struct Pass<'a> {
    refinery: &'a Refinery,
    graph: &'a Graph,
    seen: &'a Seen,
    now: Timestamp,
    busy: BTreeSet<SeatName>,
    max: usize,
    /// Runtimes with a review in this pass that tries whether they go again.
    tried: BTreeSet<RuntimeName>,
    purse: Purse<'a>,
}

impl Pass<'_> {
    /// Begins a review, or says what it waits for.
    fn begin(&mut self, plan: &mut Plan, bead: &Bead, head: &Oid) {
        let graph = self.graph;
        let is_held = graph.pause_of(bead).is_some()
            || graph.revoked(&bead.rig).is_some()
            || graph.is_role_paused("reviewer");
        let (Some(means), false) = (self.seen.means(&self.refinery.rig), is_held) else {
            return;
        };
        let wait = |reason, text: String, until| Observation {
            subject: bead.id.to_string(),
            reason,
            text,
            since: bead.since,
            until,
        };
        let Some(runtime) = means.review.runtime_for(bead.wished_runtime()) else {
            let text = "no agent program is configured that could review it: write \
                        [runtimes.claude] and below it preset = \"claude-code\" into config.toml \
                        (`gtd config path` shows where)";
            let seen = wait(WaitReason::RuntimeDown, text.to_owned(), None);
            return plan.observations.push(seen);
        };
        if let Some((reason, text, until)) = held_up(graph, runtime, &mut self.tried, self.now) {
            return plan.observations.push(wait(reason, text, until));
        }
        let reserved = match self.purse.reserve_review(bead, runtime) {
            Ok(reserved) => reserved,
            Err(short) => {
                let next = short.next().cmd;
                let text = format!("its review: {}; `{next}` raises it", short.text());
                let seen = wait(WaitReason::Budget, text, short.cap.again);
                return plan.observations.push(seen);
            }
        };
        let Some(seat) = self.seat() else {
            let text = format!("{} other reviews go on", self.max);
            return plan
                .observations
                .push(wait(WaitReason::Capacity, text, None));
        };
        self.purse.hold(bead, reserved);
        let attempt = bead.attempt(bead.epoch);
        plan.tell(Command::BeginReview {
            bead: bead.id.clone(),
            epoch: bead.epoch,
            head: head.clone(),
            number: attempt.map_or(1, Attempt::next_review),
            seat,
            runtime: runtime.clone(),
        });
    }

    /// Takes a seat in which nobody reads.
    fn seat(&mut self) -> Option<SeatName> {
        if self.busy.len() >= self.max {
            return None;
        }
        let free = |seat: &SeatName| !self.busy.contains(seat) && self.graph.seat(seat).is_none();
        let seat = (0..).map(review_seat).find(free)?;
        self.busy.insert(seat.clone());
        Some(seat)
    }
}

/// One review that goes on.
struct Reading<'a> {
    graph: &'a Graph,
    seen: &'a Seen,
    now: Timestamp,
    bead: &'a Bead,
    epoch: Epoch,
    head: &'a Oid,
    review: &'a Review,
}

/// What follows from a turn that has ended.
enum Ended<'a> {
    /// The review has come to its end.
    With(ReviewOutcome, &'a str),
    /// What it says cannot be read.
    Unread(&'a AgentSeen, Vec<String>),
}

impl<'a> Reading<'a> {
    fn run(&self, turn: u32) -> RunId {
        review_run(&self.bead.id, self.epoch, self.review.number, turn)
    }

    fn owner(&self) -> String {
        review_owner(&self.bead.id, self.epoch, self.review.number)
    }

    /// Tells whether somebody still waits for what it says.
    fn is_wanted(&self) -> bool {
        let reviewing = self.graph.reviewing(self.bead);
        let is_this =
            matches!(reviewing, Reviewing::Open(open) if open.number == self.review.number);
        is_this && self.bead.epoch == self.epoch
    }

    fn budget(&self) -> Budget<'a> {
        Budget {
            graph: self.graph,
            bead: self.bead,
            review: Some((self.epoch, self.review)),
            now: self.now,
        }
    }

    /// Asks how far its turns are.
    fn look(&self, questions: &mut Vec<Question>) {
        for turn in 0..REVIEW_TURNS {
            let run = self.run(turn);
            let is_over = matches!(self.seen.run(&run), Some(RunSeen::Ended(_)));
            questions.push(Question::Run(run));
            if !is_over {
                break;
            }
        }
        questions.push(Question::Owner {
            rig: self.bead.rig.clone(),
            slot: self.review.seat.to_string(),
        });
    }

    /// Brings the review one step nearer to a verdict. `tip` is where what it reads is to land.
    fn go_on(&self, plan: &mut Plan, tip: Option<&Oid>) {
        let mut again: Option<Again> = None;
        for turn in 0..REVIEW_TURNS {
            let run = self.run(turn);
            match self.seen.run(&run) {
                None => return,
                // The ledger has learnt more since.
                Some(RunSeen::Absent { .. }) if self.seen.is_older_than(self.bead) => return,
                Some(RunSeen::Absent { .. }) if !self.is_wanted() => {
                    let run = (turn > 0).then_some(run);
                    return self.take_away(plan, run);
                }
                Some(RunSeen::Absent { .. }) => return self.begin(plan, turn, again, tip),
                Some(RunSeen::Prepared | RunSeen::Live(_)) if !self.is_wanted() => {
                    return plan.act(Effect::StopRun { run });
                }
                // What it was told is in its place already.
                Some(RunSeen::Prepared) => {
                    if let Some(order) = self.order(turn, again, tip) {
                        plan.act(Effect::EnsureRun(order));
                    }
                    return;
                }
                Some(RunSeen::Live(live)) => {
                    self.budget().watch(plan, &run, live);
                    return self.watch(plan, &run, live);
                }
                Some(RunSeen::Lost) => {
                    plan.act(Effect::SweepLost { run: run.clone() });
                    let text = "its process vanished without a record of its end";
                    let failed = failed(FaultClass::Lost, text, "", &run);
                    return self.end(plan, failed, "");
                }
                Some(RunSeen::Ended(end)) => {
                    let attempt = (&self.bead.id, self.epoch);
                    meter(plan, self.graph, attempt, &run, end);
                    match self.conclude(&run, end) {
                        Ended::With(outcome, model) => return self.end(plan, outcome, model),
                        Ended::Unread(..) if !self.is_wanted() => {
                            return self.take_away(plan, Some(run));
                        }
                        Ended::Unread(agent, mistakes) if turn + 1 < REVIEW_TURNS => {
                            again = Some(Again {
                                session: agent.session.clone(),
                                after: run,
                                words: no_verdict_yet(agent, &mistakes),
                            });
                        }
                        Ended::Unread(agent, mistakes) => {
                            let first = mistakes.first().map_or("", String::as_str);
                            let text = format!(
                                "its verdict cannot be read after {REVIEW_TURNS} turns: {first}"
                            );
                            let class = FaultClass::Check {
                                criterion: "its verdict can be read".to_owned(),
                            };
                            let all = format!("{}\n\n{}", mistakes.join("\n"), agent.answer);
                            let failed = failed(class, &text, &all, &run);
                            return self.end(plan, failed, model_of(agent));
                        }
                    }
                }
            }
        }
    }

    fn end(&self, plan: &mut Plan, outcome: ReviewOutcome, model: &str) {
        plan.tell(Command::EndReview {
            bead: self.bead.id.clone(),
            epoch: self.epoch,
            number: self.review.number,
            model: model.to_owned(),
            outcome,
        });
    }

    /// Ends a review that nobody waits for.
    fn take_away(&self, plan: &mut Plan, run: Option<RunId>) {
        let fault = Fault {
            class: FaultClass::Stopped,
            text: "nobody waits for it any more".to_owned(),
            evidence: String::new(),
            run,
        };
        self.end(plan, ReviewOutcome::Failed(fault), "");
    }

    fn begin(&self, plan: &mut Plan, turn: u32, again: Option<Again>, tip: Option<&Oid>) {
        let is_held = self.graph.pause_of(self.bead).is_some()
            || self.graph.revoked(&self.bead.rig).is_some();
        let Some(order) = self.order(turn, again, tip).filter(|_| !is_held) else {
            return;
        };
        let (rig, slot) = (self.bead.rig.clone(), self.review.seat.to_string());
        if !self.seen.is_owned_by(&rig, &slot, &self.owner()) {
            plan.act(Effect::EnsureWorktree {
                rig,
                slot,
                checkout: Checkout::Exact {
                    commit: self.head.clone(),
                    owner: self.owner(),
                },
            });
        }
        plan.act(Effect::EnsureRun(order));
    }

    fn order(&self, turn: u32, again: Option<Again>, tip: Option<&Oid>) -> Option<RunOrder> {
        let means = self.seen.means(&self.bead.rig);
        Some(RunOrder {
            run: self.run(turn),
            rig: self.bead.rig.clone(),
            slot: self.review.seat.to_string(),
            work: Work::Agent(AgentTurn {
                runtime: self.review.runtime.clone(),
                task: Task::Review {
                    onto: tip?.clone(),
                    head: self.head.clone(),
                },
                again,
            }),
            bead: Some(self.bead.id.clone()),
            epoch: self.epoch,
            limit_ms: means.map_or(LIMIT_MS, |means| means.review.limit_ms),
            env: BTreeMap::new(),
            report: None,
        })
    }

    /// Ends a turn that is silent and idle for too long.
    fn watch(&self, plan: &mut Plan, run: &RunId, live: &LiveSeen) {
        let Some(means) = self.seen.means(&self.bead.rig) else {
            return;
        };
        let silence = means.review.silence_ms;
        let is_dead = live.quiet_ms >= silence && live.idle_ms >= SECOND_SIGNAL_MS.min(silence);
        if is_dead {
            plan.act(Effect::StopRun { run: run.clone() });
        }
        if is_dead || live.quiet_ms >= silence / 2 {
            plan.observations.push(Observation {
                subject: self.bead.id.to_string(),
                reason: WaitReason::Stuck,
                text: format!("its reviewer: no output for {} min", live.quiet_ms / 60_000),
                since: self.now,
                until: None,
            });
        }
    }

    /// Takes what a turn that ended has left: a verdict, a reason, or nothing of use.
    fn conclude<'e>(&self, run: &RunId, end: &'e EndSeen) -> Ended<'e> {
        let used_up = self.budget().used_up(run, end);
        let failed = |class, text: &str| Ended::With(failed(class, text, &end.tail, run), "");
        if end.stopped
            && let Some((class, text)) = used_up
        {
            return failed(class, &text);
        }
        if end.stopped {
            let text = "it was stopped: no output and no activity";
            let class = match self.is_wanted() {
                true => FaultClass::Silent,
                false => FaultClass::Stopped,
            };
            return failed(class, text);
        }
        if end.timed_out {
            return failed(FaultClass::TimedOut, "it took too long");
        }
        let Some(agent) = &end.agent else {
            let text = format!("it left no word of an agent ({})", end.detail());
            return failed(FaultClass::Killed, &text);
        };
        if let Some((class, text)) = agent_fault(self.review.runtime.as_str(), agent) {
            return failed(class, &text);
        }
        match (read_opinion(&agent.answer, self.bead), used_up) {
            (Ok(opinion), _) => Ended::With(ReviewOutcome::Said(opinion), model_of(agent)),
            (Err(_), Some((class, text))) => failed(class, &text),
            (Err(mistakes), None) => Ended::Unread(agent, mistakes),
        }
    }
}

fn model_of(agent: &AgentSeen) -> &str {
    /// The longest name of a model that is kept, in bytes.
    const LONGEST: usize = 100;
    let model = agent.model.as_deref().unwrap_or_default();
    &model[..model.floor_char_boundary(LONGEST)]
}

fn failed(class: FaultClass, text: &str, said: &str, run: &RunId) -> ReviewOutcome {
    ReviewOutcome::Failed(Fault {
        class,
        text: line(text),
        evidence: evidence(said),
        run: Some(run.clone()),
    })
}

/// Tells a reviewer what is wrong with its verdict.
fn no_verdict_yet(agent: &AgentSeen, mistakes: &[String]) -> String {
    let mut words = String::new();
    if agent.session.is_none() {
        // Whoever begins anew does not know what was said.
        let answer = wrap("your answer before", &evidence(&agent.answer));
        words.push_str(&format!("\n## Your answer before\n\n{answer}\n\n"));
    }
    let mistakes = evidence(&mistakes.join("\n"));
    words.push_str("That is no verdict yet. It was read, and this is wrong with it:\n\n");
    words.push_str(&format!("```\n{mistakes}\n```\n"));
    words.push_str("\nPut it right, and end your answer with the whole verdict, as one block of JSON in the same form.\n");
    words
}
