//! A town in memory, built by the steps that the ledger would take.

use std::time::Duration;

use gtd_core::{
    Actor, Approval, Ask, Bead, BeadId, BeadSpec, BeadState, CandidateId, Command, ContextUse,
    Decision, Envelope, Epoch, Event, Fault, FaultClass, Finding, FindingKind, Gate, GateName,
    GateRun, GateWhen, Graph, Guard, GuardReport, Holder, HostName, LandMode, Member, MergeRules,
    Need, Observation, Observations, Oid, Operation, Opinion, OpinionVerdict, Outcome, Phase, Plan,
    PlannedBead, Priority, Rejection, RequestId, Reserved, Reversal, ReviewComment, ReviewOutcome,
    Revision, RigName, RigRules, RoleName, RunId, SeatName, Target, TestReport, Timestamp, Verdict,
    View, WaitReason, Waived, Weight, Why, WorkerRules, decide, explain, operations, reverse,
};

/// When every scene begins.
pub(crate) const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

pub(crate) fn rig() -> RigName {
    RigName::parse("api").unwrap()
}

pub(crate) fn bead_id(text: &str) -> BeadId {
    BeadId::parse(text).unwrap()
}

pub(crate) fn seat(text: &str) -> SeatName {
    SeatName::parse(text).unwrap()
}

pub(crate) fn role(text: &str) -> RoleName {
    RoleName::parse(text).unwrap()
}

/// What a gate of gtd's own finds where a test is gone.
pub(crate) fn guard_report() -> GuardReport {
    GuardReport {
        guard: Guard::TestGuard,
        findings: vec![Finding {
            kind: FindingKind::TestRemoved,
            file: "tests/parser.rs".to_owned(),
            line: 7,
            test: "numbers".to_owned(),
            text: "the test is gone".to_owned(),
        }],
        remark: String::new(),
    }
}

/// How full a session is that is asked for a handover.
pub(crate) fn context() -> ContextUse {
    ContextUse {
        used: 150_000,
        window: 200_000,
    }
}

/// How much a submission is that changes a protected file.
pub(crate) fn weight() -> Weight {
    Weight {
        files: 2,
        lines: 41,
        areas: vec!["migrations".to_owned(), "src".to_owned()],
        risks: vec!["protected: migrations/7.sql".to_owned()],
    }
}

/// What a reviewer says, with one comment.
pub(crate) fn opinion(verdict: OpinionVerdict) -> Opinion {
    Opinion {
        verdict,
        summary: "It forgets the old rows.\nThe rest is fine.".to_owned(),
        comments: vec![ReviewComment {
            file: "migrations/7.sql".to_owned(),
            line: 3,
            text: "what of rows without a name?".to_owned(),
        }],
        criteria: vec![],
    }
}

pub(crate) fn gate_name(text: &str) -> GateName {
    GateName::parse(text).unwrap()
}

pub(crate) fn host() -> HostName {
    HostName::parse("here").unwrap()
}

pub(crate) fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

pub(crate) fn candidate_id(text: &str) -> CandidateId {
    CandidateId::parse(text).unwrap()
}

/// Makes the commit of a number.
pub(crate) fn oid(number: u64) -> Oid {
    Oid::parse(&format!("{number:040x}")).unwrap()
}

pub(crate) fn target() -> Target {
    Target {
        rig: rig(),
        r#ref: "refs/heads/gtd/integration/main".to_owned(),
        mode: LandMode::Integration,
        branch: "main".to_owned(),
    }
}

pub(crate) fn person() -> Actor {
    Actor::Person("ada".to_owned())
}

pub(crate) fn gate(name: &str, when: GateWhen) -> Gate {
    Gate {
        name: gate_name(name),
        run: format!("make {name}"),
        when,
        timeout_ms: 60_000,
        env: [].into(),
        affected: None,
        junit: None,
    }
}

/// The rules of the rig of every scene: one gate, four seats, three attempts.
pub(crate) fn rules() -> RigRules {
    RigRules {
        prefix: "gt".to_owned(),
        branch: "main".to_owned(),
        gates: vec![gate("test", GateWhen::Merge)],
        worker: WorkerRules::default(),
        merge: MergeRules {
            batch: 8,
            flakes: 3,
            ..Default::default()
        },
        schedules: vec![],
        questions: gtd_core::QuestionRules::default(),
        discovery: gtd_core::DiscoveryRules::default(),
        budget: Default::default(),
        replans: Default::default(),
        policies: Default::default(),
    }
}

/// What is wanted of a plain bead: a title and a script.
pub(crate) fn spec(title: &str) -> BeadSpec {
    BeadSpec {
        title: title.to_owned(),
        run: Some("true".to_owned()),
        ..BeadSpec::default()
    }
}

pub(crate) fn fault(class: FaultClass) -> Fault {
    Fault {
        class,
        text: "it went wrong".to_owned(),
        evidence: String::new(),
        run: None,
    }
}

pub(crate) fn gate_run(commit: &Oid, verdict: Verdict) -> GateRun {
    GateRun {
        gate: gate_name("test"),
        commit: commit.clone(),
        verdict,
        detail: "exit 1".to_owned(),
        took_ms: 5,
        run: run_id("test-run"),
        evidence: String::new(),
        code: None,
        output: String::new(),
        tests: None,
    }
}

/// A run in which a test was green that had been red on the same tree.
pub(crate) fn flaky_run(commit: &Oid, test: &str, run: &str) -> GateRun {
    GateRun {
        run: run_id(run),
        tests: Some(Box::new(TestReport {
            passed: 2,
            flaky: vec![test.to_owned()],
            ..TestReport::default()
        })),
        ..gate_run(commit, Verdict::Passed)
    }
}

/// One bead of a plan: its name and what it needs.
pub(crate) fn planned(name: &str, needs: &[&str]) -> PlannedBead {
    PlannedBead {
        local_id: name.to_owned(),
        spec: spec(name),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
    }
}

pub(crate) fn plan(beads: &[(&str, &[&str])]) -> Plan {
    Plan {
        title: String::new(),
        acceptance: vec![],
        beads: beads
            .iter()
            .map(|(name, needs)| planned(name, needs))
            .collect(),
        summary: String::new(),
    }
}

#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) graph: Graph,
    pub(crate) observations: Observations,
    pub(crate) now: Timestamp,
    pub(crate) log: Vec<(Revision, Envelope)>,
    /// The number of the last commit that was made up.
    commits: u64,
    /// The number of the last ask, where each has a name of its own.
    asks: Option<u64>,
}

impl Scene {
    /// A town without anything.
    pub(crate) fn empty() -> Self {
        Self {
            graph: Graph::default(),
            observations: Observations::default(),
            now: BEGIN,
            log: Vec::new(),
            commits: 100,
            asks: None,
        }
    }

    /// A town with one rig.
    pub(crate) fn new() -> Self {
        Self::with_rules(rules())
    }

    pub(crate) fn with_rules(rules: RigRules) -> Self {
        let mut scene = Self::empty();
        scene.trust(rules);
        scene
    }

    pub(crate) fn trust(&mut self, rules: RigRules) {
        let digest = format!("{}", self.log.len());
        self.tell(Command::TrustRig {
            rig: rig(),
            rules,
            digest,
        });
    }

    /// Asks as `by`; what is decided is applied.
    pub(crate) fn ask_as(&mut self, by: Actor, command: Command) -> Decision {
        let request = self.asks.as_mut().map(|asks| {
            *asks += 1;
            RequestId::parse(&format!("ask-{asks}")).unwrap()
        });
        let ask = Ask {
            by,
            request,
            expected: None,
            command,
        };
        self.ask(&ask)
    }

    /// Gives each ask a name from now on, so that all that follows from it is one operation.
    pub(crate) fn name_asks(&mut self) {
        self.asks = Some(0);
    }

    pub(crate) fn ask(&mut self, ask: &Ask) -> Decision {
        let events = decide(&self.graph, ask, self.now)?;
        for event in &events {
            let envelope = Envelope {
                at: self.now,
                by: ask.by.clone(),
                request: ask.request.clone(),
                cause: ask.expected,
                event: event.clone(),
            };
            let revision = self.graph.revision().next();
            self.graph.apply(revision, &envelope);
            self.log.push((revision, envelope));
        }
        Ok(events)
    }

    pub(crate) fn try_tell(&mut self, command: Command) -> Decision {
        self.ask_as(person(), command)
    }

    #[track_caller]
    pub(crate) fn tell(&mut self, command: Command) -> Vec<Event> {
        match self.try_tell(command.clone()) {
            Ok(events) => events,
            Err(why) => panic!("{command:?} was refused: {why}"),
        }
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, command: Command) -> Rejection {
        match self.try_tell(command.clone()) {
            Ok(events) => panic!("{command:?} gave {events:?}"),
            Err(why) => why,
        }
    }

    /// Takes back what a person did last; what is as before is computed from the log alone.
    pub(crate) fn undo_last(&mut self) -> Decision {
        let op = operations(&self.log).pop().unwrap();
        self.undo(&op)
    }

    pub(crate) fn undo(&mut self, op: &Operation) -> Decision {
        let reversal = self.reversal(op)?;
        self.try_tell(Command::Undo {
            reversal: Box::new(reversal),
        })
    }

    pub(crate) fn reversal(&self, op: &Operation) -> Result<Reversal, Rejection> {
        reverse(op, &self.before(op), &self.graph)
    }

    /// The graph before an operation, as the log tells it.
    pub(crate) fn before(&self, op: &Operation) -> Graph {
        let mut before = Graph::default();
        for (revision, envelope) in self.log.iter().filter(|(at, _)| *at < op.first) {
            before.apply(*revision, envelope);
        }
        before
    }

    pub(crate) fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub(crate) fn commit(&mut self) -> Oid {
        self.commits += 1;
        oid(self.commits)
    }

    // Beads and goals.

    pub(crate) fn create(&mut self, spec: BeadSpec, needs: &[Need]) -> BeadId {
        self.create_in(None, spec, needs)
    }

    #[track_caller]
    pub(crate) fn create_in(
        &mut self,
        goal: Option<&BeadId>,
        spec: BeadSpec,
        needs: &[Need],
    ) -> BeadId {
        let events = self.tell(Command::CreateBead {
            rig: rig(),
            goal: goal.cloned(),
            spec,
            needs: needs.to_vec(),
        });
        match events.as_slice() {
            [Event::BeadOpened { bead }] => bead.id.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// A bead without a goal.
    pub(crate) fn bead(&mut self, title: &str) -> BeadId {
        self.create(spec(title), &[])
    }

    /// A bead that needs others.
    pub(crate) fn bead_after(&mut self, title: &str, needs: &[&BeadId]) -> BeadId {
        let needs: Vec<Need> = needs.iter().map(|on| Need::blocks((*on).clone())).collect();
        self.create(spec(title), &needs)
    }

    pub(crate) fn urgent(&mut self, title: &str, priority: u8) -> BeadId {
        let spec = BeadSpec {
            priority: Priority::new(priority).unwrap(),
            ..spec(title)
        };
        self.create(spec, &[])
    }

    #[track_caller]
    pub(crate) fn open_goal(&mut self, plan: Option<Plan>, approval: Approval) -> BeadId {
        self.open_goal_until(plan, approval, None)
    }

    #[track_caller]
    pub(crate) fn open_goal_until(
        &mut self,
        plan: Option<Plan>,
        approval: Approval,
        until: Option<Timestamp>,
    ) -> BeadId {
        let events = self.tell(Command::OpenGoal {
            spec: BeadSpec {
                title: "the goal".to_owned(),
                ..BeadSpec::default()
            },
            target: target(),
            max: None,
            until,
            plan,
            approval,
        });
        match events.first() {
            Some(Event::GoalOpened { bead, .. }) => bead.id.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// A goal whose plan has begun.
    #[track_caller]
    pub(crate) fn goal(&mut self, beads: &[(&str, &[&str])]) -> BeadId {
        self.open_goal(Some(plan(beads)), Approval::NotNeeded)
    }

    /// The bead of a goal by its name in the plan.
    #[track_caller]
    pub(crate) fn in_goal(&self, goal: &BeadId, name: &str) -> BeadId {
        self.graph
            .goal(goal)
            .unwrap()
            .beads
            .iter()
            .find(|id| self.at(id).local_id.as_deref() == Some(name))
            .unwrap()
            .clone()
    }

    #[track_caller]
    pub(crate) fn at(&self, id: &BeadId) -> &Bead {
        self.graph.bead(id).unwrap()
    }

    #[track_caller]
    pub(crate) fn state(&self, id: &BeadId) -> BeadState {
        self.graph.state_of(self.at(id), self.now)
    }

    #[track_caller]
    pub(crate) fn why(&self, id: &BeadId) -> Why {
        explain(&self.graph, &self.observations, id, self.now).unwrap()
    }

    #[track_caller]
    pub(crate) fn reason(&self, id: &BeadId) -> Option<WaitReason> {
        self.why(id).reason()
    }

    pub(crate) fn ready(&self) -> Vec<BeadId> {
        self.graph
            .ready(&rig(), self.now)
            .map(|bead| bead.id.clone())
            .collect()
    }

    pub(crate) fn view(&self) -> View<'_> {
        View {
            graph: &self.graph,
            observations: &self.observations,
            now: self.now,
        }
    }

    pub(crate) fn observe(&mut self, subject: &str, reason: WaitReason) {
        let seen = Observation {
            subject: subject.to_owned(),
            reason,
            text: "a role saw it".to_owned(),
            since: self.now,
            until: None,
        };
        self.observations.publish("witness", vec![seen]);
    }

    // The way of one bead.

    #[track_caller]
    pub(crate) fn open_seat(&mut self, name: &str) -> SeatName {
        self.tell(Command::OpenSeat {
            seat: seat(name),
            rig: rig(),
            host: host(),
        });
        seat(name)
    }

    /// Gives a bead to a seat of its own.
    #[track_caller]
    pub(crate) fn grant(&mut self, id: &BeadId) -> Epoch {
        let name = format!("seat-{id}");
        let seat = self.open_seat(&name);
        self.grant_to(id, &seat)
    }

    #[track_caller]
    pub(crate) fn grant_to(&mut self, id: &BeadId, seat: &SeatName) -> Epoch {
        let epoch = self.at(id).epoch.next();
        self.tell(Command::Grant {
            bead: id.clone(),
            seat: seat.clone(),
            epoch,
            reserved: Reserved::default(),
        });
        epoch
    }

    /// Brings a bead to handed in.
    #[track_caller]
    pub(crate) fn submit(&mut self, id: &BeadId) -> Member {
        let epoch = match self.at(id).phase.lease() {
            Some(lease) => lease.epoch,
            None => self.grant(id),
        };
        let head = self.commit();
        self.tell(Command::Submit {
            bead: id.clone(),
            epoch,
            head: head.clone(),
            base: oid(1),
            summary: "done".to_owned(),
            checks: vec![],
        });
        Member {
            bead: id.clone(),
            epoch,
            head,
        }
    }

    /// Lets one attempt at a bead fail, and waits until the next may begin.
    #[track_caller]
    pub(crate) fn fail(&mut self, id: &BeadId, class: FaultClass) {
        self.give_back(id, class);
        if let Some(moment) = self.at(id).not_before {
            self.now = self.now.max(moment);
        }
    }

    #[track_caller]
    pub(crate) fn give_back(&mut self, id: &BeadId, class: FaultClass) {
        let epoch = match self.at(id).phase.lease() {
            Some(lease) => lease.epoch,
            None => self.grant(id),
        };
        self.tell(Command::Return {
            bead: id.clone(),
            epoch,
            why: fault(class),
        });
    }

    #[track_caller]
    pub(crate) fn finish(&mut self, id: &BeadId) {
        let epoch = match self.at(id).phase.lease() {
            Some(lease) => lease.epoch,
            None => self.grant(id),
        };
        self.tell(Command::Finish {
            bead: id.clone(),
            epoch,
            outcome: Outcome::NoOp,
            why: "nothing had to change".to_owned(),
        });
    }

    #[track_caller]
    pub(crate) fn close(&mut self, id: &BeadId, outcome: Outcome) {
        self.tell(Command::CloseBead {
            bead: id.clone(),
            outcome,
            why: "because".to_owned(),
        });
    }

    #[track_caller]
    pub(crate) fn park(&mut self, id: &BeadId) {
        self.tell(Command::ParkBead {
            bead: id.clone(),
            why: "look at this".to_owned(),
        });
    }

    #[track_caller]
    pub(crate) fn retry(&mut self, id: &BeadId) {
        self.tell(Command::RetryBead { bead: id.clone() });
    }

    #[track_caller]
    pub(crate) fn cancel(&mut self, id: &BeadId) {
        self.tell(Command::Cancel {
            bead: id.clone(),
            why: "not wanted".to_owned(),
        });
    }

    // The refinery.

    pub(crate) fn form_command(&mut self, members: &[Member]) -> Command {
        let commit = self.commit();
        let tree = self.commit();
        Command::Form {
            id: candidate_id(&format!("mr-{}", &commit.as_str()[30..])),
            target: target(),
            base: oid(1),
            members: members.to_vec(),
            commit,
            tree,
            retry: 0,
        }
    }

    #[track_caller]
    pub(crate) fn form(&mut self, members: &[Member]) -> CandidateId {
        let command = self.form_command(members);
        self.tell(command);
        self.in_test().unwrap()
    }

    pub(crate) fn in_test(&self) -> Option<CandidateId> {
        let queue = self.graph.queue(&target())?;
        Some(queue.candidate.as_ref()?.id.clone())
    }

    #[track_caller]
    pub(crate) fn judge(&mut self, verdict: Verdict) {
        let queue = self.graph.queue(&target()).unwrap();
        let candidate = queue.candidate.clone().unwrap();
        self.tell(Command::Judge {
            candidate: candidate.id,
            verdict,
            gates: vec![gate_run(&candidate.commit, verdict)],
        });
    }

    #[track_caller]
    pub(crate) fn land_candidate(&mut self) {
        self.judge(Verdict::Passed);
        let candidate = self.in_test().unwrap();
        self.tell(Command::Land { candidate });
    }

    /// Brings a bead from where it is to landed.
    #[track_caller]
    pub(crate) fn land(&mut self, id: &BeadId) {
        let member = match &self.at(id).phase {
            Phase::Submitted { epoch, head, .. } => Member {
                bead: id.clone(),
                epoch: *epoch,
                head: head.clone(),
            },
            _ => self.submit(id),
        };
        let base = self
            .graph
            .queue(&target())
            .and_then(|queue| queue.tip.clone());
        let mut command = self.form_command(&[member]);
        if let (Some(tip), Command::Form { base, .. }) = (base, &mut command) {
            *base = tip;
        }
        self.tell(command);
        self.land_candidate();
    }

    /// A gate of gtd's own has looked at what was handed in.
    #[track_caller]
    pub(crate) fn guard(&mut self, id: &BeadId, report: GuardReport) {
        let bead = self.at(id);
        let Phase::Submitted { epoch, head, .. } = bead.phase.clone() else {
            panic!("{id} is not handed in");
        };
        self.tell(Command::RecordGuard {
            bead: id.clone(),
            epoch,
            head,
            report,
        });
    }

    /// The refinery has looked how much was handed in.
    #[track_caller]
    pub(crate) fn weigh(&mut self, id: &BeadId, weight: Weight) {
        let bead = self.at(id);
        let Phase::Submitted { epoch, head, .. } = bead.phase.clone() else {
            panic!("{id} is not handed in");
        };
        self.tell(Command::Weigh {
            bead: id.clone(),
            epoch,
            head,
            weight,
        });
    }

    /// Begins a review of this number.
    pub(crate) fn begin_review_command(&self, id: &BeadId, number: u32) -> Command {
        let bead = self.at(id);
        let Phase::Submitted { epoch, head, .. } = bead.phase.clone() else {
            panic!("{id} is not handed in");
        };
        Command::BeginReview {
            bead: id.clone(),
            epoch,
            head,
            number,
            seat: seat("review-1"),
            runtime: gtd_core::RuntimeName::parse("codex").unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn begin_review(&mut self, id: &BeadId, number: u32) {
        let command = self.begin_review_command(id, number);
        self.tell(command);
    }

    #[track_caller]
    pub(crate) fn end_review(&mut self, id: &BeadId, number: u32, outcome: ReviewOutcome) {
        let epoch = self.at(id).epoch;
        self.tell(Command::EndReview {
            bead: id.clone(),
            epoch,
            number,
            model: "gpt".to_owned(),
            outcome,
        });
    }

    /// A person takes something in what was handed in as it is.
    #[track_caller]
    pub(crate) fn waive(&mut self, id: &BeadId, what: Waived) {
        let head = self.at(id).attempts.last().unwrap().head.clone().unwrap();
        self.tell(Command::Waive {
            bead: id.clone(),
            head,
            what,
            why: "it tested what is gone".to_owned(),
        });
    }

    #[track_caller]
    pub(crate) fn send_back(&mut self, id: &BeadId, class: FaultClass) {
        let epoch = self.at(id).epoch;
        self.tell(Command::SendBack {
            bead: id.clone(),
            epoch,
            why: fault(class),
        });
    }
}

/// Lists the seats that hold `bead`.
pub(crate) fn seats_of(graph: &Graph, bead: &BeadId) -> Vec<SeatName> {
    graph
        .seats()
        .filter(|(_, seat)| seat.bead.as_ref() == Some(bead))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Returns the seat of a lease, when it is one.
pub(crate) fn seat_of_lease(bead: &Bead) -> Option<&SeatName> {
    match &bead.phase.lease()?.holder {
        Holder::Seat { seat, .. } => Some(seat),
        Holder::Claimant { .. } => None,
    }
}
