//! The environment that git runs in: what gtd's own runs get, what they must
//! not inherit, and what an agent's git is given.

/// Variables of a caller's environment that gtd's own runs may keep.
///
/// All other `GIT_*` variables are scrubbed: an inherited `GIT_DIR` or
/// `GIT_INDEX_FILE` would turn a harmless act on somebody else's repository.
const KEPT: &[&str] = &[
    "GIT_CONFIG_GLOBAL",
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
];

pub(crate) fn is_scrubbed(name: &str) -> bool {
    name == "LANGUAGE" || (name.starts_with("GIT_") && !KEPT.contains(&name))
}

/// Set for each of gtd's own runs.
pub(crate) const OWN: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_EDITOR", ":"),
    ("GIT_PAGER", "cat"),
    ("GIT_ADVICE", "0"),
];

/// Configuration of each of gtd's own runs: nothing of the person's set-up may
/// run a program, write to the repository unasked, or change a tree or hash.
pub(crate) const OWN_CONFIG: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.filesRefLockTimeout=3000",
    "core.packedRefsTimeout=3000",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "i18n.commitEncoding=UTF-8",
    "merge.renames=true",
    "merge.directoryRenames=conflict",
    "merge.renameLimit=7000",
    "merge.conflictStyle=merge",
    "merge.autoStash=false",
    "submodule.recurse=false",
    "worktree.useRelativePaths=false",
    "protocol.ext.allow=never",
];

/// Lists what an agent's environment gets so that its git neither asks a
/// question nor tends the repository in the background.
///
/// By environment and not by configuration, because a worktree shares the
/// configuration file of the person's repository. Hooks stay on: agents' git
/// runs the repository's hooks.
#[must_use]
pub fn agent_git_env() -> Vec<(String, String)> {
    const CONFIG: &[(&str, &str)] = &[
        ("commit.gpgsign", "false"),
        ("tag.gpgsign", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("core.fsmonitor", "false"),
    ];
    let mut env: Vec<(String, String)> = [
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_EDITOR", ":"),
        ("GIT_PAGER", "cat"),
        ("GIT_MERGE_AUTOEDIT", "no"),
    ]
    .iter()
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    env.push(("GIT_CONFIG_COUNT".to_owned(), CONFIG.len().to_string()));
    for (index, (key, value)) in CONFIG.iter().enumerate() {
        env.push((format!("GIT_CONFIG_KEY_{index}"), (*key).to_owned()));
        env.push((format!("GIT_CONFIG_VALUE_{index}"), (*value).to_owned()));
    }
    env
}
