//! The person's own checkout.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;

use common::{Rig, commit_all, git, on_branch, owner, picture, try_git, write};
use gtd_git::{
    AssemblySpec, Author, Expect, FastForward, Member, Operation, RefMove, Removal, Tidy,
};

#[test]
fn the_persons_dirty_checkout_stays_as_it_is_through_a_whole_life() {
    let rig = Rig::new();
    rig.branch("aside", "main", "z", "z");
    rig.git(&["checkout", "-q", "aside"]);
    rig.write("stashed", "s");
    rig.git(&["add", "stashed"]);
    rig.git(&["stash", "-q"]);
    rig.write("f", "edited\n");
    rig.write("staged", "staged\n");
    rig.git(&["add", "staged"]);
    rig.write("staged", "and edited\n");
    rig.write("untracked file", "u");
    rig.write("x.ignored", "i");
    rig.git(&["config", "core.hooksPath", "/nonexistent/hooks"]);
    let before = picture(&rig.path);

    let repository = rig.open();
    let base = rig.oid("main");
    let pool = rig.pool();
    let author = Author::new("quartz", "quartz@gtd.invalid");
    let mut members = Vec::new();
    for (slot, bead) in [("quartz", "x-1"), ("onyx", "x-2")] {
        let branch = format!("gtd/{bead}/e1");
        let at = pool
            .ensure(
                slot,
                &on_branch(&branch, &base),
                Tidy::KeepIgnored,
                &owner(bead),
            )
            .unwrap();
        write(&at, bead, "work\n");
        let head = commit_all(&pool, slot, "work\n", &author).unwrap().unwrap();
        write(&at, "left over", "left over\n");
        members.push(Member {
            key: bead.to_owned(),
            head,
            title: bead.to_owned(),
            trailers: Vec::new(),
        });
    }
    let assembly = repository
        .assemble(&AssemblySpec {
            base: base.clone(),
            subject: "Land".to_owned(),
            trailers: Vec::new(),
            members,
        })
        .unwrap();
    let gate = gtd_git::Checkout::Detached(assembly.commit.clone());
    pool.ensure("gate", &gate, Tidy::Everything, &owner("c-1"))
        .unwrap();
    let moved = repository
        .move_ref(
            "refs/heads/gtd/integration/main",
            &assembly.commit,
            &Expect::At(base),
        )
        .unwrap();
    assert_eq!(moved, RefMove::Elsewhere(None));
    repository
        .move_ref(
            "refs/heads/gtd/integration/main",
            &assembly.commit,
            &Expect::Missing,
        )
        .unwrap();
    pool.ensure(
        "quartz",
        &on_branch("gtd/x-3/e1", &assembly.commit),
        Tidy::Everything,
        &owner("x-3"),
    )
    .unwrap();
    for (slot, key) in [("quartz", "x-3"), ("onyx", "x-2"), ("gate", "c-1")] {
        pool.release(slot, key).unwrap();
        let removed = pool.remove(slot).unwrap();
        assert!(matches!(removed, Removal::Removed { .. }));
    }
    assert_eq!(pool.slots().unwrap(), Vec::<String>::new());
    assert_eq!(rig.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(picture(&rig.path), before);
    assert_eq!(rig.git(&["stash", "list"]).lines().count(), 1);
    assert_eq!(rig.git(&["fsck", "--connectivity-only"]), "");
}

#[test]
fn a_clean_checkout_is_brought_forward_and_no_other() {
    let rig = Rig::new();
    let ahead = rig.branch("ahead", "main", "new", "new\n");
    let aside = rig.branch("aside", "main", "g", "g\n");
    let repository = rig.open();
    let forward = |to| repository.fast_forward_checkout(&rig.path, to).unwrap();

    rig.write("f", "edited\n");
    let before = picture(&rig.path);
    assert_eq!(forward(&ahead), FastForward::NotClean(vec!["f".to_owned()]));
    assert_eq!(picture(&rig.path), before);
    rig.git(&["checkout", "-q", "f"]);

    rig.write("new", "mine\n");
    assert_eq!(
        forward(&ahead),
        FastForward::NotClean(vec!["new".to_owned()])
    );
    fs::remove_file(rig.path.join("new")).unwrap();

    rig.write("untracked", "not in the way\n");
    assert_eq!(forward(&ahead), FastForward::Done);
    assert_eq!(rig.oid("main"), ahead);
    assert_eq!(rig.git(&["status", "--porcelain"]), "?? untracked");
    assert_eq!(forward(&ahead), FastForward::Done);
    assert_eq!(forward(&aside), FastForward::NotFastForward);

    rig.git(&["checkout", "-q", "--detach", "main"]);
    rig.write("f", "x\n");
    rig.git(&["commit", "-qam", "x"]);
    let (code, _, _) = try_git(&rig.path, &["merge", "-q", "--no-commit", "aside"]);
    assert_eq!(code, 0);
    let further = rig.git(&["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "further"]);
    let further = gtd_core::Oid::parse(&further).unwrap();
    assert_eq!(forward(&further), FastForward::InProgress(Operation::Merge));
}

#[test]
fn an_ignored_file_of_the_person_is_not_overwritten() {
    let rig = Rig::new();
    rig.git(&["checkout", "-q", "-b", "ahead"]);
    rig.write("x.ignored", "theirs\n");
    rig.git(&["add", "-f", "x.ignored"]);
    let ahead = rig.commit("ahead");
    rig.git(&["checkout", "-q", "main"]);
    rig.write("x.ignored", "mine\n");
    let result = rig.open().fast_forward_checkout(&rig.path, &ahead).unwrap();
    assert_eq!(result, FastForward::NotClean(vec!["x.ignored".to_owned()]));
    assert_eq!(common::read(&rig.path, "x.ignored"), "mine\n");
}

#[test]
fn a_lock_of_the_person_is_never_touched() {
    let rig = Rig::new();
    let ahead = rig.branch("ahead", "main", "new", "new\n");
    rig.write(".git/index.lock", "");
    assert!(rig.open().fast_forward_checkout(&rig.path, &ahead).is_err());
    assert!(rig.path.join(".git/index.lock").exists());
    assert_ne!(rig.oid("main"), ahead);
}

#[test]
fn an_agents_git_asks_for_no_signature() {
    let rig = Rig::new();
    let mut commit = common::command(&rig.path, &["commit", "--allow-empty", "-q", "-m", "x"]);
    rig.git(&["config", "commit.gpgsign", "true"]);
    rig.git(&["config", "gpg.program", "/bin/false"]);
    commit.envs(gtd_git::agent_git_env());
    assert!(commit.status().unwrap().success());
    assert_eq!(git(&rig.path, &["config", "commit.gpgsign"]), "true");
}
