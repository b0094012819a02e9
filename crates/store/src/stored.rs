//! The database as an open finds it, before any record is looked at.

use std::{fs, io, path::Path};

use gtd_core::Revision;

use crate::{
    database::{self, Found, Meta, Reader},
    error::{StoreError, Witness},
    journal::Header,
    kv::Kv,
    open::Opener,
    record::FORMAT,
    survey::Database,
};

/// The database as it was found.
pub(crate) enum Stored {
    Absent,
    Broken(String),
    Open {
        kv: Box<dyn Kv>,
        meta: Result<Meta, String>,
    },
}

impl Stored {
    /// Opens what is at `path`; what cannot be opened for no fault of its own is an error.
    pub(crate) fn open(path: &Path, opener: Opener<'_>) -> Result<Self, StoreError> {
        let is_empty = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(source) => return Err(StoreError::io("read the folder", path, source)),
        };
        if is_empty {
            return Ok(Self::Absent);
        }
        let kv = match opener(path) {
            Ok(kv) => kv,
            Err(error) if error.is_damage() => return Ok(Self::Broken(error.to_string())),
            Err(error) => return Err(StoreError::database("open the database", error)),
        };
        let meta = match database::meta(kv.as_ref()) {
            Err(error) if !error.is_damage() => {
                return Err(StoreError::database("read the database", error));
            }
            meta => meta.map_err(|error| error.to_string()),
        };
        match &meta {
            Ok(Meta {
                format: Some(found),
                ..
            }) if *found > FORMAT => Err(StoreError::NewerFormat {
                found: *found,
                supported: FORMAT,
                at: Witness::Database,
            }),
            _ => Ok(Self::Open { kv, meta }),
        }
    }

    pub(crate) fn view(&self) -> Option<Database<'_>> {
        match self {
            Self::Open { kv, meta } => Some(Database {
                kv: kv.as_ref(),
                head: meta.as_ref().ok().and_then(|meta| meta.head),
            }),
            Self::Absent | Self::Broken(_) => None,
        }
    }

    pub(crate) fn town(&self) -> Option<&str> {
        match self {
            Self::Open { meta: Ok(meta), .. } => meta.town.as_deref(),
            _ => None,
        }
    }

    /// Says what is wrong with it as a whole, apart from its records.
    pub(crate) fn flaw(&self) -> Option<String> {
        match self {
            Self::Absent => Some("there was none".to_owned()),
            Self::Broken(why) | Self::Open { meta: Err(why), .. } => Some(why.clone()),
            Self::Open { meta: Ok(meta), .. } if *meta == Meta::default() => {
                Some("it was empty".to_owned())
            }
            Self::Open { meta: Ok(meta), .. } if meta.town.is_none() || meta.format.is_none() => {
                Some("it does not say whose it is".to_owned())
            }
            Self::Open { .. } => None,
        }
    }

    /// Says why it is there but cannot be used at all.
    pub(crate) fn unusable(&self) -> Option<String> {
        match self {
            Self::Broken(why) | Self::Open { meta: Err(why), .. } => Some(why.clone()),
            Self::Absent | Self::Open { .. } => None,
        }
    }

    /// Returns whether it certainly holds no record after the sealed ones.
    pub(crate) fn holds_nothing(&self, floor: Revision) -> bool {
        match self {
            Self::Absent => true,
            Self::Broken(_) | Self::Open { meta: Err(_), .. } => false,
            Self::Open { kv, meta: Ok(meta) } => {
                let claims_none = meta.head.is_none_or(|head| head <= floor);
                let first = Reader::new(kv.as_ref()).at(floor.next());
                claims_none && matches!(first, Found::Missing)
            }
        }
    }
}

/// Compares towns; `None` when neither witness names one.
pub(crate) fn agreed_town(stored: &Stored, header: &Header) -> Result<Option<String>, StoreError> {
    let journal = match header {
        Header::Good { town, .. } => Some(town.as_str()),
        Header::Absent | Header::Bad(_) => None,
    };
    match (stored.town(), journal) {
        (Some(sled), Some(journal)) if sled != journal => Err(StoreError::OtherTown {
            sled: sled.to_owned(),
            journal: journal.to_owned(),
        }),
        (sled, journal) => Ok(sled.or(journal).map(str::to_owned)),
    }
}
