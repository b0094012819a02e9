//! Anthropic Messages: `POST /v1/messages`.

use hyper::HeaderMap;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Call, Ending, Stop, Usage, pieces},
    asked::{Asked, Tool, choices, header, items, name_by_begin, texts, tokens},
    body::event,
};

/// Reads a request.
pub(super) fn read(body: &Value, headers: &HeaderMap) -> Asked {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let prompts = messages
        .iter()
        .filter(|message| message["role"] == "user")
        .flat_map(|message| texts(&message["content"]));
    let (n_chosen, chosen) = choices(prompts);
    let named = header(headers, "x-claude-code-session-id").map(str::to_owned);
    let size = ["system", "messages", "tools"].map(|key| body[key].to_string().len());
    Asked {
        conversation: named.or_else(|| session(body)).unwrap_or_else(|| {
            let first = messages.first().unwrap_or(&Value::Null);
            name_by_begin(headers, &[&body["system"], first])
        }),
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        chosen,
        n_chosen,
        tools: items(&body["tools"]).map(tool).collect(),
        is_streamed: body["stream"] == true,
        tokens: tokens(size.iter().sum()),
        is_cached: body.to_string().contains("\"cache_control\""),
        is_subscription: headers.contains_key("authorization"),
    }
}

/// Finds the session that a client hides in its user id.
fn session(body: &Value) -> Option<String> {
    let user = body["metadata"]["user_id"].as_str()?;
    let user: Value = serde_json::from_str(user).ok()?;
    user["session_id"].as_str().map(str::to_owned)
}

fn tool(tool: &Value) -> Tool {
    Tool {
        name: tool["name"].as_str().unwrap_or_default().to_owned(),
        space: None,
        schema: tool.get("input_schema").cloned(),
    }
}

/// Writes an answer as one document.
pub(super) fn whole(answer: &Answer) -> Value {
    let mut content = Vec::new();
    if let Some(text) = &answer.text {
        content.push(json!({"type": "text", "text": text}));
    }
    if let Some(call) = &answer.call {
        let input: Value = serde_json::from_str(&call.input.written()).unwrap_or_default();
        content.push(json!({
            "type": "tool_use", "id": call_id(answer), "name": call.tool, "input": input,
        }));
    }
    let mut message = begin(answer);
    message["content"] = json!(content);
    message["stop_reason"] = json!(reason(answer.stop));
    message["usage"] = usage(&answer.usage, answer.usage.output);
    message
}

/// Writes an answer as the events of a stream.
pub(super) fn events(answer: &Answer) -> Vec<String> {
    let start = json!({"type": "message_start", "message": begin(answer)});
    let mut sent = vec![event("message_start", &start)];
    let mut index = 0;
    if let Some(text) = &answer.text {
        block(&mut sent, index, &json!({"type": "text", "text": ""}));
        if index == 0 {
            sent.push(event("ping", &json!({"type": "ping"})));
        }
        for piece in pieces(text) {
            delta(
                &mut sent,
                index,
                &json!({"type": "text_delta", "text": piece}),
            );
        }
        if answer.ending != Ending::Whole {
            return cut(sent, answer.ending);
        }
        stop(&mut sent, index);
        index += 1;
    }
    if let Some(call) = &answer.call {
        block(&mut sent, index, &empty_use(answer, call));
        for piece in pieces(&call.input.written()) {
            delta(
                &mut sent,
                index,
                &json!({"type": "input_json_delta", "partial_json": piece}),
            );
        }
        stop(&mut sent, index);
    }
    let last = json!({
        "type": "message_delta",
        "delta": {"stop_reason": reason(answer.stop), "stop_sequence": null},
        "usage": usage(&answer.usage, answer.usage.output),
    });
    sent.push(event("message_delta", &last));
    sent.push(event("message_stop", &json!({"type": "message_stop"})));
    sent
}

fn cut(mut sent: Vec<String>, ending: Ending) -> Vec<String> {
    if ending == Ending::Overloaded {
        let error = json!({
            "type": "error",
            "error": {"type": "overloaded_error", "message": "Overloaded"},
        });
        sent.push(event("error", &error));
    }
    sent
}

fn begin(answer: &Answer) -> Value {
    json!({
        "id": format!("msg_{}", answer.id),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": usage(&answer.usage, 1),
    })
}

fn usage(usage: &Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": output,
        "service_tier": "standard",
    })
}

fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Tool => "tool_use",
        Stop::Length => "max_tokens",
        Stop::Refusal => "refusal",
    }
}

fn call_id(answer: &Answer) -> String {
    format!("toolu_{}", answer.id)
}

fn empty_use(answer: &Answer, call: &Call) -> Value {
    json!({"type": "tool_use", "id": call_id(answer), "name": call.tool, "input": {}})
}

fn block(sent: &mut Vec<String>, index: usize, block: &Value) {
    let start = json!({"type": "content_block_start", "index": index, "content_block": block});
    sent.push(event("content_block_start", &start));
}

fn delta(sent: &mut Vec<String>, index: usize, delta: &Value) {
    let delta = json!({"type": "content_block_delta", "index": index, "delta": delta});
    sent.push(event("content_block_delta", &delta));
}

fn stop(sent: &mut Vec<String>, index: usize) {
    let stop = json!({"type": "content_block_stop", "index": index});
    sent.push(event("content_block_stop", &stop));
}
