//! The ledger on a real store.

use std::{collections::BTreeSet, sync::Arc};

use gtd_core::{
    Actor, BeadSpec, Command, Envelope, Graph, MergeRules, PauseScope, Rejection, RequestId,
    Revision, RigName, RigRules, SeatName, WorkerRules,
};
use proptest::prelude::*;

use super::{Ballast, Followed, Ledger, LoadError, Order, Refused, Stored};

fn rig() -> RigName {
    RigName::parse("api").unwrap()
}

fn rules() -> RigRules {
    RigRules {
        prefix: "api".into(),
        branch: "main".into(),
        gates: vec![],
        worker: WorkerRules::default(),
        merge: MergeRules::default(),
        schedules: vec![],
        questions: gtd_core::QuestionRules::default(),
        discovery: gtd_core::DiscoveryRules::default(),
        budget: Default::default(),
        replans: Default::default(),
        policies: Default::default(),
    }
}

fn order(request: &str, command: Command) -> Order {
    Order {
        by: Actor::Person("anna".into()),
        request: (!request.is_empty()).then(|| RequestId::parse(request).unwrap()),
        expected: None,
        commands: vec![command],
    }
}

fn create(title: &str) -> Command {
    Command::CreateBead {
        rig: rig(),
        goal: None,
        spec: BeadSpec {
            title: title.into(),
            run: Some("true".into()),
            ..BeadSpec::default()
        },
        needs: vec![],
    }
}

fn trust() -> Command {
    Command::TrustRig {
        rig: rig(),
        rules: rules(),
        digest: "d".into(),
    }
}

fn no_ballast(dir: &std::path::Path) -> Ballast {
    Ballast::new(dir.join("ballast"), 0)
}

fn open(dir: &std::path::Path) -> Ledger {
    try_open(dir).unwrap()
}

/// Opens a ledger that takes writes.
fn try_open(dir: &std::path::Path) -> Result<Ledger, LoadError> {
    let (ledger, mut opening) = Ledger::start(dir, no_ballast(dir), Arc::default())?;
    block_on(opening.end())?;
    Ok(ledger)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Reads everything after a revision as a watcher does.
async fn read_on(ledger: &Ledger, after: Revision, limit: usize) -> Vec<Stored> {
    let mut seen = after;
    let mut found = Vec::new();
    loop {
        let records = match ledger.follow(seen, limit) {
            Followed::Records(records) => records,
            Followed::InStore => ledger.read(seen, limit).await.unwrap(),
            Followed::UpToDate => return found,
        };
        seen = records.last().unwrap().revision;
        found.extend(records);
    }
}

fn fold(records: &[Stored]) -> Graph {
    let mut graph = Graph::default();
    for record in records {
        let envelope: Envelope = serde_json::from_slice(&record.json).unwrap();
        graph.apply(record.revision, &envelope);
    }
    graph
}

#[test]
fn orders_that_wait_together_are_each_answered_with_their_own_events() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        let asks: Vec<_> = (0..200)
            .map(|n| {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    let command = create(&format!("bead {n}"));
                    ledger
                        .write(order(&format!("r{n}"), command))
                        .await
                        .unwrap()
                })
            })
            .collect();
        let mut ids = BTreeSet::new();
        let mut revisions = BTreeSet::new();
        for ask in asks {
            let answer = ask.await.unwrap();
            assert_eq!(answer.ids.len(), 1);
            ids.extend(answer.ids);
            revisions.insert(answer.revision);
        }
        assert_eq!(ids.len(), 200);
        assert_eq!(revisions.len(), 200);
        assert_eq!(revisions.last(), Some(&Revision(201)));
        assert_eq!(ledger.graph().n_beads(), 200);
        ledger.close().await;
    });
}

#[test]
fn the_same_request_twice_is_done_once_in_a_batch_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let first = block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        let one = ledger.write(order("same", create("a")));
        let two = ledger.write(order("same", create("a")));
        let (one, two) = tokio::join!(one, two);
        assert_eq!(one, two);
        ledger.close().await;
        one.unwrap()
    });
    let ledger = open(folder.path());
    block_on(async {
        let again = ledger.write(order("same", create("a"))).await.unwrap();
        assert_eq!(again, first);
        let by = Actor::Person("anna".into());
        let request = RequestId::parse("same").unwrap();
        assert_eq!(
            ledger.recall(by, request.clone()).await.unwrap(),
            Some(first)
        );
        assert_eq!(ledger.graph().n_beads(), 1);
        let mut other = order("same", create("a"));
        other.by = Actor::Person("bert".into());
        let refused = ledger.write(other).await.unwrap_err();
        assert!(matches!(
            refused,
            Refused::Rejected(Rejection::NotYours { .. })
        ));
        ledger.close().await;
    });
}

#[test]
fn of_64_claims_at_once_exactly_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        let made = ledger.write(order("", create("a"))).await.unwrap();
        let bead = gtd_core::BeadId::parse(&made.ids[0]).unwrap();
        let claims: Vec<_> = (0..64)
            .map(|n| {
                let ledger = ledger.clone();
                let command = Command::Claim {
                    bead: bead.clone(),
                    name: SeatName::parse(&format!("s{n}")).unwrap(),
                };
                tokio::spawn(async move { ledger.write(order("", command)).await })
            })
            .collect();
        let mut winners = Vec::new();
        for claim in claims {
            match claim.await.unwrap() {
                Ok(answer) => winners.push(answer.granted.unwrap()),
                Err(Refused::Rejected(Rejection::AlreadyHeld { .. })) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(winners[0].epoch, gtd_core::Epoch(1));
        ledger.close().await;
    });
}

#[test]
fn a_stale_epoch_can_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        let made = ledger.write(order("", create("a"))).await.unwrap();
        let bead = gtd_core::BeadId::parse(&made.ids[0]).unwrap();
        for n in 1..=2 {
            let claim = Command::Claim {
                bead: bead.clone(),
                name: SeatName::parse("s").unwrap(),
            };
            ledger.write(order("", claim)).await.unwrap();
            if n == 1 {
                let back = Command::Return {
                    bead: bead.clone(),
                    epoch: gtd_core::Epoch(1),
                    why: gtd_core::Fault {
                        class: gtd_core::FaultClass::GivenBack,
                        text: String::new(),
                        evidence: String::new(),
                        run: None,
                    },
                };
                ledger.write(order("", back)).await.unwrap();
                let again = Command::RetryBead { bead: bead.clone() };
                ledger.write(order("", again)).await.unwrap();
            }
        }
        let submit = Command::Submit {
            bead: bead.clone(),
            epoch: gtd_core::Epoch(1),
            head: gtd_core::Oid::parse(&"a".repeat(40)).unwrap(),
            base: gtd_core::Oid::parse(&"b".repeat(40)).unwrap(),
            summary: String::new(),
            checks: vec![],
        };
        let before = ledger.graph().revision();
        let refused = ledger.write(order("", submit)).await.unwrap_err();
        assert_eq!(
            refused,
            Refused::Rejected(Rejection::StaleEpoch {
                bead,
                current: gtd_core::Epoch(2),
                yours: gtd_core::Epoch(1),
            })
        );
        assert_eq!(ledger.graph().revision(), before);
        ledger.close().await;
    });
}

#[test]
fn commands_of_one_order_happen_all_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        let made = ledger.write(order("", create("a"))).await.unwrap();
        let bead = gtd_core::BeadId::parse(&made.ids[0]).unwrap();
        let note = Command::AddNote {
            bead: bead.clone(),
            text: "hello".into(),
        };
        let mut both = order("x", note);
        both.commands
            .push(Command::ApprovePlan { goal: bead.clone() });
        let refused = ledger.write(both.clone()).await.unwrap_err();
        assert!(matches!(
            refused,
            Refused::Rejected(Rejection::NotAGoal { .. })
        ));
        assert_eq!(ledger.graph().bead(&bead).unwrap().notes.len(), 0);
        both.commands.pop();
        both.commands
            .push(Command::RetryBead { bead: bead.clone() });
        ledger.write(both).await.unwrap();
        assert_eq!(ledger.graph().bead(&bead).unwrap().notes.len(), 1);
        ledger.close().await;
    });
}

#[test]
fn a_rehearsal_tells_what_would_be_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        let would = ledger.rehearse(order("r", create("a"))).await.unwrap();
        assert_eq!(would.ids.len(), 1);
        assert_eq!(ledger.graph().n_beads(), 0);
        assert_eq!(ledger.graph().revision(), Revision(1));
        assert!(ledger.rehearse(order("", create(""))).await.is_err());
        ledger.close().await;
    });
}

#[test]
fn after_a_restart_the_graph_is_the_fold_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let before = block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        for n in 0..50 {
            ledger
                .write(order("", create(&format!("b{n}"))))
                .await
                .unwrap();
        }
        let graph = ledger.graph().clone();
        ledger.close().await;
        graph
    });
    // Once with the snapshot that the end left, once more with records after it.
    for n in 0..2_u64 {
        let ledger = open(folder.path());
        block_on(async {
            if n == 0 {
                assert_eq!(*ledger.graph(), before);
                ledger.write(order("", create("later"))).await.unwrap();
                drop(ledger);
                return;
            }
            let records = read_on(&ledger, Revision(0), 7).await;
            assert_eq!(records.len(), 52);
            assert_eq!(fold(&records), *ledger.graph());
            assert!(ledger.graph().index_is_true());
            ledger.close().await;
        });
        wait_for_the_lock(folder.path());
    }
}

/// A ledger that was dropped closes its store on its own thread.
fn wait_for_the_lock(dir: &std::path::Path) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        match try_open(dir) {
            Ok(ledger) => return block_on(ledger.close()),
            Err(error) => {
                assert!(std::time::Instant::now() < until, "{error:?}");
                std::thread::yield_now();
            }
        }
    }
}

/// Returns the path of a snapshot.
fn snapshot(dir: &std::path::Path, revision: u64) -> std::path::PathBuf {
    dir.join(format!("snapshots/{revision:020}.snap"))
}

#[test]
fn what_one_start_had_to_replay_the_next_one_has_in_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        ledger.close().await;
    });
    let ledger = open(folder.path());
    block_on(async {
        for name in ["a", "b", "c"] {
            ledger.write(order("", create(name))).await.unwrap();
        }
        ledger.close().await;
    });
    // As after a death: the records are there, a snapshot of them is not.
    std::fs::remove_file(snapshot(folder.path(), 4)).unwrap();
    let replayed = || {
        let found = gtd_store::preview(folder.path());
        (found.snapshot.unwrap().0, found.tail.unwrap().records.len())
    };
    // The record of the snapshot itself comes first.
    assert_eq!(replayed(), (Revision(1), 4));
    let ledger = open(folder.path());
    block_on(ledger.close());
    assert_eq!(replayed(), (Revision(4), 1));
    let ledger = open(folder.path());
    assert_eq!(ledger.graph().n_beads(), 3);
    block_on(ledger.close());
}

#[test]
fn a_store_that_is_refused_says_why_also_when_the_early_reader_fails() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        ledger.close().await;
    });
    let holder = open(folder.path());
    let shown = std::sync::atomic::AtomicBool::new(false);
    let refused = super::load::open(folder.path(), |_| {
        shown.store(true, std::sync::atomic::Ordering::Relaxed);
        panic!("a bug in the early reader");
    });
    assert!(shown.into_inner(), "nothing was shown");
    let error = refused.map(|_| ()).unwrap_err();
    assert!(
        matches!(error, gtd_store::StoreError::Held { .. }),
        "{error:?}"
    );
    block_on(holder.close());
}

#[test]
fn what_only_the_database_has_reaches_those_who_read_before_it_was_open() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        ledger.close().await;
    });
    let ledger = open(folder.path());
    let before = block_on(async {
        for name in ["a", "b", "c"] {
            ledger.write(order("", create(name))).await.unwrap();
        }
        ledger.graph().clone()
    });
    drop(ledger);
    wait_for_the_lock(folder.path());
    // The last snapshot is gone, and so is the end of the journal.
    std::fs::remove_file(snapshot(folder.path(), 4)).unwrap();
    let journal = folder.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let (front, _) = text.trim_end().rsplit_once('\n').unwrap();
    std::fs::write(&journal, format!("{front}\n")).unwrap();
    let (ledger, mut opening) =
        Ledger::start(folder.path(), no_ballast(folder.path()), Arc::default()).unwrap();
    // From here on this reader sees what comes, whether it was early or not.
    let first = ledger.graph().revision();
    assert!(first == Revision(3) || first == Revision(4), "{first}");
    block_on(async {
        let started = opening.end().await.unwrap();
        assert_eq!(started.repairs.len(), 1, "{started:?}");
        assert!(!ledger.is_opening());
        assert_eq!(*ledger.graph(), before);
        let records = read_on(&ledger, first, 7).await;
        assert_eq!(records.len() as u64, 4 - first.0);
        ledger.close().await;
    });
}

#[test]
fn an_order_that_nobody_waits_for_any_more_is_carried_out_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        {
            let mut write = Box::pin(ledger.write(order("gone", create("a"))));
            // One poll hands it over; then the caller is gone.
            let _pending = futures_poll(write.as_mut()).await;
        }
        let mut revisions = ledger.revisions();
        revisions
            .wait_for(|head| *head >= Revision(2))
            .await
            .unwrap();
        assert_eq!(ledger.graph().n_beads(), 1);
        ledger.close().await;
    });
}

/// Polls a future once.
async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn moments_never_fall_along_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    block_on(async {
        ledger.write(order("", trust())).await.unwrap();
        for n in 0..20 {
            ledger
                .write(order("", create(&format!("b{n}"))))
                .await
                .unwrap();
        }
        let moments: Vec<_> = read_on(&ledger, Revision(0), 100)
            .await
            .iter()
            .map(|record| serde_json::from_slice::<Envelope>(&record.json).unwrap().at)
            .collect();
        assert!(moments.is_sorted());
        ledger.close().await;
    });
}

#[derive(Debug, Clone)]
enum Act {
    Write(u8),
    Read { limit: usize },
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1_u8..6).prop_map(Act::Write),
        3 => (1_usize..9).prop_map(|limit| Act::Read { limit }),
        1 => Just(Act::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_watcher_that_resumes_misses_nothing_and_sees_nothing_twice(acts in prop::collection::vec(act(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(folder.path());
        let mut seen: Vec<Stored> = Vec::new();
        let mut n = 0;
        block_on(ledger.write(order("", trust()))).unwrap();
        for act in acts {
            match act {
                Act::Write(count) => block_on(async {
                    for _ in 0..count {
                        n += 1;
                        let scope = PauseScope::Role(gtd_core::RoleName::parse(&format!("r{n}")).unwrap());
                        let pause = Command::Pause { scope, why: String::new() };
                        ledger.write(order("", pause)).await.unwrap();
                    }
                }),
                Act::Read { limit } => {
                    let after = seen.last().map_or(Revision(0), |record| record.revision);
                    seen.extend(block_on(read_on(&ledger, after, limit)));
                }
                Act::Restart => {
                    block_on(ledger.close());
                    ledger = open(folder.path());
                }
            }
        }
        let after = seen.last().map_or(Revision(0), |record| record.revision);
        seen.extend(block_on(read_on(&ledger, after, 3)));
        let revisions: Vec<u64> = seen.iter().map(|record| record.revision.0).collect();
        let expected: Vec<u64> = (1..=n + 1).collect();
        prop_assert_eq!(revisions, expected);
        prop_assert_eq!(&fold(&seen), &*ledger.graph());
        block_on(ledger.close());
    }
}
