//! Standing members, with real worktrees: what is in them is the member's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gtd_testkit::town::{Output, Town, binary, until};

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

/// Adds a member and returns its folder.
fn add(town: &Town, name: &str) -> PathBuf {
    town.gtd_ok(&["crew", "add", name]);
    PathBuf::from(town.gtd_ok(&["crew", "path", name]).trim())
}

fn git_in(town: &Town, folder: &Path, args: &[&str]) -> String {
    let output = Output::of(town.program("git").args(args).current_dir(folder));
    assert_eq!(output.code, Some(0), "git {args:?}: {output}");
    output.stdout.trim().to_owned()
}

fn commit(town: &Town, folder: &Path, file: &str) {
    fs::write(folder.join(file), "by ada\n").expect("write a file");
    git_in(town, folder, &["add", "-A"]);
    git_in(town, folder, &["commit", "--quiet", "-m", file]);
}

#[test]
fn a_member_has_a_worktree_on_its_branch_that_survives_a_restart() {
    let town = town();
    let folder = add(&town, "ada");
    let branch = || git_in(&town, &folder, &["symbolic-ref", "--short", "HEAD"]);
    assert_eq!(branch(), "gtd/crew/ada");
    commit(&town, &folder, "first.txt");
    git_in(&town, &folder, &["switch", "--quiet", "-c", "another"]);
    fs::write(folder.join("half.txt"), "half\n").expect("write a file");
    let pid = town.daemon_pid().expect("a daemon");
    town.gtd_ok(&["down"]);
    town.gtd_ok(&["up"]);
    assert_ne!(town.daemon_pid(), Some(pid));
    // The crew has looked at everybody by the time that a new member is ready.
    add(&town, "bob");
    assert_eq!(branch(), "another");
    assert!(folder.join("half.txt").is_file());
    let listed = town.json(&["crew", "list"]);
    assert_eq!(listed["items"][0]["name"], "ada", "{listed}");
    assert_eq!(listed["items"][0]["state"], "idle", "{listed}");
}

#[test]
fn what_is_claimed_and_done_in_it_lands_and_then_it_may_go() {
    let town = town();
    let folder = add(&town, "ada");
    town.gtd_ok(&["pause", "crew"]);
    let bead = town
        .gtd_ok(&["bead", "create", "By hand", "-q"])
        .trim()
        .to_owned();
    let gtd = |args: &[&str], env: &[(String, String)]| {
        let output = Output::of(
            town.program(binary("gtd"))
                .args(args)
                .envs(env.iter().cloned())
                .current_dir(&folder),
        );
        assert_eq!(output.code, Some(0), "gtd {args:?}: {output}");
        output.stdout
    };
    let env: Vec<(String, String)> = gtd(&["bead", "claim", &bead], &[])
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let listed = town.json(&["crew", "list"]);
    assert_eq!(listed["items"][0]["state"], "working", "{listed}");
    assert_eq!(listed["items"][0]["beads"][0], bead.as_str(), "{listed}");
    let busy = town.gtd(&["crew", "remove", "ada"]);
    assert!(busy.stderr.contains(&bead), "{busy}");
    commit(&town, &folder, "done.txt");
    gtd(&["done", "-s", "it is done"], &env);
    until("the work has landed", || {
        town.file_on("gtd/integration/main", "done.txt")
    });
    town.gtd_ok(&["resume", "crew"]);
    town.gtd_ok(&["crew", "remove", "ada"]);
    assert!(!folder.exists());
    assert_eq!(town.git(&["branch", "--list", "gtd/crew/*"]), "");
}

#[test]
fn work_that_would_be_lost_keeps_it_and_is_saved_before_it_goes() {
    let town = town();
    let folder = add(&town, "ada");
    commit(&town, &folder, "precious.txt");
    fs::write(folder.join("half.txt"), "half\n").expect("write a file");
    let refused = town.gtd(&["crew", "remove", "ada"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    for part in [
        "E0217",
        "not committed",
        "1 commit",
        "precious.txt",
        "--discard ada",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {refused}");
    }
    assert!(folder.join("half.txt").is_file());
    let other = town.gtd(&["crew", "remove", "ada", "--discard", "bob"]);
    assert_eq!(other.code, Some(2), "{other}");
    town.gtd_ok(&["crew", "remove", "ada", "--discard", "ada"]);
    assert!(!folder.exists());
    let saved = town.git(&[
        "for-each-ref",
        "--format=%(refname)",
        "refs/gtd/snap/crew-ada",
    ]);
    let holds = |file: &str| saved.lines().any(|name| town.file_on(name, file).is_some());
    assert!(holds("precious.txt") && holds("half.txt"), "{saved}");
    // Whoever has the name next begins where work lands.
    let folder = add(&town, "ada");
    assert!(!folder.join("precious.txt").exists());
}
