//! What `gtd` promises when no daemon is there: exit codes, one document, no surprises.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

fn town() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn gtd(town: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gtd"));
    command
        .args(words)
        .current_dir(town)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", town)
        .env("GTD_HOME", town.join("home"))
        .env("GTD_GTDD", "/bin/false")
        .env("USER", "anna")
        .stdin(Stdio::null());
    command
}

fn run(town: &Path, words: &[&str]) -> Output {
    gtd(town, words).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("gtd was not killed")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Parses the one document of stdout.
fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {:?} {:?}", stdout(output), stderr(output));
    })
}

fn repository(town: &Path) -> std::path::PathBuf {
    let folder = town.join("api");
    std::fs::create_dir_all(folder.join(".git/refs/heads")).unwrap();
    std::fs::write(folder.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    folder
}

#[test]
fn version_never_fails() {
    let town = town();
    let output = run(town.path(), &["version", "--json"]);
    assert_eq!(code(&output), 0);
    let version = document(&output);
    assert_eq!(version["kind"], "Version");
    assert_eq!(version["api"], "gtd/v1");
    assert_eq!(version["client"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["daemon"], Value::Null);
}

#[test]
fn reading_never_starts_the_daemon() {
    let town = town();
    for words in [
        &["status"][..],
        &["ps"],
        &["why"],
        &["why", "gt-1"],
        &["logs", "daemon"],
        &["report"],
        &["wait"],
        &["convoy", "list"],
        &["bead", "list"],
        &["bead", "show", "gt-1"],
    ] {
        let output = run(town.path(), words);
        assert_eq!(code(&output), 69, "{words:?}");
        assert_eq!(stdout(&output), "", "{words:?}");
        let said = stderr(&output);
        assert!(said.starts_with("error[E0601]: "), "{said}");
        assert!(said.contains("\n  help: gtd up\n"), "{said}");
        assert!(!town.path().join("home/state/logs").exists(), "{words:?}");
    }
}

#[test]
fn a_failure_is_one_document_on_stdout_too() {
    let town = town();
    let output = run(town.path(), &["status", "--json"]);
    assert_eq!(code(&output), 69);
    assert_eq!(stderr(&output), "");
    let error = document(&output);
    for (key, value) in [
        ("kind", "Error"),
        ("api", "gtd/v1"),
        ("code", "E0601"),
        ("reason", "DAEMON_NOT_RUNNING"),
        ("hint", "gtd up"),
        ("help", "gtd help E0601"),
    ] {
        assert_eq!(error[key], value, "{key}");
    }
    assert_eq!(error["candidates"], serde_json::json!([]));
    assert_eq!(error["retry_after_s"], Value::Null);
}

#[test]
fn a_wrong_command_line_is_two_and_says_what_was_meant() {
    let town = town();
    let output = run(town.path(), &["stauts"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("status"), "{}", stderr(&output));
    let output = run(town.path(), &["status", "--jsn"]);
    assert_eq!(code(&output), 2);
    let output = run(town.path(), &["--json", "bead", "list", "--state", "odd"]);
    assert_eq!(code(&output), 2);
    let error = document(&output);
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&"Error".into(), &"E0100".into())
    );
    for words in [&["bead"][..], &["goal"], &["wait", "--timeout", "soon"]] {
        assert_eq!(code(&run(town.path(), words)), 2, "{words:?}");
    }
}

#[test]
fn help_goes_to_stdout_and_names_every_exit() {
    let town = town();
    for words in [
        &["--help"][..],
        &["help"],
        &["help", "goal"],
        &["goal", "--help"],
        &["help", "--all"],
    ] {
        let output = run(town.path(), words);
        assert_eq!(code(&output), 0, "{words:?}");
        assert!(stdout(&output).contains("Usage"), "{words:?}");
    }
    let exits = stdout(&run(town.path(), &["help", "exit-codes"]));
    for number in ["  0 ", "  8 ", " 69 ", " 75 ", " 77 ", " 78 ", "130 "] {
        assert!(exits.contains(number), "{number}");
    }
    assert!(stdout(&run(town.path(), &["help", "e0204"])).contains("lease"));
    let output = run(town.path(), &["help", "quickstat"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("did you mean `quickstart`?"));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let town = town();
    for words in [
        &["help", "--all"][..],
        &["completions", "bash"],
        &["config", "list"],
        &["config", "path"],
        &["version"],
    ] {
        let mut child = gtd(town.path(), words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 0, "{words:?}");
        assert_eq!(stderr(&output), "", "{words:?}");
    }
}

#[test]
fn a_pipe_gets_no_colours_unless_they_are_forced() {
    let town = town();
    let plain = run(town.path(), &["status"]);
    assert!(!stderr(&plain).contains('\u{1b}'));
    let forced = gtd(town.path(), &["status"])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(stderr(&forced).contains("\u{1b}["));
    let refused = gtd(town.path(), &["status"])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!stderr(&refused).contains('\u{1b}'));
}

#[test]
fn config_path_names_the_socket_before_the_first_start() {
    let town = town();
    let paths = document(&run(town.path(), &["config", "path", "--json"]));
    assert_eq!(paths["kind"], "Paths");
    let data = town.path().join("home/data");
    assert_eq!(paths["data"], data.to_string_lossy().as_ref());
    assert!(paths["socket"].as_str().unwrap().ends_with(".sock"));
    let one = stdout(&run(town.path(), &["config", "path", "data"]));
    assert_eq!(one.trim_end(), data.to_string_lossy());
    assert!(!town.path().join("home").exists());
}

#[test]
fn a_configuration_value_tells_where_it_comes_from() {
    let town = town();
    let output = gtd(town.path(), &["config", "get", "merge.batch", "--origin"])
        .env("GTD_MERGE__BATCH", "2")
        .output()
        .unwrap();
    assert_eq!(
        stdout(&output).trim_end(),
        "2   GTD_MERGE__BATCH   (default 64)"
    );
    let wrong = run(town.path(), &["config", "get", "merge.batsh"]);
    assert_eq!(code(&wrong), 3);
    assert!(
        stderr(&wrong).contains("did you mean `merge.batch`?"),
        "{}",
        stderr(&wrong)
    );
    let wrong = gtd(town.path(), &["config", "get", "merge.batch"])
        .env("GTD_MERGE__BATCH", "many")
        .output()
        .unwrap();
    assert_eq!(code(&wrong), 78);
}

#[test]
fn init_outside_a_repository_is_seven() {
    let town = town();
    let output = run(town.path(), &["init"]);
    assert_eq!(code(&output), 7);
    assert!(stderr(&output).contains("git init"), "{}", stderr(&output));
}

#[test]
fn init_refuses_a_file_that_is_wrong_and_touches_nothing() {
    let town = town();
    let folder = repository(town.path());
    std::fs::write(folder.join("gtd.toml"), "[merge]\nbatsh = 2\n").unwrap();
    let output = run(&folder, &["init"]);
    assert_eq!(code(&output), 78);
    let said = stderr(&output);
    assert!(said.starts_with("error[E0105]: gtd.toml: "), "{said}");
    assert!(
        said.contains("--> gtd.toml:2:1") && said.contains("batch"),
        "{said}"
    );
    assert!(!folder.join(".git/info").exists());
}

#[test]
fn a_rehearsed_init_shows_what_it_would_write() {
    let town = town();
    let folder = repository(town.path());
    std::fs::write(folder.join("Makefile"), "test:\n\ttrue\n").unwrap();
    let output = run(&folder, &["init", "-n", "--gate", "lint=true"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let shown = stdout(&output);
    for part in [
        "make test",
        "lint",
        "would write gtd.toml",
        "branch = \"main\"",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!folder.join("gtd.toml").exists());
    let empty = stdout(&run(&folder, &["init", "-n", "--no-detect"]));
    assert!(empty.contains("gates        none"), "{empty}");
}

#[test]
fn a_wrong_plan_is_shown_with_its_line_before_anything_is_started() {
    let town = town();
    let folder = repository(town.path());
    let plan = "title = \"x\"\n[[bead]]\nid = \"a\"\ntitle = \"A\"\nruns = \"true\"\n";
    std::fs::write(folder.join("plan.toml"), plan).unwrap();
    let output = run(&folder, &["goal", "--plan", "plan.toml"]);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(said.starts_with("error[E0102]: plan.toml: "), "{said}");
    assert!(said.contains("--> plan.toml:5:1"), "{said}");
    assert!(said.contains("did you mean `run`?"), "{said}");
    let error = document(&run(&folder, &["goal", "--plan", "plan.toml", "--json"]));
    assert_eq!(error["place"]["line"], 5);

    let plan = "title = \"x\"\n[[bead]]\nid = \"a\"\ntitle = \"A\"\n";
    std::fs::write(folder.join("plan.toml"), plan).unwrap();
    let output = run(&folder, &["goal", "--plan", "plan.toml"]);
    assert_eq!(code(&output), 78);
    assert!(stderr(&output).starts_with("error[E0104]: "));
    assert_eq!(code(&run(&folder, &["goal", "--plan", "none.toml"])), 2);
    assert!(!town.path().join("home").exists());
}

#[test]
fn a_goal_outside_of_a_rig_is_told_to_init() {
    let town = town();
    let folder = repository(town.path());
    let output = run(&folder, &["goal", "x", "--run", "true"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("gtd init"), "{}", stderr(&output));
}

#[test]
fn a_daemon_that_does_not_start_shows_its_last_words() {
    let town = town();
    let folder = town.path().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("gtdd");
    std::fs::write(
        &program,
        "#!/bin/sh\necho 'the store is damaged' >&2\nexit 1\n",
    )
    .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let output = gtd(town.path(), &["up"])
        .env("GTD_GTDD", &program)
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    let said = stderr(&output);
    assert!(said.contains("error[E0603]"), "{said}");
    assert!(said.contains("the store is damaged"), "{said}");
}

#[test]
fn down_without_a_daemon_is_done() {
    let town = town();
    let output = run(town.path(), &["down"]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("not running"));
}

#[test]
fn alone_it_says_where_one_is_and_what_comes_next() {
    let town = town();
    let outside = run(town.path(), &[]);
    assert_eq!(code(&outside), 0);
    assert!(stdout(&outside).starts_with("Not in a git repository"));
    let folder = repository(town.path());
    let inside = stdout(&run(&folder, &[]));
    assert!(inside.starts_with("Not a rig yet: "), "{inside}");
    assert!(inside.contains("gtd init"), "{inside}");
    let situation = document(&run(&folder, &["--json"]));
    assert_eq!(situation["kind"], "Situation");
    assert_eq!(situation["next"][0], "gtd init");
}

#[test]
fn stop_all_works_without_a_daemon() {
    let town = town();
    let program = town.path().join("gtdd");
    std::fs::write(
        &program,
        "#!/bin/sh\necho \"$@\" > \"$GTD_HOME.said\"\necho '{\"frozen\": 3}'\n",
    )
    .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let stop = |words: &[&str]| {
        gtd(town.path(), words)
            .env("GTD_GTDD", &program)
            .output()
            .unwrap()
    };
    let output = stop(&["stop", "--all", "-m", "a demo"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("STOPPED in 0."),
        "{}",
        stdout(&output)
    );
    assert!(stdout(&output).contains("3 agents frozen"));
    let said = std::fs::read_to_string(town.path().join("home.said")).unwrap();
    assert_eq!(said.trim(), "stop-all -m a demo");
    let document = document(&stop(&["stop", "--all", "--json"]));
    assert_eq!(document["stopped"], true);
    assert_eq!(document["frozen"], 3);
    let output = stop(&["resume", "--all"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = std::fs::read_to_string(town.path().join("home.said")).unwrap();
    assert_eq!(said.trim(), "thaw");
}

#[test]
fn completions_ask_gtd_itself() {
    let town = town();
    for shell in ["bash", "zsh", "fish"] {
        let output = run(town.path(), &["completions", shell]);
        assert_eq!(code(&output), 0, "{shell}");
        assert!(stdout(&output).contains("COMPLETE"), "{shell}");
    }
}

#[test]
fn a_user_who_wants_no_autostart_is_told_to_start_it() {
    let town = town();
    let folder = repository(town.path());
    let output = gtd(&folder, &["init"])
        .env("GTD_HOME", town.path().join("home"))
        .env("GTD_TOWN__AUTOSTART", "false")
        .output()
        .unwrap();
    assert_eq!(code(&output), 69);
    assert!(
        stderr(&output).contains("help: gtd up"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_agent_neither_stops_everything_nor_ends_a_stop() {
    let town = town();
    for verb in ["stop", "resume"] {
        let output = gtd(town.path(), &[verb, "--all", "--json"])
            .env("GTD_RUN", "api-1.e1.work")
            .output()
            .unwrap();
        assert_eq!(code(&output), 77);
        assert_eq!(document(&output)["code"], "E0401");
    }
    assert!(!town.path().join("home/state/stop").exists());
}

#[test]
fn a_file_or_a_script_that_is_none_is_wrong_usage() {
    let town = town();
    std::fs::write(town.path().join("latin.toml"), b"title = \"\xe9\"").unwrap();
    for words in [
        &["goal", "--plan", "latin.toml"][..],
        &["goal", "--plan", "."],
        &["goal", "--plan", "missing.toml"],
        &["goal", "x", "--run", "  "],
        &["goal", "x", "--run", "true", "--max", "0"],
        &["goal", "x", "--run", "true", "--max", "-1"],
        &["goal"],
        &["-C", "missing", "status"],
        &["init", "missing"],
    ] {
        let output = run(town.path(), words);
        assert_eq!(code(&output), 2, "{words:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error[E0100]: "), "{words:?}");
    }
}

#[test]
fn help_and_completions_are_one_document_too() {
    let town = town();
    for (words, kind) in [
        (&["--help"][..], "Help"),
        (&["status", "-h"], "Help"),
        (&["--version"], "Help"),
        (&["completions", "bash"], "Completions"),
    ] {
        let output = run(town.path(), &[words, &["--json"]].concat());
        assert_eq!(code(&output), 0);
        let document = document(&output);
        assert_eq!(document["kind"], kind);
        assert!(!document["text"].as_str().unwrap().is_empty());
    }
    let refused = run(town.path(), &["convoy", "--json"]);
    assert_eq!(code(&refused), 2);
    assert_eq!(document(&refused)["kind"], "Error");
}

#[test]
fn a_wrong_configuration_is_told_before_a_daemon_is_started() {
    let town = town();
    let output = gtd(town.path(), &["up"])
        .env("GTD_MERGE__BATCH", "two")
        .output()
        .unwrap();
    assert_eq!(code(&output), 78);
    assert!(stderr(&output).contains("`merge.batch` does not take `two`"));
}

#[test]
fn the_log_of_a_daemon_that_is_gone_is_read_from_its_file() {
    let town = town();
    let logs = town.path().join("home/state/logs");
    std::fs::create_dir_all(&logs).unwrap();
    let line = |seq: u64| {
        format!(
            "{{\"seq\":{seq},\"at\":\"2026-01-02T03:04:05.000Z\",\"kind\":\"LogLine\",\"level\":\"info\",\"text\":\"line {seq}\"}}\n"
        )
    };
    std::fs::write(logs.join("daemon.log.1"), line(1) + &line(2)).unwrap();
    std::fs::write(logs.join("daemon.log"), line(3)).unwrap();
    let texts = |words: &[&str]| {
        let output = run(town.path(), words);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stderr(&output).contains("the daemon is not running"));
        stdout(&output)
    };
    assert_eq!(
        texts(&["logs", "daemon", "--raw"]),
        "line 1\nline 2\nline 3\n"
    );
    assert_eq!(texts(&["logs", "--raw", "-n", "2"]), "line 2\nline 3\n");
    let last = texts(&["logs", "--json", "--after", "2"]);
    let object: Value = serde_json::from_str(last.trim()).unwrap();
    assert_eq!(object["seq"], 3);
    assert_eq!(code(&run(town.path(), &["logs", "worker"])), 69);
}
