//! Budgets: who begins holds back what it may cost, and nothing goes beyond.
//!
//! The program is a script that speaks as the real claude does, and names what it cost.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::{Town, claude_says, is_event, until};
use serde_json::{Value, json};

const SESSION: &str = "00000000-0000-4000-8000-00000000000a";

/// A town whose claude does each bead for so many dollars, once the file `go` is there.
fn town(usd: f64) -> Town {
    let town = Town::new();
    std::fs::write(town.path("said"), claude_says(SESSION, "I wrote it.", usd)).unwrap();
    let text = format!(
        "#!/bin/sh\nhere={here}\ncat > /dev/null\necho \"$GTD_BEAD\" >> \"$here/starts\"\n\
         while [ ! -e \"$here/go\" ]; do sleep 0.05; done\n\
         echo done > \"$GTD_BEAD.txt\"\nexec cat \"$here/said\"\n",
        here = town.path("").display(),
    );
    town.be_claude(&text);
    town.init(&[("test", "true")]);
    town
}

fn beads(n: usize) -> String {
    let mut plan = "title = \"Work for claude\"\n".to_owned();
    for n in 0..n {
        plan.push_str(&format!(
            "\n[[bead]]\nid = \"b{n}\"\ntitle = \"Work {n}\"\nruntime = \"claude\"\n\
             description = \"Write a file.\"\n"
        ));
    }
    plan
}

fn goal(town: &Town, n: usize, args: &[&str]) -> String {
    let plan = town.plan(&beads(n));
    let document = town.json(&[&["goal", "--plan", &plan], args].concat());
    let id = document["id"].as_str();
    id.unwrap_or_else(|| panic!("no goal: {document}"))
        .to_owned()
}

fn of_goal(town: &Town, goal: &str) -> Vec<String> {
    let shown = town.json(&["convoy", "show", goal]);
    let beads = shown["beads"].as_array().unwrap();
    let ids = beads.iter().map(|bead| bead["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// What the leases of the log held back, in millionths of a dollar, in order.
fn reserved(town: &Town) -> Vec<u64> {
    let grants = town.log().into_iter();
    grants
        .filter(|record| is_event(record, "LeaseGranted"))
        .map(|record| record["event"]["LeaseGranted"]["lease"]["reserved"]["usd_micros"].clone())
        .map(|held| held.as_u64().unwrap())
        .collect()
}

fn budgets(town: &Town, args: &[&str]) -> Vec<Value> {
    let shown = town.json(&[&["cost", "budget", "show"], args].concat());
    shown["items"].as_array().unwrap().clone()
}

#[test]
fn a_goal_never_costs_more_than_its_budget_and_goes_on_when_it_is_raised() {
    let town = town(0.4);
    let goal = goal(&town, 4, &["--budget", "1"]);
    let beads = of_goal(&town, &goal);
    // The first holds back all that there is; nobody begins beside it.
    let waiting = until("one works and another waits", || {
        let starts = town.lines("starts");
        let waiting = beads.iter().find(|bead| !starts.contains(bead))?;
        let why = town.json(&["why", waiting]);
        (starts.len() == 1 && why["chain"][0]["code"] == "budget").then_some(why)
    });
    assert_eq!(waiting["clears_by_itself"], true, "{waiting}");
    let shown = budgets(&town, &[&goal]);
    assert_eq!(shown[0]["per"], "convoy", "{shown:?}");
    assert_eq!(
        shown[0]["usd"],
        json!({"limit": 1.0, "spent": 0.0, "reserved": 1.0})
    );
    town.touch("go");
    // Two at 0.40 fit; a third would need as much and finds 0.20.
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(6), "{document}");
    assert_eq!(document["spent_usd"], 0.8, "{document}");
    assert_eq!(reserved(&town), [1_000_000, 600_000]);
    let inbox = town.json(&["inbox", "--kind", "budget"]);
    assert_eq!(inbox["items"][0]["subject"], goal.as_str(), "{inbox}");
    let next = inbox["items"][0]["next"].as_str().unwrap();
    assert!(
        next.starts_with(&format!("gtd cost budget set {goal} ")),
        "{inbox}"
    );
    let status = town.gtd_ok(&["status"]);
    assert!(status.contains("$0.80 of $1.00 spent"), "{status}");
    let words: Vec<&str> = next.split(' ').skip(1).collect();
    town.gtd_ok(&words);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(document["spent_usd"], 1.6, "{document}");
}

#[test]
fn the_day_of_the_town_is_shared_by_all_goals_and_begins_anew_tomorrow() {
    let town = town(1.0);
    town.touch("go");
    town.gtd_ok(&["cost", "budget", "set", "town", "1", "--yes"]);
    let first = goal(&town, 1, &[]);
    let (code, document) = town.wait(&first);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(reserved(&town), [1_000_000]);
    let second = goal(&town, 1, &[]);
    let bead = of_goal(&town, &second).remove(0);
    let why = until("it waits for tomorrow", || {
        let why = town.json(&["why", &bead]);
        (why["chain"][0]["code"] == "budget").then_some(why)
    });
    assert_eq!(why["clears_by_itself"], true, "{why}");
    assert!(why["eta"].is_string(), "{why}");
    let said = why["chain"][0]["text"].as_str().unwrap();
    assert!(said.contains("today's budget of the town"), "{why}");
    assert_eq!(why["next"][0]["cmd"], "gtd cost budget set town 2", "{why}");
    let used_up = town.gtd(&["cost", "budget", "show", "--exit-code"]);
    assert_eq!(used_up.code, Some(6), "{used_up}");
    // A script costs nothing and waits for nothing.
    let script = town
        .goal("title = \"A script\"\n\n[[bead]]\nid = \"s\"\ntitle = \"S\"\nrun = \"date > s\"\n");
    assert_eq!(town.wait(&script).0, Some(0));
    town.gtd_ok(&["cost", "budget", "set", "town", "5", "--yes"]);
    let (code, document) = town.wait(&second);
    assert_eq!(code, Some(0), "{document}");
}

#[test]
fn a_budget_of_a_bead_is_a_wish_that_can_be_undone() {
    let town = town(0.1);
    let goal = goal(&town, 1, &["--approve-plan"]);
    let bead = of_goal(&town, &goal).remove(0);
    town.gtd_ok(&["cost", "budget", "set", &bead, "$2.50"]);
    assert_eq!(town.json(&["bead", "show", &bead])["budget_usd"], 2.5);
    town.gtd_ok(&["undo"]);
    assert_eq!(
        town.json(&["bead", "show", &bead])["budget_usd"],
        Value::Null
    );
    let wrong = town.gtd(&["cost", "budget", "set", &bead, "much"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    let rig = town.gtd_ok(&["cost", "budget", "set", "repo", "3", "--yes"]);
    assert!(rig.contains("budget.day_usd = 3"), "{rig}");
    let shown = budgets(&town, &[]);
    let days: Vec<&Value> = shown.iter().filter(|one| one["per"] == "day").collect();
    assert_eq!(days.len(), 1, "{shown:?}");
    assert_eq!(days[0]["scope"], "repo", "{shown:?}");
}
