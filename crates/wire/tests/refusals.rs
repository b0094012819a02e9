//! A refusal comes out of its status as the same typed value.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

use std::time::Duration;

use gtd_core::{BeadId, CandidateId, Epoch, Rejection, Revision, RigName, SeatName};
use gtd_wire::{Malformed, Refusal, from_status, to_status};
use tonic::{Code, Status};

fn samples() -> Vec<Rejection> {
    let bead = || BeadId::parse("gt-7f3k").unwrap();
    let rig = || RigName::parse("api").unwrap();
    let seat = || SeatName::parse("quartz").unwrap();
    let candidate = || CandidateId::parse("api-1").unwrap();
    let text = || "what it says: \"ü\"\nand more".to_owned();
    vec![
        Rejection::NoBead {
            bead: "gt-x".into(),
            similar: vec!["gt-y".into()],
        },
        Rejection::NotAGoal { bead: bead() },
        Rejection::NoRig { rig: rig() },
        Rejection::NoSeat { seat: seat() },
        Rejection::SeatBusy {
            seat: seat(),
            bead: bead(),
        },
        Rejection::SeatTaken {
            seat: seat(),
            rig: rig(),
        },
        Rejection::NoCandidate {
            candidate: candidate(),
        },
        Rejection::CandidateBusy {
            candidate: candidate(),
        },
        Rejection::NotProven {
            candidate: candidate(),
        },
        Rejection::WrongPhase {
            bead: bead(),
            state: "landed".into(),
            next: "gtd bead show gt-7f3k".into(),
        },
        Rejection::NotReady {
            bead: bead(),
            why: text(),
        },
        Rejection::NothingReady { rig: rig() },
        Rejection::StaleEpoch {
            bead: bead(),
            current: Epoch(u64::MAX),
            yours: Epoch(2),
        },
        Rejection::AlreadyHeld {
            bead: bead(),
            holder: seat(),
        },
        Rejection::Cycle {
            path: vec![bead(), bead()],
        },
        Rejection::BadPlan { what: text() },
        Rejection::NoRuntime {
            what: text(),
            usable: vec!["shell".into()],
        },
        Rejection::BadText {
            field: "title".into(),
            why: "is empty".into(),
        },
        Rejection::NotYours {
            caller: "anna".into(),
            verb: "land".into(),
        },
        Rejection::IsStopped { why: text() },
        Rejection::IsPaused { scope: text() },
        Rejection::Changed {
            bead: bead(),
            changed: Revision(9),
            seen: Revision(0),
        },
        Rejection::GoalUnfinished {
            goal: bead(),
            open: 3,
        },
        Rejection::NotSpent {
            bead: bead(),
            spent: 1,
            limit: 3,
        },
        Rejection::Untrusted { rig: rig() },
        Rejection::CheckedOut {
            branch: "main".into(),
            at: "/home/anna/src".into(),
        },
        Rejection::NoFreeId {
            prefix: "gt".into(),
        },
        Rejection::BadConfig { what: text() },
        Rejection::NotFound {
            kind: "run".into(),
            name: "x".into(),
        },
        Rejection::ReadOnly { why: text() },
        Rejection::AmbiguousId {
            text: "gt-7".into(),
            candidates: vec!["gt-7a".into(), "gt-7b".into()],
        },
        Rejection::MergesHeld {
            rig: rig(),
            how: text(),
            why: text(),
        },
        Rejection::CannotUndo {
            op: Revision(7),
            what: text(),
            why: text(),
            next: "gtd undo --list".into(),
        },
        Rejection::Quota {
            bead: bead(),
            what: "found 10 already".into(),
            instead: "say it in a note".into(),
        },
        Rejection::OverBudget {
            bead: bead(),
            why: text(),
            next: "gtd cost budget set town 90".into(),
        },
        Rejection::MemberState {
            member: gtd_core::SeatName::parse("ada").unwrap(),
            state: text(),
            next: "gtd crew start ada".into(),
        },
    ]
}

/// Does not compile when a rejection is new: it needs a sample above then.
fn number(rejection: &Rejection) -> usize {
    match rejection {
        Rejection::NoBead { .. } => 0,
        Rejection::NotAGoal { .. } => 1,
        Rejection::NoRig { .. } => 2,
        Rejection::NoSeat { .. } => 3,
        Rejection::SeatBusy { .. } => 4,
        Rejection::SeatTaken { .. } => 5,
        Rejection::NoCandidate { .. } => 6,
        Rejection::CandidateBusy { .. } => 7,
        Rejection::NotProven { .. } => 8,
        Rejection::WrongPhase { .. } => 9,
        Rejection::NotReady { .. } => 10,
        Rejection::NothingReady { .. } => 11,
        Rejection::StaleEpoch { .. } => 12,
        Rejection::AlreadyHeld { .. } => 13,
        Rejection::Cycle { .. } => 14,
        Rejection::BadPlan { .. } => 15,
        Rejection::NoRuntime { .. } => 16,
        Rejection::BadText { .. } => 17,
        Rejection::NotYours { .. } => 18,
        Rejection::IsStopped { .. } => 19,
        Rejection::IsPaused { .. } => 20,
        Rejection::Changed { .. } => 21,
        Rejection::GoalUnfinished { .. } => 22,
        Rejection::NotSpent { .. } => 23,
        Rejection::Untrusted { .. } => 24,
        Rejection::CheckedOut { .. } => 25,
        Rejection::NoFreeId { .. } => 26,
        Rejection::BadConfig { .. } => 27,
        Rejection::NotFound { .. } => 28,
        Rejection::ReadOnly { .. } => 29,
        Rejection::AmbiguousId { .. } => 30,
        Rejection::MergesHeld { .. } => 31,
        Rejection::CannotUndo { .. } => 32,
        Rejection::Quota { .. } => 33,
        Rejection::OverBudget { .. } => 34,
        Rejection::MemberState { .. } => 35,
    }
}

#[test]
fn every_rejection_comes_out_of_its_status_as_it_went_in() {
    for (index, rejection) in samples().into_iter().enumerate() {
        assert_eq!(number(&rejection), index);
        let status = to_status(&rejection);
        assert_eq!(from_status(&status).as_ref(), Some(&rejection));
        assert_ne!(status.code(), Code::Ok);
    }
}

#[test]
fn every_other_refusal_comes_out_of_its_status_as_it_went_in() {
    for refusal in [
        Refusal::Rejected(samples().remove(0)),
        Refusal::Overloaded {
            retry_after: Duration::from_millis(250),
        },
        Refusal::FellBehind,
        Refusal::Leaving,
        Refusal::Deadline,
    ] {
        assert_eq!(Refusal::of(&refusal.to_status()).as_ref(), Some(&refusal));
    }
}

#[test]
fn an_elapsed_deadline_of_the_transport_is_a_deadline() {
    let status = Status::cancelled("Timeout expired");
    assert_eq!(Refusal::of(&status), Some(Refusal::Deadline));
}

#[test]
fn a_foreign_status_is_no_refusal() {
    for status in [
        Status::cancelled("gone"),
        Status::out_of_range("message too large"),
        Status::unavailable("broken pipe"),
        Status::internal("oh"),
    ] {
        assert_eq!(Refusal::of(&status), None);
    }
}

#[test]
fn a_malformed_field_is_a_wrong_usage() {
    let status = to_status(&Malformed::new("spec.title", "is missing").into());
    assert_eq!(status.code(), Code::InvalidArgument);
}
