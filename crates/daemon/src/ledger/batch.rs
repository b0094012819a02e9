//! The orders that share one append.

use std::{collections::HashMap, ops::Range};

use gtd_core::{Envelope, Event, Graph, RequestId, Revision, Timestamp};
use gtd_store::{MAX_BODY, Record};
use tokio::sync::oneshot;

use super::{Answer, Order, Refused, Stored};

/// Orders in one batch at most.
pub(super) const ORDERS_MAX: usize = 1024;
/// Bytes after which a batch takes no further order.
pub(super) const BYTES_MAX: usize = 256 * 1024;

/// Where an answer goes.
pub(super) type Reply = oneshot::Sender<Result<Answer, Refused>>;

/// What an order is answered with once the batch is durable.
pub(super) enum Verdict {
    /// No, or an answer that the batch does not hold.
    Known(Result<Answer, Refused>),
    /// The answer follows from these records of the batch.
    Records(Range<usize>),
}

/// The orders that share one append.
#[derive(Default)]
pub(super) struct Batch {
    envelopes: Vec<(Revision, Envelope)>,
    records: Vec<Record>,
    requests: HashMap<RequestId, Range<usize>>,
    answers: Vec<(Reply, Verdict)>,
    bytes: usize,
}

impl Batch {
    /// Tells whether another order may join.
    pub(super) fn has_room(&self) -> bool {
        self.answers.len() < ORDERS_MAX && self.bytes < BYTES_MAX
    }

    /// Finds the records of this batch that answer a request.
    pub(super) fn find(&self, request: &RequestId) -> Option<Range<usize>> {
        self.requests.get(request).cloned()
    }

    /// Returns the envelopes in a range.
    pub(super) fn envelopes(&self, range: Range<usize>) -> &[(Revision, Envelope)] {
        &self.envelopes[range]
    }

    /// Adds the events of an order and applies them to the working graph.
    ///
    /// # Errors
    /// When an event is too large to be kept; nothing has happened then.
    pub(super) fn add(
        &mut self,
        working: &mut Graph,
        order: Order,
        events: Vec<Event>,
        now: Timestamp,
    ) -> Result<Range<usize>, Refused> {
        let mut revision = working.revision();
        let mut added = Vec::with_capacity(events.len());
        for event in events {
            revision = revision.next();
            let envelope = Envelope {
                at: now,
                by: order.by.clone(),
                request: order.request.clone(),
                cause: order.expected,
                event,
            };
            let body = serde_json::to_string(&envelope)
                .map_err(|error| Refused::Broken(error.to_string()))?;
            if body.len() > MAX_BODY {
                return Err(Refused::Rejected(gtd_core::Rejection::BadText {
                    field: "what is to be written".to_owned(),
                    why: format!("is longer than {MAX_BODY} bytes"),
                }));
            }
            let record = Record {
                revision,
                request: order.request.clone(),
                body: body.into(),
            };
            added.push((envelope, record));
        }
        let begin = self.records.len();
        for (envelope, record) in added {
            working.apply(record.revision, &envelope);
            self.bytes += record.body.len();
            self.envelopes.push((record.revision, envelope));
            self.records.push(record);
        }
        let range = begin..self.records.len();
        if let (Some(request), false) = (order.request, range.is_empty()) {
            self.requests.insert(request, range.clone());
        }
        Ok(range)
    }

    /// Remembers what an order will be answered with.
    pub(super) fn answer(&mut self, reply: Reply, verdict: Verdict) {
        self.answers.push((reply, verdict));
    }

    /// Returns what is to be appended.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns all envelopes with their places.
    pub(super) fn all(&self) -> impl Iterator<Item = (Revision, &Envelope)> {
        self.envelopes
            .iter()
            .map(|(revision, envelope)| (*revision, envelope))
    }

    /// Returns the records as watchers get them.
    pub(super) fn stored(&mut self) -> Vec<Stored> {
        self.records
            .drain(..)
            .map(|record| Stored {
                revision: record.revision,
                json: String::from(record.body).into(),
            })
            .collect()
    }

    /// Answers everybody; `head` is the revision that answers without records show.
    pub(super) fn reply(self, head: Revision) {
        for (reply, verdict) in self.answers {
            let answer = match verdict {
                Verdict::Known(answer) => answer,
                Verdict::Records(range) => Ok(Answer::of(
                    head,
                    self.envelopes[range]
                        .iter()
                        .map(|(revision, envelope)| (*revision, envelope)),
                )),
            };
            // An error says that the caller has gone away.
            let _gone = reply.send(answer);
        }
    }

    /// Refuses everybody.
    pub(super) fn refuse(self, refused: &Refused) {
        for (reply, _) in self.answers {
            let _gone = reply.send(Err(refused.clone()));
        }
    }
}
