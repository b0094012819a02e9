//! Why an agent program could not go on: one set of classes for all programs.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Why an agent ended before its work did, apart from the work itself.
///
/// Read off what the program says, never off its exit code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeFault {
    /// Nobody is logged in, or the key is not taken.
    Auth,
    /// The provider takes no more calls for a while.
    RateLimited {
        /// Until when, where it says so.
        until: Option<Timestamp>,
    },
    /// The provider is busy or broken.
    Overloaded,
    /// The conversation is longer than the model can take.
    ContextFull,
    /// The account has no credit.
    Billing,
    /// There is no such model for this account.
    ModelMissing,
    /// The model refuses to do this.
    Refusal,
    /// The provider cannot be reached.
    Network,
    /// A limit on turns, tokens or money that gtd or the program set.
    LimitReached,
    /// Somebody interrupted it.
    Interrupted,
    /// It ended without saying why.
    Crashed,
}

/// What a fault of a runtime holds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldsUp {
    /// Everything that would use this runtime: it passes by itself.
    RuntimeForAWhile,
    /// Everything that would use this runtime, until a person acts.
    RuntimeUntilAPerson,
    /// This piece of work alone.
    Work,
}

impl RuntimeFault {
    /// Returns the class in one word, as it stands in documents and metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::ContextFull => "context_full",
            Self::Billing => "billing",
            Self::ModelMissing => "model_missing",
            Self::Refusal => "refusal",
            Self::Network => "network",
            Self::LimitReached => "limit_reached",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
        }
    }

    /// Says it in words for a person.
    #[must_use]
    pub fn text(&self) -> &'static str {
        match self {
            Self::Auth => "it is not logged in",
            Self::RateLimited { .. } => "its usage limit is reached",
            Self::Overloaded => "its provider is overloaded",
            Self::ContextFull => "its context is full",
            Self::Billing => "its account has no credit",
            Self::ModelMissing => "its model does not exist for this account",
            Self::Refusal => "its model refused",
            Self::Network => "its provider cannot be reached",
            Self::LimitReached => "it reached its limit of turns, tokens or money",
            Self::Interrupted => "it was interrupted",
            Self::Crashed => "it ended without saying why",
        }
    }

    /// Tells what it holds up: nobody else needs to run into what concerns them all.
    #[must_use]
    pub fn holds_up(&self) -> HoldsUp {
        match self {
            Self::RateLimited { .. } | Self::Overloaded | Self::Network => {
                HoldsUp::RuntimeForAWhile
            }
            Self::Auth | Self::Billing | Self::ModelMissing => HoldsUp::RuntimeUntilAPerson,
            Self::ContextFull
            | Self::Refusal
            | Self::LimitReached
            | Self::Interrupted
            | Self::Crashed => HoldsUp::Work,
        }
    }

    /// Tells whether an attempt that ends so is one of the bead's attempts.
    ///
    /// What concerns the account or the provider says nothing about the work.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.holds_up() == HoldsUp::Work && *self != Self::Interrupted
    }
}
