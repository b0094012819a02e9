//! Goals in plain words: an agent plans them, code reads the plan, and a person is asked where
//! neither knows.
//!
//! The program is a script that speaks as the real claude does.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{fs, path::Path};

use gtd_testkit::town::{Town, claude_says, is_event, until};
use serde_json::Value;

const SESSION: &str = "00000000-0000-4000-8000-00000000000a";

/// A town whose claude gives these answers to whoever plans, one a turn and the last for ever,
/// and does each bead by writing a file.
fn town(answers: &[String]) -> Town {
    settle(Town::new(), answers)
}

/// Such a town under a policy, where a bead has one attempt.
fn town_under(policy: &str, answers: &[String]) -> Town {
    let town = Town::new()
        .with_env("GTD_POLICY__DEFAULT", policy)
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    settle(town, answers)
}

fn settle(town: Town, answers: &[String]) -> Town {
    let streams = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/tests/streams/claude");
    for (n, answer) in answers.iter().enumerate() {
        fs::write(
            town.path(&format!("answer-{}", n + 1)),
            claude_says(SESSION, answer, 0.25),
        )
        .unwrap();
    }
    let text = format!(
        r#"#!/bin/sh
here={here}
prompt=$(mktemp "$here/prompt.XXXXXX")
cat > "$prompt"
case " $* " in
*" --resume "*) is_plan=$(grep -c "^$GTD_BEAD " "$here/turns") ;;
*) is_plan=$(grep -c "the mayor of" "$prompt") ;;
esac
if [ "$is_plan" = 0 ]; then
  rm "$prompt"
  echo done > "$GTD_BEAD.txt"
  exec cat {streams}/write.jsonl
fi
n=$(($(wc -l < "$here/turns") + 1))
echo "$GTD_BEAD $*" >> "$here/turns"
mv "$prompt" "$here/told-$n"
if [ -e "$here/meddle" ]; then echo mine > meddled.txt; git add meddled.txt; git commit -qm meddled; fi
while [ -e "$here/wait" ]; do sleep 0.05; done
if [ -e "$here/away" ]; then
  sed 's/"resetsAt":[0-9]*/"resetsAt":4102444800/' {streams}/429-limit-subscription.jsonl
  exit 1
fi
answer="$here/answer-$n"
while [ ! -e "$answer" ]; do n=$((n - 1)); answer="$here/answer-$n"; done
exec cat "$answer"
"#,
        here = town.path("").display(),
        streams = streams.display(),
    );
    town.be_claude(&text);
    fs::write(town.path("turns"), "").unwrap();
    town.init(&[("test", "true")]);
    town
}

/// A plan of beads that need each other so.
fn plan(beads: &[(&str, &str)]) -> String {
    let mut text = "I read it.\n\n```toml\nschema = 1\n".to_owned();
    for (id, needs) in beads {
        text.push_str(&format!(
            "\n[[bead]]\nid = \"{id}\"\ntitle = \"Write {id}\"\ndescription = \"Write a file.\"\n\
             acceptance = [{{ text = \"a file is there\", check = \"ls *.txt\" }}]\nneeds = [{needs}]\n"
        ));
    }
    text + "```\n"
}

fn three() -> String {
    plan(&[("one", ""), ("two", ""), ("three", "\"one\", \"two\"")])
}

fn goal(town: &Town, args: &[&str]) -> String {
    let words = "Write three files, the last after the others";
    let document = town.json(&[&["goal", words], args].concat());
    let id = document["id"].as_str();
    id.unwrap_or_else(|| panic!("no goal: {document}"))
        .to_owned()
}

fn told(town: &Town, turn: usize) -> String {
    fs::read_to_string(town.path(&format!("told-{turn}"))).unwrap()
}

/// How many events of a kind are about a bead or goal.
fn events_of(town: &Town, event: &str, id: &str) -> usize {
    let of_it = |record: &&Value| is_event(record, event) && record["event"][event]["bead"] == *id;
    town.log().iter().filter(of_it).count()
}

/// What whoever made the plan said about it.
fn summary(town: &Town) -> String {
    let log = town.log();
    let mut proposed = log.iter().filter(|record| is_event(record, "PlanProposed"));
    let summary = &proposed.next().unwrap()["event"]["PlanProposed"]["summary"];
    summary.as_str().unwrap().to_owned()
}

#[test]
fn a_goal_in_plain_words_is_planned_worked_on_and_landed() {
    let town = town(&[three()]);
    let goal = goal(&town, &["--yes"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let beads = document["beads"].as_array().unwrap();
    let names: Vec<&str> = beads
        .iter()
        .map(|bead| bead["local_id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["one", "two", "three"]);
    assert!(beads.iter().all(|bead| bead["state"] == "landed"));
    assert_eq!(town.lines("turns").len(), 1);
    // It was told the goal, what is in the repository, and what judges the work.
    let told = told(&town, 1);
    for part in [
        "Write three files, the last after the others",
        "1 tracked files.",
        "`true`",
        "schema = 1",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    // What it used is counted once, on the goal.
    assert_eq!(events_of(&town, "UsageRecorded", &goal), 1);
    assert_eq!(events_of(&town, "LeaseGranted", &goal), 1);
    assert_eq!(summary(&town), "I read it.");
}

#[test]
fn a_plan_that_does_not_hold_goes_back_into_the_same_session() {
    let wrong = plan(&[("one", "\"twoo\""), ("two", "")]);
    let town = town(&[wrong, "I am done.".to_owned(), three()]);
    let goal = goal(&town, &["--yes"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let turns = fs::read_to_string(town.path("turns")).unwrap();
    let resumed = format!("--resume {SESSION}");
    let is_resumed: Vec<bool> = turns.lines().map(|turn| turn.contains(&resumed)).collect();
    assert_eq!(is_resumed, [false, true, true], "{turns}");
    let second = told(&town, 2);
    assert!(
        second.contains("`one` needs `twoo`, which is not there"),
        "{second}"
    );
    assert!(second.contains("did you mean `two`?"), "{second}");
    assert!(
        told(&town, 3).contains("your last message holds no plan"),
        "{}",
        told(&town, 3)
    );
    assert_eq!(events_of(&town, "LeaseGranted", &goal), 1);
}

#[test]
fn who_cannot_plan_in_three_turns_asks_a_person_and_plans_with_the_answer() {
    let town = town(&["What do you mean?".to_owned()]);
    let goal = goal(&town, &["--yes"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(document["state"], "needs_you", "{document}");
    assert_eq!(town.lines("turns").len(), 3);
    let inbox = town.json(&["inbox"]);
    let items = inbox["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{inbox}");
    assert_eq!(items[0]["kind"], "question", "{inbox}");
    assert_eq!(items[0]["subject"], goal.as_str(), "{inbox}");
    let next = items[0]["next"].as_str().unwrap();
    assert!(next.starts_with(&format!("gtd answer {goal}")), "{inbox}");
    fs::write(town.path("answer-4"), claude_says(SESSION, &three(), 0.25)).unwrap();
    town.gtd_ok(&["answer", &goal, "Text files, in the root."]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let told = told(&town, 4);
    assert!(told.contains("Text files, in the root."), "{told}");
    assert!(told.contains("What was tried before"), "{told}");
}

#[test]
fn a_plan_waits_for_a_yes_unless_the_policy_says_otherwise() {
    let town = town(&[three()]);
    let goal = goal(&town, &[]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(document["state"], "draft", "{document}");
    assert_eq!(document["beads"].as_array().unwrap().len(), 3);
    let inbox = town.json(&["inbox"]);
    assert_eq!(inbox["items"][0]["kind"], "plan", "{inbox}");
    town.gtd_ok(&["approve", &goal]);
    assert_eq!(town.wait(&goal).0, Some(0));
}

#[test]
fn a_plan_in_the_making_outlives_its_daemon_and_nothing_is_said_twice() {
    let town = town(&[three()]);
    town.down();
    let daemon = town.start("");
    town.touch("wait");
    let goal = goal(&town, &["--yes"]);
    until("the plan is being made", || {
        town.path("told-1").exists().then_some(())
    });
    let why = until("it is told that somebody plans", || {
        let why = town.json(&["why", &goal]);
        let text = why["chain"][0]["text"].as_str().unwrap_or_default();
        text.contains("claude makes its plan").then_some(why)
    });
    assert_eq!(why["clears_by_itself"], true, "{why}");
    daemon.kill();
    let _daemon = town.start("");
    fs::remove_file(town.path("wait")).unwrap();
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(town.lines("turns").len(), 1);
    assert_eq!(events_of(&town, "LeaseGranted", &goal), 1);
    assert_eq!(events_of(&town, "UsageRecorded", &goal), 1);
    assert_eq!(town.count("PlanProposed"), 1);
}

#[test]
fn a_plan_that_meets_a_reached_limit_waits_for_its_end() {
    let town = town(&[three()]);
    town.touch("away");
    let goal = goal(&town, &["--yes"]);
    let waits = |id: &str| {
        until("it waits for the limit", || {
            let why = town.json(&["why", id]);
            (why["chain"][0]["code"] == "rate_limit").then_some(why)
        })
    };
    let why = waits(&goal);
    assert_eq!(why["clears_by_itself"], true, "{why}");
    assert_eq!(why["eta"], "2100-01-01T00:01:00.000Z", "{why}");
    // The next goal does not run into it.
    let second = self::goal(&town, &["--yes"]);
    waits(&second);
    assert_eq!(town.lines("turns").len(), 1);
    fs::remove_file(town.path("away")).unwrap();
    town.gtd_ok(&["resume", "claude"]);
    for goal in [&goal, &second] {
        let (code, document) = town.wait(goal);
        assert_eq!(code, Some(0), "{document}");
    }
}

#[test]
fn what_is_changed_while_planning_goes_nowhere_and_is_told() {
    let town = town(&[three()]);
    town.touch("meddle");
    let goal = goal(&town, &["--yes"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(town.file_on("main", "meddled.txt"), None);
    let summary = summary(&town);
    assert!(
        summary.contains("changed files while it planned"),
        "{summary}"
    );
}

#[test]
fn a_goal_that_is_cancelled_ends_its_planning() {
    let town = town(&[three()]);
    town.touch("wait");
    let goal = goal(&town, &["--yes"]);
    until("the plan is being made", || {
        town.path("told-1").exists().then_some(())
    });
    town.gtd_ok(&["stop", &goal]);
    until("its run has ended", || {
        let exit = town.runs().join(format!("{goal}.e1.work/exit.json"));
        exit.exists().then_some(())
    });
    assert_eq!(town.wait(&goal).0, Some(5));
}

#[test]
fn without_an_agent_program_a_goal_in_words_is_refused_with_what_to_write() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let refused = town.gtd(&["goal", "Write a file"]);
    assert_eq!(refused.code, Some(78), "{refused}");
    assert!(
        refused.stderr.contains("preset = \"claude-code\""),
        "{refused}"
    );
    assert!(refused.stderr.contains("config.toml"), "{refused}");
    assert_eq!(town.count("GoalOpened"), 0);
}

/// A plan whose first bead can never be done, and whose second one waits for it.
fn hopeless() -> String {
    plan(&[("hard", ""), ("last", "\"hard\"")]).replacen("ls *.txt", "test -e never", 1)
}

/// The bead of a goal by its name in the plan.
fn bead<'d>(document: &'d Value, name: &str) -> &'d Value {
    let beads = document["beads"].as_array().unwrap();
    let found = beads.iter().find(|bead| bead["local_id"] == name);
    found.unwrap_or_else(|| panic!("no bead {name}: {document}"))
}

/// What waits for a person, by kind and subject.
fn waiting(town: &Town) -> Vec<(String, String)> {
    let inbox = town.json(&["inbox"]);
    let items = inbox["items"].as_array().unwrap().iter();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    items
        .map(|item| (text(item, "kind"), text(item, "subject")))
        .collect()
}

#[test]
fn what_is_left_of_a_goal_is_planned_anew_and_the_goal_is_reached() {
    let town = town_under("overnight", &[hopeless(), plan(&[("easy", "")])]);
    let goal = goal(&town, &[]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(bead(&document, "easy")["state"], "landed", "{document}");
    assert_eq!(bead(&document, "last")["state"], "landed", "{document}");
    let hard = bead(&document, "hard");
    assert_eq!(hard["state"], "cancelled", "{document}");
    let easy = bead(&document, "easy")["id"].as_str().unwrap();
    assert_eq!(hard["text"], format!("planned anew: {easy}"), "{document}");
    assert_eq!(bead(&document, "last")["needs"][0], easy, "{document}");
    assert_eq!(document["replans"], 1, "{document}");
    // Whoever planned anew knew what was to be done, and what showed that it was not.
    let told = told(&town, 2);
    for part in [
        "is planned anew",
        hard["id"].as_str().unwrap(),
        "Write hard",
        "test -e never",
        "Attempt 1:",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert_eq!(town.count("PlanRevised"), 1);
    assert_eq!(events_of(&town, "LeaseGranted", &goal), 2);
    assert_eq!(events_of(&town, "UsageRecorded", &goal), 2);
    assert_eq!(waiting(&town), []);
}

#[test]
fn a_goal_is_planned_anew_once_and_then_a_person_is_asked_of_its_bead() {
    let again = plan(&[("easy", "")]).replace("ls *.txt", "test -e never");
    let town = town_under("overnight", &[hopeless(), again]);
    let goal = goal(&town, &[]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let easy = bead(&document, "easy")["id"].as_str().unwrap().to_owned();
    assert_eq!(waiting(&town), [("failure".to_owned(), easy.clone())]);
    let why = town.json(&["why", &easy]);
    let text = why["chain"][0]["text"].as_str().unwrap();
    assert!(
        text.ends_with("a new plan of its goal was tried once, and is not any more"),
        "{why}"
    );
    assert_eq!(town.lines("turns").len(), 2);
}

#[test]
fn a_new_plan_waits_for_a_yes_where_the_policy_says_so_and_a_no_leaves_all_as_it_was() {
    let town = town_under("attended", &[hopeless(), plan(&[("easy", "")])]);
    let goal = goal(&town, &["--yes"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(document["state"], "draft", "{document}");
    let hard = bead(&document, "hard")["id"].as_str().unwrap().to_owned();
    assert_eq!(document["replaces"][0], hard.as_str(), "{document}");
    assert_eq!(waiting(&town), [("plan".to_owned(), goal.clone())]);
    let why = town.json(&["why", &hard]);
    assert_eq!(
        why["next"][0]["cmd"],
        format!("gtd approve {goal}"),
        "{why}"
    );
    let said = town.gtd_ok(&["reject", &goal, "-m", "I do it myself"]);
    assert!(said.contains("keeps its plan"), "{said}");
    assert_eq!(waiting(&town), [("failure".to_owned(), hard.clone())]);
    let document = town.json(&["convoy", "show", &goal]);
    assert_eq!(bead(&document, "easy")["state"], "cancelled", "{document}");
    // Taken back, the plan waits again; and a yes lets it begin.
    town.gtd_ok(&["undo"]);
    assert_eq!(waiting(&town), [("plan".to_owned(), goal.clone())]);
    let said = town.gtd_ok(&["approve", &goal]);
    assert!(said.contains("1 bead may begin"), "{said}");
    assert_eq!(town.wait(&goal).0, Some(0));
}

#[test]
fn a_given_plan_is_never_planned_anew_unless_the_policy_says_so() {
    let town = town_under("overnight", &[plan(&[("easy", "")])]);
    let given = "title = \"Given\"\n[[bead]]\nid = \"hard\"\ntitle = \"Hard\"\nrun = \"false\"\n";
    let goal = town.goal(given);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    assert_eq!(town.count("PlanRevised"), 0);
    assert_eq!(waiting(&town).len(), 1);
    town.gtd_ok(&["config", "set", "policies.overnight.replan_of", "any"]);
    until("it is planned anew", || {
        (town.count("PlanRevised") == 1).then_some(())
    });
    assert_eq!(town.wait(&goal).0, Some(0));
}
