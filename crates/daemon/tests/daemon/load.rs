//! More than can be done at once.

use gtd_client::ClientError;
use gtd_core::{Command, PauseScope, RoleName};

use crate::town::{Town, block_on};

#[test]
fn what_cannot_wait_is_refused_and_what_waits_is_done() {
    let mut town = Town::new().with("GTD_FAULT", "ledger.before-append=sleep:1500@1");
    town.start();
    block_on(async {
        // Ten connections: each carries at most 200 calls at once.
        let calls: Vec<_> = (0..10)
            .flat_map(|connection| {
                let client = town.person();
                (0..150).map(move |n| (format!("r{connection}-{n}"), client.clone()))
            })
            .map(|(name, client)| {
                tokio::spawn(async move {
                    let scope = PauseScope::Role(RoleName::parse(&name).unwrap());
                    let why = String::new();
                    client.tell(Command::Pause { scope, why }).await
                })
            })
            .collect();
        let (mut n_done, mut n_refused) = (0, 0);
        for call in calls {
            match call.await.unwrap() {
                Ok(_) => n_done += 1,
                Err(ClientError::Overloaded { .. }) => n_refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(n_refused > 0);
        assert!(n_done >= 1024, "{n_done}");
        let graph = town.person().snapshot().await.unwrap();
        assert_eq!(graph.pauses().len(), n_done);
    });
}
