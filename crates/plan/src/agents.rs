//! What all turns of agent programs have in common: what they used, and why they could not go on.

use gtd_core::{
    BeadId, Command, Epoch, FaultClass, Graph, RunId, RuntimeFault, RuntimeName, Usage, UsageDelta,
};

use crate::{AgentSeen, EndSeen, Plan};

/// Records what a run of an agent used, once.
pub(crate) fn meter(
    plan: &mut Plan,
    graph: &Graph,
    (bead, epoch): (&BeadId, Epoch),
    run: &RunId,
    end: &EndSeen,
) {
    let Some(agent) = &end.agent else { return };
    let used = agent.usage;
    let is_known = graph
        .usage_sequence(run)
        .is_some_and(|known| agent.line <= known);
    if is_known || used == Usage::default() {
        return;
    }
    plan.tell(Command::RecordUsage {
        bead: bead.clone(),
        epoch,
        usage: UsageDelta {
            run: run.clone(),
            sequence: agent.line,
            input: used.input,
            output: used.output,
            cache_read: used.cache_read,
            cache_write: used.cache_write,
            usd_micros: used.usd_micros.unwrap_or(0),
        },
    });
}

/// Tells whether a turn ended before its model was asked anything: its session could not be found.
pub(crate) fn is_without_session(agent: &AgentSeen) -> bool {
    let is_unsaid = matches!(agent.fault, Some((RuntimeFault::Crashed, _)));
    is_unsaid && agent.usage == Usage::default()
}

/// Says why the turn of an agent program is no success, if it is none.
pub(crate) fn agent_fault(runtime: &str, agent: &AgentSeen) -> Option<(FaultClass, String)> {
    let (fault, said) = agent.fault.as_ref()?;
    let runtime = RuntimeName::parse(runtime).ok()?;
    let text = match said.as_str() {
        "" => format!("{runtime}: {}", fault.text()),
        said => format!("{runtime}: {}: {said}", fault.text()),
    };
    let fault = fault.clone();
    Some((FaultClass::Runtime { runtime, fault }, text))
}
