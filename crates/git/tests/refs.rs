//! Opening repositories, names, refs and where branches are checked out.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;

use common::{Rig, commit_all, git, try_git};
use gtd_core::Oid;
use gtd_git::{Expect, GitError, RefMove, Repository};

#[test]
fn a_repository_is_found_from_anywhere_inside() {
    let rig = Rig::new();
    fs::create_dir_all(rig.path.join("a b/c")).unwrap();
    rig.git(&["worktree", "add", "-q", "../linked", "-b", "x"]);
    for inside in ["repo", "repo/a b/c", "repo/.git", "repo/f", "linked"] {
        let repository = Repository::open(&rig.folder.path().join(inside)).unwrap();
        assert_eq!(repository.root(), rig.path, "{inside}");
        assert_eq!(repository.common_dir(), rig.path.join(".git"), "{inside}");
    }
    assert!(Repository::version().unwrap() >= (2, 38, 0));
}

#[test]
fn what_is_no_repository_is_told_by_name() {
    let folder = tempfile::TempDir::new().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        let error = Repository::open(&path).unwrap_err();
        assert!(matches!(error, GitError::NotARepository { path: told } if told == path));
    }
}

#[test]
fn an_unborn_branch_is_told_by_name() {
    let rig = Rig::empty(&["init", "-q", "-b", "trunk"]);
    let repository = rig.open();
    assert!(matches!(
        repository.head().unwrap_err(),
        GitError::UnbornBranch { .. }
    ));
    assert_eq!(repository.default_branch().unwrap(), "trunk");
}

#[test]
fn a_bare_repository_works_alike() {
    let rig = Rig::new();
    let bare = rig.path.parent().unwrap().join("bare.git");
    git(
        rig.folder.path(),
        &["clone", "-q", "--bare", "repo", "bare.git"],
    );
    let repository = Repository::open(&bare).unwrap();
    assert_eq!(repository.root(), bare);
    assert_eq!(repository.common_dir(), bare);
    assert_eq!(repository.default_branch().unwrap(), "main");
    assert_eq!(repository.checked_out_at("refs/heads/main").unwrap(), None);
    let head = repository.head().unwrap();
    let pool = gtd_git::Pool::open(repository.clone(), &rig.pool_folder()).unwrap();
    let at = pool
        .ensure(
            "q",
            &common::on_branch("gtd/x/e1", &head),
            gtd_git::Tidy::KeepIgnored,
            &common::owner("x/1"),
        )
        .unwrap();
    common::write(&at, "new", "new\n");
    let author = gtd_git::Author::new("quartz (gtd)", "quartz@gtd.invalid");
    let commit = commit_all(&pool, "q", "work\n", &author).unwrap().unwrap();
    assert_eq!(
        repository.resolve("refs/heads/gtd/x/e1").unwrap(),
        Some(commit)
    );
    assert_eq!(Repository::open(&at).unwrap().root(), bare);
}

#[test]
fn the_default_branch_is_what_origin_says_then_what_is_checked_out() {
    let rig = Rig::new();
    assert_eq!(rig.open().default_branch().unwrap(), "main");
    rig.git(&["checkout", "-q", "-b", "side"]);
    assert_eq!(rig.open().default_branch().unwrap(), "side");
    rig.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/trunk",
    ]);
    assert_eq!(rig.open().default_branch().unwrap(), "trunk");
}

#[test]
fn a_name_that_is_no_commit_resolves_to_nothing() {
    let rig = Rig::new();
    let repository = rig.open();
    let blob = rig.git(&["rev-parse", "HEAD:f"]);
    for name in ["nope", "", "-x", "HEAD:f", "@{u}", &"1".repeat(40), &blob] {
        assert_eq!(repository.resolve(name).unwrap(), None, "{name:?}");
    }
    assert_eq!(repository.resolve("main").unwrap(), Some(rig.oid("main")));
    let missing = Oid::parse(&"1".repeat(40)).unwrap();
    let error = repository
        .is_ancestor(&missing, &rig.oid("main"))
        .unwrap_err();
    assert!(matches!(error, GitError::MissingCommit { .. }), "{error:?}");
    let error = repository.first_parent(None, &missing).unwrap_err();
    assert!(matches!(error, GitError::MissingCommit { .. }), "{error:?}");
}

#[test]
fn a_ref_that_moved_is_never_overwritten() {
    let rig = Rig::new();
    let repository = rig.open();
    let one = rig.oid("main");
    let two = rig.branch("two", "main", "g", "2");
    let three = rig.branch("three", "main", "g", "3");
    let name = "refs/heads/gtd/x/e1";
    let at = |oid: &Oid| Expect::At(oid.clone());
    let go = |new: &Oid, expect: Expect| repository.move_ref(name, new, &expect).unwrap();
    assert_eq!(go(&two, at(&one)), RefMove::Elsewhere(None));
    assert_eq!(go(&one, Expect::Missing), RefMove::Moved);
    assert_eq!(go(&one, Expect::Missing), RefMove::AlreadyThere);
    assert_eq!(
        go(&two, Expect::Missing),
        RefMove::Elsewhere(Some(one.clone()))
    );
    assert_eq!(go(&two, at(&one)), RefMove::Moved);
    assert_eq!(go(&two, at(&one)), RefMove::AlreadyThere);
    assert_eq!(go(&three, at(&one)), RefMove::Elsewhere(Some(two.clone())));
    assert_eq!(rig.oid(name), two);
    let missing = Oid::parse(&"1".repeat(40)).unwrap();
    let error = repository.move_ref(name, &missing, &at(&two)).unwrap_err();
    assert!(matches!(error, GitError::MissingCommit { .. }), "{error:?}");
    assert_eq!(
        repository.list_refs("refs/heads/gtd").unwrap(),
        [(name.to_owned(), two.clone())]
    );
    assert_eq!(
        repository.delete_ref(name, &one).unwrap(),
        RefMove::Elsewhere(Some(two.clone()))
    );
    assert_eq!(repository.delete_ref(name, &two).unwrap(), RefMove::Moved);
    assert_eq!(
        repository.delete_ref(name, &two).unwrap(),
        RefMove::AlreadyThere
    );
}

#[test]
fn of_many_who_move_one_ref_exactly_one_wins() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let heads: Vec<Oid> = (0..8)
        .map(|n| rig.branch(&format!("b{n}"), "main", "g", &n.to_string()))
        .collect();
    let repository = rig.open();
    rig.git(&["update-ref", "refs/heads/target", base.as_str()]);
    let moved = std::thread::scope(|scope| {
        let runs: Vec<_> = heads
            .iter()
            .map(|head| {
                let (repository, base) = (&repository, &base);
                scope.spawn(move || {
                    repository
                        .move_ref("refs/heads/target", head, &Expect::At(base.clone()))
                        .unwrap()
                })
            })
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap())
            .filter(|result| *result == RefMove::Moved)
            .count()
    });
    assert_eq!(moved, 1);
}

#[test]
fn a_branch_counts_as_checked_out_while_it_is_rebased_or_bisected() {
    let rig = Rig::new();
    let base = rig.oid("main");
    rig.branch("theirs", "main", "f", "theirs\n");
    rig.git(&["checkout", "-q", "-b", "mine"]);
    rig.write("f", "mine\n");
    rig.commit("mine");
    let repository = rig.open();
    let at = |name: &str| {
        repository
            .checked_out_at(&format!("refs/heads/{name}"))
            .unwrap()
    };
    assert_eq!(at("mine"), Some(rig.path.clone()));
    assert_eq!(at("main"), None);
    let (code, _, _) = try_git(&rig.path, &["rebase", "-q", "theirs"]);
    assert_ne!(code, 0);
    assert_eq!(at("mine"), Some(rig.path.clone()));
    rig.git(&["rebase", "--abort"]);

    rig.git(&["bisect", "start", "mine", base.as_str()]);
    assert_eq!(at("mine"), Some(rig.path.clone()));
    rig.git(&["bisect", "reset"]);

    rig.git(&["worktree", "add", "-q", "../other tree", "main"]);
    let other = rig.path.parent().unwrap().join("other tree");
    assert_eq!(at("main"), Some(other.clone()));
    fs::remove_dir_all(other).unwrap();
    assert_eq!(at("main"), None);
}

#[test]
fn a_hook_of_the_repository_does_not_run_for_gtd() {
    let rig = Rig::new();
    let hook = rig.path.join(".git/hooks/reference-transaction");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let moved = rig
        .open()
        .move_ref("refs/gtd/x", &rig.oid("main"), &Expect::Missing)
        .unwrap();
    assert_eq!(moved, RefMove::Moved);
}

#[test]
fn an_inherited_git_environment_leads_nowhere() {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_ref_that_moved_is_never_overwritten"])
        .env("GIT_DIR", "/nonexistent")
        .env("GIT_WORK_TREE", "/nonexistent")
        .env("GIT_INDEX_FILE", "/nonexistent")
        .env("GIT_OBJECT_DIRECTORY", "/nonexistent")
        .env("GIT_NAMESPACE", "elsewhere")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.bare")
        .env("GIT_CONFIG_VALUE_0", "rubbish")
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
}

#[test]
fn a_link_is_no_file_of_a_commit() {
    let rig = Rig::new();
    rig.write("CLAUDE.md", "make\n");
    std::os::unix::fs::symlink("../elsewhere", rig.path.join("AGENTS.md")).unwrap();
    let commit = rig.commit("instructions");
    let files = rig.open().files(&commit).unwrap();
    let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, [".gitignore", "CLAUDE.md", "f"]);
}
