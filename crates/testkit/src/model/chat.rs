//! OpenAI Chat Completions: `POST /v1/chat/completions`.

use hyper::HeaderMap;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Ending, Stop, Usage, pieces},
    asked::{Asked, Tool, choices, items, name_by_begin, texts, tokens},
    body::data,
};

/// Reads a request.
pub(super) fn read(body: &Value, headers: &HeaderMap) -> Asked {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let by_people = || messages.iter().filter(|message| message["role"] == "user");
    let (n_chosen, chosen) = choices(by_people().flat_map(|message| texts(&message["content"])));
    let size = ["messages", "tools"].map(|key| body[key].to_string().len());
    let begin = [
        messages.first().unwrap_or(&Value::Null),
        by_people().next().unwrap_or(&Value::Null),
    ];
    Asked {
        conversation: name_by_begin(headers, &begin),
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        chosen,
        n_chosen,
        tools: items(&body["tools"]).map(tool).collect(),
        is_streamed: body["stream"] == true,
        tokens: tokens(size.iter().sum()),
        is_cached: true,
        is_subscription: false,
    }
}

fn tool(tool: &Value) -> Tool {
    let function = &tool["function"];
    Tool {
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        space: None,
        schema: function.get("parameters").cloned(),
    }
}

/// Writes an answer as one document.
pub(super) fn whole(answer: &Answer) -> Value {
    let mut message = json!({"role": "assistant", "content": answer.text});
    if answer.stop == Stop::Refusal {
        message = json!({"role": "assistant", "content": null, "refusal": answer.text});
    }
    if let Some(call) = called(answer) {
        message["tool_calls"] = json!([call]);
    }
    let mut document = chunk(answer, "chat.completion", &Value::Null);
    document["choices"] =
        json!([{"index": 0, "message": message, "finish_reason": reason(answer.stop)}]);
    document["usage"] = usage(&answer.usage);
    document
}

/// Writes an answer as the events of a stream.
pub(super) fn events(answer: &Answer) -> Vec<String> {
    let part = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        data(&chunk(answer, "chat.completion.chunk", &choice))
    };
    let mut sent = vec![part(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    let key = match answer.stop {
        Stop::Refusal => "refusal",
        _ => "content",
    };
    for piece in answer.text.iter().flat_map(|text| pieces(text)) {
        sent.push(part(json!({key: piece}), Value::Null));
    }
    match answer.ending {
        Ending::Whole => {}
        Ending::Dropped | Ending::Stalled => return sent,
        Ending::Overloaded => {
            let error = json!({"error": {
                "message": "Our servers are currently overloaded. Please try again later.",
                "type": "service_unavailable_error",
                "code": "server_is_overloaded",
            }});
            sent.push(data(&error));
            return sent;
        }
    }
    if let (Some(mut call), Some(used)) = (called(answer), &answer.call) {
        call["index"] = json!(0);
        call["function"]["arguments"] = json!("");
        sent.push(part(json!({"tool_calls": [call]}), Value::Null));
        for piece in pieces(&used.input.written()) {
            let delta = json!({"index": 0, "function": {"arguments": piece}});
            sent.push(part(json!({"tool_calls": [delta]}), Value::Null));
        }
    }
    sent.push(part(json!({}), json!(reason(answer.stop))));
    let mut last = chunk(answer, "chat.completion.chunk", &Value::Null);
    last["choices"] = json!([]);
    last["usage"] = usage(&answer.usage);
    sent.push(data(&last));
    sent.push("data: [DONE]\n\n".to_owned());
    sent
}

fn chunk(answer: &Answer, kind: &str, choice: &Value) -> Value {
    json!({
        "id": format!("chatcmpl-{}", answer.id),
        "object": kind,
        "created": 1_796_000_000,
        "model": answer.model,
        "choices": [choice],
    })
}

fn called(answer: &Answer) -> Option<Value> {
    let call = answer.call.as_ref()?;
    Some(json!({
        "id": format!("call_{}", answer.id),
        "type": "function",
        "function": {"name": call.tool, "arguments": call.input.written()},
    }))
}

fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::Tool => "tool_calls",
        Stop::Length => "length",
        Stop::Refusal => "content_filter",
    }
}

fn usage(usage: &Usage) -> Value {
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    })
}
