//! Says which field of a message cannot be taken, and why.

use gtd_core::{InvalidName, Rejection};

/// A message that cannot be read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {why}")]
pub struct Malformed {
    /// The field, with its path inside the message.
    pub field: String,
    /// What is wrong with it; fits after the field's name.
    pub why: String,
}

impl Malformed {
    /// Makes one.
    #[must_use]
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            why: why.into(),
        }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::new(field, "is missing")
    }

    pub(crate) fn name(field: &str, invalid: &InvalidName) -> Self {
        Self::new(field, format!("is wrong: {invalid}"))
    }

    pub(crate) fn unknown(field: &str, number: i32) -> Self {
        let why = format!("has a value that this version does not know: {number}");
        Self::new(field, why)
    }

    /// Puts the field below the one that holds it.
    pub(crate) fn under(self, parent: &str) -> Self {
        Self {
            field: if self.field.is_empty() {
                parent.to_owned()
            } else {
                format!("{parent}.{}", self.field)
            },
            why: self.why,
        }
    }
}

impl From<Malformed> for Rejection {
    fn from(malformed: Malformed) -> Self {
        Self::BadText {
            field: malformed.field,
            why: malformed.why,
        }
    }
}
