//! The table of all keys: what each takes, who may set it, and whether anything acts on it yet.
//!
//! Defaults stand in `builtin.toml`, which is the lowest layer.

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Its path; `*` stands for a name of the user's choice.
    pub(super) path: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// Who may set it.
    pub(super) who: Who,
    /// Whether anything acts on it.
    pub(super) effect: Effect,
    /// What it is for, in a sentence.
    pub(super) doc: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// True or false.
    Bool,
    /// A whole number in a range.
    Integer(i64, i64),
    /// A number in a range, with or without a fraction.
    Number(f64, f64),
    /// A text.
    Text,
    /// A text that says something.
    Script,
    /// A name: lower-case letters, digits and a few marks.
    Name,
    /// The prefix of bead ids.
    Prefix,
    /// A branch of git.
    Branch,
    /// A remote of git, or nothing.
    Remote,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A duration; zero is allowed.
    Duration,
    /// A duration above zero.
    Span,
    /// A number of bytes, `64MiB`.
    Size,
    /// A number of bytes, or a share of all of them.
    SizeOrShare,
    /// A whole number, or a share of all.
    CountOrShare,
    /// A time of day, `07:45`.
    TimeOfDay,
    /// A span of the day, `22:30-07:30`.
    TimesOfDay,
    /// A list of texts.
    Texts,
    /// A list of some words.
    Words(&'static [&'static str]),
    /// A list of whole numbers in a range.
    Integers(i64, i64),
    /// A text, or a program with its arguments.
    TextOrTexts,
    /// A table of texts: environment variables.
    Environment,
    /// Where a secret is found.
    Secret,
    /// A list of tables.
    Rows(&'static [Key]),
}

/// Who may set a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The user and the project.
    Anyone,
    /// The user alone; a repository that sets it is ignored.
    UserOnly,
    /// The project alone.
    ProjectOnly,
    /// Both, but the project at most what the user set.
    AtMostTheUser,
    /// Both, but the project only words that the user has.
    AmongTheUsers,
    /// Both, but this word is the user's alone.
    UserOnlyWord(&'static str),
}

/// Whether anything acts on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It has an effect.
    Works,
    /// It is accepted, and nothing acts on it yet.
    Planned,
}

use Effect::{Planned, Works};
use Kind::{
    Bool, Branch, CountOrShare, Duration, Environment, Integer, Integers, Name, Number, Prefix,
    Remote, Rows, Script, Secret, Size, SizeOrShare, Span, Text, TextOrTexts, Texts, TimeOfDay,
    TimesOfDay, Word, Words,
};
use Who::{AmongTheUsers, Anyone, AtMostTheUser, ProjectOnly, UserOnly, UserOnlyWord};

const fn key(path: &'static str, kind: Kind, who: Who, effect: Effect, doc: &'static str) -> Key {
    Key {
        path,
        kind,
        who,
        effect,
        doc,
    }
}

const MILLIONS: f64 = 1e9;
const EVENTS: &[&str] = &[
    "needs-you",
    "done",
    "report",
    "budget",
    "main-red",
    "all-blocked",
    "auth-lost",
    "disk",
];
const APPROVALS: &[&str] = &["plan", "merge", "protected-paths", "new-dependency"];

/// The keys of one `[[gate]]`.
pub(super) const GATE_KEYS: &[Key] = &[
    key(
        "name",
        Name,
        ProjectOnly,
        Works,
        "Its name, once per project.",
    ),
    key(
        "run",
        Script,
        ProjectOnly,
        Works,
        "The command, run by `sh`; exit code 0 is proof.",
    ),
    key(
        "when",
        Word(&["worker", "merge", "both", "goal"]),
        ProjectOnly,
        Works,
        "Where it runs; by default merge, on the merged tree.",
    ),
    key(
        "timeout",
        Span,
        ProjectOnly,
        Works,
        "The longest that it may take; by default 20m.",
    ),
    key(
        "retries",
        Integer(0, 10),
        ProjectOnly,
        Planned,
        "How often a red run is tried again; green on a retry is reported as flaky.",
    ),
    key(
        "junit",
        Text,
        ProjectOnly,
        Planned,
        "A JUnit file with results per test.",
    ),
    key(
        "builtin",
        Word(&["test-guard"]),
        ProjectOnly,
        Planned,
        "A gate that gtd brings along, in place of `run`.",
    ),
    key(
        "required",
        Bool,
        ProjectOnly,
        Planned,
        "Whether red holds the work back, or is only reported.",
    ),
    key(
        "env",
        Environment,
        ProjectOnly,
        Works,
        "Environment variables for it.",
    ),
];

const SCHEDULE_KEYS: &[Key] = &[
    key("name", Name, ProjectOnly, Works, "Its name."),
    key(
        "cron",
        Script,
        ProjectOnly,
        Works,
        "When, as a cron expression in local time.",
    ),
    key("goal", Script, ProjectOnly, Works, "The goal to submit."),
    key(
        "run",
        Script,
        ProjectOnly,
        Works,
        "The one script that does it; without one an agent plans the goal.",
    ),
    key(
        "policy",
        Name,
        ProjectOnly,
        Planned,
        "The policy that it runs under.",
    ),
    key(
        "budget_usd",
        Number(0.0, MILLIONS),
        ProjectOnly,
        Planned,
        "What it may cost.",
    ),
];

const CHANNEL_KEYS: &[Key] = &[
    key(
        "kind",
        Word(&["desktop", "ntfy", "exec"]),
        UserOnly,
        Planned,
        "How it reaches you.",
    ),
    key(
        "url",
        Text,
        UserOnly,
        Planned,
        "Where an ntfy channel posts to.",
    ),
    key(
        "token",
        Secret,
        UserOnly,
        Planned,
        "Where its token is found.",
    ),
    key(
        "actions",
        Bool,
        UserOnly,
        Planned,
        "Whether it offers buttons.",
    ),
    key(
        "command",
        Texts,
        UserOnly,
        Planned,
        "The program of an exec channel; it gets one JSON event on stdin.",
    ),
    key(
        "events",
        Words(EVENTS),
        UserOnly,
        Planned,
        "The events that it carries; all by default.",
    ),
];

/// All keys but `schema`, which every file may have.
pub(super) const KEYS: &[Key] = &[
    key(
        "rig.name",
        Name,
        ProjectOnly,
        Works,
        "The name of this repository under gtd; by default the name of its folder.",
    ),
    key(
        "rig.prefix",
        Prefix,
        ProjectOnly,
        Works,
        "The prefix of bead ids; by default from the name.",
    ),
    key(
        "rig.branch",
        Branch,
        ProjectOnly,
        Works,
        "The branch that work lands on; by default the one that origin/HEAD names.",
    ),
    key(
        "rig.remote",
        Remote,
        ProjectOnly,
        Planned,
        "The remote; \"\" is none.",
    ),
    key(
        "rig.instructions",
        Texts,
        ProjectOnly,
        Planned,
        "Files that every role is given.",
    ),
    key(
        "rig.setup",
        Text,
        ProjectOnly,
        Planned,
        "A command to run once in each new worktree.",
    ),
    key(
        "rig.env_files",
        Texts,
        ProjectOnly,
        Planned,
        "Files of environment variables for agents.",
    ),
    key(
        "gate",
        Rows(GATE_KEYS),
        ProjectOnly,
        Works,
        "The gates, in the order in which they run.",
    ),
    key(
        "merge.strategy",
        Word(&["rebase", "squash", "merge"]),
        Anyone,
        Planned,
        "How a bead's commits come onto the branch.",
    ),
    key(
        "merge.batch",
        Integer(1, 1_000),
        Anyone,
        Works,
        "Submissions tested together at most; a red batch is bisected.",
    ),
    key(
        "merge.order",
        Word(&["fifo", "priority"]),
        Anyone,
        Planned,
        "Which submission goes first.",
    ),
    key(
        "merge.max_attempts",
        Integer(1, 1_000),
        Anyone,
        Planned,
        "Merges of one bead before a person is asked.",
    ),
    key(
        "merge.sign",
        Word(&["ssh", "gpg", "off"]),
        Anyone,
        Planned,
        "How the refinery signs; workers never sign.",
    ),
    key(
        "merge.push",
        Word(&["on-green", "pull-request", "never"]),
        Anyone,
        Planned,
        "When the branch is pushed.",
    ),
    key(
        "merge.protect",
        Texts,
        Anyone,
        Planned,
        "Globs of files that only a person may let through.",
    ),
    key(
        "commit.attribution",
        Word(&["assisted-by", "co-authored-by", "none"]),
        Anyone,
        Planned,
        "How commits name the agent.",
    ),
    key(
        "commit.trailers",
        Texts,
        Anyone,
        Planned,
        "Trailers of each commit.",
    ),
    key(
        "roles.*.max",
        Integer(1, 10_000),
        AtMostTheUser,
        Works,
        "Seats at most.",
    ),
    key(
        "roles.*.use",
        Texts,
        Anyone,
        Planned,
        "Runtimes, in order of preference.",
    ),
    key(
        "roles.*.model",
        Text,
        Anyone,
        Planned,
        "A model, by its name in the runtime's `models` or by its id.",
    ),
    key(
        "roles.*.attempts",
        Integer(1, 1_000),
        Anyone,
        Works,
        "Attempts at one bead before a person is asked.",
    ),
    key(
        "roles.*.backoff",
        Duration,
        Anyone,
        Works,
        "The wait after the first failed attempt; it doubles up to 5m.",
    ),
    key(
        "roles.*.silence",
        Span,
        Anyone,
        Works,
        "Silence after which the witness looks.",
    ),
    key(
        "roles.*.limit",
        Span,
        Anyone,
        Works,
        "The longest that one attempt may take.",
    ),
    key(
        "roles.*.repeats",
        Integer(1, 1_000_000),
        Anyone,
        Works,
        "How often the same output may come in a row.",
    ),
    key(
        "roles.*.breaker",
        Integer(1, 1_000_000),
        Anyone,
        Works,
        "Failed attempts in a row over the whole rig that pause it.",
    ),
    key(
        "roles.*.session",
        Word(&["fresh", "resume"]),
        Anyone,
        Planned,
        "Whether a new attempt begins a new session.",
    ),
    key(
        "roles.*.refresh_at",
        Number(0.0, 1.0),
        Anyone,
        Planned,
        "The share of the context window at which a fresh session takes over.",
    ),
    key(
        "roles.*.usd",
        Number(0.0, MILLIONS),
        AtMostTheUser,
        Planned,
        "What one bead may cost.",
    ),
    key(
        "roles.*.diff_lines",
        Integer(1, 1_000_000_000),
        Anyone,
        Planned,
        "Lines of a diff over which the bead is to be split.",
    ),
    key(
        "roles.*.access.write",
        Texts,
        Anyone,
        Planned,
        "Globs of what the role may write.",
    ),
    key(
        "roles.*.access.deny",
        Texts,
        Anyone,
        Planned,
        "Globs of what it may not write.",
    ),
    key(
        "roles.*.access.network",
        Word(&["none", "registries", "full"]),
        UserOnlyWord("full"),
        Planned,
        "What of the network it reaches.",
    ),
    key(
        "roles.*.access.commands_deny",
        Texts,
        Anyone,
        Planned,
        "Commands that it may not run.",
    ),
    key(
        "roles.*.access.sandbox",
        Word(&["auto", "bubblewrap", "container", "none"]),
        UserOnlyWord("none"),
        Planned,
        "What keeps it in.",
    ),
    key(
        "roles.*.access.gtd",
        Texts,
        Anyone,
        Planned,
        "The verbs of gtd that it may use.",
    ),
    key(
        "roles.*.access.mcp",
        Texts,
        Anyone,
        Planned,
        "MCP servers of the runtime that it may use.",
    ),
    key(
        "policy.default",
        Name,
        Anyone,
        Planned,
        "The policy of a goal that names none.",
    ),
    key(
        "policies.*.extends",
        Name,
        Anyone,
        Planned,
        "The policy that this one begins from.",
    ),
    key(
        "policies.*.approve",
        Words(APPROVALS),
        Anyone,
        Planned,
        "What waits for a person.",
    ),
    key(
        "policies.*.on_question",
        Word(&["ask", "park", "assume"]),
        Anyone,
        Planned,
        "What a worker's question does.",
    ),
    key(
        "policies.*.on_rate_limit",
        Word(&["fallback", "wait", "stop"]),
        Anyone,
        Planned,
        "What a rate limit does.",
    ),
    key(
        "policies.*.notify",
        Words(EVENTS),
        Anyone,
        Planned,
        "What you are told.",
    ),
    key(
        "policies.*.wake_me_for",
        Words(EVENTS),
        AmongTheUsers,
        Planned,
        "What gets through quiet hours.",
    ),
    key(
        "policies.*.max_parallel",
        Integer(1, 10_000),
        AtMostTheUser,
        Planned,
        "Agents at once.",
    ),
    key(
        "policies.*.land",
        Word(&["main", "integration", "pull-request", "none"]),
        Anyone,
        Planned,
        "Where work lands.",
    ),
    key(
        "policies.*.stop_after_failures",
        Integer(1, 1_000_000),
        Anyone,
        Planned,
        "Failures in a row over a convoy that stop it.",
    ),
    key(
        "budget.convoy_usd",
        Number(0.0, MILLIONS),
        AtMostTheUser,
        Planned,
        "What one goal may cost.",
    ),
    key(
        "budget.bead_usd",
        Number(0.0, MILLIONS),
        AtMostTheUser,
        Planned,
        "What one bead may cost before it is parked.",
    ),
    key(
        "budget.day_usd",
        Number(0.0, MILLIONS),
        AtMostTheUser,
        Planned,
        "What one local day may cost.",
    ),
    key(
        "budget.tokens_per_hour",
        Integer(0, i64::MAX),
        AtMostTheUser,
        Planned,
        "Tokens per hour, for subscriptions.",
    ),
    key(
        "budget.on_reach",
        Word(&["pause", "stop"]),
        Anyone,
        Planned,
        "What a spent budget does.",
    ),
    key(
        "budget.warn_at",
        Integers(1, 100),
        Anyone,
        Planned,
        "Percents at which you are told.",
    ),
    key(
        "schedule",
        Rows(SCHEDULE_KEYS),
        ProjectOnly,
        Works,
        "Goals that come by the clock.",
    ),
    key(
        "town.name",
        Name,
        UserOnly,
        Planned,
        "The name of this town.",
    ),
    key(
        "town.autostart",
        Bool,
        UserOnly,
        Planned,
        "Whether a command that changes something starts the daemon.",
    ),
    key(
        "town.max_parallel",
        Integer(1, 10_000),
        UserOnly,
        Planned,
        "Agents at once over all rigs.",
    ),
    key(
        "town.worktrees",
        Text,
        UserOnly,
        Planned,
        "Where worktrees are made.",
    ),
    key(
        "resources.disk_floor",
        SizeOrShare,
        UserOnly,
        Works,
        "Disk space that stays free: below it no run begins.",
    ),
    key(
        "resources.inode_floor",
        CountOrShare,
        UserOnly,
        Works,
        "Inodes that stay free: below it no run begins.",
    ),
    key(
        "resources.memory_floor",
        SizeOrShare,
        UserOnly,
        Works,
        "Memory that stays free: below it no run begins.",
    ),
    key(
        "resources.file_floor",
        CountOrShare,
        UserOnly,
        Works,
        "Files that the daemon may still open: below it no run begins.",
    ),
    key(
        "resources.ballast",
        Size,
        UserOnly,
        Works,
        "A file that is given up when the disk is full, so that the log can go on; \"0\" is none.",
    ),
    key(
        "retention.runs",
        Duration,
        UserOnly,
        Works,
        "How long runs of what has ended are kept: their output, transcripts and candidates.",
    ),
    key(
        "retention.runs_size",
        Size,
        UserOnly,
        Works,
        "What all runs may take together before the oldest of what has ended go; \"0\" is no limit.",
    ),
    key(
        "runtimes.*.preset",
        Word(&[
            "claude-code",
            "codex",
            "gemini",
            "copilot",
            "opencode",
            "amp",
            "aider",
            "cursor",
            "command",
        ]),
        UserOnly,
        Works,
        "The known program that it is; `command` is any other, which takes the prompt on standard input.",
    ),
    key(
        "runtimes.*.command",
        Texts,
        UserOnly,
        Works,
        "The program and its arguments.",
    ),
    key(
        "runtimes.*.transport",
        Word(&["acp", "headless", "pty"]),
        UserOnly,
        Planned,
        "How gtd speaks with it.",
    ),
    key(
        "runtimes.*.models.*",
        Text,
        UserOnly,
        Works,
        "A model of that name.",
    ),
    key(
        "runtimes.*.billing",
        Word(&["subscription", "api"]),
        UserOnly,
        Planned,
        "How it is paid for.",
    ),
    key(
        "runtimes.*.max_parallel",
        Integer(1, 10_000),
        UserOnly,
        Planned,
        "How many of it at once.",
    ),
    key(
        "runtimes.*.env.*",
        Text,
        UserOnly,
        Works,
        "An environment variable for it.",
    ),
    key(
        "runtimes.*.secrets.*",
        Secret,
        UserOnly,
        Planned,
        "Where the secret for an environment variable is found.",
    ),
    key(
        "runtimes.*.price.input_usd_per_mtok",
        Number(0.0, MILLIONS),
        UserOnly,
        Planned,
        "Dollars for a million tokens in.",
    ),
    key(
        "runtimes.*.price.output_usd_per_mtok",
        Number(0.0, MILLIONS),
        UserOnly,
        Planned,
        "Dollars for a million tokens out.",
    ),
    key(
        "notify.quiet",
        TimesOfDay,
        UserOnly,
        Planned,
        "Quiet hours, in local time.",
    ),
    key(
        "notify.batch",
        Duration,
        UserOnly,
        Planned,
        "How long messages are gathered.",
    ),
    key(
        "notify.channel",
        Rows(CHANNEL_KEYS),
        UserOnly,
        Planned,
        "The ways in which you are told.",
    ),
    key(
        "report.at",
        TimeOfDay,
        UserOnly,
        Planned,
        "When the report is made, in local time.",
    ),
    key("report.to", Texts, UserOnly, Planned, "Where it goes."),
    key(
        "ui.color",
        Word(&["auto", "always", "never"]),
        UserOnly,
        Works,
        "When output is coloured.",
    ),
    key(
        "ui.glyphs",
        Word(&["unicode", "ascii"]),
        UserOnly,
        Works,
        "The signs that output uses.",
    ),
    key(
        "ui.pager",
        TextOrTexts,
        UserOnly,
        Works,
        "The pager of long output: a program with its arguments, or a command; \"\" is none. Without it $PAGER, then less -FRX.",
    ),
    key(
        "ui.hyperlinks",
        Word(&["auto", "always", "never"]),
        UserOnly,
        Planned,
        "When output has links.",
    ),
    key(
        "ui.time",
        Word(&["relative", "local", "utc"]),
        UserOnly,
        Planned,
        "How times are shown.",
    ),
    key(
        "ui.editor",
        Text,
        UserOnly,
        Works,
        "The editor; by default $VISUAL, then $EDITOR.",
    ),
    key(
        "web.listen",
        Text,
        UserOnly,
        Planned,
        "The address of the dashboard.",
    ),
    key(
        "web.open",
        Bool,
        UserOnly,
        Planned,
        "Whether a browser is opened.",
    ),
    key(
        "web.auth.token",
        Secret,
        UserOnly,
        Planned,
        "Where the token is found that is needed beyond loopback.",
    ),
    key(
        "telemetry.otlp",
        Text,
        UserOnly,
        Planned,
        "Where traces go; \"\" is nowhere.",
    ),
    key(
        "telemetry.prometheus",
        Bool,
        UserOnly,
        Planned,
        "Whether the web port serves /metrics.",
    ),
    key(
        "telemetry.log",
        Word(&["journald", "file", "both"]),
        UserOnly,
        Planned,
        "Where the daemon's log goes.",
    ),
];

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// A key.
    Leaf(&'static Key),
    /// A table that holds keys.
    Table,
    /// Nothing.
    Nothing,
}

/// Finds what the segments lead to.
pub(super) fn find(segments: &[&str]) -> Found {
    let mut found = Found::Nothing;
    for key in KEYS {
        if starts_with(key.path, segments) {
            if key.path.split('.').count() == segments.len() {
                return Found::Leaf(key);
            }
            found = Found::Table;
        }
    }
    found
}

/// Tells whether the path begins with the segments; `*` is any of them.
pub(super) fn starts_with(path: &str, segments: &[&str]) -> bool {
    let mut parts = path.split('.');
    segments.iter().all(|segment| {
        parts
            .next()
            .is_some_and(|part| part == "*" || part == *segment)
    })
}

/// Returns the words that may follow the segments, and whether a name of one's own may.
pub(super) fn children(segments: &[&str]) -> (Vec<&'static str>, bool) {
    let mut words: Vec<&'static str> = Vec::new();
    let mut is_open = segments.is_empty();
    if is_open {
        words.push("schema");
        is_open = false;
    }
    for key in KEYS {
        if starts_with(key.path, segments) {
            match key.path.split('.').nth(segments.len()) {
                Some("*") => is_open = true,
                Some(word) if !words.contains(&word) => words.push(word),
                _ => {}
            }
        }
    }
    (words, is_open)
}

/// What kind of name stands at the place of a `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// The name of a role, a policy, a runtime or a model.
    Plain,
    /// The name of an environment variable.
    Variable,
}

/// Tells what kind of name comes after the segments, where a name of one's own may come.
pub(super) fn name_kind(segments: &[&str]) -> NameKind {
    match segments.last() {
        Some(&("env" | "secrets")) if segments.len() > 2 => NameKind::Variable,
        _ => NameKind::Plain,
    }
}
