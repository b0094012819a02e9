//! How each program calls writing a file or running a command.
//!
//! Tools are found by what they take, so that a program which was never seen
//! here has a chance; codex has none for files and patches them by its shell.

use serde_json::{Map, Value, json};

use super::{
    answer::{Call, Input},
    asked::Tool,
    script::Act,
};

const PATHS: [&str; 5] = ["file_path", "path", "filePath", "absolute_path", "filename"];
const TEXTS: [&str; 4] = ["content", "contents", "file_text", "text"];
const OLDS: [&str; 4] = ["old_string", "oldString", "old_str", "old_text"];
const NEWS: [&str; 4] = ["new_string", "newString", "new_str", "new_text"];
const COMMANDS: [&str; 3] = ["command", "cmd", "commands"];

/// Names of codex's shells, which understand `apply_patch`.
const PATCHING: [&str; 4] = ["exec_command", "shell", "shell_command", "local_shell"];

/// Returns the call that does something by the tools that are offered.
///
/// # Errors
/// When none of them can; the names of all are told.
pub(super) fn call(act: &Act, tools: &[Tool]) -> Result<Call, String> {
    let found = match act {
        Act::Write { path, text } => write(path, text, tools),
        Act::Edit { path, old, new } => edit(path, old, new, tools),
        Act::Read { path } => read(path, tools),
        Act::Run { command } => run(command, tools),
        Act::Call { tool, arguments } => named(tool, tools).map(|tool| to(tool, arguments.clone())),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        format!("none of the tools {names:?} can do {act:?}")
    })
}

fn write(path: &str, text: &str, tools: &[Tool]) -> Option<Call> {
    let found = tools.iter().find_map(|tool| {
        let is_named = ["write", "create"].iter().any(|word| is_like(tool, word));
        let (path_key, text_key) = (takes(tool, &PATHS)?, takes(tool, &TEXTS)?);
        is_named.then(|| with(tool, [(path_key, path), (text_key, text)]))
    });
    found.or_else(|| {
        let added: String = text.lines().map(|line| format!("+{line}\n")).collect();
        let patch = format!("*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch");
        patched(&patch, tools)
    })
}

fn edit(path: &str, old: &str, new: &str, tools: &[Tool]) -> Option<Call> {
    let found = tools.iter().find_map(|tool| {
        let keys = (
            takes(tool, &PATHS)?,
            takes(tool, &OLDS)?,
            takes(tool, &NEWS)?,
        );
        Some(with(tool, [(keys.0, path), (keys.1, old), (keys.2, new)]))
    });
    found.or_else(|| {
        let marked = |sign: char, text: &str| -> String {
            text.lines().map(|line| format!("{sign}{line}\n")).collect()
        };
        let (old, new) = (marked('-', old), marked('+', new));
        let patch =
            format!("*** Begin Patch\n*** Update File: {path}\n@@\n{old}{new}*** End Patch");
        patched(&patch, tools)
    })
}

fn read(path: &str, tools: &[Tool]) -> Option<Call> {
    let found = tools.iter().find_map(|tool| {
        let is_named = is_like(tool, "read") || is_like(tool, "view");
        let is_image = is_like(tool, "image");
        let key = takes(tool, &PATHS)?;
        (is_named && !is_image).then(|| with(tool, [(key, path)]))
    });
    found.or_else(|| run(&format!("cat '{path}'"), tools))
}

fn run(command: &str, tools: &[Tool]) -> Option<Call> {
    tools.iter().find_map(|tool| {
        let key = takes(tool, &COMMANDS)?;
        let is_list = property(tool, key)["type"] == "array";
        let command = match is_list {
            true => json!(["bash", "-c", command]),
            false => json!(command),
        };
        Some(to(tool, json!({ key: command })))
    })
}

/// Applies a patch by the tool for it, or by a shell that knows it.
fn patched(patch: &str, tools: &[Tool]) -> Option<Call> {
    if let Some(tool) = tools.iter().find(|tool| tool.name == "apply_patch") {
        return Some(match tool.schema {
            None => Call {
                tool: tool.name.clone(),
                space: tool.space.clone(),
                input: Input::Text(patch.to_owned()),
            },
            Some(_) => with(tool, [("input", patch)]),
        });
    }
    let is_patching = |tool: &&Tool| PATCHING.contains(&tool.name.as_str());
    let shell: Vec<Tool> = tools.iter().filter(is_patching).cloned().collect();
    run(
        &format!("apply_patch <<'END_OF_PATCH'\n{patch}\nEND_OF_PATCH"),
        &shell,
    )
}

/// Finds a tool by its name, or by the end of the name that a program made of it.
fn named<'a>(name: &str, tools: &'a [Tool]) -> Option<&'a Tool> {
    let plain = |text: &str| text.replace(['-', '.'], "_");
    tools.iter().find(|tool| tool.name == name).or_else(|| {
        tools
            .iter()
            .find(|tool| plain(&tool.name).ends_with(&format!("_{}", plain(name))))
    })
}

fn is_like(tool: &Tool, word: &str) -> bool {
    tool.name.to_lowercase().contains(word)
}

/// Returns the first of these names that the tool takes.
fn takes(tool: &Tool, names: &[&'static str]) -> Option<&'static str> {
    names
        .iter()
        .find(|name| property(tool, name).is_object())
        .copied()
}

fn property<'a>(tool: &'a Tool, name: &str) -> &'a Value {
    tool.schema
        .as_ref()
        .map_or(&Value::Null, |schema| &schema["properties"][name])
}

fn with<const N: usize>(tool: &Tool, texts: [(&str, &str); N]) -> Call {
    let arguments: Map<String, Value> = texts
        .into_iter()
        .map(|(key, text)| (key.to_owned(), json!(text)))
        .collect();
    to(tool, Value::Object(arguments))
}

/// Calls a tool, and gives it something plain for whatever else it insists on.
fn to(tool: &Tool, mut arguments: Value) -> Call {
    let required = tool
        .schema
        .as_ref()
        .and_then(|schema| schema["required"].as_array());
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if arguments.get(name).is_none() {
            arguments[name] = plain(property(tool, name));
        }
    }
    Call {
        tool: tool.name.clone(),
        space: tool.space.clone(),
        input: Input::Json(arguments),
    }
}

fn plain(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("boolean") => json!(false),
        Some("number" | "integer") => json!(1),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("as asked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, properties: &[&str], required: &[&str]) -> Tool {
        let properties: Map<String, Value> = properties
            .iter()
            .map(|name| ((*name).to_owned(), json!({"type": "string"})))
            .collect();
        Tool {
            name: name.to_owned(),
            space: None,
            schema: Some(json!({"properties": properties, "required": required})),
        }
    }

    fn hello() -> Act {
        Act::Write {
            path: "hello.txt".to_owned(),
            text: "Hello\n".to_owned(),
        }
    }

    fn input(act: &Act, tools: &[Tool]) -> (String, String) {
        let call = call(act, tools).expect("a tool can do it");
        (call.tool, call.input.written())
    }

    #[test]
    fn a_file_is_written_by_the_tool_that_takes_a_path_and_a_text() {
        let tools = [
            tool("Bash", &["command"], &["command"]),
            tool("Write", &["file_path", "content"], &["file_path"]),
        ];
        let (name, input) = input(&hello(), &tools);
        assert_eq!(name, "Write");
        assert_eq!(input, r#"{"content":"Hello\n","file_path":"hello.txt"}"#);
    }

    #[test]
    fn codex_patches_files_by_its_shell() {
        let tools = [tool("exec_command", &["cmd"], &["cmd"])];
        let (name, input) = input(&hello(), &tools);
        assert_eq!(name, "exec_command");
        assert!(input.contains("*** Add File: hello.txt"), "{input}");
    }

    #[test]
    fn what_a_tool_insists_on_is_given() {
        let tools = [tool("bash", &["command", "why"], &["command", "why"])];
        let act = Act::Run {
            command: "true".to_owned(),
        };
        assert_eq!(
            input(&act, &tools).1,
            r#"{"command":"true","why":"as asked"}"#
        );
    }

    #[test]
    fn a_tool_of_a_server_is_found_by_the_end_of_its_name() {
        let tools = [tool("mcp__gtd__ask-for-help", &[], &[])];
        let act = Act::Call {
            tool: "ask_for_help".to_owned(),
            arguments: json!({}),
        };
        assert_eq!(input(&act, &tools).0, "mcp__gtd__ask-for-help");
        let none = call(&hello(), &tools).expect_err("nothing can write");
        assert!(none.contains("mcp__gtd__ask-for-help"), "{none}");
    }
}
