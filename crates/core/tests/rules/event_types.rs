//! The names of events in streams are complete, told apart, and never change.

use std::collections::BTreeMap;

use crate::golden::long_story;

/// Every name that a stream may carry; a line is added and never changed.
const NAMES: &[(&str, &str)] = &[
    ("BaseJudged", "target.judged"),
    ("BeadClosed", "bead.closed"),
    ("BeadEdited", "bead.edited"),
    ("BeadOpened", "bead.opened"),
    ("BeadParked", "bead.parked"),
    ("BeadQuarantined", "bead.quarantined"),
    ("BeadRetried", "bead.retried"),
    ("BreakerTripped", "rig.breaker_tripped"),
    ("CandidateFormed", "merge.formed"),
    ("CandidateJudged", "merge.judged"),
    ("CandidateLanded", "bead.landed"),
    ("CandidateVoided", "merge.voided"),
    ("ChangesWanted", "bead.changes_wanted"),
    ("EdgeAdded", "bead.edge_added"),
    ("EdgeRemoved", "bead.edge_removed"),
    ("EffectBackedOff", "effect.backed_off"),
    ("EffectRecovered", "effect.recovered"),
    ("Escalated", "town.escalated"),
    ("GateAnswered", "gate.answered"),
    ("GateAsked", "gate.asked"),
    ("GoalClosed", "goal.closed"),
    ("GoalOpened", "goal.opened"),
    ("LandConcluded", "goal.land_concluded"),
    ("LandRequested", "goal.land_requested"),
    ("LeaseExpired", "lease.expired"),
    ("LeaseGranted", "lease.granted"),
    ("LeaseRenewed", "lease.renewed"),
    ("MailAcked", "mail.read"),
    ("MailSent", "mail.sent"),
    ("MergesHeld", "merge.held"),
    ("MergesReleased", "merge.released"),
    ("NoteAdded", "bead.noted"),
    ("Paused", "pause.began"),
    ("OperationUndone", "operation.undone"),
    ("PlanApproved", "plan.approved"),
    ("Told", "bead.told"),
    ("PlanProposed", "plan.proposed"),
    ("PlanRevised", "plan.revised"),
    ("PlanKept", "plan.kept"),
    ("QueueHalted", "queue.halted"),
    ("QueueResumed", "queue.resumed"),
    ("Resumed", "pause.ended"),
    ("ReviewBegan", "review.began"),
    ("ReviewEnded", "review.ended"),
    ("RigRemoved", "rig.removed"),
    ("RigTrusted", "rig.trusted"),
    ("RoleDegraded", "role.degraded"),
    ("RunStarted", "run.started"),
    ("HandoverAsked", "handover.asked"),
    ("HandoverGiven", "handover.given"),
    ("BeadJoined", "bead.joined"),
    ("BeadReopened", "bead.reopened"),
    ("BeadSplit", "bead.split"),
    ("GoalEdited", "goal.edited"),
    ("TrustRevoked", "rig.trust_revoked"),
    ("DecisionSnoozed", "decision.snoozed"),
    ("DecisionWoken", "decision.woken"),
    ("QuestionAnswered", "question.answered"),
    ("QuestionAsked", "question.asked"),
    ("CrewConcluded", "crew.concluded"),
    ("CrewJoined", "crew.joined"),
    ("CrewLeaving", "crew.leaving"),
    ("CrewStarted", "crew.started"),
    ("CrewStopped", "crew.stopped"),
    ("CrewTold", "crew.told"),
    ("CrewTurnBegan", "crew.turn_began"),
    ("CrewTurnEnded", "crew.turn_ended"),
    ("ScheduleAdded", "schedule.added"),
    ("ScheduleFired", "schedule.fired"),
    ("SchedulePaused", "schedule.paused"),
    ("ScheduleRemoved", "schedule.removed"),
    ("ScheduleResumed", "schedule.resumed"),
    ("SeatClosed", "seat.closed"),
    ("SeatOpened", "seat.opened"),
    ("Stopped", "town.stopped"),
    ("FlakyTestFiled", "test.filed"),
    ("SubmissionGuarded", "bead.guarded"),
    ("SubmissionPreferred", "bead.preferred"),
    ("SubmissionRestored", "bead.restored"),
    ("SubmissionReturned", "bead.sent_back"),
    ("SubmissionWaived", "bead.waived"),
    ("SubmissionWeighed", "bead.weighed"),
    ("TargetMoved", "target.moved"),
    ("Thawed", "town.thawed"),
    ("UsageRecorded", "usage.recorded"),
    ("WorkClosed", "bead.finished"),
    ("WorkReturned", "bead.returned"),
    ("WorkSubmitted", "bead.submitted"),
];

#[test]
fn every_event_has_its_stable_name_in_streams() {
    // The story has every event that can be decided; the log itself is asked, not the code.
    let story = long_story();
    let told: BTreeMap<&str, &str> = story
        .log
        .iter()
        .map(|(_, envelope)| (envelope.event.name(), envelope.event.type_name()))
        .collect();
    assert_eq!(told, NAMES.iter().copied().collect());
    for (event, name) in NAMES {
        let n = NAMES.iter().filter(|(_, other)| other == name).count();
        assert_eq!(n, 1, "{event} shares the name {name}");
    }
}

#[test]
fn an_event_about_a_bead_names_it_as_its_subject() {
    for (_, envelope) in &long_story().log {
        let event = &envelope.event;
        if let Some(bead) = event.bead() {
            assert_eq!(event.subject().as_deref(), Some(bead.as_str()));
        }
    }
}
