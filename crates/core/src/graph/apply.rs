//! The fold: what each event makes true. It never fails and never thinks.
//!
//! An event about a bead that does not exist changes nothing: the ledger never
//! writes one, and a reader must not stumble over one.

use std::sync::Arc;

use super::{
    Graph,
    change::{attempt_mut, begin_turn, hear, restart, take_handover},
    index::Index,
};
use crate::{
    Approved, Attempt, Bead, BeadId, CrewTurn, Envelope, Event, Fault, FaultClass, GatePurpose,
    GateShown, Halt, HaltKind, Landing, Need, Pause, PauseScope, Phase, PlanState, Refresh,
    Revision, Rig, Seat, Stop, Verdict, Waiver,
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
                self.look_again_at_paths(rig, &rules.merge.protect);
                let was = self.facts.rigs.insert(
                    rig.clone(),
                    Rig {
                        name: rig.clone(),
                        rules: rules.clone(),
                        digest: digest.clone(),
                        revoked: None,
                    },
                );
                // What may be spent or planned anew is no matter of what is proven.
                let is_as_it_was = was.is_some_and(|was| {
                    crate::RigRules {
                        budget: rules.budget.clone(),
                        replans: rules.replans,
                        policies: rules.policies.clone(),
                        ..was.rules
                    } == *rules
                });
                for queue in self.facts.queues.values_mut() {
                    if queue.target.rig == *rig && !is_as_it_was {
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
                self.facts.tests.remove(rig);
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
            Event::PlanRevised {
                goal,
                replaces,
                summary,
                ..
            } => {
                if let Some(record) = self.facts.goals.get_mut(goal) {
                    record.replans += 1;
                    record.replan.clone_from(replaces);
                }
                self.end_planning(goal, summary, at);
            }
            Event::PlanKept { goal, .. } => self.keep_plan(goal, at),
            Event::PlanApproved { goal } => {
                let Some(record) = self.facts.goals.get_mut(goal) else {
                    return;
                };
                record.plan = PlanState::Approved;
                record.replan.clear();
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
                // Whoever answered shows that the runtime answers.
                if outcome.is_good()
                    && let Some(bead) = self.facts.bead(goal)
                    && bead.phase.lease().is_some()
                {
                    self.note_runtime(goal, None, at);
                    self.end_streak(goal);
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
                self.settle(bead, None, at);
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
                    bead.phase = Phase::Returned {
                        why: Box::new(why.clone()),
                    };
                    bead.since = at;
                    // Somebody looked: it has all of its attempts, and begins at once.
                    bead.spent = 0;
                    bead.not_before = None;
                    if let Some(attempt) = attempt_mut(bead, *epoch) {
                        attempt.fault = Some(Box::new(why.clone()));
                    }
                });
                self.reclassify_affected(bead);
            }
            Event::BeadParked { bead, why } | Event::BeadQuarantined { bead, why } => {
                self.leave_queue(bead);
                self.end_lease(
                    bead,
                    at,
                    Phase::Parked {
                        why: Box::new(why.clone()),
                    },
                    None,
                    Some(why),
                );
            }
            Event::QuestionAsked { bead, asked } => self.change(bead, |bead| {
                bead.asked = Some(Box::new(asked.clone()));
            }),
            Event::QuestionAnswered { bead, answer } => self.change(bead, |bead| {
                if let Some(asked) = &mut bead.asked {
                    asked.answer = Some(answer.clone());
                }
            }),
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
                self.open_purse(bead, lease);
                if let Some(seat) = self.facts.seats.get_mut(lease.holder.name()) {
                    seat.bead = Some(bead.clone());
                }
                self.change(bead, |bead| {
                    bead.epoch = lease.epoch;
                    bead.phase = Phase::Leased(Box::new(lease.clone()));
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
                        guards: Vec::new(),
                        waivers: Vec::new(),
                        weight: None,
                        reviews: Vec::new(),
                        fault: None,
                        answered: 0,
                        refreshes: Vec::new(),
                    });
                    if bead.attempts.len() > Bead::ATTEMPTS_KEPT {
                        bead.attempts.remove(0);
                    }
                });
            }
            Event::RunStarted {
                bead,
                epoch,
                run,
                told,
            } => self.change(bead, |bead| {
                if let Phase::Leased(lease) = &mut bead.phase
                    && lease.epoch == *epoch
                {
                    let is_further = lease.run.replace(run.clone()).is_some();
                    begin_turn(bead, *epoch, run);
                    hear(bead, *epoch, *told, is_further);
                }
            }),
            Event::Told { bead, note } => self.change(bead, |bead| {
                bead.unheard.push(note.clone());
            }),
            Event::HandoverAsked {
                bead,
                epoch,
                run,
                context,
            } => self.change(bead, |bead| {
                if let Some(attempt) = attempt_mut(bead, *epoch) {
                    attempt.refreshes.push(Refresh {
                        run: run.clone(),
                        context: Some(*context),
                        since: at,
                        last: None,
                        handover: None,
                    });
                }
            }),
            Event::HandoverGiven {
                bead,
                epoch,
                run,
                handover,
            } => self.change(bead, |bead| {
                if let Some(attempt) = attempt_mut(bead, *epoch) {
                    take_handover(attempt, run, handover, at);
                }
            }),
            Event::LeaseRenewed { bead, epoch, until } => self.change(bead, |bead| {
                if let Phase::Leased(lease) = &mut bead.phase
                    && lease.epoch == *epoch
                {
                    lease.until = *until;
                }
            }),
            Event::UsageRecorded { bead, usage } => {
                let replaced = self.meter(usage);
                self.count_usage(bead, usage, replaced, at);
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
                self.settle(bead, None, at);
                self.free_seat(bead);
                self.change(bead, |bead| {
                    bead.phase = Phase::Submitted {
                        epoch: *epoch,
                        head: head.clone(),
                        base: base.clone(),
                    };
                    bead.since = at;
                    bead.unheard = Vec::new();
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
                if why.class.counts() {
                    self.lengthen_streak(bead);
                }
                self.end_lease(
                    bead,
                    at,
                    Phase::Returned {
                        why: Box::new(why.clone()),
                    },
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
            Event::BreakerTripped { rig, goal, why } => {
                match goal {
                    None => {
                        self.facts.streaks.remove(rig);
                    }
                    Some(goal) => self.stop_goal(goal, at),
                }
                self.facts.pauses.push(Pause {
                    scope: PauseScope::of_breaker(rig, goal.as_ref()),
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
                    bead.phase = Phase::Returned {
                        why: Box::new(why.clone()),
                    };
                    bead.since = at;
                    bead.not_before = *not_before;
                    if why.class.counts() {
                        bead.spent += 1;
                    }
                    if let Some(attempt) = attempt_mut(bead, *epoch) {
                        attempt.fault = Some(Box::new(why.clone()));
                    }
                });
            }
            Event::SubmissionGuarded {
                bead,
                epoch,
                head,
                report,
            } => self.change(bead, |bead| {
                let attempt = attempt_mut(bead, *epoch);
                if let Some(attempt) = attempt.filter(|a| a.head.as_ref() == Some(head)) {
                    attempt.guards.retain(|known| known.guard != report.guard);
                    attempt.guards.push(report.clone());
                }
            }),
            Event::SubmissionWaived {
                bead,
                epoch,
                head,
                what,
                why,
            } => {
                let waiver = Waiver {
                    what: what.clone(),
                    by: envelope.by.clone(),
                    at,
                    why: why.clone(),
                };
                self.change(bead, |bead| {
                    let attempt = attempt_mut(bead, *epoch);
                    if let Some(attempt) = attempt.filter(|a| a.head.as_ref() == Some(head)) {
                        attempt.waivers.retain(|known| known.what != waiver.what);
                        attempt.waivers.push(waiver);
                    }
                });
            }
            Event::SubmissionWeighed {
                bead,
                epoch,
                head,
                weight,
            } => self.change(bead, |bead| {
                let attempt = attempt_mut(bead, *epoch);
                if let Some(attempt) = attempt.filter(|a| a.head.as_ref() == Some(head)) {
                    attempt.weight = Some(Box::new(weight.clone()));
                }
            }),
            Event::ReviewBegan {
                bead,
                epoch,
                head,
                review,
            } => self.change(bead, |bead| {
                let attempt = attempt_mut(bead, *epoch);
                if let Some(attempt) = attempt.filter(|a| a.head.as_ref() == Some(head)) {
                    attempt.reviews.push(review.clone());
                }
            }),
            Event::ReviewEnded {
                bead,
                epoch,
                number,
                model,
                outcome,
            } => self.end_review(bead, *epoch, *number, model, outcome, at),
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
                self.remember_tests(&ask.rig, runs, at);
                let shown = runs.iter().map(|run| GateShown {
                    asked: Some(ask.number),
                    ..GateShown::of(run, GatePurpose::Asked, at)
                });
                self.remember_gate(&ask.rig, &ask.gate, shown);
            }
            Event::FlakyTestFiled {
                rig,
                gate,
                test,
                bead,
            } => {
                let record = self.test_record_mut(rig, gate, test);
                record.flips.clear();
                record.bead = Some(bead.clone());
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
                    PauseScope::Bead(bead) => {
                        if let Some(goal) = self.facts.goals.get_mut(bead) {
                            goal.failures = 0;
                        }
                        self.drop_escalations(bead.as_str());
                    }
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
            Event::CrewStarted { member, runtime } => self.start_crew(member, runtime),
            Event::CrewStopped { member } => self.stop_crew(member),
            Event::CrewTold { member, note } => self.tell_crew(member, note),
            Event::CrewTurnBegan {
                member,
                turn,
                run,
                told,
                bead,
            } => self.begin_crew_turn(
                member,
                CrewTurn {
                    number: *turn,
                    run: run.clone(),
                    since: at,
                    told: Vec::new(),
                    bead: bead.clone(),
                },
                *told,
            ),
            Event::CrewTurnEnded {
                member,
                rig,
                session,
                fault,
                unsaid,
                usage,
                ..
            } => {
                self.end_crew_turn(member, session.as_ref(), fault.as_ref(), *unsaid);
                if let Some(usage) = usage {
                    let replaced = self.meter(usage);
                    self.count_crew_usage(rig, usage, replaced, at);
                }
            }
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
                    let phase = Phase::Returned {
                        why: Box::new(why.clone()),
                    };
                    self.end_lease(&bead, at, phase, None, Some(&why));
                }
                for (bead, epoch) in epochs {
                    self.change(bead, |bead| bead.epoch = bead.epoch.max(*epoch));
                }
            }
        }
    }

    /// Returns the next number in the order of creation.
    #[must_use]
    pub fn next_ordinal(&self) -> u64 {
        self.facts.ordinals + 1
    }
}
