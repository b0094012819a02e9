//! The driver of programs that speak the Agent Client Protocol:
//! `gtd-shim --acp <order> <program> [args…]`.
//!
//! It stands between the shim and the program: it hands over the prompt that comes by standard
//! input, waits until the turn has ended, and passes on what the program says, each line as it
//! came. What stands in none of these lines it tells in lines of its own, with the key `gtd`;
//! [`crate::stream`] reads both.
//!
//! It offers the program neither files nor a terminal: programs have hands of their own, in the
//! worktree. A program that asks whether it may gets a yes for this once, as claude and codex
//! are started so that they do not ask; what nobody may do is held by what surrounds a run.
//!
//! | the program | the driver |
//! |---|---|
//! | asks for permission | allows it once, or always where that is the only yes |
//! | asks for anything else | says that it has no such method |
//! | tells the history of a session that it loads | passes nothing of it on: it stands in earlier runs |
//! | ends its turn | closes its input, and gives it some seconds to end |
//! | ends before | says so, and ends with 1 |

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::{SigSet, Signal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The version of the protocol; programs that speak a later one speak this one, too.
const PROTOCOL: u16 = 1;
/// The JSON-RPC code for a method that somebody does not have.
const NO_SUCH_METHOD: i64 = -32601;
/// The JSON-RPC code for whatever went wrong on the side of whoever says it.
const INTERNAL: i64 = -32603;

/// How long a program may take to end once its input is closed.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Variables that the agent's verbs need, and that some programs keep from a server of tools.
const OURS: [&str; 6] = [
    "GTD_HOST",
    "GTD_BEAD",
    "GTD_EPOCH",
    "GTD_TOKEN",
    "GTD_AGENT",
    "GTD_RUN",
];

/// What is to be said besides the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Conversation {
    /// The session that goes on; none begins a new one.
    pub(crate) session: Option<String>,
    /// The model, where it is chosen by the protocol.
    pub(crate) model: Option<String>,
    /// The `gtd` that offers the agent's verbs as tools.
    pub(crate) mcp: Option<PathBuf>,
}

/// Why a turn came to no end of its own.
#[derive(Debug)]
struct Failure {
    /// What was asked for.
    at: &'static str,
    code: i64,
    message: String,
    data: Value,
    /// Whether the program fell silent for ever.
    is_gone: bool,
}

impl Failure {
    fn new(at: &'static str, message: impl Into<String>) -> Self {
        Self {
            at,
            code: INTERNAL,
            message: message.into(),
            data: Value::Null,
            is_gone: false,
        }
    }

    fn gone(at: &'static str) -> Self {
        Self {
            is_gone: true,
            ..Self::new(at, "it ended before its turn did")
        }
    }
}

/// Is the driver.
pub(crate) fn acp_main(order: &Path, command: &[OsString]) -> ExitCode {
    let failure = match converse(order, command) {
        Ok(reason) if reason == "end_turn" => return ExitCode::SUCCESS,
        Ok(_) => return ExitCode::FAILURE,
        Err(failure) => failure,
    };
    tell(&json!({
        "gtd": "failed",
        "at": failure.at,
        "code": failure.code,
        "message": failure.message,
        "data": failure.data,
    }));
    ExitCode::FAILURE
}

/// Leads one turn from the start of the program to its end; returns the reason of the end.
fn converse(order: &Path, command: &[OsString]) -> Result<String, Failure> {
    let broken = |error: io::Error| Failure::new("start", error.to_string());
    let order = fs::read(order).map_err(broken)?;
    let order: Conversation =
        serde_json::from_slice(&order).map_err(|error| Failure::new("start", error.to_string()))?;
    let mut prompt = String::new();
    io::stdin().read_to_string(&mut prompt).map_err(broken)?;
    let cwd = env::current_dir().map_err(broken)?;
    let Some((program, args)) = command.split_first() else {
        return Err(Failure::new("start", "there is no program"));
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| {
            let why = format!("cannot start {}: {error}", program.display());
            Failure::new("start", why)
        })?;
    // TERM goes to the whole group: the program hears it itself, and its end is told here. It is
    // blocked only now, since a program begins with the mask of whoever starts it.
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGTERM);
    let _ = mask.thread_block();
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        unreachable!("both were asked for");
    };
    let mut line = Line {
        stdin,
        stdout: BufReader::new(stdout),
        n_asked: 0,
        is_muted: false,
    };
    let ended = line.talk(&order, &cwd, &prompt);
    let status = line.leave(&mut child);
    ended.map_err(|mut failure| {
        if let (true, Some(status)) = (failure.is_gone, status) {
            failure.message.push_str(&format!(" ({status})"));
        }
        failure
    })
}

/// The line to the program.
struct Line {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    n_asked: u64,
    /// Whether what it tells of the session is history.
    is_muted: bool,
}

impl Line {
    /// Says what is to be said, in its order.
    fn talk(&mut self, order: &Conversation, cwd: &Path, prompt: &str) -> Result<String, Failure> {
        let hello = json!({
            "protocolVersion": PROTOCOL,
            "clientCapabilities": {
                "fs": {"readTextFile": false, "writeTextFile": false},
                "terminal": false,
            },
            "clientInfo": {"name": "gtd", "version": env!("CARGO_PKG_VERSION")},
        });
        let met = self.ask("initialize", hello)?;
        let servers: Vec<Value> = order.mcp.iter().map(|gtd| server(gtd)).collect();
        let place = json!({"cwd": cwd, "mcpServers": servers});
        let (session, opened) = match &order.session {
            None => {
                let made = self.ask("session/new", place)?;
                let id = made["sessionId"].as_str().unwrap_or_default().to_owned();
                (id, made)
            }
            Some(id) => (id.clone(), self.again(id, &met, place)?),
        };
        let mut model = models(&opened).map(|option| option["currentValue"].clone());
        if let Some(wished) = &order.model {
            let (option, value) = choose(&opened, wished)?;
            let wish = json!({"sessionId": session, "configId": option, "value": value});
            self.ask("session/set_config_option", wish)?;
            model = Some(value);
        }
        tell(&json!({"gtd": "session", "session": session, "model": model}));
        let words = json!([{"type": "text", "text": prompt}]);
        let ended = self.ask(
            "session/prompt",
            json!({"sessionId": session, "prompt": words}),
        )?;
        Ok(ended["stopReason"].as_str().unwrap_or_default().to_owned())
    }

    /// Has a session go on, in the way that the program can.
    fn again(&mut self, id: &str, met: &Value, mut place: Value) -> Result<Value, Failure> {
        place["sessionId"] = json!(id);
        let able = &met["agentCapabilities"];
        if able["sessionCapabilities"]["resume"].is_object() {
            return self.ask("session/resume", place);
        }
        if able["loadSession"] != true {
            return Err(Failure::new("session/load", "it takes up no session again"));
        }
        self.is_muted = true;
        let loaded = self.ask("session/load", place);
        self.is_muted = false;
        loaded
    }

    /// Asks for something, and answers what the program asks meanwhile.
    fn ask(&mut self, method: &'static str, params: Value) -> Result<Value, Failure> {
        self.n_asked += 1;
        let id = self.n_asked;
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .map_err(|_| Failure::gone(method))?;
        loop {
            let Some(message) = self.hear().map_err(|_| Failure::gone(method))? else {
                return Err(Failure::gone(method));
            };
            let asked = message["method"].as_str();
            match (asked, message.get("id")) {
                (Some(asked), Some(id)) => {
                    let mut answer = answer(asked, &message["params"]);
                    answer["jsonrpc"] = json!("2.0");
                    answer["id"] = id.clone();
                    self.say(&answer).map_err(|_| Failure::gone(method))?;
                }
                (None, Some(answered)) if *answered == json!(id) => {
                    let error = &message["error"];
                    if error.is_null() {
                        return Ok(message["result"].clone());
                    }
                    return Err(Failure {
                        code: error["code"].as_i64().unwrap_or(INTERNAL),
                        message: error["message"].as_str().unwrap_or_default().to_owned(),
                        data: error["data"].clone(),
                        ..Failure::new(method, "")
                    });
                }
                _ => {}
            }
        }
    }

    fn say(&mut self, message: &Value) -> io::Result<()> {
        self.stdin.write_all(format!("{message}\n").as_bytes())?;
        self.stdin.flush()
    }

    /// Waits for the next message, and passes on each line that comes; none when there are no more.
    fn hear(&mut self) -> io::Result<Option<Value>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if self.stdout.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\n', '\r']);
            let message: Option<Value> = serde_json::from_str(line).ok();
            let is_update = |message: &Value| message["method"].as_str() == Some("session/update");
            if !(self.is_muted && message.as_ref().is_some_and(is_update)) {
                drop(writeln!(io::stdout().lock(), "{line}"));
            }
            // Some talk beside the protocol, which is no reason to end it.
            if let Some(message) = message.filter(Value::is_object) {
                return Ok(Some(message));
            }
        }
    }

    /// Closes the program's input, and waits until it has ended; ends it when it does not.
    fn leave(self, child: &mut Child) -> Option<ExitStatus> {
        let Self {
            stdin, mut stdout, ..
        } = self;
        drop(stdin);
        // What it says to the last is passed on; a full pipe would keep it from ending.
        thread::spawn(move || drop(io::copy(&mut stdout, &mut io::stdout())));
        let until = Instant::now() + PATIENCE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(LOOK),
                _ => {
                    // What it leaves behind is swept by the shim.
                    drop(child.kill());
                    drop(child.wait());
                    return None;
                }
            }
        }
    }
}

/// Answers what a program asks for.
fn answer(method: &str, params: &Value) -> Value {
    if method != "session/request_permission" {
        let error = json!({"code": NO_SUCH_METHOD, "message": "Method not found"});
        return json!({ "error": error });
    }
    let outcome = match permit(params["options"].as_array().map_or(&[], Vec::as_slice)) {
        Some(option) => {
            tell(&json!({"gtd": "allowed", "text": option["name"]}));
            json!({"outcome": "selected", "optionId": option["optionId"]})
        }
        None => json!({"outcome": "cancelled"}),
    };
    json!({"result": {"outcome": outcome}})
}

/// Finds the narrowest yes among the answers that a program offers.
fn permit(options: &[Value]) -> Option<&Value> {
    let of_kind = |kind: &str| options.iter().find(|option| option["kind"] == kind);
    ["allow_once", "allow_always"].into_iter().find_map(of_kind)
}

/// Finds the option by which the model of a session is chosen.
fn models(opened: &Value) -> Option<&Value> {
    let mut options = opened["configOptions"].as_array()?.iter();
    options.find(|option| option["category"] == "model" && option["type"] == "select")
}

/// Finds a model by the program's name for it, with or without that of its provider; returns the
/// option that chooses it, and its value there.
fn choose(opened: &Value, wished: &str) -> Result<(Value, Value), Failure> {
    let failed = |why: &str| {
        let why = format!("model not found: {wished}{why}");
        Failure::new("session/set_config_option", why)
    };
    let option = models(opened).ok_or_else(|| failed(", and it lets nobody choose one"))?;
    let offered = option["options"].as_array().map_or(&[][..], Vec::as_slice);
    // They may stand in groups.
    let values: Vec<&str> = offered
        .iter()
        .flat_map(|one| {
            one["options"]
                .as_array()
                .map_or(std::slice::from_ref(one), Vec::as_slice)
        })
        .filter_map(|one| one["value"].as_str())
        .collect();
    let end = format!("/{wished}");
    let found = values.iter().find(|value| **value == wished);
    found
        .or_else(|| values.iter().find(|value| value.ends_with(&end)))
        .map(|value| (option["id"].clone(), json!(value)))
        .ok_or_else(|| failed(""))
}

/// Describes the server that has the agent's verbs as tools.
fn server(gtd: &Path) -> Value {
    let given = OURS
        .iter()
        .filter_map(|name| Some(json!({"name": name, "value": env::var(name).ok()?})));
    json!({
        "name": "gtd",
        "command": gtd,
        "args": ["mcp", "serve"],
        "env": given.collect::<Vec<_>>(),
    })
}

/// Says something of the driver's own.
fn tell(value: &Value) {
    drop(writeln!(io::stdout().lock(), "{value}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_yes_is_given_and_none_where_there_is_none() {
        let option = |kind: &str| json!({"optionId": kind, "name": kind, "kind": kind});
        let offered = [
            option("reject_once"),
            option("allow_always"),
            option("allow_once"),
        ];
        let given = |offered: &[Value]| permit(offered).map(|option| option["kind"].clone());
        assert_eq!(given(&offered), Some(json!("allow_once")));
        assert_eq!(given(&offered[..2]), Some(json!("allow_always")));
        assert_eq!(given(&offered[..1]), None);
        let asked = json!({"options": &offered[..1]});
        let answered = answer("session/request_permission", &asked);
        assert_eq!(answered["result"]["outcome"]["outcome"], "cancelled");
        assert_eq!(
            answer("fs/read_text_file", &json!({}))["error"]["code"],
            NO_SUCH_METHOD
        );
    }

    #[test]
    fn a_model_is_found_with_or_without_its_provider_and_in_groups() {
        let value = |name: &str| json!({"value": name, "name": name});
        let opened = |options: Value| {
            json!({"configOptions": [
                {"id": "mode", "category": "mode", "type": "select", "options": [value("large")]},
                {"id": "m", "category": "model", "type": "select", "options": options},
            ]})
        };
        let flat = opened(json!([value("house/large"), value("large/2")]));
        let chosen = |opened: &Value, wished: &str| {
            choose(opened, wished).map_err(|failure| failure.message)
        };
        let large = Ok((json!("m"), json!("house/large")));
        assert_eq!(chosen(&flat, "house/large"), large);
        assert_eq!(chosen(&flat, "large"), large);
        let missing = Err("model not found: small".to_owned());
        assert_eq!(chosen(&flat, "small"), missing);
        let group = json!([{"group": "house", "name": "House", "options": [value("house/large")]}]);
        assert_eq!(chosen(&opened(group), "large"), large);
        assert!(chosen(&json!({}), "large").is_err());
    }
}
