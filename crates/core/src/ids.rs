//! Newtypes for every name, number and moment that crosses a boundary.
//!
//! Parse at the door, trust inside: each text newtype has one `parse` that
//! refuses what could hurt further in (as a ref name, a path or a log field).

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

/// Says why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind}: {why}")]
pub struct InvalidName {
    /// What the text was meant to be.
    pub kind: &'static str,
    /// The refused text, shortened.
    pub text: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

fn check_name(kind: &'static str, text: &str, extra: &str, max: usize) -> Result<(), InvalidName> {
    let refuse = |why| {
        Err(InvalidName {
            kind,
            text: text.chars().take(60).collect(),
            why,
        })
    };
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.len() > max {
        return refuse("it is too long");
    }
    if !text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c))
    {
        return refuse("only a-z, 0-9 and a few marks may stand in it");
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !text.ends_with(|c: char| c.is_ascii_alphanumeric())
    {
        return refuse("it must begin and end with a letter or digit");
    }
    if text.contains("..") {
        return refuse("it holds `..`");
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $extra:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Parses a ", $kind, ".")]
            ///
            /// # Errors
            /// When the text is empty, too long or holds a mark that is not allowed.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                check_name($kind, text, $extra, $max)?;
                Ok(Self(Arc::from(text)))
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type!(
    /// One piece of work: `prefix-hash`.
    BeadId, "bead id", "-._", 100
);
name_type!(
    /// One git repository under gtd.
    RigName, "rig name", "-._", 100
);
name_type!(
    /// A place for one agent, such as `quartz`.
    SeatName, "seat name", "-._", 100
);
name_type!(
    /// A role: mayor, crew, worker, refinery, witness, deacon, or a user's own.
    RoleName, "role name", "-._", 100
);
name_type!(
    /// A program that an agent is: shell, demo, claude, …
    RuntimeName, "runtime name", "-._", 100
);
name_type!(
    /// What a goal may do without a person: attended, overnight, or a user's own.
    PolicyName, "policy name", "-._", 100
);
name_type!(
    /// A command whose exit code is proof.
    GateName, "gate name", "-._", 100
);
name_type!(
    /// A machine that hosts seats and runs.
    HostName, "host name", "-._", 100
);
name_type!(
    /// A goal that comes by the clock.
    ScheduleName, "schedule name", "-._", 100
);
name_type!(
    /// Ordered submissions on a base, tested as one.
    CandidateId, "candidate id", "-._", 100
);
name_type!(
    /// One supervised process: a bead's epoch and purpose, or a candidate's gate.
    RunId, "run id", "-._", 250
);

/// A git object name of a commit or a tree: 40 or 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Oid(Arc<str>);

impl Oid {
    /// Parses a full object name.
    ///
    /// # Errors
    /// When the text is not 40 or 64 lower-case hex digits.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let hex = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidName {
                kind: "git object name",
                text: text.chars().take(70).collect(),
                why: "it must be 40 or 64 lower-case hex digits",
            })
        }
    }

    /// Returns the full text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first seven digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// Returns the number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_type!(
    /// The place of a record in the event log; the first record is 1, 0 is "nothing yet".
    Revision
);
number_type!(
    /// Rises by one at each lease that a bead grants, for ever; 0 is "never leased".
    Epoch
);

/// The caller's own name for one write, so that a repeat is answered and not redone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Parses a request id: 1 to 100 printable ASCII characters.
    ///
    /// # Errors
    /// When it is empty, too long or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidName {
                kind: "request id",
                text: text.chars().take(60).collect(),
                why: "it must be 1 to 100 printable ASCII characters",
            })
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z, by the wall clock of the daemon.
///
/// For display and for waits that a person set. Silence is never measured with it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the moment that lies `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Returns how long ago `earlier` was; zero when it lies ahead, so no age is ever negative.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}
