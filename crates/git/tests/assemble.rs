//! Candidates.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::{Duration, Instant};

use common::{Rig, git};
use gtd_core::Oid;
use gtd_git::{Against, AssemblySpec, GitError, Member, Repository};

fn member(key: &str, head: &Oid) -> Member {
    Member {
        key: key.to_owned(),
        head: head.clone(),
        title: format!("Do {key}"),
        trailers: vec![("Gtd-Bead".to_owned(), key.to_owned())],
    }
}

fn spec(base: &Oid, members: Vec<Member>) -> AssemblySpec {
    AssemblySpec {
        base: base.clone(),
        subject: "Land work".to_owned(),
        trailers: vec![("Gtd-Candidate".to_owned(), "c-1".to_owned())],
        members,
    }
}

#[test]
fn the_same_inputs_give_the_same_hash_in_any_clone_at_any_time() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let a = rig.branch("a", "main", "a", "a\n");
    let b = rig.branch("b", "main", "b", "b\n");
    let spec = spec(&base, vec![member("x-1", &a), member("x-2", &b)]);
    let here = rig.open().assemble(&spec).unwrap();
    assert_eq!(rig.open().assemble(&spec).unwrap(), here);

    let clone = rig.folder.path().join("clone.git");
    git(
        rig.folder.path(),
        &["clone", "-q", "--bare", "repo", clone.to_str().unwrap()],
    );
    let there = Repository::open(&clone).unwrap().assemble(&spec).unwrap();
    assert_eq!(there, here);
    // Written down, so that another process on another day is held to it too.
    assert_eq!(
        here.commit.as_str(),
        "de0341fe628ae581c259320e54432522a181d87f",
    );
}

#[test]
fn a_candidate_whose_objects_were_pruned_is_made_again() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let a = rig.branch("a", "main", "a", "a\n");
    let b = rig.branch("b", "main", "b", "b\n");
    let spec = spec(&base, vec![member("x-1", &a), member("x-2", &b)]);
    let repository = rig.open();
    let made = repository.assemble(&spec).unwrap();
    rig.git(&["prune", "--expire=now"]);
    assert_eq!(repository.resolve(made.commit.as_str()).unwrap(), None);
    assert_eq!(repository.assemble(&spec).unwrap(), made);
    rig.git(&["fsck", "--strict", "--no-dangling", made.commit.as_str()]);
}

#[test]
fn what_the_person_has_lying_about_does_not_change_a_candidate() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let a = rig.branch("a", "main", "f", "one\na\n");
    let b = rig.branch("b", "main", "f", "one\nb\n");
    let spec = spec(&base, vec![member("x-1", &a), member("x-2", &b)]);
    let before = rig.open().assemble(&spec).unwrap();
    assert_eq!(before.conflicts.len(), 1);
    rig.write(".gitattributes", "* merge=union\n");
    rig.git(&["add", "-A"]);
    rig.git(&["config", "merge.renames", "false"]);
    assert_eq!(rig.open().assemble(&spec).unwrap(), before);
}

#[test]
fn a_candidate_is_one_first_parent_commit_with_a_chain_behind_it() {
    let rig = Rig::new();
    let a = rig.branch("a", "main", "a", "a\n");
    let b = rig.branch("b", "main", "b", "b\n");
    rig.write("m", "moved on\n");
    let base = rig.commit("moved on");
    let repository = rig.open();
    let assembly = repository
        .assemble(&spec(&base, vec![member("x-1", &a), member("x-2", &b)]))
        .unwrap();
    assert_eq!(assembly.joined, ["x-1", "x-2"]);
    assert!(assembly.conflicts.is_empty() && assembly.already.is_empty());

    let landing = repository.commit(&assembly.commit).unwrap();
    assert_eq!(landing.tree, assembly.tree);
    assert_eq!(landing.parents[0], base);
    assert_eq!(
        landing.message,
        "Land work\n\n- x-1: Do x-1\n- x-2: Do x-2\n\nGtd-Candidate: c-1\n"
    );
    let second = repository.commit(&landing.parents[1]).unwrap();
    assert_eq!(second.parents[1], b);
    assert_eq!(second.tree, assembly.tree);
    assert_eq!(second.message, "Do x-2\n\nGtd-Bead: x-2\n");
    let first = repository.commit(&second.parents[0]).unwrap();
    assert_eq!(first.parents, [base.clone(), a]);
    assert_eq!(
        repository
            .first_parent(Some(&base), &assembly.commit)
            .unwrap(),
        std::slice::from_ref(&assembly.commit)
    );
    let tree = rig.git(&["ls-tree", "-r", "--name-only", assembly.tree.as_str()]);
    assert_eq!(tree, ".gitignore\na\nb\nf\nm");
    // Nothing was checked out and no ref was moved.
    assert_eq!(rig.git(&["status", "--porcelain"]), "");
    assert_eq!(rig.oid("main"), base);
}

#[test]
fn a_member_that_conflicts_is_left_out_and_told_apart() {
    let rig = Rig::new();
    let a = rig.branch("a", "main", "f", "a\n");
    let b = rig.branch("b", "main", "f", "b\n");
    let c = rig.branch("c", "main", "other", "c\n");
    let d = rig.branch("d", "main", "g", "d\n");
    rig.write("g", "main\n");
    let base = rig.commit("g");
    let members = vec![
        member("a", &a),
        member("b", &b),
        member("c", &c),
        member("d", &d),
    ];
    let assembly = rig.open().assemble(&spec(&base, members)).unwrap();
    assert_eq!(assembly.joined, ["a", "c"]);
    let [b, d] = &assembly.conflicts[..] else {
        panic!("two conflicts: {assembly:?}");
    };
    assert_eq!((b.key.as_str(), b.against), ("b", Against::Earlier));
    assert_eq!(b.files, ["f"]);
    assert_eq!(b.detail, "CONFLICT (content): Merge conflict in f");
    assert_eq!((d.key.as_str(), d.against), ("d", Against::Base));
    assert_eq!(d.files, ["g"]);
}

#[test]
fn a_left_out_member_leaves_no_trace_in_the_hash() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let a = rig.branch("a", "main", "f", "a\n");
    let b = rig.branch("b", "main", "f", "b\n");
    let repository = rig.open();
    let with = repository
        .assemble(&spec(&base, vec![member("a", &a), member("b", &b)]))
        .unwrap();
    let without = repository
        .assemble(&spec(&base, vec![member("a", &a)]))
        .unwrap();
    assert_eq!(with.commit, without.commit);
}

#[test]
fn what_the_base_holds_already_joins_as_nothing() {
    let rig = Rig::new();
    let old = rig.oid("main");
    rig.write("m", "m\n");
    let base = rig.commit("m");
    let assembly = rig
        .open()
        .assemble(&spec(&base, vec![member("x", &old), member("y", &base)]))
        .unwrap();
    assert_eq!(assembly.already, ["x", "y"]);
    assert_eq!(assembly.commit, base);
    assert_eq!(assembly.tree, rig.oid("main^{tree}"));
}

#[test]
fn twenty_branches_on_one_line_are_each_judged_within_a_second() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let members: Vec<Member> = (0..20)
        .map(|n| {
            let name = format!("b{n}");
            member(&name, &rig.branch(&name, "main", "f", &format!("{n}\n")))
        })
        .collect();
    let begin = Instant::now();
    let assembly = rig.open().assemble(&spec(&base, members)).unwrap();
    let spent = begin.elapsed();
    assert_eq!(assembly.joined, ["b0"]);
    assert_eq!(assembly.conflicts.len(), 19);
    assert!(
        assembly
            .conflicts
            .iter()
            .all(|c| c.against == Against::Earlier && c.files == ["f"])
    );
    assert!(spent < Duration::from_secs(20), "{spent:?} for 20 members");
}

#[test]
fn names_with_any_bytes_come_through() {
    let rig = Rig::new();
    let base = rig.oid("main");
    let names = ["a b", "grün/ß ☃", "line\nend", "tab\t\"quote\""];
    let mut heads = Vec::new();
    for side in ["x", "y"] {
        rig.git(&["checkout", "-q", "-b", side, "main"]);
        for name in names {
            rig.write(name, side);
        }
        heads.push(rig.commit(side));
        rig.git(&["checkout", "-q", "main"]);
    }
    let repository = rig.open();
    let assembly = repository
        .assemble(&spec(
            &base,
            vec![member("x", &heads[0]), member("y", &heads[1])],
        ))
        .unwrap();
    let mut files = assembly.conflicts[0].files.clone();
    files.sort();
    let mut expected = names.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(files, expected);
    let mut changed = repository.changed_files(&base, &heads[0]).unwrap();
    changed.sort();
    assert_eq!(changed, expected);
    let stat = repository.diff_stat(&base, &heads[0]).unwrap();
    assert_eq!((stat.files, stat.added, stat.removed), (4, 4, 0));
}

#[test]
fn unrelated_histories_are_a_conflict_and_a_missing_head_is_an_error() {
    let rig = Rig::new();
    let base = rig.oid("main");
    rig.git(&["checkout", "-q", "--orphan", "o"]);
    let orphan = rig.commit("o");
    let repository = rig.open();
    let assembly = repository
        .assemble(&spec(&base, vec![member("o", &orphan)]))
        .unwrap();
    assert_eq!(assembly.commit, base);
    assert_eq!(
        assembly.conflicts[0].detail,
        "it shares no history with the base"
    );
    let missing = Oid::parse(&"1".repeat(40)).unwrap();
    let error = repository
        .assemble(&spec(&base, vec![member("m", &missing)]))
        .unwrap_err();
    assert!(matches!(error, GitError::MissingCommit { oid } if oid == missing));
}

#[test]
fn a_sha256_repository_works_alike() {
    let rig = Rig::with(&["init", "-q", "-b", "main", "--object-format=sha256"]);
    let base = rig.oid("main");
    let a = rig.branch("a", "main", "a", "a\n");
    let repository = rig.open();
    let assembly = repository
        .assemble(&spec(&base, vec![member("a", &a)]))
        .unwrap();
    assert_eq!(assembly.commit.as_str().len(), 64);
    let pool = rig.pool();
    let at = pool
        .ensure(
            "q",
            &gtd_git::Checkout::Detached(assembly.commit.clone()),
            gtd_git::Tidy::Everything,
            &common::owner("gate"),
        )
        .unwrap();
    assert_eq!(common::read(&at, "a"), "a\n");
}
