//! Rigs: what becomes one, what its configuration means, what survives a restart.

use std::{fs, path::Path};

use gtd_client::WriteContext;
use gtd_core::{Rejection, RigName};

use crate::town::{Town, block_on, named, spec};

#[test]
fn a_folder_that_is_no_repository_becomes_no_rig() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let folder = town.folder.path().join("plain");
        fs::create_dir(&folder).unwrap();
        for path in [folder.as_path(), Path::new("/no/such/folder")] {
            let refused = client
                .add_rig(path, None, WriteContext::default())
                .await
                .unwrap_err();
            let rejection = refused.rejection().unwrap();
            assert!(
                matches!(rejection, Rejection::NotFound { .. }),
                "{rejection:?}"
            );
        }
        let relative = client
            .add_rig(Path::new("plain"), None, WriteContext::default())
            .await
            .unwrap_err();
        assert!(matches!(
            relative.rejection(),
            Some(Rejection::BadConfig { .. })
        ));
        assert_eq!(
            client.rigs().await.unwrap()["items"]
                .as_array()
                .unwrap()
                .len(),
            0
        );
    });
}

#[test]
fn a_rig_takes_its_rules_from_the_project_the_user_and_the_environment() {
    let mut town = Town::new().with("GTD_ROLES__WORKER__ATTEMPTS", "1");
    fs::create_dir_all(&town.places.config).unwrap();
    fs::write(
        town.places.config.join("config.toml"),
        "[merge]\nbatch = 3\n",
    )
    .unwrap();
    town.start();
    let text = "schema = 1\n[rig]\nname = \"apple\"\nprefix = \"ap\"\n[[gate]]\nname = \"t\"\nrun = \"true\"\n";
    let path = town.repository("api", Some(text));
    let rig = RigName::parse("apple").unwrap();
    block_on(async {
        let client = town.person();
        let added = client.add_rig(&path, None, named("a")).await.unwrap();
        let doc = &added.document;
        assert_eq!(doc["name"], "apple");
        assert_eq!(doc["prefix"], "ap");
        assert_eq!(doc["branch"], "main");
        assert_eq!(doc["merge"]["batch"], 3);
        assert_eq!(doc["worker"]["attempts"], 1);
        assert_eq!(doc["gates"][0]["run"], "true");
        let twice = client
            .add_rig(&path, Some(&RigName::parse("pear").unwrap()), named("b"))
            .await
            .unwrap_err();
        assert!(matches!(
            twice.rejection(),
            Some(Rejection::BadConfig { .. })
        ));
    });
    town.end();
    // A change in the repository has no effect; a change of the user's own file has.
    fs::write(path.join("gtd.toml"), text.replace("\"true\"", "\"false\"")).unwrap();
    fs::write(
        town.places.config.join("config.toml"),
        "[merge]\nbatch = 5\n",
    )
    .unwrap();
    town.start();
    block_on(async {
        let client = town.person();
        let shown = client.get(rig.as_str()).await.unwrap();
        assert_eq!(shown["kind"], "Rig");
        assert_eq!(shown["merge"]["batch"], 5);
        assert_eq!(shown["gates"][0]["run"], "true");
        assert_eq!(shown["trusted"], false);
        let remove = gtd_core::Command::RemoveRig { rig: rig.clone() };
        client.tell(remove).await.unwrap();
        assert!(client.get(rig.as_str()).await.is_err());
        let folders = fs::read_to_string(town.places.rigs_file()).unwrap();
        assert_eq!(folders.trim(), "{}");
    });
}

#[test]
fn the_name_of_a_rig_is_not_taken_for_the_beginning_of_an_id() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        for title in ["one", "two"] {
            let create = gtd_core::Command::CreateBead {
                rig: rig.clone(),
                goal: None,
                spec: spec(title),
                needs: vec![],
            };
            client.tell(create).await.unwrap();
            // The ids begin with `api` too.
            assert_eq!(client.get("api").await.unwrap()["kind"], "Rig");
        }
        let several = client.get("api-").await.unwrap_err();
        assert!(matches!(
            several.rejection(),
            Some(Rejection::AmbiguousId { .. })
        ));
    });
}

#[test]
fn the_configuration_says_where_each_value_comes_from() {
    let town = Town::new().with("GTD_MERGE__BATCH", "2");
    let mut town = town;
    town.start();
    block_on(async {
        let client = town.person();
        let doc = client.config(Some("merge.batch"), None).await.unwrap();
        assert_eq!(doc["kind"], "Config");
        assert_eq!(doc["items"][0]["value"], 2);
        let unknown = client.config(Some("merge.bash"), None).await.unwrap_err();
        assert!(matches!(
            unknown.rejection(),
            Some(Rejection::NotFound { .. })
        ));
    });
}
