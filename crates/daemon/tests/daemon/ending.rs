//! One daemon a town, and its end.

use std::{
    fs,
    io::Write as _,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    time::{Duration, Instant},
};

use gtd_core::Revision;
use nix::sys::signal::Signal;

use crate::town::{Town, block_on};

#[test]
fn a_second_daemon_is_refused_and_told_who_the_first_is() {
    let town = Town::started();
    let begin = Instant::now();
    let second = town.gtdd().output().unwrap();
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(second.status.code(), Some(7));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&format!("process {}", town.pid())), "{said}");
    block_on(async {
        town.person().hello().await.unwrap();
    });
}

#[test]
fn the_socket_is_private_and_the_card_says_who_serves_it() {
    let mut town = Town::started();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(town.places.socket()), 0o600);
    assert_eq!(mode(town.places.socket().parent().unwrap()), 0o700);
    let card = town.places.run.join("daemon.json");
    let text: serde_json::Value = serde_json::from_slice(&fs::read(&card).unwrap()).unwrap();
    assert_eq!(text["pid"], town.pid());
    town.end();
    assert!(!town.places.socket().exists());
    assert!(!card.exists());
}

#[test]
fn a_wish_to_end_is_granted_in_time_with_open_streams_and_silent_connections() {
    let mut town = Town::started();
    // One that never says a word, and one that stops in the middle of one.
    let silent = UnixStream::connect(town.places.socket()).unwrap();
    let mut half = UnixStream::connect(town.places.socket()).unwrap();
    half.write_all(b"PRI * HT").unwrap();
    let took = block_on(async {
        let client = town.person();
        let mut watch = client.watch(Revision(0)).await.unwrap();
        let unread = client.watch(Revision(0)).await.unwrap();
        let mut logs = client
            .logs(gtd_wire::pb::town::v1::LogsRequest {
                follow: true,
                ..Default::default()
            })
            .await
            .unwrap();
        let begin = Instant::now();
        town.signal(Signal::SIGTERM);
        while let Ok(Some(_)) = watch.next().await {}
        while let Ok(Some(_)) = logs.next().await {}
        let status = town.wait();
        assert_eq!(status.code(), Some(0));
        drop(unread);
        begin.elapsed()
    });
    assert!(took < Duration::from_secs(15), "{took:?}");
    drop((silent, half));
    town.start();
}

#[test]
fn a_daemon_that_is_asked_by_a_call_ends_too() {
    let mut town = Town::started();
    block_on(async {
        town.person().shutdown().await.unwrap();
    });
    assert_eq!(town.wait().code(), Some(0));
}

#[test]
fn a_stop_works_with_and_without_a_daemon() {
    let mut town = Town::new();
    let stopped = town
        .gtdd()
        .args(["stop-all", "-m", "smoke"])
        .output()
        .unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    let document: serde_json::Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!(document["stopped"], true);
    town.start();
    block_on(async {
        let client = town.person();
        let status = client.status().await.unwrap();
        assert_eq!(status["stopped"], "by gtdd: smoke");
        client.tell(gtd_core::Command::Thaw).await.unwrap();
        assert!(!town.places.stop_file().exists());
        assert!(client.status().await.unwrap()["stopped"].is_null());
        let stop = gtd_core::Command::Stop { why: "fire".into() };
        client.tell(stop).await.unwrap();
        assert!(town.places.stop_file().exists());
    });
    town.kill();
    let thawed = town.gtdd().arg("thaw").output().unwrap();
    assert!(thawed.status.success(), "{thawed:?}");
    town.start();
    block_on(async {
        assert!(town.person().status().await.unwrap()["stopped"].is_null());
    });
}
