//! The rows of the recovery table that belong to the ledger, and a disk that fails.

use std::os::unix::process::ExitStatusExt as _;

use gtd_client::ClientError;
use gtd_core::{Command, PauseScope, Rejection, Revision, RoleName};

use crate::town::{Town, block_on, named};

fn pause(name: &str) -> Command {
    Command::Pause {
        scope: PauseScope::Role(RoleName::parse(name).unwrap()),
        why: String::new(),
    }
}

/// Kills the daemon at a point inside a write, starts it again, and repeats the write.
fn a_write_survives(point: &str) {
    let marker = tempfile::tempdir().unwrap();
    let once = marker.path().join("once");
    // The first writes of a start belong to the daemon and its roles: the fourth is ours or later.
    let fault = format!("{point}=kill!{}", once.display());
    let mut town = Town::new();
    town.start();
    block_on(async {
        town.person().tell(pause("before")).await.unwrap();
    });
    town.end();
    let mut town = town.with("GTD_FAULT", &fault);
    town.start();
    let (result, request) = block_on(async {
        let client = town
            .person()
            .with_deadline(std::time::Duration::from_millis(1500));
        let request = named("the-one");
        let result = client.tell_as(pause("during"), request.clone()).await;
        (result, request)
    });
    assert!(
        matches!(
            result,
            Err(ClientError::Broken { .. }
                | ClientError::NotRunning { .. }
                | ClientError::Silent { .. })
        ),
        "{result:?}"
    );
    assert!(once.exists());
    assert_eq!(town.wait().signal(), Some(9));
    town.start();
    block_on(async {
        let client = town.person();
        let first = client
            .tell_as(pause("during"), request.clone())
            .await
            .unwrap();
        let again = client.tell_as(pause("during"), request).await.unwrap();
        assert_eq!(first, again);
        let graph = client.snapshot().await.unwrap();
        assert_eq!(graph.pauses().len(), 2);
        let log = client.log(Revision(0), 1000, None).await.unwrap();
        let n_done = log
            .records
            .iter()
            .filter(|record| {
                record
                    .envelope
                    .request
                    .as_ref()
                    .map(gtd_core::RequestId::as_str)
                    == Some("the-one")
            })
            .count();
        assert_eq!(n_done, 1);
    });
}

#[test]
fn a_daemon_that_dies_before_the_append_does_a_repeated_write_once() {
    a_write_survives("ledger.before-append");
}

#[test]
fn a_daemon_that_dies_after_the_append_before_the_reply_does_a_repeated_write_once() {
    a_write_survives("ledger.after-append");
    a_write_survives("ledger.before-reply");
}

#[test]
fn a_disk_that_fails_once_costs_one_refused_write_and_no_read() {
    let mut town = Town::new().with("GTD_FAULT", "ledger.before-append=fail@3");
    town.start();
    block_on(async {
        let client = town.person();
        let mut refused = 0;
        for n in 0..6 {
            match client.tell(pause(&format!("r{n}"))).await {
                Ok(_) => {}
                Err(error) => {
                    assert!(
                        matches!(error.rejection(), Some(Rejection::ReadOnly { .. })),
                        "{error:?}"
                    );
                    refused += 1;
                }
            }
            client.status().await.unwrap();
        }
        assert_eq!(refused, 1);
        let graph = client.snapshot().await.unwrap();
        assert_eq!(graph.pauses().len(), 5);
        assert!(graph.index_is_true());
    });
    town.end();
}
