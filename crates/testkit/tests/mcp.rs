//! The verbs of agents as tools: `gtd mcp serve` spoken to line by line, as programs do.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use gtd_testkit::town::{Town, binary, claude_says, until};
use serde_json::{Value, json};

/// A lease as `gtd bead claim` prints it.
type Lease = Vec<(String, String)>;

fn claim(town: &Town, bead: &str) -> Lease {
    let printed = town.gtd_ok(&["bead", "claim", bead, "--as", "ada"]);
    let pairs = printed.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A program that speaks MCP with `gtd mcp serve`.
struct Speaker {
    server: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    n_asked: u64,
}

impl Speaker {
    /// Starts the server in the repository, and says hello.
    fn new(town: &Town, lease: &Lease) -> Self {
        let mut server = town
            .program("timeout")
            .args(["60", &binary("gtd").to_string_lossy(), "mcp", "serve"])
            .envs(lease.iter().cloned())
            .current_dir(town.repo())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut speaker = Self {
            to: server.stdin.take(),
            from: BufReader::new(server.stdout.take().unwrap()),
            server,
            n_asked: 0,
        };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}});
        let hello = speaker.ask("initialize", &hello);
        assert_eq!(hello["serverInfo"]["name"], "gtd", "{hello}");
        speaker.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        speaker
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.to.as_mut().unwrap(), "{message}").unwrap();
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.n_asked += 1;
        let id = self.n_asked;
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], id, "{answer}");
        match answer.get("result") {
            Some(result) => result.clone(),
            None => answer,
        }
    }

    /// Calls a tool; returns what it says, and whether it is a refusal.
    fn call(&mut self, tool: &str, arguments: &Value) -> (String, bool) {
        let params = json!({"name": tool, "arguments": arguments});
        let result = self.ask("tools/call", &params);
        let text = result["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("{result}")).to_owned();
        (text, result["isError"] == true)
    }

    /// Leaves, and returns how the server ended.
    fn leave(mut self) -> Option<i32> {
        drop(self.to.take());
        self.server.wait().unwrap().code()
    }
}

/// A town with a bead that nobody else takes.
fn town() -> (Town, String) {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.gtd_ok(&["pause", "crew"]);
    let bead = town.gtd_ok(&["bead", "create", "By hand", "-d", "Write a file.", "-q"]);
    (town, bead.trim().to_owned())
}

#[test]
fn the_tools_do_what_the_verbs_do_and_say_the_same() {
    let (town, bead) = town();
    let lease = claim(&town, &bead);
    let mut agent = Speaker::new(&town, &lease);
    let listed = agent.ask("tools/list", &json!({}));
    let names: Vec<&str> = listed["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["brief", "show", "note", "create", "ask", "done"]);

    let (brief, _) = agent.call("brief", &json!({}));
    let as_verb = town
        .program(binary("gtd"))
        .arg("brief")
        .envs(lease.iter().cloned())
        .output()
        .unwrap();
    assert_eq!(brief, String::from_utf8(as_verb.stdout).unwrap().trim_end());
    assert!(brief.contains("Write a file."), "{brief}");

    let noted = agent.call("note", &json!({"text": "half of it"}));
    assert_eq!(noted, (format!("{bead} noted"), false));
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["notes"][0]["text"], "half of it", "{shown}");
    let (shown, is_refused) = agent.call("show", &json!({"bead": bead}));
    assert!(shown.contains("half of it") && !is_refused, "{shown}");

    let goal =
        town.goal("title = \"Ask\"\n\n[[bead]]\nid = \"a\"\ntitle = \"One\"\nrun = \"true\"\n");
    let (shown, is_refused) = agent.call("show", &json!({"bead": goal}));
    assert!(shown.contains("One") && !is_refused, "{shown}");

    let (filed, is_refused) = agent.call("create", &json!({"title": "A crack in the wall"}));
    assert!(filed.contains("filed") && !is_refused, "{filed}");
    let found = town.json(&["bead", "list", "--all"]);
    assert!(found.to_string().contains("A crack in the wall"), "{found}");

    let (done, is_refused) = agent.call("done", &json!({"summary": "nothing", "no_change": true}));
    assert_eq!(
        (done.as_str(), is_refused),
        (&*format!("{bead} ended"), false)
    );
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["state"], "closed", "{shown}");
    assert_eq!(agent.leave(), Some(0), "it ends with its input");
}

#[test]
fn a_tool_that_cannot_do_it_says_why_and_the_next_one_is_served() {
    let (town, bead) = town();
    let first = claim(&town, &bead);
    let mut late = Speaker::new(&town, &first);
    let (text, is_refused) = late.call("note", &json!({"words": "?"}));
    assert!(
        is_refused && text.contains("unknown field `words`, expected `text`"),
        "{text}"
    );
    let unknown = late.ask("tools/call", &json!({"name": "push", "arguments": {}}));
    assert_eq!(unknown["error"]["message"], "there is no tool `push`");

    // The lease passes on to somebody else.
    town.gtd_ok(&["bead", "park", &bead]);
    town.gtd_ok(&["bead", "retry", &bead]);
    let second = claim(&town, &bead);
    assert_ne!(first, second);
    for (tool, arguments) in [
        ("note", json!({"text": "still here"})),
        ("create", json!({"title": "Late"})),
        ("ask", json!({"question": "May I?"})),
        ("done", json!({"summary": "late", "no_change": true})),
    ] {
        let (text, is_refused) = late.call(tool, &arguments);
        assert!(
            is_refused && text.starts_with("error[E0204]"),
            "{tool}: {text}"
        );
    }
    let shown = town.json(&["bead", "show", &bead]);
    assert_eq!(shown["notes"].as_array().unwrap().len(), 0, "{shown}");
    // A daemon that is begun anew is found again.
    town.gtd_ok(&["down"]);
    let mut now = Speaker::new(&town, &second);
    let (text, is_refused) = now.call("brief", &json!({}));
    assert!(is_refused && text.contains("gtd up"), "{text}");
    town.gtd_ok(&["up"]);
    let noted = now.call("note", &json!({"text": "mine"}));
    assert_eq!(noted, (format!("{bead} noted"), false));
    assert_eq!(now.leave(), Some(0));
    assert_eq!(late.leave(), Some(0));
}

/// A claude that calls one tool of the server that it is told of, and says that it is done.
const CALLS: &str = r#"#!/bin/sh
cat > /dev/null
echo "$*" >> HERE/args
case " $* " in *" --mcp-config "*)
  {
    echo '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}'
    echo '{"jsonrpc":"2.0","method":"notifications/initialized"}'
    echo '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask","arguments":{"question":"left or right?"}}}'
    for n in $(seq 600); do grep -q '"id":2' HERE/heard && break; sleep 0.05; done
  } | gtd mcp serve > HERE/heard
esac
echo done > "$GTD_BEAD.txt"
exec cat HERE/done
"#;

#[test]
fn a_runtime_has_the_tools_only_where_its_configuration_says_so() {
    let town = Town::new();
    let here = town.path("").display().to_string();
    let session = "00000000-0000-4000-8000-00000000000c";
    fs::write(town.path("done"), claude_says(session, "Done.", 0.25)).unwrap();
    fs::write(town.path("heard"), "").unwrap();
    town.be_claude(&CALLS.replace("HERE", here.trim_end_matches('/')));
    town.init(&[("test", "true")]);
    let plan =
        "title = \"Ask\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Ask first\"\nruntime = \"claude\"\n";
    let (code, document) = town.wait(&town.goal(plan));
    assert_eq!(code, Some(0), "nothing is asked: {document}");
    assert!(!town.lines("args")[0].contains("mcp"));

    town.gtd_ok(&["config", "set", "--user", "runtimes.claude.mcp", "true"]);
    let goal = town.goal(plan);
    until("the question of the tool waits", || {
        let inbox = town.json(&["inbox", "--kind", "question"]);
        (inbox["items"][0]["text"] == "left or right?").then_some(())
    });
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let last = town.lines("args").pop().unwrap();
    let gtd = Value::from(binary("gtd").display().to_string());
    assert!(
        last.contains(&format!(r#"{{"gtd":{{"command":{gtd},"#)),
        "{last}"
    );
    assert!(
        !last.contains("TOKEN") && last.contains("--strict-mcp-config"),
        "{last}"
    );
    until("the tool says what is next", || {
        let heard = fs::read_to_string(town.path("heard")).unwrap();
        heard.contains("end your turn now").then_some(())
    });
}
