//! A town on paper, built by the ledger's own rules, so no scene can show what could not be.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeSet;

use expect_test::Expect;
use gtd_core::{
    Actor, Approval, Ask, BeadId, BeadSpec, Command, Envelope, Epoch, Gate, GateName, GateWhen,
    Graph, HostName, LandMode, Oid, Plan as GoalPlan, PlannedBead, Reserved, RigName, RigRules,
    RuntimeName, SeatName, Target, Timestamp, Verdict, decide,
};
use gtd_plan::{
    Answer, AssemblySeen, Crew, EndSeen, Mayor, Planner, Question, Refinery, RunSeen, Seen, Step,
    TipSeen, Worker, WorktreeSeen,
};

pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

pub(crate) fn oid(digit: char) -> Oid {
    Oid::parse(&digit.to_string().repeat(40)).expect("a valid scene")
}

pub(crate) fn target() -> Target {
    Target {
        rig: RigName::parse("repo").expect("a valid scene"),
        r#ref: "refs/heads/main".to_owned(),
        mode: LandMode::Local,
        branch: "main".to_owned(),
    }
}

pub(crate) fn host() -> HostName {
    HostName::parse("local").expect("a valid scene")
}

pub(crate) fn mayor() -> Mayor {
    Mayor { host: host() }
}

/// A town with one rig, built by decisions.
pub(crate) struct Scene {
    pub(crate) graph: Graph,
    pub(crate) beads: Vec<BeadId>,
    pub(crate) now: Timestamp,
}

impl Scene {
    /// A goal of `n` beads that are open and ready.
    pub(crate) fn new(n: usize) -> Self {
        Self::onto(target(), n, |_| {})
    }

    /// The same, with an acceptance check of the goal and of each bead.
    pub(crate) fn with_checks(n: usize) -> Self {
        Self::onto(target(), n, |spec| {
            spec.acceptance = vec![gtd_core::Criterion {
                text: "it works".to_owned(),
                check: Some("make check".to_owned()),
            }];
        })
    }

    /// A goal of `n` beads that land on `target`; `shape` shapes each of them.
    pub(crate) fn onto(target: Target, n: usize, shape: impl Fn(&mut BeadSpec)) -> Self {
        let mut scene = Self {
            graph: Graph::default(),
            beads: Vec::new(),
            now: NOW,
        };
        scene.open_goal(target, n, "goal", shape);
        let (_, goal) = scene.graph.goals().next().expect("a valid scene");
        scene.beads = goal.beads.clone();
        scene
    }

    /// Opens a goal of `n` beads on a rig, which is made if need be; returns its id.
    fn open_goal(
        &mut self,
        target: Target,
        n: usize,
        title: &str,
        shape: impl Fn(&mut BeadSpec),
    ) -> BeadId {
        if self.graph.rig(&target.rig).is_none() {
            self.trust(&target.rig);
        }
        let spec = |title: String| {
            let mut spec = BeadSpec {
                title,
                run: Some("true".to_owned()),
                ..BeadSpec::default()
            };
            shape(&mut spec);
            spec
        };
        let known: BTreeSet<BeadId> = self.graph.goals().map(|(id, _)| id.clone()).collect();
        self.tell(Command::OpenGoal {
            spec: spec(title.to_owned()),
            target,
            max: None,
            until: None,
            plan: Some(GoalPlan {
                beads: (0..n)
                    .map(|n| PlannedBead {
                        local_id: format!("b{n}"),
                        spec: spec(format!("bead {n} of {title}")),
                        needs: vec![],
                    })
                    .collect(),
                ..GoalPlan::default()
            }),
            approval: Approval::NotNeeded,
        });
        let mut goals = self.graph.goals().map(|(id, _)| id.clone());
        goals.find(|id| !known.contains(id)).expect("a valid scene")
    }

    fn trust(&mut self, rig: &RigName) {
        let gate = Gate {
            name: GateName::parse("test").expect("a valid scene"),
            run: "make test".to_owned(),
            when: GateWhen::Merge,
            timeout_ms: 60_000,
            env: Default::default(),
            affected: None,
            junit: None,
        };
        self.tell(Command::TrustRig {
            rig: rig.clone(),
            rules: RigRules {
                prefix: "gt".to_owned(),
                branch: "main".to_owned(),
                gates: vec![gate],
                worker: gtd_core::WorkerRules {
                    max: 2,
                    ..Default::default()
                },
                merge: Default::default(),
                schedules: vec![],
                questions: gtd_core::QuestionRules::default(),
                discovery: gtd_core::DiscoveryRules::default(),
                budget: Default::default(),
                replans: Default::default(),
                policies: Default::default(),
            },
            digest: String::new(),
        });
    }

    /// A further goal with a check of its own, whose beads have all ended well.
    fn ended_goal(&mut self, target: Target) -> BeadId {
        let goal = self.open_goal(target, 1, "another", |spec| {
            spec.acceptance = vec![gtd_core::Criterion {
                text: "it works".to_owned(),
                check: Some("make check".to_owned()),
            }];
        });
        let beads = self.graph.goal(&goal).expect("a valid scene").beads.clone();
        for bead in beads {
            self.tell(Command::CloseBead {
                bead,
                outcome: gtd_core::Outcome::Done,
                why: String::new(),
            });
        }
        goal
    }

    /// The same on the same target.
    pub(crate) fn second_goal(&mut self) -> BeadId {
        self.ended_goal(target())
    }

    /// The same on another rig.
    pub(crate) fn goal_elsewhere(&mut self) -> BeadId {
        let mut target = target();
        target.rig = RigName::parse("other").expect("a valid scene");
        self.ended_goal(target)
    }

    /// The revision of the last change of a goal and its beads.
    pub(crate) fn as_of(&self, goal: &BeadId) -> gtd_core::Revision {
        let beads = &self.graph.goal(goal).expect("a valid scene").beads;
        let all = beads.iter().chain([goal]);
        all.filter_map(|id| self.graph.bead(id))
            .map(|bead| bead.changed)
            .max()
            .expect("a valid scene")
    }

    pub(crate) fn pause_role(&mut self, role: &str) {
        self.tell(Command::Pause {
            scope: gtd_core::PauseScope::Role(
                gtd_core::RoleName::parse(role).expect("a valid scene"),
            ),
            why: String::new(),
        });
    }

    pub(crate) fn tell(&mut self, command: Command) {
        let ask = Ask {
            by: Actor::Daemon,
            request: None,
            expected: None,
            command,
        };
        for event in decide(&self.graph, &ask, self.now).expect("a valid scene") {
            let envelope = Envelope {
                at: self.now,
                by: Actor::Daemon,
                request: None,
                cause: None,
                event,
            };
            self.graph.apply(self.graph.revision().next(), &envelope);
        }
    }

    /// Grants bead `n` to a seat.
    pub(crate) fn lease(&mut self, n: usize) -> Epoch {
        let seat = SeatName::parse(&format!("seat{n}")).expect("a valid scene");
        let bead = self.beads[n].clone();
        let epoch = self.graph.bead(&bead).expect("a valid scene").epoch.next();
        self.tell(Command::OpenSeat {
            seat: seat.clone(),
            rig: target().rig,
            host: host(),
        });
        self.tell(Command::Grant {
            bead,
            seat,
            epoch,
            reserved: Reserved::default(),
        });
        epoch
    }

    /// Hands bead `n` in at a commit.
    pub(crate) fn submit(&mut self, n: usize, head: char) {
        let epoch = self.lease(n);
        self.tell(Command::Submit {
            bead: self.beads[n].clone(),
            epoch,
            head: oid(head),
            base: oid('0'),
            summary: String::new(),
            checks: vec![],
        });
    }

    /// The first `n` beads, put onto `0` as one candidate `f`.
    pub(crate) fn assembly(&self, n: usize) -> Answer {
        Answer::Assembly(AssemblySeen {
            joined: self.beads[..n].to_vec(),
            conflicts: vec![],
            behind: vec![],
            commit: oid('f'),
            tree: oid('e'),
        })
    }

    /// Plans a pass; the answers come from `world` by the question asked.
    pub(crate) fn plan(
        &self,
        planner: &impl Planner,
        world: impl Fn(&Question) -> Answer,
    ) -> String {
        self.plan_of_what_is_seen(planner, |question| Some(world(question)))
    }

    /// Plans a pass in which not everything can be seen.
    pub(crate) fn plan_of_what_is_seen(
        &self,
        planner: &impl Planner,
        world: impl Fn(&Question) -> Option<Answer>,
    ) -> String {
        let plan = self.pass(planner, world);
        let mut lines: Vec<String> = plan.steps.iter().map(describe).collect();
        lines.extend(
            plan.observations
                .iter()
                .map(|seen| format!("saw {}: {}", seen.reason.code(), seen.text)),
        );
        let mut text = lines.join("\n");
        for (n, bead) in self.beads.iter().enumerate() {
            text = text.replace(bead.as_str(), &format!("<b{n}>"));
        }
        if let Some(goal) = self.goal() {
            text = text.replace(goal.as_str(), "<goal>");
        }
        text
    }

    /// Plans a pass and tells the ledger, which must refuse nothing, all that it has to say.
    pub(crate) fn take(&mut self, planner: &impl Planner, world: impl Fn(&Question) -> Answer) {
        let plan = self.pass(planner, |question| Some(world(question)));
        for step in plan.steps {
            if let Step::Tell(command) = step {
                self.tell(command);
            }
        }
    }

    pub(crate) fn goal(&self) -> Option<BeadId> {
        self.graph.goals().next().map(|(id, _)| id.clone())
    }

    /// Plans a pass and returns its steps as they are.
    pub(crate) fn steps(
        &self,
        planner: &impl Planner,
        world: impl Fn(&Question) -> Answer,
    ) -> Vec<Step> {
        self.pass(planner, |question| Some(world(question))).steps
    }

    fn pass(
        &self,
        planner: &impl Planner,
        world: impl Fn(&Question) -> Option<Answer>,
    ) -> gtd_plan::Plan {
        let mut seen = Seen::default();
        loop {
            let questions: Vec<Question> = planner
                .look(&self.graph, &seen, self.now)
                .into_iter()
                .filter(|question| !seen.knows(question))
                .collect();
            if questions.is_empty() {
                break;
            }
            for question in questions {
                match world(&question) {
                    Some(answer) => seen.put(question, answer),
                    None => seen.pass_over(question),
                }
            }
        }
        planner.plan(&self.graph, &seen, self.now)
    }
}

fn describe(step: &Step) -> String {
    match step {
        Step::Do(effect) => format!("do {}", effect.key()),
        Step::Tell(command) => match command {
            Command::Grant { bead, seat, .. } => format!("grant {bead} to {seat}"),
            Command::OpenSeat { seat, .. } => format!("open seat {seat}"),
            Command::Return { why, .. } => format!("return: {}", why.text),
            Command::Expire { why, .. } => format!("expire {:?}: {}", why.class, why.text),
            Command::Submit { head, .. } => format!("submit {head:?}"),
            Command::Finish { outcome, .. } => format!("finish {outcome:?}"),
            Command::Started { .. } => "started".to_owned(),
            Command::Form { members, base, .. } => {
                format!("form {} on {base:?}", members.len())
            }
            Command::Judge { verdict, .. } => format!("judge {verdict:?}"),
            Command::Land { .. } => "land".to_owned(),
            Command::Void { why, .. } => format!("void: {why}"),
            Command::SendBack { bead, why, .. } => format!("send back {bead}: {}", why.text),
            Command::ObserveTarget { tip, .. } => format!("observe {tip:?}"),
            Command::JudgeBase { gate, .. } => format!("judge base {:?}", gate.verdict),
            Command::CloseGoal { outcome, why, .. } => format!("close {outcome:?}: {why}"),
            Command::Escalate { about, text } => format!("escalate {about}: {text}"),
            Command::Recover { key } => format!("recover {key}"),
            other => format!("{other:?}"),
        },
    }
}

pub(crate) fn check(found: String, expected: Expect) {
    expected.assert_eq(&found);
}

pub(crate) fn tip(at: char) -> Answer {
    Answer::Tip(TipSeen {
        at: Some(oid(at)),
        branch: Some(oid(at)),
        branch_is_ahead: false,
    })
}

pub(crate) fn ended(code: i32) -> Answer {
    Answer::Run(RunSeen::Ended(EndSeen {
        code: Some(code),
        tail: "the output".to_owned(),
        ..EndSeen::default()
    }))
}

pub(crate) fn crew() -> Crew {
    Crew {
        host: host(),
        runtimes: BTreeSet::from([RuntimeName::parse("shell").expect("a valid scene")]),
    }
}

pub(crate) fn refinery() -> Refinery {
    Refinery { rig: target().rig }
}

pub(crate) fn worker(scene: &Scene, epoch: Epoch) -> Worker {
    Worker {
        bead: scene.beads[0].clone(),
        epoch,
        host: host(),
    }
}

/// The worktree of the first bead's first attempt.
pub(crate) fn worktree(scene: &Scene, dirty: bool, changed: bool) -> Answer {
    Answer::Worktree(Some(WorktreeSeen {
        owner: format!("{}.e1", scene.beads[0]),
        start: Some(oid('0')),
        head: oid('a'),
        dirty,
        changed,
    }))
}

/// A candidate of the first `n` beads in test on `0`.
pub(crate) fn in_test(n: usize) -> Scene {
    let mut scene = Scene::new(n);
    for (index, head) in ['a', 'b', 'c', 'd'].into_iter().enumerate().take(n) {
        scene.submit(index, head);
    }
    scene.tell(Command::ObserveTarget {
        target: target(),
        tip: oid('0'),
    });
    let members = scene
        .beads
        .iter()
        .zip(['a', 'b', 'c', 'd'])
        .map(|(bead, head)| gtd_core::Member {
            bead: bead.clone(),
            epoch: Epoch(1),
            head: oid(head),
        })
        .collect();
    scene.tell(Command::Form {
        id: gtd_plan::candidate_id(&oid('f'), 0),
        target: target(),
        base: oid('0'),
        members,
        commit: oid('f'),
        tree: oid('e'),
        retry: 0,
    });
    scene
}

/// The verdict of the candidate's gate.
pub(crate) fn judge(scene: &mut Scene, verdict: Verdict) {
    scene.tell(Command::Judge {
        candidate: gtd_plan::candidate_id(&oid('f'), 0),
        verdict,
        gates: vec![gtd_core::GateRun {
            gate: GateName::parse("test").expect("a valid scene"),
            commit: oid('f'),
            verdict,
            detail: "exit 1".to_owned(),
            took_ms: 1,
            run: gtd_core::RunId::parse("mr-ffffffffff.g0.test").expect("a valid scene"),
            evidence: "the output".to_owned(),
            code: None,
            output: String::new(),
            tests: None,
        }],
    });
}

pub(crate) fn world(
    at: char,
    contains: bool,
    run: Answer,
    assembly: Option<Answer>,
) -> impl Fn(&Question) -> Answer {
    move |question| match question {
        Question::Tip(_) => tip(at),
        Question::Contains { .. } => Answer::Contains(contains),
        Question::Run(_) => run.clone(),
        Question::Assembly(_) => assembly.clone().expect("a valid scene"),
        _ => Answer::Worktree(None),
    }
}

pub(crate) fn absent() -> Answer {
    Answer::Run(RunSeen::Absent { for_ms: 0 })
}
