//! Streams: the log as it grows, the snapshot, the logs.

use gtd_client::Mirror;
use gtd_core::{Command, PauseScope, Revision, RoleName};
use gtd_wire::pb::town::v1::LogsRequest;

use crate::town::{Town, block_on};

fn pause(n: usize) -> Command {
    Command::Pause {
        scope: PauseScope::Role(RoleName::parse(&format!("r{n}")).unwrap()),
        why: String::new(),
    }
}

#[test]
fn a_watcher_that_resumes_after_a_restart_misses_nothing() {
    let mut town = Town::started();
    let mut seen: Vec<u64> = Vec::new();
    for round in 0..3 {
        block_on(async {
            let client = town.person();
            for n in 0..40 {
                client.tell(pause(round * 100 + n)).await.unwrap();
            }
            let head = client.hello().await.unwrap().revision.0;
            let after = seen.last().copied().unwrap_or(0);
            let mut watch = client.watch(Revision(after)).await.unwrap();
            // Leaves in the middle: the rest comes in the next round.
            let until = if round == 2 { head } else { head - 7 };
            while seen.last().copied().unwrap_or(0) < until {
                let page = watch.next().await.unwrap().unwrap();
                seen.extend(page.records.iter().map(|record| record.revision.0));
            }
        });
        if round == 1 {
            town.kill();
        } else {
            town.end();
        }
        town.start();
    }
    let expected: Vec<u64> = (1..=*seen.last().unwrap()).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_mirror_shows_what_the_daemon_knows() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        town.quiet_rig(&client).await;
        let mirror = Mirror::open(client.clone()).await.unwrap();
        let written = client.tell(pause(1)).await.unwrap();
        mirror.wait_for(written.revision).await;
        assert_eq!(mirror.graph().pauses().len(), 2);
        let snapshot = client.snapshot().await.unwrap();
        assert!(snapshot.revision() >= written.revision);
        assert!(snapshot.index_is_true());
        let beyond = client.watch(Revision(1_000_000)).await;
        assert!(matches!(beyond, Err(gtd_client::ClientError::FellBehind)));
        let page = client.log(Revision(0), 2, None).await.unwrap();
        assert_eq!(page.records.len(), 2);
        assert!(page.head >= written.revision);
    });
}

#[test]
fn the_log_of_the_daemon_can_be_followed() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let mut lines = client
            .logs(LogsRequest {
                follow: true,
                ..LogsRequest::default()
            })
            .await
            .unwrap();
        let mut last = 0;
        loop {
            let line = lines.next().await.unwrap().unwrap();
            assert!(line.seq > last);
            last = line.seq;
            let value: serde_json::Value = serde_json::from_slice(&line.json).unwrap();
            assert_eq!(value["seq"], line.seq);
            if value["text"] == "ready" {
                break;
            }
        }
        let missing = client
            .logs(LogsRequest {
                role: "../key".into(),
                ..LogsRequest::default()
            })
            .await;
        assert!(missing.is_err());
    });
}
