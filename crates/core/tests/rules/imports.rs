//! Beads come in by a file and go out as they stood.

use expect_test::expect;
use gtd_core::{BeadState, Command, Outcome, Phase, beads_line, operations, read_beads};
use serde_json::Value;

use crate::scene::{Scene, bead_id, rig};

/// A file with everything that a tracker writes.
const FILE: &str = r#"
{"_schema":"beads-jsonl/1","_sort":"stable-v1"}
{"_type":"issue","id":"bd-1","title":"The epic","status":"open","priority":1,"issue_type":"epic","created_at":"2026-01-02T03:04:05.123456789Z","created_by":"ann","updated_at":"2026-01-03T00:00:00Z"}
{"_type":"issue","id":"bd-2","title":"A part","description":"All of it.","design":"as a table","acceptance_criteria":"it works\nit is fast","notes":"n","status":"hooked","priority":0,"issue_type":"message","assignee":"quartz","estimated_minutes":0,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-03T00:00:00Z","external_ref":"gh-9","metadata":{"deep":{"a":[null,0.1]}},"labels":["z","a"],"dependencies":[{"issue_id":"bd-2","depends_on_id":"bd-1","type":"parent-child","created_at":"2026-01-02T03:04:05Z","metadata":"{}"},{"issue_id":"bd-2","depends_on_id":"bd-3","type":"blocks"},{"issue_id":"bd-2","depends_on_id":"external:web:login","type":"blocks"},{"issue_id":"bd-2","depends_on_id":"bd-9","type":"caused-by"}],"comments":[{"id":7,"issue_id":"bd-2","author":"bob","text":"why?","created_at":"2026-01-02T04:00:00Z"}],"closed_by_session":"s-1","unknown":{"x":1}}
{"_type":"issue","id":"bd-3","title":"Done","status":"closed","priority":2,"issue_type":"task","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-03T00:00:00Z","closed_at":"2026-01-03T00:00:00Z","close_reason":"merged"}
{"_type":"memory","key":"k","value":"v"}
{"id":"bd-4","title":"Gone","status":"tombstone","priority":2,"delete_reason":"dup","deleted_at":"2026-01-03T00:00:00Z","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-03T00:00:00Z"}
"#;

#[track_caller]
pub(crate) fn import(text: &str) -> Command {
    Command::ImportBeads {
        rig: rig(),
        beads: read_beads("issues.jsonl", text).unwrap().beads,
    }
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().filter(|line| line.contains("\"id\""));
    lines
        .filter(|line| !line.contains("memory"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn exported(scene: &Scene) -> Vec<Value> {
    let beads = scene.graph.beads();
    beads
        .map(|bead| serde_json::from_str(&beads_line(bead)).unwrap())
        .collect()
}

#[test]
fn a_file_comes_in_and_goes_out_as_it_stood() {
    let mut scene = Scene::new();
    scene.tell(import(FILE));
    assert!(scene.graph.index_is_true());
    assert_eq!(exported(&scene), lines(FILE));
    // What came out comes in again, and changes nothing.
    let again: String = exported(&scene)
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(scene.tell(import(&again)), vec![]);
    let mut other = Scene::new();
    other.tell(import(&again));
    assert_eq!(exported(&other), lines(FILE));
}

#[test]
fn what_blocks_there_blocks_here() {
    let mut scene = Scene::new();
    scene.tell(import(FILE));
    let part = bead_id("bd-2");
    assert_eq!(
        scene.state(&part),
        BeadState::Ready,
        "what it needs is closed"
    );
    assert_eq!(scene.at(&part).spec.parent, Some(bead_id("bd-1")));
    assert!(
        matches!(&scene.at(&bead_id("bd-4")).phase, Phase::Closed { outcome, .. } if *outcome == Outcome::Cancelled)
    );
    scene.tell(import(
        r#"{"id":"bd-5","title":"last","status":"open","dependencies":[{"depends_on_id":"bd-2","type":"blocks"}]}"#,
    ));
    assert_eq!(scene.state(&bead_id("bd-5")), BeadState::Waiting);
    scene.land(&part);
    assert_eq!(scene.state(&bead_id("bd-5")), BeadState::Ready);
    // An import is one step back.
    assert!(
        operations(&scene.log)
            .iter()
            .any(|op| op.what().starts_with("create bd-"))
    );
}

#[test]
fn what_changed_there_follows_and_what_is_said_here_stays() {
    let mut scene = Scene::new();
    let line = |title: &str, status: &str, updated: &str| {
        format!(
            r#"{{"id":"bd-1","title":"{title}","status":"{status}","priority":2,"updated_at":"{updated}","close_reason":"w"}}"#
        )
    };
    let bead = bead_id("bd-1");
    scene.tell(import(&line("one", "open", "2026-01-02T03:04:05Z")));
    let mut spec = scene.at(&bead).spec.clone();
    spec.run = Some("make".to_owned());
    scene.tell(Command::EditBead {
        bead: bead.clone(),
        spec,
    });
    assert_eq!(
        scene.tell(import(&line("one", "open", "2026-01-02T03:04:05Z"))),
        vec![]
    );
    scene.tell(import(&line("two", "open", "2026-01-03T03:04:05Z")));
    assert_eq!(scene.at(&bead).spec.title, "two");
    assert_eq!(scene.at(&bead).spec.run.as_deref(), Some("make"));
    scene.tell(import(&line("two", "closed", "2026-01-04T03:04:05Z")));
    assert!(scene.at(&bead).phase.is_good());
    assert_eq!(exported(&scene)[0]["status"], "closed");
    // Whatever is said there later, what has ended here has ended.
    assert_eq!(
        scene.tell(import(&line("two", "open", "2026-01-05T03:04:05Z"))),
        vec![]
    );
}

#[test]
fn what_happened_here_is_told_in_the_file() {
    let mut scene = Scene::new();
    scene.tell(import(FILE));
    let part = bead_id("bd-2");
    scene.tell(Command::AddNote {
        bead: part.clone(),
        text: "because".to_owned(),
    });
    scene.land(&part);
    let own = scene.bead("made here");
    let found = exported(&scene);
    let line = |id: &str| found.iter().find(|line| line["id"] == id).unwrap();
    let landed = line("bd-2");
    assert_eq!(landed["status"], "closed");
    assert_eq!(landed["comments"][0]["id"], 7);
    assert_eq!(landed["comments"][1]["text"], "because");
    assert_eq!(landed["unknown"]["x"], 1);
    assert!(
        landed["close_reason"]
            .as_str()
            .unwrap()
            .starts_with("landed as ")
    );
    let own = line(own.as_str());
    assert_eq!(
        (&own["issue_type"], &own["status"]),
        (&"task".into(), &"open".into())
    );
    assert!(own.get("run").is_none(), "scripts stay here");
}

#[test]
fn what_was_made_here_is_not_changed_by_its_own_export() {
    let mut scene = Scene::new();
    let goal = scene.goal(&[("a", &[]), ("b", &["a"])]);
    let text: String = exported(&scene)
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(scene.tell(import(&text)), vec![]);
    assert!(scene.graph.goal(&goal).is_some());
}

#[test]
fn circles_scripts_and_foreign_beads_are_refused_as_a_whole() {
    let mut scene = Scene::new();
    let before = scene.graph.clone();
    let circle = r#"{"id":"bd-1","title":"a","dependencies":[{"depends_on_id":"bd-2","type":"blocks"}]}
{"id":"bd-2","title":"b","dependencies":[{"depends_on_id":"bd-1","type":"blocks"}]}"#;
    assert_eq!(scene.refused(import(circle)).code(), "E0101");
    let Command::ImportBeads { rig, mut beads } = import(r#"{"id":"bd-1","title":"a"}"#) else {
        panic!("an import")
    };
    beads[0].spec.run = Some("rm -rf .".to_owned());
    assert_eq!(
        scene.refused(Command::ImportBeads { rig, beads }).code(),
        "E0401"
    );
    assert_eq!(scene.graph, before);
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    let said = |text: &str| match read_beads("issues.jsonl", text) {
        Ok(file) => format!("{:?} {:?}", file.changes, file.skipped),
        Err(why) => why.render(),
    };
    let all = [
        said("{\"id\":\"bd-1\"}"),
        said("\n{\"id\":\"no id\",\"title\":\"t\"}"),
        said("{\"id\":\"bd-1\",\"title\":\"t\"}\n{\"id\":\"bd-1\",\"title\":\"t\"}"),
        said(FILE),
    ]
    .join("\n");
    expect![[r#"
        issues.jsonl:1: bd-1 has no title
        issues.jsonl:2: `no id` is no id of a bead
        issues.jsonl:2: bd-1 comes twice
        ["bd-2: type `message` is a task here", "bd-2: status `hooked` is open here", "bd-2: what is outside, `external:web:login`, is kept and waited for by nobody"] ["issues.jsonl:6: a memory is no issue"]"#]].assert_eq(&all);
}
