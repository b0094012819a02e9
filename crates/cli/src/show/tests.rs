//! What the pages say, as a whole: a changed word is seen here.

use expect_test::{Expect, expect};
use gtd_core::{BeadRow, ConvoyDoc, ListDoc, ReportDoc, StatusDoc, Timestamp, Why};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{
    output::{ColorWhen, GlyphSet, Look, Wishes},
    town,
};

const NOW: Timestamp = Timestamp(1_767_323_045_000);

fn look(glyphs: GlyphSet, color: ColorWhen) -> Look {
    let wishes = Wishes {
        color,
        glyphs: Some(glyphs),
        ..Wishes::default()
    };
    Look {
        width: Some(110),
        ..Look::of(wishes, |_| None, true, true)
    }
}

fn plain() -> Look {
    look(GlyphSet::Unicode, ColorWhen::Never)
}

fn read<T: DeserializeOwned>(mut document: Value) -> T {
    document["kind"] = json!("Test");
    document["api"] = json!("gtd/v1");
    town::read(&document).unwrap()
}

fn check(lines: &[String], expected: &Expect) {
    expected.assert_eq(&lines.join("\n"));
}

fn convoy_doc() -> ConvoyDoc {
    read(json!({
        "id": "api-1", "title": "Add a greeting", "state": "running",
        "target": {"rig": "api", "branch": "gtd/integration/main", "mode": "integration", "into": "main"},
        "beads": [
            {"id": "api-1c4", "local_id": "hello", "title": "Write it", "state": "landed", "reason": null,
             "text": "", "clears_by_itself": false, "attempts": 2,
             "commit": "77e01d2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "needs": []},
            {"id": "api-7k2", "local_id": "docs", "title": "Describe it", "state": "waiting",
             "reason": "backoff", "text": "attempt 2 in 8 s", "clears_by_itself": true, "attempts": 1,
             "commit": null, "needs": ["api-1c4"]},
        ],
        "acceptance": [{"text": "it greets", "check": "grep -q hello hello.txt"}],
        "proof": [], "conclusion": null, "landing": "unasked", "landing_text": null, "exit": null,
        "created_at": "2026-01-02T03:00:00.000Z", "until": null, "revision": 12,
    }))
}

#[test]
fn a_goal_shows_each_bead_with_mark_and_word() {
    check(
        &convoy(&convoy_doc(), NOW, plain()),
        &expect![[r"
            api-1  Add a greeting  ● running  1/2 landed  → gtd/integration/main
              ✓ landed   api-1c4  Write it     attempt 2  77e01d2
              ◐ waiting  api-7k2  Describe it  attempt 2 in 8 s
              accept   it greets  (grep -q hello hello.txt)"]],
    );
}

#[test]
fn ascii_pages_hold_nothing_but_ascii() {
    let ascii = look(GlyphSet::Ascii, ColorWhen::Never);
    let pages = [
        convoy(&convoy_doc(), NOW, ascii),
        status(&status_doc(), "api", NOW, ascii),
        why(&why_doc(), NOW, ascii),
        report(&report_doc(), NOW, ascii),
    ];
    for line in pages.iter().flatten() {
        assert!(line.is_ascii(), "{line}");
    }
}

#[test]
fn colours_are_only_where_they_are_wished() {
    let lines = convoy(
        &convoy_doc(),
        NOW,
        look(GlyphSet::Unicode, ColorWhen::Always),
    );
    assert!(lines[1].contains("\u{1b}[32m"), "{}", lines[1]);
    for line in convoy(&convoy_doc(), NOW, plain()) {
        assert!(!line.contains('\u{1b}'));
    }
}

#[test]
fn an_escape_sequence_in_a_title_never_reaches_the_terminal() {
    let row: ListDoc<BeadRow> = read(json!({"items": [{
        "id": "api-1", "rig": "api", "convoy": null, "local_id": null, "title": "a\u{1b}]0;x\u{7}b",
        "type": "task", "priority": 2, "state": "ready", "reason": null, "assignee": null,
        "attempts": 0, "commit": null, "updated_at": "2026-01-02T03:00:00.000Z"}]}));
    for line in bead_table(&row.items, plain()) {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

fn status_doc() -> StatusDoc {
    read(json!({
        "rig": "api", "stopped": null,
        "needs_you": [{"n": 4, "kind": "failure", "subject": "api-b2d", "title": "Migrate users",
            "text": "3 of 3 attempts failed: exit 1", "unblocks": 1,
            "since": "2026-01-02T02:00:00.000Z", "next": "gtd bead retry api-b2d"}],
        "convoys": [{"id": "api-1", "rig": "api", "title": "Add OAuth login", "state": "running",
            "total": 4, "done": 1, "landed": 1, "running": 1, "queued": 1, "parked": 1, "failed": 0,
            "branch": "main", "created_at": "2026-01-02T01:00:00.000Z"}],
        "merge": [{"rig": "api", "branch": "main", "state": "draining", "candidate": "mr-3",
            "waiting": 2, "oldest_wait_s": 1140,
            "commit": "77e01d2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "halt": null}],
        "agents": [{"name": "quartz", "rig": "api", "role": "worker", "runtime": "shell",
            "state": "running", "bead": "api-7k2", "title": "OAuth login", "attempt": 2,
            "activity": "agent at work", "started_at": "2026-01-02T03:00:00.000Z", "run": null}],
        "counts": {"running": 1, "submitted": 1, "parked": 1},
        "idle_tokens": 0, "usd": 1.25, "revision": 40,
    }))
}

#[test]
fn the_page_of_a_town_begins_with_what_needs_you() {
    check(
        &status(&status_doc(), "api · town home · up 3h", NOW, plain()),
        &expect![[r"
            api · town home · up 3h
            ▲ 1 needs you
                4  failure  api-b2d Migrate users: 3 of 3 attempts failed: exit 1 (1h 4m ago; holds up 1)
                            gtd bead retry api-b2d
            api-1  Add OAuth login  █████░░░░░░░░░░░░░░░  ● running  1/4 landed · 1 in queue · 1 running · 1 parked
            merge    main  draining mr-3 · 2 in it · oldest 19m · base 77e01d2
            beads    1 parked · 1 running · 1 submitted
            spend    $1.25 · idle roles 0 tokens
            ● quartz  api-7k2 OAuth login  agent at work  attempt 2"]],
    );
}

fn why_doc() -> Why {
    read(json!({
        "subject": {"type": "bead", "id": "api-3f0", "title": "Rate limiter"},
        "state": "waiting", "since": "2026-01-02T02:45:00.000Z", "verdict": "waiting",
        "clears_by_itself": true, "eta": null,
        "chain": [
            {"code": "dependency", "text": "waits for api-1c4", "ref": "api-1c4", "since": "2026-01-02T02:45:00.000Z"},
            {"code": "working", "text": "quartz is at work", "ref": "api-1c4", "since": "2026-01-02T02:45:00.000Z"},
        ],
        "then": "it is ready for a worker",
        "evidence": [{"cmd": "gtd why api-1c4", "text": "why that waits"}],
        "next": [{"cmd": "gtd bead park api-3f0", "text": "set it aside"}],
    }))
}

#[test]
fn why_tells_the_chain_and_the_way_out() {
    check(
        &why(&why_doc(), NOW, plain()),
        &expect![[r"
            api-3f0 Rate limiter  ◐ waiting 19m · clears by itself
              dependency  waits for api-1c4
                └ because  api-1c4 quartz is at work
              then        it is ready for a worker
              evidence    gtd why api-1c4  (why that waits)
              you could   gtd bead park api-3f0  (set it aside)"]],
    );
}

fn report_doc() -> ReportDoc {
    read(json!({
        "since": "2026-01-01T22:00:00.000Z", "until": "2026-01-02T03:00:00.000Z",
        "outcome": "1 of 2 beads done, 1 landed, 0 need you",
        "convoys": [{"id": "api-1", "rig": "api", "title": "Add a greeting", "state": "running",
            "total": 2, "done": 1, "landed": 1, "running": 0, "queued": 0, "parked": 0, "failed": 0,
            "branch": "gtd/integration/main", "created_at": "2026-01-02T01:00:00.000Z"}],
        "needs_you": [],
        "landed": [{"bead": "api-1c4", "title": "Write it",
            "commit": "77e01d2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "merge": "mr-1", "attempts": 2,
            "note": "exit code 1", "at": "2026-01-02T02:00:00.000Z"}],
        "no_op": [],
        "not_done": [{"bead": "api-7k2", "title": "Describe *it*", "state": "waiting",
            "reason": "backoff", "text": "attempt 2 in 8 s"}],
        "proof": {"claimed": 1, "gates_green": 1, "gates_red": 0, "landed": 1, "no_op": 0,
            "sent_back": 0, "failed_attempts": 1, "last_commits": [], "foreign_moves": 0,
            "final_gates": []},
        "look_at": [], "next": ["gtd convoy land api-1"],
    }))
}

#[test]
fn the_report_keeps_its_order() {
    check(
        &report(&report_doc(), NOW, plain()),
        &expect![[r#"
            1 Jan 22:00 to 2 Jan 03:00 (5h)
            1 of 2 beads done, 1 landed, 0 need you.
            api-1  Add a greeting  ● running  1 of 2 landed on gtd/integration/main
            LANDED (1)
             ✓  api-1c4  Write it  77e01d2  2 tries  before: exit code 1
            NOT DONE (1)
              ◐ api-7k2 Describe *it*  attempt 2 in 8 s
            PROOF
              agents said done 1 · gates agreed 1 · gates refused 0 · landed 1
              0 sent back · 1 attempt failed before it was handed in
            next  gtd convoy land api-1"#]],
    );
}

#[test]
fn a_title_cannot_change_the_markdown_around_it() {
    let text = markdown(&report_doc()).join("\n");
    assert!(text.contains("Describe \\*it\\*"), "{text}");
}

#[test]
fn a_line_of_a_log_shows_time_level_and_words() {
    let line = Line::of(
        7,
        br#"{"kind":"LogLine","at":"2026-01-02T03:04:05.006Z","level":"info","role":"refinery","text":"landed","data":{"candidate":"mr-1"}}"#,
    );
    assert_eq!(
        log_line(&line, plain()),
        "03:04:05  info   refinery  landed  candidate=mr-1"
    );
    assert_eq!(line.object["seq"], json!(7));
    let odd = Line::of(8, b"not json\x1b[2J");
    assert_eq!(log_line(&odd, plain()), "not json\u{fffd}[2J");
}
