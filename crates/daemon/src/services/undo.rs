//! What people did, and the taking back of it: read from the log, decided by the ledger.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    BeadId, Command, Envelope, Graph, ListDoc, Moment, OpDoc, Operation, Recorded, Rejection,
    Revision, Timestamp, operations, reverse,
};
use gtd_wire::{
    WriteContext,
    pb::town::v1::{OperationsRequest, OperationsResponse, UndoRequest, UndoResponse},
};
use tonic::{Request, Response, Status};

use super::{Api, caller_of, document, json, malformed, reads, rejected, writes::order};

const USUAL: usize = 20;
const MOST: usize = 500;
/// Records that are read at once.
const PAGE: u64 = 2_000;
/// Records that a list of operations looks at, back from the newest.
const LOOKED_AT_MAX: u64 = 200_000;

impl Api {
    /// Lists what people did, the newest first.
    pub(super) async fn list_operations(
        &self,
        request: OperationsRequest,
    ) -> Result<Response<OperationsResponse>, Status> {
        let limit = reads::limit(request.limit, USUAL, MOST);
        let revision = self.revision();
        let mut items: Vec<OpDoc> = Vec::new();
        let mut undone: BTreeMap<Revision, Revision> = BTreeMap::new();
        let mut tail: Vec<Recorded> = Vec::new();
        let mut end = revision.0;
        while items.len() < limit && end > 0 && revision.0 - end < LOOKED_AT_MAX {
            let begin = end.saturating_sub(PAGE);
            let mut page = self.records(Revision(begin), Revision(end)).await?;
            page.append(&mut tail);
            let mut found = operations(&page);
            // One that may begin on the page before is taken with that.
            if begin > 0
                && let Some(first) = found.first()
                && first.first.0 == begin + 1
            {
                let cut = found.remove(0);
                tail = page.into_iter().filter(|(at, _)| *at <= cut.last).collect();
            }
            for op in found.into_iter().rev() {
                let undone_by = undone.get(&op.first).copied();
                // What was itself taken back took nothing back.
                if let (Some(target), None) = (op.undoes(), undone_by) {
                    undone.insert(target, op.first);
                }
                items.push(op.doc(undone_by));
            }
            end = begin;
        }
        items.truncate(limit);
        let page = ListDoc {
            items,
            next: String::new(),
        };
        document("OpList", page, revision)
    }

    /// Takes an operation back, or says why it cannot be.
    pub(super) async fn undo_operation(
        &self,
        request: Request<UndoRequest>,
    ) -> Result<Response<UndoResponse>, Status> {
        let caller = caller_of(&request)?;
        let request = request.into_inner();
        let context = match request.context {
            Some(wire) => WriteContext::try_from(wire).map_err(malformed)?,
            None => WriteContext::default(),
        };
        let op = self.operation(Revision(request.op)).await?;
        let ledger = &self.town.ledger;
        let known = match &context.request {
            Some(name) if !request.validate_only => {
                ledger.recall(caller.actor(), name.clone()).await?
            }
            _ => None,
        };
        let answer = match known {
            Some(answer) => answer,
            None => {
                let command = self.undo_command(&op).await?;
                let order = order(&caller, context, vec![command]);
                if request.validate_only {
                    ledger.rehearse(order).await?
                } else {
                    ledger.write(order).await?
                }
            }
        };
        let made = OpDoc {
            id: answer.revision,
            what: format!("undo {}", op.what()),
            by: caller.actor().to_string(),
            at: Moment(ledger.now()),
            undoes: Some(op.first),
            undone_by: None,
        };
        Ok(Response::new(UndoResponse {
            written: Some(self.written(answer).into()),
            json: json("Op", made)?.into(),
        }))
    }

    async fn undo_command(&self, op: &Operation) -> Result<Command, Status> {
        let before = self.graph_before(op).await?;
        let graph = self.town.ledger.graph();
        let reversal = reverse(op, &before, &graph).map_err(rejected)?;
        Ok(Command::Undo {
            reversal: Box::new(reversal),
        })
    }

    /// Finds the operation that begins with a record.
    async fn operation(&self, first: Revision) -> Result<Operation, Status> {
        let none = || {
            rejected(Rejection::NotFound {
                kind: "operation".to_owned(),
                name: first.to_string(),
            })
        };
        if first.0 == 0 || first > self.revision() {
            return Err(none());
        }
        // The record before it shows whether it is really the first.
        let mut after = Revision(first.0.saturating_sub(2));
        let mut records = Vec::new();
        loop {
            let until = Revision(after.0 + PAGE);
            let page = self.records(after, until).await?;
            let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            after = until;
            records.extend(page);
            let found = operations(&records)
                .into_iter()
                .find(|op| op.first <= first && first <= op.last);
            match found {
                Some(op) if op.last >= after && !is_last => {}
                Some(op) if op.first == first => return Ok(op),
                _ => return Err(none()),
            }
        }
    }

    /// Folds what the operation touched, up to the record before its first.
    ///
    /// That is the log since the oldest of it was made: what is older cannot speak of it.
    async fn graph_before(&self, op: &Operation) -> Result<Graph, Status> {
        let made = {
            let graph = self.town.ledger.graph();
            let subjects = op.subjects();
            let goals = subjects
                .iter()
                .filter_map(|id| graph.bead(id)?.goal.clone());
            let all: BTreeSet<BeadId> = subjects.iter().cloned().chain(goals).collect();
            all.iter()
                .filter_map(|id| Some(graph.bead(id)?.created_at))
                .min()
        };
        let mut after = match made {
            Some(made) => self.last_before(made).await?,
            None => Revision(op.first.0 - 1),
        };
        if let Some(rests_on) = op.rests_on() {
            after = after.min(rests_on);
        }
        let end = Revision(op.first.0 - 1);
        let mut before = Graph::default();
        while after < end {
            let until = end.min(Revision(after.0 + PAGE));
            for (revision, envelope) in self.records(after, until).await? {
                before.apply(revision, &envelope);
            }
            after = until;
        }
        Ok(before)
    }

    /// Reads the records after a revision up to another one.
    pub(super) async fn records(
        &self,
        after: Revision,
        until: Revision,
    ) -> Result<Vec<Recorded>, Status> {
        let mut found: Vec<Recorded> = Vec::new();
        let mut after = after;
        while after < until {
            let left = usize::try_from(until.0 - after.0).unwrap_or(usize::MAX);
            let page = self.page(after, left).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            found.extend(page);
        }
        Ok(found)
    }

    /// Finds the last record before a moment; moments never fall along the log.
    pub(super) async fn last_before(&self, moment: Timestamp) -> Result<Revision, Status> {
        let mut low = 0;
        let mut high = self.revision().0;
        while low < high {
            let middle = low + (high - low) / 2;
            let found: Vec<(Revision, Envelope)> = self.page(Revision(middle), 1).await?;
            match found.first() {
                Some((_, envelope)) if envelope.at < moment => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(Revision(low))
    }
}
