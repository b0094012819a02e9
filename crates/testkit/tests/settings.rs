//! Configuration and role files changed by command: all or nothing, comments kept, trust given only by a person.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;

use gtd_testkit::town::{Output, Town, binary, until};
use serde_json::{Value, json};

fn project(town: &Town) -> String {
    fs::read_to_string(town.repo().join("gtd.toml")).unwrap()
}

/// Returns the rig as the daemon has it.
fn rig(town: &Town) -> Value {
    town.json(&["rig", "list"])["items"][0].clone()
}

#[test]
fn a_key_is_set_and_everything_else_stays() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let before = format!(
        "# ours\n{}\n[merge] # the queue\nbatch = 4   # few\n",
        project(&town)
    );
    fs::write(town.repo().join("gtd.toml"), &before).unwrap();
    town.gtd_ok(&["trust"]);
    let said = town.json(&["config", "set", "merge.batch", "2", "--project", "--yes"]);
    assert_eq!(said["effect"], "holds", "{said:#}");
    assert_eq!(said["keys"][0]["before"], 4, "{said:#}");
    assert_eq!(project(&town), before.replace("batch = 4 ", "batch = 2 "));
    let rig = rig(&town);
    assert_eq!(rig["merge"]["batch"], 2, "it counts at once: {rig:#}");
    assert_eq!(rig["trusted"], true, "{rig:#}");
    // The command that takes it back does.
    let undo = said["keys"][0]["undo"].as_str().unwrap().to_owned();
    let words: Vec<&str> = undo.split(' ').skip(1).collect();
    town.gtd_ok(&words);
    assert_eq!(project(&town), before);
}

#[test]
fn a_file_that_is_edited_by_hand_counts_without_another_word() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let folder = town.path("home/config");
    fs::create_dir_all(&folder).unwrap();
    let edit = |batch: u32| {
        let text = format!("schema = 1\n\n[merge]\nbatch = {batch}\n");
        fs::write(folder.join("config.toml"), text).unwrap();
        until("the rules of the rig follow the file", || {
            (rig(&town)["merge"]["batch"] == batch).then_some(())
        });
    };
    edit(3);
    edit(12);
}

#[test]
fn nothing_is_written_when_the_result_is_wrong() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let before = project(&town);
    for (words, code) in [
        (
            &["config", "set", "merge.batch", "many", "--project"][..],
            78,
        ),
        (&["config", "set", "merge.bach", "2", "--project"], 3),
        (&["config", "set", "merge", "2", "--project"], 3),
        (&["config", "set", "ui.pager", "more", "--project"], 78),
        (&["config", "set", "rig.name", "other", "--user"], 78),
        (&["config", "unset", "merge.batch", "--project"], 7),
        (&["rig", "set", "branch=a b"], 78),
        (&["rig", "set", "branch"], 2),
    ] {
        let said = town.gtd(words);
        assert_eq!(said.code, Some(code), "{words:?}: {said}");
        assert!(said.stderr.contains("help:"), "{words:?}: {said}");
        assert_eq!(project(&town), before, "{words:?}");
    }
    let planned = town.gtd_ok(&["config", "set", "merge.batch", "3", "--project", "-n"]);
    assert!(
        planned.starts_with("would set merge.batch = 3"),
        "{planned}"
    );
    assert_eq!(project(&town), before);
    assert!(!town.path("home/config/config.toml").exists());
}

#[test]
fn a_change_in_a_script_waits_for_trust_unless_it_says_yes() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let said = town.json(&["rig", "set", "merge.batch=3"]);
    assert_eq!(said["effect"], "needs_trust", "{said:#}");
    let diff = town.json(&["config", "diff", "--trusted"]);
    assert_eq!(diff["changed"], true, "{diff:#}");
    // What changed before was not seen, so it is not trusted along with this.
    let said = town.json(&["rig", "set", "merge.batch=2", "--yes"]);
    assert_eq!(said["effect"], "needs_trust", "{said:#}");
    town.gtd_ok(&["trust"]);
    let said = town.json(&["rig", "set", "merge.batch=5", "--yes"]);
    assert_eq!(said["effect"], "holds", "{said:#}");
    // An agent is no person, whatever it says.
    let goal = town.goal(&format!(
        "schema = 1\ntitle = \"Sneak\"\n[[bead]]\nid = \"s\"\ntitle = \"Sneak\"\nrun = '''\necho s > s.txt\ncd {repo}\nGTD_HOME={home} {gtd} rig set merge.batch=9 --yes > {said} 2>&1 || true\n'''\n",
        repo = town.repo().display(),
        home = town.path("home").display(),
        gtd = binary("gtd").display(),
        said = town.path("said").display(),
    ));
    town.wait(&goal);
    let rig = rig(&town);
    assert_eq!(rig["merge"]["batch"], 5, "{rig:#}");
    assert_eq!(rig["trusted"], false, "{rig:#}");
}

#[test]
fn what_the_user_sets_reaches_the_daemon_that_runs() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.gtd_ok(&["config", "set", "roles.worker.max", "7"]);
    until("the daemon reads it", || {
        let rig = town.json(&["rig", "show", "repo"]);
        (rig["worker"]["max"] == 7).then_some(())
    });
    let text = fs::read_to_string(town.path("home/config/config.toml")).unwrap();
    assert_eq!(text, "schema = 1\n\n[roles.worker]\nmax = 7\n");
    town.gtd_ok(&["config", "unset", "roles.worker.max"]);
    let text = fs::read_to_string(town.path("home/config/config.toml")).unwrap();
    assert_eq!(text.trim(), "schema = 1");
}

#[test]
fn an_edited_file_is_written_only_when_it_is_right() {
    let town = Town::new();
    let config = town.path("home/config/config.toml");
    let edit = |script: &str| {
        let command = format!("{} config edit; echo code=$?", binary("gtd").display());
        Output::of(
            town.program("script")
                .args(["-qec", &command, "/dev/null"])
                .env("EDITOR", script),
        )
    };
    let said = edit("printf '[ui]\\nglyphs = \"acsii\"\\n' >>");
    assert!(said.stdout.contains("code=78"), "{said}");
    assert!(said.stdout.contains("did you mean `ascii`"), "{said}");
    assert!(!config.exists(), "nothing was written");
    // The next one goes on with the text that was not right.
    let said = edit("sed -i s/acsii/ascii/");
    assert!(said.stdout.contains("code=0"), "{said}");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("glyphs = \"ascii\""), "{text}");
    let said = edit("true");
    assert!(said.stdout.contains("stays as it was"), "{said}");
}

#[test]
fn a_role_file_with_a_mistake_is_put_back() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.gtd_ok(&[
        "role",
        "new",
        "docs",
        "--from",
        "reviewer",
        "--summary",
        "Reads \"docs\"",
    ]);
    let file = town.path("home/config/roles/docs.toml");
    let before = fs::read_to_string(&file).unwrap();
    let wrong = town.gtd(&["role", "set", "docs", "wake.on=bead.lnded"]);
    assert_eq!(wrong.code, Some(78), "{wrong}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let again = town.gtd(&["role", "new", "docs"]);
    assert_eq!(again.code, Some(7), "{again}");
    town.gtd_ok(&[
        "role",
        "set",
        "docs",
        "limits.attempts=1",
        "access.gtd=bead show, ask",
    ]);
    let role = town.json(&["role", "show", "docs"]);
    let role = &role["items"][0];
    assert_eq!(role["layer"], "user", "{role:#}");
    assert_eq!(role["verbs"], json!(["bead show", "ask"]), "{role:#}");
    assert!(
        role["template"]
            .as_str()
            .is_some_and(|text| text.len() > 100),
        "{role:#}"
    );
    let differs = role["differs"].to_string();
    assert!(differs.contains("limits.attempts"), "{differs}");
    town.gtd_ok(&["role", "reset", "docs"]);
    assert!(!file.exists() && file.with_extension("toml.old").exists());
    until("the daemon forgets it", || {
        (town.gtd(&["role", "show", "docs"]).code == Some(3)).then_some(())
    });
}
