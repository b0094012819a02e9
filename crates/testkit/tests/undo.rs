//! A slip of the hand is taken back; what others built upon it is not.

use gtd_testkit::town::Town;
use serde_json::Value;

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

fn later(town: &Town, title: &str) -> String {
    let id = town.gtd_ok(&["bead", "create", title, "--defer", "30d", "-q"]);
    id.trim().to_owned()
}

/// What the town shows of a bead, without what only says when it was written.
fn timeless(town: &Town, bead: &str) -> Value {
    let mut shown = town.json(&["bead", "show", bead]);
    if let Some(map) = shown.as_object_mut() {
        map.remove("updated_at");
        // What happened stays told, also what was taken back.
        map.remove("events");
    }
    shown
}

#[test]
fn what_a_person_did_is_undone_step_by_step_the_newest_first() {
    let town = town();
    let bead = later(&town, "Figs");
    let made = timeless(&town, &bead);
    town.gtd_ok(&["bead", "edit", &bead, "-p", "0", "--title", "Dates"]);
    let edited = timeless(&town, &bead);
    assert_ne!(made, edited);
    town.gtd_ok(&["bead", "close", &bead, "-m", "eaten"]);
    let rehearsed = town.gtd_ok(&["undo", "-n"]);
    assert_eq!(rehearsed, format!("would undo close {bead}\n"));
    assert_eq!(town.gtd_ok(&["undo"]), format!("undone  close {bead}\n"));
    assert_eq!(timeless(&town, &bead), edited);
    let undone = town.json(&["undo"]);
    assert_eq!(undone["kind"], "Op", "{undone}");
    assert_eq!(undone["what"], format!("undo edit {bead}"));
    assert!(
        undone["undoes"].is_u64() && undone["at"].is_string(),
        "{undone}"
    );
    assert_eq!(timeless(&town, &bead), made);
    town.gtd_ok(&["undo"]);
    assert_eq!(town.gtd(&["bead", "show", &bead]).code, Some(3));
    // What is left is the trust of the rig, which is no slip of the hand.
    let refused = town.gtd(&["undo"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("E0219"), "{refused}");
    assert!(refused.stderr.contains("gtd trust"), "{refused}");
}

#[test]
fn an_undo_is_undone_and_the_list_tells_both() {
    let town = town();
    let bead = later(&town, "Figs");
    let made = timeless(&town, &bead);
    let undone = town.json(&["undo"]);
    let id = undone["id"].to_string();
    town.gtd_ok(&["undo", &id]);
    assert_eq!(timeless(&town, &bead), made);
    let list = town.json(&["undo", "--list"]);
    let ops = list["items"].as_array().cloned().unwrap_or_default();
    let whats: Vec<&str> = ops.iter().filter_map(|op| op["what"].as_str()).collect();
    let create = format!("create {bead} Figs");
    assert_eq!(
        whats[..3],
        [
            format!("undo undo {create}").as_str(),
            &format!("undo {create}"),
            &create
        ]
    );
    assert_eq!(ops[1]["undone_by"], ops[0]["id"]);
    // What was taken back took nothing back.
    assert_eq!(ops[2]["undone_by"], Value::Null);
}

#[test]
fn what_others_need_is_not_taken_away() {
    let town = town();
    let bead = later(&town, "Figs");
    let op = town.json(&["undo", "--list"])["items"][0]["id"].to_string();
    let other = town.gtd_ok(&["bead", "create", "Jam", "--needs", &bead, "-q"]);
    let other = other.trim();
    let refused = town.gtd(&["undo", &op]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(
        refused
            .stderr
            .contains(&format!("{other} refers to {bead}")),
        "{refused}"
    );
    assert!(
        refused.stderr.contains(&format!("gtd bead close {bead}")),
        "{refused}"
    );
    assert_eq!(town.gtd(&["undo", "99999"]).code, Some(3));
}

#[test]
fn work_that_landed_is_not_undone_and_a_pause_is() {
    let town = town();
    let goal =
        town.goal("title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"A\"\nrun = \"echo a > a\"\n");
    town.wait(&goal);
    let refused = town.gtd(&["undo"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("changed since"), "{refused}");
    town.gtd_ok(&["pause", "-m", "look"]);
    town.gtd_ok(&["undo"]);
    let bead = town.gtd_ok(&["bead", "create", "B", "--run", "echo b > b", "-q"]);
    let (code, _) = town.wait(bead.trim());
    assert_eq!(code, Some(0), "nothing is paused");
}

#[test]
fn an_operation_is_undone_also_after_a_restart_of_the_daemon() {
    let town = town();
    let bead = later(&town, "Figs");
    let before = timeless(&town, &bead);
    town.gtd_ok(&["bead", "note", &bead, "sweet"]);
    town.gtd_ok(&["bead", "park", &bead, "-m", "not now"]);
    town.gtd_ok(&["down", "--now"]);
    town.gtd_ok(&["up"]);
    town.gtd_ok(&["undo"]);
    town.gtd_ok(&["undo"]);
    assert_eq!(timeless(&town, &bead), before);
    town.gtd_ok(&["down", "--now"]);
    town.gtd_ok(&["up"]);
    assert_eq!(timeless(&town, &bead), before);
}
