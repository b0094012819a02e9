//! What became of the work of each runtime, of a real town.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::Town;
use serde_json::Value;

fn row<'a>(report: &'a Value, runtime: &str) -> &'a Value {
    let mut rows = report["rows"].as_array().unwrap().iter();
    rows.find(|row| row["runtime"] == runtime)
        .unwrap_or_else(|| panic!("nothing of {runtime}: {report}"))
}

#[test]
fn the_record_of_a_runtime_has_what_landed_came_back_and_was_taken_back() {
    let town = Town::new();
    town.init(&[("test", "! grep -q 'attempt 1' late.txt")]);
    let plan = "title = \"two\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Write a\"\nrun = \"echo a > a.txt\"\n\n\
                [[bead]]\nid = \"late\"\ntitle = \"Write late\"\nneeds = [\"a\"]\n\
                run = \"echo attempt $GTD_EPOCH > late.txt\"\n";
    let (code, document) = town.wait(&town.goal(plan));
    assert_eq!(code, Some(0), "{document}");
    let report = town.json(&["trust", "report"]);
    assert_eq!(report["kind"], "TrustReport", "{report}");
    let shell = row(&report, "shell");
    assert_eq!(
        (&shell["attempts"], &shell["landed"], &shell["sent_back"]),
        (&Value::from(3), &Value::from(2), &Value::from(1)),
        "{report}"
    );
    assert_eq!(report["landings"].as_array().unwrap().len(), 2);
    let first = document["beads"][0]["id"].as_str().unwrap();
    town.gtd_ok(&["merge", "revert", first, "--wait", "-m", "it was wrong"]);
    let report = town.json(&["trust", "report"]);
    assert_eq!(row(&report, "shell")["reverted"], 1, "{report}");
    let landings = report["landings"].as_array().unwrap().iter();
    let reverted: Vec<&Value> = landings
        .filter(|landing| !landing["reverted_at"].is_null())
        .collect();
    assert_eq!(reverted.len(), 1, "{report}");
    assert_eq!(reverted[0]["bead"], first, "{report}");
    let shown = town.gtd_ok(&["trust", "report", "--by", "class"]);
    assert!(shown.contains("shell\ttask\t"), "{shown}");
    let none = town.json(&["trust", "report", "--since", "2100-01-01T00:00:00Z"]);
    assert_eq!(none["rows"], Value::Array(vec![]), "{none}");
}
