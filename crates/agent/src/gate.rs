//! What the end of a gate's run proves.
//!
//! A gate speaks by its exit code alone. An end that says nothing about the
//! tree (the command is missing, the disk is full, somebody killed it) is an
//! infrastructure error: to be repeated, and neither green nor red. A crash is
//! an answer: nobody but the program itself sends itself those signals.

use nix::libc;

use crate::{
    shim::{CANNOT_START, NOT_FOUND},
    state::{End, Exit, RunState},
};

/// The exit code that stands for "over its time limit", as timeout(1) has it.
pub const TIMED_OUT_CODE: i32 = 124;

/// The outcome of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateVerdict {
    /// Exit code 0.
    Passed,
    /// Any other answer of the command; [`TIMED_OUT_CODE`] when it took too long.
    Failed {
        /// The exit code.
        code: i32,
    },
    /// The run says nothing about the tree.
    Infra {
        /// Why it does not, for a person.
        why: String,
    },
}

/// Signals by which a program dies of its own mistake.
const CRASHES: [i32; 7] = [
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGSYS,
];

const STARVED: [&str; 2] = ["No space left on device", "Cannot allocate memory"];

/// Judges an ended gate by its exit and the last of its output.
#[must_use]
pub fn classify_gate(exit: &Exit, tail: &str) -> GateVerdict {
    let infra = |why: String| GateVerdict::Infra { why };
    if exit.stopped {
        return infra("it was stopped before it ended".to_owned());
    }
    if exit.timed_out {
        return GateVerdict::Failed {
            code: TIMED_OUT_CODE,
        };
    }
    match exit.end {
        End::Code(0) => GateVerdict::Passed,
        End::Code(code) if code == i32::from(NOT_FOUND) => {
            infra("its command does not exist (exit code 127)".to_owned())
        }
        End::Code(code) if code == i32::from(CANNOT_START) => {
            infra("its command cannot be started (exit code 126)".to_owned())
        }
        // As a shell has it.
        End::Signal(signal) if CRASHES.contains(&signal) => {
            GateVerdict::Failed { code: 128 + signal }
        }
        End::Signal(signal) => infra(format!("signal {signal} killed it")),
        End::Code(code) => match STARVED.iter().find(|text| tail.contains(**text)) {
            Some(text) => infra(format!("the machine ran short: {text}")),
            None => GateVerdict::Failed { code },
        },
    }
}

/// Judges a gate by where its run stands; `None` while it has not ended.
#[must_use]
pub fn classify_state(state: &RunState, tail: &str) -> Option<GateVerdict> {
    match state {
        RunState::Absent | RunState::Prepared | RunState::Live(_) => None,
        RunState::Exited(exit) => Some(classify_gate(exit, tail)),
        RunState::Lost => Some(GateVerdict::Infra {
            why: "its supervisor was killed".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use gtd_core::Timestamp;

    use super::*;

    fn exit(end: End) -> Exit {
        Exit {
            end,
            timed_out: false,
            stopped: false,
            started_at: Timestamp(0),
            ended_at: Timestamp(1),
            output_bytes: 0,
            dropped_bytes: 0,
            left_behind: 0,
            output_sha256: String::new(),
            report: None,
        }
    }

    fn word(exit: &Exit, tail: &str) -> String {
        match classify_gate(exit, tail) {
            GateVerdict::Passed => "passed".to_owned(),
            GateVerdict::Failed { code } => format!("failed {code}"),
            GateVerdict::Infra { .. } => "infra".to_owned(),
        }
    }

    #[test]
    fn only_an_answer_of_the_command_is_a_verdict() {
        assert_eq!(
            word(&exit(End::Code(0)), "No space left on device"),
            "passed"
        );
        assert_eq!(word(&exit(End::Code(1)), "1 test failed"), "failed 1");
        assert_eq!(word(&exit(End::Code(126)), ""), "infra");
        assert_eq!(word(&exit(End::Code(127)), ""), "infra");
        assert_eq!(word(&exit(End::Signal(9)), ""), "infra");
        assert_eq!(word(&exit(End::Signal(15)), ""), "infra");
        assert_eq!(word(&exit(End::Signal(11)), ""), "failed 139");
        assert_eq!(word(&exit(End::Signal(6)), "assertion"), "failed 134");
        assert_eq!(
            word(&exit(End::Code(2)), "write: No space left on device"),
            "infra"
        );
        assert_eq!(
            word(&exit(End::Code(2)), "fork: Cannot allocate memory"),
            "infra"
        );
    }

    #[test]
    fn a_gate_that_hangs_is_red_and_one_that_was_stopped_is_not() {
        let hanging = Exit {
            timed_out: true,
            ..exit(End::Signal(15))
        };
        assert_eq!(word(&hanging, ""), "failed 124");
        let stopped = Exit {
            stopped: true,
            ..exit(End::Code(143))
        };
        assert_eq!(word(&stopped, ""), "infra");
        assert_eq!(classify_state(&RunState::Prepared, ""), None);
    }
}
