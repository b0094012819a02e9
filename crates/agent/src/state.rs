//! What a run is and was: the records that shim and caller exchange.
//!
//! | state | seen by |
//! |---|---|
//! | absent | no directory |
//! | prepared | a directory without `shim.json` and without `exit.json` |
//! | live | `shim.json` names a process of this boot that lives with that start time |
//! | exited | `exit.json` exists, whatever else is true |
//! | lost | `shim.json` names a process that is gone, and there is no `exit.json` |

use gtd_core::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// There is no such run.
    Absent,
    /// Its directory exists, and no shim has taken it over yet.
    Prepared,
    /// Its shim lives.
    Live(Live),
    /// It ended, and how is known.
    Exited(Exit),
    /// Its shim is gone and left no word: killed, or the machine was started anew.
    Lost,
}

/// A run whose shim lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The process id of the shim.
    pub pid: i32,
    /// When the shim took over.
    pub started_at: Timestamp,
    /// The supervised process; absent for the moment before it is started.
    pub child: Option<Child>,
}

/// The process that a shim supervises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// Its process id.
    pub pid: i32,
    /// Its process group.
    pub pgid: i32,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How the supervised process ended.
    #[serde(flatten)]
    pub end: End,
    /// It was over its time limit and was ended for that.
    pub timed_out: bool,
    /// Somebody asked for its end.
    pub stopped: bool,
    /// When the shim took over.
    #[serde(rename = "started_at_ms")]
    pub started_at: Timestamp,
    /// When the last process of the run had gone.
    #[serde(rename = "ended_at_ms")]
    pub ended_at: Timestamp,
    /// How many bytes it wrote.
    pub output_bytes: u64,
    /// How many of them were not kept.
    pub dropped_bytes: u64,
    /// How many processes it left behind, which were killed.
    #[serde(default)]
    pub left_behind: u32,
    /// The SHA-256 of all that it wrote, what was not kept included, in hexadecimal digits;
    /// empty when a shim of an older version left this word.
    #[serde(default)]
    pub output_sha256: String,
    /// What became of the report that it was to leave; none when it was to leave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportEnd>,
}

/// What became of the report of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportEnd {
    /// It is kept with the run.
    Kept,
    /// There is none, and this is why.
    Missing(String),
}

impl Exit {
    /// Says whether it ended by itself with exit code 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.end == End::Code(0) && !self.timed_out && !self.stopped
    }
}

/// The last word of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It exited with this code; 127: there is no such program; 126: it cannot be started.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// How far the output of a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// How many bytes it wrote so far.
    pub bytes: u64,
    /// How many lines it wrote so far.
    pub lines: u64,
    /// How many times the last line, or the last block of up to eight lines,
    /// came in a row: 1 is "once", 0 is "no output yet".
    pub repeats: u32,
    /// The last line that was not blank, shortened.
    pub last_line: String,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// Its number; numbers rise by one, and a gap was dropped over the cap.
    pub seq: u64,
    /// When the shim read it.
    pub at: Timestamp,
    /// Who said it.
    pub kind: Kind,
    /// The text without its line break; what was not UTF-8 is replaced.
    pub text: String,
}

/// Who said a line of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The run, on standard output.
    Out,
    /// The run, on standard error.
    Err,
    /// The shim.
    Note,
}

/// `shim.json`: who supervises the run, in terms that survive the reuse of process ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShimRecord {
    pub(crate) pid: i32,
    pub(crate) pid_start_time: u64,
    pub(crate) boot_id: String,
    pub(crate) child_pid: Option<i32>,
    pub(crate) child_start_time: Option<u64>,
    pub(crate) child_pgid: Option<i32>,
    pub(crate) started_at_ms: Timestamp,
}

/// `stop.json`: how long the run may take to end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StopOrder {
    pub(crate) grace_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_file_is_flat() {
        let exit = Exit {
            end: End::Signal(9),
            timed_out: false,
            stopped: true,
            started_at: Timestamp(1),
            ended_at: Timestamp(2),
            output_bytes: 3,
            dropped_bytes: 0,
            left_behind: 0,
            output_sha256: "ab".to_owned(),
            report: None,
        };
        let text = serde_json::to_string(&exit).unwrap();
        assert_eq!(
            text,
            r#"{"signal":9,"timed_out":false,"stopped":true,"started_at_ms":1,"ended_at_ms":2,"output_bytes":3,"dropped_bytes":0,"left_behind":0,"output_sha256":"ab"}"#
        );
        assert_eq!(serde_json::from_str::<Exit>(&text).unwrap(), exit);
    }
}
