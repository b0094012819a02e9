//! The program of a runtime: where it is, which version it is, whether somebody is logged in.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use gtd_core::config::ConfiguredRuntime;

/// How long a program may take to say its version: some start a whole machine of scripts first.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// What is known of a program besides how it is driven.
struct Known {
    preset: &'static str,
    program: &'static str,
    /// The folder below the home directory that it keeps a login in, the variable that names
    /// another one (empty when there is none), and the file there.
    kept: (&'static str, &'static str, &'static str),
    /// Variables that stand in for a login.
    variables: &'static [&'static str],
    how_to_log_in: &'static str,
}

const KNOWN: [Known; 11] = [
    Known {
        preset: "claude-code",
        program: "claude",
        kept: (".claude", "CLAUDE_CONFIG_DIR", ".credentials.json"),
        variables: &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
        ],
        how_to_log_in: "run `claude` once and log in",
    },
    Known {
        preset: "codex",
        program: "codex",
        kept: (".codex", "CODEX_HOME", "auth.json"),
        variables: &["OPENAI_API_KEY", "CODEX_API_KEY"],
        how_to_log_in: "run `codex login`",
    },
    Known {
        preset: "gemini",
        program: "gemini",
        kept: (".gemini", "GEMINI_CLI_HOME", "oauth_creds.json"),
        variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        how_to_log_in: "run `gemini` once and log in",
    },
    Known {
        preset: "qwen",
        program: "qwen",
        kept: (".qwen", "QWEN_HOME", "oauth_creds.json"),
        variables: &["OPENAI_API_KEY"],
        how_to_log_in: "run `qwen` once and log in",
    },
    Known {
        preset: "opencode",
        program: "opencode",
        kept: (".local/share/opencode", "", "auth.json"),
        variables: &["OPENCODE_CONFIG_CONTENT", "OPENCODE_CONFIG"],
        how_to_log_in: "run `opencode auth login`",
    },
    Known {
        preset: "copilot",
        program: "copilot",
        kept: (".copilot", "COPILOT_HOME", "config.json"),
        variables: &[
            "COPILOT_GITHUB_TOKEN",
            "GH_TOKEN",
            "GITHUB_TOKEN",
            "COPILOT_PROVIDER_BASE_URL",
        ],
        how_to_log_in: "run `copilot login`",
    },
    Known {
        preset: "kimi",
        program: "kimi",
        kept: (".kimi-code", "KIMI_CODE_HOME", "config.toml"),
        variables: &[],
        how_to_log_in: "run `kimi login`",
    },
    Known {
        preset: "vibe",
        program: "vibe-acp",
        kept: (".vibe", "VIBE_HOME", "config.toml"),
        variables: &["MISTRAL_API_KEY"],
        how_to_log_in: "run `vibe --setup`",
    },
    Known {
        preset: "pi",
        program: "pi",
        kept: (".pi/agent", "PI_CODING_AGENT_DIR", "auth.json"),
        variables: &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"],
        how_to_log_in: "run `pi` once and log in",
    },
    Known {
        preset: "droid",
        program: "droid",
        kept: (".factory", "", "auth.json"),
        variables: &["FACTORY_API_KEY"],
        how_to_log_in: "run `droid` once and log in",
    },
    Known {
        preset: "aider",
        program: "aider",
        kept: ("", "", ".aider.conf.yml"),
        variables: &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"],
        how_to_log_in: "name a key in its environment",
    },
];

/// What was found of a runtime's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is; none when it is nowhere.
    pub(super) path: Option<PathBuf>,
    /// What it says of its version.
    pub(super) version: Option<String>,
    /// Where a login was seen; none when none was, or nobody knows where to look.
    pub(super) login: Option<String>,
    /// What to do when there is no login.
    pub(super) how_to_log_in: Option<&'static str>,
}

/// Returns the words that start a runtime: a person's, or those of its preset.
pub(super) fn command(runtime: &ConfiguredRuntime) -> Option<Vec<String>> {
    if !runtime.command.is_empty() {
        return Some(runtime.command.clone());
    }
    Some(vec![known(runtime)?.program.to_owned()])
}

fn known(runtime: &ConfiguredRuntime) -> Option<&'static Known> {
    let preset = runtime.preset.as_deref()?;
    KNOWN.iter().find(|known| known.preset == preset)
}

/// Looks for the program of a runtime, and asks it for its version. Costs no token.
pub(super) fn look(runtime: &ConfiguredRuntime) -> Option<Found> {
    let words = command(runtime)?;
    let path = find(words.first()?);
    let version = path.as_deref().and_then(|path| version(path, &words[1..]));
    let known = known(runtime);
    let login = known.and_then(|known| login(runtime, known));
    Some(Found {
        path,
        version,
        login,
        how_to_log_in: known.map(|known| known.how_to_log_in),
    })
}

/// Finds a program as a shell would.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        let path = PathBuf::from(program);
        return path.is_file().then_some(path);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Asks a program for its version; one that does not answer in time is ended.
fn version(program: &Path, words: &[String]) -> Option<String> {
    let mut child = Command::new(program)
        .args(words)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let until = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break,
            Ok(None) if Instant::now() < until => thread::sleep(LOOK),
            _ => {
                drop(child.kill());
                drop(child.wait());
                return None;
            }
        }
    }
    let mut said = String::new();
    // A version is a line: whoever writes more than a pipe holds has not ended above.
    child.stdout.take()?.read_to_string(&mut said).ok()?;
    let line = said.lines().next()?.trim();
    let line: String = line.chars().filter(|c| !c.is_control()).take(60).collect();
    (!line.is_empty()).then_some(line)
}

/// Looks for a login where a run would have it: in what the runtime is given, and where the
/// program keeps one. What this process has, a run has not.
fn login(runtime: &ConfiguredRuntime, known: &Known) -> Option<String> {
    let given =
        |name: &&&str| runtime.env.contains_key(**name) || runtime.secrets.contains_key(**name);
    if let Some(name) = known.variables.iter().find(given) {
        return Some(format!("${name}"));
    }
    let (folder, variable, file) = known.kept;
    if let Some(folder) = runtime.env.get(variable) {
        let path = Path::new(folder).join(file);
        return path.is_file().then(|| path.display().to_string());
    }
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let is_kept = home.join(folder).join(file).is_file();
    is_kept.then(|| format!("~/{folder}/{file}"))
}
