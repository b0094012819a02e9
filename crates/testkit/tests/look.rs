//! Looking at work before and after a decision, in a real town.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::{Town, until};

/// A town with a goal of one bead, whose script is given.
fn with(bead: &str, gate: &str) -> (Town, String) {
    let town = Town::new();
    town.init(&[("test", gate)]);
    let goal = town.goal(&format!(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Say hello\"\n{bead}\n"
    ));
    (town, goal)
}

fn bead_of(town: &Town, goal: &str) -> String {
    let convoy = town.json(&["convoy", "show", goal]);
    convoy["beads"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_review_shows_claim_proof_files_and_diff() {
    let (town, goal) = with(
        "run = \"echo hello > hello.txt; echo '[dependencies]' > Cargo.toml; echo 'left-pad = \\\"1\\\"' >> Cargo.toml\"\nscope = [\"*.txt\"]\nacceptance = [{ text = \"it greets\", check = \"grep -q hello hello.txt\" }]",
        "true",
    );
    assert_eq!(town.wait(&goal).0, Some(0));
    let bead = bead_of(&town, &goal);
    let review = town.json(&["review", &bead]);
    assert_eq!(review["kind"], "Review", "{review:#}");
    assert_eq!(review["state"], "landed");
    assert_eq!(review["acceptance"][0]["met"], true, "{review:#}");
    assert_eq!(review["gates"][0]["gate"], "test");
    assert_eq!(review["gates"][0]["verdict"], "passed");
    assert_eq!(review["outside_scope"], serde_json::json!(["Cargo.toml"]));
    assert_eq!(review["dependencies"][0]["line"], "left-pad = \"1\"");
    assert!(
        review["diff"].as_str().unwrap().contains("+hello"),
        "{review:#}"
    );
    let said = town.gtd_ok(&["review", &bead]);
    for part in [
        "ACCEPTANCE",
        "it greets  green",
        "GATES",
        "test  green",
        "outside its scope",
        "left-pad",
        "+hello",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let refused = town.gtd(&["review", &bead, "--changes", "louder"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("--discovered-from"), "{refused}");
    assert_eq!(
        town.git(&["status", "--porcelain", "--untracked-files=no"]),
        ""
    );
}

#[test]
fn what_a_review_wants_otherwise_is_in_the_brief_of_the_next_attempt() {
    let work = "n=$(cat {count} 2>/dev/null || echo 0); echo $((n+1)) > {count}; test $n -gt 0; echo hello > hello.txt";
    let town = Town::new();
    let town = town.with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.init(&[("test", "true")]);
    let script = work.replace("{count}", &town.path("count").display().to_string());
    let goal = town.goal(&format!(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Say hello\"\nrun = {}\n",
        serde_json::Value::from(script)
    ));
    assert_eq!(town.wait(&goal).0, Some(4), "it fails and is set aside");
    let bead = bead_of(&town, &goal);
    let dry = town.gtd_ok(&["review", &bead, "--changes", "greet twice", "-n"]);
    assert!(dry.contains("would send"), "{dry}");
    let bad = town.gtd(&["review", &bead, "--comment", "hello.txt", "no line"]);
    assert_eq!(bad.code, Some(2), "{bad}");
    town.gtd_ok(&[
        "review",
        &bead,
        "--changes",
        "greet twice",
        "--comment",
        "hello.txt:1",
        "louder",
    ]);
    assert_eq!(town.wait(&goal).0, Some(0));
    // What the next agent is told, word for word.
    let said = town.gtd_ok(&["role", "render", "worker", "--bead", &bead]);
    assert!(said.contains("wants it otherwise: greet twice"), "{said}");
    assert!(said.contains("hello.txt:1: louder"), "{said}");
    assert_eq!(town.count("ChangesWanted"), 1);
}

#[test]
fn a_yes_is_to_the_commit_that_was_looked_at_and_by_the_number_of_the_inbox() {
    let (town, goal) = with("run = \"echo hello > hello.txt\"", "test ! -f hello.txt");
    // The gate is red with the work alone: it comes back until it is set aside.
    let (code, _) = town.wait(&goal);
    assert_eq!(code, Some(4));
    let bead = bead_of(&town, &goal);
    let inbox = town.json(&["inbox"]);
    let number = inbox["items"][0]["n"].as_u64().unwrap().to_string();
    assert_eq!(inbox["items"][0]["subject"], bead.as_str());
    let review = town.json(&["review", &number]);
    assert_eq!(review["bead"], bead.as_str());
    let head = review["head"].as_str().unwrap().to_owned();
    let moved = town.gtd(&["approve", &number, "--at", "0000000"]);
    assert_eq!(moved.code, Some(7), "{moved}");
    assert!(moved.stderr.contains("moved"), "{moved}");
    assert_eq!(town.gtd(&["approve", "99999"]).code, Some(3));
    let before = town.count("SubmissionRestored");
    let said = town.gtd_ok(&[
        "approve",
        &number,
        "--once",
        "--at",
        &head[..9],
        "-m",
        "seen it",
    ]);
    assert!(said.contains("approved"), "{said}");
    assert_eq!(town.count("SubmissionRestored"), before + 1);
    let shown = town.json(&["bead", "show", &bead]);
    assert!(shown["notes"].to_string().contains("seen it"), "{shown}");
}

#[test]
fn a_timeline_has_a_row_for_each_bead_in_every_format() {
    let (town, goal) = with("run = \"echo hello > hello.txt\"", "true");
    assert_eq!(town.wait(&goal).0, Some(0));
    let bead = bead_of(&town, &goal);
    let document = town.json(&["timeline", &goal]);
    assert_eq!(document["kind"], "Timeline");
    let kinds: Vec<&str> = document["rows"][0]["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| segment["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"agent") && kinds.contains(&"gate"),
        "{document:#}"
    );
    let text = town.gtd_ok(&["timeline", &goal]);
    assert!(text.contains(&bead) && text.contains("agent"), "{text}");
    let narrow = town
        .program(gtd_testkit::town::binary("gtd"))
        .env("COLUMNS", "40")
        .args(["timeline", "--glyphs", "ascii"])
        .output()
        .unwrap();
    let narrow = String::from_utf8(narrow.stdout).unwrap();
    assert!(narrow.is_ascii() && narrow.contains("agent"), "{narrow}");
    assert!(narrow.lines().all(|line| line.len() <= 60), "{narrow}");
    let picture = town.path("t.svg").display().to_string();
    town.gtd_ok(&["timeline", &goal, "-o", &picture]);
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("prefers-color-scheme:dark"),
        "{svg}"
    );
    assert!(
        !svg.contains("http") || svg.matches("http").count() == 1,
        "only its namespace"
    );
    assert_eq!(town.gtd(&["timeline", "repo-zzz9"]).code, Some(3));
    let future = town.gtd(&["timeline", "--since", "2099-01-01T00:00:00Z"]);
    assert_eq!(future.code, Some(2), "{future}");
}

#[test]
fn a_submission_in_test_is_sent_back_and_leaves_the_queue() {
    let (town, goal) = with(
        "run = \"echo $GTD_EPOCH > hello.txt\"",
        "test \"$(cat hello.txt)\" != 1 || sleep 600",
    );
    let bead = bead_of(&town, &goal);
    until("it is in test", || {
        let rows = town.json(&["merge", "list"]);
        (rows["items"][0]["state"] == "in_test").then_some(())
    });
    town.gtd_ok(&["review", &bead, "--changes", "again"]);
    until("the next attempt hands in", || {
        let review = town.json(&["review", &bead]);
        (review["attempt"] == 2).then_some(())
    });
    let undone = town.gtd(&["undo", "-n"]);
    assert_eq!(undone.code, Some(7), "somebody built upon it: {undone}");
}

#[test]
fn every_page_ends_in_what_happened_last() {
    let (town, goal) = with("run = \"echo hello > hello.txt\"", "true");
    assert_eq!(town.wait(&goal).0, Some(0));
    let bead = bead_of(&town, &goal);
    let types = |document: &serde_json::Value| -> Vec<String> {
        let events = document["events"].as_array().unwrap().iter();
        events
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    };
    for page in [
        ["bead", "show", &bead],
        ["merge", "show", &bead],
        ["convoy", "show", &goal],
        ["rig", "show", "repo"],
    ] {
        let document = town.json(&page);
        let types = types(&document);
        assert!(
            types.contains(&"bead.landed".to_owned()),
            "{page:?}: {types:?}"
        );
        let said = town.gtd_ok(&page);
        assert!(said.contains("LAST"), "{page:?}: {said}");
    }
    let card = town.gtd_ok(&["status", &bead]);
    assert!(
        card.contains("LAST") && card.contains("bead.landed"),
        "{card}"
    );
}

#[test]
fn logs_are_narrowed_to_what_is_asked_for() {
    let town = Town::new();
    town.init(&[(
        "test",
        "echo the gate speaks; test \"$(cat hello.txt 2>/dev/null)\" != 1",
    )]);
    let goal = town.goal(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Say hello\"\nrun = \"echo try $GTD_EPOCH; echo oops >&2; echo $GTD_EPOCH > hello.txt\"\n",
    );
    assert_eq!(town.wait(&goal).0, Some(0));
    let bead = bead_of(&town, &goal);
    let logs = |args: &[&str]| town.gtd_ok(&[&["logs"], args, &["--raw"]].concat());
    assert!(logs(&[&bead, "-g", "try"]).contains("try 2"));
    assert!(!logs(&[&bead, "-g", "try"]).contains("oops"));
    let all = logs(&[&bead, "--attempt", "all", "-g", "try"]);
    assert!(all.contains("try 1") && all.contains("try 2"), "{all}");
    let first = logs(&[&bead, "--attempt", "1", "--kind", "stderr"]);
    assert_eq!(first.trim(), "oops");
    let gate = logs(&[&bead, "--gate", "test", "--attempt", "all"]);
    // Red twice on the first attempt's tree before it goes back, then green.
    assert_eq!(gate.matches("the gate speaks").count(), 3, "{gate}");
    assert!(!gate.contains("oops"), "{gate}");
    let convoy = logs(&["--convoy", &goal, "-g", "oops"]);
    assert_eq!(convoy.trim(), "oops");
    let refinery = town.gtd_ok(&["logs", "--role", "refinery", "--since", "1h", "-n", "500"]);
    assert!(!refinery.is_empty());
    assert_eq!(town.gtd_ok(&["logs", "daemon", "-l", "error"]), "");
    assert_eq!(
        town.gtd_ok(&["logs", &bead, "--until", "1h"]),
        "",
        "nothing is so old"
    );
    for (args, code) in [
        (["logs", &bead, "--attempt", "some"], 2),
        (["logs", &bead, "--kind", "tea"], 2),
        (["logs", &bead, "--since", "soon"], 2),
    ] {
        let refused = town.gtd(&args);
        assert_eq!(refused.code, Some(code), "{args:?}: {refused}");
    }
    let both = town.gtd(&["logs", &bead, "--attempt", "all", "-f"]);
    assert_eq!(both.code, Some(2), "{both}");
}
