//! Goals: where they land, what is refused, what a repeat gets.

use std::fs;

use gtd_client::{ClientError, GoalWish, LandWish};
use gtd_core::{LandMode, Plan, Rejection, RigName};

use crate::town::{Town, block_on, named, script, spec};

fn wish(rig: &RigName) -> GoalWish {
    let mut wish = GoalWish::new(rig.clone(), spec("do it"));
    wish.plan = Some(Plan {
        beads: vec![script("a", "echo a > a")],
        ..Plan::default()
    });
    wish
}

fn rejection(error: &ClientError) -> &Rejection {
    error.rejection().unwrap_or_else(|| panic!("{error:?}"))
}

#[test]
fn a_branch_that_is_checked_out_gets_an_integration_branch_and_that_is_said_aloud() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        let free = client.submit_goal(wish(&rig), named("free")).await.unwrap();
        assert_eq!(free.target.mode, LandMode::Local);
        assert_eq!(free.target.r#ref, "refs/heads/main");
        assert_eq!(free.written.ids.len(), 2);
        let path = town.folder.path().join("api");
        town.git(&path, &["checkout", "-q", "main"]);
        let held = client.submit_goal(wish(&rig), named("held")).await.unwrap();
        assert_eq!(held.target.mode, LandMode::Integration);
        assert_eq!(held.target.r#ref, "refs/heads/gtd/integration/main");
        assert!(held.notices[0].contains("is checked out at"), "{held:?}");
        let mut main = wish(&rig);
        main.land = LandWish::Main;
        let refused = client.submit_goal(main, named("main")).await.unwrap_err();
        assert!(matches!(rejection(&refused), Rejection::CheckedOut { .. }));
        // The repeat is answered from what was recorded, although main is checked out by now.
        let again = client.submit_goal(wish(&rig), named("free")).await.unwrap();
        assert_eq!((again.written, again.target), (free.written, free.target));
    });
}

#[test]
fn a_goal_that_nothing_can_do_creates_nothing() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        let before = client.hello().await.unwrap().revision;
        let without_plan = GoalWish::new(rig.clone(), spec("think"));
        let refused = client
            .submit_goal(without_plan, named("a"))
            .await
            .unwrap_err();
        assert!(matches!(rejection(&refused), Rejection::NoRuntime { .. }));
        let mut bare = wish(&rig);
        bare.plan.as_mut().unwrap().beads[0].spec.run = None;
        let refused = client.submit_goal(bare, named("b")).await.unwrap_err();
        assert!(matches!(rejection(&refused), Rejection::NoRuntime { .. }));
        let mut elsewhere = wish(&rig);
        elsewhere.branch = Some("nowhere".into());
        let refused = client.submit_goal(elsewhere, named("c")).await.unwrap_err();
        assert!(matches!(rejection(&refused), Rejection::NotFound { .. }));
        let mut only_checked = wish(&rig);
        only_checked.validate_only = true;
        let checked = client.submit_goal(only_checked, named("d")).await.unwrap();
        assert_eq!(checked.written.ids.len(), 2);
        assert_eq!(client.hello().await.unwrap().revision, before);
    });
}

#[test]
fn a_configuration_that_nobody_trusted_refuses_goals_until_it_is_trusted() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        let file = town.folder.path().join("api/gtd.toml");
        fs::write(
            &file,
            "schema = 1\n[[gate]]\nname = \"t\"\nrun = \"true\"\n",
        )
        .unwrap();
        let refused = client
            .submit_goal(wish(&rig), named("a"))
            .await
            .unwrap_err();
        assert!(matches!(rejection(&refused), Rejection::Untrusted { .. }));
        let other = client
            .trust_rig(&rig, Some("0123"), named("b"))
            .await
            .unwrap_err();
        assert!(matches!(rejection(&other), Rejection::Untrusted { .. }));
        let trusted = client.trust_rig(&rig, None, named("c")).await.unwrap();
        assert_eq!(trusted.document["gates"][0]["name"], "t");
        assert_eq!(trusted.document["trusted"], true);
        client.submit_goal(wish(&rig), named("d")).await.unwrap();
        fs::write(&file, "schema = 1\nno_such_key = 1\n").unwrap();
        let refused = client.trust_rig(&rig, None, named("e")).await.unwrap_err();
        assert!(matches!(rejection(&refused), Rejection::BadConfig { .. }));
    });
}

#[test]
fn an_answer_becomes_a_note_and_the_bead_goes_on() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        let goal = client.submit_goal(wish(&rig), named("a")).await.unwrap();
        let bead = gtd_core::BeadId::parse(&goal.written.ids[1]).unwrap();
        let refused = client
            .answer(&bead, "  ".into(), named("empty"))
            .await
            .unwrap_err();
        assert!(matches!(rejection(&refused), Rejection::BadText { .. }));
        let park = gtd_core::Command::ParkBead {
            bead: bead.clone(),
            why: "which one?".into(),
        };
        client.tell(park).await.unwrap();
        client
            .answer(&bead, "the left one".into(), named("left"))
            .await
            .unwrap();
        let shown = client.get(bead.as_str()).await.unwrap();
        assert_eq!(shown["state"], "waiting");
        assert_eq!(shown["notes"][0]["text"], "the left one");
        client
            .answer(&bead, "the left one".into(), named("left"))
            .await
            .unwrap();
        let shown = client.get(bead.as_str()).await.unwrap();
        assert_eq!(shown["notes"].as_array().unwrap().len(), 1);
    });
}
