//! The stable name of each event, and what it is about: for streams that programs read.
//!
//! A name is `thing.happened`. It is part of the public API and is never
//! changed, whatever becomes of the variant behind it.

use crate::{BeadId, CrewOutcome, Event, FaultClass, PauseScope, RigName, Verdict};

impl Event {
    /// Returns the stable name for streams, such as `bead.landed`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::RigTrusted { .. } => "rig.trusted",
            Self::TrustRevoked { .. } => "rig.trust_revoked",
            Self::RigRemoved { .. } => "rig.removed",
            Self::GoalOpened { .. } => "goal.opened",
            Self::PlanProposed { .. } => "plan.proposed",
            Self::PlanApproved { .. } => "plan.approved",
            Self::PlanRevised { .. } => "plan.revised",
            Self::PlanKept { .. } => "plan.kept",
            Self::GoalClosed { .. } => "goal.closed",
            Self::LandRequested { .. } => "goal.land_requested",
            Self::LandConcluded { .. } => "goal.land_concluded",
            Self::BeadOpened { .. } => "bead.opened",
            Self::BeadJoined { .. } => "bead.joined",
            Self::GoalEdited { .. } => "goal.edited",
            Self::BeadSplit { .. } => "bead.split",
            Self::BeadReopened { .. } => "bead.reopened",
            Self::BeadEdited { .. } => "bead.edited",
            Self::EdgeAdded { .. } => "bead.edge_added",
            Self::EdgeRemoved { .. } => "bead.edge_removed",
            Self::NoteAdded { .. } => "bead.noted",
            Self::BeadClosed { .. } => "bead.closed",
            Self::BeadRetried { .. } => "bead.retried",
            Self::ChangesWanted { .. } => "bead.changes_wanted",
            Self::BeadParked { .. } => "bead.parked",
            Self::QuestionAsked { .. } => "question.asked",
            Self::QuestionAnswered { .. } => "question.answered",
            Self::Told { .. } => "bead.told",
            Self::SeatOpened { .. } => "seat.opened",
            Self::SeatClosed { .. } => "seat.closed",
            Self::LeaseGranted { .. } => "lease.granted",
            Self::RunStarted { .. } => "run.started",
            Self::HandoverAsked { .. } => "handover.asked",
            Self::HandoverGiven { .. } => "handover.given",
            Self::LeaseRenewed { .. } => "lease.renewed",
            Self::UsageRecorded { .. } => "usage.recorded",
            Self::WorkSubmitted { .. } => "bead.submitted",
            Self::WorkReturned { .. } => "bead.returned",
            Self::WorkClosed { .. } => "bead.finished",
            Self::LeaseExpired { .. } => "lease.expired",
            Self::BeadQuarantined { .. } => "bead.quarantined",
            Self::BreakerTripped { .. } => "rig.breaker_tripped",
            Self::CandidateFormed { .. } => "merge.formed",
            Self::CandidateJudged { .. } => "merge.judged",
            Self::CandidateLanded { .. } => "bead.landed",
            Self::CandidateVoided { .. } => "merge.voided",
            Self::SubmissionReturned { .. } => "bead.sent_back",
            Self::TargetMoved { .. } => "target.moved",
            Self::BaseJudged { .. } => "target.judged",
            Self::QueueHalted { .. } => "queue.halted",
            Self::QueueResumed { .. } => "queue.resumed",
            Self::FlakyTestFiled { .. } => "test.filed",
            Self::Escalated { .. } => "town.escalated",
            Self::Paused { .. } => "pause.began",
            Self::Resumed { .. } => "pause.ended",
            Self::Stopped { .. } => "town.stopped",
            Self::Thawed => "town.thawed",
            Self::MailSent { .. } => "mail.sent",
            Self::MailAcked { .. } => "mail.read",
            Self::RoleDegraded { .. } => "role.degraded",
            Self::EffectBackedOff { .. } => "effect.backed_off",
            Self::EffectRecovered { .. } => "effect.recovered",
            Self::TownRestored { .. } => "town.restored",
            Self::MergesHeld { .. } => "merge.held",
            Self::MergesReleased { .. } => "merge.released",
            Self::SubmissionPreferred { .. } => "bead.preferred",
            Self::SubmissionRestored { .. } => "bead.restored",
            Self::SubmissionGuarded { .. } => "bead.guarded",
            Self::SubmissionWaived { .. } => "bead.waived",
            Self::SubmissionWeighed { .. } => "bead.weighed",
            Self::ReviewBegan { .. } => "review.began",
            Self::ReviewEnded { .. } => "review.ended",
            Self::GateAsked { .. } => "gate.asked",
            Self::GateAnswered { .. } => "gate.answered",
            Self::OperationUndone { .. } => "operation.undone",
            Self::DecisionSnoozed { .. } => "decision.snoozed",
            Self::DecisionWoken { .. } => "decision.woken",
            Self::ScheduleAdded { .. } => "schedule.added",
            Self::ScheduleRemoved { .. } => "schedule.removed",
            Self::SchedulePaused { .. } => "schedule.paused",
            Self::ScheduleResumed { .. } => "schedule.resumed",
            Self::ScheduleFired { .. } => "schedule.fired",
            Self::CrewJoined { .. } => "crew.joined",
            Self::CrewLeaving { .. } => "crew.leaving",
            Self::CrewConcluded { .. } => "crew.concluded",
            Self::CrewStarted { .. } => "crew.started",
            Self::CrewStopped { .. } => "crew.stopped",
            Self::CrewTold { .. } => "crew.told",
            Self::CrewTurnBegan { .. } => "crew.turn_began",
            Self::CrewTurnEnded { .. } => "crew.turn_ended",
        }
    }

    /// Returns the bead or goal that it is about, when it is about one.
    #[must_use]
    pub fn bead(&self) -> Option<&BeadId> {
        match self {
            Self::GoalOpened { bead, .. } | Self::BeadOpened { bead } => Some(&bead.id),
            Self::PlanProposed { goal, .. }
            | Self::PlanApproved { goal }
            | Self::PlanRevised { goal, .. }
            | Self::PlanKept { goal, .. }
            | Self::GoalClosed { goal, .. }
            | Self::GoalEdited { goal, .. }
            | Self::LandRequested { goal }
            | Self::LandConcluded { goal, .. } => Some(goal),
            Self::BreakerTripped { goal, .. } => goal.as_ref(),
            Self::BeadEdited { bead, .. }
            | Self::BeadJoined { bead, .. }
            | Self::BeadSplit { bead, .. }
            | Self::BeadReopened { bead }
            | Self::EdgeAdded { bead, .. }
            | Self::EdgeRemoved { bead, .. }
            | Self::NoteAdded { bead, .. }
            | Self::BeadClosed { bead, .. }
            | Self::BeadRetried { bead }
            | Self::ChangesWanted { bead, .. }
            | Self::BeadParked { bead, .. }
            | Self::QuestionAsked { bead, .. }
            | Self::QuestionAnswered { bead, .. }
            | Self::Told { bead, .. }
            | Self::LeaseGranted { bead, .. }
            | Self::RunStarted { bead, .. }
            | Self::HandoverAsked { bead, .. }
            | Self::HandoverGiven { bead, .. }
            | Self::LeaseRenewed { bead, .. }
            | Self::UsageRecorded { bead, .. }
            | Self::WorkSubmitted { bead, .. }
            | Self::WorkReturned { bead, .. }
            | Self::WorkClosed { bead, .. }
            | Self::LeaseExpired { bead, .. }
            | Self::BeadQuarantined { bead, .. }
            | Self::SubmissionReturned { bead, .. }
            | Self::SubmissionPreferred { bead }
            | Self::SubmissionRestored { bead, .. }
            | Self::SubmissionGuarded { bead, .. }
            | Self::SubmissionWaived { bead, .. }
            | Self::SubmissionWeighed { bead, .. }
            | Self::ReviewBegan { bead, .. }
            | Self::ReviewEnded { bead, .. }
            | Self::FlakyTestFiled { bead, .. } => Some(bead),
            Self::Paused { scope, .. } | Self::Resumed { scope } => match scope {
                PauseScope::Bead(bead) => Some(bead),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the name of what it is about: a bead, a candidate, a target, a seat, a role.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        if let Some(bead) = self.bead() {
            return Some(bead.to_string());
        }
        match self {
            Self::RigTrusted { rig, .. }
            | Self::TrustRevoked { rig, .. }
            | Self::RigRemoved { rig }
            | Self::BreakerTripped { rig, .. } => Some(rig.to_string()),
            Self::SeatOpened { seat, .. }
            | Self::SeatClosed { seat }
            | Self::CrewLeaving { member: seat, .. }
            | Self::CrewConcluded { member: seat, .. }
            | Self::CrewStarted { member: seat, .. }
            | Self::CrewStopped { member: seat }
            | Self::CrewTold { member: seat, .. }
            | Self::CrewTurnBegan { member: seat, .. }
            | Self::CrewTurnEnded { member: seat, .. } => Some(seat.to_string()),
            Self::CrewJoined { member } => Some(member.name.to_string()),
            Self::DecisionSnoozed { snooze } => Some(snooze.subject.clone()),
            Self::DecisionWoken { subject, .. } => Some(subject.clone()),
            Self::CandidateFormed { candidate } => Some(candidate.id.to_string()),
            Self::CandidateJudged { candidate, .. }
            | Self::CandidateLanded { candidate, .. }
            | Self::CandidateVoided { candidate, .. } => Some(candidate.to_string()),
            Self::TargetMoved { target, .. }
            | Self::BaseJudged { target, .. }
            | Self::QueueHalted { target, .. }
            | Self::QueueResumed { target } => Some(target.short_ref().to_owned()),
            Self::Escalated { about, .. } => Some(about.clone()),
            Self::Paused { scope, .. } | Self::Resumed { scope } => match scope {
                PauseScope::Rig(rig) => Some(rig.to_string()),
                PauseScope::Role(role) => Some(role.to_string()),
                PauseScope::Runtime(runtime) => Some(runtime.to_string()),
                PauseScope::Bead(_) | PauseScope::Town => None,
            },
            Self::MailSent { mail } => Some(mail.number.to_string()),
            Self::MailAcked { mail } => Some(mail.to_string()),
            Self::RoleDegraded { role, .. } => Some(role.to_string()),
            Self::OperationUndone { reversal } => Some(reversal.op.to_string()),
            Self::MergesHeld { hold } => Some(hold.rig.to_string()),
            Self::MergesReleased { rig, .. } => Some(rig.to_string()),
            Self::GateAsked { ask } | Self::GateAnswered { ask, .. } => Some(ask.gate.to_string()),
            Self::EffectBackedOff { key, .. } | Self::EffectRecovered { key } => Some(key.clone()),
            Self::ScheduleAdded { schedule } | Self::ScheduleRemoved { schedule } => {
                Some(schedule.name.to_string())
            }
            Self::SchedulePaused { schedule, .. }
            | Self::ScheduleResumed { schedule, .. }
            | Self::ScheduleFired { schedule, .. } => Some(schedule.to_string()),
            _ => None,
        }
    }

    /// Returns the rig that it names; a bead's rig is not looked up.
    #[must_use]
    pub fn rig(&self) -> Option<&RigName> {
        match self {
            Self::RigTrusted { rig, .. }
            | Self::TrustRevoked { rig, .. }
            | Self::RigRemoved { rig }
            | Self::BreakerTripped { rig, .. }
            | Self::SeatOpened { rig, .. } => Some(rig),
            Self::GoalOpened { bead, .. } | Self::BeadOpened { bead } => Some(&bead.rig),
            Self::CandidateFormed { candidate } => Some(&candidate.target.rig),
            Self::TargetMoved { target, .. }
            | Self::BaseJudged { target, .. }
            | Self::QueueHalted { target, .. }
            | Self::QueueResumed { target } => Some(&target.rig),
            Self::MergesHeld { hold } => Some(&hold.rig),
            Self::MergesReleased { rig, .. }
            | Self::SchedulePaused { rig, .. }
            | Self::ScheduleResumed { rig, .. }
            | Self::ScheduleFired { rig, .. } => Some(rig),
            Self::ScheduleAdded { schedule } | Self::ScheduleRemoved { schedule } => {
                Some(&schedule.rig)
            }
            Self::CrewJoined { member } => Some(&member.rig),
            Self::CrewTurnEnded { rig, .. } => Some(rig),
            Self::GateAsked { ask } | Self::GateAnswered { ask, .. } => Some(&ask.rig),
            Self::Paused { scope, .. } | Self::Resumed { scope } => match scope {
                PauseScope::Rig(rig) => Some(rig),
                _ => None,
            },
            _ => None,
        }
    }

    /// Tells whether something went wrong, or waits for a person.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        match self {
            Self::WorkReturned { why, .. } => why.class != FaultClass::GivenBack,
            Self::CandidateJudged { verdict, .. } => *verdict != Verdict::Passed,
            Self::BaseJudged { gate, .. } => gate.verdict != Verdict::Passed,
            Self::CrewConcluded { outcome, .. } => *outcome == CrewOutcome::Kept,
            Self::CrewTurnEnded { fault, .. } => fault.is_some(),
            Self::GoalClosed { outcome, .. }
            | Self::WorkClosed { outcome, .. }
            | Self::BeadClosed { outcome, .. } => !outcome.is_good(),
            Self::LandConcluded { commit, .. } => commit.is_none(),
            Self::BeadParked { .. }
            | Self::QuestionAsked { .. }
            | Self::LeaseExpired { .. }
            | Self::BeadQuarantined { .. }
            | Self::BreakerTripped { .. }
            | Self::CandidateVoided { .. }
            | Self::SubmissionReturned { .. }
            | Self::QueueHalted { .. }
            | Self::Escalated { .. }
            | Self::Stopped { .. }
            | Self::RoleDegraded { .. }
            | Self::EffectBackedOff { .. }
            | Self::TownRestored { .. } => true,
            _ => false,
        }
    }
}
