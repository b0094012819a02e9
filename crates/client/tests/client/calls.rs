//! Unary calls: refusals, deadlines, metadata, repeats.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gtd_client::{Caller, Client, ClientError, Listener, Places, TownKey, WriteContext};
use gtd_core::{BeadId, Command, Epoch, Rejection, RequestId, RoleName};
use gtd_wire::{Refusal, Unsendable, pb};
use tokio::io::AsyncReadExt;
use tonic::Code;

use crate::fake::{Mood, Town, World, until};

fn person() -> Caller {
    Caller::Person {
        name: "anna".into(),
    }
}

fn mail() -> Command {
    Command::SendMail {
        to: "mayor".into(),
        thread: None,
        text: "hello".into(),
    }
}

fn socket(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("gtd.sock")
}

fn places(home: &Path) -> Places {
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(home).unwrap());
    let home = OsString::from(home);
    let places = Places::find(
        |key| (key == "GTD_HOME").then(|| home.clone()),
        Path::new("/"),
        uid,
    )
    .unwrap();
    places.prepare().unwrap();
    places
}

#[tokio::test]
async fn a_refusal_comes_back_as_the_same_typed_value() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let town = Town::start(&socket(&folder), &world);
    let client = Client::open(&town.socket, person());
    let long = "é\n".repeat(20_000);
    for rejection in [
        Rejection::StaleEpoch {
            bead: BeadId::parse("gt-1").unwrap(),
            current: Epoch(3),
            yours: Epoch(2),
        },
        Rejection::ReadOnly {
            why: "the disk is full".into(),
        },
        Rejection::BadPlan { what: long },
    ] {
        world.set(Mood::Refuse(rejection.clone()));
        let error = client.tell(mail()).await.unwrap_err();
        assert_eq!(error.rejection(), Some(&rejection), "{error:?}");
    }
    assert_eq!(world.writes.lock().unwrap().len(), 3, "none was repeated");
}

#[tokio::test]
async fn an_overloaded_daemon_says_when_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let town = Town::start(&socket(&folder), &world);
    let retry_after = Duration::from_millis(1_500);
    world.set(Mood::Say(Refusal::Overloaded { retry_after }));
    let error = Client::open(&town.socket, person()).tell(mail()).await;
    assert!(
        matches!(error, Err(ClientError::Overloaded { retry_after: after }) if after == retry_after)
    );
}

#[tokio::test]
async fn the_daemon_hears_who_calls_and_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let town = Town::start(&socket(&folder), &world);
    let key = TownKey::load_or_create(&folder.path().join("key")).unwrap();
    let person = Client::open(&town.socket, person());
    let role = person.speaking_as(key.role(RoleName::parse("mayor").unwrap()));
    let lease = role.speaking_as(key.lease(BeadId::parse("gt-1").unwrap(), Epoch(2)));
    let context = WriteContext {
        request: Some(RequestId::parse("mine").unwrap()),
        expected: None,
    };
    person.tell_as(mail(), context).await.unwrap();
    role.tell(mail()).await.unwrap();
    let written = lease.tell(mail()).await.unwrap();
    assert_eq!(written.ids, ["mail-3"]);
    let writes = world.writes.lock().unwrap();
    let callers = [person.caller(), role.caller(), lease.caller()];
    for ((caller, id, command), expected) in writes.iter().zip(callers) {
        assert_eq!(caller, expected);
        assert!(key.believes(caller));
        assert_eq!(*command, mail());
        assert!(!id.is_empty(), "each write has a request id");
    }
    assert_eq!(writes[0].1, "mine");
    assert_ne!(writes[1].1, writes[2].1);
}

#[tokio::test]
async fn a_document_is_read_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&socket(&folder), &World::new());
    let client = Client::open(&town.socket, person());
    let request = pb::mail::v1::ReadRequest {
        reader: "anna".into(),
        ..Default::default()
    };
    assert_eq!(
        client.mail(request).await.unwrap(),
        serde_json::json!({ "kind": "MailList", "reader": "anna" })
    );
}

#[tokio::test]
async fn a_call_that_hangs_is_silent_after_its_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    world.set(Mood::Hang);
    let town = Town::start(&socket(&folder), &world);
    let within = Duration::from_millis(100);
    let client = Client::open(&town.socket, person()).with_deadline(within);
    let begun = Instant::now();
    let error = client.tell(mail()).await;
    assert!(
        matches!(error, Err(ClientError::Silent { .. })),
        "{error:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_daemon_that_stands_still_is_silent_also_while_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    // Somebody listens and never takes a call, as a stopped process does.
    let listening = tokio::net::UnixSocket::new_stream().unwrap();
    listening.bind(places.socket()).unwrap();
    let listener = listening.listen(1).unwrap();
    let within = Duration::from_millis(150);
    let stopped = async || {
        let error = Client::connect_within(&places, person(), within).await;
        assert!(
            matches!(error, Err(ClientError::Silent { .. })),
            "{error:?}"
        );
    };
    stopped().await;
    // Now the backlog fills up.
    let mut waiting = Vec::new();
    while waiting.len() < 1_000 {
        match tokio::net::UnixStream::connect(places.socket()).await {
            Ok(stream) => waiting.push(stream),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                break;
            }
        }
    }
    stopped().await;
    drop(listener);
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    let begun = Instant::now();
    let error = Client::connect(&places, person()).await;
    assert!(
        matches!(error, Err(ClientError::NotRunning { .. })),
        "{error:?}"
    );
    // A socket that a dead daemon left behind.
    drop(std::os::unix::net::UnixListener::bind(places.socket()).unwrap());
    let error = Client::connect(&places, person()).await;
    assert!(
        matches!(error, Err(ClientError::NotRunning { .. })),
        "{error:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn connecting_says_hello_and_refuses_an_api_that_is_far_away() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    let world = World::new();
    let _town = Town::start(places.socket(), &world);
    let client = Client::connect(&places, person()).await.unwrap();
    assert_eq!(client.hello().await.unwrap().version, "9.9.9");
    let says = |level| {
        world
            .api_level
            .store(level, std::sync::atomic::Ordering::SeqCst);
    };
    says(gtd_wire::API_LEVEL + 1);
    let client = Client::connect(&places, person()).await.unwrap();
    assert_eq!(client.skew(), Some(gtd_wire::Skew::OneNewer));
    says(99);
    let error = Client::connect(&places, person()).await.unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        error.to_string(),
        format!(
            "the daemon (version 9.9.9, process {pid}) speaks API level 99, and this program works with 1 to 2"
        )
    );
}

#[tokio::test]
async fn a_write_whose_connection_breaks_is_repeated_under_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let socket = socket(&folder);
    let world = World::new();
    world.set(Mood::Hang);
    let first = Town::start(&socket, &world);
    let client = Client::open(&socket, person()).with_deadline(Duration::from_secs(20));
    let write = tokio::spawn(async move { client.tell(mail()).await });
    until("the write arrived", || {
        world.writes.lock().unwrap().len() == 1
    })
    .await;
    first.kill();
    world.set(Mood::Answer);
    let _second = Town::start(&socket, &world);
    write.await.unwrap().unwrap();
    let writes = world.writes.lock().unwrap();
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[0], writes[1]);
}

#[tokio::test]
async fn a_write_whose_daemon_does_not_come_back_is_said_to_be_broken() {
    let folder = tempfile::tempdir().unwrap();
    let socket = socket(&folder);
    let world = World::new();
    world.set(Mood::Hang);
    let town = Town::start(&socket, &world);
    let client = Client::open(&socket, person());
    let write = tokio::spawn(async move { client.tell(mail()).await });
    until("the write arrived", || {
        world.writes.lock().unwrap().len() == 1
    })
    .await;
    town.kill();
    let error = write.await.unwrap();
    assert!(
        matches!(error, Err(ClientError::Broken { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn nobody_waits_for_a_daemon_that_died_while_it_was_greeted() {
    let folder = tempfile::tempdir().unwrap();
    let socket = socket(&folder);
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let client = Client::open(&socket, person()).heard_by(Listener::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    }));
    let greeting = tokio::spawn(client.greeted());
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap();
    drop((stream, listener));
    let error = greeting.await.unwrap();
    assert!(
        matches!(error, Err(ClientError::NotRunning { .. })),
        "{error:?}"
    );
    assert_eq!(
        calls.load(Ordering::SeqCst),
        2,
        "one broke, one found nobody"
    );
}

#[tokio::test]
async fn a_client_outlives_its_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let socket = socket(&folder);
    let world = World::new();
    let first = Town::start(&socket, &world);
    let client = Client::open(&socket, person());
    client.tell(mail()).await.unwrap();
    first.kill();
    let _second = Town::start(&socket, &world);
    client.tell(mail()).await.unwrap();
}

#[tokio::test]
async fn what_the_daemon_does_not_know_is_said_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&socket(&folder), &World::new());
    let client = Client::open(&town.socket, person());
    let error = client.status().await;
    assert!(matches!(
        error,
        Err(ClientError::Failed {
            code: Code::Unimplemented,
            ..
        })
    ));
    let open = Command::TrustRig {
        rig: gtd_core::RigName::parse("api").unwrap(),
        rules: gtd_core::RigRules {
            prefix: "gt".into(),
            branch: "main".into(),
            gates: vec![],
            worker: gtd_core::WorkerRules::default(),
            merge: gtd_core::MergeRules::default(),
            schedules: vec![],
            questions: gtd_core::QuestionRules::default(),
            discovery: gtd_core::DiscoveryRules::default(),
            budget: Default::default(),
            replans: Default::default(),
            policies: Default::default(),
        },
        digest: String::new(),
    };
    let error = client.tell(open).await;
    assert!(matches!(
        error,
        Err(ClientError::Unsendable(Unsendable("TrustRig")))
    ));
}
