//! What is recorded.

use nix::sys::signal::Signal;

use crate::program::{Kind, Program};

/// One recording of one program.
pub(crate) struct Recording {
    /// The name of its files.
    pub(crate) name: &'static str,
    /// What the program is asked.
    pub(crate) prompt: String,
    /// What the same conversation was asked before, in a run that is not recorded.
    pub(crate) before: Option<String>,
    /// What is sent to the program while it runs a tool.
    pub(crate) signal: Option<Signal>,
    /// Arguments beside the usual ones.
    pub(crate) arguments: Vec<&'static str>,
    /// Whether a subscription pays, and not a key.
    pub(crate) is_subscription: bool,
}

/// Scenarios that are recorded as they are, of each program.
const PLAIN: [&str; 22] = [
    "write",
    "429-limit",
    "commit",
    "edit",
    "ask",
    "lie",
    "refuse",
    "empty",
    "max-tokens",
    "401",
    "403",
    "404",
    "400-credit",
    "400-long",
    "429",
    "429-after",
    "429-quota",
    "500",
    "529",
    "drop",
    "overload",
    "fails",
];

/// Scenarios that are recorded of programs which only the protocol, or the format, is of interest.
const FEW: [&str; 6] = ["commit", "fails", "max-tokens", "401", "404", "400-long"];

/// Lists the recordings of a program.
pub(crate) fn recordings(program: &Program) -> Vec<Recording> {
    if program.kind == Kind::Other {
        let mut all: Vec<Recording> = FEW.into_iter().map(plain).collect();
        all.push(Recording {
            before: Some(prompt("write")),
            ..plain("resume")
        });
        return all;
    }
    let mut all: Vec<Recording> = PLAIN.into_iter().map(plain).collect();
    all.push(Recording {
        prompt: prompt("429-after:1"),
        arguments: match program.kind {
            Kind::Claude | Kind::Other => vec![],
            Kind::Codex => vec!["-c", "model_providers.loopback.stream_max_retries=1"],
        },
        ..plain("retried")
    });
    all.push(Recording {
        before: Some(prompt("write")),
        prompt: prompt("edit"),
        ..plain("resume")
    });
    for (name, signal) in [
        ("sigterm", Signal::SIGTERM),
        ("sigint", Signal::SIGINT),
        ("killed", Signal::SIGKILL),
    ] {
        all.push(Recording {
            prompt: prompt("sleep"),
            signal: Some(signal),
            ..plain(name)
        });
    }
    if program.kind == Kind::Claude {
        all.push(Recording {
            prompt: prompt("429-limit"),
            is_subscription: true,
            ..plain("429-limit-subscription")
        });
        all.push(Recording {
            prompt: prompt("write"),
            is_subscription: true,
            ..plain("write-subscription")
        });
        all.push(Recording {
            prompt: prompt("write"),
            arguments: vec!["--permission-mode", "default"],
            ..plain("denied")
        });
        all.push(Recording {
            prompt: prompt("edit"),
            arguments: vec!["--max-turns", "2"],
            ..plain("max-turns")
        });
    }
    all
}

fn plain(name: &'static str) -> Recording {
    let scenario = match name {
        // A command of the agent's that fails, of which it tells nothing.
        "fails" => "run echo broken >&2; exit 3 ;; say All tests pass.",
        "resume" => "run echo more > more.txt ;; say I wrote more.txt.",
        _ => name,
    };
    Recording {
        name,
        prompt: prompt(scenario),
        before: None,
        signal: None,
        arguments: Vec::new(),
        is_subscription: false,
    }
}

fn prompt(scenario: &str) -> String {
    format!("Please do a piece of work.\nscenario: {scenario}\n")
}
