//! A program that speaks the Agent Client Protocol, driven inside of its run.

use std::{collections::BTreeMap, path::PathBuf};

use gtd_agent::{
    RunSpec,
    runtime::{Preset, Resumed, Turn, agent_run},
    stream::{AgentEvent, Ending, Reader},
};
use gtd_core::{RuntimeFault, Usage};

use crate::place::{Place, run_id};

/// Writes down what it hears, and answers as real programs do.
const AGENT: &str = r#"
say() { printf '%s\n' "$1"; }
update() { say '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s-1","update":'"$1"'}}'; }
words() { update '{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"'"$1"'"}}'; }
answer() { say '{"jsonrpc":"2.0","id":'"$id"',"result":'"$1"'}'; }
while IFS= read -r line; do
  printf '%s\n' "$line" >> heard
  id=$(printf '%s\n' "$line" | sed -n 's/^{"id":\([0-9]*\).*/\1/p')
  case $line in
    *'"method":"initialize"'*)
      say 'a remark beside the protocol'
      answer '{"protocolVersion":1,"agentCapabilities":{"loadSession":true},"agentInfo":{"name":"house","version":"1"}}' ;;
    *'"method":"session/new"'*)
      answer '{"sessionId":"s-1","configOptions":[{"id":"m","category":"model","type":"select","currentValue":"house/small","options":[{"value":"house/small"},{"value":"house/large"}]}]}' ;;
    *'"method":"session/load"'*)
      words 'I said this long ago.'
      answer '{}' ;;
    *'"method":"session/set_config_option"'*)
      answer '{"configOptions":[]}' ;;
    *'"method":"session/prompt"'*)
      case $line in
        *break*) say '{"jsonrpc":"2.0","id":'"$id"',"error":{"code":-32603,"message":"Internal error","data":{"details":"401 Incorrect API key provided."}}}' ;;
        *leave*) exit 7 ;;
        *)
          prompt=$id
          words 'I look '
          words 'first.'
          update '{"sessionUpdate":"plan","entries":[{"content":"look","status":"completed"},{"content":"write","status":"pending"}]}'
          update '{"sessionUpdate":"tool_call","toolCallId":"t-1","title":"bash","kind":"execute","status":"pending","rawInput":{}}'
          say '{"jsonrpc":"2.0","id":90,"method":"fs/read_text_file","params":{"path":"/etc/passwd"}}'
          say '{"jsonrpc":"2.0","id":91,"method":"session/request_permission","params":{"sessionId":"s-1","toolCall":{"toolCallId":"t-1","rawInput":{"command":"make"}},"options":[{"optionId":"always","name":"Always","kind":"allow_always"},{"optionId":"no","name":"No","kind":"reject_once"},{"optionId":"once","name":"Once","kind":"allow_once"}]}}' ;;
      esac ;;
    *'"id":91'*)
      id=$prompt
      update '{"sessionUpdate":"tool_call_update","toolCallId":"t-1","status":"completed","content":[{"type":"content","content":{"type":"text","text":"made"}}]}'
      words 'It is done.'
      answer '{"stopReason":"end_turn","usage":{"inputTokens":100,"outputTokens":7,"cachedReadTokens":60,"totalTokens":107}}' ;;
  esac
done
"#;

fn turn(place: &Place, name: &str, prompt: &str, session: Option<&str>) -> RunSpec {
    let program = place.work().join("agent.sh");
    std::fs::write(&program, AGENT).unwrap();
    let command = ["/bin/sh".to_owned(), program.display().to_string()];
    turn_of(place, name, &command, prompt, session)
}

fn turn_of(
    place: &Place,
    name: &str,
    command: &[String],
    prompt: &str,
    session: Option<&str>,
) -> RunSpec {
    let turn = Turn {
        prompt: prompt.to_owned(),
        model: session.is_none().then(|| "large".to_owned()),
        session: session.map(|id| Resumed {
            id: id.to_owned(),
            used: Usage::default(),
        }),
        context: None,
        price: None,
        mcp: Some(PathBuf::from("/a/gtd")),
    };
    let mut setting = place.setting(&run_id(name));
    let token = ("GTD_TOKEN".to_owned(), "of-the-lease".to_owned());
    setting.env.extend([token]);
    let opencode = Preset::find("opencode").unwrap();
    let env = BTreeMap::new();
    agent_run(&place.runs, &setting, opencode, command, &env, &turn)
}

fn read(place: &Place, order: &RunSpec) -> (Reader, Vec<AgentEvent>) {
    let mut reader = place.runs.agent_reader(&order.run).unwrap().unwrap();
    let lines = place.runs.transcript(&order.run, 0, 1000).unwrap();
    let events = lines.iter().flat_map(|line| reader.read(&line.text));
    let told = events.filter(|event| event.kind() != "event").collect();
    (reader, told)
}

#[test]
fn a_turn_by_the_protocol_is_told_like_any_other() {
    let place = Place::new();
    let order = turn(&place, "first", "Work.\n", None);
    assert!(place.run(&order).is_success());
    let (reader, events) = read(&place, &order);
    let told: Vec<String> = events
        .iter()
        .map(|event| format!("{}: {}", event.kind(), event.text()))
        .collect();
    assert_eq!(
        told,
        [
            "say: a remark beside the protocol",
            "session: s-1 with house/large",
            "say: I look first.",
            "plan: [x] look\n[ ] write",
            "tool: bash  make",
            "result: made",
            "say: It is done.",
        ]
    );
    let account = reader.account();
    assert_eq!(account.session.as_deref(), Some("s-1"));
    assert_eq!(account.end, Some(Ending::Done));
    assert_eq!(account.last_words, "It is done.");
    assert_eq!(account.n_tools, 1);
    let used = Usage {
        input: 40,
        output: 7,
        cache_read: 60,
        ..Usage::default()
    };
    assert_eq!(account.usage, used);
    let heard = place.read("heard");
    let has = |text: &str| assert!(heard.contains(text), "{text} in {heard}");
    has(r#""prompt":[{"text":"Work.\n","type":"text"}]"#);
    has(r#""configId":"m","sessionId":"s-1","value":"house/large""#);
    has(r#""error":{"code":-32601"#);
    has(r#""optionId":"once","outcome":"selected""#);
    has(r#""args":["mcp","serve"],"command":"/a/gtd""#);
    has(r#"{"name":"GTD_TOKEN","value":"of-the-lease"}"#);
    has(&format!(r#""cwd":"{}""#, place.work().display()));
}

#[test]
fn the_program_hears_a_polite_stop() {
    let place = Place::new();
    // A shell would let it through by itself.
    let command = ["grep", "SigBlk", "/proc/self/status"].map(str::to_owned);
    let order = turn_of(&place, "mask", &command, "Work.\n", None);
    place.run(&order);
    let said = place.texts(&order.run).join("\n");
    assert!(said.contains("SigBlk:\t0000000000000000"), "{said}");
}

#[test]
fn a_session_that_goes_on_is_loaded_and_its_history_is_not_told_again() {
    let place = Place::new();
    let order = turn(&place, "second", "Go on.\n", Some("s-1"));
    assert!(place.run(&order).is_success());
    let (_, events) = read(&place, &order);
    assert!(!format!("{events:?}").contains("long ago"), "{events:?}");
    let heard = place.read("heard");
    assert!(heard.contains(r#""method":"session/load""#), "{heard}");
    assert!(!heard.contains("session/new"), "{heard}");
}

#[test]
fn what_the_program_says_of_an_error_is_the_reason_of_the_end() {
    let place = Place::new();
    let order = turn(&place, "broken", "break\n", None);
    assert!(!place.run(&order).is_success());
    let (reader, _) = read(&place, &order);
    let fault = RuntimeFault::Auth;
    let text = "Internal error: 401 Incorrect API key provided.".to_owned();
    assert_eq!(reader.account().end, Some(Ending::Fault { fault, text }));

    let order = turn(&place, "gone", "leave\n", None);
    assert!(!place.run(&order).is_success());
    let (reader, _) = read(&place, &order);
    let fault = RuntimeFault::Crashed;
    let text = "it ended before its turn did (exit status: 7)".to_owned();
    assert_eq!(reader.account().end, Some(Ending::Fault { fault, text }));
}
