//! Streams: lines, the log, and the line of a host.

use std::time::Duration;

use gtd_client::{Caller, Client, ClientError, Lines, Order};
use gtd_core::{Revision, RoleName};
use gtd_wire::pb::{
    host::v1::attach_request::Up,
    run::v1::{TailRequest, tail_request::Subject},
};

use crate::fake::{Town, World};

fn client(town: &Town) -> Client {
    let name = "anna".into();
    Client::open(&town.socket, Caller::Person { name }).with_deadline(Duration::from_secs(2))
}

fn tail(after_seq: u64, follow: bool) -> TailRequest {
    TailRequest {
        subject: Some(Subject::Run("gt-1-1-agent".into())),
        after_seq,
        last: None,
        follow,
    }
}

async fn next(lines: &mut Lines) -> u64 {
    lines.next().await.unwrap().unwrap().seq
}

#[tokio::test]
async fn lines_come_in_order_and_resume_after_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder.path().join("s"), &World::new());
    let client = client(&town);
    let mut lines = client.tail(tail(0, false)).await.unwrap();
    for seq in 1..=3 {
        assert_eq!(next(&mut lines).await, seq);
    }
    assert!(lines.next().await.unwrap().is_none());
    let mut lines = client.tail(tail(2, false)).await.unwrap();
    assert_eq!(next(&mut lines).await, 3);
}

#[tokio::test]
async fn a_follower_is_told_when_the_daemon_dies() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder.path().join("s"), &World::new());
    let client = client(&town);
    let mut lines = client.tail(tail(0, true)).await.unwrap();
    for seq in 1..=3 {
        assert_eq!(next(&mut lines).await, seq);
    }
    town.kill();
    let end = lines.next().await;
    assert!(matches!(end, Err(ClientError::Broken { .. })), "{end:?}");
}

#[tokio::test]
async fn a_page_of_the_log_holds_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    world.happen(5);
    let town = Town::start(&folder.path().join("s"), &world);
    let page = client(&town).log(Revision(1), 2, None).await.unwrap();
    assert_eq!(page.head, Revision(5));
    let revisions: Vec<_> = page
        .records
        .iter()
        .map(|record| record.revision.0)
        .collect();
    assert_eq!(revisions, [2, 3]);
    assert_eq!(page.records[0].envelope, world.log.lock().unwrap()[1]);
}

#[tokio::test]
async fn a_host_hears_its_roles_and_says_what_they_see() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let town = Town::start(&folder.path().join("s"), &world);
    let mayor = RoleName::parse("mayor").unwrap();
    let (line, mut orders) = client(&town)
        .attach("here", std::slice::from_ref(&mayor))
        .await
        .unwrap();
    let order = orders.next().await.unwrap();
    assert_eq!(order, Some(Order::Run(vec!["mayor".into()])));
    line.observed(&mayor, &serde_json::json!({ "disk": "full" }))
        .await;
    line.passed(&mayor, Revision(7), Some("no space".into()))
        .await;
    assert_eq!(orders.next().await.unwrap(), Some(Order::Stop));
    let heard = world.heard.lock().unwrap();
    assert!(matches!(&heard[0].up, Some(Up::Hello(hello)) if hello.host == "here"));
    assert!(matches!(&heard[1].up, Some(Up::Observed(saw)) if saw.role == "mayor"));
    assert!(matches!(&heard[2].up, Some(Up::Passed(pass)) if !pass.ok && pass.revision == 7));
}
