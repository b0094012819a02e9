//! The lease holder's pen, and the claims.
//!
//! A lease holder touches its own bead under its own epoch and nothing else. A
//! person may use the pen of a lease that was claimed, never that of a seat.

use std::time::Duration;

use gtd_core::{BeadDoc, Command, Criterion, Gate, Holder, Rejection, Target, bead_doc};
use gtd_wire::{
    Caller, Refusal, WriteRequest,
    pb::work::v1::{
        AskHandoverRequest, AskHandoverResponse, AskRequest, AskResponse, BriefRequest,
        BriefResponse, ClaimNextRequest, ClaimNextResponse, ClaimRequest, ClaimResponse,
        DiscoverRequest, DiscoverResponse, FinishRequest, FinishResponse, GiveHandoverRequest,
        GiveHandoverResponse, HeartbeatRequest, HeartbeatResponse, NoteRequest, NoteResponse,
        RecordUsageRequest, RecordUsageResponse, ReturnRequest, ReturnResponse, StartedRequest,
        StartedResponse, SubmitRequest, SubmitResponse, work_service_server::WorkService,
    },
};
use serde::Serialize;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::{Api, caller_of, document, is_agent, lookup, malformed, rejected, writes::order};
use crate::{
    ledger::Refused,
    town::{MAYOR, REFINERY},
};

/// The longest wait for a bead that becomes ready.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// A request under a lease.
trait OfLease {
    fn bead(&self) -> &str;
    fn epoch(&self) -> u64;
}

macro_rules! of_lease {
    ($($request:ty),*) => { $(
        impl OfLease for $request {
            fn bead(&self) -> &str {
                &self.bead
            }
            fn epoch(&self) -> u64 {
                self.epoch
            }
        }
    )* };
}

of_lease!(
    BriefRequest,
    NoteRequest,
    AskRequest,
    DiscoverRequest,
    SubmitRequest,
    ReturnRequest,
    FinishRequest,
    StartedRequest,
    AskHandoverRequest,
    GiveHandoverRequest,
    HeartbeatRequest,
    RecordUsageRequest
);

/// What the holder of a bead has to know.
#[derive(Debug, Serialize)]
struct BriefDoc {
    bead: BeadDoc,
    epoch: u64,
    goal: Option<GoalBrief>,
    target: Option<Target>,
    /// The gates that run in the holder's worktree before the work is handed in.
    gates: Vec<Gate>,
    attempts_left: u32,
}

/// The goal behind a bead.
#[derive(Debug, Serialize)]
struct GoalBrief {
    id: String,
    title: String,
    description: String,
    acceptance: Vec<Criterion>,
}

impl Api {
    /// Checks that a caller may use the pen of a lease.
    fn holds(&self, caller: &Caller, request: &impl OfLease) -> Result<(), Status> {
        let not_yours = || {
            rejected(Rejection::NotYours {
                caller: caller.actor().to_string(),
                verb: format!(
                    "use the lease of {} (epoch {})",
                    request.bead(),
                    request.epoch()
                ),
            })
        };
        match caller {
            Caller::Lease { bead, epoch, .. } => {
                if bead.as_str() == request.bead() && epoch.0 == request.epoch() {
                    Ok(())
                } else {
                    Err(not_yours())
                }
            }
            Caller::Person { .. } => {
                let is_of_seat = gtd_core::BeadId::parse(request.bead()).is_ok_and(|id| {
                    let graph = self.town.ledger.graph();
                    graph
                        .bead(&id)
                        .and_then(|bead| bead.phase.lease())
                        .is_some_and(|lease| matches!(lease.holder, Holder::Seat { .. }))
                });
                if is_of_seat { Err(not_yours()) } else { Ok(()) }
            }
            // The ledger takes from it only what reviews use.
            Caller::Role { name, .. } if name.as_str() == REFINERY => Ok(()),
            // The mayor drives the attempts at plans, the worker role all others.
            Caller::Role { name, .. } => {
                let is_plan = gtd_core::BeadId::parse(request.bead())
                    .is_ok_and(|id| self.town.ledger.graph().goal(&id).is_some());
                if is_plan == (name.as_str() == MAYOR) {
                    Ok(())
                } else {
                    Err(not_yours())
                }
            }
        }
    }

    async fn write_leased<R: WriteRequest + OfLease>(
        &self,
        request: Request<R>,
    ) -> Result<Response<R::Response>, Status> {
        self.holds(&caller_of(&request)?, request.get_ref())?;
        self.write(request).await
    }

    /// Takes what the agent of a seat says of its work as a claim: a remark on the bead.
    ///
    /// Its worker looks at the work itself once the agent has stopped, and hands it in then;
    /// what the agent says cannot shorten that. The word of everybody else hands in.
    async fn claim_or_write<R: WriteRequest + OfLease>(
        &self,
        request: Request<R>,
        says: String,
    ) -> Result<Response<R::Response>, Status> {
        let caller = caller_of(&request)?;
        self.holds(&caller, request.get_ref())?;
        let claim = match is_agent(&request) {
            true => self.claim_of(request.get_ref(), says)?,
            false => None,
        };
        let Some(note) = claim else {
            return self.write(request).await;
        };
        let (_, context) = request.into_inner().command().map_err(malformed)?;
        let written = self.commit(&caller, context, vec![note]).await?;
        Ok(Response::new(written.into()))
    }

    /// Makes a remark of what the agent of a seat says; none when the lease is no seat's.
    fn claim_of(&self, request: &impl OfLease, says: String) -> Result<Option<Command>, Status> {
        let graph = self.town.ledger.graph();
        let Some((bead, lease)) = gtd_core::BeadId::parse(request.bead())
            .ok()
            .and_then(|id| graph.bead(&id))
            .and_then(|bead| Some((bead, bead.phase.lease()?)))
        else {
            return Ok(None);
        };
        if !matches!(lease.holder, Holder::Seat { .. }) {
            return Ok(None);
        }
        if lease.epoch.0 != request.epoch() {
            return Err(rejected(Rejection::StaleEpoch {
                bead: bead.id.clone(),
                current: bead.epoch,
                yours: gtd_core::Epoch(request.epoch()),
            }));
        }
        Ok(Some(Command::AddNote {
            bead: bead.id.clone(),
            text: says,
        }))
    }

    /// A note carries no epoch into the log, so a stale one is stopped here.
    fn is_current(&self, request: &NoteRequest) -> Result<(), Status> {
        let graph = self.town.ledger.graph();
        let Some(bead) = gtd_core::BeadId::parse(&request.bead)
            .ok()
            .and_then(|id| graph.bead(&id))
        else {
            return Ok(());
        };
        let is_current = bead
            .phase
            .lease()
            .is_some_and(|lease| lease.epoch.0 == request.epoch);
        if is_current {
            return Ok(());
        }
        Err(rejected(Rejection::StaleEpoch {
            bead: bead.id.clone(),
            current: bead.epoch,
            yours: gtd_core::Epoch(request.epoch),
        }))
    }

    async fn claim_next_bead(
        &self,
        request: Request<ClaimNextRequest>,
    ) -> Result<Response<ClaimNextResponse>, Status> {
        let caller = caller_of(&request)?;
        let request = request.into_inner();
        let until = Instant::now() + Duration::from_millis(request.wait_ms).min(WAIT_MAX);
        let (command, context) = request.command().map_err(malformed)?;
        let mut revisions = self.town.ledger.revisions();
        loop {
            revisions.borrow_and_update();
            let order = order(&caller, context.clone(), vec![command.clone()]);
            match self.town.ledger.write(order).await {
                Err(Refused::Rejected(Rejection::NothingReady { .. }))
                    if Instant::now() < until => {}
                answer => return Ok(Response::new(self.written(answer?).into())),
            }
            let due = self.next_due().min(until);
            tokio::select! {
                () = self.town.closing.cancelled() => return Err(Refusal::Leaving.to_status()),
                _ = revisions.changed() => {}
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    /// Returns the moment at which the next wait in the graph ends.
    fn next_due(&self) -> Instant {
        let now = self.town.ledger.now();
        let due = self.town.ledger.graph().next_due(now);
        Instant::now() + due.map_or(WAIT_MAX, |due| due.since(now))
    }

    fn make_brief(&self, request: &BriefRequest) -> Result<Response<BriefResponse>, Status> {
        let (brief, revision) = self
            .town
            .view(|view| {
                let bead = lookup::bead(view.graph, &request.bead)?;
                let rig = view.graph.rig(&bead.rig);
                let goal = bead.goal.as_ref().and_then(|goal| view.graph.bead(goal));
                let brief = BriefDoc {
                    bead: bead_doc(view, bead),
                    epoch: bead.epoch.0,
                    goal: goal.map(|goal| GoalBrief {
                        id: goal.id.to_string(),
                        title: goal.spec.title.clone(),
                        description: goal.spec.description.clone(),
                        acceptance: goal.spec.acceptance.clone(),
                    }),
                    target: view.graph.target_of(bead),
                    gates: rig
                        .map(|rig| rig.rules.gates.iter())
                        .into_iter()
                        .flatten()
                        .filter(|gate| gate.when.is_for_worker())
                        .cloned()
                        .collect(),
                    attempts_left: rig
                        .map_or(0, |rig| rig.rules.worker.attempts)
                        .saturating_sub(bead.spent),
                };
                Ok::<_, Rejection>((brief, view.graph.revision()))
            })
            .map_err(rejected)?;
        document("Brief", brief, revision)
    }
}

/// Puts what was said behind what it says, when something was.
fn with_words(says: &str, words: &str) -> String {
    match words.trim() {
        "" => says.to_owned(),
        _ => format!("{says}: {words}"),
    }
}

macro_rules! work_service {
    ($($method:ident $request:ty => $response:ty;)*) => {
        super::writes::writes! {
            WorkService {
                claim ClaimRequest => ClaimResponse;
            } also {
                $(
                    async fn $method(
                        &self,
                        request: Request<$request>,
                    ) -> Result<Response<$response>, Status> {
                        self.write_leased(request).await
                    }
                )*

                async fn claim_next(
                    &self,
                    request: Request<ClaimNextRequest>,
                ) -> Result<Response<ClaimNextResponse>, Status> {
                    self.claim_next_bead(request).await
                }

                async fn brief(
                    &self,
                    request: Request<BriefRequest>,
                ) -> Result<Response<BriefResponse>, Status> {
                    self.holds(&caller_of(&request)?, request.get_ref())?;
                    self.make_brief(request.get_ref())
                }

                async fn submit(
                    &self,
                    request: Request<SubmitRequest>,
                ) -> Result<Response<SubmitResponse>, Status> {
                    let says = with_words("says it is done", &request.get_ref().summary);
                    self.claim_or_write(request, says).await
                }

                async fn finish(
                    &self,
                    request: Request<FinishRequest>,
                ) -> Result<Response<FinishResponse>, Status> {
                    let said = &request.get_ref().why;
                    let says = with_words("says that nothing has to change", said);
                    self.claim_or_write(request, says).await
                }

                async fn note(
                    &self,
                    request: Request<NoteRequest>,
                ) -> Result<Response<NoteResponse>, Status> {
                    self.is_current(request.get_ref())?;
                    self.write_leased(request).await
                }
            }
        }
    };
}

work_service! {
    ask AskRequest => AskResponse;
    discover DiscoverRequest => DiscoverResponse;
    r#return ReturnRequest => ReturnResponse;
    started StartedRequest => StartedResponse;
    ask_handover AskHandoverRequest => AskHandoverResponse;
    give_handover GiveHandoverRequest => GiveHandoverResponse;
    heartbeat HeartbeatRequest => HeartbeatResponse;
    record_usage RecordUsageRequest => RecordUsageResponse;
}
