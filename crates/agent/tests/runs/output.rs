//! What a run says is kept under a cap, can be followed, and never blocks the run.

use std::{fs, time::Duration};

use crate::place::{Place, run_id, size_of, until};
use gtd_agent::{
    End, Kind, Progress,
    runtime::{ASK_CODE, ASK_MARK, demo_run, shell_run},
};
use gtd_core::{BeadId, Epoch};

#[test]
fn a_flood_stays_below_the_cap_and_ends() {
    let place = Place::new();
    let run = run_id("flood");
    let mut setting = place.setting(&run);
    setting.output_cap = 4 * 1024 * 1024;
    let spec = demo_run(
        &place.runs,
        &setting,
        "say first\nflood 200000000\nsay last",
    );
    let exit = place.run(&spec);
    assert_eq!(exit.end, End::Code(0));
    assert_eq!(exit.output_bytes, 200_000_000 + 6 + 5);
    assert!(exit.dropped_bytes > 190_000_000);
    assert!(size_of(&place.runs.run_dir(&run)) <= 4 * 1024 * 1024 + 16 * 1024);
    let tail = place.runs.tail(&run, 1000).unwrap();
    assert!(tail.ends_with("\nlast\n"), "{tail}");
    assert_eq!(tail.len(), 1000);
    let lines = place.runs.transcript(&run, 0, usize::MAX).unwrap();
    assert_eq!(lines[0].text, "first");
    assert_eq!(lines.last().unwrap().text, "last");
    assert!(lines.is_sorted_by(|a, b| a.seq < b.seq));
    let note = lines.iter().find(|line| line.kind == Kind::Note).unwrap();
    assert!(note.text.contains("were dropped"), "{}", note.text);
    // What comes after a place can be read without what came before it.
    let last = lines.last().unwrap().seq;
    let rest = place.runs.transcript(&run, last - 3, 2).unwrap();
    assert_eq!(
        rest.iter().map(|line| line.seq).collect::<Vec<_>>(),
        [last - 2, last - 1]
    );
}

#[test]
fn what_is_not_utf8_is_kept_raw_and_replaced_in_the_transcript() {
    let place = Place::new();
    let run = run_id("utf8");
    place.run(&place.sh(&run, r"printf 'a\377b\000c\n\303\244\n'"));
    let raw = fs::read(place.runs.run_dir(&run).join("out.log")).unwrap();
    assert_eq!(raw, b"a\xffb\0c\n\xc3\xa4\n");
    assert_eq!(place.texts(&run), ["a\u{fffd}b\0c", "ä"]);
}

#[test]
fn a_secret_that_a_run_was_given_is_in_nothing_that_it_wrote() {
    let place = Place::new();
    let run = run_id("secret");
    let mut spec = place.sh(
        &run,
        "printf 'it is %s\\n' \"$HOUSE_API_KEY\"; printf 'half %s' \"$HALF\" >&2; sleep 0.05; \
         printf 'part\\n' >&2",
    );
    let secret = "value-in-two-part";
    spec.env.insert("HOUSE_API_KEY".into(), secret.into());
    spec.env.insert("HALF".into(), "value-in-two-".into());
    let exit = place.run(&spec);
    assert_eq!(exit.end, End::Code(0));
    let folder = place.runs.run_dir(&run);
    for file in ["out.log", "transcript.jsonl", "progress.json"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(!text.contains(secret), "{file}: {text}");
        assert!(text.contains("[redacted HOUSE_API_KEY]"), "{file}: {text}");
    }
    let texts = place.texts(&run);
    let wanted = [
        "it is [redacted HOUSE_API_KEY]",
        "half [redacted HOUSE_API_KEY]",
    ];
    assert_eq!(texts, wanted);
}

#[test]
fn a_secret_by_reference_reaches_the_program_and_no_file_of_the_run() {
    let place = Place::new();
    let run = run_id("reference");
    let secret = "not-in-any-file-\"of\"-the-run";
    let mut spec = place.sh(
        &run,
        "printf 'it is %s\\n' \"$HOUSE\"; printf '%s' \"$HOUSE\" | wc -c",
    );
    spec = spec.with_secrets([("HOUSE".to_owned(), secret.to_owned())].into());
    let exit = place.run(&spec);
    assert_eq!(exit.end, End::Code(0));
    let texts = place.texts(&run);
    assert_eq!(texts, ["it is [redacted HOUSE]", &secret.len().to_string()]);
    for entry in fs::read_dir(place.runs.run_dir(&run)).unwrap() {
        let file = entry.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert!(
            !text.contains("not-in-any-file"),
            "{}: {text}",
            file.display()
        );
    }
}

#[test]
fn a_run_whose_secrets_did_not_come_is_begun_by_the_next_launcher() {
    let place = Place::new();
    let run = run_id("late");
    let spec = place.sh(&run, "test -n \"$HOUSE\"");
    let spec = spec.with_secrets([("HOUSE".to_owned(), "long enough".to_owned())].into());
    let text = serde_json::to_string(&spec).unwrap();
    let without: gtd_agent::RunSpec = serde_json::from_str(&text).unwrap();
    let refused = place.runs.ensure(&without).unwrap_err().to_string();
    assert!(!refused.contains("long enough"), "{refused}");
    assert_eq!(
        place.runs.state(&run).unwrap(),
        gtd_agent::RunState::Prepared
    );
    assert_eq!(place.run(&spec).end, End::Code(0));
}

#[test]
fn both_streams_are_in_the_transcript_and_long_lines_are_split() {
    let place = Place::new();
    let run = run_id("streams");
    let script = "echo one; sleep 0.05; echo two >&2; sleep 0.05; \
                  head -c 150000 /dev/zero | tr '\\0' x; echo; printf 'no end'";
    place.run(&place.sh(&run, script));
    let lines = place.runs.transcript(&run, 0, 100).unwrap();
    let short: Vec<(u64, Kind, usize)> = lines
        .iter()
        .map(|line| (line.seq, line.kind, line.text.len()))
        .collect();
    assert_eq!(
        short,
        [
            (1, Kind::Out, 3),
            (2, Kind::Err, 3),
            (3, Kind::Out, 65536),
            (4, Kind::Out, 65536),
            (5, Kind::Out, 150_000 - 2 * 65536),
            (6, Kind::Out, 6),
        ]
    );
    assert_eq!(
        place.runs.progress(&run).unwrap(),
        Progress {
            bytes: 4 + 4 + 150_001 + 6,
            lines: 6,
            repeats: 1,
            last_line: "no end".to_owned(),
        }
    );
}

#[test]
fn a_split_line_breaks_no_character() {
    let place = Place::new();
    let run = run_id("split");
    // Two bytes a character after one byte, so that the border falls inside one.
    let script = "printf a; i=0; while [ $i -lt 40000 ]; do printf '\\303\\244'; i=$((i+1)); done";
    place.run(&place.sh(&run, script));
    let texts = place.texts(&run);
    assert_eq!(texts.len(), 2);
    assert_eq!(texts.concat(), format!("a{}", "ä".repeat(40_000)));
}

#[test]
fn repetition_is_seen_while_the_run_lives() {
    let place = Place::new();
    let run = run_id("loop");
    let spec = demo_run(&place.runs, &place.setting(&run), "say begin\nloop again");
    place.runs.ensure(&spec).unwrap();
    until("ten repeats", || {
        let progress = place.runs.progress(&run).unwrap();
        progress.repeats >= 10 && progress.last_line == "again"
    });
    place.runs.stop(&run, Duration::ZERO).unwrap();
    place.wait_exit(&run);
}

#[test]
fn the_shell_runtime_stops_at_the_first_failure_in_the_worktree() {
    let place = Place::new();
    let run = run_id("shell");
    let mut setting = place.setting(&run);
    setting.bead = Some(BeadId::parse("gt-1").unwrap());
    setting.epoch = Epoch(7);
    let script =
        "echo \"$GTD_BEAD $GTD_EPOCH $GTD_RIG $HOME\" > seen\nfalse\necho not here > after\n";
    let exit = place.run(&shell_run(&place.runs, &setting, script));
    assert_eq!(exit.end, End::Code(1));
    assert_eq!(
        place.read("seen"),
        format!("gt-1 7 rig {}\n", place.dir.path().display())
    );
    assert_eq!(place.read("after"), "");
    let spec = place.runs.spec(&run).unwrap();
    let names: Vec<&str> = spec.env.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["GTD_BEAD", "GTD_EPOCH", "GTD_RIG", "HOME", "LANG", "PATH"]
    );
}

#[test]
fn the_demo_agent_does_what_its_script_says() {
    let place = Place::new();
    let demo = |what: &str, directives: &str| {
        let run = run_id(what);
        let exit = place.run(&demo_run(&place.runs, &place.setting(&run), directives));
        (exit.end, place.texts(&run).join("\n"))
    };
    let work = "seed 7\nwork a/b.txt one\nwork a/b.txt two\nconflict c.txt x\nconflict c.txt y";
    assert_eq!(demo("work", work).0, End::Code(0));
    assert_eq!(place.read("a/b.txt"), "one\ntwo\n");
    assert_eq!(place.read("c.txt"), "y\n");
    assert_eq!(demo("lie", "lie\nfail 9").0, End::Code(0));
    assert_eq!(demo("fail", "fail 9").0, End::Code(9));
    assert_eq!(demo("run", "run exit 6").0, End::Code(6));
    assert_eq!(
        demo("ask", "ask which one?"),
        (End::Code(ASK_CODE), format!("{ASK_MARK}which one?"))
    );
    assert_eq!(demo("unknown", "dance").0, End::Code(2));
}
