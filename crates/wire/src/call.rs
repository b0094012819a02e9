//! Every unary rpc as one trait, so that deadlines and repeats are written once.

use std::{future::Future, time::Duration};

use tonic::{
    Request, Status,
    body::Body,
    client::GrpcService,
    codegen::{Body as HttpBody, Bytes, StdError},
};

use crate::{MAX_MESSAGE_BYTES, pb};

/// A request of a unary rpc.
pub trait Call: Clone + Send + Sync + 'static {
    /// The answer.
    type Response: Send + 'static;

    /// Service and method, for spans and messages.
    const NAME: &'static str;

    /// Calls the rpc; the timeout is told to the daemon.
    fn call<T>(
        self,
        service: T,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<Self::Response, Status>> + Send
    where
        T: GrpcService<Body, Future: Send> + Send,
        T::Error: Into<StdError>,
        T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
        <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send;
}

/// Joins service and method; the one method that is a word of Rust loses its mark.
macro_rules! name {
    ($package:ident r#return) => {
        concat!(stringify!($package), ".return")
    };
    ($package:ident $method:ident) => {
        concat!(stringify!($package), ".", stringify!($method))
    };
}

macro_rules! calls {
    ($( $package:ident $client_module:ident $client:ident {
        $( $method:ident $request:ident $response:ident, )*
    } )*) => { $($(
        impl Call for pb::$package::v1::$request {
            type Response = pb::$package::v1::$response;
            const NAME: &'static str = name!($package $method);

            async fn call<T>(
                self,
                service: T,
                timeout: Option<Duration>,
            ) -> Result<Self::Response, Status>
            where
                T: GrpcService<Body, Future: Send> + Send,
                T::Error: Into<StdError>,
                T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
                <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
            {
                let mut request = Request::new(self);
                if let Some(timeout) = timeout {
                    request.set_timeout(timeout);
                }
                let mut client = pb::$package::v1::$client_module::$client::new(service)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .max_encoding_message_size(MAX_MESSAGE_BYTES);
                Ok(client.$method(request).await?.into_inner())
            }
        }
    )*)* };
}

calls! {
    goal goal_service_client GoalServiceClient {
        submit SubmitRequest SubmitResponse,
        gather GatherRequest GatherResponse,
        join JoinRequest JoinResponse,
        edit_goal EditGoalRequest EditGoalResponse,
        reopen ReopenRequest ReopenResponse,
        split SplitRequest SplitResponse,
        snooze SnoozeRequest SnoozeResponse,
        import ImportRequest ImportResponse,
        approve ApproveRequest ApproveResponse,
        cancel CancelRequest CancelResponse,
        create_bead CreateBeadRequest CreateBeadResponse,
        edit_bead EditBeadRequest EditBeadResponse,
        link LinkRequest LinkResponse,
        unlink UnlinkRequest UnlinkResponse,
        note NoteRequest NoteResponse,
        close CloseRequest CloseResponse,
        retry RetryRequest RetryResponse,
        park ParkRequest ParkResponse,
        tell TellRequest TellResponse,
        want_changes WantChangesRequest WantChangesResponse,
        land LandRequest LandResponse,
        answer AnswerRequest AnswerResponse,
        add_schedule AddScheduleRequest AddScheduleResponse,
        remove_schedule RemoveScheduleRequest RemoveScheduleResponse,
        pause_schedule PauseScheduleRequest PauseScheduleResponse,
        resume_schedule ResumeScheduleRequest ResumeScheduleResponse,
        fire_schedule FireScheduleRequest FireScheduleResponse,
        add_crew AddCrewRequest AddCrewResponse,
        remove_crew RemoveCrewRequest RemoveCrewResponse,
        start_crew StartCrewRequest StartCrewResponse,
        stop_crew StopCrewRequest StopCrewResponse,
        tell_crew TellCrewRequest TellCrewResponse,
    }
    plan plan_service_client PlanServiceClient {
        begin BeginRequest BeginResponse,
        propose ProposeRequest ProposeResponse,
        close CloseRequest CloseResponse,
        means MeansRequest MeansResponse,
    }
    seat seat_service_client SeatServiceClient {
        open OpenRequest OpenResponse,
        close CloseRequest CloseResponse,
        grant GrantRequest GrantResponse,
        conclude ConcludeRequest ConcludeResponse,
        begin_turn BeginTurnRequest BeginTurnResponse,
        end_turn EndTurnRequest EndTurnResponse,
    }
    work work_service_client WorkServiceClient {
        claim ClaimRequest ClaimResponse,
        claim_next ClaimNextRequest ClaimNextResponse,
        brief BriefRequest BriefResponse,
        note NoteRequest NoteResponse,
        ask AskRequest AskResponse,
        discover DiscoverRequest DiscoverResponse,
        submit SubmitRequest SubmitResponse,
        r#return ReturnRequest ReturnResponse,
        finish FinishRequest FinishResponse,
        started StartedRequest StartedResponse,
        ask_handover AskHandoverRequest AskHandoverResponse,
        give_handover GiveHandoverRequest GiveHandoverResponse,
        heartbeat HeartbeatRequest HeartbeatResponse,
        record_usage RecordUsageRequest RecordUsageResponse,
    }
    merge merge_service_client MergeServiceClient {
        form FormRequest FormResponse,
        judge JudgeRequest JudgeResponse,
        land LandRequest LandResponse,
        void VoidRequest VoidResponse,
        send_back SendBackRequest SendBackResponse,
        record_guard RecordGuardRequest RecordGuardResponse,
        weigh WeighRequest WeighResponse,
        begin_review BeginReviewRequest BeginReviewResponse,
        end_review EndReviewRequest EndReviewResponse,
        observe_target ObserveTargetRequest ObserveTargetResponse,
        judge_base JudgeBaseRequest JudgeBaseResponse,
        conclude_landing ConcludeLandingRequest ConcludeLandingResponse,
        answer_gate AnswerGateRequest AnswerGateResponse,
        may_move MayMoveRequest MayMoveResponse,
        hold HoldRequest HoldResponse,
        release ReleaseRequest ReleaseResponse,
        prefer PreferRequest PreferResponse,
        waive WaiveRequest WaiveResponse,
        retry RetryRequest RetryResponse,
        ask_gate AskGateRequest AskGateResponse,
        get GetRequest GetResponse,
        gate_history GateHistoryRequest GateHistoryResponse,
    }
    health health_service_client HealthServiceClient {
        expire ExpireRequest ExpireResponse,
        quarantine QuarantineRequest QuarantineResponse,
        trip_breaker TripBreakerRequest TripBreakerResponse,
        escalate EscalateRequest EscalateResponse,
    }
    host host_service_client HostServiceClient {
        back_off BackOffRequest BackOffResponse,
        recover RecoverRequest RecoverResponse,
        degrade DegradeRequest DegradeResponse,
    }
    mail mail_service_client MailServiceClient {
        send SendRequest SendResponse,
        read ReadRequest ReadResponse,
        ack AckRequest AckResponse,
    }
    graph graph_service_client GraphServiceClient {
        get GetRequest GetResponse,
        query QueryRequest QueryResponse,
        log LogRequest LogResponse,
    }
    run run_service_client RunServiceClient {
        list ListRequest ListResponse,
        stop StopRequest StopResponse,
    }
    town town_service_client TownServiceClient {
        hello HelloRequest HelloResponse,
        status StatusRequest StatusResponse,
        why WhyRequest WhyResponse,
        report ReportRequest ReportResponse,
        cost CostRequest CostResponse,
        trust_report TrustReportRequest TrustReportResponse,
        pause PauseRequest PauseResponse,
        resume ResumeRequest ResumeResponse,
        stop_all StopAllRequest StopAllResponse,
        thaw ThawRequest ThawResponse,
        shutdown ShutdownRequest ShutdownResponse,
        config ConfigRequest ConfigResponse,
        add_rig AddRigRequest AddRigResponse,
        trust_rig TrustRigRequest TrustRigResponse,
        remove_rig RemoveRigRequest RemoveRigResponse,
        sweep_rig SweepRigRequest SweepRigResponse,
        revoke_trust RevokeTrustRequest RevokeTrustResponse,
        list_rigs ListRigsRequest ListRigsResponse,
        roles RolesRequest RolesResponse,
        check_roles CheckRolesRequest CheckRolesResponse,
        render_role RenderRoleRequest RenderRoleResponse,
        gates GatesRequest GatesResponse,
        backup BackupRequest BackupResponse,
        schedule_backups ScheduleBackupsRequest ScheduleBackupsResponse,
        operations OperationsRequest OperationsResponse,
        undo UndoRequest UndoResponse,
        review ReviewRequest ReviewResponse,
        timeline TimelineRequest TimelineResponse,
        try_channels TryChannelsRequest TryChannelsResponse,
    }
}
