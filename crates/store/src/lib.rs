//! The durable event log: a sled database, a JSON-lines journal beside it,
//! sealed segments of what is older, snapshots, and the rules by which each of
//! them mends another.
//!
//! The store knows nothing of events. It keeps numbered JSON objects, it says
//! "durable" only when both witnesses have them on the disk, and it never
//! starts empty over data. It has no clock of its own but for the names of
//! what it sets aside, it starts no thread but the one that opens sled, and it
//! blocks: its caller owns it on one dedicated thread.
//!
//! # The folder
//!
//! | name | is |
//! |---|---|
//! | `lock` | an exclusive `flock`; the text is the holder's process id |
//! | `sled/` | the database: the records that are not sealed |
//! | `journal.jsonl` | the journal: the same records |
//! | `segments/`, `segments-copy/` | the sealed records, twice; see `sealed` |
//! | `requests.idx` | which sealed record answered a request: made of the segments |
//! | `snapshots/` | the newest two snapshots of the folded log: a cache |
//! | `initialised` | says that records were acknowledged here once: two empty witnesses are then a loss, not a beginning |
//! | `recheck` | a damaged record was met while running: the next start compares everything |
//! | `sled.broken-…`, `journal.broken-…` | what was set aside, dated in UTC |
//! | `format-1.kept-…` | the journal of a store of the format before, as it was migrated |
//! | `sled.old` | the database that a compact one replaces: removed when that one was opened and is whole |
//! | `sled.keep` | the database as it was before sled opened it: a start that found it suspect is under way, or died |
//! | `sled.new`, `sled.keep.new`, `journal.new`, `requests.new`, `kept.new`, `verify.tmp` | unfinished work, removed at the next start |
//!
//! # The record line
//!
//! The same bytes stand in the database and, followed by a newline, in the journal:
//!
//! ```text
//! {"rev":12,"crc":"89ab12cd","left":2,"req":"…","body":{…}}
//! ```
//!
//! There is no white space between the fields and their order is fixed.
//! `left` is the number of records that follow in the same append; it is absent when it is 0.
//! `req` is absent when the record answers no request.
//! `crc` is the CRC-32 (IEEE) of `<rev>\n<left>\n<req>\n<body>`: decimal numbers, the request id
//! unescaped (empty when absent), and the text of the body exactly as it stands in the line.
//! An append whose last records are missing from both witnesses was never acknowledged and is dropped whole.
//!
//! The journal begins with `{"gtd_journal":2,"town":"…","after":7,"base":345,"crc":"…","cut_crc":"…"}`.
//! `crc` is the CRC-32 of `<format>\n<town>`, in this format and in every later one.
//! `after` is the last record that is not in it any more, `base` the length of all lines that were cut off, and
//! `cut_crc` the CRC-32 of `<after>\n<base>`.
//! A journal of format 1 has none of the three and begins with the first record; a copy of a whole log is one.
//!
//! # The keys
//!
//! Tree `log`: `e/` + revision (u64, big-endian) holds a record line; a line longer than one chunk goes on in
//! `e/` + revision + chunk number (u32, big-endian, from 1), in the same batch.
//! `r/` + request id holds the first and the last revision that answer it.
//! `m/head`, `m/format` and `m/town` hold what their names say.
//! Records and requests up to the end of the segments are in neither; where a death has left some, they are passed
//! over.
//!
//! A chunk is at most 7 KiB. A leaf of sled holds up to 17 values and is written whole now and then, and
//! whatever is longer than 128 KiB goes to a blob file that sled never syncs: 17 chunks stay below that.

mod compact;
mod copy;
mod database;
mod error;
mod files;
mod journal;
mod keep;
mod kv;
mod line;
mod lock;
mod mend;
mod migrate;
mod open;
mod preview;
mod record;
mod repair;
mod sealed;
mod sled_kv;
mod sled_log;
mod snapshot;
mod store;
mod stored;
mod survey;
mod verify;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod faulty;

pub use compact::{Compacted, Compaction};
pub use copy::{JournalReport, check_journal, check_log, copy_log};
pub use error::{StoreError, Witness};
pub use kv::DatabaseError;
pub use lock::{LockError, ProcessLock};
pub use open::{Opened, Options};
pub use preview::{Preview, Tail, preview};
pub use record::{FORMAT, MAX_BODY, Record, RequestSpan};
pub use repair::Repair;
pub use snapshot::SnapshotPlace;
pub use store::Store;
pub use verify::{VerifyReport, verify};
