//! A fresh session for an attempt whose session is full.
//!
//! | seen | next |
//! |---|---|
//! | a turn at work whose context is as full as the role lets it be | record that; stop the turn |
//! | a turn that ended, and the session would go on though it is as full | record that |
//! | the last turn of a full session has ended | the next one asks for a handover |
//! | that has ended with a handover that can be read | record it |
//! | it cannot be read, for the first time | one turn more, with the mistakes |
//! | it cannot be read, or the session could not go on | record that, with the end of what was said |
//! | the program itself says that its context is full | record that, with the end of what was said |
//! | it is recorded what the session leaves | a turn of a fresh session, with the brief and that |
//!
//! Each step is recorded before what follows from it, so whoever looks after a death finds the same
//! turn again, and nothing is asked twice. How often an attempt has a fresh session is limited.

use gtd_core::{
    Bead, Command, ContextUse, Epoch, FaultClass, Graph, Handover, HoldsUp, Refresh, RunId,
    RuntimeFault, Timestamp,
};

use crate::{
    Again, AgentSeen, Effect, EndSeen, LiveSeen, Plan, UsedSeen, Worker,
    agent_handover::read_handover,
    answers::{Asking, asking, with_answer, with_told},
    evidence::{evidence, line},
    role::wrap,
    turn_in,
    worker::Attempt,
};

/// Turns in which a session is asked for its handover at most.
const ASKS: u32 = 2;

/// How far an attempt is with a change of sessions.
#[derive(Clone, Copy)]
pub(crate) enum Stage<'a> {
    /// The session is at its own work.
    Work,
    /// The session is full, and the turn is its last at its own work.
    Full(&'a Refresh),
    /// The turn is one in which it hands over: the first, the second.
    Leaving(u32),
    /// What it leaves is recorded, and its successor has not begun.
    Left(&'a Refresh),
}

/// Tells how far an attempt is that is at the turn `run`.
pub(crate) fn stage<'a>(bead: &'a Bead, epoch: Epoch, run: &RunId) -> Stage<'a> {
    let Some(refresh) = bead.refreshes_in(epoch).last() else {
        return Stage::Work;
    };
    match &refresh.last {
        None if refresh.run == *run => Stage::Full(refresh),
        None => Stage::Leaving(turn_in(run).saturating_sub(turn_in(&refresh.run))),
        Some(last) if last == run => Stage::Left(refresh),
        Some(_) => Stage::Work,
    }
}

/// Tells whether a turn that was stopped was so for the sake of a fresh session.
pub(crate) fn is_stopped_for_another(bead: &Bead, epoch: Epoch, run: &RunId) -> bool {
    matches!(stage(bead, epoch, run), Stage::Full(_) | Stage::Left(_))
}

/// Counts the turns that an attempt has had for changes of sessions, each successor's first among
/// them.
pub(crate) fn turns_of_refreshes(bead: &Bead, epoch: Epoch) -> u32 {
    let refreshes = bead.refreshes_in(epoch).iter();
    refreshes
        .filter_map(|refresh| {
            let last = turn_in(refresh.last.as_ref()?);
            Some(last.saturating_sub(turn_in(&refresh.run)) + 1)
        })
        .sum()
}

/// Counts the turns that an attempt may have had for changes of sessions at most.
pub(crate) fn most_turns_of_refreshes(bead: &Bead, epoch: Epoch) -> u32 {
    let n_refreshes = bead.refreshes_in(epoch).len();
    u32::try_from(n_refreshes).map_or(u32::MAX, |n| n * (ASKS + 1))
}

/// Returns how full a session is, when that is as full as its role lets it be, and another may
/// take its place.
fn full(graph: &Graph, bead: &Bead, epoch: Epoch, used: &UsedSeen) -> Option<ContextUse> {
    let context = used.context?;
    let most = graph.rig(&bead.rig)?.rules.worker.refresh_percent;
    let is_full = context.percent() >= u64::from(most);
    let may_begin = bead.refreshes_in(epoch).len() < Refresh::MOST;
    (is_full && may_begin).then_some(context)
}

impl<'a> Attempt<'a> {
    /// Tells how far it is with a change of sessions.
    pub(crate) fn stage(&self) -> Stage<'a> {
        stage(self.bead, self.lease.epoch, &self.run())
    }

    /// Returns how full the session of the turn that has ended is, when another is to take its
    /// place.
    fn full(&self) -> Option<ContextUse> {
        let used = self.agent()?.used;
        full(self.graph, self.bead, self.lease.epoch, &used)
    }
}

impl Worker {
    /// Records how full the session of a live turn is, and ends the turn when it is too full.
    pub(crate) fn watch_context(&self, plan: &mut Plan, attempt: &Attempt<'_>, live: &LiveSeen) {
        let run = attempt.run();
        let Some(used) = &live.used else { return };
        self.meter_context(plan, attempt, &run, used);
        match attempt.stage() {
            Stage::Full(_) => plan.act(Effect::StopRun { run }),
            // Who has asked ends its turn by itself, and is answered first.
            Stage::Work if attempt.bead.question().is_none() => {
                if let Some(context) = full(attempt.graph, attempt.bead, self.epoch, used) {
                    plan.tell(self.ask_handover(run.clone(), context));
                    plan.act(Effect::StopRun { run });
                }
            }
            Stage::Work | Stage::Leaving(_) | Stage::Left(_) => {}
        }
    }

    /// Records how full a session is each time that another tenth of it is used.
    fn meter_context(&self, plan: &mut Plan, attempt: &Attempt<'_>, run: &RunId, used: &UsedSeen) {
        let metered = attempt.graph.metered(run);
        let tenths = |context: Option<ContextUse>| context.map_or(0, |used| used.percent() / 10);
        if tenths(used.context) <= tenths(metered.context) {
            return;
        }
        if let Some(mut usage) = metered.delta(run, used.line, &used.usage, used.estimated) {
            usage.context = used.context;
            plan.tell(Command::RecordUsage {
                bead: self.bead.clone(),
                epoch: self.epoch,
                usage,
            });
        }
    }

    fn ask_handover(&self, run: RunId, full: ContextUse) -> Command {
        Command::AskHandover {
            bead: self.bead.clone(),
            epoch: self.epoch,
            run,
            full,
        }
    }

    fn give_handover(&self, plan: &mut Plan, run: &RunId, handover: Handover) {
        plan.tell(Command::GiveHandover {
            bead: self.bead.clone(),
            epoch: self.epoch,
            run: run.clone(),
            handover,
        });
    }

    /// Records that a session leaves nothing but the end of what it said.
    fn leave_nothing(&self, plan: &mut Plan, run: &RunId, why: &str, said: &str) {
        let handover = Handover {
            missing: line(why),
            tail: evidence(said),
            ..Handover::default()
        };
        self.give_handover(plan, run, handover);
    }

    /// Makes the words of a turn those in which a full session is asked for its handover; none when
    /// that has to be recorded first.
    pub(crate) fn parting(
        &self,
        plan: &mut Plan,
        attempt: &Attempt<'_>,
        again: Again,
    ) -> Option<Again> {
        match attempt.stage() {
            Stage::Full(refresh) => Some(Again {
                words: parting_words(&again.words, refresh),
                ..again
            }),
            Stage::Work if again.session.is_some() => match attempt.full() {
                None => Some(again),
                Some(context) => {
                    plan.tell(self.ask_handover(attempt.run(), context));
                    None
                }
            },
            Stage::Work | Stage::Leaving(_) | Stage::Left(_) => Some(again),
        }
    }

    /// Asks a session for its handover whose turn was stopped because it is full.
    pub(crate) fn part(&self, plan: &mut Plan, attempt: &Attempt<'_>, now: Timestamp) {
        let run = attempt.run();
        let Some(agent) = attempt.agent() else { return };
        let words = match asking(attempt.bead, self.epoch, now) {
            Some(Asking::Waits) => return,
            Some(Asking::Over(asked)) => {
                let class = FaultClass::Question;
                return self.give_back(plan, class, asked.text.clone(), &run, "");
            }
            Some(Asking::Answered(asked)) => with_answer(asked, agent, &run, "").words,
            None => String::new(),
        };
        if attempt.graph.pause_of(attempt.bead).is_some() {
            return;
        }
        if agent.session.is_none() {
            let why = "it has no session that could be asked";
            return self.leave_nothing(plan, &run, why, &agent.recent);
        }
        let again = Again {
            session: agent.session.clone(),
            after: run,
            words,
        };
        let again = with_told(attempt.bead, again);
        self.next_turn(plan, attempt, attempt.turn() + 1, again);
    }

    /// Takes what a session leaves that has ended a turn: because its program says that it is full,
    /// or because it was asked to hand over.
    ///
    /// Returns false when the turn is any other.
    pub(crate) fn leave(
        &self,
        plan: &mut Plan,
        attempt: &Attempt<'_>,
        end: &EndSeen,
        now: Timestamp,
    ) -> bool {
        let Some(agent) = &end.agent else {
            return false;
        };
        match attempt.stage() {
            Stage::Work => {
                let n_refreshes = attempt.bead.refreshes_in(self.epoch).len();
                n_refreshes < Refresh::MOST && self.overflow(plan, attempt, agent)
            }
            Stage::Full(_) => self.overflow(plan, attempt, agent),
            Stage::Leaving(n) => self.hand_over(plan, attempt, (end, agent), n, now),
            Stage::Left(_) => false,
        }
    }

    /// Begins anew after a session whose program says that its context is full.
    fn overflow(&self, plan: &mut Plan, attempt: &Attempt<'_>, agent: &AgentSeen) -> bool {
        let is_over = matches!(agent.fault, Some((RuntimeFault::ContextFull, _)));
        // Who was full before it did anything would be so again.
        if !is_over || agent.n_tools == 0 || attempt.used_up().is_some() {
            return false;
        }
        let why = "its context was full before it could";
        self.leave_nothing(plan, &attempt.run(), why, &agent.recent);
        true
    }

    /// Reads the handover of a session that was asked for it.
    fn hand_over(
        &self,
        plan: &mut Plan,
        attempt: &Attempt<'_>,
        (end, agent): (&EndSeen, &AgentSeen),
        n_asks: u32,
        now: Timestamp,
    ) -> bool {
        let run = attempt.run();
        match &agent.fault {
            Some((fault, _)) if fault.holds_up() != HoldsUp::Work => return false,
            Some((fault, said)) => {
                let why = format!("{}: {said}", fault.text());
                self.leave_nothing(plan, &run, why.trim_end_matches([':', ' ']), &agent.recent);
                return true;
            }
            None if end.timed_out => {
                self.leave_nothing(plan, &run, "it took too long", &agent.recent);
                return true;
            }
            None => {}
        }
        if asking(attempt.bead, self.epoch, now).is_some() {
            return false;
        }
        match read_handover(&agent.answer) {
            Ok(handover) => self.give_handover(plan, &run, handover),
            Err(mistakes) if n_asks < ASKS && agent.session.is_some() => {
                if attempt.graph.pause_of(attempt.bead).is_none() {
                    let again = Again {
                        session: agent.session.clone(),
                        after: run,
                        words: no_handover_yet(&mistakes),
                    };
                    self.next_turn(plan, attempt, attempt.turn() + 1, again);
                }
            }
            Err(mistakes) => {
                let first = mistakes.first().map_or("", String::as_str);
                let why = format!("what it wrote cannot be read: {first}");
                self.leave_nothing(plan, &run, &why, &agent.answer);
            }
        }
        true
    }

    /// Begins a fresh session with what the last one leaves.
    pub(crate) fn succeed(
        &self,
        plan: &mut Plan,
        attempt: &Attempt<'_>,
        refresh: &Refresh,
        now: Timestamp,
    ) {
        let run = attempt.run();
        match asking(attempt.bead, self.epoch, now) {
            Some(Asking::Waits) => return,
            Some(Asking::Over(asked)) => {
                let class = FaultClass::Question;
                return self.give_back(plan, class, asked.text.clone(), &run, "");
            }
            // It is a remark on the bead, which the brief shows.
            Some(Asking::Answered(_)) | None => {}
        }
        if attempt.graph.pause_of(attempt.bead).is_some() {
            return;
        }
        if let Some((class, text)) = attempt.used_up() {
            return self.give_back(plan, class, text, &run, "");
        }
        let again = Again {
            session: None,
            after: run,
            words: successor_words(refresh),
        };
        let again = with_told(attempt.bead, again);
        self.next_turn(plan, attempt, attempt.turn() + 1, again);
    }
}

/// Asks a full session for its handover, after what it would have been told anyway.
fn parting_words(told: &str, refresh: &Refresh) -> String {
    let full = refresh
        .context
        .map_or_else(String::new, |context| format!(" ({})", context.told()));
    let mut words = String::new();
    if !told.trim().is_empty() {
        words.push_str(told.trim_end());
        words.push_str("\n\nBut do not go on with it yourself. ");
    }
    words.push_str(&format!(
        "Your context is nearly full{full}, so a fresh session goes on with this work, in the same \
         worktree, as you leave it. It knows what you were told at first and nothing of what you \
         have seen and said since. Change nothing more. End your turn with a handover for it, as \
         one block in this form and with no other keys:\n\n"
    ));
    words.push_str(
        "```json\n{\n  \"done\": [\"what is done, and how it was seen\"],\n  \"left\": [\"what is \
         left to do, in order\"],\n  \"decisions\": [\"what was decided, and why\"],\n  \
         \"pitfalls\": [\"what did not work, and what to look out for\"],\n  \"files\": \
         [\"src/files/that/matter.rs\"]\n}\n```\n\nIt is read by code; its mistakes come back to \
         you.\n",
    );
    words
}

/// Tells a session what is wrong with its handover.
fn no_handover_yet(mistakes: &[String]) -> String {
    format!(
        "That is no handover yet. It was read, and this is wrong with it:\n\n```\n{}\n```\n\nPut it \
         right, and end your answer with the whole handover, as one block of JSON in the same \
         form.\n",
        evidence(&mistakes.join("\n"))
    )
}

/// Tells a fresh session what the one before it leaves.
fn successor_words(refresh: &Refresh) -> String {
    let left = refresh.handover.as_deref();
    let mut words = "\n## You go on where another session stopped\n\nIts context was full. The \
                     worktree is as it left it: look at `git status` and `git log` first, and do \
                     not begin anew.\n"
        .to_owned();
    let Some(handover) = left else { return words };
    if handover.missing.is_empty() {
        words.push_str(" This is its handover:\n");
    } else {
        words.push_str(" It wrote no handover; this is the end of what it did and said:\n");
    }
    let told = match handover.missing.as_str() {
        "" => handover.told(),
        _ => handover.tail.clone(),
    };
    let told = wrap("the session before you", &told);
    words.push_str(&format!("\n{told}\n"));
    words
}
