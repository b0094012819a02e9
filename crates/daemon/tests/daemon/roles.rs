//! Role files: whose counts, what a repository's may say, what a wrong one does.

use std::{fs, path::Path};

use gtd_client::{Client, ClientError, GoalWish, WriteContext};
use gtd_core::{Plan, Rejection, RigName};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::town::{Town, block_on, named, script, spec};

const ONE_ATTEMPT: &str = "extends = \"builtin:worker\"\n[limits]\nattempts = 1\n";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Writes a role file of the user's.
fn user_role(town: &Town, name: &str, text: &str) {
    write(&town.places.config.join("roles").join(name), text);
}

/// Writes a role file of the repository `api`.
fn project_role(town: &Town, name: &str, text: &str) {
    let folder = town.folder.path().join("api/.gtd/roles");
    write(&folder.join(name), text);
}

fn rig() -> RigName {
    RigName::parse("api").unwrap()
}

async fn rig_doc(client: &Client) -> Value {
    client.get("api").await.unwrap()
}

fn warnings(doc: &Value) -> String {
    let all = doc["warnings"].as_array().unwrap();
    let texts: Vec<&str> = all.iter().map(|text| text.as_str().unwrap()).collect();
    texts.join("\n")
}

fn bad_config(error: &ClientError) -> &str {
    match error.rejection() {
        Some(Rejection::BadConfig { what }) => what,
        other => panic!("{other:?}"),
    }
}

async fn submit(client: &Client, request: &str) -> Result<(), ClientError> {
    let mut wish = GoalWish::new(rig(), spec("do it"));
    wish.plan = Some(Plan {
        beads: vec![script("a", "echo a > a")],
        ..Plan::default()
    });
    client.submit_goal(wish, named(request)).await.map(drop)
}

#[test]
fn the_users_worker_file_is_in_effect_and_the_configuration_wins_over_it() {
    let mut town = Town::new().with("GTD_ROLES__WORKER__LIMIT", "7m");
    user_role(
        &town,
        "worker.toml",
        "extends = \"builtin:worker\"\n[limits]\nattempts = 1\nturn = \"2m\"\nbead = \"3m\"\n",
    );
    town.start();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        let doc = rig_doc(&client).await;
        assert_eq!(doc["worker"]["attempts"], 1);
        assert_eq!(doc["worker"]["silence_ms"], 120_000);
        // The environment says the limit, and it wins.
        assert_eq!(doc["worker"]["limit_ms"], 420_000);
        let roles = client.roles(Some("worker")).await.unwrap();
        let [worker] = roles["items"].as_array().unwrap().as_slice() else {
            panic!("{roles}");
        };
        assert_eq!(worker["layer"], "user");
        assert_eq!(worker["kind"], "worker");
        assert_eq!(worker["extends"], "builtin:worker");
        assert_eq!(worker["limits"]["attempts"], 1);
        assert_eq!(worker["limits"]["bead_ms"], 420_000);
        assert_eq!(worker["prompt"], "builtin:worker.md.j2");
        // So does gtd.toml.
        write(
            &town.folder.path().join("api/gtd.toml"),
            "schema = 1\n[roles.worker]\nattempts = 5\n",
        );
        let trusted = client.trust_rig(&rig, None, named("t")).await.unwrap();
        assert_eq!(trusted.document["worker"]["attempts"], 5);
        assert_eq!(trusted.document["worker"]["silence_ms"], 120_000);
        let roles = client.roles(Some("worker")).await.unwrap();
        assert_eq!(roles["items"][0]["limits"]["attempts"], 1);
        assert_eq!(roles["items"][1]["rig"], "api");
        assert_eq!(roles["items"][1]["limits"]["attempts"], 5);
    });
}

#[test]
fn a_repositorys_role_file_only_narrows_what_the_user_has() {
    let mut town = Town::started();
    block_on(async {
        let client = town.person();
        town.repository("api", None);
        project_role(
            &town,
            "worker.toml",
            "extends = \"builtin:worker\"\n[limits]\nattempts = 50\nturn = \"5m\"\n[access]\nnetwork = \"full\"\n",
        );
        project_role(
            &town,
            "scribe.toml",
            "extends = \"worker\"\nsummary = \"Writes\"\n[prompt]\nfile = \"scribe.md.j2\"\n",
        );
        project_role(&town, "scribe.md.j2", "Write {{ bead.title }}.\n");
        let path = town.folder.path().join("api");
        let added = client
            .add_rig(&path, None, WriteContext::default())
            .await
            .unwrap();
        assert_eq!(added.document["worker"]["attempts"], 3);
        assert_eq!(added.document["worker"]["silence_ms"], 300_000);
        let said = warnings(&added.document);
        assert!(
            said.contains("`limits.attempts` = 50 is more than 3"),
            "{said}"
        );
        assert!(said.contains(".gtd/roles/worker.toml:3:"), "{said}");
        assert!(said.contains("`access.network` = full is wider"), "{said}");
        let roles = client.roles(None).await.unwrap();
        let items = roles["items"].as_array().unwrap();
        let of_api: Vec<&Value> = items.iter().filter(|item| item["rig"] == "api").collect();
        let [worker, scribe] = of_api.as_slice() else {
            panic!("{roles}");
        };
        assert_eq!(worker["name"], "worker");
        assert_eq!(worker["layer"], "repository");
        assert_eq!(worker["limits"]["turn_ms"], 300_000);
        assert_eq!(scribe["name"], "scribe");
        assert_eq!(scribe["state"], "unused");
        let prompt = scribe["prompt"].as_str().unwrap();
        assert!(prompt.ends_with("scribe.md.j2"), "{prompt}");
    });
    // A start takes them from the trusted copy, whatever the repository says by then.
    town.end();
    fs::remove_dir_all(town.folder.path().join("api/.gtd")).unwrap();
    town.start();
    block_on(async {
        let client = town.person();
        let doc = rig_doc(&client).await;
        assert_eq!(doc["worker"]["silence_ms"], 300_000);
        assert_eq!(doc["trusted"], false);
        assert!(warnings(&doc).contains("is more than 3"), "{doc}");
    });
}

#[test]
fn a_role_file_that_changed_after_the_trust_refuses_goals_until_it_is_trusted() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        submit(&client, "a").await.unwrap();
        for (step, text) in [("new", ONE_ATTEMPT), ("changed", "extends = \"worker\"\n")] {
            project_role(&town, "worker.toml", text);
            let refused = submit(&client, step).await.unwrap_err();
            assert!(
                matches!(refused.rejection(), Some(Rejection::Untrusted { .. })),
                "{refused:?}"
            );
            // What was trusted stays in effect.
            let before = rig_doc(&client).await;
            assert_eq!(before["trusted"], false);
            let trusted = client.trust_rig(&rig, None, named(&format!("trust-{step}")));
            let doc = trusted.await.unwrap().document;
            assert_eq!(doc["trusted"], true);
            assert_ne!(doc["digest"], before["digest"]);
            let attempts = |doc: &Value| doc["worker"]["attempts"].as_u64().unwrap();
            let expected = if step == "new" { (3, 1) } else { (1, 3) };
            assert_eq!((attempts(&before), attempts(&doc)), expected);
            submit(&client, &format!("again-{step}")).await.unwrap();
        }
        let copy = town.places.trust().join("api/.gtd/roles/worker.toml");
        assert_eq!(fs::read_to_string(&copy).unwrap(), "extends = \"worker\"\n");
        fs::remove_dir_all(town.folder.path().join("api/.gtd")).unwrap();
        assert!(submit(&client, "gone").await.is_err());
        client.trust_rig(&rig, None, named("none")).await.unwrap();
        assert!(!copy.exists());
        submit(&client, "none-goal").await.unwrap();
    });
}

#[test]
fn a_wrong_role_file_is_not_trusted_and_the_place_is_told() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        for (name, text, place, help) in [
            (
                "worker.toml",
                "extends = \"builtin:worker\"\n[limits]\nattemps = 2\n",
                ".gtd/roles/worker.toml:3:1",
                "did you mean `attempts`?",
            ),
            (
                "worker.toml",
                "extends = \"builtin:worker\"\n[prompt]\ntext = \"{{ atempt.number }}\"\n",
                ".gtd/roles/worker.toml:3:",
                "did you mean `attempt`?",
            ),
        ] {
            project_role(&town, name, text);
            let refused = client.trust_rig(&rig, None, named(place)).await;
            let refused = refused.unwrap_err();
            let what = bad_config(&refused);
            assert!(what.contains(place), "{what}");
            assert!(what.contains(help), "{what}");
        }
        assert!(!town.places.trust().join("api/.gtd").exists());
        assert_eq!(rig_doc(&client).await["worker"]["attempts"], 3);
    });
}

#[test]
fn the_users_own_wrong_role_file_holds_up_no_start_and_changes_no_rule() {
    let mut town = Town::new();
    user_role(&town, "worker.toml", ONE_ATTEMPT);
    town.start();
    block_on(async {
        let client = town.person();
        town.quiet_rig(&client).await;
        assert_eq!(rig_doc(&client).await["worker"]["attempts"], 1);
    });
    town.end();
    user_role(&town, "worker.toml", "extends = \"builtin:wroker\"\n");
    town.start();
    block_on(async {
        let client = town.person();
        let doc = rig_doc(&client).await;
        assert_eq!(doc["worker"]["attempts"], 1);
        let said = warnings(&doc);
        assert!(said.contains("roles/worker.toml:1:11"), "{said}");
        assert!(said.contains("did you mean `builtin:worker`?"), "{said}");
        let roles = client.roles(Some("worker")).await.unwrap();
        assert_eq!(roles["items"][0]["layer"], "builtin");
        let refused = client.trust_rig(&rig(), None, named("t")).await;
        let refused = refused.unwrap_err();
        assert!(bad_config(&refused).contains("roles/worker.toml:1:11"));
        // Mended, it counts from the next hang-up on.
        user_role(
            &town,
            "worker.toml",
            "extends = \"builtin:worker\"\n[limits]\nattempts = 2\n",
        );
        town.signal(Signal::SIGHUP);
        loop {
            let doc = rig_doc(&client).await;
            if doc["worker"]["attempts"] == 2 {
                assert_eq!(warnings(&doc), "");
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
}
