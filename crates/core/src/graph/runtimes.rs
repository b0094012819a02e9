//! Which runtimes are held up, and what the ends of attempts say about it.

use std::collections::BTreeSet;

use super::Graph;
use crate::{
    Admits, Bead, BeadId, Fault, FaultClass, Holder, HoldsUp, Lease, Pause, PauseScope,
    RuntimeFault, RuntimeHold, RuntimeName, Timestamp,
};

impl Graph {
    /// Lists the runtimes that are held up, by name.
    pub fn runtime_holds(&self) -> impl Iterator<Item = (&RuntimeName, &RuntimeHold)> {
        self.facts.runtime_holds.iter()
    }

    /// Finds what holds up a runtime.
    #[must_use]
    pub fn runtime_hold(&self, runtime: &str) -> Option<&RuntimeHold> {
        self.runtime_holds()
            .find(|(name, _)| name.as_str() == runtime)
            .map(|(_, hold)| hold)
    }

    /// Finds the pause of a runtime.
    #[must_use]
    pub fn pause_of_runtime(&self, runtime: &str) -> Option<&Pause> {
        self.pauses().iter().find(
            |pause| matches!(&pause.scope, PauseScope::Runtime(name) if name.as_str() == runtime),
        )
    }

    /// Finds the attempt that tries whether a runtime goes again.
    #[must_use]
    pub fn trial_of(&self, runtime: &str) -> Option<&Bead> {
        let hold = self.runtime_hold(runtime)?;
        let mut at_work = self.leased().chain(self.planning());
        let attempt = at_work.find(|bead| {
            bead.runtime_at_work() == Some(runtime)
                && hired(bead).is_some_and(|lease| lease.granted_at >= hold.last)
        });
        attempt.or_else(|| {
            self.in_review().find(|bead| {
                let mut open = bead.open_reviews();
                open.any(|(_, r)| r.runtime.as_str() == runtime && r.began >= hold.last)
            })
        })
    }

    /// Tells who may begin with a runtime now.
    #[must_use]
    pub fn runtime_admits(&self, runtime: &str, now: Timestamp) -> Admits {
        if self.pause_of_runtime(runtime).is_some() {
            return Admits::Nobody;
        }
        match self.runtime_hold(runtime) {
            None => Admits::All,
            Some(hold) if hold.is_over(now) && self.trial_of(runtime).is_none() => Admits::One,
            Some(_) => Admits::Nobody,
        }
    }

    /// Tells whether nothing begins with the runtime that would work on a bead.
    #[must_use]
    pub fn is_runtime_held(&self, bead: &Bead, now: Timestamp) -> bool {
        bead.wished_runtime()
            .is_some_and(|runtime| self.runtime_admits(runtime, now) == Admits::Nobody)
    }

    /// Lists the runtimes with which nothing begins.
    pub(super) fn held_runtimes(&self, now: Timestamp) -> BTreeSet<&str> {
        let paused = self.pauses().iter().filter_map(|pause| match &pause.scope {
            PauseScope::Runtime(runtime) => Some(runtime),
            _ => None,
        });
        self.runtime_holds()
            .map(|(runtime, _)| runtime)
            .chain(paused)
            .map(RuntimeName::as_str)
            .filter(|runtime| self.runtime_admits(runtime, now) == Admits::Nobody)
            .collect()
    }

    /// Keeps what the end of an attempt says about its runtime; it ended well without a fault.
    pub(super) fn note_runtime(&mut self, id: &BeadId, fault: Option<&Fault>, at: Timestamp) {
        let Some(bead) = self.facts.beads.get(id) else {
            return;
        };
        // What people and programs outside do, they do with what they have.
        let Some(began) = hired(bead).map(|lease| lease.granted_at) else {
            return;
        };
        let runtime = bead.runtime_at_work().map(RuntimeName::parse);
        match runtime {
            Some(Ok(runtime)) => self.note_runtime_of(id, (&runtime, began), fault, at),
            _ => self.note_hold(id, began, fault, at),
        }
    }

    /// Keeps what the end of a run that began then says about its runtime.
    pub(super) fn note_runtime_of(
        &mut self,
        id: &BeadId,
        (runtime, began): (&RuntimeName, Timestamp),
        fault: Option<&Fault>,
        at: Timestamp,
    ) {
        self.note_hold(id, began, fault, at);
        if fault.is_none_or(|fault| has_answered(&fault.class))
            && let Some(hold) = self.facts.runtime_holds.get(runtime)
            && began >= hold.last
        {
            self.facts.runtime_holds.remove(runtime);
        }
    }

    fn note_hold(&mut self, id: &BeadId, began: Timestamp, fault: Option<&Fault>, at: Timestamp) {
        if let Some(Fault { class, text, .. }) = fault
            && let FaultClass::Runtime { runtime, fault } = class
            && fault.holds_up() != HoldsUp::Work
        {
            let before = self.facts.runtime_holds.get(runtime);
            let (fault, text) = (fault.clone(), text.clone());
            let hold = RuntimeHold::after(before, fault, text, id.clone(), began, at);
            self.facts.runtime_holds.insert(runtime.clone(), hold);
        }
    }

    /// Lets one attempt try: a person says that it goes again.
    pub(super) fn try_runtime(&mut self, runtime: &RuntimeName, at: Timestamp) {
        if let Some(hold) = self.facts.runtime_holds.get_mut(runtime) {
            hold.until = Some(at);
        }
    }
}

/// Returns the lease of a bead that gtd has hired somebody for.
fn hired(bead: &Bead) -> Option<&Lease> {
    let lease = bead.phase.lease()?;
    matches!(lease.holder, Holder::Seat { .. }).then_some(lease)
}

/// Tells whether an attempt that ended so has got its answers from the provider.
fn has_answered(class: &FaultClass) -> bool {
    match class {
        FaultClass::Check { .. } | FaultClass::Gate { .. } | FaultClass::Question => true,
        FaultClass::Runtime { fault, .. } => matches!(
            fault,
            RuntimeFault::ContextFull | RuntimeFault::Refusal | RuntimeFault::LimitReached
        ),
        _ => false,
    }
}
