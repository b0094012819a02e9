//! Rigs and roles as a person lists, shows, adds and removes them.

use gtd_testkit::town::Town;

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

#[test]
fn a_rig_is_listed_and_shown_with_its_rules() {
    let town = town();
    let list = town.json(&["rig", "list", "--filter", "name=repo and trusted=true"]);
    assert_eq!(list["kind"], "RigList");
    assert_eq!(list["items"][0]["branch"], "main", "{list}");
    let shown = town.json(&["rig", "show"]);
    assert_eq!(shown["kind"], "Rig", "{shown}");
    assert_eq!(shown["gates"][0]["name"], "test");
    let said = town.gtd_ok(&["rig", "show", "repo"]);
    assert!(said.contains("gate       test"), "{said}");
    assert_eq!(town.gtd(&["rig", "show", "other"]).code, Some(3));
}

#[test]
fn a_rig_is_not_removed_while_its_work_has_not_ended() {
    let town = town();
    let bead = town.gtd_ok(&["bead", "create", "later", "--defer", "30d", "-q"]);
    let refused = town.gtd(&["rig", "remove", "repo"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains(bead.trim()), "{refused}");
    let other = town.gtd(&["rig", "remove", "repo", "--discard", "rope"]);
    assert_eq!(other.code, Some(2), "{other}");
    let before = town.picture();
    town.gtd_ok(&["rig", "remove", "repo", "--discard", "repo"]);
    assert_eq!(town.picture(), before, "the repository is as it was");
    assert_eq!(
        town.json(&["rig", "list"])["items"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
    let repo = town.repo().display().to_string();
    town.gtd_ok(&["rig", "add", &repo]);
    assert_eq!(town.json(&["rig", "list"])["items"][0]["name"], "repo");
    assert_eq!(town.gtd(&["rig", "add", "/nowhere"]).code, Some(2));
}

#[test]
fn roles_are_listed_and_shown_with_their_limits() {
    let town = town();
    let list = town.json(&["role", "list", "--filter", "state=ok"]);
    let names = list["items"].to_string();
    assert!(
        names.contains("refinery") && names.contains("worker"),
        "{list}"
    );
    let shown = town.json(&["role", "show", "worker"]);
    assert_eq!(shown["kind"], "Role");
    assert_eq!(shown["items"][0]["layer"], "builtin", "{shown}");
    let said = town.gtd_ok(&["role", "show", "worker"]);
    assert!(said.contains("limit      attempts"), "{said}");
    assert_eq!(town.gtd(&["role", "show", "wroker"]).code, Some(3));
}

#[test]
fn a_role_file_that_is_wrong_is_told_with_its_place_before_it_is_trusted() {
    let town = town();
    let good = town.json(&["role", "validate"]);
    assert_eq!(good["ok"], true, "{good}");
    let folder = town.repo().join(".gtd/roles");
    std::fs::create_dir_all(&folder).expect("make a folder");
    let text = "extends = \"builtin:worker\"\n[limits]\natempts = 1\n";
    std::fs::write(folder.join("worker.toml"), text).expect("write a role file");
    let said = town.gtd(&["role", "validate"]);
    assert_eq!(said.code, Some(78), "{said}");
    assert!(said.stdout.contains("worker.toml:3"), "{said}");
    assert!(said.stdout.contains("attempts"), "{said}");
    assert_eq!(town.json(&["role", "validate"])["ok"], false);
}
