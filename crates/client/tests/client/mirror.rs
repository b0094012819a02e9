//! The mirror is the daemon's graph, whatever happens in between.

use std::{sync::atomic::Ordering, time::Duration};

use gtd_client::{Caller, Client, ClientError, Mirror};
use gtd_core::Revision;

use crate::fake::{Town, World, until};

fn client(town: &Town) -> Client {
    let name = "anna".into();
    Client::open(&town.socket, Caller::Person { name }).with_deadline(Duration::from_secs(2))
}

async fn is_in_step(mirror: &Mirror, world: &World) {
    let graph = world.graph();
    mirror.wait_for(graph.revision()).await;
    assert_eq!(*mirror.graph(), graph);
    assert!(mirror.trouble().is_none());
}

#[tokio::test]
async fn the_mirror_follows_every_record() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let town = Town::start(&folder.path().join("s"), &world);
    world.happen(3);
    let mirror = Mirror::open(client(&town)).await.unwrap();
    assert_eq!(mirror.revision(), Revision(3));
    is_in_step(&mirror, &world).await;
    let mut revisions = mirror.revisions();
    world.happen(7);
    is_in_step(&mirror, &world).await;
    assert!(revisions.has_changed().unwrap());
    assert_eq!(*revisions.borrow_and_update(), Revision(10));
    assert_eq!(world.snapshots.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_mirror_goes_on_from_its_own_revision_after_a_break() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let world = World::new();
    world.happen(3);
    let town = Town::start(&socket, &world);
    let mirror = Mirror::open(client(&town)).await.unwrap();
    town.kill();
    world.happen(5);
    until("the mirror noticed", || {
        let trouble = mirror.trouble();
        trouble.is_some_and(|error| {
            matches!(
                *error,
                ClientError::NotRunning { .. } | ClientError::Broken { .. }
            )
        })
    })
    .await;
    assert_eq!(mirror.revision(), Revision(3));
    let _town = Town::start(&socket, &world);
    is_in_step(&mirror, &world).await;
    assert_eq!(world.snapshots.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_mirror_goes_on_when_the_daemon_ends_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    world.short.store(2, Ordering::SeqCst);
    let town = Town::start(&folder.path().join("s"), &world);
    let mirror = Mirror::open(client(&town)).await.unwrap();
    world.happen(9);
    is_in_step(&mirror, &world).await;
}

#[tokio::test]
async fn a_mirror_that_falls_behind_takes_a_snapshot_again() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let world = World::new();
    world.happen(2);
    let town = Town::start(&socket, &world);
    let mirror = Mirror::open(client(&town)).await.unwrap();
    town.kill();
    world.happen(10);
    world.forgotten.store(8, Ordering::SeqCst);
    let _town = Town::start(&socket, &world);
    is_in_step(&mirror, &world).await;
    assert_eq!(world.snapshots.load(Ordering::SeqCst), 2);
    world.happen(1);
    is_in_step(&mirror, &world).await;
}

#[tokio::test]
async fn a_mirror_without_a_daemon_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let name = "anna".into();
    let client = Client::open(&folder.path().join("s"), Caller::Person { name });
    assert!(matches!(
        Mirror::open(client).await,
        Err(ClientError::NotRunning { .. })
    ));
}
