//! The refinery's pen, and a person's hand on the queues.

use gtd_core::{
    Bead, Command, Event, Evidence, GateName, MergeShownDoc, Oid, Phase, Rejection, Revision,
    RigName, Target, merge_of_bead, merge_of_candidate,
};
use gtd_wire::{
    WriteContext,
    pb::merge::v1::{
        AnswerGateRequest, AnswerGateResponse, AskGateRequest, AskGateResponse, BeginReviewRequest,
        BeginReviewResponse, ConcludeLandingRequest, ConcludeLandingResponse, EndReviewRequest,
        EndReviewResponse, FormRequest, FormResponse, GateHistoryRequest, GateHistoryResponse,
        GetRequest, GetResponse, HoldRequest, HoldResponse, JudgeBaseRequest, JudgeBaseResponse,
        JudgeRequest, JudgeResponse, LandRequest, LandResponse, MayMoveRequest, MayMoveResponse,
        ObserveTargetRequest, ObserveTargetResponse, PreferRequest, PreferResponse,
        RecordGuardRequest, RecordGuardResponse, ReleaseRequest, ReleaseResponse, RetryRequest,
        RetryResponse, SendBackRequest, SendBackResponse, VoidRequest, VoidResponse, WaiveRequest,
        WaiveResponse, WeighRequest, WeighResponse, merge_service_server::MergeService,
    },
};
use tonic::{Request, Response, Status};

use super::{Api, caller_of, document, gates, lookup, malformed, rejected, town::parse_rig};

/// How often the end of what moves already is looked for before a freeze is answered.
const LOOKS: usize = 8;
/// Records of one moment among which a landing is looked for.
const LANDING_WITHIN: u64 = 1_000;

super::writes::writes! {
    MergeService {
        form FormRequest => FormResponse;
        judge JudgeRequest => JudgeResponse;
        land LandRequest => LandResponse;
        void VoidRequest => VoidResponse;
        send_back SendBackRequest => SendBackResponse;
        record_guard RecordGuardRequest => RecordGuardResponse;
        weigh WeighRequest => WeighResponse;
        begin_review BeginReviewRequest => BeginReviewResponse;
        end_review EndReviewRequest => EndReviewResponse;
        observe_target ObserveTargetRequest => ObserveTargetResponse;
        judge_base JudgeBaseRequest => JudgeBaseResponse;
        conclude_landing ConcludeLandingRequest => ConcludeLandingResponse;
        answer_gate AnswerGateRequest => AnswerGateResponse;
        release ReleaseRequest => ReleaseResponse;
        prefer PreferRequest => PreferResponse;
        retry RetryRequest => RetryResponse;
        waive WaiveRequest => WaiveResponse;
    } also {
        async fn hold(
            &self,
            request: Request<HoldRequest>,
        ) -> Result<Response<HoldResponse>, Status> {
            let answer = self.write(request).await?;
            self.nothing_moves().await?;
            Ok(answer)
        }

        async fn may_move(
            &self,
            request: Request<MayMoveRequest>,
        ) -> Result<Response<MayMoveResponse>, Status> {
            let rig = parse_rig(&request.get_ref().rig)?;
            let now = self.town.ledger.now();
            let graph = self.town.ledger.graph();
            match graph.hold_of(&rig, gtd_core::HoldKind::Freeze, now) {
                Some(hold) => Err(rejected(hold.refusal())),
                None => Ok(Response::new(MayMoveResponse {})),
            }
        }

        async fn ask_gate(
            &self,
            request: Request<AskGateRequest>,
        ) -> Result<Response<AskGateResponse>, Status> {
            let caller = caller_of(&request)?;
            let request = request.into_inner();
            let context = match request.context.clone() {
                Some(wire) => WriteContext::try_from(wire).map_err(malformed)?,
                None => WriteContext::default(),
            };
            let rig = parse_rig(&request.rig)?;
            let gate = parse_gate(&request.gate)?;
            let (commit, bead) = self.commit_of(&rig, &request).await?;
            let command = Command::AskGate { rig, gate, commit: commit.clone(), bead };
            let written = self.commit(&caller, context, vec![command]).await?;
            let number = written.ids.first().and_then(|id| id.parse().ok()).unwrap_or(0);
            Ok(Response::new(AskGateResponse {
                written: Some(written.into()),
                number,
                commit: commit.to_string(),
            }))
        }

        async fn get(
            &self,
            request: Request<GetRequest>,
        ) -> Result<Response<GetResponse>, Status> {
            let id = request.into_inner().id;
            let (mut doc, revision) = self.town.view(|view| {
                let doc = match merge_of_candidate(view, id.trim()) {
                    Some(doc) => doc,
                    None if id.trim().starts_with("mr-") => {
                        return Err(rejected(Rejection::NotFound {
                            kind: "candidate in test or landed".to_owned(),
                            name: id.trim().to_owned(),
                        }));
                    }
                    None => merge_of_bead(view, lookup::bead(view.graph, &id).map_err(rejected)?),
                };
                Ok((doc, view.graph.revision()))
            })?;
            doc.evidence = self.evidence_of(&doc).await?;
            document("Merge", doc, revision)
        }

        async fn gate_history(
            &self,
            request: Request<GateHistoryRequest>,
        ) -> Result<Response<GateHistoryResponse>, Status> {
            let request = request.into_inner();
            let (rig, gate) = (parse_rig(&request.rig)?, parse_gate(&request.gate)?);
            let graph = self.town.ledger.graph();
            let now = self.town.ledger.now();
            let doc = gates::history(&graph, &rig, &gate, request.limit, now).map_err(rejected)?;
            let revision = graph.revision();
            drop(graph);
            document("GateHistory", doc, revision)
        }
    }
}

impl Api {
    /// Waits until no ref of ours is moving: who began before the freeze was written has come to
    /// the end of it, and who begins after it is refused.
    async fn nothing_moves(&self) -> Result<(), Status> {
        for _ in 0..LOOKS {
            let places = self.town.places.clone();
            let ended = tokio::task::spawn_blocking(move || gtd_host::effects_have_ended(&places));
            let ended = ended
                .await
                .map_err(|error| Status::internal(error.to_string()))?;
            if ended.map_err(|error| Status::internal(error.chain()))? {
                return Ok(());
            }
        }
        Err(Status::aborted(
            "the merges are held, but something that had begun before has not come to its end",
        ))
    }

    /// Reads from the log what a landing is proven by.
    async fn evidence_of(&self, doc: &MergeShownDoc) -> Result<Option<Evidence>, Status> {
        let landed = doc.members.iter().find(|row| row.state == "landed");
        let Some((since, id)) = landed.and_then(|row| Some((row.since.0, row.candidate.as_ref()?)))
        else {
            return Ok(None);
        };
        // The phase of a bead that landed is as old as the record of the landing.
        let after = self.last_before(since).await?;
        let until = self.revision().0.min(after.0 + LANDING_WITHIN);
        let records = self.records(after, Revision(until)).await?;
        Ok(records
            .into_iter()
            .find_map(|(_, record)| match record.event {
                Event::CandidateLanded {
                    candidate,
                    evidence,
                } if candidate.as_str() == id => evidence.map(|evidence| *evidence),
                _ => None,
            }))
    }

    /// Finds the commit that a gate is to run on.
    async fn commit_of(
        &self,
        rig: &RigName,
        request: &AskGateRequest,
    ) -> Result<(Oid, Option<gtd_core::BeadId>), Status> {
        let (bead, text) = {
            let graph = self.town.ledger.graph();
            let known = graph
                .rig(rig)
                .ok_or_else(|| rejected(Rejection::NoRig { rig: rig.clone() }))?;
            let bead = match request.bead.as_str() {
                "" => None,
                id => Some(lookup::bead(&graph, id).map_err(rejected)?),
            };
            let text = match (request.at.as_str(), bead) {
                ("", Some(bead)) => handed_in(bead).ok_or_else(|| {
                    rejected(Rejection::NotReady {
                        bead: bead.id.clone(),
                        why: "nothing was handed in for it".to_owned(),
                    })
                })?,
                ("", None) => usual_tip(&graph, known),
                (at, _) => at.to_owned(),
            };
            (bead.map(|bead| bead.id.clone()), text)
        };
        let folder = self.town.rigs.folder(rig).map_err(rejected)?;
        let found = {
            let text = text.clone();
            tokio::task::spawn_blocking(move || gtd_host::commit_at(&folder, &text))
        };
        let found = found
            .await
            .map_err(|error| Status::internal(error.to_string()))?
            .map_err(|error| Status::failed_precondition(error.chain()))?;
        match found {
            Some(commit) => Ok((commit, bead)),
            None => Err(rejected(Rejection::NotFound {
                kind: "commit".to_owned(),
                name: text,
            })),
        }
    }
}

/// Returns what was handed in last for a bead, or what of it landed.
fn handed_in(bead: &Bead) -> Option<String> {
    match &bead.phase {
        Phase::Submitted { head, .. } => Some(head.to_string()),
        Phase::Landed { commit, .. } => Some(commit.to_string()),
        _ => {
            let attempts = bead.attempts.iter().rev();
            attempts
                .filter_map(|attempt| attempt.head.as_ref())
                .map(ToString::to_string)
                .next()
        }
    }
}

/// Returns where work of a rig lands usually: where its queue is, else its branch.
fn usual_tip(graph: &gtd_core::Graph, rig: &gtd_core::Rig) -> String {
    let tip = graph
        .queues()
        .filter(|queue| queue.target.rig == rig.name && queue.target.branch == rig.rules.branch)
        .filter_map(|queue| Some((&queue.target, queue.tip.as_ref()?)))
        .max_by_key(|(target, _): &(&Target, &Oid)| target.mode == gtd_core::LandMode::Integration);
    match tip {
        Some((_, tip)) => tip.to_string(),
        None => format!("refs/heads/{}", rig.rules.branch),
    }
}

fn parse_gate(name: &str) -> Result<GateName, Status> {
    GateName::parse(name).map_err(|error| {
        rejected(Rejection::BadText {
            field: "the gate".to_owned(),
            why: error.to_string(),
        })
    })
}
