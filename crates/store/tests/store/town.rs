//! A store in a temporary folder, and the records that it should hold.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gtd_core::{RequestId, Revision};
use gtd_store::{Opened, Options, Record, Repair, Store, StoreError};

pub(crate) struct Town {
    pub(crate) dir: tempfile::TempDir,
}

impl Town {
    pub(crate) fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A closed store with so many records.
    pub(crate) fn with(count: u64) -> Self {
        let town = Self::empty();
        let (mut store, _) = town.open();
        for chunk in records(1..=count).chunks(3) {
            store.append(chunk).unwrap();
        }
        store.close();
        town
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path().join("journal.jsonl")
    }

    pub(crate) fn sled(&self) -> PathBuf {
        self.path().join("sled")
    }

    pub(crate) fn try_open(&self) -> Result<(Store, Opened), StoreError> {
        Store::open(self.path(), &options())
    }

    pub(crate) fn open(&self) -> (Store, Opened) {
        self.try_open().unwrap()
    }

    /// Opens, checks that exactly these records are there and that the store is sound after, and tells the repairs.
    pub(crate) fn repairs_to(&self, count: u64) -> Vec<Repair> {
        let (mut store, opened) = self.open();
        assert_eq!(opened.head, Revision(count));
        assert_eq!(all(&store), records(1..=count));
        store.append(&[record(count + 1)]).unwrap();
        store.close();
        let report = gtd_store::verify(self.path()).unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.head, Revision(count + 1));
        opened.repairs
    }

    /// The names in the folder that begin so.
    pub(crate) fn names(&self, start: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(start))
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn options() -> Options {
    Options {
        cache_capacity: 4 * 1024 * 1024,
        ..Options::default()
    }
}

pub(crate) fn record(revision: u64) -> Record {
    Record {
        revision: Revision(revision),
        request: (!revision.is_multiple_of(5)).then(|| request(revision)),
        body: format!(r#"{{"n":{revision},"text":"entry {revision}"}}"#).into(),
    }
}

pub(crate) fn records(revisions: impl Iterator<Item = u64>) -> Vec<Record> {
    revisions.map(record).collect()
}

pub(crate) fn request(number: u64) -> RequestId {
    RequestId::parse(&format!("request-{number}")).unwrap()
}

pub(crate) fn all(store: &Store) -> Vec<Record> {
    let mut all = Vec::new();
    store
        .replay(Revision(0), |record| all.push(record))
        .unwrap();
    all
}

/// A small generator, so that a printed seed repeats a run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
