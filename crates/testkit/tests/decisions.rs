//! What waits for a person is listed, and can be decided.

use gtd_testkit::town::Town;

/// A town with a bead that cannot succeed, set aside after its attempts.
fn with_a_failed_bead() -> (Town, String) {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal =
        town.goal("title = \"one\"\n\n[[bead]]\nid = \"bad\"\ntitle = \"Bad\"\nrun = \"exit 1\"\n");
    let (code, _) = town.wait(&goal);
    assert_eq!(code, Some(4));
    let inbox = town.json(&["inbox"]);
    let bead = inbox["items"][0]["subject"]
        .as_str()
        .unwrap_or_else(|| panic!("nothing waits: {inbox}"))
        .to_owned();
    (town, bead)
}

#[test]
fn the_inbox_lists_what_status_says_and_tells_by_its_exit_code() {
    let (town, bead) = with_a_failed_bead();
    let inbox = town.json(&["inbox"]);
    let status = town.json(&["status"]);
    assert_eq!(inbox["kind"], "Inbox");
    assert_eq!(inbox["items"], status["needs_you"]);
    assert_eq!(town.gtd(&["inbox", "--exit-code"]).code, Some(4));
    assert_eq!(town.json(&["inbox", &bead])["items"][0]["kind"], "failure");
    let none = town.json(&["inbox", "--kind", "question"]);
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0));
    assert_eq!(town.gtd(&["inbox", "no-such"]).code, Some(3));
}

#[test]
fn only_a_question_is_answered() {
    let (town, bead) = with_a_failed_bead();
    let refused = town.gtd(&["answer", &bead, "yes"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("does not ask"), "{refused}");
}

#[test]
fn a_rejected_bead_is_given_up_with_the_reason_and_leaves_the_inbox() {
    let (town, bead) = with_a_failed_bead();
    let said = town.gtd_ok(&["reject", &bead, "-m", "not wanted"]);
    assert!(said.contains("is cancelled"), "{said}");
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["state"], "cancelled", "{shown}");
    assert!(shown.to_string().contains("not wanted"), "{shown}");
    assert_eq!(town.gtd(&["inbox", &bead]).code, Some(3));
}

#[test]
fn a_bead_that_is_tried_again_has_the_reason_as_a_note() {
    let (town, bead) = with_a_failed_bead();
    let said = town.gtd_ok(&["reject", &bead, "-m", "look twice", "--then", "retry"]);
    assert!(said.contains("has new attempts"), "{said}");
    let shown = town.json(&["bead", "show", &bead]);
    assert!(
        shown.to_string().contains("rejected: look twice"),
        "{shown}"
    );
}

#[test]
fn what_waits_for_nobody_cannot_be_rejected() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let bead = town.gtd_ok(&["bead", "create", "later", "--defer", "30d", "-q"]);
    let refused = town.gtd(&["reject", bead.trim(), "-m", "no"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("does not wait"), "{refused}");
}

#[test]
fn a_cut_list_of_beads_says_that_there_are_more() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    for title in ["a", "b", "c"] {
        town.gtd_ok(&["bead", "create", title, "--defer", "30d"]);
    }
    let whole = town.gtd(&["bead", "list"]);
    assert!(!whole.stderr.contains("more"), "{whole}");
    let cut = town.gtd(&["bead", "list", "-L", "2"]);
    assert!(cut.stderr.contains("only the first 2"), "{cut}");
    let items = town.json(&["bead", "list", "-L", "2"]);
    assert_eq!(items["items"].as_array().map(Vec::len), Some(2));
}
