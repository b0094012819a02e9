//! Work that changes gate definitions, CI files, hooks and whatever else is protected waits for a
//! person, bound to the commit that they looked at.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::Town;
use serde_json::Value;

/// Work that would make the only gate green for ever, and its CI with it.
const LOOSENS: &str = "mkdir -p .github/workflows\necho 'on: push' > .github/workflows/ci.yml\necho '# nothing runs any more' >> gtd.toml\necho a > a\n";

/// Makes a town whose repository has its configuration among its files, as a real one has.
fn town() -> Town {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    let mark = town.path("mark");
    let text = format!(
        "schema = 1\n\n[rig]\nname = \"repo\"\nbranch = \"main\"\n\n[[gate]]\nname = \"test\"\nrun = \"echo ran >> {}\"\nwhen = \"merge\"\n",
        mark.display()
    );
    town.push("main", "gtd.toml", &text);
    std::fs::write(town.repo().join("gtd.toml"), text).unwrap();
    town.gtd_ok(&["init", "--no-detect"]);
    town
}

fn plan(run: &str) -> String {
    format!(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Make it green\"\nrun = {}\n",
        Value::from(run)
    )
}

/// Has a goal of one bead done as far as it goes, and returns the goal and the bead.
#[track_caller]
fn comes_to(town: &Town, run: &str, code: i32) -> (String, String) {
    let goal = town.goal(&plan(run));
    let (ended, document) = town.wait(&goal);
    assert_eq!(ended, Some(code), "{document}");
    let bead = document["beads"][0]["id"].as_str().unwrap().to_owned();
    (goal, bead)
}

#[test]
fn what_changes_gates_or_ci_waits_until_a_person_says_yes_to_that_commit() {
    let town = town();
    let (goal, bead) = comes_to(&town, LOOSENS, 4);
    // It stands in the queue, in no candidate, and no gate has run.
    assert_eq!(town.count("CandidateFormed"), 0);
    assert_eq!(town.lines("mark"), Vec::<String>::new());
    let files = "it changes .github/workflows/ci.yml, gtd.toml, which waits for your yes";
    let why = town.json(&["why", &bead]);
    assert_eq!(why["chain"][0]["code"], "approval", "{why}");
    assert_eq!(why["chain"][0]["text"], files, "{why}");
    let inbox = town.json(&["inbox", "--kind", "approval"]);
    assert_eq!(
        inbox["items"][0]["subject"],
        Value::from(bead.as_str()),
        "{inbox}"
    );
    assert_eq!(inbox["items"][0]["text"], files, "{inbox}");
    let review = town.gtd_ok(&["review", &bead]);
    let told = ".github/workflows/ci.yml is protected by .github/workflows/**";
    assert!(review.contains(told), "{review}");
    assert!(review.contains("gtd.toml is protected"), "{review}");
    // A yes to the plan is none to that.
    let approved = town.gtd_ok(&["approve", &goal]);
    let look = format!("{bead} {files}: gtd review {bead}");
    assert!(approved.contains(&look), "{approved}");
    // The next command that is told is bound to the commit.
    let next = inbox["items"][0]["next"].as_str().unwrap();
    let words: Vec<&str> = next.split_whitespace().skip(1).collect();
    assert_eq!(words[..3], ["approve", &bead, "--at"]);
    assert_eq!(
        town.gtd(&["approve", &bead, "--at", "0000000"]).code,
        Some(7)
    );
    let yes = [words.as_slice(), &["--reason", "the old CI is gone"]].concat();
    town.gtd_ok(&yes);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(town.lines("mark"), ["ran"]);
    let shown = town.json(&["merge", "show", &bead]);
    let guard = &shown["evidence"]["members"][0]["guards"][0];
    assert_eq!(guard["guard"], "protected-paths", "{shown}");
    assert_eq!(guard["waived"]["why"], "the old CI is gone", "{shown}");
    let verified = town.gtd(&["merge", "verify", "main~1..main"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    assert!(
        verified.stdout.contains("protected-paths approved by"),
        "{verified}"
    );
}

#[test]
fn what_waits_for_a_yes_holds_up_nobody_else() {
    let town = town();
    comes_to(&town, LOOSENS, 4);
    let (_, bead) = comes_to(&town, "echo b > b\n", 0);
    let shown = town.json(&["merge", "show", &bead]);
    let guard = &shown["evidence"]["members"][0]["guards"][0];
    assert_eq!(guard["guard"], "protected-paths", "{shown}");
    assert_eq!(guard.get("findings"), None, "{shown}");
    assert_eq!(town.lines("mark"), ["ran"]);
}

#[test]
fn what_a_person_rejects_goes_back_with_their_words_or_ends() {
    let town = town();
    let fixes = format!(
        "test -e {0} || {{ {LOOSENS} true; }}\necho b > b\n",
        town.path("ok").display()
    );
    let (goal, bead) = comes_to(&town, &fixes, 4);
    town.touch("ok");
    let why = "leave the CI alone";
    town.gtd_ok(&["reject", &bead, "-m", why, "--then", "retry"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(town.file_on("main", ".github/workflows/ci.yml"), None);
    let shown = town.json(&["bead", "show", &bead]);
    let fault = shown["attempts"][0]["fault"]["text"].as_str().unwrap();
    assert!(fault.contains(why), "{shown}");

    std::fs::remove_file(town.path("ok")).unwrap();
    let (goal, bead) = comes_to(&town, &fixes, 4);
    town.gtd_ok(&["reject", &bead, "-m", "not at all"]);
    let (code, document) = town.wait(&goal);
    assert_ne!(code, Some(0), "{document}");
    assert_eq!(town.file_on("main", ".github/workflows/ci.yml"), None);
}

#[test]
fn a_policy_that_asks_nothing_still_asks_for_gate_definitions_alone() {
    let town = Town::new().with_env("GTD_POLICY__DEFAULT", "yolo");
    town.init(&[("test", "true")]);
    comes_to(
        &town,
        "mkdir -p .github/workflows\necho 'on: push' > .github/workflows/ci.yml\n",
        0,
    );
    let (_, bead) = comes_to(&town, "echo '# more' >> gtd.toml\n", 4);
    let why = town.json(&["why", &bead]);
    assert_eq!(why["chain"][0]["code"], "approval", "{why}");
}
