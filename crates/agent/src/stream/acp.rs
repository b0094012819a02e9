//! The dialect of the Agent Client Protocol, as the driver in the shim leaves it: each message
//! of the program as it came, and a line of the driver's own, with the key `gtd`, for what
//! stands in none of them.
//!
//! Facts that shape this file, seen with opencode 1.18.33, qwen 0.24.4, kimi 2.1.0,
//! copilot 1.0.102 and vibe 3.0.2:
//! words come in pieces, one message each; a tool is announced before anybody knows what it is
//! asked for, and told of again and again; usage is where the program likes (vibe counts a
//! session as one, qwen each call, opencode the last call alone, kimi says nothing), and has the
//! cached part in its input or not; copilot ends a turn that failed like one that did not.

use std::collections::BTreeMap;

use gtd_core::{RuntimeFault, Usage};
use serde_json::Value;

use super::{Account, AgentEvent, Ending, json, words::fault_of_words};

/// The JSON-RPC code with which a program says that somebody must log in.
const AUTH_REQUIRED: i64 = -32000;

#[derive(Debug)]
pub(super) struct State {
    before: Usage,
    /// Whether what the program tells of usage counts from the beginning of the session.
    counts_session: bool,
    /// What single calls of the model were told to have used.
    told: Usage,
    calls: BTreeMap<String, Call>,
    /// Words that came and are not told yet.
    pending: Option<(Voice, String)>,
    /// The message that the last words were of.
    message: Option<String>,
    /// Whether the next words begin a message of their own.
    is_fresh: bool,
}

/// What words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Said,
    Thought,
}

/// One use of a tool.
#[derive(Debug, Default)]
struct Call {
    name: String,
    kind: String,
    what: String,
    is_told: bool,
}

impl State {
    pub(super) fn new(before: Usage) -> Self {
        Self {
            before,
            counts_session: false,
            told: Usage::default(),
            calls: BTreeMap::new(),
            pending: None,
            message: None,
            is_fresh: true,
        }
    }

    pub(super) fn read(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        match (json::text(value, "/gtd"), json::text(value, "/method")) {
            (Some(word), _) => self.driver(word, value, account),
            (None, Some("session/update")) => self.update(value, account),
            (None, Some("session/request_permission")) => {
                let call = value.pointer("/params/toolCall").unwrap_or(&Value::Null);
                self.tool(call, account)
            }
            (None, Some(method)) => vec![AgentEvent::Other(method.to_owned())],
            (None, None) => self.response(value, account),
        }
    }

    /// Reads a line of the driver's own.
    fn driver(&mut self, word: &str, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        match word {
            "session" => {
                let id = json::text(value, "/session").unwrap_or_default();
                account.session = Some(id.to_owned());
                account.model = json::text(value, "/model").map(str::to_owned);
                vec![AgentEvent::Session {
                    id: id.to_owned(),
                    model: account.model.clone(),
                }]
            }
            "failed" => {
                let mut events = self.flush();
                let text = error_text(value);
                let code = value.pointer("/code").and_then(Value::as_i64);
                let fault = match code {
                    Some(AUTH_REQUIRED) => RuntimeFault::Auth,
                    _ => fault_of_words(&text).unwrap_or(RuntimeFault::Crashed),
                };
                account.end.get_or_insert(Ending::Fault {
                    fault,
                    text: json::line(&text),
                });
                events.push(AgentEvent::Failed(text));
                events
            }
            word => {
                let text = json::text(value, "/text").unwrap_or_default();
                vec![AgentEvent::Other(format!("{word} {text}"))]
            }
        }
    }

    fn update(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        if account.session.is_none() {
            account.session = json::text(value, "/params/sessionId").map(str::to_owned);
        }
        let Some(update) = value.pointer("/params/update") else {
            return vec![];
        };
        if update.pointer("/_meta/usage").is_some() {
            let usage = usage_at(update, "/_meta/usage");
            account.context = usage.input + usage.cache_read + usage.cache_write;
            self.told = self.told.plus(&usage);
            account.usage = self.told;
        }
        match json::text(update, "/sessionUpdate") {
            Some("agent_message_chunk") => self.words(Voice::Said, update, account),
            Some("agent_thought_chunk") => self.words(Voice::Thought, update, account),
            Some("tool_call" | "tool_call_update") => {
                let mut events = self.tool(update, account);
                if events.is_empty() {
                    events.push(AgentEvent::Other("tool".to_owned()));
                }
                events
            }
            Some("plan") => {
                let mut events = self.flush();
                events.push(AgentEvent::Plan(plan(update)));
                events
            }
            Some("usage_update") => {
                if let Some(used) = json::number(update, "/used").filter(|used| *used > 0) {
                    account.context = used;
                }
                vec![AgentEvent::Other("usage".to_owned())]
            }
            other => vec![AgentEvent::Other(other.unwrap_or("update").to_owned())],
        }
    }

    /// Takes a piece of what is said or thought, and tells the lines that are whole.
    fn words(&mut self, voice: Voice, update: &Value, account: &mut Account) -> Vec<AgentEvent> {
        let text = json::text(update, "/content/text").unwrap_or_default();
        if text.is_empty() {
            return vec![];
        }
        let message = json::text(update, "/messageId").map(str::to_owned);
        let is_other = self.pending.as_ref().is_some_and(|(of, _)| *of != voice);
        let mut events = match is_other || message != self.message {
            true => self.flush(),
            false => vec![],
        };
        if message != self.message {
            self.is_fresh = true;
            self.message = message;
        }
        if voice == Voice::Said {
            if std::mem::take(&mut self.is_fresh) {
                account.last_words.clear();
            }
            account.last_words.push_str(text);
        }
        let (_, held) = self.pending.get_or_insert_with(|| (voice, String::new()));
        held.push_str(text);
        if let Some(end) = held.rfind('\n') {
            let whole: String = held.drain(..=end).collect();
            events.extend(voiced(voice, &whole));
        }
        events
    }

    /// Tells the words that are still held.
    fn flush(&mut self) -> Vec<AgentEvent> {
        let held = self.pending.take();
        held.and_then(|(voice, text)| voiced(voice, &text))
            .into_iter()
            .collect()
    }

    /// Learns more of a tool's use, and tells it once it is known what it is asked for.
    fn tool(&mut self, update: &Value, account: &mut Account) -> Vec<AgentEvent> {
        let mut events = self.flush();
        self.is_fresh = true;
        let Some(id) = json::text(update, "/toolCallId") else {
            return events;
        };
        let call = self.calls.entry(id.to_owned()).or_default();
        let title = json::text(update, "/title").unwrap_or_default();
        if call.name.is_empty() {
            let name = ["/_meta/toolName", "/_meta/tool_name"]
                .iter()
                .find_map(|path| json::text(update, path))
                .or(title.split([' ', ':']).next());
            call.name = name.unwrap_or_default().to_owned();
        }
        if let Some(kind) = json::text(update, "/kind") {
            kind.clone_into(&mut call.kind);
        }
        let asked = asked(update);
        if !title.is_empty() && call.what.is_empty() {
            call.what = json::line(title);
        }
        if let Some(asked) = &asked {
            call.what = json::line(asked);
        }
        let is_over = match json::text(update, "/status") {
            Some("completed") => Some(true),
            Some("failed") => Some(false),
            _ => None,
        };
        if !call.is_told && (asked.is_some() || is_over.is_some()) {
            call.is_told = true;
            account.n_tools += 1;
            let name = match call.kind.as_str() {
                "edit" => "edit".to_owned(),
                _ if call.name.is_empty() => call.kind.clone(),
                _ => call.name.clone(),
            };
            events.push(AgentEvent::Tool {
                name,
                what: call.what.clone(),
            });
        }
        if let Some(is_ok) = is_over {
            self.calls.remove(id);
            events.push(AgentEvent::ToolDone {
                is_ok,
                text: result(update),
            });
        }
        events
    }

    /// Reads the answer to a request: who the program is, and how the turn ended.
    fn response(&mut self, value: &Value, account: &mut Account) -> Vec<AgentEvent> {
        if let Some(name) = json::text(value, "/result/agentInfo/name") {
            self.counts_session = name.contains("vibe");
            let version = json::text(value, "/result/agentInfo/version").unwrap_or_default();
            return vec![AgentEvent::Other(format!("{name} {version}"))];
        }
        let Some(reason) = json::text(value, "/result/stopReason") else {
            return vec![AgentEvent::Other("answer".to_owned())];
        };
        let mut events = self.flush();
        if value.pointer("/result/usage").is_some() {
            let mut usage = usage_at(value, "/result/usage");
            if self.counts_session {
                usage = usage.since(&self.before);
            }
            // Whoever tells of each call and of the turn may have left something out in either.
            account.usage = Usage {
                input: usage.input.max(self.told.input),
                output: usage.output.max(self.told.output),
                cache_read: usage.cache_read.max(self.told.cache_read),
                cache_write: usage.cache_write.max(self.told.cache_write),
                usd_micros: None,
            };
        }
        account.end = Some(ending(reason, &account.last_words));
        events.push(match &account.end {
            Some(Ending::Fault { text, .. }) => AgentEvent::Failed(text.clone()),
            _ => AgentEvent::Other(reason.to_owned()),
        });
        events
    }
}

/// Sorts the reason for which a turn ended.
fn ending(reason: &str, last_words: &str) -> Ending {
    let fault = match reason {
        "max_tokens" | "max_turn_requests" => RuntimeFault::LimitReached,
        "refusal" => RuntimeFault::Refusal,
        "cancelled" => RuntimeFault::Interrupted,
        // Some end a turn well that ended with an error, and say so in words.
        _ => match last_words.strip_prefix("Error: ").and_then(fault_of_words) {
            Some(fault) => fault,
            None => return Ending::Done,
        },
    };
    let text = match last_words.is_empty() {
        true => reason.to_owned(),
        false => json::line(last_words),
    };
    Ending::Fault { fault, text }
}

fn voiced(voice: Voice, text: &str) -> Option<AgentEvent> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(match voice {
        Voice::Said => AgentEvent::Say(text.to_owned()),
        Voice::Thought => AgentEvent::Think(text.to_owned()),
    })
}

/// Finds the one input of a tool that a person looks for.
fn asked(update: &Value) -> Option<String> {
    const TELLING: [&str; 10] = [
        "command",
        "file_path",
        "filePath",
        "absolute_path",
        "path",
        "fileName",
        "pattern",
        "url",
        "query",
        "prompt",
    ];
    let input = update.get("rawInput")?;
    TELLING.iter().find_map(|key| match input.get(*key)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            Some(words.join(" "))
        }
        _ => None,
    })
}

/// Says what a tool answered.
fn result(update: &Value) -> String {
    let parts = json::items(update, "/content").iter();
    let texts: Vec<&str> = parts
        .filter_map(|part| json::text(part, "/content/text").or(json::text(part, "/path")))
        .collect();
    if !texts.is_empty() {
        return texts.join("\n");
    }
    ["/rawOutput/output", "/rawOutput/content", "/rawOutput"]
        .iter()
        .find_map(|path| json::text(update, path))
        .unwrap_or_default()
        .to_owned()
}

fn plan(update: &Value) -> String {
    let entries = json::items(update, "/entries").iter().map(|entry| {
        let mark = match json::text(entry, "/status") {
            Some("completed") => "[x]",
            Some("in_progress") => "[>]",
            _ => "[ ]",
        };
        format!(
            "{mark} {}",
            json::text(entry, "/content").unwrap_or_default()
        )
    });
    entries.collect::<Vec<_>>().join("\n")
}

fn usage_at(value: &Value, path: &str) -> Usage {
    let number = |name: &str| json::number(value, &format!("{path}/{name}")).unwrap_or(0);
    let (input, output) = (number("inputTokens"), number("outputTokens"));
    let (read, written) = (number("cachedReadTokens"), number("cachedWriteTokens"));
    let (thought, total) = (number("thoughtTokens"), number("totalTokens"));
    // The total tells which of the others have which in them.
    let is_cached_within = total == input + output || total == input + output + thought;
    let is_thought_beside =
        total == input + output + thought || total == input + output + thought + read + written;
    Usage {
        input: match is_cached_within {
            true => input.saturating_sub(read + written),
            false => input,
        },
        output: match is_thought_beside {
            true => output + thought,
            false => output,
        },
        cache_read: read,
        cache_write: written,
        usd_micros: None,
    }
}

/// Joins the words of an error with those that its data have for it.
fn error_text(value: &Value) -> String {
    let message = json::text(value, "/message").unwrap_or("it gave no reason");
    let details = ["/data/details", "/data/message", "/data", "/data/errorName"]
        .iter()
        .find_map(|path| json::text(value, path))
        .filter(|details| !message.contains(details));
    match details {
        Some(details) => format!("{message}: {details}"),
        None => message.to_owned(),
    }
}
