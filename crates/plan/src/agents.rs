//! What all turns of agent programs have in common: what they used, and why they could not go on.

use std::collections::BTreeSet;

use gtd_core::{
    Admits, BeadId, Command, Epoch, FaultClass, Graph, RunId, RuntimeFault, RuntimeName, Timestamp,
    Usage, WaitReason,
};

use crate::{AgentSeen, EndSeen, Plan};

/// Records what a run of an agent used and is not recorded yet.
pub(crate) fn meter(
    plan: &mut Plan,
    graph: &Graph,
    (bead, epoch): (&BeadId, Epoch),
    run: &RunId,
    end: &EndSeen,
) {
    let Some(agent) = &end.agent else { return };
    let used = agent.used;
    let metered = graph.metered(run);
    if let Some(mut usage) = metered.delta(run, used.line, &used.usage, used.estimated) {
        usage.context = used.context;
        plan.tell(Command::RecordUsage {
            bead: bead.clone(),
            epoch,
            usage,
        });
    }
}

/// Finds what keeps a runtime from taking more work: a pause, or a fault after which one at a time
/// may try. Who may try is noted in `tried`.
pub(crate) fn held_up(
    graph: &Graph,
    runtime: &RuntimeName,
    tried: &mut BTreeSet<RuntimeName>,
    now: Timestamp,
) -> Option<(WaitReason, String, Option<Timestamp>)> {
    if let Some(pause) = graph.pause_of_runtime(runtime.as_str()) {
        let text = format!("{runtime} is paused by {}: {}", pause.by, pause.why);
        let text = text.trim_end_matches([':', ' ']).to_owned();
        return Some((WaitReason::Paused, text, None));
    }
    let hold = graph.runtime_hold(runtime.as_str())?;
    let admits = graph.runtime_admits(runtime.as_str(), now);
    if admits != Admits::Nobody && tried.insert(runtime.clone()) {
        return None;
    }
    let text = format!("{}; `gtd resume {runtime}` tries it at once", hold.text);
    let until = hold.until.map(|until| until.max(now));
    Some((hold.reason(), text, until))
}

/// Tells whether a turn ended before its model was asked anything: its session could not be found.
pub(crate) fn is_without_session(agent: &AgentSeen) -> bool {
    let is_unsaid = matches!(agent.fault, Some((RuntimeFault::Crashed, _)));
    is_unsaid && agent.used.usage == Usage::default()
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
