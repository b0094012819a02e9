//! Backups: one plain tar with the log and what cannot be made from it.
//!
//! | member | is |
//! |---|---|
//! | `manifest.json` | the first: town, head, and size and digest of every other member |
//! | `README.txt` | what the file holds and what it does not |
//! | `journal.jsonl` | the log: the whole truth |
//! | `rigs.json` | in which folder each rig is |
//! | `trust/…` | the trusted copies of configurations |
//! | `roles/…` | the user's own role files |
//!
//! A backup is made beside a daemon at work; a restore is made without one.
//! Keys are never in a backup. Repositories are not either: their branches and
//! hidden refs stay where they are.

mod archive;
mod create;
mod error;
mod list;
mod restore;
mod schedule;
mod swap;

use self::archive::Manifest;
pub(crate) use self::{
    create::create,
    error::BackupError,
    list::{list, verify},
    restore::{Occupied, restore},
    schedule::{BackupSchedule, BackupScheduleDoc, When, Wish, make_when_due},
    swap::finish,
};
