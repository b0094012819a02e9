//! Budgets: who begins holds back what it may cost, and nothing goes beyond.
//!
//! The program is a script that speaks as the real claude does, and names what it cost.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::town::{Town, claude_begins, claude_says, claude_uses, is_event, until};
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

/// A town whose claude says in its first attempt what it uses, message by message: the second
/// comes once the file `more` is there, and nothing after that. The next attempt does the work.
fn talker(first: u64, second: u64) -> Town {
    let town = Town::new();
    let messages = [
        ("begins", claude_begins(SESSION)),
        ("first", claude_uses(SESSION, "msg-1", first)),
        ("second", claude_uses(SESSION, "msg-2", second)),
        ("said", claude_says(SESSION, "I wrote it.", 0.1)),
    ];
    for (name, said) in messages {
        std::fs::write(town.path(name), said).unwrap();
    }
    let text = format!(
        "#!/bin/sh\nhere={here}\ncat > /dev/null\n\
         if [ \"$GTD_EPOCH\" != 1 ]; then echo done > work.txt; exec cat \"$here/said\"; fi\n\
         echo half > half.txt\ncat \"$here/begins\" \"$here/first\"\n\
         while [ ! -e \"$here/more\" ]; do sleep 0.05; done\n\
         echo $$ > \"$here/pid\"\ncat \"$here/second\"\nwhile :; do sleep 0.05; done\n",
        here = town.path("").display(),
    );
    town.be_claude(&text);
    town.init(&[("test", "true")]);
    town
}

/// What the records of the log say that was used, in millionths of a dollar, and whether that is
/// an estimate.
fn recorded(town: &Town) -> Vec<(u64, bool)> {
    let records = town.log().into_iter();
    records
        .filter(|record| is_event(record, "UsageRecorded"))
        .map(|record| record["event"]["UsageRecorded"]["usage"].clone())
        .map(|usage| {
            let usd = usage["usd_micros"].as_u64().unwrap();
            (usd, usage["estimated"] == true)
        })
        .collect()
}

#[test]
fn a_run_is_warned_of_at_four_fifths_of_its_budget_and_stopped_at_all_of_it() {
    let town = talker(42_500, 10_000);
    let goal = goal(&town, 1, &["--budget", "1"]);
    let bead = of_goal(&town, &goal).remove(0);
    let warned = until("most of its budget is used", || {
        let why = town.json(&["why", &bead]);
        let text = why["chain"][0]["text"].as_str().unwrap_or_default();
        text.contains("of $1.00 used").then_some(why)
    });
    assert_eq!(warned["chain"][0]["code"], "working", "{warned}");
    let said = warned["chain"][0]["text"].as_str().unwrap();
    assert!(said.contains("~$0.85 of $1.00 used"), "{said}");
    let raise = warned["next"][0]["cmd"].as_str().unwrap();
    let set = format!("gtd cost budget set {goal} ");
    assert!(raise.starts_with(&set), "{warned}");
    let cost = town.gtd_ok(&["cost"]);
    assert!(cost.contains("~$0.85"), "{cost}");

    town.touch("more");
    let why = until("it waits for its budget", || {
        let why = town.json(&["why", &bead]);
        (why["chain"][0]["code"] == "budget").then_some(why)
    });
    let said = why["chain"][0]["text"].as_str().unwrap();
    let spent = format!("the budget of the goal {goal} is used up: ~$1.05 of $1.00 spent");
    assert_eq!(said, spent, "{why}");
    assert_eq!(recorded(&town), [(850_000, true), (200_000, true)]);
    let shown = town.json(&["bead", "show", &bead]);
    let fault = &shown["attempts"][0]["fault"];
    assert_eq!(
        fault["class"]["runtime"]["fault"], "limit_reached",
        "{shown}"
    );
    let of = format!("(the budget of the goal {goal})");
    let text = format!("claude: stopped at its budget: ~$1.05 of $1.00 used {of}");
    assert_eq!(fault["text"], text.as_str(), "{shown}");
    // Nothing of it is left but its work.
    let pid = town.lines("pid").remove(0);
    assert!(
        !std::path::Path::new(&format!("/proc/{pid}")).exists(),
        "{pid}"
    );

    town.gtd_ok(&["cost", "budget", "set", &goal, "5"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(document["spent_estimated"], true, "{document}");
    let refs = town.git(&["for-each-ref", "--format=%(refname)", "refs/gtd/snap"]);
    let of_bead = refs.lines().find(|name| name.contains(&bead));
    let kept = of_bead.unwrap_or_else(|| panic!("nothing is kept: {refs}"));
    assert_eq!(
        town.git(&["show", &format!("{kept}:half.txt")]).trim(),
        "half"
    );
}

#[test]
fn a_budget_that_is_raised_while_a_run_is_at_work_lets_it_go_on() {
    let town = talker(42_500, 10_000);
    let goal = goal(&town, 1, &["--budget", "1"]);
    let bead = of_goal(&town, &goal).remove(0);
    let is_recorded = |usd: u64| {
        until("what it uses is recorded", || {
            let all: u64 = recorded(&town).iter().map(|(usd, _)| usd).sum();
            (all >= usd).then_some(())
        });
    };
    is_recorded(850_000);
    town.gtd_ok(&["cost", "budget", "set", &goal, "5"]);
    town.touch("more");
    is_recorded(1_050_000);
    let why = town.json(&["why", &bead]);
    assert_eq!(why["chain"][0]["code"], "working", "{why}");
    assert_eq!(town.count("LeaseGranted"), 1);
}

#[test]
fn a_program_that_names_no_price_costs_what_its_tokens_do() {
    let town = Town::new();
    let lines = [
        json!({"type": "thread.started", "thread_id": "t-1"}),
        json!({"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}}),
        json!({"type": "turn.completed", "usage": {
            "input_tokens": 300_000, "cached_input_tokens": 200_000, "output_tokens": 10_000}}),
    ];
    let said: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(town.path("said"), said.concat()).unwrap();
    let text = format!(
        "#!/bin/sh\ncat > /dev/null\necho done > \"$GTD_BEAD.txt\"\nexec cat {}\n",
        town.path("said").display()
    );
    town.be_claude(&text);
    // Two runtimes, one program: a listed model, and a price of one's own.
    let config = format!(
        "schema = 1\n\n[runtimes.listed]\npreset = \"codex\"\ncommand = [\"{program}\"]\n\
         models = {{ balanced = \"gpt-5.4\" }}\n\
         [runtimes.own]\npreset = \"codex\"\ncommand = [\"{program}\"]\n\
         price = {{ input_usd_per_mtok = 1.0, output_usd_per_mtok = 10.0 }}\n",
        program = town.path("claude").display(),
    );
    std::fs::write(town.path("home/config/config.toml"), config).unwrap();
    town.init(&[("test", "true")]);
    let plan = ["listed", "own"].map(|name| {
        format!(
            "\n[[bead]]\nid = \"{name}\"\ntitle = \"{name}\"\nruntime = \"{name}\"\n\
             description = \"Write a file.\"\n"
        )
    });
    let goal = town.goal(&format!("title = \"Two\"\n{}", plan.concat()));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let cost = town.json(&["cost", "--by", "runtime"]);
    assert_eq!(cost["unpriced_runs"], 0, "{cost}");
    let groups = cost["groups"].as_array().unwrap();
    let of = |name: &str| {
        let row = groups.iter().find(|row| row["key"] == name);
        let row = row.unwrap_or_else(|| panic!("no {name} in {cost}"));
        (row["usd"].clone(), row["estimated"].clone())
    };
    // 100k in at 2.50, 200k from the cache at 0.25, 10k out at 15.
    assert_eq!(of("listed"), (json!(0.45), json!(true)));
    // What nobody named is as dear as what goes in.
    assert_eq!(of("own"), (json!(0.4), json!(true)));
    let page = town.gtd_ok(&["cost"]);
    assert!(page.contains("~$0.85"), "{page}");
    let shown = town.gtd_ok(&["runtime", "show", "own"]);
    assert!(shown.contains("$1.00 in"), "{shown}");
}
