//! Agents one by one: who they are, where they work, and the end of their work by a person's word.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
};

use gtd_testkit::town::{Town, binary, claude_begins, claude_uses, until};

/// A town whose agent leaves a file and waits for another one.
fn at_work() -> (Town, String) {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let go = town.path("go").display().to_string();
    let goal = town.goal(&format!(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Slow\"\nrun = \"echo begun; echo half > half; while [ ! -e {go} ]; do sleep 0.05; done; echo finished\"\n"
    ));
    until("the agent has left something", || {
        let agents = town.json(&["agent", "list"]);
        let name = agents["items"][0]["name"].as_str()?.to_owned();
        let path = town.gtd(&["agent", "path", &name]);
        let folder = std::path::PathBuf::from(path.stdout.trim());
        (path.code == Some(0) && folder.join("half").is_file()).then_some(())
    });
    (town, goal)
}

fn name(town: &Town) -> String {
    let agents = town.json(&["agent", "list"]);
    agents["items"][0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn an_agent_is_shown_with_its_bead_its_process_and_its_folder() {
    let (town, _goal) = at_work();
    let name = name(&town);
    let shown = town.json(&["agent", "show", &name]);
    assert_eq!(shown["kind"], "Agent");
    assert_eq!(shown["state"], "running", "{shown}");
    assert!(shown["pid"].as_i64().is_some(), "{shown}");
    let worktree = shown["worktree"].as_str().unwrap();
    assert_eq!(town.gtd_ok(&["agent", "path", &name]).trim(), worktree);
    assert!(shown["branch"].as_str().unwrap().starts_with("gtd/"));
    let rows = |filter: &str| {
        let list = town.json(&["ps", "--filter", filter]);
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(rows("state=running and age<1h"), 1);
    assert_eq!(rows("state!=running"), 0);
    assert_eq!(
        town.json(&["worker", "list"])["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let nobody = town.gtd(&["agent", "show", "nobody"]);
    assert_eq!(nobody.code, Some(3), "{nobody}");
    assert!(
        nobody.stderr.contains(&format!("agents: {name}")),
        "{nobody}"
    );
}

#[test]
fn who_is_killed_is_dead_and_what_it_left_uncommitted_is_kept() {
    let (town, _goal) = at_work();
    let name = name(&town);
    let shown = town.json(&["agent", "show", &name]);
    let bead = shown["bead"].as_str().unwrap().to_owned();
    let pid = i32::try_from(shown["pid"].as_i64().unwrap()).unwrap();
    town.gtd_ok(&["agent", "kill", &name, "-m", "it goes in circles"]);
    until("its process is gone", || {
        (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    });
    let bead_now = town.json(&["bead", "show", &bead]);
    assert_eq!(bead_now["state"], "parked", "{bead_now}");
    // The next attempt takes the worktree, and what was there is saved first.
    town.touch("go");
    town.gtd_ok(&["bead", "retry", &bead]);
    until("what it left is saved", || {
        let refs = town.git(&["for-each-ref", "--format=%(refname)", "refs/gtd/snap"]);
        (!refs.is_empty()).then_some(())
    });
}

#[test]
fn who_is_restarted_begins_anew_under_the_next_epoch() {
    let (town, goal) = at_work();
    let name = name(&town);
    town.touch("go");
    town.gtd_ok(&["agent", "restart", &name]);
    assert_eq!(town.wait(&goal).0, Some(0));
    assert!(town.count("LeaseGranted") >= 1);
}

/// Attaches to an agent, and returns once it has said that it watches and shown the first output.
fn attach(town: &Town, name: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = town
        .program(binary("gtd"))
        .args(["agent", "attach", name])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stderr.as_mut().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(
        first.starts_with(&format!("watching {name} at ")) && first.contains("Ctrl-C leaves it"),
        "{first}"
    );
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("begun") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended early");
    }
    (child, output)
}

#[test]
fn who_attaches_sees_the_output_live_until_the_run_ends() {
    let (town, goal) = at_work();
    let (mut child, mut output) = attach(&town, &name(&town));
    town.touch("go");
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("finished"), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(town.wait(&goal).0, Some(0));
}

#[test]
fn who_leaves_an_attached_agent_leaves_it_at_work() {
    let (town, goal) = at_work();
    let name = name(&town);
    let (mut child, _output) = attach(&town, &name);
    let pid = child.id().to_string();
    let killed = town.program("kill").args(["-INT", &pid]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(town.json(&["agent", "show", &name])["state"], "running");
    town.touch("go");
    assert_eq!(town.wait(&goal).0, Some(0));
    assert_eq!(town.count("LeaseGranted"), 1);
}

#[test]
fn the_next_attempt_is_told_what_the_last_one_did_and_not_how_its_program_writes_it() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "2");
    town.be_claude(&format!(
        "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo '9.9.9 (Claude)'; exit; }}\ncat > {}.$GTD_EPOCH\n\
         cat <<'EOF'\n{}{}EOF\nkill -9 $$\n",
        town.path("told").display(),
        claude_begins("s"),
        claude_uses("s", "m1", 10),
    ));
    town.init(&[("test", "true")]);
    let goal = town.goal(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Go on\"\nruntime = \"claude\"\n\
         description = \"Write a file.\"\n",
    );
    assert_eq!(town.wait(&goal).0, Some(4));
    let told = std::fs::read_to_string(town.path("told.2")).unwrap();
    assert!(told.contains("say: I go on."), "{told}");
    assert!(!told.contains("{\"type\""), "{told}");
}
