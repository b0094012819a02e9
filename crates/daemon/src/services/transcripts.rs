//! The output of runs as lines of a log: of one run, or of those of an attempt one after the other.
//!
//! What an agent program says is told in one kind and one text for all programs; the line as
//! it was written stands beside that.

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use gtd_core::{Moment, Revision, RunId};
use gtd_host::{Reader, Runs};
use gtd_wire::pb::common::v1::Line;
use tonic::Status;

use super::{
    lines::{self, Source},
    run::{describe, failed, no_run},
};

/// What a tail is about.
#[derive(Debug)]
pub(super) enum Tailed {
    /// One run.
    Run(RunId),
    /// All runs whose names begin so: those of an attempt, or of a candidate.
    Begin(String),
}

/// Tells up to where the log was looked at while more runs of what is read may still begin; none
/// when no more will.
pub(super) type GoesOn = Box<dyn Fn() -> Option<Revision> + Send>;

/// How often runs are looked for that no event tells of.
const SEEK: Duration = Duration::from_secs(2);

/// Runs that may begin while others are read.
struct Coming {
    begin: String,
    taken: BTreeSet<RunId>,
    goes_on: GoesOn,
    /// The last look for runs: without an event none of an agent begins, and checks can wait.
    last_look: Option<(Revision, Instant)>,
}

/// The transcripts of one run or of several, one after the other.
pub(super) struct Output {
    runs: Runs,
    queue: VecDeque<RunId>,
    /// What is waited for behind the queue, when the reader follows an attempt.
    coming: Option<Coming>,
    after: u64,
    /// Lines of the runs before the present one, so that numbers go on rising.
    before: u64,
    /// What understands the present run, when an agent program speaks there.
    reader: Option<Reader>,
    skip_to: u64,
    waiting: VecDeque<Line>,
}

impl Output {
    /// Opens what there is; with `goes_on` runs are taken as they begin, and there may be none yet.
    pub(super) fn open(
        runs: Runs,
        subject: Tailed,
        goes_on: Option<GoesOn>,
        after: u64,
        last: Option<u32>,
    ) -> Result<Self, Status> {
        let (name, queue, coming) = match subject {
            Tailed::Run(run) => (run.to_string(), VecDeque::from([run]), None),
            Tailed::Begin(begin) => {
                let queue = beginning(&runs, &begin)?;
                let name = begin.trim_end_matches('.').to_owned();
                let coming = goes_on.map(|goes_on| Coming {
                    begin,
                    taken: queue.iter().cloned().collect(),
                    goes_on,
                    last_look: None,
                });
                (name, queue.into(), coming)
            }
        };
        if queue.is_empty() && coming.as_ref().is_none_or(|it| (it.goes_on)().is_none()) {
            return Err(no_run(&name));
        }
        let mut output = Self {
            runs,
            queue,
            coming,
            after: 0,
            before: 0,
            reader: None,
            skip_to: after,
            waiting: VecDeque::new(),
        };
        if let Some(last) = last {
            let last = usize::try_from(last).unwrap_or(usize::MAX);
            loop {
                let lines = output.look()?;
                if lines.is_empty() {
                    break;
                }
                output.waiting.extend(lines);
                let surplus = output.waiting.len().saturating_sub(last);
                output.waiting.drain(..surplus);
            }
        }
        Ok(output)
    }

    /// Reads on in the present run, and in the next one when it has ended.
    fn look(&mut self) -> Result<Vec<Line>, Status> {
        loop {
            let Some(run) = self.queue.front().cloned() else {
                if self.take_coming()? {
                    continue;
                }
                return Ok(Vec::new());
            };
            let has_ended = has_ended(&self.runs, &run);
            let lines = self
                .runs
                .transcript(&run, self.after, lines::BATCH)
                .map_err(failed)?;
            if let Some(last) = lines.last() {
                // What was opened before it began had no order yet that says what it is.
                if self.after == 0 {
                    self.reader = reader_of(&self.runs, &run);
                }
                self.after = last.seq;
                let skip_to = self.skip_to;
                let lines: Vec<Line> = lines
                    .into_iter()
                    .flat_map(|line| self.lines(&run, &line))
                    .filter(|line| line.seq > skip_to)
                    .collect();
                if lines.is_empty() {
                    continue;
                }
                return Ok(lines);
            }
            if !has_ended || (self.queue.len() == 1 && !self.take_coming()?) {
                return Ok(Vec::new());
            }
            self.before += self.after;
            self.after = 0;
            self.queue.pop_front();
        }
    }

    /// Takes the runs that have begun meanwhile; returns whether there are any.
    fn take_coming(&mut self) -> Result<bool, Status> {
        let Some(coming) = &mut self.coming else {
            return Ok(false);
        };
        let revision = (coming.goes_on)();
        let now = Instant::now();
        let is_as_it_was = |(known, at): (Revision, Instant)| {
            Some(known) == revision && now.duration_since(at) < SEEK
        };
        if coming.last_look.is_some_and(is_as_it_was) {
            return Ok(false);
        }
        coming.last_look = revision.map(|revision| (revision, now));
        let mut begun = beginning(&self.runs, &coming.begin)?;
        begun.retain(|run| coming.taken.insert(run.clone()));
        let is_any = !begun.is_empty();
        self.queue.extend(begun);
        Ok(is_any)
    }

    /// Shows a line of a run; what an agent's program says in it may be several things.
    fn lines(&mut self, run: &RunId, line: &gtd_host::TranscriptLine) -> Vec<Line> {
        let seq = self.before + line.seq;
        let mut json = serde_json::json!({
            "kind": "LogLine",
            "seq": seq,
            "at": Moment(line.at),
            "run": run,
            "type": line.kind,
            "text": line.text,
        });
        if line.kind == gtd_host::Kind::Out
            && let Some(reader) = &mut self.reader
        {
            json["raw"] = line.text.clone().into();
            let told = told(reader, &line.text).into_iter();
            return told
                .map(|(kind, text)| {
                    json["type"] = kind.into();
                    json["text"] = text.into();
                    shown(seq, &json)
                })
                .collect();
        }
        vec![shown(seq, &json)]
    }
}

fn shown(seq: u64, json: &serde_json::Value) -> Line {
    Line {
        seq,
        json: json.to_string().into_bytes().into(),
    }
}

/// Lists the runs whose names begin so, in the order in which they began.
fn beginning(runs: &Runs, begin: &str) -> Result<Vec<RunId>, Status> {
    let mut found: Vec<(Option<Moment>, RunId)> = runs
        .list()
        .map_err(failed)?
        .into_iter()
        .filter(|run| run.as_str().starts_with(begin))
        .map(|run| (describe(runs, &run).and_then(|doc| doc.started_at), run))
        .collect();
    // What has not begun comes last.
    found.sort_by_key(|(at, run)| (at.is_none(), *at, run.clone()));
    Ok(found.into_iter().map(|(_, run)| run).collect())
}

/// Finds what understands a run; one that cannot be read is shown as it is.
fn reader_of(runs: &Runs, run: &RunId) -> Option<Reader> {
    let reader = runs.agent_reader(run).ok().flatten()?;
    (!reader.is_plain()).then_some(reader)
}

/// Says in kinds and texts what a line of an agent program tells.
fn told(reader: &mut Reader, line: &str) -> Vec<(&'static str, String)> {
    const NOTHING: &str = "event";
    let events = reader.read(line);
    let mut told: Vec<(&'static str, String)> = Vec::new();
    for event in &events {
        match told.last_mut() {
            Some((kind, text)) if *kind == event.kind() => {
                text.push('\n');
                text.push_str(&event.text());
            }
            _ => told.push((event.kind(), event.text())),
        }
    }
    if told.iter().any(|(kind, _)| *kind != NOTHING) {
        told.retain(|(kind, _)| *kind != NOTHING);
    }
    if told.iter().all(|(_, text)| text.is_empty()) {
        let kind = told.first().map_or(NOTHING, |(kind, _)| kind);
        return vec![(kind, type_of(line))];
    }
    told
}

/// Names a line of which nothing is told by what the program calls it.
fn type_of(line: &str) -> String {
    let object: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    let name = object["type"].as_str().or(object["method"].as_str());
    name.unwrap_or_default().to_owned()
}

impl Source for Output {
    fn next(&mut self) -> Result<Vec<Line>, Status> {
        if !self.waiting.is_empty() {
            return Ok(self.waiting.drain(..).collect());
        }
        self.look()
    }

    fn has_ended(&mut self) -> bool {
        if self
            .coming
            .as_ref()
            .is_some_and(|it| (it.goes_on)().is_some())
        {
            return false;
        }
        // Nothing begins after the seat was left; what began before it is still to be read.
        let _told_by_the_next_look = self.take_coming();
        self.queue.len() <= 1
            && self
                .queue
                .front()
                .is_none_or(|run| has_ended(&self.runs, run))
    }
}

fn has_ended(runs: &Runs, run: &RunId) -> bool {
    matches!(
        runs.state(run),
        Ok(gtd_host::RunState::Exited(_) | gtd_host::RunState::Lost | gtd_host::RunState::Absent)
    )
}
