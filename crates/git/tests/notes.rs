//! Notes on commits.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

mod common;

use common::Rig;

const NOTES: &str = "refs/notes/gtd";

#[test]
fn a_note_is_written_once_and_the_second_try_finds_it() {
    let rig = Rig::new();
    let repository = rig.open();
    let head = repository.head().unwrap();
    assert_eq!(repository.note(NOTES, &head).unwrap(), None);
    repository.ensure_note(NOTES, &head, "one\n").unwrap();
    let written = rig.git(&["rev-parse", NOTES]);
    repository.ensure_note(NOTES, &head, "one\n").unwrap();
    assert_eq!(rig.git(&["rev-parse", NOTES]), written);
    repository.ensure_note(NOTES, &head, "two\n").unwrap();
    let note = repository.note(NOTES, &head).unwrap();
    assert_eq!(note.as_deref(), Some("two\n"));
    assert_eq!(rig.git(&["notes", "--ref=gtd", "show", "HEAD"]), "two");
}

#[test]
fn a_note_is_found_in_any_depth_of_the_tree_of_notes() {
    let rig = Rig::new();
    let repository = rig.open();
    let mut commits = Vec::new();
    // Git nests the tree once it has some hundreds of notes.
    for n in 0..300 {
        let tree = rig.git(&["rev-parse", "HEAD^{tree}"]);
        let made = rig.git(&["commit-tree", &tree, "-m", &n.to_string()]);
        commits.push(gtd_core::Oid::parse(made.trim()).unwrap());
    }
    for commit in &commits {
        repository
            .ensure_note(NOTES, commit, &format!("{commit}\n"))
            .unwrap();
    }
    let is_nested = !rig.git(&["ls-tree", "-d", NOTES]).is_empty();
    assert!(is_nested, "git did not nest the tree");
    for commit in &commits {
        let note = repository.note(NOTES, commit).unwrap();
        assert_eq!(note, Some(format!("{commit}\n")));
    }
}

#[test]
fn a_note_needs_nothing_of_the_person() {
    let rig = Rig::new();
    // An editor, a signature or a hook would wait for somebody.
    rig.git(&["config", "commit.gpgSign", "true"]);
    rig.git(&["config", "core.editor", "false"]);
    rig.git(&["config", "user.useConfigOnly", "true"]);
    let repository = rig.open();
    let head = repository.head().unwrap();
    repository.ensure_note(NOTES, &head, "one\n").unwrap();
    let by = rig.git(&["log", "-1", "--format=%ce", NOTES]);
    assert_eq!(by.trim(), "refinery@gtd.invalid");
}
