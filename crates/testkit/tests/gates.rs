//! Gates that a person asks for: the refinery runs them, as it does in the queue.

use gtd_testkit::town::Town;

/// A town whose workers run a part of its gate; `RAN` in it is a file outside of every worktree.
fn with_affected(affected: &str) -> Town {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    let ran = town.path("ran").display().to_string();
    let text = format!(
        "schema = 1\n[rig]\nname = \"repo\"\nbranch = \"main\"\n[[gate]]\nname = \"test\"\nwhen = \"both\"\n\
         run = \"echo all >> {ran}\"\naffected = \"{}\"\n",
        affected.replace("RAN", &ran)
    );
    std::fs::write(town.repo().join("gtd.toml"), text).expect("the folder is there");
    town.gtd_ok(&["init", "--no-detect"]);
    town
}

const ONE: &str =
    "title = \"one\"\n[[bead]]\nid = \"a\"\ntitle = \"a\"\nrun = \"echo a > a.txt\"\n";

#[test]
fn workers_run_what_is_affected_and_the_merged_tree_gets_all() {
    let town = with_affected("git diff --name-only $GTD_BASE HEAD >> RAN");
    assert_eq!(town.wait(&town.goal(ONE)).0, Some(0));
    let ran = std::fs::read_to_string(town.path("ran")).unwrap();
    assert_eq!(ran, "a.txt\nall\n");
}

#[test]
fn a_red_affected_part_sends_the_work_back() {
    let town = with_affected("false");
    assert_eq!(town.wait(&town.goal(ONE)).0, Some(4));
    assert_eq!(town.count("WorkSubmitted"), 0);
    assert!(!town.path("ran").exists());
}

fn town(gate: &str) -> Town {
    let town = Town::new();
    town.init(&[("test", gate)]);
    town
}

#[test]
fn a_green_gate_ends_with_0_and_is_remembered() {
    let town = town("test -f seen || true");
    let verdict = town.json(&["gate", "run", "test"]);
    assert_eq!(verdict["verdict"], "passed", "{verdict}");
    assert_eq!(verdict["commit"], town.git(&["rev-parse", "main"]).as_str());
    assert_eq!(verdict["runs"].as_array().unwrap().len(), 1);
    let history = town.json(&["gate", "history", "test"]);
    assert_eq!(history["items"][0]["purpose"], "asked", "{history}");
    assert_eq!(
        town.json(&["gate", "list"])["items"][0]["last"]["verdict"],
        "passed"
    );
    assert_eq!(town.count("GateAsked"), 1);
    assert_eq!(town.count("GateAnswered"), 1);
}

#[test]
fn a_red_gate_runs_once_more_shows_the_end_of_its_output_and_ends_with_5() {
    let town = town("echo it is wrong; exit 3");
    let said = town.gtd(&["gate", "run", "test"]);
    assert_eq!(said.code, Some(5), "{said}");
    assert!(said.stdout.contains("it is wrong"), "{said}");
    let history = town.json(&["gate", "history", "test"]);
    assert_eq!(history["items"].as_array().unwrap().len(), 2, "{history}");
    let run = history["items"][0]["run"].as_str().unwrap().to_owned();
    let logs = town.gtd_ok(&["logs", &run]);
    assert!(logs.contains("it is wrong"), "{logs}");
}

#[test]
fn of_the_environment_a_gate_gets_what_the_user_names_and_nothing_else() {
    let town = Town::new()
        .with_env("TOOLS_HERE", "/opt/tools")
        .with_env("CANARY", "secret");
    town.init(&[(
        "test",
        "echo \"$TOOLS_HERE.${CANARY:-none}\"; test -n \"$TOOLS_HERE\"",
    )]);
    let said = town.gtd(&["gate", "run", "test"]);
    assert_eq!(said.code, Some(5), "{said}");
    town.gtd_ok(&["config", "set", "--user", "town.env", "[\"TOOLS_HERE\"]"]);
    let said = town.gtd(&["gate", "run", "test"]);
    assert_eq!(said.code, Some(0), "{said}");
    let run = town.json(&["gate", "history", "test"])["items"][0]["run"].clone();
    let logs = town.gtd_ok(&["logs", run.as_str().unwrap()]);
    assert!(logs.contains("/opt/tools.none"), "{logs}");
}

#[test]
fn a_gate_that_is_red_and_green_on_one_commit_is_flaky() {
    let town = Town::new();
    let mark = town.path("mark").display().to_string();
    town.init(&[(
        "test",
        &format!("test -e {mark} || {{ touch {mark}; exit 1; }}"),
    )]);
    let said = town.gtd(&["gate", "run", "test", "--json"]);
    assert_eq!(said.code, Some(5), "{said}");
    assert!(said.stdout.contains("\"verdict\":\"flaky\""), "{said}");
    assert_eq!(town.json(&["gate", "list"])["items"][0]["flaky"], true);
}

#[test]
fn a_gate_that_cannot_run_ends_with_1() {
    let town = town("no-such-program-anywhere");
    let said = town.gtd(&["gate", "run", "test", "-q"]);
    assert_eq!(
        (said.code, said.stdout.trim()),
        (Some(1), "infra"),
        "{said}"
    );
}

#[test]
fn a_gate_runs_on_the_commit_that_is_named_in_a_clean_worktree() {
    let town = town("test -f new");
    assert_eq!(town.gtd(&["gate", "run", "test"]).code, Some(5));
    town.git(&["checkout", "-q", "-b", "side"]);
    std::fs::write(town.repo().join("new"), "").unwrap();
    // What is not committed is not there.
    assert_eq!(
        town.gtd(&["gate", "run", "test", "--at", "side"]).code,
        Some(5)
    );
    town.git(&["add", "new"]);
    town.git(&["commit", "-q", "-m", "new"]);
    assert_eq!(
        town.gtd(&["gate", "run", "test", "--at", "side"]).code,
        Some(0)
    );
    let missing = town.gtd(&["gate", "run", "test", "--at", "nowhere"]);
    assert_eq!(missing.code, Some(3), "{missing}");
    let unknown = town.gtd(&["gate", "run", "tset"]);
    assert_eq!(unknown.code, Some(3), "{unknown}");
    assert!(unknown.stderr.contains("gates of repo: test"), "{unknown}");
}

#[test]
fn a_gate_runs_on_what_a_bead_handed_in() {
    let town = town("test -f made");
    let goal = town.goal(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Make\"\nrun = \"echo 1 > made\"\n",
    );
    assert_eq!(town.wait(&goal).0, Some(0));
    let bead = town.json(&["bead", "list", "--all"])["items"][0]["id"].clone();
    let bead = bead.as_str().unwrap();
    assert_eq!(
        town.gtd(&["gate", "run", "test", "--bead", bead]).code,
        Some(0)
    );
    let history = town.json(&["gate", "history", "test", "--filter", "purpose=candidate"]);
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
}

/// The plan of a goal that should be true at its end, as far as `check` and a reader tell.
fn promised(check: &str) -> String {
    format!(
        "title = \"Say hello\"\nacceptance = [{{ text = \"it greets\", check = \"{check}\" }}, \"it reads well\"]\n\n[[bead]]\nid = \"a\"\ntitle = \"Say it\"\nrun = \"echo hello > hello.txt\"\n"
    )
}

#[test]
fn a_goal_whose_own_acceptance_is_red_is_not_done_and_a_person_is_told() {
    let town = town("true");
    let goal = town.goal(&promised("echo where is it; test -e never"));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(5), "{document}");
    assert_eq!(document["state"], "failed", "{document}");
    assert_eq!(document["beads"][0]["state"], "landed", "{document}");
    assert_eq!(document["proof"][0]["verdict"], "failed", "{document}");
    let evidence = document["proof"][0]["evidence"].as_str().unwrap();
    assert!(evidence.contains("where is it"), "{document}");
    let inbox = town.json(&["inbox"]);
    let items = inbox["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{inbox}");
    assert_eq!(items[0]["kind"], "alert", "{inbox}");
    assert_eq!(items[0]["subject"], goal.as_str(), "{inbox}");
    assert_eq!(items[0]["title"], "Say hello", "{inbox}");
    let text = items[0]["text"].as_str().unwrap();
    assert!(text.contains("acceptance-1 is red on the target"), "{text}");
    // The log that it names is there, and whoever has seen it says so.
    let (_, logs) = text.rsplit_once("gtd logs ").unwrap();
    assert!(town.gtd_ok(&["logs", logs]).contains("where is it"));
    assert_eq!(items[0]["next"], format!("gtd resume {goal}"), "{inbox}");
    town.gtd_ok(&["resume", &goal]);
    assert_eq!(town.json(&["inbox"])["items"], serde_json::json!([]));
    let report = town.json(&["report"]);
    assert_eq!(report["proof"]["unverified"], serde_json::json!([]));
}

#[test]
fn what_no_command_looks_at_is_listed_when_a_goal_is_reached() {
    let town = town("true");
    let goal = town.goal(&promised("grep -q hello hello.txt"));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(
        document["conclusion"],
        "all of its beads ended well and its own acceptance is green; no command looks at 1 criterion",
        "{document}"
    );
    let report = town.json(&["report"]);
    assert_eq!(
        report["proof"]["unverified"],
        serde_json::json!([format!("{goal} it reads well")]),
        "{report}"
    );
    let said = town.gtd_ok(&["report"]);
    let line = format!("looked at by no command: {goal} it reads well");
    assert!(said.contains(&line), "{said}");
}
