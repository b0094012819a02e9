//! Which levels of the API work together: the same, and those that are one apart.
//!
//! | the other side | then |
//! |---|---|
//! | is of the same level | nothing is said |
//! | is one level older or newer | it works, and the person is told once |
//! | is further away, or tells no level | it is refused, with what to do |
//!
//! So whoever changes what a message means keeps the meaning of the level
//! before readable for one level more.

use crate::API_LEVEL;

/// How the level of the other side stands to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// Both are of one level.
    Same,
    /// The other side is one level older.
    OneOlder,
    /// The other side is one level newer.
    OneNewer,
    /// The other side is too old.
    TooOld,
    /// The other side is too new.
    TooNew,
}

impl Skew {
    /// Compares the other side's level with that of this program.
    #[must_use]
    pub const fn of(theirs: u32) -> Self {
        Self::between(API_LEVEL, theirs)
    }

    const fn between(ours: u32, theirs: u32) -> Self {
        // No program ever had level 0: whoever tells none, tells 0.
        if theirs == 0 || theirs < ours.saturating_sub(1) {
            Self::TooOld
        } else if theirs > ours.saturating_add(1) {
            Self::TooNew
        } else if theirs < ours {
            Self::OneOlder
        } else if theirs > ours {
            Self::OneNewer
        } else {
            Self::Same
        }
    }

    /// Tells whether both can work together.
    #[must_use]
    pub const fn works(self) -> bool {
        !matches!(self, Self::TooOld | Self::TooNew)
    }
}

#[cfg(test)]
mod tests {
    use super::Skew;

    #[test]
    fn each_level_works_with_its_neighbours_and_with_no_other() {
        for ours in 1..9 {
            for theirs in 0..12 {
                let works = theirs != 0 && u32::abs_diff(ours, theirs) <= 1;
                assert_eq!(
                    Skew::between(ours, theirs).works(),
                    works,
                    "{ours} {theirs}"
                );
                // What one side takes, the other takes too.
                if theirs > 0 {
                    assert_eq!(Skew::between(theirs, ours).works(), works);
                }
            }
        }
        assert_eq!(Skew::between(5, 4), Skew::OneOlder);
        assert_eq!(Skew::between(5, 5), Skew::Same);
        assert_eq!(Skew::between(5, 6), Skew::OneNewer);
        assert_eq!(Skew::between(5, 3), Skew::TooOld);
        assert_eq!(Skew::between(5, 7), Skew::TooNew);
    }
}
