//! A runtime that cannot go on: one stops, all wait, one tries, all go on.
//!
//! The program is a script that prints what the real claude printed, from recordings.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use gtd_testkit::town::{Town, until};

/// A town whose claude fails as `recording` shows while the file `away` is there, and else works.
fn town(recording: &str) -> Town {
    let town = Town::new();
    let streams = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/tests/streams/claude");
    let text = format!(
        "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo '9.9.9 (Claude)'; exit; }}\ncat > /dev/null\necho \"$GTD_BEAD\" >> {starts}\n\
         if [ -e {away} ]; then\n\
         sed 's/\"resetsAt\":[0-9]*/\"resetsAt\":4102444800/' {streams}/{recording}.jsonl\nexit 1\nfi\n\
         echo done > \"$GTD_BEAD.txt\"\ncat {streams}/write.jsonl\n",
        starts = town.path("starts").display(),
        away = town.path("away").display(),
        streams = streams.display(),
    );
    town.be_claude(&text);
    town.touch("away");
    town.init(&[("test", "true")]);
    town
}

fn beads(names: &[&str]) -> String {
    let mut plan = "title = \"Work for claude\"\n".to_owned();
    for name in names {
        plan.push_str(&format!(
            "\n[[bead]]\nid = \"{name}\"\ntitle = \"Work {name}\"\nruntime = \"claude\"\n\
             description = \"Write a file.\"\n"
        ));
    }
    plan
}

fn of_goal(town: &Town, goal: &str) -> Vec<String> {
    let shown = town.json(&["convoy", "show", goal]);
    let beads = shown["beads"].as_array().unwrap();
    let ids = beads.iter().map(|bead| bead["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

fn until_it_waits(town: &Town, bead: &str, reason: &str) -> serde_json::Value {
    until(&format!("{bead} waits for {reason}"), || {
        let why = town.json(&["why", bead]);
        (why["chain"][0]["code"] == reason).then_some(why)
    })
}

fn starts_of(town: &Town, bead: &str) -> usize {
    let starts = town.lines("starts");
    starts.iter().filter(|start| *start == bead).count()
}

#[test]
fn a_reached_limit_is_met_once_and_everything_goes_on_when_one_attempt_has_tried() {
    let town = town("429-limit-subscription");
    let first = town.goal(&beads(&["a"]));
    let bead = of_goal(&town, &first).remove(0);
    let why = until_it_waits(&town, &bead, "rate_limit");
    assert_eq!(why["clears_by_itself"], true, "{why}");
    assert_eq!(why["eta"], "2100-01-01T00:01:00.000Z", "{why}");
    let listed = town.json(&["runtime", "list"]);
    let claude = &listed["items"].as_array().unwrap()[0];
    assert_eq!(claude["name"], "claude", "{listed}");
    assert_eq!(claude["limit"]["next"], "gtd resume claude", "{listed}");
    let probed = town.json(&["runtime", "probe", "claude"]);
    let probed = &probed["items"][0];
    assert_eq!(probed["version"], "9.9.9 (Claude)", "{probed}");
    assert_eq!(probed["login"], "$ANTHROPIC_API_KEY", "{probed}");
    assert_eq!(probed["problem"], serde_json::Value::Null, "{probed}");
    // Who comes later does not run into it, and who needs no claude goes on.
    let second = town.goal(&beads(&["b", "c"]));
    let others = of_goal(&town, &second);
    for bead in &others {
        until_it_waits(&town, bead, "rate_limit");
    }
    let by_script = town
        .goal("title = \"A script\"\n\n[[bead]]\nid = \"s\"\ntitle = \"S\"\nrun = \"date > s\"\n");
    assert_eq!(town.wait(&by_script).0, Some(0));
    assert_eq!(town.lines("starts"), std::slice::from_ref(&bead));
    let spent = town.json(&["bead", "show", &bead]);
    assert_eq!(spent["spent"].as_u64().unwrap_or(0), 0, "{spent}");
    fs::remove_file(town.path("away")).unwrap();
    town.gtd_ok(&["resume", "claude"]);
    for goal in [&first, &second] {
        let (code, document) = town.wait(goal);
        assert_eq!(code, Some(0), "{document}");
    }
    assert_eq!(starts_of(&town, &bead), 2);
    for bead in &others {
        assert_eq!(starts_of(&town, bead), 1);
    }
    let said = town.gtd_ok(&["logs", &bead, "--kind", "say,tool,edit,session"]);
    assert!(said.contains("session"), "{said}");
    assert!(!said.contains("\"type\""), "{said}");
    let raw = town.gtd_ok(&["logs", &bead, "--kind", "session", "--raw"]);
    assert!(raw.contains("\"type\":\"system\""), "{raw}");
    let cost = town.json(&["cost", "--by", "runtime"]);
    assert_eq!(cost["groups"][0]["key"], "claude", "{cost}");
    assert_eq!(cost["groups"][0]["runs"], cost["runs"], "{cost}");
    assert!(cost["tokens"]["output"].as_u64().unwrap() > 0, "{cost}");
    let of_one = town.json(&["cost", &bead]);
    assert_eq!(of_one["groups"][0]["key"], bead.as_str(), "{of_one}");
}

#[test]
fn a_missing_login_asks_a_person_once_and_goes_on_at_their_word() {
    let town = town("401");
    let goal = town.goal(&beads(&["a", "b"]));
    let all = of_goal(&town, &goal);
    for bead in &all {
        let why = until_it_waits(&town, bead, "runtime_down");
        assert_eq!(why["next"][0]["cmd"], "gtd resume claude", "{why}");
    }
    let (code, _) = town.wait(&goal);
    assert_eq!(code, Some(4), "it needs a person");
    let inbox = town.json(&["inbox"]);
    let items = inbox["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{inbox}");
    assert_eq!(items[0]["subject"], "claude", "{inbox}");
    fs::remove_file(town.path("away")).unwrap();
    town.gtd_ok(&["resume", "claude"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(town.json(&["inbox"])["items"], serde_json::json!([]));
}

/// A program that speaks the Agent Client Protocol: it does its work when it is told twice.
const BY_PROTOCOL: &str = r#"#!/bin/sh
answer() { printf '%s\n' '{"jsonrpc":"2.0","id":'"$id"',"result":'"$1"'}'; }
words() { printf '%s\n' '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s-1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"'"$1"'"}}}}'; }
while IFS= read -r line; do
  id=$(printf '%s\n' "$line" | sed -n 's/^{"id":\([0-9]*\).*/\1/p')
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}' ;;
    *'"method":"session/new"'*) answer '{"sessionId":"s-1"}' ;;
    *'"method":"session/load"'*'"sessionId":"s-1"'*) again=1; answer '{}' ;;
    *'"method":"session/prompt"'*)
      if [ "$again" ]; then echo written > words.txt; fi
      words 'I wrote it.'
      answer '{"stopReason":"end_turn","usage":{"inputTokens":50,"outputTokens":5,"totalTokens":55}}' ;;
  esac
done
"#;

#[test]
fn a_program_that_speaks_the_protocol_is_told_in_its_session_what_is_missing() {
    let town = Town::new();
    let program = town.path("opencode");
    fs::write(&program, BY_PROTOCOL).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(town.path("home/config")).unwrap();
    let config = format!(
        "schema = 1\n\n[runtimes.open]\npreset = \"opencode\"\ncommand = [\"{}\"]\n",
        program.display()
    );
    fs::write(town.path("home/config/config.toml"), config).unwrap();
    town.init(&[("test", "true")]);
    let goal = town.goal(
        "title = \"Words\"\n\n[[bead]]\nid = \"w\"\ntitle = \"Write words\"\nruntime = \"open\"\n\
         description = \"Write a file.\"\nacceptance = [{ text = \"they are there\", check = \"test -s words.txt\" }]\n",
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let bead = of_goal(&town, &goal).remove(0);
    let said = town.gtd_ok(&["logs", &bead, "--kind", "say,session"]);
    assert_eq!(said.matches("I wrote it.").count(), 2, "{said}");
    assert_eq!(said.matches("s-1").count(), 2, "one session: {said}");
    let cost = town.json(&["cost", &bead]);
    assert_eq!(cost["tokens"]["output"], 10, "{cost}");
}
