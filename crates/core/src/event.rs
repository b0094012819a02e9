//! What happened. The log of these is the truth; the graph is its fold.
//!
//! A variant is never edited once a format is released: a new fact is a new
//! variant. Each event carries the whole fact, so that [`crate::Graph::apply`]
//! never has to think.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Actor, Asked, Bead, BeadId, BeadSpec, Candidate, CandidateId, CheckRun, ContextUse, CrewMember,
    CrewOutcome, Epoch, Evidence, Fault, GateAsk, GateName, GateRun, Goal, GuardReport, Handover,
    HoldKind, HostName, Lease, MailItem, MergeHold, Need, Note, Oid, Outcome, RequestId, Review,
    ReviewOutcome, Revision, RigName, RigRules, RunId, RuntimeName, Schedule, ScheduleName,
    SeatName, Snooze, Target, Timestamp, UsageDelta, Verdict, Waived, Weight,
};

/// The format of the log that this code writes.
pub const FORMAT: u32 = 1;

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// When the ledger decided, in unix milliseconds.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Actor,
    /// The caller's name for the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The revision that the caller had seen when it asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Revision>,
    /// The fact.
    pub event: Event,
}

/// One fact.
#[expect(
    clippy::large_enum_variant,
    reason = "a goal is opened seldom, and what is read from a log is not kept"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A rig joined the town, or its trusted rules changed.
    RigTrusted {
        /// The rig.
        rig: RigName,
        /// The rules in effect.
        rules: RigRules,
        /// The digest of the trusted file.
        digest: String,
    },
    /// A person does not trust the configuration of a rig any more.
    TrustRevoked {
        /// The rig.
        rig: RigName,
        /// Why.
        why: String,
    },
    /// A rig left the town.
    RigRemoved {
        /// The rig.
        rig: RigName,
    },
    /// A person set a goal; the goal is a bead too.
    GoalOpened {
        /// The goal's own bead.
        bead: Bead,
        /// What is special about a goal.
        goal: Goal,
    },
    /// A plan was proposed for a goal; its beads follow as drafts.
    PlanProposed {
        /// The goal.
        goal: BeadId,
        /// How many beads the plan has.
        n_beads: u32,
        /// What whoever made it says about it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        summary: String,
    },
    /// A goal's plan may begin.
    PlanApproved {
        /// The goal.
        goal: BeadId,
    },
    /// A plan for what is left of a goal was proposed; its beads follow as drafts.
    PlanRevised {
        /// The goal.
        goal: BeadId,
        /// The beads in whose place it would put others.
        replaces: Vec<BeadId>,
        /// How many beads the plan has.
        n_beads: u32,
        /// What whoever made it says about it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        summary: String,
    },
    /// A plan for what is left of a goal was not made, or is not wanted: the old one stays.
    PlanKept {
        /// The goal.
        goal: BeadId,
        /// Why.
        why: String,
    },
    /// All beads of a goal ended, and so did the goal.
    GoalClosed {
        /// The goal.
        goal: BeadId,
        /// How.
        outcome: Outcome,
        /// In words.
        why: String,
        /// The gates and checks that were run on the target at the end.
        proof: Vec<GateRun>,
    },
    /// A person asked to bring an integration branch into its branch.
    LandRequested {
        /// The goal.
        goal: BeadId,
    },
    /// The integration branch was brought into its branch, or could not be.
    LandConcluded {
        /// The goal.
        goal: BeadId,
        /// The commit that the branch is at now.
        commit: Option<Oid>,
        /// Why it could not be, when there is no commit.
        why: String,
    },
    /// A bead exists.
    BeadOpened {
        /// The bead.
        bead: Bead,
    },
    /// A bead that existed answers a goal from now on.
    BeadJoined {
        /// The bead.
        bead: BeadId,
        /// The goal.
        goal: BeadId,
    },
    /// The limits of a goal were changed by hand.
    GoalEdited {
        /// The goal.
        goal: BeadId,
        /// Seats at most.
        max: Option<u32>,
        /// No new attempt after this moment.
        until: Option<Timestamp>,
    },
    /// Parts of a bead are done first; the bead itself is what is left then.
    BeadSplit {
        /// The bead.
        bead: BeadId,
        /// The parts, which the bead needs.
        parts: Vec<BeadId>,
    },
    /// A person let a bead begin anew that had ended without a landing.
    BeadReopened {
        /// The bead.
        bead: BeadId,
    },
    /// A bead's wishes were changed by hand.
    BeadEdited {
        /// The bead.
        bead: BeadId,
        /// All of the wishes as they are now.
        spec: BeadSpec,
    },
    /// An edge exists.
    EdgeAdded {
        /// The bead that needs.
        bead: BeadId,
        /// What it needs.
        need: Need,
    },
    /// An edge is gone.
    EdgeRemoved {
        /// The bead that needed.
        bead: BeadId,
        /// What it needed.
        need: Need,
    },
    /// A remark was added.
    NoteAdded {
        /// The bead.
        bead: BeadId,
        /// The remark.
        note: Note,
    },
    /// A bead ended without a landing.
    BeadClosed {
        /// The bead.
        bead: BeadId,
        /// How.
        outcome: Outcome,
        /// In words.
        why: String,
    },
    /// A person gave a bead new attempts.
    BeadRetried {
        /// The bead.
        bead: BeadId,
    },
    /// A person looked at what was handed in, and wants it otherwise.
    ChangesWanted {
        /// The bead.
        bead: BeadId,
        /// The attempt that was looked at.
        epoch: Epoch,
        /// What is to be otherwise; the comments are its evidence.
        why: Fault,
    },
    /// A bead was set aside for a person.
    BeadParked {
        /// The bead.
        bead: BeadId,
        /// Why.
        why: Fault,
    },
    /// The agent of an attempt asked what only a person can know.
    QuestionAsked {
        /// The bead.
        bead: BeadId,
        /// The question.
        asked: Asked,
    },
    /// A person answered the question of an agent.
    QuestionAnswered {
        /// The bead.
        bead: BeadId,
        /// The answer.
        answer: String,
    },
    /// A person told something to whoever is at work on a bead, or keeps its session.
    Told {
        /// The bead.
        bead: BeadId,
        /// The words.
        note: Note,
    },
    /// A seat exists.
    SeatOpened {
        /// Its name.
        seat: SeatName,
        /// The rig that it works on.
        rig: RigName,
        /// The machine that it is on.
        host: HostName,
    },
    /// A seat is gone.
    SeatClosed {
        /// Its name.
        seat: SeatName,
    },
    /// A bead was given to a holder.
    LeaseGranted {
        /// The bead.
        bead: BeadId,
        /// The lease.
        lease: Lease,
    },
    /// The process of a lease was seen at work.
    RunStarted {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The run.
        run: RunId,
        /// How many of the things that people told it begins with.
        #[serde(default, skip_serializing_if = "is_zero")]
        told: u32,
    },
    /// The context of a session at work is so full that it is asked for a handover.
    HandoverAsked {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The last turn of the session at its own work.
        run: RunId,
        /// How full it is.
        context: ContextUse,
    },
    /// A session has left to its successor what there is to leave.
    HandoverGiven {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Its last turn.
        run: RunId,
        /// What it leaves.
        handover: Handover,
    },
    /// The holder of a claim gave a sign of life.
    LeaseRenewed {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// The new moment of expiry.
        until: Timestamp,
    },
    /// What a run used of a model.
    UsageRecorded {
        /// The bead.
        bead: BeadId,
        /// The usage since the last record of this run.
        usage: UsageDelta,
    },
    /// Work was handed in.
    WorkSubmitted {
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
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<CheckRun>,
    },
    /// A lease ended without work: by its holder.
    WorkReturned {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Why.
        why: Fault,
        /// No new attempt before this moment.
        not_before: Option<Timestamp>,
    },
    /// A lease ended well without a change to land.
    WorkClosed {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// How.
        outcome: Outcome,
        /// In words.
        why: String,
    },
    /// The witness ended a lease.
    LeaseExpired {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Why.
        why: Fault,
        /// No new attempt before this moment.
        not_before: Option<Timestamp>,
    },
    /// All attempts at a bead are spent.
    BeadQuarantined {
        /// The bead.
        bead: BeadId,
        /// Why.
        why: Fault,
    },
    /// A rig was paused because everything on it fails, or a goal because its policy stops it.
    BreakerTripped {
        /// The rig.
        rig: RigName,
        /// The goal, where it alone was paused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        goal: Option<BeadId>,
        /// What was seen.
        why: String,
    },
    /// Submissions were put onto a base to be tested as one.
    CandidateFormed {
        /// The candidate.
        candidate: Candidate,
    },
    /// A candidate was tested.
    CandidateJudged {
        /// The candidate.
        candidate: CandidateId,
        /// The verdict over all gates.
        verdict: Verdict,
        /// Each gate.
        gates: Vec<GateRun>,
    },
    /// A candidate is on its target.
    CandidateLanded {
        /// The candidate.
        candidate: CandidateId,
        /// What it is proven by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Box<Evidence>>,
    },
    /// A candidate was given up before it could land.
    CandidateVoided {
        /// The candidate.
        candidate: CandidateId,
        /// Why.
        why: String,
    },
    /// The refinery sent a submission back.
    SubmissionReturned {
        /// The bead.
        bead: BeadId,
        /// The epoch.
        epoch: Epoch,
        /// Why.
        why: Fault,
        /// No new attempt before this moment.
        not_before: Option<Timestamp>,
    },
    /// A gate of gtd's own looked at a submission.
    SubmissionGuarded {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit that was looked at.
        head: Oid,
        /// What it found.
        report: GuardReport,
    },
    /// A person takes something in a submission as it is.
    SubmissionWaived {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit; for another it does not hold.
        head: Oid,
        /// What is taken as it is.
        what: Waived,
        /// Why.
        why: String,
    },
    /// The refinery looked how much a submission changes, and what of that is risky.
    SubmissionWeighed {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit that was looked at.
        head: Oid,
        /// How much it is.
        weight: Weight,
    },
    /// A reviewer began to look at a submission.
    ReviewBegan {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed it in.
        epoch: Epoch,
        /// The commit; the review is of no other.
        head: Oid,
        /// The review.
        review: Review,
    },
    /// A review came to its end.
    ReviewEnded {
        /// The bead.
        bead: BeadId,
        /// The epoch that handed in what was reviewed.
        epoch: Epoch,
        /// The number of the review within the attempt.
        number: u32,
        /// The model that looked, where its program says.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        model: String,
        /// What came of it.
        outcome: ReviewOutcome,
    },
    /// Somebody else moved a target.
    TargetMoved {
        /// The target.
        target: Target,
        /// Where the refinery had left it.
        from: Option<Oid>,
        /// Where it is now.
        to: Oid,
    },
    /// A gate was run on the target itself.
    BaseJudged {
        /// The target.
        target: Target,
        /// What it showed.
        gate: GateRun,
    },
    /// The queue of a target stands still until a person acts.
    QueueHalted {
        /// The target.
        target: Target,
        /// Why.
        halt: crate::Halt,
    },
    /// The queue of a target goes on.
    QueueResumed {
        /// The target.
        target: Target,
    },
    /// A person holds back the merges of a rig.
    MergesHeld {
        /// The hold.
        hold: MergeHold,
    },
    /// A hold on the merges of a rig is over.
    MergesReleased {
        /// The rig.
        rig: RigName,
        /// What was held.
        kind: HoldKind,
    },
    /// A person put a submission before all others of its target.
    SubmissionPreferred {
        /// The bead.
        bead: BeadId,
    },
    /// A person put a submission that had come back into the queue again, as it was.
    SubmissionRestored {
        /// The bead.
        bead: BeadId,
        /// The epoch that had handed it in.
        epoch: Epoch,
        /// The commit.
        head: Oid,
        /// The commit that the work began from.
        base: Oid,
    },
    /// A person wants to know what a gate says of a commit.
    GateAsked {
        /// The gate and the commit.
        ask: GateAsk,
    },
    /// The gate that a person asked for has said what it says.
    GateAnswered {
        /// What was asked.
        ask: GateAsk,
        /// Each run, in order.
        runs: Vec<GateRun>,
    },
    /// A bead asks for a test to be mended that was red and then green on one tree too often.
    FlakyTestFiled {
        /// The rig.
        rig: RigName,
        /// The gate.
        gate: GateName,
        /// The test, by its whole name.
        test: String,
        /// The bead.
        bead: BeadId,
    },
    /// Something needs a person and no bead says so.
    Escalated {
        /// What it is about.
        about: String,
        /// In words.
        text: String,
    },
    /// No new work begins.
    Paused {
        /// What is paused.
        scope: crate::PauseScope,
        /// Why.
        why: String,
    },
    /// New work begins again.
    Resumed {
        /// What goes on.
        scope: crate::PauseScope,
    },
    /// Everything was stopped at once.
    Stopped {
        /// Why.
        why: String,
    },
    /// A person ended the stop.
    Thawed,
    /// A message was sent.
    MailSent {
        /// The message.
        mail: MailItem,
    },
    /// A message was read.
    MailAcked {
        /// Its number.
        mail: u64,
    },
    /// A role keeps failing.
    RoleDegraded {
        /// The role.
        role: crate::RoleName,
        /// What it said last.
        why: String,
    },
    /// A role's effect failed and waits.
    EffectBackedOff {
        /// The effect's key.
        key: String,
        /// How often it failed in a row.
        failures: u32,
        /// Not before this moment.
        until: Timestamp,
        /// What it said.
        why: String,
    },
    /// A role's effect works again.
    EffectRecovered {
        /// The effect's key.
        key: String,
    },
    /// The log goes on from a backup: what was leased after it is not known here.
    TownRestored {
        /// The highest epoch of each bead that the world shows; none is granted again.
        epochs: BTreeMap<BeadId, Epoch>,
    },
    /// A person took back what a person had done.
    OperationUndone {
        /// What is as it was before.
        reversal: crate::Reversal,
    },
    /// A person does not want to see a decision for a while.
    DecisionSnoozed {
        /// The decision, and until when.
        snooze: Snooze,
    },
    /// A person wants to see a decision again.
    DecisionWoken {
        /// Its kind.
        kind: String,
        /// What it is about.
        subject: String,
    },
    /// A goal comes by the clock.
    ScheduleAdded {
        /// The schedule.
        schedule: Schedule,
    },
    /// A goal does not come by the clock any more.
    ScheduleRemoved {
        /// The schedule as it was.
        schedule: Schedule,
    },
    /// A person holds a schedule back.
    SchedulePaused {
        /// The rig.
        rig: RigName,
        /// The schedule.
        schedule: ScheduleName,
        /// Why.
        why: String,
    },
    /// A schedule counts its times from now on.
    ScheduleResumed {
        /// The rig.
        rig: RigName,
        /// The schedule.
        schedule: ScheduleName,
    },
    /// A schedule made its goal.
    ScheduleFired {
        /// The rig.
        rig: RigName,
        /// The schedule.
        schedule: ScheduleName,
        /// The goal.
        goal: BeadId,
        /// The time that it was due at; none when a person asked for it.
        due: Option<Timestamp>,
        /// How many times before that passed without a goal.
        missed: u32,
    },
    /// A standing member joined the crew.
    CrewJoined {
        /// The member.
        member: CrewMember,
    },
    /// A person wants a standing member gone.
    CrewLeaving {
        /// The member.
        member: SeatName,
        /// Whether work that has not landed goes too, once it is saved.
        discard: bool,
    },
    /// The crew saw what is with the worktree of a standing member.
    CrewConcluded {
        /// The member.
        member: SeatName,
        /// What is with it.
        outcome: CrewOutcome,
        /// Where what was in it is, or why it stays.
        why: String,
    },
    /// A person started the agent of a standing member, or let it go on.
    CrewStarted {
        /// The member.
        member: SeatName,
        /// The runtime; another one than before begins another session.
        runtime: RuntimeName,
    },
    /// A person stopped the agent of a standing member; it keeps its session.
    CrewStopped {
        /// The member.
        member: SeatName,
    },
    /// A person told something to the agent of a standing member.
    CrewTold {
        /// The member.
        member: SeatName,
        /// The words.
        note: Note,
    },
    /// A turn of a standing member begins.
    CrewTurnBegan {
        /// The member.
        member: SeatName,
        /// Its number, from 1.
        turn: u64,
        /// Its run.
        run: RunId,
        /// With how many of the things that it was told.
        told: u32,
        /// The bead that it is told is its own, with its epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bead: Option<(BeadId, Epoch)>,
    },
    /// A turn of a standing member ended.
    CrewTurnEnded {
        /// The member.
        member: SeatName,
        /// The rig that what it used counts to.
        rig: RigName,
        /// Its number.
        turn: u64,
        /// The session with which the next one goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// Why it did not end well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
        /// Nobody has heard what it was told: the next one is told it again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unsaid: bool,
        /// What it used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<UsageDelta>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Event {
    /// Returns the variant's name, as it stands in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RigTrusted { .. } => "RigTrusted",
            Self::TrustRevoked { .. } => "TrustRevoked",
            Self::RigRemoved { .. } => "RigRemoved",
            Self::GoalOpened { .. } => "GoalOpened",
            Self::PlanProposed { .. } => "PlanProposed",
            Self::PlanApproved { .. } => "PlanApproved",
            Self::PlanRevised { .. } => "PlanRevised",
            Self::PlanKept { .. } => "PlanKept",
            Self::GoalClosed { .. } => "GoalClosed",
            Self::LandRequested { .. } => "LandRequested",
            Self::LandConcluded { .. } => "LandConcluded",
            Self::BeadOpened { .. } => "BeadOpened",
            Self::BeadJoined { .. } => "BeadJoined",
            Self::GoalEdited { .. } => "GoalEdited",
            Self::BeadSplit { .. } => "BeadSplit",
            Self::BeadReopened { .. } => "BeadReopened",
            Self::BeadEdited { .. } => "BeadEdited",
            Self::EdgeAdded { .. } => "EdgeAdded",
            Self::EdgeRemoved { .. } => "EdgeRemoved",
            Self::NoteAdded { .. } => "NoteAdded",
            Self::BeadClosed { .. } => "BeadClosed",
            Self::BeadRetried { .. } => "BeadRetried",
            Self::ChangesWanted { .. } => "ChangesWanted",
            Self::BeadParked { .. } => "BeadParked",
            Self::QuestionAsked { .. } => "QuestionAsked",
            Self::QuestionAnswered { .. } => "QuestionAnswered",
            Self::Told { .. } => "Told",
            Self::SeatOpened { .. } => "SeatOpened",
            Self::SeatClosed { .. } => "SeatClosed",
            Self::LeaseGranted { .. } => "LeaseGranted",
            Self::RunStarted { .. } => "RunStarted",
            Self::HandoverAsked { .. } => "HandoverAsked",
            Self::HandoverGiven { .. } => "HandoverGiven",
            Self::LeaseRenewed { .. } => "LeaseRenewed",
            Self::UsageRecorded { .. } => "UsageRecorded",
            Self::WorkSubmitted { .. } => "WorkSubmitted",
            Self::WorkReturned { .. } => "WorkReturned",
            Self::WorkClosed { .. } => "WorkClosed",
            Self::LeaseExpired { .. } => "LeaseExpired",
            Self::BeadQuarantined { .. } => "BeadQuarantined",
            Self::BreakerTripped { .. } => "BreakerTripped",
            Self::CandidateFormed { .. } => "CandidateFormed",
            Self::CandidateJudged { .. } => "CandidateJudged",
            Self::CandidateLanded { .. } => "CandidateLanded",
            Self::CandidateVoided { .. } => "CandidateVoided",
            Self::SubmissionReturned { .. } => "SubmissionReturned",
            Self::SubmissionGuarded { .. } => "SubmissionGuarded",
            Self::SubmissionWaived { .. } => "SubmissionWaived",
            Self::SubmissionWeighed { .. } => "SubmissionWeighed",
            Self::ReviewBegan { .. } => "ReviewBegan",
            Self::ReviewEnded { .. } => "ReviewEnded",
            Self::TargetMoved { .. } => "TargetMoved",
            Self::BaseJudged { .. } => "BaseJudged",
            Self::QueueHalted { .. } => "QueueHalted",
            Self::QueueResumed { .. } => "QueueResumed",
            Self::MergesHeld { .. } => "MergesHeld",
            Self::MergesReleased { .. } => "MergesReleased",
            Self::SubmissionPreferred { .. } => "SubmissionPreferred",
            Self::SubmissionRestored { .. } => "SubmissionRestored",
            Self::GateAsked { .. } => "GateAsked",
            Self::GateAnswered { .. } => "GateAnswered",
            Self::FlakyTestFiled { .. } => "FlakyTestFiled",
            Self::Escalated { .. } => "Escalated",
            Self::Paused { .. } => "Paused",
            Self::Resumed { .. } => "Resumed",
            Self::Stopped { .. } => "Stopped",
            Self::Thawed => "Thawed",
            Self::MailSent { .. } => "MailSent",
            Self::MailAcked { .. } => "MailAcked",
            Self::RoleDegraded { .. } => "RoleDegraded",
            Self::EffectBackedOff { .. } => "EffectBackedOff",
            Self::EffectRecovered { .. } => "EffectRecovered",
            Self::TownRestored { .. } => "TownRestored",
            Self::OperationUndone { .. } => "OperationUndone",
            Self::DecisionSnoozed { .. } => "DecisionSnoozed",
            Self::DecisionWoken { .. } => "DecisionWoken",
            Self::ScheduleAdded { .. } => "ScheduleAdded",
            Self::ScheduleRemoved { .. } => "ScheduleRemoved",
            Self::SchedulePaused { .. } => "SchedulePaused",
            Self::ScheduleResumed { .. } => "ScheduleResumed",
            Self::ScheduleFired { .. } => "ScheduleFired",
            Self::CrewJoined { .. } => "CrewJoined",
            Self::CrewLeaving { .. } => "CrewLeaving",
            Self::CrewConcluded { .. } => "CrewConcluded",
            Self::CrewStarted { .. } => "CrewStarted",
            Self::CrewStopped { .. } => "CrewStopped",
            Self::CrewTold { .. } => "CrewTold",
            Self::CrewTurnBegan { .. } => "CrewTurnBegan",
            Self::CrewTurnEnded { .. } => "CrewTurnEnded",
        }
    }
}
