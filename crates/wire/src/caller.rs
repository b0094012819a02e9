//! Who calls, as the metadata of a request says it.
//!
//! All callers share one user id, so the daemon believes a role or a lease
//! holder only with its token. This module carries both; it proves nothing.

use std::fmt;

use gtd_core::{Actor, BeadId, Epoch, RoleName};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

use crate::{CALLER_KEY, Malformed, TOKEN_KEY};

/// A secret text that proves who calls. It never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Parses a token: 1 to 200 printable ASCII characters.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("token", "is not a token"))
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person at this machine.
    Person {
        /// The login name.
        name: String,
    },
    /// A role actor.
    Role {
        /// The role.
        name: RoleName,
        /// Its proof.
        token: Token,
    },
    /// The holder of a lease.
    Lease {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Its proof.
        token: Token,
    },
}

impl Caller {
    /// Returns the actor that stands in the log, once the token is believed.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Person { name } => Actor::Person(name.clone()),
            Self::Role { name, .. } => Actor::Role(name.clone()),
            Self::Lease { bead, epoch, .. } => Actor::Lease {
                bead: bead.clone(),
                epoch: *epoch,
            },
        }
    }

    /// Returns the proof; a person needs none.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        match self {
            Self::Person { .. } => None,
            Self::Role { token, .. } | Self::Lease { token, .. } => Some(token),
        }
    }

    /// Writes the caller into the metadata of a request.
    pub fn put(&self, metadata: &mut MetadataMap) {
        let text = match self {
            Self::Person { name } => format!("person/{}", escape(name)),
            Self::Role { name, .. } => format!("role/{name}"),
            Self::Lease { bead, epoch, .. } => format!("lease/{bead}/{epoch}"),
        };
        let value = |text: &str| {
            MetadataValue::<Ascii>::try_from(text).expect("only graphic ASCII stands in it")
        };
        metadata.insert(CALLER_KEY, value(&text));
        if let Some(token) = self.token() {
            let mut value = value(token.as_str());
            value.set_sensitive(true);
            metadata.insert(TOKEN_KEY, value);
        }
    }

    /// Reads the caller from the metadata of a request.
    ///
    /// # Errors
    /// When it is missing or no caller could have written it so.
    pub fn take(metadata: &MetadataMap) -> Result<Self, Malformed> {
        let text = read(metadata, CALLER_KEY)?;
        let token = || Token::parse(read(metadata, TOKEN_KEY)?);
        let wrong = || Malformed::new(CALLER_KEY, format!("names no caller: `{text}`"));
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["person", name] if !name.is_empty() => Ok(Self::Person {
                name: unescape(name).ok_or_else(wrong)?,
            }),
            ["role", name] => Ok(Self::Role {
                name: RoleName::parse(name).map_err(|_| wrong())?,
                token: token()?,
            }),
            ["lease", bead, epoch] => Ok(Self::Lease {
                bead: BeadId::parse(bead).map_err(|_| wrong())?,
                epoch: Epoch(epoch.parse().map_err(|_| wrong())?),
                token: token()?,
            }),
            _ => Err(wrong()),
        }
    }
}

fn read<'a>(metadata: &'a MetadataMap, key: &str) -> Result<&'a str, Malformed> {
    metadata
        .get(key)
        .ok_or_else(|| Malformed::missing(key))?
        .to_str()
        .map_err(|_| Malformed::new(key, "is not ASCII"))
}

/// Writes everything but plain letters, digits and `.-_@+` as `%XX`.
fn escape(name: &str) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_@+".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes every write");
        }
    }
    text
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(caller: &Caller) {
        let mut metadata = MetadataMap::new();
        caller.put(&mut metadata);
        assert_eq!(Caller::take(&metadata).as_ref(), Ok(caller));
    }

    #[test]
    fn every_caller_comes_out_of_the_metadata_as_it_went_in() {
        let token = Token::parse("0123abcd").unwrap();
        check(&Caller::Person {
            name: "anna".into(),
        });
        check(&Caller::Person {
            name: "Jürgen / 100 %\n".into(),
        });
        check(&Caller::Role {
            name: RoleName::parse("mayor").unwrap(),
            token: token.clone(),
        });
        check(&Caller::Lease {
            bead: BeadId::parse("gt-7f3k").unwrap(),
            epoch: Epoch(3),
            token,
        });
    }

    #[test]
    fn a_caller_that_nobody_could_have_written_is_refused() {
        for text in [
            "",
            "anna",
            "person",
            "person/",
            "person/a/b",
            "person/%f",
            "person/%ff",
            "role/Mayor",
            "lease/gt-1",
            "lease/gt-1/x",
            "daemon/",
        ] {
            let mut metadata = MetadataMap::new();
            metadata.insert(CALLER_KEY, text.parse().unwrap());
            metadata.insert(TOKEN_KEY, "abc".parse().unwrap());
            assert!(Caller::take(&metadata).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let caller = Caller::Role {
            name: RoleName::parse("mayor").unwrap(),
            token: Token::parse("s3cret").unwrap(),
        };
        assert!(!format!("{caller:?}").contains("s3cret"));
    }
}
