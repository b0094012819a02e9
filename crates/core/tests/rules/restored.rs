//! A log that goes on from a backup: nothing that was handed out after it may be handed out again.

use gtd_core::{Actor, Envelope, Epoch, Event, FaultClass, Phase, Rejection};

use crate::scene::Scene;

fn restore(scene: &mut Scene, epochs: &[(&gtd_core::BeadId, u64)]) {
    let envelope = Envelope {
        at: scene.now,
        by: Actor::Daemon,
        request: None,
        cause: None,
        event: Event::TownRestored {
            epochs: epochs
                .iter()
                .map(|(bead, epoch)| ((*bead).clone(), Epoch(*epoch)))
                .collect(),
        },
    };
    let text = serde_json::to_string(&envelope).unwrap();
    let read: Envelope = serde_json::from_str(&text).unwrap();
    assert_eq!(read, envelope);
    scene.graph.apply(scene.graph.revision().next(), &read);
    assert!(scene.graph.index_is_true());
}

#[test]
fn after_a_restore_no_epoch_is_granted_again() {
    let mut scene = Scene::new();
    let used_later = scene.bead("used later");
    let as_it_was = scene.bead("as it was");
    scene.grant(&as_it_was);
    restore(&mut scene, &[(&used_later, 4), (&as_it_was, 0)]);
    assert_eq!(scene.grant(&used_later), Epoch(5));
    assert_eq!(scene.at(&as_it_was).epoch, Epoch(1), "it never falls");
}

#[test]
fn a_restore_ends_every_lease_and_counts_no_attempt() {
    let mut scene = Scene::new();
    let bead = scene.bead("at work");
    let epoch = scene.grant(&bead);
    restore(&mut scene, &[(&bead, 3)]);
    let found = scene.at(&bead);
    assert!(
        matches!(&found.phase, Phase::Returned { why } if why.class == FaultClass::Lost),
        "{:?}",
        found.phase
    );
    assert_eq!(found.spent, 0);
    let late = scene.refused(gtd_core::Command::Heartbeat {
        bead: bead.clone(),
        epoch,
    });
    assert!(matches!(late, Rejection::StaleEpoch { .. }), "{late:?}");
    let seat = crate::scene::seat(&format!("seat-{bead}"));
    assert_eq!(scene.grant_to(&bead, &seat), Epoch(4), "its seat is free");
}
