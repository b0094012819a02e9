//! One agent over several turns: how its program is called, and what each turn used.

use std::{collections::BTreeMap, path::PathBuf};

use gtd_agent::{
    RunSpec,
    runtime::{Preset, Resumed, Turn, agent_run},
};
use gtd_core::Usage;

use crate::place::{Place, run_id};

/// A program that prints what codex prints: a thread whose usage counts from its beginning.
const THREAD: &str = r#"echo "$*" >> called
cat >> told
n=$(wc -l < called)
echo '{"type":"thread.started","thread_id":"t-1"}'
echo "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":${n}00,\"cached_input_tokens\":${n}0,\"output_tokens\":${n}}}"
"#;

fn turn(place: &Place, name: &str, session: Option<Resumed>) -> RunSpec {
    turn_of(place, "codex", name, session, None)
}

fn turn_of(
    place: &Place,
    preset: &str,
    name: &str,
    session: Option<Resumed>,
    mcp: Option<PathBuf>,
) -> RunSpec {
    let program = place.work().join("thread.sh");
    std::fs::write(&program, THREAD).unwrap();
    let command = ["/bin/sh".to_owned(), program.display().to_string()];
    let turn = Turn {
        prompt: format!("{name}\n"),
        model: Some("large".to_owned()),
        session,
        context: None,
        price: None,
        mcp,
    };
    agent_run(
        &place.runs,
        &place.setting(&run_id(name)),
        Preset::find(preset).unwrap(),
        &command,
        &BTreeMap::new(),
        &turn,
    )
}

#[test]
fn a_turn_that_goes_on_counts_only_what_is_its_own() {
    let place = Place::new();
    let order = turn(&place, "first", None);
    assert!(place.run(&order).is_success());
    let (first, _) = place.runs.read_agent(&order.run).unwrap().unwrap();
    let each = Usage {
        input: 90,
        output: 1,
        cache_read: 10,
        ..Usage::default()
    };
    assert_eq!(first.account().usage, each);

    let again = Resumed {
        id: first.account().session.clone().unwrap(),
        used: first.session_usage(),
    };
    let order = turn(&place, "second", Some(again));
    assert!(place.run(&order).is_success());
    let (second, _) = place.runs.read_agent(&order.run).unwrap().unwrap();
    assert_eq!(second.account().usage, each, "the second turn alone");
    assert_eq!(second.session_usage(), each.plus(&each));

    assert_eq!(place.read("told"), "first\nsecond\n");
    let exec = "exec --json --dangerously-bypass-approvals-and-sandbox --skip-git-repo-check \
                -c allow_login_shell=false -m large";
    let called = format!("{exec} -\n{exec} resume t-1 -\n");
    assert_eq!(
        place.read("called"),
        called,
        "a person's program comes first"
    );
}

#[test]
fn the_shell_of_codex_keeps_the_path_on_which_gtd_is() {
    let place = Place::new();
    let order = turn(&place, "path", None);
    let has = |words: [&str; 2]| order.args.windows(2).any(|two| two == words);
    assert!(has(["-c", "allow_login_shell=false"]), "{:?}", order.args);
}

#[test]
fn the_tools_are_offered_only_where_they_are_wished_and_name_no_secret() {
    let place = Place::new();
    let args = |preset: &str, mcp: Option<&str>| {
        turn_of(&place, preset, "tools", None, mcp.map(PathBuf::from)).args
    };
    for (preset, told) in [
        (
            "claude-code",
            &[
                "--mcp-config",
                r#"{"mcpServers":{"gtd":{"command":"/a \"b\"/gtd","args":["mcp","serve"],"alwaysLoad":true}}}"#,
                "--strict-mcp-config",
            ][..],
        ),
        (
            "codex",
            &[
                "-c",
                r#"mcp_servers.gtd.command="/a \"b\"/gtd""#,
                "-c",
                r#"mcp_servers.gtd.args=["mcp","serve"]"#,
                "-c",
                r#"mcp_servers.gtd.env_vars=["GTD_HOST","GTD_BEAD","GTD_EPOCH","GTD_TOKEN","GTD_AGENT","GTD_RUN"]"#,
                "-c",
                "mcp_servers.gtd.required=true",
            ],
        ),
        ("command", &[]),
    ] {
        let with = args(preset, Some(r#"/a "b"/gtd"#));
        let without = args(preset, None);
        let is_new = |arg: &&String| !without.contains(arg);
        let more: Vec<&str> = with.iter().filter(is_new).map(String::as_str).collect();
        let new: Vec<&str> = told.iter().copied().filter(|arg| *arg != "-c").collect();
        assert_eq!(more, new, "{preset}");
        let is_in_order = told.is_empty() || with.windows(told.len()).any(|words| words == told);
        assert!(is_in_order, "{with:?}");
    }
}
