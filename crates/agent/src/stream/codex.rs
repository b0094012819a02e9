//! The dialect of `codex exec --json`.
//!
//! Facts that shape this file, all seen with version 0.169.0:
//! `turn.completed.usage` counts over the whole thread, resumed turns included,
//! and its `input_tokens` have the cached ones in them; errors are English
//! text without a code; each retry of a call is an `error` line of its own and
//! not the end; a refusal and an empty answer end well, without a message.

use gtd_core::{RuntimeFault, Usage};
use serde_json::Value;

use super::{Account, AgentEvent, Ending, fault_of_status, json};

#[derive(Debug)]
pub(super) struct State {
    before: Usage,
    pub(super) retrying: Option<RuntimeFault>,
}

impl State {
    pub(super) fn new(before: Usage) -> Self {
        Self {
            before,
            retrying: None,
        }
    }

    pub(super) fn read(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        match json::text(value, "/type") {
            Some("thread.started") => {
                let id = json::text(value, "/thread_id").unwrap_or_default();
                account.session = Some(id.to_owned());
                vec![AgentEvent::Session {
                    id: id.to_owned(),
                    model: None,
                }]
            }
            Some("item.started") => begun(value, account),
            Some("item.completed") => ended(value, account),
            Some("turn.completed") => {
                account.usage = self.usage(value);
                account.end = Some(Ending::Done);
                vec![AgentEvent::Other("turn completed".to_owned())]
            }
            Some("turn.failed") => {
                let text = json::text(value, "/error/message").unwrap_or_default();
                let fault = fault_of_text(text)
                    .or_else(|| self.retrying.clone())
                    .unwrap_or(RuntimeFault::Crashed);
                account.end = Some(Ending::Fault {
                    fault,
                    text: json::line(text),
                });
                vec![AgentEvent::Failed(text.to_owned())]
            }
            Some("error") => {
                let text = json::text(value, "/message").unwrap_or_default();
                let fault = fault_of_text(text);
                if fault.is_some() {
                    self.retrying.clone_from(&fault);
                }
                vec![AgentEvent::Retry {
                    fault,
                    text: json::line(text),
                }]
            }
            other => vec![AgentEvent::Other(other.unwrap_or("line").to_owned())],
        }
    }

    fn usage(&self, value: &Value) -> Usage {
        let number = |name: &str| json::number(value, &format!("/usage/{name}")).unwrap_or(0);
        let cached = number("cached_input_tokens");
        let total = Usage {
            input: number("input_tokens").saturating_sub(cached),
            output: number("output_tokens"),
            cache_read: cached,
            cache_write: 0,
            usd_micros: None,
        };
        total.since(&self.before)
    }
}

fn begun(value: &Value, account: &mut Account) -> Vec<AgentEvent> {
    let tool = |name: &str, what: &str| {
        vec![AgentEvent::Tool {
            name: name.to_owned(),
            what: json::line(what),
        }]
    };
    match json::text(value, "/item/type") {
        Some("command_execution") => {
            account.n_tools += 1;
            tool(
                "shell",
                json::text(value, "/item/command").unwrap_or_default(),
            )
        }
        Some("mcp_tool_call") => {
            account.n_tools += 1;
            let name = json::text(value, "/item/tool").unwrap_or("mcp");
            let what = value
                .pointer("/item/arguments")
                .map_or_else(String::new, Value::to_string);
            tool(name, &what)
        }
        Some("web_search") => {
            account.n_tools += 1;
            tool(
                "web_search",
                json::text(value, "/item/query").unwrap_or_default(),
            )
        }
        _ => vec![],
    }
}

fn ended(value: &Value, account: &mut Account) -> Vec<AgentEvent> {
    let text = json::text(value, "/item/text").unwrap_or_default();
    match json::text(value, "/item/type") {
        Some("agent_message") => {
            text.clone_into(&mut account.last_words);
            vec![AgentEvent::Say(text.to_owned())]
        }
        Some("reasoning") => vec![AgentEvent::Think(text.to_owned())],
        Some("command_execution") => vec![AgentEvent::ToolDone {
            is_ok: json::number(value, "/item/exit_code") == Some(0),
            text: json::text(value, "/item/aggregated_output")
                .unwrap_or_default()
                .to_owned(),
        }],
        Some("mcp_tool_call") => vec![AgentEvent::ToolDone {
            is_ok: json::text(value, "/item/status") != Some("failed"),
            text: value
                .pointer("/item/result")
                .map_or_else(String::new, |result| json::line(&result.to_string())),
        }],
        Some("file_change") => {
            account.n_tools += 1;
            let files: Vec<&str> = json::items(value, "/item/changes")
                .iter()
                .filter_map(|change| json::text(change, "/path"))
                .collect();
            vec![AgentEvent::Tool {
                name: "edit".to_owned(),
                what: json::line(&files.join(" ")),
            }]
        }
        Some("error") => vec![AgentEvent::Failed(
            json::text(value, "/item/message")
                .unwrap_or(text)
                .to_owned(),
        )],
        other => vec![AgentEvent::Other(other.unwrap_or("item").to_owned())],
    }
}

/// Sorts what codex says in English about an error into a class.
fn fault_of_text(text: &str) -> Option<RuntimeFault> {
    let words = text.to_lowercase();
    let says = |needle: &str| words.contains(needle);
    if let Some(fault) = fault_of_status(status_in(&words), text) {
        return Some(fault);
    }
    if says("at capacity") || says("overloaded") || says("high demand") {
        return Some(RuntimeFault::Overloaded);
    }
    if says("does not exist") || says("model_not_found") || says("not supported when using codex") {
        return Some(RuntimeFault::ModelMissing);
    }
    if says("max_output_tokens") {
        return Some(RuntimeFault::LimitReached);
    }
    let is_network = says("stream disconnected")
        || says("error sending request")
        || says("connection")
        || says("network");
    is_network.then_some(RuntimeFault::Network)
}

/// Finds an HTTP status that is named as one.
fn status_in(words: &str) -> Option<u64> {
    let mut rest = words;
    while let Some(at) = rest.find("status") {
        rest = &rest[at + "status".len()..];
        let digits: String = rest
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        let is_near = rest
            .find(|c: char| c.is_ascii_digit())
            .is_some_and(|at| at <= 8);
        if is_near && digits.len() == 3 {
            return digits.parse().ok();
        }
    }
    None
}
