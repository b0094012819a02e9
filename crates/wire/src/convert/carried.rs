//! Domain values that have exactly one form on the wire.

use gtd_core::{
    BeadId, CandidateId, Epoch, GateName, HostName, ImportedBead, Oid, PolicyName, RigName,
    RoleName, RunId, RuntimeName, ScheduleName, SeatName,
};

use crate::Malformed;

/// A domain value with its one form as a field of a message.
pub(crate) trait Carried: Sized {
    /// The type of the field.
    type Wire;

    /// Reads the field.
    fn take(wire: Self::Wire, field: &str) -> Result<Self, Malformed>;

    /// Makes the field.
    fn put(self) -> Self::Wire;
}

macro_rules! texts {
    ($($name:ty),*) => { $(
        impl Carried for $name {
            type Wire = String;
            fn take(wire: String, field: &str) -> Result<Self, Malformed> {
                <$name>::parse(&wire).map_err(|invalid| Malformed::name(field, &invalid))
            }
            fn put(self) -> String {
                self.as_str().to_owned()
            }
        }

        impl Carried for Option<$name> {
            type Wire = Option<String>;
            fn take(wire: Option<String>, field: &str) -> Result<Self, Malformed> {
                wire.map(|text| <$name>::take(text, field)).transpose()
            }
            fn put(self) -> Option<String> {
                self.map(Carried::put)
            }
        }
    )* };
}

texts!(
    BeadId,
    CandidateId,
    PolicyName,
    GateName,
    HostName,
    Oid,
    RigName,
    RoleName,
    RunId,
    RuntimeName,
    ScheduleName,
    SeatName
);

macro_rules! same {
    ($($name:ty),*) => { $(
        impl Carried for $name {
            type Wire = Self;
            fn take(wire: Self, _: &str) -> Result<Self, Malformed> {
                Ok(wire)
            }
            fn put(self) -> Self {
                self
            }
        }
    )* };
}

same!(
    String,
    bool,
    u32,
    u64,
    Option<u32>,
    Option<u64>,
    Option<String>
);

/// They are what a file said, and go as they stand in the log.
impl Carried for Vec<ImportedBead> {
    type Wire = prost::bytes::Bytes;
    fn take(wire: Self::Wire, field: &str) -> Result<Self, Malformed> {
        serde_json::from_slice(&wire).map_err(|error| Malformed::new(field, error.to_string()))
    }
    fn put(self) -> Self::Wire {
        let json = serde_json::to_vec(&self).expect("texts, numbers and JSON are JSON");
        json.into()
    }
}

impl Carried for Vec<BeadId> {
    type Wire = Vec<String>;
    fn take(wire: Self::Wire, field: &str) -> Result<Self, Malformed> {
        wire.into_iter()
            .enumerate()
            .map(|(index, id)| BeadId::take(id, &format!("{field}[{index}]")))
            .collect()
    }
    fn put(self) -> Self::Wire {
        self.into_iter().map(Carried::put).collect()
    }
}

impl Carried for Epoch {
    type Wire = u64;
    fn take(wire: u64, _: &str) -> Result<Self, Malformed> {
        Ok(Self(wire))
    }
    fn put(self) -> u64 {
        self.0
    }
}

/// Makes messages that convert with `TryFrom` and `From` fields that must be there, and lists.
macro_rules! messages {
    ($($name:ident),*) => { $(
        impl crate::convert::Carried for gtd_core::$name {
            type Wire = Option<crate::pb::common::v1::$name>;
            fn take(wire: Self::Wire, field: &str) -> Result<Self, crate::Malformed> {
                wire.ok_or_else(|| crate::Malformed::missing(field))?
                    .try_into()
                    .map_err(|error: crate::Malformed| error.under(field))
            }
            fn put(self) -> Self::Wire {
                Some(self.into())
            }
        }

        impl crate::convert::Carried for Vec<gtd_core::$name> {
            type Wire = Vec<crate::pb::common::v1::$name>;
            fn take(wire: Self::Wire, field: &str) -> Result<Self, crate::Malformed> {
                wire.into_iter()
                    .enumerate()
                    .map(|(index, one)| {
                        one.try_into().map_err(|error: crate::Malformed| {
                            error.under(&format!("{field}[{index}]"))
                        })
                    })
                    .collect()
            }
            fn put(self) -> Self::Wire {
                self.into_iter().map(Into::into).collect()
            }
        }
    )* };
}

/// Makes two enums with the same variants convert; the wire has one more, for "nothing was said".
macro_rules! words {
    ($name:ty as $wire:ty, unspecified = $unspecified:expr, { $($variant:ident),* $(,)? }) => {
        impl crate::convert::Carried for $name {
            type Wire = i32;
            fn take(wire: i32, field: &str) -> Result<Self, crate::Malformed> {
                let unspecified: Option<$name> = $unspecified;
                match <$wire>::try_from(wire) {
                    Ok(<$wire>::Unspecified) => {
                        unspecified.ok_or_else(|| crate::Malformed::missing(field))
                    }
                    $( Ok(<$wire>::$variant) => Ok(<$name>::$variant), )*
                    Err(_) => Err(crate::Malformed::unknown(field, wire)),
                }
            }
            fn put(self) -> i32 {
                i32::from(match self {
                    $( <$name>::$variant => <$wire>::$variant, )*
                })
            }
        }
    };
}

pub(crate) use messages;
pub(crate) use words;
