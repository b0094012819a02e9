//! How each program is run without a person, a terminal or the internet.

use std::{fs, path::PathBuf, process::Command};

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
        }
        Ok(command)
    }

    /// Finds the name of the conversation in what the program printed.
    pub(crate) fn conversation(&self, stdout: &str) -> Option<String> {
        let key = match self.kind {
            Kind::Claude => "session_id",
            Kind::Codex => "thread_id",
        };
        stdout.lines().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line[key].as_str().map(str::to_owned)
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
