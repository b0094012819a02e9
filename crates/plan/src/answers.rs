//! A question of an agent, and its answer as the next turn of the same session.
//!
//! | the turn that asked has ended, and | next |
//! |---|---|
//! | nobody has answered, and its time is not over | wait; no process runs |
//! | nobody has answered in time | give the work back with the question |
//! | it is answered, under the same lease | the next turn of the session |
//! | a person told something meanwhile | the next turn of the session begins with it |
//! | it is answered, under the next lease, in the same worktree | the first turn of that, in the session |

use gtd_core::{Asked, Bead, Epoch, Lease, RunId, Timestamp};

use crate::{Again, AgentSeen, RunSeen, Seen};

/// How far the question of an attempt is whose turn has ended.
pub(crate) enum Asking<'a> {
    /// It waits for its answer.
    Waits,
    /// Nobody has answered in time.
    Over(&'a Asked),
    /// It has its answer.
    Answered(&'a Asked),
}

/// Tells how far the question of an attempt is, if it asked one.
pub(crate) fn asking(bead: &Bead, epoch: Epoch, now: Timestamp) -> Option<Asking<'_>> {
    let asked = bead.asked.as_ref().filter(|asked| asked.epoch == epoch)?;
    Some(match asked.answer {
        Some(_) => Asking::Answered(asked),
        None if asked.until > now => Asking::Waits,
        None => Asking::Over(asked),
    })
}

/// Makes the turn that goes on in the session of `agent` with the answer.
pub(crate) fn with_answer(asked: &Asked, agent: &AgentSeen, after: &RunId, place: &str) -> Again {
    let answer = asked.answer.as_deref().unwrap_or_default();
    Again {
        session: agent.session.clone(),
        after: after.clone(),
        words: format!(
            "You asked:\n\n{}\n\nThe answer:\n\n{}\n\nGo on with it where you were. {place}\n",
            asked.text.trim(),
            answer.trim()
        ),
    }
}

/// Says what people told meanwhile; empty when they told nothing.
pub(crate) fn told(bead: &Bead) -> String {
    if bead.unheard.is_empty() {
        return String::new();
    }
    let said = bead.unheard.iter();
    let said: Vec<String> = said
        .map(|note| format!("{} says:\n\n{}\n", note.by, note.text.trim()))
        .collect();
    format!("You were told meanwhile:\n\n{}", said.join("\n"))
}

/// Counts what a turn that begins now is told.
pub(crate) fn n_told(bead: &Bead) -> u32 {
    u32::try_from(bead.unheard.len()).unwrap_or(u32::MAX)
}

/// Adds what people told meanwhile to the words of a turn.
pub(crate) fn with_told(bead: &Bead, again: Again) -> Again {
    let told = told(bead);
    Again {
        words: match told.is_empty() {
            true => again.words,
            false => format!("{}\n{told}", again.words),
        },
        ..again
    }
}

/// Makes the turn that goes on in the session of `agent` with what people told alone.
///
/// None when nobody told anything, or there is no session that could go on.
pub(crate) fn only_told(
    bead: &Bead,
    agent: &AgentSeen,
    after: &RunId,
    place: &str,
) -> Option<Again> {
    let told = told(bead);
    let session = agent.session.clone().filter(|_| !told.is_empty())?;
    Some(Again {
        session: Some(session),
        after: after.clone(),
        words: format!("{told}\nGo on with that in mind. {place}\n"),
    })
}

/// Returns the question that an earlier attempt asked in the same seat, and its answer is here.
pub(crate) fn kept<'a>(bead: &'a Bead, lease: &Lease) -> Option<(&'a Asked, &'a RunId)> {
    let asked = bead.asked.as_deref()?;
    let is_kept =
        asked.answer.is_some() && asked.epoch < lease.epoch && asked.seat == *lease.holder.name();
    Some((asked, asked.run.as_ref()?)).filter(|_| is_kept)
}

/// Returns what the agent of a run said, when it has ended; none inside when it said nothing that
/// could go on, and none at all when nobody has looked.
pub(crate) fn ended_agent<'a>(seen: &'a Seen, run: &RunId) -> Option<Option<&'a AgentSeen>> {
    Some(match seen.run(run)? {
        RunSeen::Ended(end) => end.agent.as_deref(),
        _ => None,
    })
}
