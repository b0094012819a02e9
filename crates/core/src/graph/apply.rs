//! The fold: what each event makes true. It never fails and never thinks.
//!
//! An event about a bead that does not exist changes nothing: the ledger never
//! writes one, and a reader must not stumble over one.

use std::sync::Arc;

use super::{Graph, index::Index};
use crate::{
    Approved, Attempt, Bead, BeadId, Envelope, Epoch, Event, Fault, FaultClass, GatePurpose,
    GateRun, GateShown, Halt, HaltKind, Landing, Need, Outcome, Pause, PauseScope, Phase,
    PlanState, Queue, Reversal, Revision, Rig, RigName, Seat, SeatName, Stop, Target, Timestamp,
    Verdict,
};

impl Graph {
    /// Folds one record that `ahead` has folded already, and holds what came out the same
    /// together with it: two graphs of one log then need one copy of nearly all beads.
    pub fn follow(&mut self, ahead: &Self, revision: Revision, envelope: &Envelope) {
        self.apply(revision, envelope);
        for id in &self.changed {
            let (Some(own), Some(theirs)) =
                (self.facts.beads.get_mut(id), ahead.facts.beads.get(id))
            else {
                continue;
            };
            if own == theirs {
                *own = Arc::clone(theirs);
            }
        }
    }

    /// Folds one record of the log into the graph.
    pub fn apply(&mut self, revision: Revision, envelope: &Envelope) {
        self.facts.revision = revision;
        self.changed.clear();
        let at = envelope.at;
        match &envelope.event {
            Event::RigTrusted { rig, rules, digest } => {
                self.facts.rigs.insert(
                    rig.clone(),
                    Rig {
                        name: rig.clone(),
                        rules: rules.clone(),
                        digest: digest.clone(),
                        revoked: None,
                    },
                );
                for queue in self.facts.queues.values_mut() {
                    if queue.target.rig == *rig {
                        restart(queue);
                        queue.green.clear();
                    }
                }
                self.put_rules_of_schedules(rig, rules, &envelope.by, at);
                self.index = Index::of(&self.facts);
            }
            Event::TrustRevoked { rig, why } => {
                let Some(known) = self.facts.rigs.get_mut(rig) else {
                    return;
                };
                known.revoked = Some(Pause {
                    scope: PauseScope::Rig(rig.clone()),
                    by: envelope.by.clone(),
                    since: at,
                    why: why.clone(),
                });
            }
            Event::RigRemoved { rig } => {
                self.facts.rigs.remove(rig);
                self.facts.streaks.remove(rig);
                let scope = PauseScope::Rig(rig.clone());
                self.facts.pauses.retain(|pause| pause.scope != scope);
                self.facts.holds.retain(|hold| hold.rig != *rig);
                self.facts.gate_asks.retain(|_, ask| ask.rig != *rig);
                self.facts.gates.remove(rig);
                self.drop_schedules(rig);
                self.index = Index::of(&self.facts);
            }
            Event::GoalOpened { bead, goal } => {
                if self.facts.beads.contains_key(&bead.id) {
                    return;
                }
                self.facts.goals.insert(bead.id.clone(), goal.clone());
                self.open_bead(bead);
            }
            Event::PlanProposed { goal, summary, .. } => {
                if let Some(goal) = self.facts.goals.get_mut(goal) {
                    goal.plan = PlanState::Proposed;
                }
                self.end_planning(goal, summary, at);
            }
            Event::PlanApproved { goal } => {
                let Some(record) = self.facts.goals.get_mut(goal) else {
                    return;
                };
                record.plan = PlanState::Approved;
                for id in record.beads.clone() {
                    self.change(&id, |bead| {
                        if bead.phase == Phase::Draft {
                            bead.phase = Phase::Open;
                            bead.since = at;
                        }
                    });
                }
                self.touch(goal);
            }
            Event::GoalClosed {
                goal,
                outcome,
                why,
                proof,
            } => {
                if let Some(record) = self.facts.goals.get_mut(goal) {
                    record.proof.clone_from(proof);
                }
                self.close(goal, outcome, why, at);
            }
            Event::LandRequested { goal } => {
                if let Some(record) = self.facts.goals.get_mut(goal) {
                    record.landing = Landing::Asked { since: at };
                }
                self.touch(goal);
            }
            Event::LandConcluded { goal, commit, why } => {
                if let Some(record) = self.facts.goals.get_mut(goal) {
                    record.landing = match commit {
                        Some(commit) => Landing::Done {
                            commit: commit.clone(),
                        },
                        None => Landing::Refused { why: why.clone() },
                    };
                }
                self.touch(goal);
            }
            Event::BeadOpened { bead } => self.open_bead(bead),
            Event::BeadJoined { bead, goal } => self.join(bead, goal),
            Event::GoalEdited { goal, max, until } => {
                if let Some(record) = self.facts.goals.get_mut(goal) {
                    record.max = *max;
                    record.until = *until;
                }
                self.touch(goal);
            }
            Event::BeadSplit { bead, parts } => {
                if !self.facts.beads.contains_key(bead) {
                    return;
                }
                let needs: Vec<Need> = parts.iter().cloned().map(Need::blocks).collect();
                for need in &needs {
                    self.index.add_edge(need, bead);
                }
                self.change(bead, |bead| bead.needs.extend(needs));
                self.reclassify_affected(bead);
            }
            Event::BeadEdited { bead, spec } => {
                let Some(known) = self.facts.beads.get(bead) else {
                    return;
                };
                let parent = known.spec.parent.clone();
                if parent != spec.parent {
                    if let Some(parent) = &parent {
                        self.index.remove_child(parent, bead);
                    }
                    if let Some(parent) = &spec.parent {
                        self.index.add_child(parent, bead);
                    }
                }
                self.change(bead, |bead| bead.spec = spec.clone());
                self.reclassify_affected(bead);
            }
            Event::EdgeAdded { bead, need } => {
                if !self.facts.beads.contains_key(bead) {
                    return;
                }
                self.index.add_edge(need, bead);
                self.change(bead, |bead| bead.needs.push(need.clone()));
                self.reclassify_affected(bead);
            }
            Event::EdgeRemoved { bead, need } => {
                self.change(bead, |bead| bead.needs.retain(|known| known != need));
                if let Some(known) = self.facts.beads.get(bead) {
                    self.index.remove_edge(need, bead, &known.needs);
                }
                self.reclassify_affected(bead);
            }
            Event::NoteAdded { bead, note } => {
                self.change(bead, |bead| bead.notes.push(note.clone()));
            }
            Event::BeadClosed { bead, outcome, why } => {
                self.leave_queue(bead);
                self.close(bead, outcome, why, at);
            }
            Event::BeadRetried { bead } | Event::BeadReopened { bead } => {
                self.free_seat(bead);
                // What came back into a plan that nobody approved yet waits for the plan.
                let is_draft = self
                    .facts
                    .beads
                    .get(bead)
                    .and_then(|bead| self.facts.goals.get(bead.goal.as_ref()?))
                    .is_some_and(|goal| goal.plan == PlanState::Proposed);
                self.change(bead, |bead| {
                    bead.phase = if is_draft { Phase::Draft } else { Phase::Open };
                    bead.since = at;
                    bead.spent = 0;
                    bead.not_before = None;
                });
                self.reclassify_affected(bead);
            }
            Event::ChangesWanted { bead, epoch, why } => {
                self.leave_queue(bead);
                self.change(bead, |bead| {
                    bead.phase = Phase::Returned { why: why.clone() };
                    bead.since = at;
                    // Somebody looked: it has all of its attempts, and begins at once.
                    bead.spent = 0;
                    bead.not_before = None;
                    if let Some(attempt) = attempt_mut(bead, *epoch) {
                        attempt.fault = Some(why.clone());
                    }
                });
                self.reclassify_affected(bead);
            }
            Event::BeadParked { bead, why } | Event::BeadQuarantined { bead, why } => {
                self.leave_queue(bead);
                self.end_lease(
                    bead,
                    at,
                    Phase::Parked { why: why.clone() },
                    None,
                    Some(why),
                );
            }
            Event::SeatOpened { seat, rig, host } => {
                self.facts.seats.insert(
                    seat.clone(),
                    Seat {
                        rig: rig.clone(),
                        host: host.clone(),
                        bead: None,
                    },
                );
            }
            Event::SeatClosed { seat } => {
                self.facts.seats.remove(seat);
            }
            Event::LeaseGranted { bead, lease } => {
                if let Some(seat) = self.facts.seats.get_mut(lease.holder.name()) {
                    seat.bead = Some(bead.clone());
                }
                self.change(bead, |bead| {
                    bead.epoch = lease.epoch;
                    bead.phase = Phase::Leased(lease.clone());
                    bead.since = at;
                    bead.not_before = None;
                    bead.attempts.push(Attempt {
                        epoch: lease.epoch,
                        holder: lease.holder.name().clone(),
                        began: at,
                        ended: None,
                        head: None,
                        base: None,
                        summary: String::new(),
                        checks: Vec::new(),
                        approvals: Vec::new(),
                        fault: None,
                    });
                    if bead.attempts.len() > Bead::ATTEMPTS_KEPT {
                        bead.attempts.remove(0);
                    }
                });
            }
            Event::RunStarted { bead, epoch, run } => self.change(bead, |bead| {
                if let Phase::Leased(lease) = &mut bead.phase
                    && lease.epoch == *epoch
                {
                    lease.run = Some(run.clone());
                }
            }),
            Event::LeaseRenewed { bead, epoch, until } => self.change(bead, |bead| {
                if let Phase::Leased(lease) = &mut bead.phase
                    && lease.epoch == *epoch
                {
                    lease.until = *until;
                }
            }),
            Event::UsageRecorded { usage, .. } => {
                self.facts.usage.insert(usage.run.clone(), usage.sequence);
                let spend = &mut self.facts.spend;
                spend.input += usage.input + usage.cache_read + usage.cache_write;
                spend.output += usage.output;
                spend.usd_micros += usage.usd_micros;
            }
            Event::WorkSubmitted {
                bead,
                epoch,
                head,
                base,
                summary,
                checks,
            } => {
                self.note_runtime(bead, None, at);
                self.end_streak(bead);
                self.free_seat(bead);
                self.change(bead, |bead| {
                    bead.phase = Phase::Submitted {
                        epoch: *epoch,
                        head: head.clone(),
                        base: base.clone(),
                    };
                    bead.since = at;
                    if let Some(attempt) = attempt_mut(bead, *epoch) {
                        attempt.ended = Some(at);
                        attempt.head = Some(head.clone());
                        attempt.base = Some(base.clone());
                        attempt.summary.clone_from(summary);
                        attempt.checks.clone_from(checks);
                    }
                });
            }
            Event::WorkReturned {
                bead,
                why,
                not_before,
                ..
            }
            | Event::LeaseExpired {
                bead,
                why,
                not_before,
                ..
            } => {
                self.note_runtime(bead, Some(why), at);
                if why.class.counts()
                    && let Some(rig) = self.facts.beads.get(bead).map(|bead| bead.rig.clone())
                {
                    *self.facts.streaks.entry(rig).or_default() += 1;
                }
                self.end_lease(
                    bead,
                    at,
                    Phase::Returned { why: why.clone() },
                    *not_before,
                    Some(why),
                );
            }
            Event::WorkClosed {
                bead, outcome, why, ..
            } => {
                self.note_runtime(bead, None, at);
                self.end_streak(bead);
                self.close(bead, outcome, why, at);
            }
            Event::BreakerTripped { rig, why } => {
                self.facts.streaks.remove(rig);
                self.facts.pauses.push(Pause {
                    scope: PauseScope::Rig(rig.clone()),
                    by: envelope.by.clone(),
                    since: at,
                    why: why.clone(),
                });
            }
            Event::CandidateFormed { candidate } => {
                let queue = self.queue_mut(&candidate.target);
                queue.tip = Some(candidate.base.clone());
                queue.candidate = Some(candidate.clone());
            }
            Event::CandidateJudged {
                candidate,
                verdict,
                gates,
            } => {
                let Some(queue) = self.queue_of_candidate(candidate) else {
                    return;
                };
                let rig = queue.target.rig.clone();
                let Some(current) = &mut queue.candidate else {
                    return;
                };
                current.verdict = Some(*verdict);
                current.gates.clone_from(gates);
                let is_last_word = current.members.len() == 1;
                queue.memory.note(&current.tree, gates, is_last_word);
                match verdict {
                    Verdict::Passed => queue.infra = 0,
                    Verdict::Failed => {
                        queue.infra = 0;
                        if current.members.len() > 1 {
                            queue.suspects =
                                current.members.iter().map(|m| m.bead.clone()).collect();
                            queue.candidate = None;
                        }
                    }
                    Verdict::Infra => {
                        queue.infra += 1;
                        queue.candidate = None;
                    }
                }
                self.remember_gates(&rig, gates, GatePurpose::Candidate, at);
            }
            Event::CandidateLanded { candidate, .. } => {
                let Some(queue) = self.queue_of_candidate(candidate) else {
                    return;
                };
                let Some(landed) = queue.candidate.take() else {
                    return;
                };
                queue.tip = Some(landed.commit.clone());
                queue.green = landed
                    .gates
                    .iter()
                    .filter(|run| run.verdict == Verdict::Passed && queue.is_about(&landed, run))
                    .map(|run| run.gate.clone())
                    .collect();
                for _ in &landed.members {
                    queue.memory.failures.note(false);
                }
                queue
                    .first
                    .retain(|bead| landed.members.iter().all(|member| member.bead != *bead));
                queue
                    .suspects
                    .retain(|bead| landed.members.iter().all(|member| member.bead != *bead));
                queue.landings += 1;
                for member in &landed.members {
                    // It is on the target, whatever somebody wanted of it meanwhile.
                    let phase = Phase::Landed {
                        candidate: candidate.clone(),
                        commit: landed.commit.clone(),
                    };
                    self.end_lease(&member.bead, at, phase, None, None);
                    self.end_pause(&member.bead);
                }
            }
            Event::CandidateVoided { candidate, .. } => {
                if let Some(queue) = self.queue_of_candidate(candidate) {
                    queue.candidate = None;
                }
            }
            Event::SubmissionReturned {
                bead,
                epoch,
                why,
                not_before,
            } => {
                self.leave_queue(bead);
                self.note_wrong(bead, why);
                self.change(bead, |bead| {
                    bead.phase = Phase::Returned { why: why.clone() };
                    bead.since = at;
                    bead.not_before = *not_before;
                    if why.class.counts() {
                        bead.spent += 1;
                    }
                    if let Some(attempt) = attempt_mut(bead, *epoch) {
                        attempt.fault = Some(why.clone());
                    }
                });
            }
            Event::TargetMoved { target, to, .. } => {
                let queue = self.queue_mut(target);
                queue.tip = Some(to.clone());
                queue.green.clear();
                if queue
                    .halt
                    .as_ref()
                    .is_some_and(|halt| halt.kind == HaltKind::MainRed)
                {
                    restart(queue);
                }
            }
            Event::BaseJudged { target, gate } => {
                let queue = self.queue_mut(target);
                if gate.verdict == Verdict::Passed && queue.tip.as_ref() == Some(&gate.commit) {
                    queue.green.push(gate.gate.clone());
                }
                let run = std::slice::from_ref(gate);
                self.remember_gates(&target.rig, run, GatePurpose::Base, at);
            }
            Event::MergesHeld { hold } => {
                self.release(&hold.rig, hold.kind);
                self.facts.holds.push(hold.clone());
            }
            Event::MergesReleased { rig, kind } => self.release(rig, *kind),
            Event::SubmissionPreferred { bead } => {
                let target = self.facts.beads.get(bead);
                let Some(target) = target.and_then(|bead| self.target_of(bead)) else {
                    return;
                };
                let queue = self.queue_mut(&target);
                queue.first.retain(|known| known != bead);
                queue.first.insert(0, bead.clone());
                self.touch(bead);
            }
            Event::SubmissionRestored {
                bead,
                epoch,
                head,
                base,
            } => {
                self.change(bead, |bead| {
                    bead.phase = Phase::Submitted {
                        epoch: *epoch,
                        head: head.clone(),
                        base: base.clone(),
                    };
                    bead.since = at;
                    bead.not_before = None;
                    let approval = Approved {
                        by: envelope.by.clone(),
                        at,
                    };
                    if let Some(attempt) = attempt_mut(bead, *epoch) {
                        attempt.approvals.push(approval);
                    }
                });
                self.reclassify_affected(bead);
            }
            Event::GateAsked { ask } => {
                self.facts.gate_asks_made = self.facts.gate_asks_made.max(ask.number);
                self.facts.gate_asks.insert(ask.number, ask.clone());
            }
            Event::GateAnswered { ask, runs } => {
                self.facts.gate_asks.remove(&ask.number);
                let shown = runs.iter().map(|run| GateShown {
                    asked: Some(ask.number),
                    ..GateShown::of(run, GatePurpose::Asked, at)
                });
                self.remember_gate(&ask.rig, &ask.gate, shown);
            }
            Event::QueueHalted { target, halt } => {
                self.queue_mut(target).halt = Some(Halt::clone(halt));
            }
            Event::QueueResumed { target } => restart(self.queue_mut(target)),
            Event::Escalated { about, text } => self.facts.escalations.push(crate::Escalation {
                about: about.clone(),
                text: text.clone(),
                since: at,
            }),
            Event::Paused { scope, why } => {
                self.facts.pauses.retain(|pause| pause.scope != *scope);
                self.facts.pauses.push(Pause {
                    scope: scope.clone(),
                    by: envelope.by.clone(),
                    since: at,
                    why: why.clone(),
                });
            }
            Event::Resumed { scope } => {
                self.facts.pauses.retain(|pause| pause.scope != *scope);
                // A resume says that a person has seen what was wrong there.
                match scope {
                    PauseScope::Town => {
                        self.facts.escalations.clear();
                        self.facts.degraded.clear();
                    }
                    PauseScope::Rig(rig) => {
                        self.facts.streaks.remove(rig);
                        self.drop_escalations(rig.as_str());
                    }
                    PauseScope::Bead(bead) => self.drop_escalations(bead.as_str()),
                    PauseScope::Role(role) => {
                        self.facts.degraded.remove(role);
                        self.drop_escalations(role.as_str());
                    }
                    PauseScope::Runtime(runtime) => self.try_runtime(runtime, at),
                }
            }
            Event::Stopped { why } => {
                self.facts.stop = Some(Stop {
                    by: envelope.by.clone(),
                    since: at,
                    why: why.clone(),
                });
            }
            Event::Thawed => self.facts.stop = None,
            Event::MailSent { mail } => {
                self.facts.mail.insert(mail.number, mail.clone());
            }
            Event::MailAcked { mail } => {
                if let Some(mail) = self.facts.mail.get_mut(mail) {
                    mail.acked = true;
                }
            }
            Event::RoleDegraded { role, why } => {
                self.facts.degraded.insert(role.clone(), why.clone());
            }
            Event::EffectBackedOff {
                key,
                failures,
                until,
                why,
            } => {
                self.facts.back_offs.insert(
                    key.clone(),
                    crate::BackOff {
                        failures: *failures,
                        until: *until,
                        why: why.clone(),
                    },
                );
            }
            Event::EffectRecovered { key } => {
                self.facts.back_offs.remove(key);
            }
            Event::OperationUndone { reversal } => self.take_back(reversal, at),
            Event::CrewJoined { member } => self.put_crew_member(member.clone()),
            Event::CrewLeaving { member, discard } => self.note_leaving(member, *discard),
            Event::CrewConcluded {
                member,
                outcome,
                why,
            } => self.conclude_crew(member, *outcome, why),
            Event::DecisionSnoozed { snooze } => {
                // What is over by itself is forgotten at the next one.
                self.facts.snoozes.retain(|known| {
                    known.until > at && !known.is_about(&snooze.kind, &snooze.subject)
                });
                self.facts.snoozes.push(snooze.clone());
            }
            Event::DecisionWoken { kind, subject } => {
                self.facts
                    .snoozes
                    .retain(|known| !known.is_about(kind, subject));
            }
            Event::ScheduleAdded { schedule } => self.put_schedule(schedule.clone()),
            Event::ScheduleRemoved { schedule } => {
                self.drop_schedule(&schedule.rig, &schedule.name);
            }
            Event::SchedulePaused { rig, schedule, why } => {
                let pause = crate::SchedulePause {
                    by: envelope.by.clone(),
                    since: at,
                    why: why.clone(),
                };
                self.pause_schedule(rig, schedule, pause);
            }
            Event::ScheduleResumed { rig, schedule } => self.resume_schedule(rig, schedule, at),
            Event::ScheduleFired {
                rig,
                schedule,
                goal,
                due,
                missed,
            } => {
                let firing = crate::Firing {
                    goal: goal.clone(),
                    at,
                    due: *due,
                    missed: *missed,
                };
                self.note_firing(rig, schedule, firing);
            }
            Event::TownRestored { epochs } => {
                let at_work = self.leased().chain(self.planning());
                let leased: Vec<BeadId> = at_work.map(|bead| bead.id.clone()).collect();
                for bead in leased {
                    let why = Fault {
                        class: FaultClass::Lost,
                        text: "the town was restored from a backup".to_owned(),
                        evidence: String::new(),
                        run: None,
                    };
                    let phase = Phase::Returned { why: why.clone() };
                    self.end_lease(&bead, at, phase, None, Some(&why));
                }
                for (bead, epoch) in epochs {
                    self.change(bead, |bead| bead.epoch = bead.epoch.max(*epoch));
                }
            }
        }
    }

    /// Ends the attempt at the plan of a goal, which has its plan now.
    fn end_planning(&mut self, goal: &BeadId, summary: &str, at: Timestamp) {
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

    /// Puts back what an operation changed, and takes away what it made.
    fn take_back(&mut self, reversal: &Reversal, at: Timestamp) {
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

    fn open_bead(&mut self, bead: &Bead) {
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

    fn put(&mut self, bead: Bead) {
        self.changed.push(bead.id.clone());
        self.facts.beads.insert(bead.id.clone(), Arc::new(bead));
    }

    /// Has a bead answer a goal.
    fn join(&mut self, id: &BeadId, goal: &BeadId) {
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
    fn leave_goal(&mut self, id: &BeadId, stays: Option<&BeadId>) {
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
    fn change(&mut self, id: &BeadId, change: impl FnOnce(&mut Bead)) {
        let Some(bead) = self.facts.beads.get(id) else {
            return;
        };
        self.index.remove(&self.facts, bead);
        let revision = self.facts.revision;
        if let Some(bead) = self.facts.beads.get_mut(id) {
            let bead = Arc::make_mut(bead);
            change(bead);
            bead.changed = revision;
            self.changed.push(id.clone());
        }
        let bead = &self.facts.beads[id];
        self.index.insert(&self.facts, bead);
    }

    fn touch(&mut self, id: &BeadId) {
        self.change(id, |_| {});
    }

    /// Keeps the index true for all beads whose readiness hangs on `id`.
    fn reclassify_affected(&mut self, id: &BeadId) {
        for affected in self.index.affected(&self.facts, id) {
            if let Some(bead) = self.facts.beads.get(&affected) {
                self.index.remove(&self.facts, bead);
                self.index.insert(&self.facts, bead);
            }
        }
    }

    fn close(&mut self, id: &BeadId, outcome: &Outcome, why: &str, at: Timestamp) {
        let phase = Phase::Closed {
            outcome: outcome.clone(),
            why: why.to_owned(),
        };
        self.end_lease(id, at, phase, None, None);
        self.end_pause(id);
    }

    /// Ends the pause of what has ended; nobody would think of resuming it.
    fn end_pause(&mut self, id: &BeadId) {
        let scope = PauseScope::Bead(id.clone());
        self.facts.pauses.retain(|pause| pause.scope != scope);
    }

    fn drop_escalations(&mut self, about: &str) {
        self.facts.escalations.retain(|known| known.about != about);
    }

    /// Ends whatever lease there is, with the phase that follows.
    fn end_lease(
        &mut self,
        id: &BeadId,
        at: Timestamp,
        phase: Phase,
        not_before: Option<Timestamp>,
        fault: Option<&Fault>,
    ) {
        self.free_seat(id);
        self.change(id, |bead| {
            let epoch = bead.phase.lease().map(|lease| lease.epoch);
            if let Some(attempt) = epoch.and_then(|epoch| attempt_mut(bead, epoch)) {
                attempt.ended = Some(at);
                attempt.fault = fault.cloned();
                if fault.is_some_and(|fault| fault.class.counts()) {
                    bead.spent += 1;
                }
            }
            bead.phase = phase;
            bead.since = at;
            bead.not_before = not_before;
        });
        self.reclassify_affected(id);
    }

    fn free_seat(&mut self, id: &BeadId) {
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
    fn leave_queue(&mut self, id: &BeadId) {
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
    fn note_wrong(&mut self, id: &BeadId, why: &Fault) {
        let bead = self.facts.beads.get(id);
        let target = bead.and_then(|bead| self.target_of(bead));
        if let (Some(target), FaultClass::Gate { .. }) = (target, &why.class) {
            self.queue_mut(&target).memory.failures.note(true);
        }
    }

    fn release(&mut self, rig: &RigName, kind: crate::HoldKind) {
        self.facts
            .holds
            .retain(|hold| hold.rig != *rig || hold.kind != kind);
    }

    fn remember_gates(
        &mut self,
        rig: &RigName,
        runs: &[GateRun],
        purpose: GatePurpose,
        at: Timestamp,
    ) {
        for run in runs {
            let shown = GateShown::of(run, purpose, at);
            self.remember_gate(rig, &run.gate, [shown].into_iter());
        }
    }

    /// Keeps what a gate showed last; a run that was recorded already is not recorded twice.
    fn remember_gate(
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

    fn end_streak(&mut self, id: &BeadId) {
        if let Some(bead) = self.facts.beads.get(id) {
            self.facts.streaks.remove(&bead.rig);
        }
    }

    fn queue_mut(&mut self, target: &Target) -> &mut Queue {
        self.facts
            .queues
            .entry(target.key())
            .or_insert_with(|| Queue::new(target.clone()))
    }

    fn queue_of_candidate(&mut self, candidate: &crate::CandidateId) -> Option<&mut Queue> {
        self.facts.queues.values_mut().find(|queue| {
            queue
                .candidate
                .as_ref()
                .is_some_and(|current| current.id == *candidate)
        })
    }

    /// Returns the next number in the order of creation.
    #[must_use]
    pub fn next_ordinal(&self) -> u64 {
        self.facts.ordinals + 1
    }
}

fn attempt_mut(bead: &mut Bead, epoch: Epoch) -> Option<&mut Attempt> {
    bead.attempts
        .iter_mut()
        .rev()
        .find(|attempt| attempt.epoch == epoch)
}

/// Lets a queue go on: its gates run anew, and what they said against the work counts no more.
fn restart(queue: &mut Queue) {
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
