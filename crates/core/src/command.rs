//! What callers ask of the ledger. Commands are imperative; the answer is events or a refusal.

use serde::{Deserialize, Serialize};

use crate::{
    Actor, BeadId, BeadSpec, CandidateId, CheckRun, ContextUse, CrewOutcome, Criterion, Cron,
    Epoch, Fault, GateName, GateRun, GuardReport, Handover, HoldKind, HostName, ImportedBead,
    Member, Need, Oid, Outcome, PauseScope, RequestId, Reserved, Reversal, ReviewOutcome, Revision,
    RigName, RigRules, RoleName, RunId, RuntimeName, ScheduleName, ScheduledGoal, SeatName, Target,
    Timestamp, UsageDelta, Verdict, Waived, Weight,
};

/// One ask, with its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub by: Actor,
    /// The caller's name for the write.
    pub request: Option<RequestId>,
    /// The revision that the caller has seen; a later change of the subject refuses the write.
    pub expected: Option<Revision>,
    /// What is asked.
    pub command: Command,
}

/// A bead of a plan, with needs that may name beads of the same plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBead {
    /// Its name inside the plan.
    pub local_id: String,
    /// What is wanted.
    pub spec: BeadSpec,
    /// Local names of the plan, or ids of beads that exist.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// The beads that answer a goal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The goal's title, when the plan names one.
    #[serde(default)]
    pub title: String,
    /// What must be true of the target at the end.
    #[serde(default)]
    pub acceptance: Vec<Criterion>,
    /// The beads.
    #[serde(default)]
    pub beads: Vec<PlannedBead>,
    /// What whoever made it says about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

/// What is asked of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    // The person's pen.
    /// Puts a rig's trusted rules into effect.
    TrustRig {
        /// The rig.
        rig: RigName,
        /// The rules.
        rules: RigRules,
        /// The digest of the trusted file.
        digest: String,
    },
    /// Takes the trust in a rig's configuration back.
    RevokeTrust {
        /// The rig.
        rig: RigName,
        /// Why.
        why: String,
    },
    /// Takes a rig out of the town.
    RemoveRig {
        /// The rig.
        rig: RigName,
    },
    /// Opens a goal, with or without its plan.
    OpenGoal {
        /// The goal's own wishes.
        spec: BeadSpec,
        /// Where it lands.
        target: Target,
        /// Seats at most.
        max: Option<u32>,
        /// No new attempt after this moment.
        until: Option<Timestamp>,
        /// The plan; without one the mayor makes it.
        plan: Option<Plan>,
        /// Whether the plan waits for a person.
        approval: Approval,
    },
    /// Opens a goal that beads answer which exist already.
    OpenConvoy {
        /// The goal's own wishes.
        spec: BeadSpec,
        /// Where it lands.
        target: Target,
        /// Seats at most.
        max: Option<u32>,
        /// No new attempt after this moment.
        until: Option<Timestamp>,
        /// The beads.
        beads: Vec<BeadId>,
    },
    /// Has beads that exist answer a goal.
    JoinGoal {
        /// The goal.
        goal: BeadId,
        /// The beads.
        beads: Vec<BeadId>,
    },
    /// Changes what is wanted of a goal, and its limits.
    EditGoal {
        /// The goal.
        goal: BeadId,
        /// All of the wishes as they are to be.
        spec: BeadSpec,
        /// Seats at most.
        max: Option<u32>,
        /// No new attempt after this moment.
        until: Option<Timestamp>,
    },
    /// Lets a proposed plan begin.
    ApprovePlan {
        /// The goal.
        goal: BeadId,
    },
    /// Ends a goal or a bead that is not wanted any more.
    Cancel {
        /// The goal or bead.
        bead: BeadId,
        /// Why.
        why: String,
    },
    /// Makes a bead.
    CreateBead {
        /// The rig.
        rig: RigName,
        /// The goal that it joins.
        goal: Option<BeadId>,
        /// What is wanted.
        spec: BeadSpec,
        /// What it needs.
        needs: Vec<Need>,
    },
    /// Takes in the beads of an interchange file.
    ImportBeads {
        /// The rig.
        rig: RigName,
        /// The beads.
        beads: Vec<ImportedBead>,
    },
    /// Changes a bead's wishes.
    EditBead {
        /// The bead.
        bead: BeadId,
        /// All of the wishes as they are to be.
        spec: BeadSpec,
    },
    /// Adds an edge.
    Link {
        /// The bead that needs.
        bead: BeadId,
        /// What it needs.
        need: Need,
    },
    /// Removes an edge.
    Unlink {
        /// The bead that needs.
        bead: BeadId,
        /// What it needs.
        need: Need,
    },
    /// Adds a remark.
    AddNote {
        /// The bead.
        bead: BeadId,
        /// The words.
        text: String,
    },
    /// Ends a bead without a landing.
    CloseBead {
        /// The bead.
        bead: BeadId,
        /// How.
        outcome: Outcome,
        /// In words.
        why: String,
    },
    /// Gives a bead new attempts, from parked, returned or badly ended.
    RetryBead {
        /// The bead.
        bead: BeadId,
    },
    /// Lets a bead that has ended without a landing begin anew.
    ReopenBead {
        /// The bead.
        bead: BeadId,
    },
    /// Has parts of a bead done one by one; the bead itself is then what is left.
    SplitBead {
        /// The bead.
        bead: BeadId,
        /// The parts; what one does not say is as the bead says.
        parts: Vec<PlannedBead>,
        /// The script of what is left, where the bead has one; without it, nothing but its checks.
        rest: Option<String>,
    },
    /// Sends back what was handed in, with what is to be otherwise.
    WantChanges {
        /// The bead.
        bead: BeadId,
        /// What is to be otherwise, in one line or more.
        why: String,
        /// Comments on single lines of the work, one a line.
        comments: String,
    },
    /// Answers what an agent asked.
    Answer {
        /// The bead, or the goal whose plan is being made.
        bead: BeadId,
        /// The answer.
        text: String,
    },
    /// Tells something to whoever is at work on a bead or at the plan of a goal, or comes next.
    Tell {
        /// The bead, or a goal for all who work for it.
        bead: BeadId,
        /// The words.
        text: String,
    },
    /// Sets a bead aside, or the new plan of a goal that waits for a person.
    ParkBead {
        /// The bead.
        bead: BeadId,
        /// Why.
        why: String,
    },
    /// Brings a goal's integration branch into its branch.
    RequestLanding {
        /// The goal.
        goal: BeadId,
    },
    /// Begins no new work in the scope.
    Pause {
        /// What is paused.
        scope: PauseScope,
        /// Why.
        why: String,
    },
    /// Ends a pause; also restarts a halted queue in the scope.
    Resume {
        /// What goes on.
        scope: PauseScope,
    },
    /// Stops everything.
    Stop {
        /// Why.
        why: String,
    },
    /// Ends the stop.
    Thaw,
    /// Holds back the merges of a rig.
    HoldMerges {
        /// The rig.
        rig: RigName,
        /// What is held.
        kind: HoldKind,
        /// When it ends by itself.
        until: Option<Timestamp>,
        /// Why.
        why: String,
    },
    /// Ends every hold on the merges of a rig, and lets its queues that stand still go on.
    ReleaseMerges {
        /// The rig.
        rig: RigName,
    },
    /// Puts a submission before all others of its target.
    PreferSubmission {
        /// The bead.
        bead: BeadId,
    },
    /// Takes something in what was handed in as it is, for this one commit.
    Waive {
        /// The bead.
        bead: BeadId,
        /// The commit.
        head: Oid,
        /// What is taken as it is.
        what: Waived,
        /// Why.
        why: String,
    },
    /// Has the gates say again what they say: of a submission that came back, or of a queue that
    /// stands still.
    RetrySubmission {
        /// The bead.
        bead: BeadId,
    },
    /// Wants to know what a gate says of a commit.
    AskGate {
        /// The rig.
        rig: RigName,
        /// The gate.
        gate: GateName,
        /// The commit.
        commit: Oid,
        /// The bead whose work that is.
        bead: Option<BeadId>,
    },
    /// Has a goal come by the clock.
    AddSchedule {
        /// The rig.
        rig: RigName,
        /// Its name.
        schedule: ScheduleName,
        /// When.
        cron: Cron,
        /// What.
        goal: ScheduledGoal,
    },
    /// Has a goal come by the clock no more.
    RemoveSchedule {
        /// The rig.
        rig: RigName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// Holds a schedule back.
    PauseSchedule {
        /// The rig.
        rig: RigName,
        /// The schedule.
        schedule: ScheduleName,
        /// Why.
        why: String,
    },
    /// Lets a schedule count its times again, from now on.
    ResumeSchedule {
        /// The rig.
        rig: RigName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// Makes the goal of a schedule: because a time is due, or because a person wants it now.
    FireSchedule {
        /// The rig.
        rig: RigName,
        /// The schedule.
        schedule: ScheduleName,
        /// The time that is due; none when a person wants it now.
        due: Option<Timestamp>,
        /// How many times before that passed without a goal.
        missed: u32,
        /// Where it lands, when the daemon has looked; else on the integration branch of the rig.
        target: Option<Target>,
    },
    /// Has a standing member join the crew.
    AddCrew {
        /// The rig.
        rig: RigName,
        /// Its name.
        member: SeatName,
    },
    /// Wants a standing member gone.
    RemoveCrew {
        /// The member.
        member: SeatName,
        /// Whether work that has not landed goes too, once it is saved.
        discard: bool,
    },
    /// Starts the agent of a standing member, or lets it go on.
    StartCrew {
        /// The member.
        member: SeatName,
        /// The runtime.
        runtime: RuntimeName,
    },
    /// Stops the agent of a standing member; a turn that goes on is ended.
    StopCrew {
        /// The member.
        member: SeatName,
    },
    /// Tells something to the agent of a standing member, which begins its next turn with it.
    TellCrew {
        /// The member.
        member: SeatName,
        /// The words.
        text: String,
    },
    /// Puts a decision that waits for a person out of sight for a while, or back into it.
    SnoozeDecision {
        /// The kind of the decision, as the inbox names it.
        kind: String,
        /// What it is about, as the inbox names it.
        subject: String,
        /// When it is seen again; none for at once.
        until: Option<Timestamp>,
    },
    /// Takes an operation of a person back.
    Undo {
        /// What takes it back.
        reversal: Box<Reversal>,
    },

    // The mayor's pen.
    /// Begins an attempt at the plan of a goal that has none, or at a new one for what is left.
    BeginPlan {
        /// The goal.
        goal: BeadId,
        /// The name of whoever makes it, and of the worktree.
        seat: SeatName,
        /// The machine.
        host: HostName,
        /// The runtime that makes it.
        runtime: RuntimeName,
        /// The epoch that the attempt is to have: one more than the planner saw.
        epoch: Epoch,
    },
    /// Proposes the beads of a goal without a plan, or others in the place of those whose attempts
    /// are spent.
    ProposePlan {
        /// The goal.
        goal: BeadId,
        /// The attempt that made the plan; 0 when nobody has begun one.
        epoch: Epoch,
        /// The plan.
        plan: Plan,
        /// Whether it waits for a person.
        approval: Approval,
    },
    /// Ends a goal whose beads have all ended.
    CloseGoal {
        /// The goal.
        goal: BeadId,
        /// How.
        outcome: Outcome,
        /// In words.
        why: String,
        /// What was run on the target.
        proof: Vec<GateRun>,
    },

    // The crew's pen.
    /// Opens a seat.
    OpenSeat {
        /// Its name.
        seat: SeatName,
        /// The rig.
        rig: RigName,
        /// The machine.
        host: HostName,
    },
    /// Closes an empty seat.
    CloseSeat {
        /// Its name.
        seat: SeatName,
    },
    /// Gives a ready bead to an empty seat.
    Grant {
        /// The bead.
        bead: BeadId,
        /// The seat.
        seat: SeatName,
        /// The epoch that the grant is to have: one more than the planner saw.
        epoch: Epoch,
        /// What it holds back from the budgets.
        reserved: Reserved,
    },
    /// Records what is with the worktree of a standing member.
    ConcludeCrew {
        /// The member.
        member: SeatName,
        /// What is with it.
        outcome: CrewOutcome,
        /// Where what was in it is, or why it stays.
        why: String,
    },
    /// Begins a turn of a standing member.
    BeginCrewTurn {
        /// The member.
        member: SeatName,
        /// The number that the turn is to have: one more than the planner saw.
        turn: u64,
        /// With how many of the things that it was told.
        told: u32,
        /// The bead that it is told is its own.
        bead: Option<BeadId>,
    },
    /// Records how a turn of a standing member ended.
    EndCrewTurn {
        /// The member.
        member: SeatName,
        /// Its number.
        turn: u64,
        /// The session with which the next one goes on.
        session: Option<String>,
        /// Why it did not end well.
        fault: Option<String>,
        /// Nobody has heard what it was told.
        unsaid: bool,
        /// What it used.
        usage: Option<UsageDelta>,
    },

    // The lease holder's pen.
    /// Takes a ready bead for oneself.
    Claim {
        /// The bead.
        bead: BeadId,
        /// The claimant's name.
        name: SeatName,
    },
    /// Takes the first ready bead of a rig for oneself.
    ClaimNext {
        /// The rig.
        rig: RigName,
        /// The claimant's name.
        name: SeatName,
    },
    /// Says that the process of a lease is at work.
    Started {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The run.
        run: RunId,
        /// How many of the things that people told it begins with.
        told: u32,
    },
    /// Asks the session at work for a handover, because its context is full.
    AskHandover {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Its last turn at its own work.
        run: RunId,
        /// How full it is.
        full: ContextUse,
    },
    /// Records what a session leaves to its successor.
    GiveHandover {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Its last turn.
        run: RunId,
        /// What it leaves.
        handover: Handover,
    },
    /// Gives a sign of life for a claim.
    Heartbeat {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
    },
    /// Records what a run used.
    RecordUsage {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The usage since the last record.
        usage: UsageDelta,
    },
    /// Hands work in.
    Submit {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The commit.
        head: Oid,
        /// The commit that the work began from.
        base: Oid,
        /// What the holder says about it.
        summary: String,
        /// The checks that were green on it.
        checks: Vec<CheckRun>,
    },
    /// Gives a lease back without work.
    Return {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Why.
        why: Fault,
    },
    /// Ends a lease well without a change to land.
    Finish {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// How.
        outcome: Outcome,
        /// In words.
        why: String,
    },
    /// Asks what only a person can know.
    Ask {
        /// The bead at work, or the goal whose plan is being made.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The question.
        text: String,
    },
    /// Files work that was found on the way; it never carries a script.
    Discover {
        /// The bead at work.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// What is wanted.
        spec: BeadSpec,
    },

    // The refinery's pen.
    /// Records that submissions were put onto a base.
    Form {
        /// The candidate's name.
        id: CandidateId,
        /// The target.
        target: Target,
        /// The tip that it stands on.
        base: Oid,
        /// The members, in order.
        members: Vec<Member>,
        /// The commit that would land.
        commit: Oid,
        /// Its tree.
        tree: Oid,
        /// How often it was tried before.
        retry: u32,
    },
    /// Records the verdict over a candidate.
    Judge {
        /// The candidate.
        candidate: CandidateId,
        /// The verdict.
        verdict: Verdict,
        /// Each gate.
        gates: Vec<GateRun>,
    },
    /// Records that a candidate is on its target.
    Land {
        /// The candidate.
        candidate: CandidateId,
    },
    /// Gives a candidate up.
    Void {
        /// The candidate.
        candidate: CandidateId,
        /// Why.
        why: String,
    },
    /// Sends a submission back.
    SendBack {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// Why.
        why: Fault,
    },
    /// Records what a gate of gtd's own found in a submission.
    RecordGuard {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit that was looked at.
        head: Oid,
        /// What it found.
        report: GuardReport,
    },
    /// Records how much a submission changes, and what of that is risky.
    Weigh {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit that was looked at.
        head: Oid,
        /// How much it is.
        weight: Weight,
    },
    /// Begins a review of a submission.
    BeginReview {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit.
        head: Oid,
        /// The number that the review is to have: one more than the planner saw.
        number: u32,
        /// The name of whoever looks, and of the worktree.
        seat: SeatName,
        /// The runtime that looks.
        runtime: RuntimeName,
    },
    /// Ends a review with what came of it; what is to be otherwise goes back.
    EndReview {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed in what was reviewed.
        epoch: Epoch,
        /// The number of the review within the attempt.
        number: u32,
        /// The model that looked; empty where nobody knows.
        model: String,
        /// What came of it.
        outcome: ReviewOutcome,
    },
    /// Records where a target is.
    ObserveTarget {
        /// The target.
        target: Target,
        /// Its tip.
        tip: Oid,
    },
    /// Records what a gate showed on the target itself.
    JudgeBase {
        /// The target.
        target: Target,
        /// What it showed.
        gate: GateRun,
    },
    /// Records how a wish to bring an integration branch further ended.
    ConcludeLanding {
        /// The goal.
        goal: BeadId,
        /// The commit that the branch is at now.
        commit: Option<Oid>,
        /// Why it could not be.
        why: String,
    },

    /// Says what a gate that a person asked for showed.
    AnswerGate {
        /// The number of what was asked.
        number: u64,
        /// Each run, in order.
        runs: Vec<GateRun>,
    },

    // The witness's pen.
    /// Ends a lease whose holder is dead, silent or without progress.
    Expire {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Why.
        why: Fault,
    },
    /// Sets a bead aside whose attempts are spent.
    Quarantine {
        /// The bead.
        bead: BeadId,
    },
    /// Pauses a rig on which everything fails, or a goal that its policy stops.
    TripBreaker {
        /// The rig.
        rig: RigName,
        /// The goal, where it alone is meant.
        goal: Option<BeadId>,
    },
    /// Tells a person.
    Escalate {
        /// What it is about.
        about: String,
        /// In words.
        text: String,
    },

    // Every role's line.
    /// Records that an effect failed.
    BackOff {
        /// The effect's key.
        key: String,
        /// What it said.
        why: String,
    },
    /// Records that an effect works again.
    Recover {
        /// The effect's key.
        key: String,
    },
    /// Records that a role keeps failing.
    Degrade {
        /// The role.
        role: RoleName,
        /// What it said last.
        why: String,
    },
    /// Sends a message.
    SendMail {
        /// The reader.
        to: String,
        /// The message that it answers.
        thread: Option<u64>,
        /// The words.
        text: String,
    },
    /// Marks a message as read.
    AckMail {
        /// Its number.
        mail: u64,
    },
}

impl Command {
    /// Tells whether it begins or enlarges something, so that it waits when there is no room for
    /// more than the end of what is there.
    #[must_use]
    pub fn grows(&self) -> bool {
        matches!(
            self,
            Self::OpenGoal { .. }
                | Self::OpenConvoy { .. }
                | Self::JoinGoal { .. }
                | Self::EditGoal { .. }
                | Self::ApprovePlan { .. }
                | Self::BeginPlan { .. }
                | Self::ProposePlan { .. }
                | Self::CreateBead { .. }
                | Self::ImportBeads { .. }
                | Self::EditBead { .. }
                | Self::Discover { .. }
                | Self::Link { .. }
                | Self::AddNote { .. }
                | Self::Answer { .. }
                | Self::Tell { .. }
                | Self::RetryBead { .. }
                | Self::ReopenBead { .. }
                | Self::SplitBead { .. }
                | Self::RequestLanding { .. }
                | Self::AskGate { .. }
                | Self::AddCrew { .. }
                | Self::StartCrew { .. }
                | Self::TellCrew { .. }
                | Self::BeginCrewTurn { .. }
                | Self::OpenSeat { .. }
                | Self::Grant { .. }
                | Self::Claim { .. }
                | Self::ClaimNext { .. }
                | Self::Form { .. }
                | Self::BeginReview { .. }
                | Self::SendMail { .. }
        )
    }
}

/// Whether a plan waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It begins at once.
    #[default]
    NotNeeded,
    /// It stays a draft until a person says yes.
    Needed,
}

impl Approval {
    /// Tells whether the plan begins at once.
    #[must_use]
    pub fn is_not_needed(&self) -> bool {
        *self == Self::NotNeeded
    }
}
