//! Completions as shells ask for them: with ids and titles from a daemon, silent without one.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{fs, process::Command};

use gtd_testkit::town::{Output, Town, binary};

/// Asks as the registration of bash does.
fn ask(town: &Town, shell: &str, words: &[&str]) -> Output {
    let index = (words.len() - 1).to_string();
    Output::of(
        town.program(binary("gtd"))
            .env("COMPLETE", shell)
            .env("_CLAP_COMPLETE_INDEX", index)
            .env("_CLAP_IFS", "\n")
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "true")
            .arg("--")
            .args(words),
    )
}

/// Tells whether a shell is installed, and says aloud when it is not.
#[expect(clippy::print_stderr, reason = "what was not tried is told")]
fn has(program: &str) -> bool {
    let is_there = Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("NOT RUN: completions in {program}, which is not installed");
    }
    is_there
}

/// Makes a town in which one bead waits, and puts gtd on the path of its programs.
fn town_with_a_bead() -> (Town, String) {
    let town = Town::new();
    let folder = binary("gtd").parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let town = town.with_env("PATH", &path);
    town.init(&[]);
    town.gtd_ok(&["pause", "-m", "for the test"]);
    let created = town.json(&["bead", "create", "Count the figs", "--run", "true"]);
    let id = created["id"].as_str().unwrap().to_owned();
    (town, id)
}

#[test]
fn ids_are_completed_with_their_titles() {
    let (town, id) = town_with_a_bead();
    for shell in ["zsh", "fish"] {
        let said = ask(&town, shell, &["gtd", "why", ""]);
        assert_eq!(said.code, Some(0), "{said}");
        assert!(said.stdout.contains(&id), "{shell}: {said}");
        assert!(said.stdout.contains("Count the figs"), "{shell}: {said}");
    }
    let said = ask(
        &town,
        "fish",
        &["gtd", "bead", "create", "x", "--needs", ""],
    );
    assert!(said.stdout.contains(&id), "{said}");
    let said = ask(&town, "fish", &["gtd", "status", "--rig", ""]);
    assert!(said.stdout.contains("repo"), "{said}");
    let said = ask(&town, "fish", &["gtd", "pause", ""]);
    assert!(said.stdout.contains("refinery"), "{said}");
    let said = ask(&town, "fish", &["gtd", "role", "show", "wit"]);
    let about = said.stdout.split_once('\t').map(|(_, about)| about.trim());
    assert!(
        about.is_some_and(|about| about.len() > 8),
        "what it does: {said}"
    );
    let said = ask(&town, "fish", &["gtd", "config", "set", "merge.b"]);
    assert!(said.stdout.contains("merge.batch"), "{said}");
    let said = ask(&town, "zsh", &["gtd", "config", "get", "roles.worker.m"]);
    assert!(
        said.stdout.contains("roles.worker.max:"),
        "with what it is for: {said}"
    );
    let said = ask(&town, "fish", &["gtd", "help", "E03"]);
    assert!(said.stdout.contains("E0301"), "{said}");
}

#[test]
fn completion_is_silent_without_a_daemon_and_starts_none() {
    let town = Town::new();
    let said = ask(&town, "bash", &["gtd", "bead", "show", ""]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{said}");
    assert!(!said.stdout.contains("repo-"), "{said}");
    assert_eq!(town.daemon_pid(), None);
    let said = ask(&town, "bash", &["gtd", "sta"]);
    assert!(said.stdout.starts_with("status"), "{said}");
}

#[test]
fn bash_completes_what_gtd_registers() {
    let (town, id) = town_with_a_bead();
    let script = format!(
        "source <(gtd completions bash); COMP_WORDS=(gtd why ''); COMP_CWORD=2; COMP_TYPE=9; \
         {}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        "f=$(complete -p gtd | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $f gtd '' why"
    );
    let said = Output::of(town.program("bash").args(["--norc", "-c", &script]));
    assert!(said.stdout.lines().any(|line| line.trim() == id), "{said}");
}

#[test]
fn fish_and_zsh_read_what_gtd_registers_where_they_are_installed() {
    let (town, id) = town_with_a_bead();
    if has("fish") {
        let script = "gtd completions fish | source; complete -C 'gtd why '";
        let said = Output::of(town.program("fish").args(["--no-config", "-c", script]));
        assert!(said.stdout.contains(&id), "{said}");
        assert!(said.stdout.contains("Count the figs"), "{said}");
    }
    if has("zsh") {
        let file = town.path("completions.zsh");
        fs::write(&file, town.gtd_ok(&["completions", "zsh"])).unwrap();
        let script = format!(
            "autoload -U compinit; compinit -u -d {}; source {}; print -r -- ${{_comps[gtd]}}",
            town.path("zcompdump").display(),
            file.display()
        );
        let said = Output::of(town.program("zsh").args(["-f", "-c", &script]));
        assert_eq!(said.code, Some(0), "{said}");
        assert!(said.stdout.contains("gtd"), "{said}");
    }
}
