//! Processes that die between two steps, and those that come after them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{fs, os::unix::process::ExitStatusExt, path::PathBuf, process::Command};

use common::{Rig, git, on_branch, owner, read, write};
use gtd_core::Oid;
use gtd_git::{Expect, Pool, RefMove, Removal, Repository, Tidy};

const CHILD: &str = "GTD_GIT_TEST_CHILD";

/// What a child does: it is this same program, told where to work.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let mut words = task.split('\n');
    let path = PathBuf::from(words.next().unwrap());
    let repository = Repository::open(&path).unwrap();
    let base = Oid::parse(words.next().unwrap()).unwrap();
    let pool = Pool::open(repository.clone(), &path.with_file_name("pool")).unwrap();
    match words.next().unwrap() {
        "ensure" => {
            let key = words.next().unwrap();
            let branch = format!("gtd/{key}/e1");
            pool.ensure(
                "q",
                &on_branch(&branch, &base),
                Tidy::KeepIgnored,
                &owner(key),
            )
            .unwrap();
        }
        "remove" => {
            pool.remove("q").unwrap();
        }
        "move" => {
            repository
                .move_ref("refs/heads/gtd/target", &base, &Expect::Missing)
                .unwrap();
        }
        other => panic!("unknown task {other}"),
    }
}

/// Runs a task in a child that is killed at a named point.
fn die(rig: &Rig, base: &Oid, task: &[&str], point: &str) {
    let path = rig.path.to_str().unwrap();
    let mut words = vec![path, base.as_str()];
    words.extend(task);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(CHILD, words.join("\n"))
        .env("GTD_FAULT", format!("{point}=kill"))
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), Some(9), "{output:?}");
}

#[test]
fn a_death_after_the_worktree_was_added_is_mended() {
    let rig = Rig::new();
    let base = rig.oid("main");
    die(&rig, &base, &["ensure", "x"], "git.after-worktree-add");
    let pool = rig.pool();
    assert!(!pool.look("q").unwrap().unwrap().ready);
    let at = pool
        .ensure(
            "q",
            &on_branch("gtd/x/e1", &base),
            Tidy::KeepIgnored,
            &owner("x"),
        )
        .unwrap();
    assert_eq!(read(&at, "f"), "one\n");
    let state = pool.look("q").unwrap().unwrap();
    assert!(state.ready && !state.dirty);

    // Or its slot is given back and nothing is left.
    let rig = Rig::new();
    die(
        &rig,
        &rig.oid("main"),
        &["ensure", "x"],
        "git.after-worktree-add",
    );
    let pool = rig.pool();
    assert_eq!(pool.owner("q").unwrap(), Some(owner("x")));
    pool.release("q", "x").unwrap();
    assert_eq!(pool.slots().unwrap(), Vec::<String>::new());
    assert_eq!(rig.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_death_between_saving_and_reusing_loses_nothing() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let branch = |key: &str| on_branch(&format!("gtd/{key}/e1"), &base);
    let at = pool
        .ensure("q", &branch("x"), Tidy::KeepIgnored, &owner("x"))
        .unwrap();
    write(&at, "new", "unsaved\n");
    die(&rig, &base, &["ensure", "y"], "git.after-salvage");
    assert_eq!(rig.show("refs/gtd/snap/x/1:new"), "unsaved");
    // The same one again, or somebody else in its place.
    die(&rig, &base, &["ensure", "y"], "git.after-salvage");
    pool.ensure("q", &branch("z"), Tidy::KeepIgnored, &owner("z"))
        .unwrap();
    assert!(!at.join("new").exists());
    assert_eq!(git(&at, &["symbolic-ref", "--short", "HEAD"]), "gtd/z/e1");
    assert_eq!(rig.open().list_refs("refs/gtd/snap").unwrap().len(), 1);

    // Given back half way, it can be removed.
    die(&rig, &base, &["ensure", "y"], "git.after-salvage");
    assert!(pool.remove("q").is_err());
    pool.release("q", "y").unwrap();
    assert_eq!(pool.owner("q").unwrap(), None);
    assert_eq!(
        pool.remove("q").unwrap(),
        Removal::Removed { snapshot: None }
    );
}

#[test]
fn a_death_before_a_worktree_is_deleted_leaves_it_to_be_deleted() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let at = pool
        .ensure(
            "q",
            &on_branch("gtd/x/e1", &base),
            Tidy::KeepIgnored,
            &owner("x"),
        )
        .unwrap();
    pool.release("q", "x").unwrap();
    write(&at, "new", "unsaved\n");
    die(&rig, &base, &["remove"], "git.after-salvage");
    assert!(at.exists());
    assert_eq!(
        pool.remove("q").unwrap(),
        Removal::Removed {
            snapshot: Some("refs/gtd/snap/x/1".to_owned())
        }
    );
    assert!(!at.exists());
    // Half deleted: the folder is gone, the registration is not.
    let at = pool
        .ensure(
            "q",
            &on_branch("gtd/x/e1", &base),
            Tidy::KeepIgnored,
            &owner("x"),
        )
        .unwrap();
    pool.release("q", "x").unwrap();
    fs::remove_dir_all(at).unwrap();
    assert_eq!(pool.remove("q").unwrap(), Removal::Absent);
    assert_eq!(rig.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_death_after_a_ref_was_moved_is_seen_as_done() {
    let rig = Rig::new();
    let base = rig.oid("main");
    die(&rig, &base, &["move"], "git.after-move");
    let again = rig
        .open()
        .move_ref("refs/heads/gtd/target", &base, &Expect::Missing)
        .unwrap();
    assert_eq!(again, RefMove::AlreadyThere);
}
