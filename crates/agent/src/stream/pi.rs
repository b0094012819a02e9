//! The dialect of `pi -p --mode json`.
//!
//! Facts that shape this file, all seen with version 0.87.1:
//! a message is told of at its begin, in pieces, and whole at its end, which alone is read here;
//! each has the usage of its own call; an error is a message whose `stopReason` is `error`, and
//! the program ends with code 0 all the same; several runs of the agent may follow each other
//! when it tries again by itself, so that the last one counts.

use gtd_core::{RuntimeFault, Usage};
use serde_json::Value;

use super::{Account, AgentEvent, Ending, json, words::fault_of_words};

#[derive(Debug, Default)]
pub(super) struct State {
    /// How the last message of the model ended.
    last: Option<Ending>,
}

impl State {
    pub(super) fn read(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        match json::text(value, "/type") {
            Some("session") => {
                let id = json::text(value, "/id").unwrap_or_default().to_owned();
                account.session = Some(id.clone());
                vec![AgentEvent::Session { id, model: None }]
            }
            Some("message_end") if json::text(value, "/message/role") == Some("assistant") => {
                self.message(value, account)
            }
            Some("tool_execution_start") => {
                account.n_tools += 1;
                vec![AgentEvent::Tool {
                    name: json::text(value, "/toolName")
                        .unwrap_or_default()
                        .to_owned(),
                    what: asked(value),
                }]
            }
            Some("tool_execution_end") => {
                let parts = json::items(value, "/result/content").iter();
                let texts: Vec<&str> = parts.filter_map(|part| json::text(part, "/text")).collect();
                vec![AgentEvent::ToolDone {
                    is_ok: value.get("isError").and_then(Value::as_bool) != Some(true),
                    text: texts.join("\n"),
                }]
            }
            Some("agent_end") => {
                account.end.clone_from(&self.last);
                vec![AgentEvent::Other("agent ended".to_owned())]
            }
            // Told whole at its end.
            Some("message_start" | "message_update" | "tool_execution_update") => vec![],
            other => vec![AgentEvent::Other(other.unwrap_or("line").to_owned())],
        }
    }

    fn message(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        let used = usage(value);
        account.usage = account.usage.plus(&used);
        account.context = used.input + used.cache_read + used.cache_write;
        if let Some(model) = json::text(value, "/message/model") {
            account.model = Some(model.to_owned());
            let of_model = account.by_model.entry(model.to_owned()).or_default();
            *of_model = of_model.plus(&used);
        }
        let mut events = Vec::new();
        for part in json::items(value, "/message/content") {
            match json::text(part, "/type") {
                Some("text") => {
                    let text = json::text(part, "/text").unwrap_or_default();
                    text.clone_into(&mut account.last_words);
                    events.push(AgentEvent::Say(text.to_owned()));
                }
                Some("thinking") => {
                    let text = json::text(part, "/thinking").unwrap_or_default();
                    events.push(AgentEvent::Think(text.to_owned()));
                }
                _ => {}
            }
        }
        let text = json::text(value, "/message/errorMessage").unwrap_or_default();
        let fault = match json::text(value, "/message/stopReason") {
            Some("error") => Some(fault_of_words(text).unwrap_or(RuntimeFault::Crashed)),
            Some("aborted") => Some(RuntimeFault::Interrupted),
            Some("length") => Some(RuntimeFault::LimitReached),
            _ => None,
        };
        self.last = Some(match fault {
            None => Ending::Done,
            Some(fault) => {
                events.push(AgentEvent::Failed(text.to_owned()));
                Ending::Fault {
                    fault,
                    text: json::line(text),
                }
            }
        });
        events
    }
}

/// Says in a line what a tool was asked for.
fn asked(value: &Value) -> String {
    let text = ["/args/command", "/args/path", "/args/pattern"]
        .iter()
        .find_map(|path| json::text(value, path));
    match text {
        Some(text) => json::line(text),
        None => value
            .get("args")
            .map_or_else(String::new, |args| json::line(&args.to_string())),
    }
}

fn usage(value: &Value) -> Usage {
    let number = |name: &str| json::number(value, &format!("/message/usage/{name}")).unwrap_or(0);
    Usage {
        input: number("input"),
        output: number("output"),
        cache_read: number("cacheRead"),
        cache_write: number("cacheWrite"),
        // Nothing is what it says of a model whose price it does not know.
        usd_micros: json::usd_micros(value, "/message/usage/cost/total").filter(|usd| *usd > 0),
    }
}
