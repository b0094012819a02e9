//! Every refusal has a stable code, a word, a kind and a next step.

use std::collections::BTreeSet;

use expect_test::expect;
use gtd_core::{Epoch, Rejection, RejectionKind, Revision};

use crate::scene::{bead_id, candidate_id, rig, seat};

names!(REJECTIONS, rejection_name: Rejection {
    NoBead, NotAGoal, NoRig, NoSeat, SeatBusy, SeatTaken, NoCandidate, CandidateBusy, NotProven,
    WrongPhase, NotReady, NothingReady, StaleEpoch, AlreadyHeld, Cycle, BadPlan, NoRuntime,
    BadText, NotYours, IsStopped, IsPaused, MergesHeld, Changed, GoalUnfinished, NotSpent, Untrusted, Quota,
    CheckedOut, NoFreeId, BadConfig, NotFound, AmbiguousId, OverBudget, MemberState, CannotUndo, ReadOnly,
});

fn samples() -> Vec<Rejection> {
    let bead = || bead_id("gt-7f3k");
    let text = || "as it is".to_owned();
    vec![
        Rejection::NoBead {
            bead: "gt-x".to_owned(),
            similar: vec!["gt-y".to_owned()],
        },
        Rejection::NotAGoal { bead: bead() },
        Rejection::NoRig { rig: rig() },
        Rejection::NoSeat {
            seat: seat("quartz"),
        },
        Rejection::SeatBusy {
            seat: seat("quartz"),
            bead: bead(),
        },
        Rejection::SeatTaken {
            seat: seat("quartz"),
            rig: rig(),
        },
        Rejection::NoCandidate {
            candidate: candidate_id("mr-1"),
        },
        Rejection::CandidateBusy {
            candidate: candidate_id("mr-1"),
        },
        Rejection::NotProven {
            candidate: candidate_id("mr-1"),
        },
        Rejection::WrongPhase {
            bead: bead(),
            state: "landed".to_owned(),
            next: "gtd bead show gt-7f3k".to_owned(),
        },
        Rejection::NotReady {
            bead: bead(),
            why: text(),
        },
        Rejection::NothingReady { rig: rig() },
        Rejection::StaleEpoch {
            bead: bead(),
            current: Epoch(3),
            yours: Epoch(2),
        },
        Rejection::AlreadyHeld {
            bead: bead(),
            holder: seat("quartz"),
        },
        Rejection::Cycle {
            path: vec![bead(), bead_id("gt-2"), bead()],
        },
        Rejection::BadPlan { what: text() },
        Rejection::NoRuntime {
            what: "gt-7f3k".to_owned(),
            usable: vec![],
        },
        Rejection::BadText {
            field: "the title".to_owned(),
            why: "is empty".to_owned(),
        },
        Rejection::NotYours {
            caller: "the holder of gt-7f3k".to_owned(),
            verb: "set a script".to_owned(),
        },
        Rejection::IsStopped { why: text() },
        Rejection::IsPaused { scope: text() },
        Rejection::MergesHeld {
            rig: rig(),
            how: "frozen".to_owned(),
            why: "ada: a release".to_owned(),
        },
        Rejection::Changed {
            bead: bead(),
            changed: Revision(9),
            seen: Revision(8),
        },
        Rejection::GoalUnfinished {
            goal: bead(),
            open: 1,
        },
        Rejection::NotSpent {
            bead: bead(),
            spent: 1,
            limit: 3,
        },
        Rejection::Untrusted { rig: rig() },
        Rejection::Quota {
            bead: bead(),
            what: "asked 10 questions in this attempt".to_owned(),
            instead: "go on with your best assumption".to_owned(),
        },
        Rejection::CheckedOut {
            branch: "main".to_owned(),
            at: "the checkout".to_owned(),
        },
        Rejection::NoFreeId {
            prefix: "gt".to_owned(),
        },
        Rejection::BadConfig { what: text() },
        Rejection::NotFound {
            kind: "message".to_owned(),
            name: "9".to_owned(),
        },
        Rejection::AmbiguousId {
            text: "gt-7".to_owned(),
            candidates: vec!["gt-7a".to_owned(), "gt-7b".to_owned()],
        },
        Rejection::OverBudget {
            bead: bead(),
            why: "today's budget of the town is used up".to_owned(),
            next: "gtd cost budget set town 90".to_owned(),
        },
        Rejection::MemberState {
            member: seat("ada"),
            state: "is stopped".to_owned(),
            next: "gtd crew start ada".to_owned(),
        },
        Rejection::CannotUndo {
            op: Revision(7),
            what: "close gt-7f3k".to_owned(),
            why: "gt-7f3k changed since".to_owned(),
            next: "gtd bead show gt-7f3k".to_owned(),
        },
        Rejection::ReadOnly { why: text() },
    ]
}

/// What is true of every refusal, wherever it comes from.
pub(crate) fn check(why: &Rejection) {
    let message = why.to_string();
    let first = message.chars().next().unwrap();
    assert!(!first.is_uppercase(), "{message}");
    assert!(!message.ends_with('.'), "{message}");
    assert!(!message.contains('\n'), "{message}");
    assert!(!why.next().trim().is_empty(), "{message}");
    assert!(!why.next().ends_with('.'), "{}", why.next());
    let code = why.code();
    assert!(code.len() == 5 && code.starts_with('E'), "{code}");
    assert!(
        code[1..].bytes().all(|digit| digit.is_ascii_digit()),
        "{code}"
    );
    let word = why.reason();
    assert!(!word.is_empty());
    assert!(
        word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'),
        "{word}"
    );
    let json = serde_json::to_string(why).unwrap();
    assert_eq!(serde_json::from_str::<Rejection>(&json).unwrap(), *why);
}

#[test]
fn every_refusal_tells_what_and_what_next() {
    let samples = samples();
    let names: Vec<&str> = samples.iter().map(rejection_name).collect();
    assert_eq!(names, REJECTIONS);
    samples.iter().for_each(check);
}

#[test]
fn codes_and_words_are_unique() {
    let samples = samples();
    let codes: BTreeSet<&str> = samples.iter().map(Rejection::code).collect();
    let words: BTreeSet<String> = samples.iter().map(Rejection::reason).collect();
    assert_eq!(codes.len(), samples.len());
    assert_eq!(words.len(), samples.len());
}

#[test]
fn codes_words_and_kinds_stay_as_they_are() {
    let mut rows: Vec<String> = samples()
        .iter()
        .map(|why| {
            let kind = match why.kind() {
                RejectionKind::Usage => "usage",
                RejectionKind::NotFound => "not found",
                RejectionKind::State => "state",
                RejectionKind::Config => "config",
                RejectionKind::Permission => "permission",
                RejectionKind::Busy => "busy",
            };
            format!("{} {:<16} {kind:<11} {why}", why.code(), why.reason())
        })
        .collect();
    rows.sort();
    expect![[r#"
        E0101 CYCLE            usage       that would make a circle: gt-7f3k needs gt-2 needs gt-7f3k
        E0102 BAD_PLAN         usage       the plan does not hold together: as it is
        E0103 BAD_TEXT         usage       the title is empty
        E0104 NO_RUNTIME       config      gt-7f3k has neither a script (`run`) nor a usable runtime
        E0105 BAD_CONFIG       config      as it is
        E0201 WRONG_PHASE      state       gt-7f3k has landed
        E0202 NOT_READY        state       gt-7f3k is not ready: as it is
        E0203 NOTHING_READY    state       no bead is ready on rig api
        E0204 STALE_EPOCH      state       the lease of gt-7f3k passed on (epoch 3, yours 2)
        E0205 ALREADY_HELD     state       gt-7f3k is held by quartz
        E0206 SEAT_BUSY        state       seat quartz holds gt-7f3k
        E0207 SEAT_TAKEN       state       seat quartz exists on rig api
        E0208 CANDIDATE_BUSY   state       candidate mr-1 is in test on that target
        E0209 NOT_PROVEN       state       candidate mr-1 has no green verdict
        E0210 CHANGED          state       gt-7f3k changed at revision 9, you had seen 8
        E0211 GOAL_UNFINISHED  state       gt-7f3k is not done: 1 of its beads have not ended
        E0212 NOT_SPENT        state       attempts at gt-7f3k are not spent (1 of 3)
        E0213 CHECKED_OUT      state       main is checked out at the checkout
        E0214 IS_STOPPED       state       everything is stopped: as it is
        E0215 IS_PAUSED        state       as it is is paused
        E0218 MERGES_HELD      state       the merges of api are frozen by ada: a release
        E0219 CANNOT_UNDO      state       operation 7 (close gt-7f3k) cannot be undone: gt-7f3k changed since
        E0220 OVER_BUDGET      state       gt-7f3k cannot begin: today's budget of the town is used up
        E0221 MEMBER_STATE     state       ada is stopped
        E0301 NO_BEAD          not found   there is no bead `gt-x`
        E0302 NOT_A_GOAL       not found   gt-7f3k is not a goal
        E0303 NO_RIG           not found   there is no rig `api`
        E0304 NO_SEAT          not found   there is no seat `quartz`
        E0305 NO_CANDIDATE     not found   candidate mr-1 is not in test
        E0306 NOT_FOUND        not found   there is no message `9`
        E0307 AMBIGUOUS_ID     not found   `gt-7` matches 2 things
        E0401 NOT_YOURS        permission  the holder of gt-7f3k may not set a script
        E0402 UNTRUSTED        permission  the configuration of api is not trusted as it is now
        E0403 QUOTA            permission  gt-7f3k has asked 10 questions in this attempt, and no more is taken
        E0501 NO_FREE_ID       busy        no free bead id under the prefix `gt`
        E0502 READ_ONLY        busy        the store takes no writes: as it is
    "#]].assert_eq(&(rows.join("\n") + "\n"));
}
