//! The dialect of `claude -p --output-format stream-json --verbose`.
//!
//! Facts that shape this file, all seen with version 2.1.330:
//! a message comes as several lines with one `message.id` and the same usage each,
//! so usage is kept by message; what a message wrote is counted in it from its begin, which is
//! one token, until the last line, `result`, has the sum of this run;
//! `total_cost_usd` goes on counting over a resumed session;
//! `result.subtype` is `success` even with `is_error`, so it alone proves nothing.

use std::collections::BTreeMap;

use gtd_core::{RuntimeFault, Timestamp, Usage};
use serde_json::Value;

use super::{Account, AgentEvent, Ending, fault_of_status, json};

/// How many bytes of text and code make a token, in the middle.
const BYTES_OF_A_TOKEN: u64 = 4;

/// One answer of the model.
#[derive(Debug, Default)]
struct Message {
    /// What the program told of it.
    told: Usage,
    /// What was counted for it: at least as much output as its length makes likely.
    counted: Usage,
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct State {
    before: Usage,
    messages: BTreeMap<String, Message>,
    /// What the program told of all messages.
    told: Usage,
    pub(super) retrying: Option<RuntimeFault>,
    /// What an `assistant` line gave as its error.
    error: Option<(RuntimeFault, String)>,
    limited: Option<Option<Timestamp>>,
    refused: bool,
}

impl State {
    pub(super) fn new(before: Usage) -> Self {
        Self {
            before,
            messages: BTreeMap::new(),
            told: Usage::default(),
            retrying: None,
            error: None,
            limited: None,
            refused: false,
        }
    }

    pub(super) fn read(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        if let Some(session) = json::text(value, "/session_id") {
            account.session = Some(session.to_owned());
        }
        match json::text(value, "/type") {
            Some("system") => self.system(value, account),
            Some("assistant") => self.assistant(value, account),
            Some("user") => user(value),
            Some("rate_limit_event") => self.window(value),
            Some("result") => self.result(value, account),
            _ => vec![AgentEvent::Other(json::line(&value.to_string()))],
        }
    }

    fn system(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        match json::text(value, "/subtype") {
            Some("init") => {
                account.model = json::text(value, "/model").map(str::to_owned);
                vec![AgentEvent::Session {
                    id: account.session.clone().unwrap_or_default(),
                    model: account.model.clone(),
                }]
            }
            Some("api_retry") => {
                let word = json::text(value, "/error").unwrap_or("unknown");
                let status = json::number(value, "/error_status");
                let fault = fault_of_word(word, status, "");
                self.retrying.clone_from(&fault);
                let text = format!(
                    "{word}, try {} of {}",
                    json::number(value, "/attempt").unwrap_or(0),
                    json::number(value, "/max_retries").unwrap_or(0),
                );
                vec![AgentEvent::Retry { fault, text }]
            }
            Some(subtype) if subtype.starts_with("model_refusal") => {
                self.refused = true;
                vec![AgentEvent::Failed("the model refused".to_owned())]
            }
            other => vec![AgentEvent::Other(other.unwrap_or("system").to_owned())],
        }
    }

    fn assistant(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        // A message of a sub-agent has a context of its own.
        let is_main = value.get("parent_tool_use_id").is_none_or(Value::is_null);
        if let Some(id) = json::text(value, "/message/id")
            && value.pointer("/message/usage").is_some()
        {
            let mut usage = usage_at(value, "/message/usage");
            if is_main {
                account.context = usage.input + usage.cache_read + usage.cache_write;
            }
            let message = self.messages.entry(id.to_owned()).or_default();
            // Of several lines of one message the last one has counted the most.
            let told = usage.since(&message.told);
            message.told = message.told.plus(&told);
            self.told = self.told.plus(&told);
            let parts = json::items(value, "/message/content").iter();
            message.bytes += parts.map(written).sum::<u64>();
            usage.output = usage.output.max(message.bytes / BYTES_OF_A_TOKEN);
            let more = usage.since(&message.counted);
            message.counted = message.counted.plus(&more);
            account.usage = account.usage.plus(&more);
            if let Some(model) = json::text(value, "/message/model") {
                let of_model = account.by_model.entry(model.to_owned()).or_default();
                *of_model = of_model.plus(&more);
            }
        }
        let mut events = Vec::new();
        for part in json::items(value, "/message/content") {
            match json::text(part, "/type") {
                Some("text") => {
                    let text = json::text(part, "/text").unwrap_or_default();
                    if is_main {
                        text.clone_into(&mut account.last_words);
                    }
                    events.push(AgentEvent::Say(text.to_owned()));
                }
                Some("thinking") => {
                    let text = json::text(part, "/thinking").unwrap_or_default();
                    events.push(AgentEvent::Think(text.to_owned()));
                }
                Some("tool_use") => {
                    account.n_tools += 1;
                    events.push(AgentEvent::Tool {
                        name: json::text(part, "/name").unwrap_or_default().to_owned(),
                        what: tool_line(part),
                    });
                }
                _ => {}
            }
        }
        if let Some(word) = json::text(value, "/error").or(json::text(value, "/message/error")) {
            let text = account.last_words.clone();
            if let Some(fault) = fault_of_word(word, None, &text) {
                self.error = Some((fault, text));
            }
        }
        events
    }

    fn window(&mut self, value: &Value) -> Vec<AgentEvent> {
        let resets_at = json::number(value, "/rate_limit_info/resetsAt").map(seconds);
        let is_spent = json::text(value, "/rate_limit_info/status") == Some("rejected");
        if is_spent {
            self.limited = Some(resets_at);
        }
        let name = json::text(value, "/rate_limit_info/rateLimitType").unwrap_or("window");
        vec![AgentEvent::Window {
            name: name.to_owned(),
            is_spent,
            resets_at,
        }]
    }

    fn result(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        account.window = window(value, account.model.as_deref());
        if value.get("usage").is_some() {
            let mut usage = usage_at(value, "/usage");
            let sum = self.told;
            // A call that failed is billed and stands in no `usage` of the result.
            usage.input = usage.input.max(sum.input);
            usage.output = usage.output.max(sum.output);
            usage.cache_read = usage.cache_read.max(sum.cache_read);
            usage.cache_write = usage.cache_write.max(sum.cache_write);
            usage.usd_micros = json::usd_micros(value, "/total_cost_usd")
                .map(|total| total.saturating_sub(self.before.usd_micros.unwrap_or(0)));
            account.usage = usage;
        }
        let text = json::text(value, "/result")
            .filter(|text| !text.is_empty())
            .map_or_else(|| account.last_words.clone(), str::to_owned);
        let is_error = value.get("is_error").and_then(Value::as_bool) == Some(true);
        account.end = Some(if is_error || self.refused {
            Ending::Fault {
                fault: self.fault(value, &text),
                text: json::line(&text),
            }
        } else {
            account.last_words = text.clone();
            Ending::Done
        });
        if is_error {
            vec![AgentEvent::Failed(text)]
        } else {
            vec![AgentEvent::Other("result".to_owned())]
        }
    }

    fn fault(&self, result: &Value, text: &str) -> RuntimeFault {
        if self.refused || json::text(result, "/stop_reason") == Some("refusal") {
            return RuntimeFault::Refusal;
        }
        if let Some(until) = self.limited {
            return RuntimeFault::RateLimited { until };
        }
        match json::text(result, "/terminal_reason") {
            Some("prompt_too_long") => return RuntimeFault::ContextFull,
            Some("max_turns" | "budget_exhausted") => return RuntimeFault::LimitReached,
            Some("aborted_tools" | "aborted_streaming") => return RuntimeFault::Interrupted,
            _ => {}
        }
        if json::text(result, "/api_error") == Some("connection_failed") {
            return RuntimeFault::Network;
        }
        if matches!(
            json::text(result, "/subtype"),
            Some("error_max_turns" | "error_max_budget_usd")
        ) {
            return RuntimeFault::LimitReached;
        }
        let status = json::number(result, "/api_error_status");
        fault_of_status(status, text)
            .or_else(|| self.error.as_ref().map(|(fault, _)| fault.clone()))
            .or_else(|| self.retrying.clone())
            .unwrap_or(RuntimeFault::Crashed)
    }
}

/// Sorts the word that claude has for an error of a call into a class.
fn fault_of_word(word: &str, status: Option<u64>, text: &str) -> Option<RuntimeFault> {
    if let Some(fault) = fault_of_status(status, text) {
        return Some(fault);
    }
    Some(match word {
        "authentication_failed" | "oauth_org_not_allowed" => RuntimeFault::Auth,
        "billing_error" => RuntimeFault::Billing,
        "model_not_found" => RuntimeFault::ModelMissing,
        "rate_limit" => RuntimeFault::RateLimited { until: None },
        "overloaded" | "server_error" => RuntimeFault::Overloaded,
        "max_output_tokens" => RuntimeFault::LimitReached,
        "unknown" => RuntimeFault::Network,
        _ => return None,
    })
}

fn user(value: &Value) -> Vec<AgentEvent> {
    json::items(value, "/message/content")
        .iter()
        .filter(|part| json::text(part, "/type") == Some("tool_result"))
        .map(|part| {
            let text = match part.get("content") {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(parts)) => parts
                    .iter()
                    .filter_map(|part| json::text(part, "/text"))
                    .collect::<Vec<_>>()
                    .join("\n"),
                _ => String::new(),
            };
            AgentEvent::ToolDone {
                is_ok: part.get("is_error").and_then(Value::as_bool) != Some(true),
                text,
            }
        })
        .collect()
}

/// Says in a line what a tool was asked for: the one input that a person looks for.
fn tool_line(part: &Value) -> String {
    const TELLING: [&str; 7] = [
        "command",
        "file_path",
        "path",
        "pattern",
        "url",
        "query",
        "description",
    ];
    let input = part.get("input").unwrap_or(&Value::Null);
    TELLING
        .iter()
        .find_map(|key| input.get(*key)?.as_str())
        .map_or_else(|| json::line(&input.to_string()), json::line)
}

/// Counts the bytes of what the model itself wrote in one part of a message.
fn written(part: &Value) -> u64 {
    let bytes = match json::text(part, "/type") {
        Some("tool_use") => part.get("input").map_or(0, |input| input.to_string().len()),
        Some(kind) => json::text(part, &format!("/{kind}")).map_or(0, str::len),
        None => 0,
    };
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Finds how many tokens the model of a session takes at once, as the end of a turn says.
fn window(result: &Value, model: Option<&str>) -> Option<u64> {
    let of_model = result.get("modelUsage")?.get(model?)?;
    json::number(of_model, "/contextWindow")
}

fn usage_at(value: &Value, path: &str) -> Usage {
    let number = |name: &str| json::number(value, &format!("{path}/{name}")).unwrap_or(0);
    Usage {
        input: number("input_tokens"),
        output: number("output_tokens"),
        cache_read: number("cache_read_input_tokens"),
        cache_write: number("cache_creation_input_tokens"),
        usd_micros: None,
    }
}

fn seconds(seconds: u64) -> Timestamp {
    Timestamp(
        i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1000),
    )
}
