//! Which variables a template may use: some always, others by what wakes the role.

use super::{
    context::{
        PromptAttempt, PromptBead, PromptConflict, PromptContext, PromptConvoy, PromptGate,
        PromptGoal, PromptMail, PromptMerge, PromptParked, PromptRig, PromptSibling,
        PromptSubmission, PromptText,
    },
    spec::RoleSpec,
    words::{RoleKind, WakeEvent},
};

/// Variables that come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Always,
    Place,
    Bead,
    Merge,
    Mail,
    Plan,
}

/// A variable: its group, and its fields when they are known.
type Variable = (&'static str, Group, &'static [&'static str]);

pub(super) const VARIABLES: &[Variable] = &[
    ("agent", Group::Always, &["name"]),
    ("rig", Group::Always, &["name", "branch", "instructions"]),
    ("town", Group::Always, &["name"]),
    ("role", Group::Always, &["name", "kind", "summary"]),
    ("policy", Group::Always, &["name", "on_question"]),
    (
        "limits",
        Group::Always,
        &["turn", "bead", "attempts", "usd", "diff_lines"],
    ),
    ("budget", Group::Always, &["left_usd"]),
    ("gates", Group::Always, &[]),
    ("vars", Group::Always, &[]),
    ("now", Group::Always, &[]),
    ("worktree", Group::Place, &[]),
    ("branch", Group::Place, &[]),
    ("base", Group::Place, &[]),
    (
        "bead",
        Group::Bead,
        &[
            "id",
            "title",
            "description",
            "acceptance",
            "scope",
            "labels",
            "notes",
        ],
    ),
    (
        "attempt",
        Group::Bead,
        &["number", "last_gate", "last_output", "last_summary"],
    ),
    ("convoy", Group::Bead, &["id", "title", "notes"]),
    ("siblings", Group::Bead, &[]),
    (
        "merge",
        Group::Merge,
        &["candidate", "target", "commit", "diff"],
    ),
    ("submission", Group::Merge, &["claim", "proof", "risks"]),
    ("batch", Group::Merge, &[]),
    ("conflict", Group::Merge, &["paths", "output"]),
    ("mail", Group::Mail, &["number", "from", "text", "state"]),
    (
        "goal",
        Group::Plan,
        &["id", "title", "description", "acceptance", "notes"],
    ),
    ("parked", Group::Plan, &[]),
    ("landed", Group::Plan, &[]),
    ("open_beads", Group::Plan, &[]),
    ("spec", Group::Plan, &[]),
    ("repo_map", Group::Plan, &[]),
    ("history", Group::Plan, &[]),
];

/// Functions that a template may call.
pub(super) const FUNCTIONS: &[&str] = &["range", "dict", "namespace"];

/// Returns what may be there when this event wakes a role of this kind.
fn groups(kind: RoleKind, event: Option<WakeEvent>) -> Vec<Group> {
    use WakeEvent as W;
    let of_kind: &[Group] = match kind {
        RoleKind::Worker => &[Group::Bead, Group::Place],
        RoleKind::Reviewer => &[Group::Merge, Group::Place],
        _ => &[],
    };
    let of_event: &[Group] = match event {
        Some(W::GoalOpened | W::GoalAmended | W::ConvoyBlocked | W::ConvoyEnded) => {
            &[Group::Plan, Group::Place]
        }
        Some(
            W::BeadReady
            | W::BeadAssigned
            | W::BeadSubmitted
            | W::BeadReturned
            | W::BeadLanded
            | W::BeadParked
            | W::GateFailed
            | W::ReviewChangesRequested
            | W::LeaseSilent,
        ) => &[Group::Bead, Group::Place],
        Some(W::ReviewRequested) => &[Group::Bead, Group::Merge, Group::Place],
        Some(W::MergeFormed | W::MergeConflict | W::MergeRed | W::MergeLanded) => {
            &[Group::Merge, Group::Place]
        }
        Some(
            W::MailReceived
            | W::AskReceived
            | W::TellReceived
            | W::QuestionAsked
            | W::QuestionAnswered,
        ) => &[Group::Mail],
        Some(W::RunEnded | W::DiskLow | W::TownStarted) | None => &[],
    };
    let mut groups = [&[Group::Always], of_kind, of_event].concat();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Returns the situations in which a role reads its prompt: each the groups that are there.
pub(super) fn situations(spec: &RoleSpec) -> Vec<Vec<Group>> {
    let mut situations: Vec<Vec<Group>> = spec
        .wake
        .on
        .iter()
        .map(|event| groups(spec.kind, Some(*event)))
        .collect();
    if situations.is_empty() {
        situations.push(groups(spec.kind, None));
    }
    situations.sort_unstable();
    situations.dedup();
    situations
}

/// How much an example has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Example {
    /// What must be there and nothing more.
    Bare,
    /// Everything.
    Full,
}

/// Makes an example of a situation, to try a template with.
pub(super) fn example(groups: &[Group], size: Example) -> PromptContext {
    let full = size == Example::Full;
    let some = |text: &str| full.then(|| PromptText::foreign("an example", text));
    let several = |count: usize| if full { count } else { 0 };
    let rig = PromptRig {
        name: "api".to_owned(),
        branch: "main".to_owned(),
        instructions: vec!["AGENTS.md".to_owned(); several(1)],
    };
    let mut context = PromptContext::new("quartz", rig, "home", "2026-11-22 21:00");
    let gate = PromptGate {
        name: "test".to_owned(),
        run: "cargo test".to_owned(),
        when: "merge".to_owned(),
    };
    context.gates = vec![gate; several(2)];
    if full {
        context.budget.left_usd = 2.5;
    }
    let sibling = PromptSibling {
        id: "api-9x1a".to_owned(),
        title: "Session store".into(),
        state: "running".to_owned(),
        scope: vec!["src/session/**".to_owned()],
    };
    for group in groups {
        match group {
            Group::Always => {}
            Group::Place => {
                context.worktree = Some("/worktrees/api/quartz".to_owned());
                context.branch = Some("gtd/api-7k2m/e1".to_owned());
                context.base = Some("9f2c1ab".to_owned());
            }
            Group::Bead => {
                context.bead = Some(PromptBead {
                    id: "api-7k2m".to_owned(),
                    title: "OAuth login".into(),
                    description: some("Add the login.").unwrap_or_default(),
                    acceptance: vec!["a login works".into(); several(2)],
                    scope: vec!["src/login/**".to_owned(); several(1)],
                    labels: vec!["auth".to_owned(); several(1)],
                    notes: vec!["Keep the old form.".into(); several(1)],
                });
                context.attempt = Some(PromptAttempt {
                    number: if full { 2 } else { 1 },
                    last_gate: if full { "test" } else { "" }.to_owned(),
                    last_output: some("one test failed").unwrap_or_default(),
                    last_summary: some("I wrote the parser").unwrap_or_default(),
                });
                context.convoy = full.then(|| PromptConvoy {
                    id: "api-c7".to_owned(),
                    title: "Log in".into(),
                    notes: vec!["Leave the tokens alone.".into(); several(1)],
                });
                context.siblings = vec![sibling.clone(); several(2)];
            }
            Group::Merge => {
                context.merge = Some(PromptMerge {
                    candidate: "c-4711".to_owned(),
                    target: "refs/heads/main".to_owned(),
                    commit: "9f2c1ab".to_owned(),
                    diff: some("+ one line").unwrap_or_default(),
                });
                context.submission = Some(PromptSubmission {
                    claim: some("I did it.").unwrap_or_default(),
                    proof: vec!["`cargo test` was green".into(); several(2)],
                    risks: vec!["500 lines changed".to_owned(); several(2)],
                });
                context.batch = vec![sibling.clone(); 1 + several(1)];
                context.conflict = full.then(|| PromptConflict {
                    paths: vec!["src/lib.rs".to_owned()],
                    output: "CONFLICT (content)".into(),
                });
            }
            Group::Mail => {
                context.mail = Some(PromptMail {
                    number: 4,
                    from: "mayor".to_owned(),
                    text: PromptText::foreign("mail of mayor", "How far are you?"),
                    state: some("1 goal is open").unwrap_or_default(),
                });
            }
            Group::Plan => {
                context.goal = Some(PromptGoal {
                    id: "api-c7".to_owned(),
                    title: "Log in".into(),
                    description: some("With OAuth.").unwrap_or_default(),
                    acceptance: vec!["a login works".into(); several(2)],
                    notes: vec!["Leave the tokens alone.".into(); several(1)],
                });
                let parked = PromptParked {
                    id: "api-3k8f".to_owned(),
                    title: "Refresh tokens".into(),
                    description: "Keep people logged in.".into(),
                    acceptance: vec!["a session lasts a week".into()],
                    scope: vec!["src/token/**".to_owned()],
                    reason: PromptText::foreign("an example", "3 of 3 attempts failed"),
                    tries: PromptText::foreign("an example", "Attempt 3: one test failed"),
                    notes: vec!["Keep the cookie.".into()],
                };
                context.parked = vec![parked; several(2)];
                context.landed = vec![sibling.clone(); several(2)];
                context.open_beads = vec![sibling.clone(); several(2)];
                context.spec = some("The login is by OAuth.");
                context.repo_map = some("src/lib.rs");
                context.history = some("Nothing was tried before.");
            }
        }
    }
    context
}
