//! Reviews between what workers hand in and what merges: a scripted reviewer reads real work.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{fs, os::unix::fs::PermissionsExt as _};

use gtd_testkit::town::{Town, is_event, until};
use serde_json::{Value, json};

/// A town whose only agent program is a reviewer, which gives these answers, one a turn and the
/// last for ever. It waits while there is a file `wait`.
fn town(policy: &str, answers: &[String]) -> Town {
    let town = Town::new()
        .with_env("GTD_POLICIES__ATTENDED__REVIEW", policy)
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "3");
    for (n, answer) in answers.iter().enumerate() {
        fs::write(town.path(&format!("answer-{}", n + 1)), answer).unwrap();
    }
    let script = format!(
        r#"#!/bin/sh
here={here}
prompt=$(mktemp "$here/prompt.XXXXXX")
cat > "$prompt"
n=$(($(wc -l < "$here/turns") + 1))
echo "$(git rev-parse HEAD) $GTD_BEAD token=$GTD_TOKEN" >> "$here/turns"
mv "$prompt" "$here/told-$n"
echo mine > meddled.txt
while [ -e "$here/wait" ]; do sleep 0.05; done
if [ -e "$here/die" ]; then rm "$here/die"; kill -9 $$; fi
answer="$here/answer-$n"
while [ ! -e "$answer" ]; do n=$((n - 1)); answer="$here/answer-$n"; done
exec cat "$answer"
"#,
        here = town.path("").display(),
    );
    let program = town.path("judge");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(town.path("home/config")).unwrap();
    let config = format!(
        "schema = 1\n\n[runtimes.judge]\npreset = \"command\"\ncommand = [\"{}\"]\n",
        program.display()
    );
    fs::write(town.path("home/config/config.toml"), config).unwrap();
    fs::write(town.path("turns"), "").unwrap();
    town.init(&[(
        "test",
        &format!("echo ran >> {}", town.path("gates").display()),
    )]);
    town
}

/// A verdict about a bead with one criterion.
fn verdict(verdict: &str, met: bool, comments: &[(&str, u32, &str)]) -> String {
    let comments = comments
        .iter()
        .map(|(file, line, text)| json!({"file": file, "line": line, "text": text}));
    let verdict = json!({
        "verdict": verdict,
        "summary": format!("I think {verdict}."),
        "criteria": [{"criterion": 1, "met": met, "why": "I read it"}],
        "comments": comments.collect::<Vec<_>>(),
    });
    format!("I looked at it.\n\n```json\n{verdict:#}\n```\n")
}

fn approve() -> String {
    verdict("approve", true, &[])
}

fn changes() -> String {
    let comment = [("a.txt", 1, "say it in a whole sentence")];
    verdict("changes", true, &comment)
}

/// A plan of one bead that writes another text at each attempt.
fn plan() -> &'static str {
    "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Write a\"\ndescription = \"Write a file.\"\n\
     acceptance = [{ text = \"the file is there\", check = \"ls a.txt\" }]\n\
     run = \"echo attempt $GTD_EPOCH > a.txt\"\n"
}

fn first_bead(document: &Value) -> String {
    document["beads"][0]["id"].as_str().unwrap().to_owned()
}

fn turns(town: &Town) -> usize {
    town.lines("turns").len()
}

fn told(town: &Town, turn: usize) -> String {
    fs::read_to_string(town.path(&format!("told-{turn}"))).unwrap()
}

/// Sets a goal of one bead, and waits until the reviewer reads it.
fn is_read(town: &Town) -> (String, String) {
    town.touch("wait");
    let goal = town.goal(plan());
    until("it is read", || town.path("told-1").exists().then_some(()));
    let document = town.json(&["convoy", "show", &goal]);
    let bead = first_bead(&document);
    (goal, bead)
}

#[test]
fn what_a_reviewer_approves_lands_with_the_review_in_its_evidence() {
    let town = town("always", &[approve()]);
    let (code, document) = town.wait(&town.goal(plan()));
    assert_eq!(code, Some(0), "{document}");
    let bead = first_bead(&document);
    assert_eq!(
        town.file_on("main", "a.txt").as_deref(),
        Some("attempt 1\n")
    );
    // It was told what is promised, what was done, and what has been shown; as material.
    let told = told(&town, 1);
    for part in [
        "Write a file.",
        "1. the file is there",
        "the check `ls a.txt` was green",
        "+attempt 1",
        "<untrusted origin=\"the change\"",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    // It read the commit that was handed in, with no right to write, and what it left went nowhere.
    let shown = town.json(&["merge", "show", &bead]);
    let member = &shown["evidence"]["members"][0];
    let head = member["head"].as_str().unwrap();
    assert_eq!(town.lines("turns"), [format!("{head} {bead} token=")]);
    assert_eq!(town.file_on("main", "meddled.txt"), None);
    let review = &member["reviews"][0];
    assert_eq!(review["role"], "reviewer", "{shown}");
    assert_eq!(review["runtime"], "judge", "{shown}");
    assert_eq!(review["outcome"]["said"]["verdict"], "approve", "{shown}");
    assert_eq!(member["weight"]["files"], 1, "{shown}");
    let note = town.git(&["notes", "--ref=gtd", "show", "main"]);
    assert!(note.contains("I think approve."), "{note}");
    let verified = town.gtd(&["merge", "verify", "main~1..main"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    let review = town.gtd_ok(&["review", &bead]);
    assert!(review.contains("reviewer judge  approves"), "{review}");
    // Without the review git alone tells that one was wanted, and so it does of another commit.
    let rewritten = |change: &dyn Fn(&mut Value)| {
        let mut note: Value = serde_json::from_str(&note).unwrap();
        change(&mut note["members"][0]);
        let file = town.path("note");
        fs::write(&file, note.to_string()).unwrap();
        let file = file.to_str().unwrap();
        town.git(&["notes", "--ref=gtd", "add", "-f", "-F", file, "main"]);
        town.gtd(&["merge", "verify", "main~1..main"])
    };
    let unread = rewritten(&|member| member["reviews"] = json!([]));
    assert_eq!(unread.code, Some(5), "{unread}");
    let why = format!("{bead} has no review: all work is to be reviewed");
    assert!(unread.stdout.contains(&why), "{unread}");
    let other = town.git(&["rev-parse", "main~1"]);
    let moved = rewritten(&|member| member["head"] = json!(other.trim()));
    assert_eq!(moved.code, Some(5), "{moved}");
    assert!(moved.stdout.contains("behind it stand"), "{moved}");
    assert_eq!(rewritten(&|_| {}).code, Some(0));
}

#[test]
fn what_a_reviewer_wants_otherwise_goes_back_with_its_comments_and_then_lands() {
    let town = town("always", &[changes(), approve()]);
    let (code, document) = town.wait(&town.goal(plan()));
    assert_eq!(code, Some(0), "{document}");
    let bead = first_bead(&document);
    assert_eq!(
        town.file_on("main", "a.txt").as_deref(),
        Some("attempt 2\n")
    );
    assert_eq!(turns(&town), 2);
    let shown = town.json(&["bead", "show", &bead]);
    let fault = &shown["attempts"][0]["fault"];
    let evidence = fault["evidence"].as_str().unwrap();
    assert_eq!(evidence, "a.txt:1: say it in a whole sentence", "{shown}");
    // What the next attempt is told has them.
    let brief = town.gtd_ok(&["role", "render", "worker", "--bead", &bead]);
    assert!(
        brief.contains("a.txt:1: say it in a whole sentence"),
        "{brief}"
    );
    assert!(
        brief.contains("the reviewer judge wants it otherwise"),
        "{brief}"
    );
    // No gate has run on what went back.
    assert_eq!(town.lines("gates").len(), 1);
}

#[test]
fn a_verdict_that_cannot_be_read_comes_back_to_the_reviewer_with_its_mistakes() {
    let town = town("always", &["Looks good to me!".to_owned(), approve()]);
    let (code, document) = town.wait(&town.goal(plan()));
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town), 2);
    let told = told(&town, 2);
    assert!(
        told.contains("your last message holds no verdict"),
        "{told}"
    );
    assert_eq!(town.count("ReviewBegan"), 1);
}

#[test]
fn who_never_says_what_can_be_read_leaves_it_to_a_person() {
    let town = town("always", &["Looks good to me!".to_owned()]);
    let goal = town.goal(plan());
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let bead = first_bead(&document);
    assert_eq!(turns(&town), 3);
    let why = town.json(&["why", &bead]);
    assert_eq!(why["chain"][0]["code"], "review", "{why}");
    assert_eq!(why["clears_by_itself"], false, "{why}");
    let inbox = town.json(&["inbox"]);
    let items = inbox["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{inbox}");
    assert_eq!(items[0]["kind"], "review", "{inbox}");
    let next = format!("gtd review {bead} --approve");
    assert_eq!(items[0]["next"], next.as_str(), "{inbox}");
    let head = town.json(&["review", &bead])["head"]
        .as_str()
        .unwrap()
        .to_owned();
    town.gtd_ok(&["review", &bead, "--approve", "--at", &head[..8]]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town), 3);
    let shown = town.json(&["merge", "show", &bead]);
    let member = &shown["evidence"]["members"][0];
    assert_eq!(member["approvals"].as_array().unwrap().len(), 1, "{shown}");
}

#[test]
fn a_person_can_decide_while_a_reviewer_reads_and_its_run_is_ended() {
    let town = town("always", &[changes()]);
    let (goal, bead) = is_read(&town);
    let why = town.json(&["why", &bead]);
    assert_eq!(why["chain"][0]["code"], "review", "{why}");
    assert_eq!(
        why["chain"][0]["text"], "reviewer judge is reading",
        "{why}"
    );
    assert_eq!(why["clears_by_itself"], true, "{why}");
    town.gtd_ok(&["review", &bead, "--approve"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    until("its run has ended", || {
        let log = town.log();
        let mut ended = log.iter().filter(|record| is_event(record, "ReviewEnded"));
        ended.next().is_some().then_some(())
    });
    let exit = town
        .runs()
        .join(format!("review-{bead}-e1.r1.t0/exit.json"));
    assert!(exit.exists());
    assert_eq!(
        town.file_on("main", "a.txt").as_deref(),
        Some("attempt 1\n")
    );
}

#[test]
fn a_yes_is_for_one_commit_and_the_next_one_is_read_anew() {
    let town = town("always", &[approve()]);
    // The first attempt is red on the merged tree, after its review.
    fs::write(
        town.repo().join("gtd.toml"),
        "schema = 1\n\n[rig]\nname = \"repo\"\nbranch = \"main\"\n\n[[gate]]\nname = \"test\"\n\
         run = \"! grep -q 'attempt 1' a.txt\"\nwhen = \"merge\"\n",
    )
    .unwrap();
    town.gtd_ok(&["trust"]);
    let (code, document) = town.wait(&town.goal(plan()));
    assert_eq!(code, Some(0), "{document}");
    let read = town.lines("turns");
    assert_eq!(read.len(), 2, "{read:?}");
    assert_ne!(read[0], read[1]);
    let bead = first_bead(&document);
    let shown = town.json(&["merge", "show", &bead]);
    let member = &shown["evidence"]["members"][0];
    assert_eq!(member["epoch"], 2, "{shown}");
    assert_eq!(member["reviews"].as_array().unwrap().len(), 1, "{shown}");
}

#[test]
fn a_review_outlives_its_daemon_and_no_commit_is_read_twice() {
    let town = town("always", &[approve()]);
    town.down();
    let daemon = town.start("");
    let (goal, _) = is_read(&town);
    daemon.kill();
    let _daemon = town.start("");
    fs::remove_file(town.path("wait")).unwrap();
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town), 1);
    assert_eq!(town.count("ReviewBegan"), 1);
    assert_eq!(town.count("ReviewEnded"), 1);
}

#[test]
fn a_daemon_that_dies_before_the_run_begins_has_it_begun_once() {
    let town = town("always", &[approve()]);
    town.down();
    let daemon = town.start("");
    let goal = town.goal(plan());
    until("a review has begun", || {
        (town.count("ReviewBegan") == 1).then_some(())
    });
    daemon.kill();
    let _daemon = town.start("");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town), 1);
    assert_eq!(town.count("ReviewBegan"), 1);
}

#[test]
fn a_reviewer_that_dies_is_followed_by_another() {
    let town = town("always", &[approve()]);
    town.touch("die");
    let (code, document) = town.wait(&town.goal(plan()));
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town), 2);
    assert_eq!(town.count("ReviewBegan"), 2);
    let shown = town.json(&["merge", "show", &first_bead(&document)]);
    let reviews = &shown["evidence"]["members"][0]["reviews"];
    assert!(reviews[0]["outcome"]["failed"].is_object(), "{shown}");
    assert_eq!(reviews[1]["outcome"]["said"]["verdict"], "approve");
}

#[test]
fn only_what_is_risky_is_read_where_the_policy_says_so() {
    let town = town("risky", &[approve()]);
    let (code, document) = town.wait(&town.goal(plan()));
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town), 0);
    let needs = plan().replace("> a.txt", "> a.txt; echo x > package.json");
    let (code, document) = town.wait(&town.goal(&needs));
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(turns(&town), 1);
    let told = told(&town, 1);
    assert!(told.contains("names what it needs: package.json"), "{told}");
}

#[test]
fn without_a_policy_nothing_is_read() {
    let town = town("off", &[changes()]);
    let (code, document) = town.wait(&town.goal(plan()));
    assert_eq!(code, Some(0), "{document}");
    assert_eq!((turns(&town), town.count("SubmissionWeighed")), (0, 0));
}
