//! The thread that owns the store: drain, decide, append, publish, answer.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use gtd_core::{
    Actor, Ask, Command, Envelope, Event, Graph, Observation, Rejection, RequestId, Revision,
    Timestamp, WaitReason, decide,
};
use gtd_store::{Opened, Store, StoreError};

use super::{
    Answer, Ballast, LoadError, Message, Order, Refused, Started, Stored,
    batch::{Batch, Reply, Verdict},
    chain,
    compactions::{self, Compactions},
    load::{self, Folded, Shown},
    opening::Teller,
    published::Published,
    snapshots::Snapshots,
};
use crate::board::Board;

/// How long a read-only ledger waits before it opens the store again.
const REOPEN: Duration = Duration::from_secs(2);
/// Records that are read at once while the store is caught up with.
const PAGE: usize = 1024;
/// The name under which the ledger tells what it sees.
const OBSERVER: &str = "ledger";
/// What is told of the town until the store is open.
const OPENING: &str = "the log is being opened: reads are answered, writes wait";

/// Whether writes are taken.
enum Mode {
    Open,
    ReadOnly { why: String, next_try: Instant },
}

/// Why a batch was not appended.
struct Failure {
    why: String,
    /// There was no space for it.
    is_full: bool,
}

impl Failure {
    fn other(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_full: false,
        }
    }
}

/// Owns the store and the working graph.
pub(super) struct Keeper {
    dir: PathBuf,
    store: Option<Store>,
    working: Graph,
    published: Arc<Published>,
    snapshots: Snapshots,
    compactions: Compactions,
    mode: Mode,
    ballast: Ballast,
    board: Arc<Board>,
}

/// Whether the thread goes on.
enum Next {
    GoOn,
    End(tokio::sync::oneshot::Sender<()>),
}

impl Keeper {
    /// Opens the store and folds the log; tells as soon as there is something to read.
    pub(super) fn open(
        dir: &Path,
        mut ballast: Ballast,
        board: Arc<Board>,
        published: Arc<Published>,
        teller: &Teller,
    ) -> Result<(Self, Started), LoadError> {
        let show = |shown: Shown<'_>| {
            published.begin(shown.graph.clone(), shown.last_at);
            board.publish(OBSERVER, vec![short(OPENING, published.now())]);
            teller.readable(&shown.town_id);
        };
        let (store, opened, mut early) = match load::open(dir, show) {
            Err(StoreError::OutOfSpace { .. }) if ballast.give_up() => load::open(dir, |_| {})?,
            other => other?,
        };
        if !ballast.is_spent() {
            ballast.renew();
        }
        let Opened {
            town_id,
            mut repairs,
            ..
        } = opened;
        repairs.append(&mut early.repairs);
        let folded = load::fold(&store, early)?;
        let keeper = Self {
            dir: dir.to_owned(),
            snapshots: Snapshots::after(folded.snapshot),
            compactions: Compactions::default(),
            working: folded.graph,
            store: Some(store),
            published,
            mode: Mode::Open,
            ballast,
            board,
        };
        keeper.publish_all(folded.last_at)?;
        keeper.tell_of_ballast();
        keeper.published.opened();
        teller.readable(&town_id);
        Ok((keeper, Started { repairs }))
    }

    /// Publishes the working graph, and to watchers the records that are not published yet.
    fn publish_all(&self, last_at: Timestamp) -> Result<(), LoadError> {
        let seen = self.published.graph().revision();
        if seen == Revision(0) {
            self.published.begin(self.working.clone(), last_at);
            return Ok(());
        }
        let missed = self.records_after(seen)?;
        self.published.not_before(last_at);
        if seen != self.working.revision() {
            self.published.replace(self.working.clone(), missed);
        }
        Ok(())
    }

    fn records_after(&self, mut seen: Revision) -> Result<Vec<Stored>, LoadError> {
        let mut found = Vec::new();
        while let Some(store) = &self.store {
            let page = store.read(seen, PAGE)?;
            let Some(last) = page.last() else { break };
            seen = last.revision;
            found.extend(page.into_iter().map(stored));
        }
        Ok(found)
    }

    /// Works until it is closed or nobody can ask any more.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        // After a long replay the next start shall not need one.
        self.begin_snapshot_when_due();
        loop {
            self.compact();
            let message = match &self.mode {
                Mode::Open if self.compactions.is_busy() || self.snapshots.is_busy() => {
                    inbox.recv_timeout(compactions::LOOK)
                }
                Mode::Open if self.ballast.is_spent() => inbox.recv_timeout(REOPEN),
                Mode::Open => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Mode::ReadOnly { next_try, .. } => {
                    inbox.recv_timeout(next_try.saturating_duration_since(Instant::now()))
                }
            };
            match message {
                Ok(message) => match self.serve(message, inbox) {
                    Next::GoOn => {}
                    Next::End(reply) => {
                        self.close();
                        let _gone = reply.send(());
                        return;
                    }
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.close();
                    return;
                }
            }
            self.reopen_when_due();
            self.renew_ballast();
        }
    }

    /// Serves a message and everything that waits behind it, as one batch.
    fn serve(&mut self, first: Message, inbox: &Receiver<Message>) -> Next {
        let mut batch = Batch::default();
        let mut next = Some(first);
        let mut end = Next::GoOn;
        while let Some(message) = next.take() {
            match message {
                Message::Write { order, reply } => self.take(&mut batch, order, reply),
                Message::Rehearse { order, reply } => {
                    let answer = self.rehearse(&order);
                    batch.answer(reply, Verdict::Known(answer));
                }
                Message::Recall { by, request, reply } => {
                    let _gone = reply.send(self.recall(&by, &request));
                }
                Message::Read {
                    after,
                    limit,
                    reply,
                } => {
                    let _gone = reply.send(self.read(after, limit));
                }
                Message::Close { reply } => {
                    end = Next::End(reply);
                    break;
                }
            }
            if batch.has_room() {
                next = inbox.try_recv().ok();
            }
        }
        self.settle(batch);
        end
    }

    fn take(&mut self, batch: &mut Batch, order: Order, reply: Reply) {
        if let Mode::ReadOnly { why, .. } = &self.mode {
            batch.answer(reply, Verdict::Known(Err(read_only(why))));
            return;
        }
        if self.ballast.is_spent() && order.commands.iter().any(Command::grows) {
            batch.answer(reply, Verdict::Known(Err(read_only(&self.ballast.why()))));
            return;
        }
        let verdict = match self.answered_before(batch, &order) {
            Ok(Some(verdict)) => verdict,
            Ok(None) => self
                .decide(&order)
                .and_then(|events| {
                    let now = self.published.now();
                    batch.add(&mut self.working, order, events, now)
                })
                .map_or_else(|refused| Verdict::Known(Err(refused)), Verdict::Records),
            Err(refused) => Verdict::Known(Err(refused)),
        };
        batch.answer(reply, verdict);
    }

    /// Finds what a request was answered with, in this batch or in the store.
    fn answered_before(&self, batch: &Batch, order: &Order) -> Result<Option<Verdict>, Refused> {
        let Some(request) = &order.request else {
            return Ok(None);
        };
        if let Some(range) = batch.find(request) {
            if let Some((_, envelope)) = batch.envelopes(range.clone()).first() {
                same_caller(&order.by, envelope)?;
            }
            return Ok(Some(Verdict::Records(range)));
        }
        let answer = self.recall(&order.by, request)?;
        Ok(answer.map(|answer| Verdict::Known(Ok(answer))))
    }

    /// Finds what a request was answered with in the store.
    fn recall(&self, by: &Actor, request: &RequestId) -> Result<Option<Answer>, Refused> {
        let recorded = self
            .recorded(request)
            .map_err(|error| read_only(&chain(&error)))?;
        let Some((last, first)) = recorded
            .last()
            .map(|(revision, _)| *revision)
            .zip(recorded.first().map(|(_, envelope)| envelope))
        else {
            return Ok(None);
        };
        same_caller(by, first)?;
        let events = recorded
            .iter()
            .map(|(revision, envelope)| (*revision, envelope));
        Ok(Some(Answer::of(last, events)))
    }

    fn recorded(&self, request: &RequestId) -> Result<Vec<(Revision, Envelope)>, LoadError> {
        let Some(store) = &self.store else {
            return Ok(Vec::new());
        };
        let Some(span) = store.find_request(request)? else {
            return Ok(Vec::new());
        };
        let n_records = usize::try_from(span.last.0 + 1 - span.first.0).unwrap_or(usize::MAX);
        store
            .read(Revision(span.first.0 - 1), n_records)?
            .iter()
            .map(|record| Ok((record.revision, load::envelope(record)?)))
            .collect()
    }

    /// Decides all commands of an order on the state as it is.
    fn decide(&self, order: &Order) -> Result<Vec<Event>, Refused> {
        let now = self.published.now();
        let mut events = Vec::new();
        for command in &order.commands {
            let ask = Ask {
                by: order.by.clone(),
                request: order.request.clone(),
                expected: order.expected,
                command: command.clone(),
            };
            let decided = catch_unwind(AssertUnwindSafe(|| decide(&self.working, &ask, now)))
                .map_err(|panic| Refused::Broken(words_of(panic.as_ref())))?;
            events.extend(decided?);
        }
        Ok(events)
    }

    fn rehearse(&self, order: &Order) -> Result<Answer, Refused> {
        let events = self.decide(order)?;
        let revision = self.working.revision();
        let envelopes: Vec<Envelope> = events
            .into_iter()
            .map(|event| Envelope {
                at: self.published.now(),
                by: order.by.clone(),
                request: None,
                cause: None,
                event,
            })
            .collect();
        let events = envelopes.iter().map(|envelope| (revision, envelope));
        Ok(Answer::of(revision, events))
    }

    fn read(&self, after: Revision, limit: usize) -> Result<Vec<Stored>, Refused> {
        let store = self
            .store
            .as_ref()
            .ok_or_else(|| read_only("the log is being opened again"))?;
        // Only what is published may be seen, even when the store holds more.
        let head = self.published.graph().revision();
        let left = usize::try_from(head.0.saturating_sub(after.0)).unwrap_or(usize::MAX);
        let records = store
            .read(after, limit.min(left))
            .map_err(|error| read_only(&chain(&error)))?;
        Ok(records.into_iter().map(stored).collect())
    }

    /// Makes a batch durable, publishes it and answers everybody.
    fn settle(&mut self, mut batch: Batch) {
        if !batch.records().is_empty() {
            if let Err(failure) = self.append(&batch) {
                self.fail(batch, failure);
                return;
            }
            gtd_fault::point("ledger.after-append");
            let records = batch.stored();
            self.published.extend(&self.working, batch.all(), records);
            self.begin_snapshot_when_due();
        }
        gtd_fault::point("ledger.before-reply");
        batch.reply(self.working.revision());
    }

    fn append(&mut self, batch: &Batch) -> Result<(), Failure> {
        gtd_fault::point_result("ledger.before-append")
            .map_err(|injected| Failure::other(injected.to_string()))?;
        let store = self
            .store
            .as_mut()
            .ok_or_else(|| Failure::other("the log is not open"))?;
        match catch_unwind(AssertUnwindSafe(|| store.append(batch.records()))) {
            Ok(done) => done.map_err(|error| Failure {
                is_full: matches!(error, StoreError::OutOfSpace { .. }),
                why: chain(&error),
            }),
            Err(panic) => Err(Failure::other(words_of(panic.as_ref()))),
        }
    }

    /// Refuses a batch whose append failed: what is on the disk is not known until the next open.
    fn fail(&mut self, batch: Batch, failure: Failure) {
        let Failure { why, is_full } = failure;
        tracing::error!(%why, "an append failed: no writes are taken until the log is open again");
        batch.refuse(&read_only(&why));
        self.working = self.published.graph().clone();
        if is_full {
            // The next open finds room for what ends something.
            self.ballast.give_up();
        }
        let text = format!("the log takes no writes: {why}");
        let seen = short(text, self.published.now());
        self.board.publish(OBSERVER, vec![seen]);
        self.mode = Mode::ReadOnly {
            why,
            next_try: Instant::now(),
        };
    }

    fn reopen_when_due(&mut self) {
        let Mode::ReadOnly { next_try, .. } = &self.mode else {
            return;
        };
        if *next_try > Instant::now() {
            return;
        }
        match self.reopen() {
            Ok(()) => {
                tracing::info!("the log is open again and takes writes");
                self.mode = Mode::Open;
                self.tell_of_ballast();
            }
            Err(LoadError::Store {
                source: StoreError::OutOfSpace { .. },
            }) if self.ballast.give_up() => {}
            Err(error) => {
                let why = chain(&error);
                tracing::error!(%why, "the log cannot be opened again yet");
                self.mode = Mode::ReadOnly {
                    why,
                    next_try: Instant::now() + REOPEN,
                };
            }
        }
    }

    /// Makes the ballast again as soon as there is room for it.
    fn renew_ballast(&mut self) {
        if self.ballast.is_spent() && matches!(self.mode, Mode::Open) && self.ballast.renew() {
            self.tell_of_ballast();
        }
    }

    /// Says to everybody whether the log lives on its reserve.
    fn tell_of_ballast(&self) {
        let is_spent = self.ballast.is_spent();
        let seen = is_spent.then(|| short(self.ballast.why(), self.published.now()));
        self.board.publish(OBSERVER, seen.into_iter().collect());
    }

    /// Opens the store anew, and takes over what the failed append may have left there after all.
    fn reopen(&mut self) -> Result<(), LoadError> {
        self.compactions.abandon();
        drop(self.store.take());
        let (store, opened, early) = load::open(&self.dir, |_| {})?;
        for repair in opened.repairs.iter().chain(&early.repairs) {
            tracing::warn!(%repair, "the log was mended");
        }
        let Folded { graph, last_at, .. } = load::fold(&store, early)?;
        self.store = Some(store);
        self.working = graph;
        self.publish_all(last_at)
    }

    /// Begins a compaction that is due, and ends one whose long part is done.
    fn compact(&mut self) {
        let Some(store) = self
            .store
            .as_mut()
            .filter(|_| matches!(self.mode, Mode::Open))
        else {
            return;
        };
        if let Some(compacted) = self.compactions.take_finished() {
            match store.finish(compacted) {
                Ok(()) => tracing::info!("the log was compacted"),
                Err(error) => {
                    let failure = Failure {
                        is_full: matches!(error, StoreError::OutOfSpace { .. }),
                        why: chain(&error),
                    };
                    return self.fail(Batch::default(), failure);
                }
            }
        }
        // What a snapshot under way covers can be sealed with the rest; and room is needed before it is made.
        if !self.snapshots.is_busy() && !self.ballast.is_spent() {
            self.compactions.begin_when_due(store);
        }
    }

    fn begin_snapshot_when_due(&mut self) {
        if let Some(store) = &self.store {
            self.snapshots
                .begin_when_due(&self.working, |at| store.snapshot_place(at));
        }
    }

    fn close(mut self) {
        self.compactions.abandon();
        let Some(store) = self.store.take() else {
            return;
        };
        if matches!(self.mode, Mode::Open) {
            self.snapshots
                .end(self.working, |at| store.snapshot_place(at));
        }
        store.close();
    }
}

/// Says to everybody what the log lacks.
fn short(text: impl Into<String>, since: Timestamp) -> Observation {
    Observation {
        subject: "town".to_owned(),
        reason: WaitReason::Resources,
        text: text.into(),
        since,
        until: None,
    }
}

fn stored(record: gtd_store::Record) -> Stored {
    Stored {
        revision: record.revision,
        json: String::from(record.body).into(),
    }
}

/// A request id is its caller's own: another caller learns nothing from it.
fn same_caller(by: &Actor, recorded: &Envelope) -> Result<(), Refused> {
    if recorded.by == *by {
        return Ok(());
    }
    Err(Refused::Rejected(Rejection::NotYours {
        caller: by.to_string(),
        verb: "use the request id of another caller".to_owned(),
    }))
}

fn read_only(why: &str) -> Refused {
    Refused::Rejected(Rejection::ReadOnly {
        why: why.to_owned(),
    })
}

pub(super) fn words_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned())
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        read_only(&chain(&error))
    }
}
