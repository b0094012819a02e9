//! The turns of standing members: each is a run in the member's worktree, and all go on in one session.
//!
//! | seen | next |
//! |---|---|
//! | nothing to say, no bead of its own that it does not know | nothing: a quiet member costs nothing |
//! | something to say, and nothing holds the member back | the turn is begun in the log, with its words and the name of its run |
//! | a turn that is begun, no run | ensure it |
//! | its run at work | wait; stop it where a person stopped the member |
//! | its run ended, or is lost | record that with its session and what it used |
//!
//! The words of a turn stand in the log before its run is begun. Whoever dies in between finds the
//! turn, and the run is one and the same: what is said is said once.

use gtd_core::{
    Bead, BeadId, Command, CrewAgent, CrewMember, CrewState, CrewTurn, Epoch, Graph, Holder,
    SeatName, Timestamp, UsageDelta,
};

use crate::{
    Again, AgentTurn, Effect, EndSeen, Plan, Question, RunOrder, RunSeen, Seen, Task, Work,
    agents::{agent_fault, is_without_session},
    evidence::line,
    role::{PromptText, said_by, wrap},
    standing_owner,
};

/// The longest that a turn may take.
const LIMIT_MS: u64 = 4 * 3_600_000;
/// The longest name of a session, in bytes, that the ledger takes.
const SESSION_MAX: usize = 200;

pub(crate) fn look(member: &CrewMember) -> Option<Question> {
    let turn = member.agent.as_ref()?.turn.as_ref()?;
    Some(Question::Run(turn.run.clone()))
}

/// Plans what becomes of turns whose run has begun. It waits for no pause.
pub(crate) fn end(graph: &Graph, seen: &Seen) -> Vec<Plan> {
    let turns = graph.crew().filter_map(|member| {
        let agent = member.agent.as_deref()?;
        Some((member, agent, agent.turn.as_ref()?))
    });
    turns
        .map(|(member, agent, turn)| {
            let mut plan = Plan::default();
            match seen.run(&turn.run) {
                Some(RunSeen::Live(_) | RunSeen::Prepared) if agent.stopped => {
                    plan.act(Effect::StopRun {
                        run: turn.run.clone(),
                    });
                }
                Some(RunSeen::Lost) => {
                    plan.act(Effect::SweepLost {
                        run: turn.run.clone(),
                    });
                    plan.tell(lost(member, agent, turn));
                }
                Some(RunSeen::Absent { .. }) if agent.stopped => {
                    plan.tell(never_begun(member, agent, turn));
                }
                Some(RunSeen::Ended(end)) => plan.tell(ended(graph, member, agent, turn, end)),
                Some(RunSeen::Absent { .. } | RunSeen::Prepared | RunSeen::Live(_)) | None => {}
            }
            plan
        })
        .collect()
}

/// Plans what begins: turns that nobody has begun, and the runs of those that are.
pub(crate) fn begin(graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Plan> {
    let agents = graph
        .crew()
        .filter_map(|member| Some((member, member.agent.as_deref()?)));
    agents
        .map(|(member, agent)| {
            let mut plan = Plan::default();
            let is_here = matches!(member.state, CrewState::Here { .. });
            let slot = member.slot();
            if agent.stopped
                || !is_here
                || !seen.is_owned_by(&member.rig, &slot, &standing_owner(&member.name))
            {
                return plan;
            }
            match &agent.turn {
                Some(turn) => {
                    let has_none = matches!(
                        seen.run(&turn.run),
                        Some(RunSeen::Absent { .. } | RunSeen::Prepared)
                    );
                    if has_none && graph.why_crew_waits(member, now).is_none() {
                        plan.act(Effect::EnsureRun(order(graph, member, agent, turn)));
                    }
                }
                None => plan.steps.extend(
                    next(graph, member, agent, now)
                        .into_iter()
                        .map(crate::Step::Tell),
                ),
            }
            plan
        })
        .collect()
}

/// Begins the next turn, when there is something to say.
fn next(graph: &Graph, member: &CrewMember, agent: &CrewAgent, now: Timestamp) -> Option<Command> {
    let bead = held(graph, &member.name)
        .find(|(bead, epoch)| agent.given.get(&bead.id) != Some(epoch))
        .map(|(bead, _)| bead.id.clone());
    if agent.unheard.is_empty() && bead.is_none() {
        return None;
    }
    if graph.why_crew_waits(member, now).is_some() {
        return None;
    }
    Some(Command::BeginCrewTurn {
        member: member.name.clone(),
        turn: agent.turns + 1,
        told: u32::try_from(agent.unheard.len()).unwrap_or(u32::MAX),
        bead,
    })
}

/// Lists the beads that are claimed under a member's name.
fn held<'a>(graph: &'a Graph, name: &'a SeatName) -> impl Iterator<Item = (&'a Bead, Epoch)> {
    graph.leased().filter_map(move |bead| {
        let lease = bead.phase.lease()?;
        let is_own = matches!(&lease.holder, Holder::Claimant { name: held } if held == name);
        is_own.then_some((bead, lease.epoch))
    })
}

fn order(graph: &Graph, member: &CrewMember, agent: &CrewAgent, turn: &CrewTurn) -> RunOrder {
    let owns = turn.bead.clone().or_else(|| {
        let held = held(graph, &member.name).last();
        held.map(|(bead, epoch)| (bead.id.clone(), epoch))
    });
    RunOrder {
        run: turn.run.clone(),
        rig: member.rig.clone(),
        slot: member.slot(),
        work: Work::Agent(AgentTurn {
            runtime: agent.runtime.clone(),
            task: Task::Stand {
                member: member.name.clone(),
                owns,
            },
            again: Some(Again {
                session: agent.session.clone(),
                after: agent.last.clone().unwrap_or_else(|| turn.run.clone()),
                words: words(graph, turn),
            }),
        }),
        bead: None,
        epoch: Epoch(0),
        limit_ms: LIMIT_MS,
        env: std::collections::BTreeMap::new(),
        report: None,
    }
}

/// Makes the words of a turn: what people said, and the bead that is its own.
fn words(graph: &Graph, turn: &CrewTurn) -> String {
    let mut words = String::new();
    for note in &turn.told {
        words.push_str(&format!("{} says:\n\n{}\n\n", note.by, note.text.trim()));
    }
    if let Some((id, _)) = &turn.bead {
        words.push_str(&own(graph, id));
    }
    words
}

/// Tells a member of a bead that is its own.
fn own(graph: &Graph, id: &BeadId) -> String {
    let Some(bead) = graph.bead(id) else {
        return String::new();
    };
    // What an agent or an import wrote is material, here as in every prompt.
    let told = |text: &str| match said_by(bead, text.trim()) {
        PromptText::Own(text) => text,
        PromptText::Foreign { origin, text } => wrap(&origin, &text),
    };
    let mut words = format!("{id} is yours: {}\n", told(&bead.spec.title));
    if !bead.spec.description.trim().is_empty() {
        words.push_str(&format!("\n{}\n", told(&bead.spec.description)));
    }
    if !bead.spec.acceptance.is_empty() {
        words.push_str("\nDone means:\n\n");
    }
    for criterion in &bead.spec.acceptance {
        let check = criterion.check.as_ref();
        let check = check.map_or_else(String::new, |check| format!(" (checked by `{check}`)"));
        words.push_str(&format!("- {}{check}\n", told(&criterion.text)));
    }
    words.push_str(
        "\nDo it in your worktree and commit. `gtd brief` tells all of it; when it is done: \
         `gtd done --summary \"WHAT CHANGED AND HOW IT IS PROVED\"`.\n",
    );
    words
}

fn ended(
    graph: &Graph,
    member: &CrewMember,
    agent: &CrewAgent,
    turn: &CrewTurn,
    end: &EndSeen,
) -> Command {
    let said = end.agent.as_deref();
    // A session that its program does not find is begun anew, with the same words. Where there is
    // no program that could be started, it has not looked.
    let has_begun = !end.stopped && !matches!(end.code, Some(126 | 127));
    let is_gone = agent.session.is_some() && has_begun && said.is_some_and(is_without_session);
    let session = said
        .and_then(|said| said.session.clone())
        .filter(|id| !id.is_empty() && id.len() <= SESSION_MAX && !id.contains('\0'));
    // Whoever was stopped before the first word has heard nothing.
    let is_unheard = end.stopped && said.is_none_or(|said| said.used.line == 0);
    let usage: Option<UsageDelta> = said.and_then(|said| {
        let used = said.used;
        let metered = graph.metered(&turn.run);
        metered.delta(&turn.run, used.line, &used.usage, used.estimated)
    });
    Command::EndCrewTurn {
        member: member.name.clone(),
        turn: turn.number,
        session: match is_gone {
            true => None,
            false => session.or_else(|| agent.session.clone()),
        },
        fault: fault(agent, end).map(|text| line(&text)),
        unsaid: is_gone || is_unheard,
        usage,
    }
}

/// Says why a turn did not end well.
fn fault(agent: &CrewAgent, end: &EndSeen) -> Option<String> {
    if end.stopped {
        return Some("it was stopped".to_owned());
    }
    if end.timed_out {
        return Some("it took too long".to_owned());
    }
    match &end.agent {
        Some(said) => agent_fault(agent.runtime.as_str(), said).map(|(_, text)| text),
        None => (end.code != Some(0)).then(|| end.detail()),
    }
}

/// The machine went down in the middle of it. What it was told is in its session, if there is one;
/// else it is said once more, and not again and again where turns are lost one after the other.
fn lost(member: &CrewMember, agent: &CrewAgent, turn: &CrewTurn) -> Command {
    Command::EndCrewTurn {
        member: member.name.clone(),
        turn: turn.number,
        session: agent.session.clone(),
        fault: Some("it was cut off in the middle, as by a restart of the machine".to_owned()),
        unsaid: agent.session.is_none() && agent.fault.is_none(),
        usage: None,
    }
}

fn never_begun(member: &CrewMember, agent: &CrewAgent, turn: &CrewTurn) -> Command {
    Command::EndCrewTurn {
        member: member.name.clone(),
        turn: turn.number,
        session: agent.session.clone(),
        fault: Some("it was stopped before it began".to_owned()),
        unsaid: true,
        usage: None,
    }
}
