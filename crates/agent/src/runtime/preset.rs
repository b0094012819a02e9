//! The known agent programs: what differs between them, as data.
//!
//! Facts of the programs come from their own `--help` and from runs against a
//! model server on loopback, with the versions that each entry names.

use std::{collections::BTreeMap, path::PathBuf};

use gtd_core::{Price, RunId, Usage};

use crate::{
    error::RunError,
    runs::Runs,
    runtime::{Launch, Setting, acp::Conversation},
    spec::{RunSpec, Stdin},
    state::Kind,
    stream::{Dialect, Reader, Tariff},
};

const PROMPT: &str = "prompt.md";
/// What the driver of a protocol is told.
const CONVERSATION: &str = "acp.json";

/// A known agent program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name, as it stands in `[runtimes.*] preset`.
    pub name: &'static str,
    /// The program.
    pub program: &'static str,
    /// How it writes down what it does.
    pub dialect: Dialect,
    /// The version that the facts below were seen with.
    pub seen_with: &'static str,
    /// Arguments of every run.
    args: &'static [&'static str],
    /// What comes before the name of a model; none where the protocol chooses it.
    model: Option<&'static str>,
    /// What comes before the id of a session that goes on; the protocol needs none.
    resume: Option<&'static str>,
    /// Arguments that offer it the agent's verbs as tools, where no protocol does; `{gtd}` is the
    /// program that does, in quotes.
    mcp: &'static [&'static str],
    /// Arguments that stand last.
    last: &'static [&'static str],
    /// Variables of every run: no updates, and no telemetry where a variable says so, few retries of its own.
    env: &'static [(&'static str, &'static str)],
}

/// A program that speaks the Agent Client Protocol and needs nothing besides; others are written
/// down as what differs from it.
const ACP: Preset = Preset {
    name: "",
    program: "",
    dialect: Dialect::Acp,
    seen_with: "",
    args: &[],
    model: None,
    resume: None,
    mcp: &[],
    last: &[],
    env: &[],
};

/// Every program that this build can drive.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "claude-code",
        program: "claude",
        dialect: Dialect::Claude,
        seen_with: "2.1.330",
        args: &[
            "-p",
            "--output-format",
            "stream-json",
            // Without it stream-json is refused.
            "--verbose",
            "--dangerously-skip-permissions",
        ],
        model: Some("--model"),
        resume: Some("--resume"),
        mcp: &[
            "--mcp-config",
            // Without the last key it tells the model names alone. The environment is passed on whole.
            r#"{"mcpServers":{"gtd":{"command":{gtd},"args":["mcp","serve"],"alwaysLoad":true}}}"#,
            // Ends the list before it too.
            "--strict-mcp-config",
        ],
        last: &[],
        env: &[
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
            // By itself it tries ten times over three minutes, even with a wrong key.
            ("CLAUDE_CODE_MAX_RETRIES", "2"),
            // Root is refused without it.
            ("IS_SANDBOX", "1"),
        ],
    },
    Preset {
        name: "codex",
        program: "codex",
        dialect: Dialect::Codex,
        seen_with: "0.169.0",
        args: &[
            "exec",
            "--json",
            "--dangerously-bypass-approvals-and-sandbox",
            "--skip-git-repo-check",
            // A login shell makes `PATH` anew, and the agent's `gtd` is not found.
            "-c",
            "allow_login_shell=false",
        ],
        model: Some("-m"),
        resume: Some("resume"),
        mcp: &[
            "-c",
            "mcp_servers.gtd.command={gtd}",
            "-c",
            r#"mcp_servers.gtd.args=["mcp","serve"]"#,
            // No other variable of ours reaches it.
            "-c",
            r#"mcp_servers.gtd.env_vars=["GTD_HOST","GTD_BEAD","GTD_EPOCH","GTD_TOKEN","GTD_AGENT","GTD_RUN"]"#,
            // A server that does not begin is silent otherwise.
            "-c",
            "mcp_servers.gtd.required=true",
        ],
        // The prompt comes from standard input.
        last: &["-"],
        env: &[],
    },
    Preset {
        name: "gemini",
        program: "gemini",
        seen_with: "0.61.0",
        args: &["--acp", "--yolo", "--skip-trust"],
        model: Some("-m"),
        // Its launcher would outlive a TERM.
        env: &[("GEMINI_CLI_NO_RELAUNCH", "true")],
        ..ACP
    },
    Preset {
        name: "qwen",
        program: "qwen",
        seen_with: "0.24.4",
        // By itself it has another model judge each use of a tool.
        args: &["--acp", "--yolo"],
        model: Some("-m"),
        ..ACP
    },
    Preset {
        name: "opencode",
        program: "opencode",
        seen_with: "1.18.33",
        args: &["acp"],
        env: &[("OPENCODE_DISABLE_AUTOUPDATE", "1")],
        ..ACP
    },
    Preset {
        name: "copilot",
        program: "copilot",
        seen_with: "1.0.102",
        args: &["--acp", "--allow-all"],
        model: Some("--model"),
        env: &[("COPILOT_AUTO_UPDATE", "false")],
        ..ACP
    },
    Preset {
        name: "kimi",
        program: "kimi",
        seen_with: "2.1.0",
        args: &["acp"],
        env: &[("KIMI_CODE_NO_AUTO_UPDATE", "1")],
        ..ACP
    },
    Preset {
        name: "vibe",
        program: "vibe-acp",
        seen_with: "3.0.2",
        ..ACP
    },
    Preset {
        name: "pi",
        program: "pi",
        dialect: Dialect::Pi,
        seen_with: "0.87.1",
        args: &["-p", "--mode", "json"],
        model: Some("--model"),
        resume: Some("--session"),
        env: &[("PI_OFFLINE", "1")],
        ..ACP
    },
    Preset {
        name: "droid",
        program: "droid",
        dialect: Dialect::Plain,
        seen_with: "0.215.0",
        args: &["exec", "--skip-permissions-unsafe"],
        model: Some("-m"),
        last: &["-f", "/dev/stdin"],
        env: &[("FACTORY_DROID_AUTO_UPDATE_ENABLED", "false")],
        ..ACP
    },
    Preset {
        name: "aider",
        program: "aider",
        dialect: Dialect::Plain,
        seen_with: "0.86.2",
        args: &[
            "--yes-always",
            "--no-pretty",
            "--no-stream",
            "--no-check-update",
            "--no-show-release-notes",
            "--no-show-model-warnings",
            "--analytics-disable",
            // What it keeps lies in the worktree: it would be committed, or ignored by a change.
            "--no-gitignore",
            "--input-history-file",
            "/dev/null",
            "--chat-history-file",
            "/dev/null",
            // Its map of a repository is kept there, too.
            "--map-tokens",
            "0",
        ],
        model: Some("--model"),
        last: &["--message-file", "/dev/stdin"],
        ..ACP
    },
    Preset {
        name: "command",
        program: "",
        dialect: Dialect::Plain,
        seen_with: "",
        args: &[],
        model: None,
        resume: None,
        mcp: &[],
        last: &[],
        env: &[],
    },
];

impl Preset {
    /// Finds a program by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

/// One turn of an agent: what it is told and as whom it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// What it is told; it goes by standard input, never through a command line.
    pub prompt: String,
    /// The model, by the name that the program takes.
    pub model: Option<String>,
    /// The session that goes on; none begins a new one.
    pub session: Option<Resumed>,
    /// How many tokens its models take at once, where the configuration says so.
    pub context: Option<u64>,
    /// What the tokens of its runtime cost, where the configuration says so.
    pub price: Option<Price>,
    /// The `gtd` that offers the agent's verbs as tools; none where its shell is enough.
    pub mcp: Option<PathBuf>,
}

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// Its id.
    pub id: String,
    /// What it has used so far: some programs count a session as one, however many runs it has.
    pub used: Usage,
}

/// Makes the order for one turn of an agent program.
///
/// `command` is the program with arguments of the person's own; none is the preset's.
#[must_use]
pub fn agent_run(
    runs: &Runs,
    setting: &Setting,
    preset: &Preset,
    command: &[String],
    env: &BTreeMap<String, String>,
    turn: &Turn,
) -> RunSpec {
    let (mut program, own) = match command.split_first() {
        Some((program, own)) => (program.clone(), own.to_vec()),
        None => (preset.program.to_owned(), Vec::new()),
    };
    // A person's arguments belong to the program: `node agent.js` is one.
    let mut args = own;
    args.extend(preset.args.iter().map(|arg| (*arg).to_owned()));
    if let (Some(flag), Some(model)) = (preset.model, &turn.model) {
        args.extend([flag.to_owned(), model.clone()]);
    }
    if let Some(gtd) = &turn.mcp {
        // JSON and TOML quote the same way.
        let quoted = serde_json::Value::from(gtd.to_string_lossy()).to_string();
        let told = preset.mcp.iter();
        args.extend(told.map(|arg| arg.replace("{gtd}", &quoted)));
    }
    if let (Some(word), Some(session)) = (preset.resume, &turn.session) {
        args.extend([word.to_owned(), session.id.clone()]);
    }
    args.extend(preset.last.iter().map(|arg| (*arg).to_owned()));
    let mut variables: BTreeMap<String, String> = preset
        .env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    variables.extend(env.clone());
    let mut setting = setting.clone();
    setting
        .labels
        .insert(LABEL_PRESET.to_owned(), preset.name.to_owned());
    if let Some(session) = &turn.session {
        let used = serde_json::to_string(&session.used).expect("numbers alone");
        setting.labels.insert(LABEL_USED.to_owned(), used);
    }
    if let Some(model) = &turn.model {
        setting.labels.insert(LABEL_MODEL.to_owned(), model.clone());
    }
    if let Some(context) = turn.context {
        let context = context.to_string();
        setting.labels.insert(LABEL_CONTEXT.to_owned(), context);
    }
    if let Some(price) = &turn.price {
        let price = serde_json::to_string(price).expect("numbers alone");
        setting.labels.insert(LABEL_PRICE.to_owned(), price);
    }
    let mut files = BTreeMap::from([(PROMPT.to_owned(), turn.prompt.clone())]);
    if preset.dialect == Dialect::Acp {
        let told = conversation(preset, turn);
        let file = runs.run_dir(&setting.run).join(CONVERSATION);
        files.insert(CONVERSATION.to_owned(), told);
        // The driver is the run's program, and what it drives is its child.
        let driven = ["--acp".to_owned(), file.to_string_lossy().into_owned()];
        args.splice(0..0, driven.into_iter().chain([program]));
        program = runs.shim_program().to_string_lossy().into_owned();
    }
    setting.order(Launch {
        program: program.into(),
        args,
        files,
        env: variables,
        stdin: Stdin::File(PROMPT.to_owned()),
    })
}

/// Writes down what the driver of the protocol is to say besides the prompt.
fn conversation(preset: &Preset, turn: &Turn) -> String {
    let told = Conversation {
        session: turn.session.as_ref().map(|session| session.id.clone()),
        model: turn.model.clone().filter(|_| preset.model.is_none()),
        mcp: turn.mcp.clone(),
    };
    serde_json::to_string(&told).expect("names and a path alone")
}

/// The label of a run that says which known program it is.
const LABEL_PRESET: &str = "preset";
/// The label of a run that says what its session had used before.
const LABEL_USED: &str = "session-used";

/// The label of a run that says which model its program was told to take.
const LABEL_MODEL: &str = "model";
/// The label of a run that says what tokens cost, where the configuration does.
const LABEL_PRICE: &str = "price";
/// The label of a run that says how many tokens its model takes at once, where the configuration does.
const LABEL_CONTEXT: &str = "context";

/// Finds the known program of a run, if it is an agent's.
fn preset_of(spec: &RunSpec) -> Option<&'static Preset> {
    spec.labels
        .get(LABEL_PRESET)
        .and_then(|name| Preset::find(name))
}

impl Runs {
    /// Returns a reader of what an agent's run says, from its first line; none for a run that is
    /// no agent's.
    ///
    /// # Errors
    /// When the order of the run cannot be read.
    pub fn agent_reader(&self, run: &RunId) -> Result<Option<Reader>, RunError> {
        let spec = match self.spec(run) {
            // It was forbidden before its order was written down: no program has said anything.
            Err(RunError::Unknown { .. }) => return Ok(None),
            spec => spec?,
        };
        let Some(preset) = preset_of(&spec) else {
            return Ok(None);
        };
        let used = spec.labels.get(LABEL_USED);
        let before = used.and_then(|text| serde_json::from_str(text).ok());
        let price = spec.labels.get(LABEL_PRICE);
        let tariff = Tariff {
            price: price.and_then(|text| serde_json::from_str(text).ok()),
            model: spec.labels.get(LABEL_MODEL).cloned(),
        };
        let before = before.unwrap_or_default();
        let context = spec.labels.get(LABEL_CONTEXT);
        let context = context.and_then(|text| text.parse().ok());
        let reader = Reader::new(preset.dialect, before, tariff);
        Ok(Some(reader.with_window(context)))
    }

    /// Reads what an agent's run has said so far.
    ///
    /// Returns none for a run that is no agent's, and else the reader and the
    /// number of the last line that it took.
    ///
    /// # Errors
    /// When the order or the transcript cannot be read.
    pub fn read_agent(&self, run: &RunId) -> Result<Option<(Reader, u64)>, RunError> {
        let Some(mut reader) = self.agent_reader(run)? else {
            return Ok(None);
        };
        let seq = self.read_on(run, &mut reader, 0)?;
        Ok(Some((reader, seq)))
    }

    /// Tells the end of what an agent's run did, in a line for each thing; none for a run that is
    /// no agent's, or whose program writes plain text.
    ///
    /// It is read off the last `max_bytes` of the output. What programs write about themselves is
    /// left out: it is most of their output, and says nothing of the work.
    ///
    /// # Errors
    /// When the order or the output of the run cannot be read.
    pub fn told(&self, run: &RunId, max_bytes: u64) -> Result<Option<String>, RunError> {
        let reader = self.agent_reader(run)?;
        let Some(mut reader) = reader.filter(|reader| !reader.is_plain()) else {
            return Ok(None);
        };
        let output = self.tail(run, max_bytes)?;
        // What is cut begins in the middle of a line.
        let is_cut = u64::try_from(output.len()).unwrap_or(u64::MAX) >= max_bytes;
        let lines = output.lines().skip(usize::from(is_cut));
        let mut told = Vec::new();
        for event in lines.flat_map(|line| reader.read(line)) {
            told.extend(event.told());
        }
        told.dedup();
        Ok(Some(told.join("\n")))
    }

    /// Goes on reading what an agent's run says behind the line `seq`, and returns the number of
    /// the last line that was taken.
    ///
    /// # Errors
    /// When the transcript cannot be read.
    pub fn read_on(&self, run: &RunId, reader: &mut Reader, seq: u64) -> Result<u64, RunError> {
        /// Lines that are read at once.
        const PART: usize = 1_000;
        let mut seq = seq;
        loop {
            let lines = self.transcript(run, seq, PART)?;
            let n_lines = lines.len();
            for line in lines {
                seq = line.seq;
                if line.kind == Kind::Out {
                    reader.read(&line.text);
                }
            }
            if n_lines < PART {
                return Ok(seq);
            }
        }
    }
}
