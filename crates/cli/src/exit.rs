//! The exit codes: part of the stable API, and told by `gtd help exit-codes`.

/// How a command ended, as a number for the caller's script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Failed; the details are in the error.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// No such thing, or several.
    NotFound = 3,
    /// Nothing can move without a person.
    NeedsYou = 4,
    /// The work itself failed.
    WorkFailed = 5,
    /// A budget, a quota or `--until` was reached.
    Limit = 6,
    /// The state does not allow it, or it changed meanwhile.
    State = 7,
    /// Still going when the wait ended.
    StillGoing = 8,
    /// The daemon is not there or silent.
    Unreachable = 69,
    /// Try again later.
    Again = 75,
    /// Not allowed, or an untrusted project.
    Denied = 77,
    /// The configuration is wrong.
    Config = 78,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// Every exit with its meaning, in the order of the codes.
    pub(crate) const ALL: [(Self, &'static str); 14] = [
        (Self::Done, "done"),
        (Self::Failed, "failed; the error says why"),
        (Self::Usage, "wrong usage"),
        (Self::NotFound, "no such thing, or several"),
        (Self::NeedsYou, "nothing can move without a person"),
        (Self::WorkFailed, "the work itself failed, or was cancelled"),
        (Self::Limit, "a budget, a quota or --until was reached"),
        (
            Self::State,
            "the state does not allow it, or it changed meanwhile",
        ),
        (
            Self::StillGoing,
            "still going (--timeout of a wait, or --exit-code while it waits)",
        ),
        (
            Self::Unreachable,
            "the daemon is not running, or does not answer",
        ),
        (Self::Again, "overloaded: try again later"),
        (Self::Denied, "not allowed, or an untrusted project"),
        (Self::Config, "the configuration is wrong"),
        (Self::Interrupted, "interrupted"),
    ];

    /// Returns the number.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// Reads the number that the daemon gives for how a goal ended.
    #[must_use]
    pub(crate) fn of_goal(code: u8) -> Self {
        Self::ALL
            .iter()
            .find(|(exit, _)| exit.code() == code)
            .map_or(Self::Failed, |(exit, _)| *exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 69, 75, 77, 78, 130]);
    }

    #[test]
    fn what_the_daemon_says_of_a_goal_is_taken_as_it_is() {
        for (code, exit) in [
            (0, Exit::Done),
            (4, Exit::NeedsYou),
            (5, Exit::WorkFailed),
            (6, Exit::Limit),
        ] {
            assert_eq!(Exit::of_goal(code), exit);
        }
    }
}
