//! How each program is run without a person, a terminal or the internet.

use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command};

use gtd_agent::{
    Runs,
    runtime::{BaseEnv, Preset, Resumed, Setting, Turn, agent_run},
};
use gtd_core::{RigName, RunId, Usage};

use crate::{Outcome, home::Home, list::Recording};

/// A program that is installed.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// Which program it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Claude,
    Codex,
    /// One that gtd has a preset for.
    Other,
}

/// The conversation that a run belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Talk<'a> {
    /// A new one, by the name that is chosen for it where the program lets one choose.
    New(&'a str),
    /// One that was begun before, by the name that the program gave it.
    Resumed(&'a str),
}

impl Program {
    pub(crate) fn named(name: &str, version: &str, path: &str) -> Outcome<Self> {
        let kind = match name {
            "claude" => Kind::Claude,
            "codex" => Kind::Codex,
            _ if Preset::find(name).is_some() => Kind::Other,
            _ => return Err(format!("it is not known how to run {name}").into()),
        };
        Ok(Self {
            name: name.to_owned(),
            version: version.to_owned(),
            path: PathBuf::from(path),
            kind,
        })
    }

    /// Makes the call of the program; the prompt goes to its standard input.
    pub(crate) fn command(
        &self,
        recording: &Recording,
        talk: Talk<'_>,
        home: &Home,
        url: &str,
    ) -> Outcome<Command> {
        if self.kind == Kind::Other {
            return self.as_gtd_does(talk, home, url);
        }
        let mut command = Command::new(&self.path);
        command
            .current_dir(home.work())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", home.config())
            .env("TMPDIR", home.temporary())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC");
        match self.kind {
            Kind::Claude => claude(&mut command, recording, talk, home, url),
            Kind::Codex => codex(&mut command, recording, talk, home, url)?,
            Kind::Other => {}
        }
        Ok(command)
    }

    /// Makes the call that gtd makes; the prompt goes to its standard input there too.
    fn as_gtd_does(&self, talk: Talk<'_>, home: &Home, url: &str) -> Outcome<Command> {
        let preset = Preset::find(&self.name).ok_or("it has no preset")?;
        let examples = env::current_exe()?;
        let shim = examples.ancestors().nth(2).ok_or("it lies nowhere")?;
        let runs = Runs::open(&home.folder().join("runs"), shim.join("gtd-shim"))?;
        let base = BaseEnv {
            path: env::var("PATH")?,
            home: home.config().display().to_string(),
            lang: "C.UTF-8".to_owned(),
        };
        let run = RunId::parse("recording")?;
        let setting = Setting::new(run.clone(), RigName::parse("rig")?, home.work(), base);
        let path = self.path.display().to_string();
        let mut words = match path.ends_with("js") {
            true => vec!["node".to_owned(), path],
            false => vec![path],
        };
        let variables = self.told(home, url, &mut words)?;
        let turn = Turn {
            prompt: String::new(),
            model: None,
            session: match talk {
                Talk::New(_) => None,
                Talk::Resumed(id) => Some(Resumed {
                    id: id.to_owned(),
                    used: Usage::default(),
                }),
            },
            context: None,
            price: None,
            mcp: None,
        };
        let order = agent_run(&runs, &setting, preset, &words, &variables, &turn);
        let folder = runs.run_dir(&run);
        fs::create_dir_all(&folder)?;
        for (name, text) in &order.files {
            fs::write(folder.join(name), text)?;
        }
        let mut command = Command::new(&order.program);
        command
            .args(&order.args)
            .current_dir(home.work())
            .env_clear()
            .envs(&order.env)
            .env("TMPDIR", home.temporary())
            .env("TZ", "UTC");
        Ok(command)
    }

    /// Tells a program where its model is, by variables, files of its home and words of its call.
    fn told(
        &self,
        home: &Home,
        url: &str,
        words: &mut Vec<String>,
    ) -> Outcome<BTreeMap<String, String>> {
        let write = |name: &str, text: String| -> Outcome<()> {
            let path = home.config().join(name);
            fs::create_dir_all(path.parent().ok_or("it lies nowhere")?)?;
            Ok(fs::write(path, text)?)
        };
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        let url = format!("{url}/v1");
        let variables = match self.name.as_str() {
            "opencode" => vec![
                ("OPENCODE_DISABLE_MODELS_FETCH", "1".to_owned()),
                (
                    "OPENCODE_CONFIG_CONTENT",
                    format!(
                        r#"{{"model":"loopback/mock","share":"disabled","provider":{{"loopback":{{"npm":"@ai-sdk/openai-compatible","options":{{"baseURL":"{url}","apiKey":"key"}},"models":{{"mock":{{"name":"mock"}}}}}}}}}}"#
                    ),
                ),
            ],
            "qwen" => {
                add(&["--auth-type", "openai"]);
                vec![
                    ("OPENAI_BASE_URL", url),
                    ("OPENAI_API_KEY", "key".to_owned()),
                    ("OPENAI_MODEL", "mock".to_owned()),
                ]
            }
            "kimi" => {
                write(
                    ".kimi-code/config.toml",
                    format!(
                        "default_model = \"mock\"\n[providers.loopback]\ntype = \"openai\"\nbase_url = \"{url}\"\napi_key = \"key\"\n[models.mock]\nprovider = \"loopback\"\nmodel = \"mock\"\nmax_context_size = 100000\n"
                    ),
                )?;
                vec![]
            }
            "copilot" => vec![
                ("COPILOT_OFFLINE", "true".to_owned()),
                ("COPILOT_PROVIDER_BASE_URL", url),
                ("COPILOT_PROVIDER_API_KEY", "key".to_owned()),
                ("COPILOT_MODEL", "mock".to_owned()),
            ],
            "vibe" => {
                write(
                    ".vibe/config.toml",
                    format!(
                        "active_model = \"mock\"\nenable_telemetry = false\nenable_update_checks = false\n[[providers]]\nname = \"loopback\"\napi_base = \"{url}\"\napi_key_env_var = \"LOOPBACK_KEY\"\napi_style = \"openai\"\nbackend = \"generic\"\n[[models]]\nname = \"mock\"\nprovider = \"loopback\"\nalias = \"mock\"\n"
                    ),
                )?;
                vec![("LOOPBACK_KEY", "key".to_owned())]
            }
            "pi" => {
                add(&["--model", "loopback/mock"]);
                write(
                    ".pi/agent/models.json",
                    format!(
                        r#"{{"providers":{{"loopback":{{"baseUrl":"{url}","api":"openai-completions","apiKey":"key","models":[{{"id":"mock","name":"mock","contextWindow":100000,"maxTokens":4000}}]}}}}}}"#
                    ),
                )?;
                vec![]
            }
            name => return Err(format!("it is not known how to tell {name} of its model").into()),
        };
        let named = variables.into_iter();
        Ok(named
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }

    /// Finds the name of the conversation in what the program printed.
    pub(crate) fn conversation(&self, stdout: &str) -> Option<String> {
        stdout.lines().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let id = match self.kind {
                Kind::Claude => &line["session_id"],
                Kind::Codex => &line["thread_id"],
                Kind::Other if line["type"] == "session" => &line["id"],
                Kind::Other => &line["session"],
            };
            id.as_str().map(str::to_owned)
        })
    }
}

fn claude(command: &mut Command, recording: &Recording, talk: Talk<'_>, home: &Home, url: &str) {
    command
        .args(["-p", "--output-format", "stream-json", "--verbose"])
        .env("CLAUDE_CONFIG_DIR", home.config())
        .env("ANTHROPIC_BASE_URL", url)
        .env("CLAUDE_CODE_MAX_RETRIES", "1")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        // Without it, root may not skip permissions.
        .env("IS_SANDBOX", "1");
    match recording.is_subscription {
        true => command.env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-of-nobody"),
        false => command.env("ANTHROPIC_API_KEY", "sk-ant-api03-of-nobody"),
    };
    if !recording.arguments.contains(&"--permission-mode") {
        command.arg("--dangerously-skip-permissions");
    }
    match talk {
        Talk::New(name) => command.args(["--session-id", name]),
        Talk::Resumed(name) => command.args(["--resume", name]),
    };
    command.args(&recording.arguments);
}

fn codex(
    command: &mut Command,
    recording: &Recording,
    talk: Talk<'_>,
    home: &Home,
    url: &str,
) -> Outcome<()> {
    let config = format!(
        r#"model = "gpt-5.5"
model_provider = "loopback"

[model_providers.loopback]
name = "loopback"
base_url = "{url}/v1"
env_key = "LOOPBACK_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false
"#
    );
    fs::write(home.config().join("config.toml"), config)?;
    command
        .args([
            "exec",
            "--json",
            "--dangerously-bypass-approvals-and-sandbox",
        ])
        .args(&recording.arguments)
        .env("CODEX_HOME", home.config())
        .env("LOOPBACK_KEY", "of-nobody");
    match talk {
        Talk::New(_) => command.arg("-"),
        Talk::Resumed(name) => command.args(["resume", name, "-"]),
    };
    Ok(())
}
