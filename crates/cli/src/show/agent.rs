//! One agent.

use std::path::Path;

use gtd_core::{AgentDoc, BeadDoc, Timestamp};

use crate::output::{Ink, Look, State, ago, span};

/// An agent with what stands around it.
pub(crate) struct AgentSeen<'a> {
    /// The agent.
    pub(crate) agent: &'a AgentDoc,
    /// The bead that it holds.
    pub(crate) bead: Option<&'a BeadDoc>,
    /// Where it works.
    pub(crate) folder: Option<&'a Path>,
    /// Its process.
    pub(crate) pid: Option<i64>,
}

/// Shows an agent.
pub(crate) fn agent(seen: &AgentSeen<'_>, now: Timestamp, look: Look) -> Vec<String> {
    let agent = seen.agent;
    let state = State::of(&agent.state);
    let mut lines = vec![format!(
        "{}  {}  {}",
        look.paint(Ink::Strong, &agent.name),
        agent.role,
        look.paint(state.ink, &state.text(look)),
    )];
    let mut fact = |name: &str, text: Option<String>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            lines.push(format!("  {name:<11}{text}"));
        }
    };
    let title = agent.title.as_deref().unwrap_or_default();
    fact(
        "bead",
        agent.bead.as_ref().map(|bead| format!("{bead} {title}")),
    );
    fact("doing", Some(agent.activity.clone()));
    fact("attempt", agent.attempt.map(|n| n.to_string()));
    fact("for", agent.started_at.map(|at| span(now.since(at.0))));
    fact("runtime", agent.runtime.clone());
    fact("rig", Some(agent.rig.to_string()));
    fact("run", agent.run.clone());
    fact("context", context_of(agent));
    fact("process", seen.pid.map(|pid| pid.to_string()));
    fact(
        "worktree",
        seen.folder.map(|path| path.display().to_string()),
    );
    fact("branch", seen.bead.and_then(|bead| bead.branch.clone()));
    let attempts = seen.bead.map_or(&[][..], |bead| &bead.attempts);
    if !attempts.is_empty() {
        lines.push(look.paint(Ink::Faint, "EVENTS"));
    }
    for attempt in attempts.iter().rev().take(6).rev() {
        let at = ago(attempt.ended_at.unwrap_or(attempt.began_at), now);
        let text = match (&attempt.fault, &attempt.head) {
            (Some(fault), _) => fault.text.clone(),
            (None, Some(head)) => format!("handed in {}", head.short()),
            (None, None) => format!("begun by {}", attempt.agent),
        };
        lines.push(format!("  {at}  attempt {}  {text}", attempt.epoch));
    }
    if look.terminal
        && let Some(bead) = &agent.bead
    {
        let next = format!("next  gtd logs {bead} -f · gtd agent kill {}", agent.name);
        lines.push(look.paint(Ink::Faint, &next));
    }
    lines
}

/// Says how full the context of an agent's session is, or that nobody can tell.
fn context_of(agent: &AgentDoc) -> Option<String> {
    let runtime = agent.runtime.as_deref()?;
    let has_one = agent.run.is_some() && !matches!(runtime, "shell" | "demo");
    let told = agent.context.map(gtd_core::ContextUse::told);
    let unknown = || format!("not known (`runtimes.{runtime}.context` says how much fits)");
    has_one.then(|| told.unwrap_or_else(unknown))
}
