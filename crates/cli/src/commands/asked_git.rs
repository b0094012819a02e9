//! What git says of a repository, for commands that only look.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::error::CliError;

/// Asks git, with nothing of the repository that would start a program or take a lock.
pub(crate) fn ask(folder: &Path, words: &[&str]) -> Result<Vec<u8>, CliError> {
    let act = || format!("ask git for `{}`", words.join(" "));
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") && !is_config(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    let output = command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .arg("-C")
        .arg(folder)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| CliError::io(act(), error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CliError::io(act(), std::io::Error::other(said)))
}

/// Tells whether a variable says which configuration git reads, and nothing of a repository.
fn is_config(name: &str) -> bool {
    [
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
    ]
    .contains(&name)
}
