//! Worktrees: ensured, reused, saved, mended.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use common::{Rig, commit_all, git, on_branch, owner, picture, read, try_git, write};
use gtd_core::Oid;
use gtd_git::{Author, Checkout, GitError, Operation, Pool, Removal, Tidy};

const KEEP: Tidy = Tidy::KeepIgnored;

fn author() -> Author {
    Author::new("quartz (gtd)", "quartz@gtd.invalid")
}

fn snaps(rig: &Rig) -> Vec<String> {
    let refs = rig.open().list_refs("refs/gtd/snap").unwrap();
    refs.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn sixty_four_slots_are_made_at_once() {
    let rig = Rig::new();
    let base = rig.oid("main");
    // Two pools: as from two processes, they share nothing but the folder.
    let pools = [rig.pool(), rig.pool()];
    std::thread::scope(|scope| {
        for n in 0..64 {
            let (pool, base) = (&pools[n % 2], &base);
            scope.spawn(move || {
                let (slot, bead) = (format!("s{n}"), format!("x-{n}"));
                let branch = format!("gtd/{bead}/e1");
                let at = pool
                    .ensure(&slot, &on_branch(&branch, base), KEEP, &owner(&bead))
                    .unwrap();
                assert_eq!(read(&at, "f"), "one\n");
            });
        }
    });
    // And all of them change hands at once.
    std::thread::scope(|scope| {
        for n in 0..64 {
            let (pool, base) = (&pools[n % 2], &base);
            scope.spawn(move || {
                let (slot, bead) = (format!("s{n}"), format!("y-{n}"));
                let branch = format!("gtd/{bead}/e1");
                let at = pool
                    .ensure(&slot, &on_branch(&branch, base), KEEP, &owner(&bead))
                    .unwrap();
                let state = pool.look(&slot).unwrap().unwrap();
                assert_eq!(state.branch, Some(branch), "{at:?}");
                assert!(!state.dirty);
            });
        }
    });
    assert_eq!(pools[0].slots().unwrap().len(), 64);
    assert_eq!(rig.git(&["worktree", "list"]).lines().count(), 65);
    assert!(snaps(&rig).is_empty());
}

#[test]
fn one_slot_that_many_ask_for_is_made_once() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                pool.ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
                    .unwrap()
            });
        }
    });
    assert_eq!(rig.git(&["worktree", "list"]).lines().count(), 2);
}

#[test]
fn the_same_owner_finds_its_uncommitted_work_untouched() {
    let rig = Rig::new();
    let pool = rig.pool();
    let checkout = on_branch("gtd/x/e1", &rig.oid("main"));
    let at = pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    write(&at, "f", "edited\n");
    write(&at, "new", "untracked\n");
    git(&at, &["add", "new"]);
    write(&at, "x.ignored", "ignored\n");
    let before = picture(&at);
    let index = fs::read(rig.path.join(".git/worktrees/q/index")).unwrap();
    assert_eq!(
        pool.ensure("q", &checkout, Tidy::Everything, &owner("x/1"))
            .unwrap(),
        at
    );
    let state = pool.look("q").unwrap().unwrap();
    assert!(state.dirty);
    assert_eq!(state.branch.as_deref(), Some("gtd/x/e1"));
    assert_eq!(state.owner, Some(owner("x/1")));
    assert_eq!(picture(&at), before);
    assert_eq!(
        fs::read(rig.path.join(".git/worktrees/q/index")).unwrap(),
        index
    );
    assert!(snaps(&rig).is_empty());
}

#[test]
fn a_rebase_of_the_same_owner_is_left_alone() {
    let rig = Rig::new();
    let base = rig.oid("main");
    rig.write("f", "main\n");
    let tip = rig.commit("main");
    let pool = rig.pool();
    let checkout = on_branch("gtd/x/e1", &base);
    let at = pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    write(&at, "f", "agent\n");
    commit_all(&pool, "q", "work\n", &author())
        .unwrap()
        .unwrap();
    assert_ne!(try_git(&at, &["rebase", "-q", tip.as_str()]).0, 0);
    let before = picture(&at);
    pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    assert_eq!(picture(&at), before);
    let state = pool.look("q").unwrap().unwrap();
    assert_eq!(state.branch, None);
    assert_eq!(
        state.operation,
        Some(Operation::Rebase {
            branch: Some("gtd/x/e1".to_owned())
        })
    );
    let error = commit_all(&pool, "q", "work\n", &author()).unwrap_err();
    assert!(matches!(error, GitError::Unmerged { files, .. } if files == ["f"]));

    // The next owner ends it, and nothing of it is lost.
    pool.ensure("q", &on_branch("gtd/y/e1", &tip), KEEP, &owner("y/1"))
        .unwrap();
    let state = pool.look("q").unwrap().unwrap();
    assert_eq!((state.operation, state.dirty), (None, false));
    assert_eq!(rig.show("gtd/x/e1:f"), "agent");
    assert!(rig.show("refs/gtd/snap/x/1:f").contains("<<<<<<<"));
    assert_eq!(git(&at, &["status", "--porcelain"]), "");
}

#[test]
fn what_another_owner_left_is_saved_exactly_before_a_slot_is_reused() {
    let rig = Rig::new();
    rig.write("gone", "to be deleted\n");
    rig.write("tool", "#!/bin/sh\n");
    let base = rig.commit("more");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    write(&at, "committed", "c\n");
    commit_all(&pool, "q", "work\n", &author())
        .unwrap()
        .unwrap();
    write(&at, "f", "edited\n");
    write(&at, "deep/gr ün\n☃", "untracked\n");
    write(&at, "staged", "staged content\n");
    git(&at, &["add", "staged"]);
    write(&at, "staged", "later content\n");
    fs::remove_file(at.join("gone")).unwrap();
    fs::set_permissions(at.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("f", at.join("link")).unwrap();
    write(&at, "x.ignored", "cache\n");
    write(&at, "target/big", "cache\n");

    let reused = pool
        .ensure("q", &on_branch("gtd/y/e1", &base), KEEP, &owner("y/1"))
        .unwrap();
    assert_eq!(reused, at);
    assert_eq!(snaps(&rig), ["refs/gtd/snap/x/1"]);
    let snap = "refs/gtd/snap/x/1";
    assert_eq!(rig.show(&format!("{snap}:f")), "edited");
    assert_eq!(rig.show(&format!("{snap}:deep/gr ün\n☃")), "untracked");
    assert_eq!(rig.show(&format!("{snap}:staged")), "later content");
    assert_eq!(rig.show(&format!("{snap}^2:staged")), "staged content");
    assert_eq!(rig.oid(&format!("{snap}^1")), rig.oid("gtd/x/e1"));
    let listed = rig.git(&["ls-tree", "-r", "-z", snap]);
    assert!(listed.contains("100755") && listed.contains("120000"));
    assert!(!listed.contains("gone") && !listed.contains("ignored"));

    // The new owner has a clean tree, with the build cache kept.
    assert_eq!(read(&at, "f"), "one\n");
    assert!(!at.join("deep").exists() && !at.join("committed").exists());
    assert_eq!(read(&at, "x.ignored"), "cache\n");
    let state = pool.look("q").unwrap().unwrap();
    assert_eq!(
        (state.branch.as_deref(), state.dirty),
        (Some("gtd/y/e1"), false)
    );

    // A gate gets nothing but the commit.
    let gate = Checkout::Detached(rig.oid("gtd/x/e1"));
    pool.ensure("q", &gate, Tidy::Everything, &owner("gate"))
        .unwrap();
    assert!(!at.join("x.ignored").exists() && !at.join("target").exists());
    assert_eq!(read(&at, "committed"), "c\n");
}

#[test]
fn changes_that_git_was_told_not_to_see_are_saved_and_undone() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    git(&at, &["update-index", "--assume-unchanged", "f"]);
    git(&at, &["update-index", "--skip-worktree", ".gitignore"]);
    write(&at, "f", "hidden\n");
    write(&at, ".gitignore", "hidden\n");
    pool.ensure("q", &Checkout::Detached(base), KEEP, &owner("gate"))
        .unwrap();
    assert_eq!(rig.show("refs/gtd/snap/x/1:f"), "hidden");
    assert_eq!(rig.show("refs/gtd/snap/x/1:.gitignore"), "hidden");
    assert_eq!(read(&at, "f"), "one\n");
    assert_eq!(git(&at, &["ls-files", "-v", "f"]), "H f");
}

#[test]
fn a_repository_made_inside_a_worktree_is_moved_aside() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    write(&at, "sub/inner/file", "inner\n");
    write(&at, "beside", "beside\n");
    git(&at.join("sub/inner"), &["init", "-q"]);
    pool.ensure("q", &Checkout::Detached(base), KEEP, &owner("gate"))
        .unwrap();
    assert!(!at.join("sub/inner").exists());
    let lost = rig.pool_folder().join(".lost/q-1/sub/inner");
    assert_eq!(read(&lost, "file"), "inner\n");
    assert_eq!(rig.show("refs/gtd/snap/x/1:beside"), "beside");
}

#[test]
fn commits_on_no_branch_stay_reachable() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    git(&at, &["checkout", "-q", "--detach"]);
    write(&at, "new", "new\n");
    git(&at, &["add", "-A"]);
    git(&at, &["commit", "-q", "-m", "on no branch"]);
    let lonely = Oid::parse(&git(&at, &["rev-parse", "HEAD"])).unwrap();
    pool.ensure("q", &Checkout::Detached(base.clone()), KEEP, &owner("gate"))
        .unwrap();
    assert_eq!(rig.oid("refs/gtd/snap/x/1"), lonely);
    // A commit that was only put there for a gate is nobody's work.
    let candidate = rig.git(&["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "c"]);
    let candidate = Checkout::Detached(Oid::parse(&candidate).unwrap());
    pool.ensure("q", &candidate, KEEP, &owner("c-1")).unwrap();
    pool.ensure("q", &Checkout::Detached(base), KEEP, &owner("c-2"))
        .unwrap();
    assert_eq!(snaps(&rig), ["refs/gtd/snap/x/1"]);
}

#[test]
fn a_branch_that_exists_is_taken_as_it_is() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let done = rig.branch("gtd/x/e1", "main", "done", "before the crash\n");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    assert_eq!(pool.look("q").unwrap().unwrap().head, Some(done.clone()));
    assert_eq!(read(&at, "done"), "before the crash\n");

    // Another slot takes it over from one that was given up.
    write(&at, "f", "unsaved\n");
    pool.release("q", "x/1").unwrap();
    assert_eq!(snaps(&rig), ["refs/gtd/snap/x/1"]);
    let other = pool
        .ensure("r", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    assert_eq!(read(&other, "done"), "before the crash\n");
    assert_eq!(snaps(&rig), ["refs/gtd/snap/x/1"]);
    assert_eq!(pool.look("q").unwrap().unwrap().branch, None);
    assert_eq!(read(&at, "f"), "unsaved\n");
}

#[test]
fn a_branch_that_the_person_has_checked_out_is_refused() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    rig.git(&["checkout", "-q", "-b", "gtd/x/e1"]);
    let error = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap_err();
    assert!(matches!(error, GitError::BranchHeld { at, .. } if at == rig.path));
    let error = pool
        .ensure("q", &on_branch("main", &base), KEEP, &owner("x/1"))
        .unwrap_err();
    assert!(matches!(error, GitError::InvalidName { .. }));
    let missing = Oid::parse(&"1".repeat(40)).unwrap();
    let error = pool
        .ensure("q", &Checkout::Detached(missing), KEEP, &owner("x/1"))
        .unwrap_err();
    assert!(matches!(error, GitError::MissingCommit { .. }));
    assert_eq!(pool.look("q").unwrap(), None);
}

#[test]
fn damaged_slots_are_mended_and_what_lay_there_is_kept() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let lost = rig.pool_folder().join(".lost");
    let checkout = on_branch("gtd/x/e1", &base);
    let ensure = || pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();

    // Junk where a worktree should be.
    write(&pool.path("q"), "junk", "not a worktree\n");
    let at = ensure();
    assert_eq!(read(&lost.join("q-1"), "junk"), "not a worktree\n");

    // The folder is gone.
    fs::remove_dir_all(&at).unwrap();
    assert_eq!(read(&ensure(), "f"), "one\n");

    // The `.git` file is gone: same owner, work untouched.
    write(&at, "f", "edited\n");
    fs::remove_file(at.join(".git")).unwrap();
    assert_eq!(read(&ensure(), "f"), "edited\n");
    assert!(git(&at, &["status", "--porcelain"]).ends_with("M f"));

    // The registration is gone.
    fs::remove_dir_all(rig.path.join(".git/worktrees/q")).unwrap();
    let error = pool.look("q").unwrap_err();
    assert!(matches!(error, GitError::DamagedSlot { .. }));
    assert_eq!(read(&ensure(), "f"), "one\n");
    assert_eq!(read(&lost.join("q-2"), "f"), "edited\n");

    // The `.git` file leads into the person's repository.
    fs::write(
        at.join(".git"),
        format!("gitdir: {}\n", rig.path.join(".git").display()),
    )
    .unwrap();
    let before = picture(&rig.path);
    assert_eq!(read(&ensure(), "f"), "one\n");
    assert_eq!(picture(&rig.path), before);

    // The index is rubbish; the next owner gets a good one, the work is saved.
    write(&at, "f", "edited again\n");
    fs::write(rig.path.join(".git/worktrees/q/index"), "rubbish").unwrap();
    pool.ensure("q", &Checkout::Detached(base), KEEP, &owner("gate"))
        .unwrap();
    assert_eq!(rig.show("refs/gtd/snap/x/1:f"), "edited again");
    assert!(!pool.look("q").unwrap().unwrap().dirty);
}

#[test]
fn a_slot_whose_making_was_interrupted_is_made_anew() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let checkout = on_branch("gtd/x/e1", &base);
    let at = pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    let marker = rig.pool_folder().join(".owners/q.json");
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("\"ready\"", "\"fresh\"")).unwrap();
    fs::remove_file(at.join("f")).unwrap();
    fs::remove_file(rig.path.join(".git/worktrees/q/commondir")).unwrap();
    pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    assert_eq!(read(&at, "f"), "one\n");

    // And one that was half way from one owner to the next.
    let text = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, text.replace("\"ready\"", "\"preparing\"")).unwrap();
    fs::remove_file(at.join("f")).unwrap();
    pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    assert_eq!(read(&at, "f"), "one\n");
    assert!(snaps(&rig).is_empty());
}

#[test]
fn a_stale_lock_of_a_dead_owner_is_taken_away() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let checkout = on_branch("gtd/x/e1", &base);
    let at = pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    let locks =
        ["index.lock", "HEAD.lock"].map(|name| rig.path.join(".git/worktrees/q").join(name));
    // By a process of its own: what this one has open, a child of another test holds for a moment.
    let touch = |lock: &PathBuf| Command::new("touch").arg(lock).status().unwrap().success();
    let lock = || assert!(locks.iter().all(touch));
    let is_clear = || locks.iter().all(|lock| !lock.exists());

    lock();
    pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    assert!(is_clear());

    lock();
    write(&at, "new", "new\n");
    assert!(
        commit_all(&pool, "q", "work\n", &author())
            .unwrap()
            .is_some()
    );
    assert!(is_clear());

    lock();
    pool.ensure("q", &Checkout::Detached(base), KEEP, &owner("gate"))
        .unwrap();
    assert!(is_clear());
}

#[test]
fn a_lock_of_a_living_process_stays() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let checkout = on_branch("gtd/x/e1", &base);
    let at = pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    let lock = rig.path.join(".git/worktrees/q/index.lock");
    let mut holder = Command::new("sh")
        .args(["-c", "exec 3>\"$0\"; echo held; read end"])
        .arg(&lock)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    write(&at, "new", "new\n");
    let error = commit_all(&pool, "q", "work\n", &author()).unwrap_err();
    assert!(matches!(error, GitError::Locked { .. }), "{error:?}");
    let gate = Checkout::Detached(base);
    let error = pool.ensure("q", &gate, KEEP, &owner("gate")).unwrap_err();
    assert!(matches!(error, GitError::Locked { .. }), "{error:?}");
    // Its own owner is not disturbed.
    pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    assert!(lock.exists());
    assert_eq!(read(&at, "new"), "new\n");

    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert!(
        commit_all(&pool, "q", "work\n", &author())
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_snapshot_disturbs_nothing_and_is_not_made_twice() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    assert_eq!(pool.snapshot("q", "x").unwrap(), None);
    write(&at, "f", "edited\n");
    write(&at, "new", "new\n");
    let before = picture(&at);
    let index = fs::read(rig.path.join(".git/worktrees/q/index")).unwrap();
    let snap = pool.snapshot("q", "x").unwrap().unwrap();
    assert_eq!(snap, "refs/gtd/snap/x/1");
    assert_eq!(pool.snapshot("q", "x").unwrap(), Some(snap));
    assert_eq!(picture(&at), before);
    assert_eq!(
        fs::read(rig.path.join(".git/worktrees/q/index")).unwrap(),
        index
    );
    write(&at, "new", "newer\n");
    assert_eq!(
        pool.snapshot("q", "x").unwrap().as_deref(),
        Some("refs/gtd/snap/x/2")
    );
    assert_eq!(rig.show("refs/gtd/snap/x/2:new"), "newer");
    let strange = pool.snapshot("q", "../a b..lock/☃").unwrap().unwrap();
    rig.git(&["check-ref-format", &strange]);
}

#[test]
fn a_change_in_the_instant_of_the_index_is_not_missed() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    for n in 0..20 {
        let bead = format!("x-{n}");
        let branch = format!("gtd/{bead}/e1");
        let at = pool
            .ensure("q", &on_branch(&branch, &base), KEEP, &owner(&bead))
            .unwrap();
        write(&at, "f", "two\n");
        let snap = pool.snapshot("q", &bead).unwrap();
        assert!(snap.is_some(), "round {n}");
    }
}

#[test]
fn commit_all_takes_new_and_changed_files_and_nothing_ignored() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let hook = rig.path.join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    rig.git(&["config", "commit.gpgsign", "true"]);
    rig.git(&["config", "gpg.program", "/bin/false"]);
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    assert_eq!(
        commit_all(&pool, "q", "nothing\n", &author()).unwrap(),
        None
    );
    write(&at, "x.ignored", "no");
    assert_eq!(
        commit_all(&pool, "q", "nothing\n", &author()).unwrap(),
        None
    );
    write(&at, "gr ün\n☃", "yes");
    fs::remove_file(at.join("f")).unwrap();
    let text = gtd_git::message(
        "Do it",
        "# not a comment",
        &[("Gtd-Bead".to_owned(), "x".to_owned())],
    );
    let oid = commit_all(&pool, "q", &text, &author()).unwrap().unwrap();
    assert_eq!(rig.oid("gtd/x/e1"), oid);
    let commit = rig.open().commit(&oid).unwrap();
    assert_eq!(commit.message, "Do it\n\n# not a comment\n\nGtd-Bead: x\n");
    assert_eq!(
        rig.git(&["show", "-s", "--format=%an <%ae>", oid.as_str()]),
        "quartz (gtd) <quartz@gtd.invalid>"
    );
    let mut files = rig.open().changed_files(&base, &oid).unwrap();
    files.sort();
    assert_eq!(files, ["f", "gr ün\n☃"]);
    assert_eq!(
        commit_all(&pool, "q", "nothing\n", &author()).unwrap(),
        None
    );
}

#[test]
fn what_no_commit_can_hold_is_nothing_to_commit() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    for folder in ["nested", "deep/nested"] {
        fs::create_dir_all(at.join(folder)).unwrap();
        git(&at.join(folder), &["init", "-q"]);
        write(&at.join(folder), "file", "theirs\n");
    }
    assert!(!pool.look("q").unwrap().unwrap().dirty);
    write(&at, "deep/ours", "ours\n");
    assert!(pool.look("q").unwrap().unwrap().dirty);
    let oid = commit_all(&pool, "q", "work\n", &author())
        .unwrap()
        .unwrap();
    assert_eq!(
        rig.open().changed_files(&base, &oid).unwrap(),
        ["deep/ours"]
    );
    assert!(!pool.look("q").unwrap().unwrap().dirty);
}

#[test]
fn work_in_a_worktree_without_its_git_file_is_committed() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    write(&at, "new", "work\n");
    fs::remove_file(at.join(".git")).unwrap();
    assert!(pool.look("q").unwrap().unwrap().dirty);
    let oid = commit_all(&pool, "q", "work\n", &author())
        .unwrap()
        .unwrap();
    assert_eq!(rig.oid("gtd/x/e1"), oid);
    assert_eq!(git(&at, &["status", "--porcelain"]), "");
}

#[test]
fn a_merge_that_was_left_is_ended_and_a_rebase_is_not() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let side = rig.branch("side", "main", "side", "theirs\n");
    let pool = rig.pool();
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    write(&at, "new", "work\n");
    git(&at, &["add", "-A"]);
    git(&at, &["commit", "-q", "-m", "work"]);
    git(
        &at,
        &["merge", "-q", "--no-commit", "-s", "ours", side.as_str()],
    );
    assert!(pool.look("q").unwrap().unwrap().dirty, "it is to be ended");
    let oid = commit_all(&pool, "q", "work\n", &author())
        .unwrap()
        .unwrap();
    assert_eq!(rig.open().commit(&oid).unwrap().parents.len(), 2);
    assert!(!pool.look("q").unwrap().unwrap().dirty);

    git(
        &at,
        &[
            "-c",
            "sequence.editor=sed -i s/pick/edit/",
            "rebase",
            "-q",
            "-i",
            "HEAD~1",
        ],
    );
    let error = commit_all(&pool, "q", "work\n", &author()).unwrap_err();
    assert!(matches!(error, GitError::Unfinished { .. }), "{error}");
}

#[test]
fn a_slot_that_has_passed_on_is_kept_for_nobody_else() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let is_first = |key: &str| key == "x/1";
    assert!(pool.hold_for("q", is_first).unwrap().is_none());
    pool.ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    assert!(pool.hold_for("q", is_first).unwrap().is_some());
    pool.ensure("q", &on_branch("gtd/y/e1", &base), KEEP, &owner("y/1"))
        .unwrap();
    assert!(pool.hold_for("q", is_first).unwrap().is_none());
}

#[test]
fn a_worktree_is_removed_only_when_it_is_given_up_empty_and_saved() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    assert_eq!(pool.remove("q").unwrap(), Removal::Absent);
    let at = pool
        .ensure("q", &on_branch("gtd/x/e1", &base), KEEP, &owner("x/1"))
        .unwrap();
    write(&at, "new", "unsaved\n");
    let error = pool.remove("q").unwrap_err();
    assert!(matches!(error, GitError::SlotOwned { owner, .. } if owner == "x/1"));
    assert_eq!(pool.release("q", "somebody else").unwrap(), None);
    assert!(pool.remove("q").is_err());
    pool.release("q", "x/1").unwrap();

    let mut inside = Command::new("cat")
        .current_dir(&at)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let error = pool.remove("q").unwrap_err();
    assert!(matches!(error, GitError::SlotBusy { pids, .. } if pids == [inside.id()]));
    drop(inside.stdin.take());
    inside.wait().unwrap();

    write(&at, "target/read only/file", "cache");
    fs::set_permissions(
        at.join("target/read only"),
        fs::Permissions::from_mode(0o555),
    )
    .unwrap();
    assert_eq!(
        pool.remove("q").unwrap(),
        Removal::Removed {
            snapshot: Some("refs/gtd/snap/x/1".to_owned())
        }
    );
    assert!(!at.exists());
    assert_eq!(rig.show("refs/gtd/snap/x/1:new"), "unsaved");
    assert_eq!(rig.oid("gtd/x/e1"), base);
    assert_eq!(rig.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(pool.look("q").unwrap(), None);
}

#[test]
fn a_pool_is_never_opened_inside_the_repository() {
    let rig = Rig::new();
    let error = Pool::open(rig.open(), &rig.path.join("pool")).unwrap_err();
    assert!(matches!(error, GitError::PoolInsideRepository { .. }));
    let pool = rig.pool();
    for slot in ["", ".", "..", ".locks", "a/b", "-x", "a\nb"] {
        assert!(matches!(
            pool.look(slot).unwrap_err(),
            GitError::InvalidName { .. }
        ));
    }
}

#[test]
fn a_worktree_that_is_handed_on_stays_as_it_is_and_stands_on_the_branch_of_the_next() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let pool = rig.pool();
    let checkout = on_branch("gtd/x/e1", &base);
    let at = pool.ensure("q", &checkout, KEEP, &owner("x/1")).unwrap();
    write(&at, "f", "committed\n");
    let head = commit_all(&pool, "q", "half", &author()).unwrap();
    write(&at, "f", "edited\n");
    write(&at, "staged", "staged\n");
    git(&at, &["add", "staged"]);
    write(&at, "new", "untracked\n");
    let before = picture(&at);
    let refused = pool.hand_on("q", "somebody", "gtd/x/e2", &owner("x/2"));
    assert!(
        matches!(refused, Err(GitError::NotTheirs { .. })),
        "{refused:?}"
    );
    // Twice: whoever was killed after the branch was made begins again.
    git(&at, &["branch", "gtd/x/e2", "HEAD"]);
    assert_eq!(
        pool.hand_on("q", "x/1", "gtd/x/e2", &owner("x/2")).unwrap(),
        at
    );
    assert_eq!(picture(&at), before);
    let state = pool.look("q").unwrap().unwrap();
    assert_eq!(state.owner, Some(owner("x/2")));
    assert_eq!(state.branch.as_deref(), Some("gtd/x/e2"));
    assert_eq!(state.head, head);
    assert!(state.dirty && state.ready);
    assert!(snaps(&rig).is_empty(), "nothing had to be saved");
    assert!(pool.hand_on("q", "x/1", "gtd/x/e2", &owner("x/2")).is_err());
}
