//! The word, the mark and the colour of each state: the same on every page.

use super::look::Look;

/// A colour by what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Nothing special.
    Plain,
    /// Done and proven.
    Good,
    /// Failed.
    Bad,
    /// Needs a person.
    Warn,
    /// At work.
    Busy,
    /// Of less interest.
    Faint,
    /// A heading or an id.
    Strong,
}

impl Ink {
    /// Returns the escape sequence that begins it.
    pub(crate) fn sequence(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("\x1b[32m"),
            Self::Bad => Some("\x1b[31m"),
            Self::Warn => Some("\x1b[33m"),
            Self::Busy => Some("\x1b[36m"),
            Self::Faint => Some("\x1b[2m"),
            Self::Strong => Some("\x1b[1m"),
        }
    }
}

/// A state as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// The word.
    pub(crate) word: &'static str,
    mark: &'static str,
    ascii: &'static str,
    /// The colour.
    pub(crate) ink: Ink,
}

const STATES: [(&str, State); 31] = [
    ("ready", state("ready", "○", "[o]", Ink::Plain)),
    ("waiting", state("waiting", "◐", "[~]", Ink::Plain)),
    ("running", state("running", "●", "[*]", Ink::Busy)),
    ("starting", state("starting", "●", "[*]", Ink::Busy)),
    ("planning", state("planning", "●", "[*]", Ink::Busy)),
    ("submitted", state("submitted", "◇", "[>]", Ink::Busy)),
    ("queued", state("queued", "◈", "[#]", Ink::Busy)),
    ("landed", state("landed", "✓", "[+]", Ink::Good)),
    ("closed", state("closed", "✓", "[+]", Ink::Good)),
    ("parked", state("parked", "‖", "[=]", Ink::Warn)),
    ("needs_you", state("needs you", "▲", "[!]", Ink::Warn)),
    ("failed", state("failed", "✗", "[x]", Ink::Bad)),
    ("cancelled", state("cancelled", "–", "[-]", Ink::Faint)),
    ("draft", state("draft", "·", "[.]", Ink::Faint)),
    ("idle", state("idle", "○", "[o]", Ink::Faint)),
    ("draining", state("draining", "◈", "[#]", Ink::Busy)),
    ("bisecting", state("bisecting", "◈", "[#]", Ink::Busy)),
    ("halted", state("halted", "▲", "[!]", Ink::Warn)),
    ("paused", state("paused", "‖", "[=]", Ink::Warn)),
    ("frozen", state("frozen", "‖", "[=]", Ink::Warn)),
    ("in_test", state("in test", "●", "[*]", Ink::Busy)),
    ("proven", state("proven", "◈", "[#]", Ink::Good)),
    ("unproven", state("unproven", "✗", "[x]", Ink::Bad)),
    ("by_hand", state("by hand", "◐", "[~]", Ink::Warn)),
    (
        "unverifiable",
        state("unverifiable", "◐", "[~]", Ink::Faint),
    ),
    ("red", state("red", "✗", "[x]", Ink::Bad)),
    ("suspect", state("suspect", "●", "[*]", Ink::Warn)),
    ("passed", state("passed", "✓", "[+]", Ink::Good)),
    ("infra", state("could not run", "▲", "[!]", Ink::Warn)),
    ("flaky", state("flaky", "◐", "[~]", Ink::Warn)),
    ("ok", state("done", "✓", "[+]", Ink::Good)),
];

const fn state(word: &'static str, mark: &'static str, ascii: &'static str, ink: Ink) -> State {
    State {
        word,
        mark,
        ascii,
        ink,
    }
}

impl State {
    /// Finds how the state of a document is shown.
    pub(crate) fn of(word: &str) -> Self {
        STATES
            .iter()
            .find(|(known, _)| *known == word)
            .map_or(state("unknown", "?", "[?]", Ink::Warn), |(_, state)| *state)
    }

    /// Returns the mark alone.
    pub(crate) fn mark(self, look: Look) -> &'static str {
        look.mark(self.mark, self.ascii)
    }

    /// Returns mark and word, without colour.
    pub(crate) fn text(self, look: Look) -> String {
        format!("{} {}", self.mark(look), self.word)
    }
}

#[cfg(test)]
mod tests {
    use gtd_core::BeadState;

    use super::*;

    #[test]
    fn every_state_of_a_bead_has_a_mark_and_its_own_word() {
        for (word, _) in BeadState::WORDS {
            assert_eq!(State::of(word).word, word);
        }
    }

    #[test]
    fn marks_are_ascii_where_ascii_is_wished() {
        assert!(STATES.iter().all(|(_, state)| state.ascii.is_ascii()));
    }
}
