//! A goal names what it may do without a person, and that counts for it alone.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::Town;
use serde_json::Value;

/// A town with a policy of the user's own.
fn town(policies: &str) -> Town {
    let town = Town::new().with_env("GTD_ROLES__WORKER__BACKOFF", "0s");
    std::fs::create_dir_all(town.path("home/config")).unwrap();
    std::fs::write(town.path("home/config/config.toml"), policies).unwrap();
    town.init(&[("test", "true")]);
    town
}

fn plan(run: &str) -> String {
    format!(
        "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Do it\"\nrun = {}\n",
        Value::from(run)
    )
}

/// Sets a goal under a policy.
#[track_caller]
fn goal(town: &Town, run: &str, policy: &[&str]) -> String {
    std::fs::write(town.path("plan.toml"), plan(run)).unwrap();
    let path = town.path("plan.toml");
    let words = ["goal", "--plan", path.to_str().unwrap()];
    let set = town.json(&[&words, policy].concat());
    set["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_goal_names_its_policy_and_one_that_is_not_there_is_refused_with_the_list() {
    let town = town("[policies.mine]\nextends = \"overnight\"\n");
    let id = goal(&town, "echo a > a\n", &["--policy", "mine"]);
    let (code, document) = town.wait(&id);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(document["policy"], "mine", "{document}");
    // It lands where the policy says.
    let onto = &document["target"]["branch"];
    assert_eq!(*onto, "gtd/integration/main", "{document}");
    let shown = town.gtd_ok(&["convoy", "show", &id]);
    assert!(shown.contains("policy mine"), "{shown}");
    let report = town.gtd_ok(&["report"]);
    assert!(report.contains("policy mine"), "{report}");
    let refused = town.gtd(&["goal", "Do it", "--run", "true", "--policy", "mien"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    for part in ["`mien`", "attended, dry, mine, overnight", "config explain"] {
        assert!(refused.stderr.contains(part), "{part}\n{refused}");
    }
}

#[test]
fn failures_in_a_row_stop_the_goal_of_that_policy_and_no_other() {
    let town = town("[policies.careful]\nextends = \"attended\"\nstop_after_failures = 2\n");
    let id = goal(&town, "exit 1\n", &["--policy", "careful"]);
    let (code, document) = town.wait(&id);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(town.count("BreakerTripped"), 1);
    assert_eq!(town.count("LeaseGranted"), 2, "the third attempt is kept");
    let bead = document["beads"][0]["id"].as_str().unwrap();
    let why = town.json(&["why", bead]);
    assert_eq!(why["chain"][0]["code"], "paused", "{why}");
    let next = format!("gtd resume {id}");
    assert_eq!(why["next"][0]["cmd"], Value::from(next.as_str()), "{why}");
    let inbox = town.json(&["inbox"]);
    assert_eq!(
        inbox["items"][0]["next"],
        Value::from(next.as_str()),
        "{inbox}"
    );
    // Another goal goes on.
    let other = goal(&town, "echo b > b\n", &[]);
    assert_eq!(town.wait(&other).0, Some(0));
    // Whoever resumes it gives it the rest of its attempts.
    town.gtd_ok(&["resume", &id]);
    let (code, document) = town.wait(&id);
    assert_eq!(code, Some(4), "{document}");
    // All three are spent now, and the one of the other goal.
    assert_eq!(town.count("LeaseGranted"), 4);
}

#[test]
fn dry_makes_the_plan_and_what_is_done_all_the_same_lands_nowhere() {
    let town = town("");
    let id = goal(&town, "echo a > a\n", &["--policy", "dry"]);
    let (code, document) = town.wait(&id);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(document["state"], "draft", "{document}");
    assert_eq!(town.count("LeaseGranted"), 0);
    town.gtd_ok(&["approve", &id]);
    let (code, document) = town.wait(&id);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(town.count("CandidateFormed"), 0);
    let text = document["beads"][0]["text"].as_str().unwrap();
    assert!(text.contains("policy dry"), "{document}");
    town.gtd_ok(&["convoy", "edit", &id, "--policy", "attended"]);
    let (code, document) = town.wait(&id);
    assert_eq!(code, Some(0), "{document}");
}
