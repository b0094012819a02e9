//! The gates that gtd brings along: what they find in real work, and what follows from it.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::{Town, until};
use serde_json::Value;

const TESTS: &str = "def test_adds():\n    assert add(1, 2) == 3\n    assert add(0, 0) == 0\n\n\ndef test_later():\n    assert later() == 4\n";
/// Work that takes one assertion away and skips a test.
const WEAKER: &str = "sed -i '/add(0, 0)/d' test_add.py\nsed -i 's/^def test_later/@pytest.mark.skip\\ndef test_later/' test_add.py\n";

/// Makes a town whose repository has tests, and whose only gate leaves a mark each time it runs.
fn town(policy: &str) -> Town {
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1")
        .with_env("GTD_MERGE__TEST_GUARD", policy);
    town.push("main", "test_add.py", TESTS);
    town.init(&[(
        "test",
        &format!("echo ran >> {}", town.path("mark").display()),
    )]);
    town
}

fn plan(run: &str) -> String {
    format!(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Make it green\"\nrun = {}\n",
        Value::from(run)
    )
}

fn first_bead(document: &Value) -> String {
    document["beads"][0]["id"].as_str().unwrap().to_owned()
}

/// Has a plan of one bead done, and returns the bead.
#[track_caller]
fn ends_with(town: &Town, plan: &str, code: i32) -> String {
    let (ended, document) = town.wait(&town.goal(plan));
    assert_eq!(ended, Some(code), "{document}");
    first_bead(&document)
}

fn kinds(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|one| one["kind"].as_str().unwrap()).collect()
}

#[test]
fn what_makes_tests_say_less_is_listed_and_lands_where_the_policy_only_lists() {
    let town = town("list");
    let bead = ends_with(&town, &plan(WEAKER), 0);
    let shown = town.json(&["merge", "show", &bead]);
    let guard = &shown["evidence"]["members"][0]["guards"][0];
    assert_eq!(guard["guard"], "test-guard", "{shown}");
    assert_eq!(guard["policy"], "list", "{shown}");
    assert_eq!(kinds(guard), ["test_skipped", "assertions_removed"]);
    assert_eq!(guard["findings"][1]["file"], "test_add.py", "{shown}");
    let note = town.git(&["notes", "--ref=gtd", "show", "main"]);
    assert!(note.contains("assertions_removed"), "{note}");
    assert_eq!(town.gtd(&["merge", "verify", "main~1..main"]).code, Some(0));
    let review = town.gtd_ok(&["review", &bead]);
    let told = "an assertion is gone: assert add(0, 0) == 0";
    assert!(review.contains(told), "{review}");
    let shown = town.gtd_ok(&["merge", "show", &bead]);
    assert!(shown.contains(told), "{shown}");
}

#[test]
fn where_the_policy_blocks_weaker_tests_go_back_before_any_gate_runs() {
    let town = town("block");
    // What is handed in cannot let itself through.
    let off = "printf '\\n[merge]\\ntest_guard = \"off\"\\n' >> gtd.toml\n";
    let bead = ends_with(&town, &plan(&format!("{WEAKER}{off}")), 4);
    let shown = town.json(&["bead", "show", &bead]);
    let fault = &shown["attempts"][0]["fault"];
    assert_eq!(fault["class"]["gate"]["gate"], "test-guard", "{shown}");
    // It stands in the brief of the next attempt, as everything does that sent work back.
    let evidence = fault["evidence"].as_str().unwrap();
    assert!(
        evidence.contains("test_later: the test is skipped now"),
        "{shown}"
    );
    assert!(evidence.contains("an assertion is gone"), "{shown}");
    assert_eq!(town.lines("mark"), Vec::<String>::new());
    assert_eq!(town.count("CandidateFormed"), 0);
    let review = town.json(&["review", &bead]);
    assert_eq!(review["guards"][0]["guard"], "test-guard", "{review}");
}

#[test]
fn work_that_leaves_tests_as_strong_as_they_were_lands_where_the_policy_blocks() {
    let town = town("block");
    let moved = "git mv test_add.py test_sum.py\nsed -i 's/test_adds/test_one_and_two_are_three/' test_sum.py\necho 'def add(a, b): return a + b' > add.py\n";
    let bead = ends_with(&town, &plan(moved), 0);
    let shown = town.json(&["merge", "show", &bead]);
    let guard = &shown["evidence"]["members"][0]["guards"][0];
    assert_eq!(guard["policy"], "block", "{shown}");
    assert_eq!(guard.get("findings"), None, "{shown}");
}

#[test]
fn what_others_did_to_tests_meanwhile_is_not_the_works_own() {
    let town = town("block");
    // The work begins while the old tests stand, and takes in what a person pushes meanwhile.
    let merges = "echo a > a\ngit add -A\ngit commit -qm a\nwhile grep -q test_later test_add.py; do git merge -q -m both main || true; sleep 0.05; done\n";
    let goal = town.goal(&plan(merges));
    until("the work has begun", || {
        (town.count("RunStarted") == 1).then_some(())
    });
    let less = "def test_adds():\n    assert True\n";
    town.push("main", "test_add.py", less);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let shown = town.json(&["merge", "show", &first_bead(&document)]);
    let guard = &shown["evidence"]["members"][0]["guards"][0];
    assert_eq!(guard.get("findings"), None, "{shown}");
    assert_eq!(town.file_on("main", "test_add.py").as_deref(), Some(less));
}

#[test]
fn what_a_person_takes_as_it_is_lands_with_their_reason_in_the_evidence() {
    let town = town("block");
    let goal = town.goal(&plan(WEAKER));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let bead = first_bead(&document);
    // It would come back at once.
    let refused = town.gtd(&["merge", "retry", &bead]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(
        refused.stderr.contains("held back by test-guard"),
        "{refused}"
    );
    assert!(refused.stderr.contains("gtd merge waive"), "{refused}");
    // What is on a branch is green in the gates that are commands, whatever a person says.
    let refused = town.gtd(&[
        "merge",
        "waive",
        &bead,
        "--gate",
        "test",
        "-m",
        "it is late",
    ]);
    assert_eq!(refused.code, Some(2), "{refused}");
    let moved = [
        "merge",
        "waive",
        &bead,
        "--gate",
        "test-guard",
        "-m",
        "x",
        "--at",
        "0000000",
    ];
    assert_eq!(town.gtd(&moved).code, Some(7));
    let why = "what it tested is gone";
    town.gtd_ok(&[
        "merge",
        "waive",
        &bead,
        "--gate",
        "test-guard",
        "--why",
        why,
    ]);
    let review = town.gtd_ok(&["review", &bead]);
    assert!(review.contains(&format!(": {why}")), "{review}");
    town.gtd_ok(&["merge", "retry", &bead]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let shown = town.json(&["merge", "show", &bead]);
    let guard = &shown["evidence"]["members"][0]["guards"][0];
    assert_eq!(guard["policy"], "block", "{shown}");
    assert_eq!(guard["waived"]["why"], why, "{shown}");
    let verified = town.gtd(&["merge", "verify", "main~1..main"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    assert!(
        verified.stdout.contains("test-guard waived by"),
        "{verified}"
    );
}

#[test]
fn a_waiver_does_not_hold_for_what_is_handed_in_after_it() {
    let town = town("block");
    let goal = town.goal(&plan(&format!("{WEAKER}echo $GTD_EPOCH > epoch\n")));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let bead = first_bead(&document);
    town.gtd_ok(&[
        "merge",
        "waive",
        &bead,
        "--gate",
        "test-guard",
        "-m",
        "as it is",
    ]);
    town.gtd_ok(&["bead", "retry", &bead]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(town.count("SubmissionWaived"), 1);
    assert_eq!(town.count("CandidateFormed"), 0);
}

/// Makes a town that wants new tests to be red without the work; its gate runs every `test_*.sh`.
fn proving(policy: &str) -> Town {
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1")
        .with_env("GTD_MERGE__PROOF_OF_TEST", policy);
    town.init(&[(
        "test",
        "for test in test_*; do python3 \"$test\" || exit 1; done",
    )]);
    town
}

const PROVES: &str = "echo 'x = 1' > work.py\nprintf 'def test_x():\\n    import work\\n    assert work.x == 1\\n\\ntest_x()\\n' > test_work.py\n";
const PROVES_NOTHING: &str = "echo 'x = 1' > work.py\nprintf 'def test_x():\\n    assert 1 + 1 == 2\\n\\ntest_x()\\n' > test_work.py\n";

#[test]
fn new_tests_that_are_red_without_the_work_prove_something() {
    let town = proving("block");
    let bead = ends_with(&town, &plan(PROVES), 0);
    let shown = town.json(&["merge", "show", &bead]);
    let guards = shown["evidence"]["members"][0]["guards"]
        .as_array()
        .unwrap();
    let proof = guards.iter().find(|one| one["guard"] == "proof-of-test");
    let proof = proof.unwrap();
    assert_eq!(proof.get("findings"), None, "{shown}");
    assert_eq!(
        proof["remark"], "red without the work in gate test",
        "{shown}"
    );
}

#[test]
fn new_tests_that_are_green_without_the_work_send_it_back() {
    let town = proving("block");
    let bead = ends_with(&town, &plan(PROVES_NOTHING), 4);
    let shown = town.json(&["bead", "show", &bead]);
    let fault = &shown["attempts"][0]["fault"];
    assert_eq!(fault["class"]["gate"]["gate"], "proof-of-test", "{shown}");
    let told = "test_work.py:1 test_x: is green without the work";
    assert_eq!(fault["evidence"], told, "{shown}");
    assert_eq!(town.count("CandidateFormed"), 0);
}

#[test]
fn where_proof_is_only_listed_work_lands_and_without_new_tests_nothing_is_run_for_it() {
    let town = proving("list");
    let goal = town.goal(&plan(PROVES_NOTHING));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let shown = town.gtd_ok(&["merge", "show", &first_bead(&document)]);
    assert!(
        shown.contains("proof-of-test  new tests prove nothing"),
        "{shown}"
    );
    let runs = || {
        let runs = std::fs::read_dir(town.runs()).unwrap();
        let names = runs.map(|run| run.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("proof-")).count()
    };
    assert_eq!(runs(), 1);
    ends_with(&town, &plan("echo a > a\n"), 0);
    assert_eq!(runs(), 1);
}

/// Two beads that change the same place: the second is done anew on what the first has landed, and
/// writes the file as if that were not there.
fn forgets(policy: &str) -> (Town, String) {
    let town = Town::new()
        .with_env("GTD_MERGE__KEPT_LINES", policy)
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.push("main", "f.txt", "begin\n");
    town.init(&[("test", "true")]);
    town.gtd_ok(&["merge", "pause"]);
    let plan = "title = \"two\"\n\n[[bead]]\nid = \"a\"\ntitle = \"First\"\nrun = \"echo of the first >> f.txt\"\n\n[[bead]]\nid = \"b\"\ntitle = \"Second\"\nrun = \"printf 'begin\\\\nof the second\\\\n' > f.txt\"\n";
    let goal = town.goal(plan);
    until("two are handed in", || {
        let rows = town.json(&["merge", "list"])["items"].as_array()?.len();
        (rows == 2).then_some(())
    });
    let document = town.json(&["convoy", "show", &goal]);
    let bead = |n: usize| document["beads"][n]["id"].as_str().unwrap().to_owned();
    town.gtd_ok(&["merge", "first", &bead(0)]);
    town.gtd_ok(&["merge", "resume"]);
    drop(town.wait(&goal));
    (town, bead(1))
}

#[test]
fn what_the_repair_of_a_conflict_drops_is_listed_in_the_evidence() {
    let (town, bead) = forgets("list");
    assert_eq!(town.count("SubmissionReturned"), 1);
    let shown = town.json(&["merge", "show", &bead]);
    let guards = shown["evidence"]["members"][0]["guards"]
        .as_array()
        .unwrap();
    let kept = guards
        .iter()
        .find(|one| one["guard"] == "kept-lines")
        .unwrap();
    let text = kept["findings"][0]["text"].as_str().unwrap();
    assert_eq!(text, "a line that landed meanwhile is gone: `of the first`");
    assert_eq!(town.gtd(&["merge", "verify", "main~1..main"]).code, Some(0));
}

#[test]
fn what_the_repair_of_a_conflict_drops_sends_it_back_where_the_rig_says_so() {
    let (town, bead) = forgets("block");
    let shown = town.json(&["bead", "show", &bead]);
    let fault = &shown["attempts"].as_array().unwrap().last().unwrap()["fault"];
    assert_eq!(fault["class"]["gate"]["gate"], "kept-lines", "{shown}");
    assert!(
        fault["evidence"].to_string().contains("of the first"),
        "{shown}"
    );
    assert_eq!(
        town.file_on("main", "f.txt").as_deref(),
        Some("begin\nof the first\n")
    );
}
