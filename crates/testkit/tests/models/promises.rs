//! What the service promises.

use gtd_testkit::{model::ModelServer, town::until};
use serde_json::{Value, json};

use crate::http::{Got, Sent, send};

const PROTOCOLS: [&str; 3] = ["/v1/messages", "/v1/responses", "/v1/chat/completions"];

fn serve(default: &str) -> ModelServer {
    ModelServer::start(default).expect("a port of loopback")
}

/// Writes a request as a program of that protocol would, with tools for files and a shell.
fn request(path: &str, prompts: &[&str], is_streamed: bool) -> String {
    let messages: Vec<Value> = prompts
        .iter()
        .map(|text| json!({"role": "user", "content": text}))
        .collect();
    let schema = |names: [&str; 2]| {
        json!({"type": "object", "properties": {
            names[0]: {"type": "string"}, names[1]: {"type": "string"},
        }})
    };
    let (write, bash) = (schema(["path", "content"]), schema(["command", "why"]));
    match path {
        "/v1/messages" => json!({
            "model": "m", "messages": messages, "stream": is_streamed, "max_tokens": 100,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "tools": [
                {"name": "Write", "input_schema": write},
                {"name": "Bash", "input_schema": bash},
            ],
        }),
        "/v1/responses" => json!({
            "model": "m", "input": messages, "stream": is_streamed, "instructions": "s",
            "tools": [
                {"type": "function", "name": "Write", "parameters": write},
                {"type": "function", "name": "Bash", "parameters": bash},
            ],
        }),
        _ => json!({
            "model": "m", "messages": messages, "stream": is_streamed,
            "tools": [
                {"type": "function", "function": {"name": "Write", "parameters": write}},
                {"type": "function", "function": {"name": "Bash", "parameters": bash}},
            ],
        }),
    }
    .to_string()
}

fn begin(server: &ModelServer, path: &str, prompts: &[&str], is_streamed: bool) -> Sent {
    let body = request(path, prompts, is_streamed);
    send(server, &format!("POST {path}"), "", &body)
}

fn ask(server: &ModelServer, path: &str, prompts: &[&str]) -> Got {
    begin(server, path, prompts, true).read()
}

/// Joins what a stream said and what it gave to tools.
fn said(path: &str, got: &Got) -> (String, String) {
    let (mut text, mut input) = (String::new(), String::new());
    for event in got.events() {
        let (said, given) = match path {
            "/v1/messages" => (&event["delta"]["text"], &event["delta"]["partial_json"]),
            "/v1/responses" if event["type"] == "response.output_text.delta" => {
                (&event["delta"], &Value::Null)
            }
            "/v1/responses" if event["type"] == "response.function_call_arguments.delta" => {
                (&Value::Null, &event["delta"])
            }
            "/v1/responses" => (&Value::Null, &Value::Null),
            _ => {
                let delta = &event["choices"][0]["delta"];
                let called = &delta["tool_calls"][0]["function"]["arguments"];
                (&delta["content"], called)
            }
        };
        text.push_str(said.as_str().unwrap_or_default());
        input.push_str(given.as_str().unwrap_or_default());
    }
    (text, input)
}

/// Returns the tokens that an answer reports: prompt and answer.
fn reported(path: &str, usage: &Value) -> (u64, u64) {
    let number = |key: &str| {
        usage[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key}: {usage}"))
    };
    match path {
        "/v1/messages" => (
            number("input_tokens")
                + number("cache_read_input_tokens")
                + number("cache_creation_input_tokens"),
            number("output_tokens"),
        ),
        "/v1/responses" => (number("input_tokens"), number("output_tokens")),
        _ => (number("prompt_tokens"), number("completion_tokens")),
    }
}

#[test]
fn each_protocol_streams_what_the_scenario_says() {
    for path in PROTOCOLS {
        let server = serve("say nobody chose");
        let prompt = "Work.\nscenario: write a.txt one ;; say All is done.";
        let first = ask(&server, path, &[prompt]);
        assert_eq!((first.status, first.is_whole), (200, true), "{path}");
        let (_, input) = said(path, &first);
        assert_eq!(input, r#"{"content":"one\n","path":"a.txt"}"#, "{path}");
        let second = ask(&server, path, &[prompt]);
        assert_eq!(said(path, &second).0, "All is done.", "{path}");
        let other = ask(&server, path, &["Another conversation."]);
        assert_eq!(said(path, &other).0, "nobody chose", "{path}");
    }
}

#[test]
fn a_whole_answer_says_the_same_as_a_streamed_one() {
    for path in PROTOCOLS {
        let server = serve("say short ;; run make ;; say long");
        for expected in ["short", "make", "long"] {
            let got = begin(&server, path, &["Go."], false).read();
            assert!(got.body.contains(expected), "{path}: {}", got.body);
            assert!(got.json().is_object(), "{path}");
        }
    }
}

#[test]
fn the_ledger_bills_what_the_answers_reported() {
    for path in PROTOCOLS {
        let server = serve("write a.txt one ;; run make ;; say All is done.");
        let (mut prompt, mut output) = (0, 0);
        for _ in 0..3 {
            let got = begin(&server, path, &["Go."], false).read();
            let usage = reported(path, &got.json()["usage"]);
            prompt += usage.0;
            output += usage.1;
        }
        let total = server.ledger().total;
        assert_eq!((total.requests, total.answered), (3, 3), "{path}");
        assert_eq!(
            total.input + total.cache_read + total.cache_write,
            prompt,
            "{path}"
        );
        assert_eq!(total.output, output, "{path}");
        assert!(total.cache_read > 0, "{path}: nothing was kept");
        let over_http = send(&server, "GET /ledger", "", "").read().json();
        assert_eq!(over_http, server.ledger().to_json(), "{path}");
    }
}

#[test]
fn a_stream_reports_the_usage_that_is_billed() {
    for path in PROTOCOLS {
        let server = serve("say All is done.");
        let events = ask(&server, path, &["Go."]).events();
        let last = &events[events.len() - 1];
        let usage = match path {
            "/v1/messages" => events
                .iter()
                .rfind(|event| event["type"] == "message_delta")
                .map_or(&Value::Null, |event| &event["usage"]),
            "/v1/responses" => &last["response"]["usage"],
            _ => &last["usage"],
        };
        let total = server.ledger().total;
        let billed = total.input + total.cache_read + total.cache_write;
        assert_eq!(reported(path, usage), (billed, total.output), "{path}");
    }
}

#[test]
fn failures_come_as_often_as_asked_and_then_the_work_begins() {
    for path in PROTOCOLS {
        let server = serve("empty");
        let statuses: Vec<u16> = (0..4)
            .map(|_| ask(&server, path, &["scenario: 429:2"]).status)
            .collect();
        assert_eq!(statuses, [429, 429, 200, 200], "{path}");
        let ledger = server.ledger();
        assert_eq!(ledger.total.failed["429"], 2, "{path}");
        assert_eq!(ledger.scenarios["429:2"].answered, 2, "{path}");
    }
}

#[test]
fn every_failure_has_the_status_that_it_is_named_after() {
    let names = [
        "401",
        "403",
        "404",
        "400-credit",
        "400-long",
        "413",
        "429",
        "429-limit",
        "429-quota",
        "500",
        "529",
    ];
    for path in PROTOCOLS {
        let server = serve("empty");
        for name in names {
            let prompt = format!("scenario: fail {name}");
            let got = begin(&server, path, &[&prompt], false).read();
            let named: u16 = name[..3].parse().expect("a name begins with a status");
            let expected = match (path, named) {
                ("/v1/messages", _) | (_, ..529) => named,
                _ => 503,
            };
            assert_eq!(got.status, expected, "{path} {name}");
            let error = &got.json()["error"];
            assert!(error["message"].is_string(), "{path} {name}: {error}");
        }
    }
}

#[test]
fn a_limit_says_when_it_is_over() {
    let server = serve("fail 429-limit resets=7200 ;; fail 429 after=3 ;; fail 429");
    let got = ask(&server, "/v1/messages", &["Go."]);
    let header = |name: &str| {
        got.header(name)
            .unwrap_or_else(|| panic!("{name}: {got:?}"))
    };
    assert_eq!(header("anthropic-ratelimit-unified-status"), "rejected");
    let at: u64 = header("anthropic-ratelimit-unified-reset")
        .parse()
        .expect("seconds since 1970");
    assert!(at > 7200);
    assert_eq!(header("retry-after"), "7200");
    let got = ask(&server, "/v1/messages", &["Go."]);
    assert_eq!(got.header("retry-after"), Some("3"));
    let got = ask(&server, "/v1/messages", &["Go."]);
    assert_eq!((got.status, got.header("retry-after")), (429, None));

    let got = ask(&server, "/v1/responses", &["Go."]);
    let error = &got.json()["error"];
    assert_eq!(error["type"], "usage_limit_reached");
    assert_eq!(error["resets_in_seconds"], 7200);
}

#[test]
fn a_subscription_is_told_how_much_of_its_window_is_used() {
    let server = serve("say Hello");
    let body = request("/v1/messages", &["Go."], true);
    let got = send(
        &server,
        "POST /v1/messages?beta=true",
        "authorization: Bearer t\r\n",
        &body,
    )
    .read();
    assert_eq!(
        got.header("anthropic-ratelimit-unified-5h-utilization"),
        Some("0.31")
    );
}

#[test]
fn an_answer_can_break_off_fail_or_fall_silent_in_the_middle() {
    for path in PROTOCOLS {
        let server = serve("drop ;; overload ;; stall ;; hang");
        let dropped = ask(&server, path, &["Go."]);
        assert_eq!((dropped.status, dropped.is_whole), (200, false), "{path}");
        assert!(said(path, &dropped).0.starts_with("I begin"), "{path}");

        let overloaded = ask(&server, path, &["Go."]);
        assert!(overloaded.is_whole, "{path}");
        assert!(overloaded.body.contains("verloaded"), "{path}");

        let stalled = begin(&server, path, &["Go."], true).read_until_silent(Some("begin"));
        assert_eq!((stalled.status, stalled.is_whole), (200, false), "{path}");
        assert!(said(path, &stalled).0.starts_with("I begin"), "{path}");

        let hung = begin(&server, path, &["Go."], true).read_until_silent(Some(""));
        assert_eq!(hung.status, 0, "{path}: {hung:?}");

        until("the last request has come", || {
            (server.ledger().total.hung == 1).then_some(())
        });
        let total = server.ledger().total;
        assert_eq!((total.cut, total.answered), (3, 0), "{path}");
    }
}

#[test]
fn a_conversation_that_is_held_goes_on_when_it_is_released() {
    let server = serve("hold here ;; say Free.");
    let held = begin(&server, "/v1/messages", &["Go."], true);
    let other = ask(&server, "/v1/messages", &["scenario: say Me first."]);
    assert_eq!(said("/v1/messages", &other).0, "Me first.");
    assert_eq!(
        server.ledger().total.requests,
        1,
        "the held one is not billed"
    );
    let released = send(&server, "POST /release/here", "", "").read();
    assert_eq!(released.status, 200);
    assert_eq!(said("/v1/messages", &held.read()).0, "Free.");
}

#[test]
fn a_prompt_that_chooses_begins_its_scenario_anew() {
    let server = serve("empty");
    let prompt = "scenario: say one ;; say two";
    let mut heard = Vec::new();
    for prompts in [
        &[prompt][..],
        &[prompt],
        &[prompt, prompt],
        &[prompt, prompt],
    ] {
        let got = ask(&server, "/v1/responses", prompts);
        heard.push(said("/v1/responses", &got).0);
    }
    assert_eq!(heard, ["one", "two", "one", "two"]);
}

#[test]
fn what_is_asked_beside_the_work_leaves_the_scenario_where_it_is() {
    let server = serve("say one ;; say two");
    let aside = json!({"model": "m", "messages": [{"role": "user", "content": "Go."}]});
    ask(&server, "/v1/messages", &["Go."]);
    let got = send(&server, "POST /v1/messages", "", &aside.to_string()).read();
    assert_eq!(got.status, 200);
    let got = ask(&server, "/v1/messages", &["Go."]);
    assert_eq!(said("/v1/messages", &got).0, "two");
    assert_eq!(server.ledger().total.aside, 1);
}

#[test]
fn a_scenario_can_be_changed_while_it_is_served() {
    let server = serve("fail 500");
    assert_eq!(ask(&server, "/v1/messages", &["Go."]).status, 500);
    let steps = "say The service is back.";
    let set = send(&server, "PUT /scenarios/default", "", steps).read();
    assert_eq!(set.status, 200);
    let got = ask(&server, "/v1/messages", &["A new conversation."]);
    assert_eq!(said("/v1/messages", &got).0, "The service is back.");
    let set = send(&server, "PUT /scenarios/default", "", "dance").read();
    assert_eq!(set.status, 400);
    assert!(set.body.contains("no such step"), "{}", set.body);
}

#[test]
fn a_prompt_that_chooses_nothing_known_is_told_all_names() {
    let server = serve("empty");
    let got = ask(&server, "/v1/messages", &["scenario: nonsense"]);
    assert_eq!(got.status, 400);
    assert!(got.body.contains("429-limit"), "{}", got.body);
    assert_eq!(server.ledger().total.failed["no-scenario"], 1);
    assert!(ModelServer::start("nonsense").is_err());
}

#[test]
fn tokens_are_counted_as_they_are_billed() {
    let server = serve("say Hello");
    let body = request("/v1/messages", &["Go."], true);
    let counted = send(&server, "POST /v1/messages/count_tokens", "", &body).read();
    ask(&server, "/v1/messages", &["Go."]);
    let total = server.ledger().total;
    assert_eq!(
        counted.json()["input_tokens"],
        total.input + total.cache_read + total.cache_write
    );
    assert_eq!(total.requests, 1, "counting is no request to a model");
}
