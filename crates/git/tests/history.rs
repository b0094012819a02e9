//! What a submission changes, read from real repositories.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Rig;

fn texts(texts: &[(&str, &str)]) -> Vec<(String, String)> {
    let texts = texts.iter();
    texts
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// A rig whose `main` went on after work had begun on `work`, which took that in.
fn parted() -> (Rig, gtd_core::Oid, gtd_core::Oid) {
    let rig = Rig::new();
    rig.write("tests/old.py", "assert old()\n");
    rig.write("tests/both.py", "assert both()\n");
    rig.commit("tests");
    rig.git(&["checkout", "-q", "-b", "work"]);
    rig.write("tests/new.py", "assert new()\n");
    rig.write("tests/both.py", "assert True\n");
    rig.write("src.py", "work\n");
    rig.commit("work");
    rig.git(&["checkout", "-q", "main"]);
    rig.git(&["rm", "-q", "tests/old.py"]);
    rig.commit("no old test");
    rig.git(&["checkout", "-q", "work"]);
    rig.git(&["merge", "-q", "-m", "both", "main"]);
    rig.git(&["checkout", "-q", "main"]);
    let (main, work) = (rig.oid("main"), rig.oid("work"));
    (rig, main, work)
}

#[test]
fn what_a_submission_shares_with_its_target_is_not_its_change() {
    let (rig, main, work) = parted();
    let is_test = |path: &str| path.starts_with("tests/");
    let changed = rig.open().changed_texts(&main, &work, is_test).unwrap();
    assert_eq!(
        changed.before,
        texts(&[("tests/both.py", "assert both()\n")])
    );
    assert_eq!(
        changed.after,
        texts(&[
            ("tests/both.py", "assert True\n"),
            ("tests/new.py", "assert new()\n")
        ])
    );
    assert_eq!(changed.unread, Vec::<String>::new());
    let files = rig.open().files_changed_since(&main, &work).unwrap();
    assert_eq!(files, ["src.py", "tests/both.py", "tests/new.py"]);
}

#[test]
fn what_is_too_large_to_be_read_is_named() {
    let rig = Rig::new();
    let main = rig.oid("main");
    rig.git(&["checkout", "-q", "-b", "work"]);
    rig.write("large.py", &"x".repeat(2 << 20));
    rig.write("huge.py", &"x".repeat(5 << 20));
    let work = rig.commit("large");
    let changed = rig.open().changed_texts(&main, &work, |_| true).unwrap();
    assert_eq!(changed.after.len(), 1);
    assert_eq!(changed.unread, ["huge.py"]);
}

#[test]
fn the_base_with_some_files_of_a_submission_is_one_commit_whoever_makes_it() {
    let (rig, main, work) = parted();
    let is_test = |path: &str| path.starts_with("tests/");
    let repository = rig.open();
    let made = repository
        .only_with(&main, &work, is_test)
        .unwrap()
        .unwrap();
    let again = rig.open().only_with(&main, &work, is_test).unwrap();
    assert_eq!(again, Some(made.clone()));
    let files = rig.git(&["ls-tree", "-r", "--name-only", made.as_str()]);
    assert!(files.contains("tests/new.py"), "{files}");
    assert!(!files.contains("tests/old.py"), "{files}");
    assert!(!files.contains("src.py"), "{files}");
    let both = rig.git(&["show", &format!("{made}:tests/both.py")]);
    assert_eq!(both.trim(), "assert True");
    assert_eq!(rig.oid(&format!("{made}^")), main);
    assert_eq!(repository.only_with(&main, &work, |_| false).unwrap(), None);
    // Nothing is left behind.
    let left = std::fs::read_dir(repository.common_dir()).unwrap();
    let mut names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.starts_with("gtd-only-with")));
}
