//! What several events have in common: how one bead, a goal or a queue changes, with the index kept true.

use std::sync::Arc;

use super::{Graph, index::Index};
use crate::{
    Attempt, Bead, BeadId, Epoch, Fault, FaultClass, GatePurpose, GateRun, GateShown, Guard,
    Handover, Outcome, Pause, PauseScope, Phase, Queue, Refresh, Reversal, RigName, RunId,
    SeatName, Target, Timestamp, Verdict,
};

impl Graph {
    /// Ends the attempt at the plan of a goal, which has its plan now.
    pub(super) fn end_planning(&mut self, goal: &BeadId, summary: &str, at: Timestamp) {
        let is_at_work = |bead: &Bead| bead.phase.lease().is_some();
        if !self.facts.bead(goal).is_some_and(is_at_work) {
            return self.touch(goal);
        }
        self.note_runtime(goal, None, at);
        self.end_streak(goal);
        self.end_lease(goal, at, Phase::Open, None, None);
        self.change(goal, |bead| {
            bead.spent = 0;
            if let Some(attempt) = bead.attempts.last_mut() {
                summary.clone_into(&mut attempt.summary);
            }
        });
    }

    /// Leaves a goal with the plan that it had. Where no new one was waiting, none could be made.
    pub(super) fn keep_plan(&mut self, goal: &BeadId, at: Timestamp) {
        let Some(record) = self.facts.goals.get_mut(goal) else {
            return;
        };
        if record.replan.is_empty() {
            record.replans += 1;
        }
        record.replan.clear();
        let is_finished = |bead: &Bead| bead.phase.is_finished();
        if self.facts.bead(goal).is_none_or(is_finished) {
            return;
        }
        self.end_lease(goal, at, Phase::Open, None, None);
        self.change(goal, |bead| bead.spent = 0);
    }

    /// Puts back what an operation changed, and takes away what it made.
    pub(super) fn take_back(&mut self, reversal: &Reversal, at: Timestamp) {
        for (rig, name) in &reversal.unscheduled {
            self.drop_schedule(rig, name);
        }
        for schedule in &reversal.schedules {
            // What it would have made meanwhile is not wanted.
            self.put_schedule(crate::Schedule {
                since: schedule.since.max(at),
                ..schedule.clone()
            });
        }
        for id in &reversal.withdrawn {
            let bead = self.facts.beads.remove(id);
            if let Some(bead) = &bead {
                self.forget_firing(&bead.rig, id);
            }
            let goal = bead.and_then(|bead| bead.goal.clone());
            self.facts.goals.remove(id);
            if let Some(goal) = goal.and_then(|goal| self.facts.goals.get_mut(&goal)) {
                goal.beads.retain(|bead| bead != id);
            }
            self.end_pause(id);
        }
        for (id, goal) in &reversal.goals {
            self.facts.goals.insert(id.clone(), goal.clone());
        }
        for bead in &reversal.beads {
            let mut bead = bead.clone();
            bead.changed = self.facts.revision;
            self.leave_goal(&bead.id, bead.goal.as_ref());
            // One that was withdrawn stands in its goal again.
            if let Some(goal) = bead
                .goal
                .as_ref()
                .and_then(|id| self.facts.goals.get_mut(id))
                && !goal.beads.contains(&bead.id)
            {
                goal.beads.push(bead.id.clone());
            }
            self.put(bead);
        }
        let ended = |pause: &Pause| reversal.resumed.contains(&pause.scope);
        self.facts.pauses.retain(|pause| !ended(pause));
        self.facts.pauses.extend(reversal.paused.iter().cloned());
        // Rare, and it reaches wherever the operation reached: the index is made anew.
        self.index = Index::of(&self.facts);
    }

    pub(super) fn open_bead(&mut self, bead: &Bead) {
        if self.facts.beads.contains_key(&bead.id) {
            return;
        }
        let mut bead = bead.clone();
        bead.changed = self.facts.revision;
        self.facts.ordinals = self.facts.ordinals.max(bead.ordinal);
        if let Some(goal) = bead
            .goal
            .as_ref()
            .and_then(|id| self.facts.goals.get_mut(id))
        {
            goal.beads.push(bead.id.clone());
        }
        let id = bead.id.clone();
        self.index.link(&bead);
        self.put(bead);
        let bead = &self.facts.beads[&id];
        self.index.insert(&self.facts, bead);
        self.reclassify_affected(&id);
    }

    pub(super) fn put(&mut self, bead: Bead) {
        self.changed.push(bead.id.clone());
        self.facts.beads.insert(bead.id.clone(), Arc::new(bead));
    }

    /// Has a bead answer a goal.
    pub(super) fn join(&mut self, id: &BeadId, goal: &BeadId) {
        if !self.facts.beads.contains_key(id) {
            return;
        }
        self.leave_goal(id, Some(goal));
        if let Some(record) = self.facts.goals.get_mut(goal)
            && !record.beads.contains(id)
        {
            record.beads.push(id.clone());
        }
        self.change(id, |bead| bead.goal = Some(goal.clone()));
        self.reclassify_affected(id);
        self.touch(goal);
    }

    /// Takes a bead out of the goal that it answers, unless that is `stays`.
    pub(super) fn leave_goal(&mut self, id: &BeadId, stays: Option<&BeadId>) {
        let Some(goal) = self.facts.beads.get(id).and_then(|bead| bead.goal.clone()) else {
            return;
        };
        if stays != Some(&goal)
            && let Some(record) = self.facts.goals.get_mut(&goal)
        {
            record.beads.retain(|bead| bead != id);
        }
    }

    /// Changes one bead and keeps the index true for that bead.
    pub(super) fn change(&mut self, id: &BeadId, change: impl FnOnce(&mut Bead)) {
        let Some(bead) = self.facts.beads.get(id) else {
            return;
        };
        self.index.remove(&self.facts, bead);
        let revision = self.facts.revision;
        if let Some(bead) = self.facts.beads.get_mut(id) {
            let bead = Arc::make_mut(bead);
            change(bead);
            bead.changed = revision;
            if bead.phase.is_finished() {
                bead.pack();
            }
            self.changed.push(id.clone());
        }
        let bead = &self.facts.beads[id];
        self.index.insert(&self.facts, bead);
    }

    pub(super) fn touch(&mut self, id: &BeadId) {
        self.change(id, |_| {});
    }

    /// Keeps the index true for all beads whose readiness hangs on `id`.
    pub(super) fn reclassify_affected(&mut self, id: &BeadId) {
        for affected in self.index.affected(&self.facts, id) {
            if let Some(bead) = self.facts.beads.get(&affected) {
                self.index.remove(&self.facts, bead);
                self.index.insert(&self.facts, bead);
            }
        }
    }

    pub(super) fn close(&mut self, id: &BeadId, outcome: &Outcome, why: &str, at: Timestamp) {
        let phase = Phase::Closed {
            outcome: outcome.clone(),
            why: why.to_owned(),
        };
        self.end_lease(id, at, phase, None, None);
        self.end_pause(id);
    }

    /// Ends the pause of what has ended; nobody would think of resuming it.
    pub(super) fn end_pause(&mut self, id: &BeadId) {
        let scope = PauseScope::Bead(id.clone());
        self.facts.pauses.retain(|pause| pause.scope != scope);
    }

    pub(super) fn drop_escalations(&mut self, about: &str) {
        self.facts.escalations.retain(|known| known.about != about);
    }

    /// Ends whatever lease there is, with the phase that follows.
    pub(super) fn end_lease(
        &mut self,
        id: &BeadId,
        at: Timestamp,
        phase: Phase,
        not_before: Option<Timestamp>,
        fault: Option<&Fault>,
    ) {
        self.settle(id, fault, at);
        self.free_seat(id);
        self.change(id, |bead| {
            let epoch = bead.phase.lease().map(|lease| lease.epoch);
            if let Some(attempt) = epoch.and_then(|epoch| attempt_mut(bead, epoch)) {
                attempt.ended = Some(at);
                attempt.fault = fault.cloned().map(Box::new);
                if fault.is_some_and(|fault| fault.class.counts()) {
                    bead.spent += 1;
                }
            }
            bead.phase = phase;
            bead.since = at;
            bead.not_before = not_before;
            // The brief of the next attempt has it, as it has every note.
            bead.unheard = Vec::new();
        });
        self.reclassify_affected(id);
    }

    pub(super) fn free_seat(&mut self, id: &BeadId) {
        let holder: Option<SeatName> = self
            .facts
            .beads
            .get(id)
            .and_then(|bead| bead.phase.lease())
            .map(|lease| lease.holder.name().clone());
        if let Some(seat) = holder.and_then(|name| self.facts.seats.get_mut(&name))
            && seat.bead.as_ref() == Some(id)
        {
            seat.bead = None;
        }
    }

    /// Takes a bead out of the candidate in test and from under suspicion.
    ///
    /// A proven candidate may be on its target already, with the report still to
    /// come: the refinery looks, and either lands it or gives it up.
    pub(super) fn leave_queue(&mut self, id: &BeadId) {
        for queue in self.facts.queues.values_mut() {
            queue.suspects.retain(|bead| bead != id);
            queue.first.retain(|bead| bead != id);
            if queue.candidate.as_ref().is_some_and(|candidate| {
                candidate.verdict != Some(Verdict::Passed)
                    && candidate.members.iter().any(|m| m.bead == *id)
            }) {
                queue.candidate = None;
            }
        }
    }

    /// Takes it into what its queue knows of how often work is wrong.
    pub(super) fn note_wrong(&mut self, id: &BeadId, why: &Fault) {
        let bead = self.facts.beads.get(id);
        let target = bead.and_then(|bead| self.target_of(bead));
        // What a gate of gtd's own found, or a reviewer, was in no candidate.
        if let (Some(target), FaultClass::Gate { gate }) = (target, &why.class)
            && Guard::from_word(gate).is_none()
            && gate != crate::REVIEW
        {
            self.queue_mut(&target).memory.failures.note(true);
        }
    }

    pub(super) fn release(&mut self, rig: &RigName, kind: crate::HoldKind) {
        self.facts
            .holds
            .retain(|hold| hold.rig != *rig || hold.kind != kind);
    }

    pub(super) fn remember_gates(
        &mut self,
        rig: &RigName,
        runs: &[GateRun],
        purpose: GatePurpose,
        at: Timestamp,
    ) {
        self.remember_tests(rig, runs, at);
        for run in runs {
            let shown = GateShown::of(run, purpose, at);
            self.remember_gate(rig, &run.gate, [shown].into_iter());
        }
    }

    /// Keeps what a gate showed last; a run that was recorded already is not recorded twice.
    pub(super) fn remember_gate(
        &mut self,
        rig: &RigName,
        gate: &crate::GateName,
        runs: impl Iterator<Item = GateShown>,
    ) {
        let of_rig = self.facts.gates.entry(rig.clone()).or_default();
        let kept = of_rig.entry(gate.clone()).or_default();
        for run in runs {
            if kept.iter().any(|known| known.run == run.run) {
                continue;
            }
            if kept.len() == GateShown::KEPT {
                kept.pop_front();
            }
            kept.push_back(run);
        }
    }

    /// Counts a failed attempt, for the rig and for the goal.
    pub(super) fn lengthen_streak(&mut self, id: &BeadId) {
        let Some(bead) = self.facts.beads.get(id) else {
            return;
        };
        let goal = bead.goal.clone().unwrap_or_else(|| bead.id.clone());
        *self.facts.streaks.entry(bead.rig.clone()).or_default() += 1;
        if let Some(goal) = self.facts.goals.get_mut(&goal) {
            goal.failures += 1;
        }
    }

    /// Forgets the failed attempts after a success.
    pub(super) fn end_streak(&mut self, id: &BeadId) {
        let Some(bead) = self.facts.beads.get(id) else {
            return;
        };
        let goal = bead.goal.clone().unwrap_or_else(|| bead.id.clone());
        self.facts.streaks.remove(&bead.rig);
        if let Some(goal) = self.facts.goals.get_mut(&goal) {
            goal.failures = 0;
        }
    }

    /// Keeps when the policy of a goal stopped it.
    pub(super) fn stop_goal(&mut self, id: &BeadId, at: Timestamp) {
        if let Some(goal) = self.facts.goals.get_mut(id) {
            goal.failures = 0;
            goal.stopped = Some(at);
        }
    }

    pub(super) fn queue_mut(&mut self, target: &Target) -> &mut Queue {
        self.facts
            .queues
            .entry(target.key())
            .or_insert_with(|| Queue::new(target.clone()))
    }

    pub(super) fn queue_of_candidate(
        &mut self,
        candidate: &crate::CandidateId,
    ) -> Option<&mut Queue> {
        self.facts.queues.values_mut().find(|queue| {
            queue
                .candidate
                .as_ref()
                .is_some_and(|current| current.id == *candidate)
        })
    }
}

pub(super) fn attempt_mut(bead: &mut Bead, epoch: Epoch) -> Option<&mut Attempt> {
    bead.attempts
        .iter_mut()
        .rev()
        .find(|attempt| attempt.epoch == epoch)
}

/// Notes that a turn of an agent begins: it has the answer, if there was one to be had.
pub(super) fn begin_turn(bead: &mut Bead, epoch: Epoch, run: &RunId) {
    let Some(asked) = &mut bead.asked else { return };
    if asked.epoch == epoch && asked.answer.is_none() {
        // It asked before it was seen to begin.
        asked.run = Some(run.clone());
        return;
    }
    let is_known = asked.epoch == epoch && asked.run.as_ref() == Some(run);
    if is_known {
        return;
    }
    let is_answered = asked.answer.is_some();
    bead.asked = None;
    if let Some(attempt) = attempt_mut(bead, epoch).filter(|_| is_answered) {
        attempt.answered += 1;
    }
}

/// Notes what a session left after its last turn; one that nobody asked said itself that it is full.
pub(super) fn take_handover(
    attempt: &mut Attempt,
    run: &RunId,
    handover: &Handover,
    at: Timestamp,
) {
    let is_open = attempt
        .refreshes
        .last()
        .is_some_and(|last| last.last.is_none());
    if !is_open {
        attempt.refreshes.push(Refresh {
            run: run.clone(),
            context: None,
            since: at,
            last: None,
            handover: None,
        });
    }
    if let Some(refresh) = attempt.refreshes.last_mut() {
        refresh.last = Some(run.clone());
        refresh.handover = Some(Box::new(handover.clone()));
    }
}

/// Notes that a turn begins with the first of what people told; it is a turn more then.
pub(super) fn hear(bead: &mut Bead, epoch: Epoch, told: u32, is_further: bool) {
    let heard = usize::try_from(told).unwrap_or(usize::MAX);
    let heard = heard.min(bead.unheard.len());
    bead.unheard.drain(..heard);
    if heard > 0
        && is_further
        && let Some(attempt) = attempt_mut(bead, epoch)
    {
        attempt.answered += 1;
    }
}

/// Lets a queue go on: its gates run anew, and what they said against the work counts no more.
pub(super) fn restart(queue: &mut Queue) {
    if queue
        .candidate
        .as_ref()
        .is_some_and(|candidate| candidate.verdict == Some(Verdict::Failed))
    {
        queue.candidate = None;
    }
    queue.suspects.clear();
    queue.memory.tried.clear();
    queue.halt = None;
    queue.infra = 0;
    queue.generation += 1;
}
