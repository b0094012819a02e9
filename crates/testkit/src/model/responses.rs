//! OpenAI Responses: `POST /v1/responses`.

use hyper::HeaderMap;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Ending, Input, Stop, Usage, pieces},
    asked::{Asked, Tool, choices, header, items, name_by_begin, texts, tokens},
    body::event,
};

/// Reads a request.
pub(super) fn read(body: &Value, headers: &HeaderMap) -> Asked {
    let single = [json!({"role": "user", "content": body["input"]})];
    let input = body["input"].as_array().map_or(&single[..], Vec::as_slice);
    let prompts = input
        .iter()
        .filter(|item| item["role"] == "user")
        .flat_map(|item| texts(&item["content"]));
    let (n_chosen, chosen) = choices(prompts);
    let named = ["session-id", "session_id", "conversation_id"]
        .iter()
        .find_map(|name| header(headers, name))
        .or_else(|| body["prompt_cache_key"].as_str());
    let size = ["instructions", "input", "tools"].map(|key| body[key].to_string().len());
    Asked {
        conversation: named.map_or_else(
            || {
                let first = input.iter().find(|item| item["role"] == "user");
                let first = first.unwrap_or(&Value::Null);
                name_by_begin(headers, &[&body["instructions"], first])
            },
            str::to_owned,
        ),
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        chosen,
        n_chosen,
        tools: items(&body["tools"]).flat_map(tools).collect(),
        is_streamed: body["stream"] == true,
        tokens: tokens(size.iter().sum()),
        is_cached: true,
        is_subscription: headers.contains_key("chatgpt-account-id"),
    }
}

/// Lists the tool, or those of a group, that can be called; those that the service runs cannot.
fn tools(tool: &Value) -> Vec<Tool> {
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    match tool["type"].as_str() {
        Some("function") => vec![Tool {
            name: name(tool),
            space: None,
            schema: Some(tool["parameters"].clone()),
        }],
        Some("custom") => vec![Tool {
            name: name(tool),
            space: None,
            schema: None,
        }],
        Some("namespace") => {
            let space = name(tool);
            items(&tool["tools"])
                .flat_map(tools)
                .map(|inner| Tool {
                    space: Some(space.clone()),
                    ..inner
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Writes an answer as one document.
pub(super) fn whole(answer: &Answer) -> Value {
    let items: Vec<Value> = message(answer).into_iter().chain(used(answer)).collect();
    response(answer, status(answer), &items)
}

/// Writes an answer as the events of a stream.
pub(super) fn events(answer: &Answer) -> Vec<String> {
    let mut sent = Stream::default();
    let begun = response(answer, "in_progress", &[]);
    sent.push("response.created", json!({"response": begun}));
    sent.push("response.in_progress", json!({"response": begun}));
    let mut index = 0;
    if let (Some(text), Some(item)) = (&answer.text, message(answer)) {
        let id = item["id"].clone();
        let mut empty = item.clone();
        empty["content"] = json!([]);
        empty["status"] = json!("in_progress");
        sent.push(
            "response.output_item.added",
            json!({"output_index": index, "item": empty}),
        );
        let place = |key: &str, value: Value| json!({"item_id": id, "output_index": index, "content_index": 0, key: value});
        let is_refusal = answer.stop == Stop::Refusal;
        let (part, kind) = match is_refusal {
            true => (json!({"type": "refusal", "refusal": ""}), "refusal"),
            false => (
                json!({"type": "output_text", "text": "", "annotations": []}),
                "output_text",
            ),
        };
        sent.push("response.content_part.added", place("part", part));
        for piece in pieces(text) {
            sent.push(
                &format!("response.{kind}.delta"),
                place("delta", json!(piece)),
            );
        }
        if answer.ending != Ending::Whole {
            return cut(sent, answer);
        }
        let key = if is_refusal { "refusal" } else { "text" };
        sent.push(&format!("response.{kind}.done"), place(key, json!(text)));
        sent.push(
            "response.content_part.done",
            place("part", item["content"][0].clone()),
        );
        sent.push(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
        );
        index += 1;
    }
    if let (Some(call), Some(item)) = (&answer.call, used(answer)) {
        let (key, kind) = match call.input {
            Input::Json(_) => ("arguments", "function_call_arguments"),
            Input::Text(_) => ("input", "custom_tool_call_input"),
        };
        let mut empty = item.clone();
        empty[key] = json!("");
        empty["status"] = json!("in_progress");
        sent.push(
            "response.output_item.added",
            json!({"output_index": index, "item": empty}),
        );
        for piece in pieces(&call.input.written()) {
            sent.push(
                &format!("response.{kind}.delta"),
                json!({"item_id": item["id"], "output_index": index, "delta": piece}),
            );
        }
        sent.push(
            &format!("response.{kind}.done"),
            json!({"item_id": item["id"], "output_index": index, key: item[key]}),
        );
        sent.push(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
        );
    }
    let end = match answer.stop {
        Stop::Length => "response.incomplete",
        _ => "response.completed",
    };
    sent.push(end, json!({"response": whole(answer)}));
    sent.events
}

/// Writes an error that comes as the only event of a stream, with a status of success.
pub(super) fn failed(answer: &str, model: &str, error: &Value) -> Vec<String> {
    let mut sent = Stream::default();
    let response = json!({
        "id": format!("resp_{answer}"),
        "object": "response",
        "model": model,
        "status": "failed",
        "error": {"code": error["code"], "message": error["message"]},
        "usage": null,
    });
    sent.push("response.failed", json!({"response": response}));
    sent.events
}

fn cut(mut sent: Stream, answer: &Answer) -> Vec<String> {
    if answer.ending == Ending::Overloaded {
        let mut failed = response(answer, "failed", &[]);
        failed["error"] = json!({
            "code": "server_is_overloaded",
            "message": "Our servers are currently overloaded. Please try again later.",
        });
        sent.push("response.failed", json!({"response": failed}));
    }
    sent.events
}

fn response(answer: &Answer, status: &str, items: &[Value]) -> Value {
    let is_over = status == "completed" || status == "incomplete";
    let incomplete = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
    json!({
        "id": format!("resp_{}", answer.id),
        "object": "response",
        "created_at": 1_796_000_000,
        "model": answer.model,
        "status": status,
        "error": null,
        "incomplete_details": incomplete,
        "output": items,
        "usage": is_over.then(|| usage(&answer.usage)),
    })
}

fn status(answer: &Answer) -> &'static str {
    match answer.stop {
        Stop::Length => "incomplete",
        _ => "completed",
    }
}

fn message(answer: &Answer) -> Option<Value> {
    let text = answer.text.as_ref()?;
    let part = match answer.stop {
        Stop::Refusal => json!({"type": "refusal", "refusal": text}),
        _ => json!({"type": "output_text", "text": text, "annotations": []}),
    };
    Some(json!({
        "id": format!("msg_{}", answer.id),
        "type": "message",
        "role": "assistant",
        "status": status(answer),
        "content": [part],
    }))
}

fn used(answer: &Answer) -> Option<Value> {
    let call = answer.call.as_ref()?;
    let (kind, key, prefix) = match call.input {
        Input::Json(_) => ("function_call", "arguments", "fc"),
        Input::Text(_) => ("custom_tool_call", "input", "ctc"),
    };
    let mut item = json!({
        "id": format!("{prefix}_{}", answer.id),
        "type": kind,
        "status": "completed",
        "call_id": format!("call_{}", answer.id),
        "name": call.tool,
        key: call.input.written(),
    });
    if let Some(space) = &call.space {
        item["namespace"] = json!(space);
    }
    Some(item)
}

fn usage(usage: &Usage) -> Value {
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + usage.output,
    })
}

/// Events that are numbered as they are sent.
#[derive(Default)]
struct Stream {
    events: Vec<String>,
}

impl Stream {
    fn push(&mut self, kind: &str, mut data: Value) {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.events.len());
        self.events.push(event(kind, &data));
    }
}
