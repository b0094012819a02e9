//! Each command with the rpc that carries it: one table, read in both directions.
//!
//! `OpenGoal`, `OpenConvoy`, `TrustRig`, `AskGate` and `Undo` have no line: the
//! daemon makes them from a wish, once it has looked at the repository or the log.

use std::time::Duration;

use gtd_core::Command;
use tonic::{
    Status,
    body::Body,
    client::GrpcService,
    codegen::{Body as HttpBody, Bytes, StdError},
};

use crate::{Call, Caller, Malformed, WriteContext, Written, convert::Carried, pb};

/// A request that carries a command.
pub trait WriteRequest: Call<Response: From<Written>> {
    /// Reads the command and what surrounds it.
    ///
    /// # Errors
    /// When a field is missing or cannot be taken.
    fn command(self) -> Result<(Command, WriteContext), Malformed>;
}

/// A command that no caller can send: the daemon makes it from a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is made by the daemon alone")]
pub struct Unsendable(
    /// The command's name.
    pub &'static str,
);

macro_rules! writes {
    (
        lines { $( $variant:ident $package:ident $request:ident $response:ident
            = $command:ident { $($field:ident),* }; )* }
        by_hand { $( $hand:ident $hand_package:ident $hand_request:ident $hand_response:ident; )* }
    ) => {
        /// The request of one command.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Write {
            $(
                #[doc = concat!("Carries `", stringify!($command), "`.")]
                $variant(pb::$package::v1::$request),
            )*
            $(
                #[doc = concat!("Carries a `", stringify!($hand_request), "`.")]
                $hand(pb::$hand_package::v1::$hand_request),
            )*
        }

        impl Write {
            /// Finds the request for a command of a caller.
            ///
            /// # Errors
            /// When only the daemon makes such a command.
            pub fn new(
                command: Command,
                context: WriteContext,
                caller: &Caller,
            ) -> Result<Self, Unsendable> {
                let context = Some(context.into());
                Ok(match command {
                    $( Command::$command { $($field),* } => {
                        Self::$variant(pb::$package::v1::$request {
                            context,
                            $($field: $field.put()),*
                        })
                    } )*
                    Command::AddNote { bead, text } => note(bead, text, context, caller),
                    Command::ClaimNext { rig, name } => {
                        Self::WorkClaimNext(pb::work::v1::ClaimNextRequest {
                            context,
                            rig: rig.put(),
                            name: name.put(),
                            wait_ms: 0,
                        })
                    }
                    Command::OpenGoal { .. } => return Err(Unsendable("OpenGoal")),
                    Command::OpenConvoy { .. } => return Err(Unsendable("OpenConvoy")),
                    Command::TrustRig { .. } => return Err(Unsendable("TrustRig")),
                    Command::AskGate { .. } => return Err(Unsendable("AskGate")),
                    Command::Undo { .. } => return Err(Unsendable("Undo")),
                })
            }

            /// Reads the command and what surrounds it.
            ///
            /// # Errors
            /// When a field is missing or cannot be taken.
            pub fn command(self) -> Result<(Command, WriteContext), Malformed> {
                match self {
                    $( Self::$variant(request) => request.command(), )*
                    $( Self::$hand(request) => request.command(), )*
                }
            }

            /// Returns service and method, for spans and messages.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => <pb::$package::v1::$request as Call>::NAME, )*
                    $( Self::$hand(_) => <pb::$hand_package::v1::$hand_request as Call>::NAME, )*
                }
            }

            /// Sends the request.
            ///
            /// # Errors
            /// With the status that came back.
            pub async fn send<T>(
                self,
                service: T,
                timeout: Option<Duration>,
            ) -> Result<pb::common::v1::Written, Status>
            where
                T: GrpcService<Body, Future: Send> + Send,
                T::Error: Into<StdError>,
                T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
                <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
            {
                let written = match self {
                    $( Self::$variant(request) => request.call(service, timeout).await?.written, )*
                    $( Self::$hand(request) => request.call(service, timeout).await?.written, )*
                };
                written.ok_or_else(|| Status::internal("the answer does not say what was written"))
            }
        }

        $(
            impl WriteRequest for pb::$package::v1::$request {
                fn command(self) -> Result<(Command, WriteContext), Malformed> {
                    let Self { context, $($field),* } = self;
                    let command = Command::$command {
                        $($field: Carried::take($field, stringify!($field))?),*
                    };
                    Ok((command, WriteContext::take(context)?))
                }
            }

            impl From<Written> for pb::$package::v1::$response {
                fn from(written: Written) -> Self {
                    Self { written: Some(written.into()) }
                }
            }
        )*
        $(
            impl From<Written> for pb::$hand_package::v1::$hand_response {
                fn from(written: Written) -> Self {
                    Self { written: Some(written.into()) }
                }
            }
        )*
    };
}

writes! {
    lines {
        GoalApprove goal ApproveRequest ApproveResponse = ApprovePlan { goal };
        GoalJoin goal JoinRequest JoinResponse = JoinGoal { goal, beads };
        GoalEditGoal goal EditGoalRequest EditGoalResponse
            = EditGoal { goal, spec, max, until };
        GoalReopen goal ReopenRequest ReopenResponse = ReopenBead { bead };
        GoalSplit goal SplitRequest SplitResponse = SplitBead { bead, parts, rest };
        GoalImport goal ImportRequest ImportResponse = ImportBeads { rig, beads };
        GoalSnooze goal SnoozeRequest SnoozeResponse = SnoozeDecision { kind, subject, until };
        GoalCancel goal CancelRequest CancelResponse = Cancel { bead, why };
        GoalCreateBead goal CreateBeadRequest CreateBeadResponse
            = CreateBead { rig, goal, spec, needs };
        GoalEditBead goal EditBeadRequest EditBeadResponse = EditBead { bead, spec };
        GoalLink goal LinkRequest LinkResponse = Link { bead, need };
        GoalUnlink goal UnlinkRequest UnlinkResponse = Unlink { bead, need };
        GoalClose goal CloseRequest CloseResponse = CloseBead { bead, outcome, why };
        GoalRetry goal RetryRequest RetryResponse = RetryBead { bead };
        GoalAnswer goal AnswerRequest AnswerResponse = Answer { bead, text };
        GoalPark goal ParkRequest ParkResponse = ParkBead { bead, why };
        GoalTell goal TellRequest TellResponse = Tell { bead, text };
        GoalWantChanges goal WantChangesRequest WantChangesResponse
            = WantChanges { bead, why, comments };
        GoalLand goal LandRequest LandResponse = RequestLanding { goal };
        GoalAddSchedule goal AddScheduleRequest AddScheduleResponse
            = AddSchedule { rig, schedule, cron, goal };
        GoalRemoveSchedule goal RemoveScheduleRequest RemoveScheduleResponse
            = RemoveSchedule { rig, schedule };
        GoalPauseSchedule goal PauseScheduleRequest PauseScheduleResponse
            = PauseSchedule { rig, schedule, why };
        GoalResumeSchedule goal ResumeScheduleRequest ResumeScheduleResponse
            = ResumeSchedule { rig, schedule };
        GoalAddCrew goal AddCrewRequest AddCrewResponse = AddCrew { rig, member };
        GoalRemoveCrew goal RemoveCrewRequest RemoveCrewResponse = RemoveCrew { member, discard };
        SeatConclude seat ConcludeRequest ConcludeResponse
            = ConcludeCrew { member, outcome, why };
        GoalStartCrew goal StartCrewRequest StartCrewResponse = StartCrew { member, runtime };
        GoalStopCrew goal StopCrewRequest StopCrewResponse = StopCrew { member };
        GoalTellCrew goal TellCrewRequest TellCrewResponse = TellCrew { member, text };
        SeatBeginTurn seat BeginTurnRequest BeginTurnResponse
            = BeginCrewTurn { member, turn, told, bead };
        SeatEndTurn seat EndTurnRequest EndTurnResponse
            = EndCrewTurn { member, turn, session, fault, unsaid, usage };
        GoalFireSchedule goal FireScheduleRequest FireScheduleResponse
            = FireSchedule { rig, schedule, due, missed, target };

        PlanBegin plan BeginRequest BeginResponse
            = BeginPlan { goal, seat, host, runtime, epoch };
        PlanPropose plan ProposeRequest ProposeResponse
            = ProposePlan { goal, epoch, plan, approval };
        PlanClose plan CloseRequest CloseResponse = CloseGoal { goal, outcome, why, proof };

        SeatOpen seat OpenRequest OpenResponse = OpenSeat { seat, rig, host };
        SeatClose seat CloseRequest CloseResponse = CloseSeat { seat };
        SeatGrant seat GrantRequest GrantResponse = Grant { bead, seat, epoch, reserved };

        WorkClaim work ClaimRequest ClaimResponse = Claim { bead, name };
        WorkAsk work AskRequest AskResponse = Ask { bead, epoch, text };
        WorkDiscover work DiscoverRequest DiscoverResponse = Discover { bead, epoch, spec };
        WorkSubmit work SubmitRequest SubmitResponse
            = Submit { bead, epoch, head, base, summary, checks };
        WorkReturn work ReturnRequest ReturnResponse = Return { bead, epoch, why };
        WorkFinish work FinishRequest FinishResponse = Finish { bead, epoch, outcome, why };
        WorkStarted work StartedRequest StartedResponse
            = Started { bead, epoch, run, told };
        WorkAskHandover work AskHandoverRequest AskHandoverResponse
            = AskHandover { bead, epoch, run, full };
        WorkGiveHandover work GiveHandoverRequest GiveHandoverResponse
            = GiveHandover { bead, epoch, run, handover };
        WorkHeartbeat work HeartbeatRequest HeartbeatResponse = Heartbeat { bead, epoch };
        WorkRecordUsage work RecordUsageRequest RecordUsageResponse
            = RecordUsage { bead, epoch, usage };

        MergeForm merge FormRequest FormResponse
            = Form { id, target, base, members, commit, tree, retry };
        MergeJudge merge JudgeRequest JudgeResponse = Judge { candidate, verdict, gates };
        MergeLand merge LandRequest LandResponse = Land { candidate };
        MergeVoid merge VoidRequest VoidResponse = Void { candidate, why };
        MergeSendBack merge SendBackRequest SendBackResponse = SendBack { bead, epoch, why };
        MergeRecordGuard merge RecordGuardRequest RecordGuardResponse
            = RecordGuard { bead, epoch, head, report };
        MergeWeigh merge WeighRequest WeighResponse = Weigh { bead, epoch, head, weight };
        MergeBeginReview merge BeginReviewRequest BeginReviewResponse
            = BeginReview { bead, epoch, head, number, seat, runtime };
        MergeEndReview merge EndReviewRequest EndReviewResponse
            = EndReview { bead, epoch, number, model, outcome };
        MergeObserveTarget merge ObserveTargetRequest ObserveTargetResponse
            = ObserveTarget { target, tip };
        MergeJudgeBase merge JudgeBaseRequest JudgeBaseResponse = JudgeBase { target, gate };
        MergeConcludeLanding merge ConcludeLandingRequest ConcludeLandingResponse
            = ConcludeLanding { goal, commit, why };

        MergeAnswerGate merge AnswerGateRequest AnswerGateResponse = AnswerGate { number, runs };
        MergeHold merge HoldRequest HoldResponse = HoldMerges { rig, kind, until, why };
        MergeRelease merge ReleaseRequest ReleaseResponse = ReleaseMerges { rig };
        MergePrefer merge PreferRequest PreferResponse = PreferSubmission { bead };
        MergeRetry merge RetryRequest RetryResponse = RetrySubmission { bead };

        MergeWaive merge WaiveRequest WaiveResponse = Waive { bead, head, what, why };

        HealthExpire health ExpireRequest ExpireResponse = Expire { bead, epoch, why };
        HealthQuarantine health QuarantineRequest QuarantineResponse = Quarantine { bead };
        HealthTripBreaker health TripBreakerRequest TripBreakerResponse = TripBreaker { rig, goal };
        HealthEscalate health EscalateRequest EscalateResponse = Escalate { about, text };

        HostBackOff host BackOffRequest BackOffResponse = BackOff { key, why };
        HostRecover host RecoverRequest RecoverResponse = Recover { key };
        HostDegrade host DegradeRequest DegradeResponse = Degrade { role, why };

        MailSend mail SendRequest SendResponse = SendMail { to, thread, text };
        MailAck mail AckRequest AckResponse = AckMail { mail };

        TownPause town PauseRequest PauseResponse = Pause { scope, why };
        TownResume town ResumeRequest ResumeResponse = Resume { scope };
        TownStopAll town StopAllRequest StopAllResponse = Stop { why };
        TownThaw town ThawRequest ThawResponse = Thaw {};
        TownRevokeTrust town RevokeTrustRequest RevokeTrustResponse = RevokeTrust { rig, why };
        TownRemoveRig town RemoveRigRequest RemoveRigResponse = RemoveRig { rig };
    }
    by_hand {
        GoalNote goal NoteRequest NoteResponse;
        WorkNote work NoteRequest NoteResponse;
        WorkClaimNext work ClaimNextRequest ClaimNextResponse;
    }
}

/// A lease holder notes with the pen of its lease, everybody else with the person's.
fn note(
    bead: gtd_core::BeadId,
    text: String,
    context: Option<pb::common::v1::WriteContext>,
    caller: &Caller,
) -> Write {
    let bead = bead.put();
    match caller {
        Caller::Lease { epoch, .. } => Write::WorkNote(pb::work::v1::NoteRequest {
            context,
            bead,
            epoch: epoch.put(),
            text,
        }),
        Caller::Person { .. } | Caller::Role { .. } => Write::GoalNote(pb::goal::v1::NoteRequest {
            context,
            bead,
            text,
        }),
    }
}

impl WriteRequest for pb::goal::v1::NoteRequest {
    fn command(self) -> Result<(Command, WriteContext), Malformed> {
        let command = Command::AddNote {
            bead: Carried::take(self.bead, "bead")?,
            text: self.text,
        };
        Ok((command, WriteContext::take(self.context)?))
    }
}

/// The epoch is the lease's own, which the caller's token proves.
impl WriteRequest for pb::work::v1::NoteRequest {
    fn command(self) -> Result<(Command, WriteContext), Malformed> {
        let command = Command::AddNote {
            bead: Carried::take(self.bead, "bead")?,
            text: self.text,
        };
        Ok((command, WriteContext::take(self.context)?))
    }
}

/// How long to wait is the service's concern.
impl WriteRequest for pb::work::v1::ClaimNextRequest {
    fn command(self) -> Result<(Command, WriteContext), Malformed> {
        let command = Command::ClaimNext {
            rig: Carried::take(self.rig, "rig")?,
            name: Carried::take(self.name, "name")?,
        };
        Ok((command, WriteContext::take(self.context)?))
    }
}
