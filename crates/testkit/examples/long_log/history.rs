//! What the town did: goal after goal, bead after bead, as the roles would have it.

use gtd_core::{
    Actor, Approval, BeadId, BeadSpec, CandidateId, Command, Criterion, Event, Fault, FaultClass,
    GateName, GateRun, GateWhen, HostName, LandMode, Member, MergeRules, Oid, Outcome, PauseScope,
    Phase, Plan, PlannedBead, Priority, Reserved, RigName, RigRules, RoleName, RunId, SeatName,
    Target, UsageDelta, Verdict, WorkerRules,
};

use crate::{
    dice::Dice,
    town::{Failure, Town},
};

const BEADS_A_GOAL: u64 = 24;
/// Goals at the end that are still at work.
const GOALS_OPEN: u64 = 8;
/// Events that a bead takes at least: opened, granted, started, handed in, and its share of a landing.
const EVENTS_A_BEAD: u64 = 5;

/// A history that is being written.
pub(crate) struct History {
    town: Town,
    dice: Dice,
    events: u64,
    beads: u64,
    seat: SeatName,
    rig: RigName,
    gate: GateName,
    commits: u64,
}

impl History {
    /// Makes a rig and a seat.
    pub(crate) fn begin(town: Town, dice: Dice, events: u64, beads: u64) -> Result<Self, Failure> {
        let mut history = Self {
            town,
            dice,
            events,
            beads,
            seat: SeatName::parse("quartz")?,
            rig: RigName::parse("api")?,
            gate: GateName::parse("test")?,
            commits: 1,
        };
        let (rig, seat) = (history.rig.clone(), history.seat.clone());
        history.person(Command::TrustRig {
            rig: rig.clone(),
            rules: rules(&history.gate),
            digest: "0".repeat(64),
        })?;
        history.role(
            "crew",
            Command::OpenSeat {
                seat,
                rig,
                host: HostName::parse("local")?,
            },
        )?;
        Ok(history)
    }

    /// Tells whether more is wanted.
    pub(crate) fn goes_on(&self) -> bool {
        (self.town.graph().n_beads() as u64) < self.beads
    }

    /// Pauses the town and fills up to the number of events that was asked for.
    pub(crate) fn end(mut self) -> Result<Town, Failure> {
        self.person(Command::Pause {
            scope: PauseScope::Town,
            why: "to be measured".to_owned(),
        })?;
        while self.town.events() < self.events {
            let text = self.dice.words(8);
            self.person(Command::SendMail {
                to: "mayor".to_owned(),
                thread: None,
                text,
            })?;
        }
        self.town.flush()?;
        Ok(self.town)
    }

    /// Opens a goal with its plan and does its beads.
    pub(crate) fn work_on_a_goal(&mut self) -> Result<(), Failure> {
        self.town.later(600);
        let known = self.town.graph().n_beads() as u64;
        let count = BEADS_A_GOAL.min(self.beads - known - 1).max(1);
        let stays_open = known + GOALS_OPEN * (BEADS_A_GOAL + 1) >= self.beads;
        let command = self.goal(count);
        let opened = self.person(command)?;
        let mut beads = opened.iter().filter_map(|event| match event {
            Event::BeadOpened { bead } => Some(bead.id.clone()),
            _ => None,
        });
        let Some(Event::GoalOpened { bead: goal, .. }) = opened.first() else {
            return Err("no goal was opened".into());
        };
        let mut submitted = Vec::new();
        for bead in beads.by_ref() {
            if stays_open && self.dice.once_in(2) {
                continue;
            }
            if !self.town.is_ready(&bead) && !submitted.is_empty() {
                self.land(&std::mem::take(&mut submitted))?;
            }
            if !self.town.is_ready(&bead) {
                continue;
            }
            submitted.extend(self.work_on(&bead)?);
            if submitted.len() >= 4 {
                self.land(&std::mem::take(&mut submitted))?;
            }
        }
        if !submitted.is_empty() {
            self.land(&submitted)?;
        }
        if stays_open {
            return Ok(());
        }
        self.role(
            "mayor",
            Command::CloseGoal {
                goal: goal.id.clone(),
                outcome: Outcome::Done,
                why: "all of its beads have landed".to_owned(),
                proof: Vec::new(),
            },
        )?;
        Ok(())
    }

    fn goal(&mut self, count: u64) -> Command {
        let beads = (0..count)
            .map(|n| PlannedBead {
                local_id: format!("step-{n}"),
                spec: self.spec(),
                needs: if n > 0 && self.dice.once_in(3) {
                    vec![format!("step-{}", self.dice.below(n))]
                } else {
                    Vec::new()
                },
            })
            .collect();
        Command::OpenGoal {
            spec: BeadSpec {
                title: self.dice.words(7),
                description: self.dice.words(30),
                ..BeadSpec::default()
            },
            target: self.target(),
            max: None,
            until: None,
            plan: Some(Plan {
                acceptance: Vec::new(),
                beads,
                ..Plan::default()
            }),
            approval: Approval::NotNeeded,
        }
    }

    fn spec(&mut self) -> BeadSpec {
        BeadSpec {
            title: self.dice.words(6),
            description: self.dice.words(40),
            priority: Priority::new(u8::try_from(self.dice.below(5)).unwrap_or(2))
                .unwrap_or_default(),
            acceptance: vec![Criterion {
                text: self.dice.words(8),
                check: Some("make test".to_owned()),
            }],
            labels: [self.dice.words(1)].into(),
            scope: vec!["src/**".to_owned()],
            ..BeadSpec::default()
        }
    }

    fn target(&self) -> Target {
        Target {
            rig: self.rig.clone(),
            r#ref: "refs/heads/gtd/integration/main".to_owned(),
            mode: LandMode::Integration,
            branch: "main".to_owned(),
        }
    }

    /// Brings a bead to where it is handed in; some end otherwise.
    fn work_on(&mut self, bead: &BeadId) -> Result<Option<Member>, Failure> {
        if self.dice.once_in(40) {
            self.person(Command::CloseBead {
                bead: bead.clone(),
                outcome: Outcome::Done,
                why: "somebody did it already".to_owned(),
            })?;
            return Ok(None);
        }
        if self.dice.once_in(10) {
            self.attempt(bead)?;
            self.give_back(bead)?;
        }
        self.attempt(bead)?;
        let (head, summary) = (self.commit()?, self.dice.words(12));
        let epoch = self.epoch(bead)?;
        let by = Actor::Lease {
            bead: bead.clone(),
            epoch,
        };
        let command = Command::Submit {
            bead: bead.clone(),
            epoch,
            head: head.clone(),
            base: self.commit()?,
            summary,
            checks: vec![],
        };
        self.town.ask(&mut self.dice, &by, command)?;
        Ok(Some(Member {
            bead: bead.clone(),
            epoch,
            head,
        }))
    }

    /// Grants a bead and records what its run used, as often as the number of events asks for.
    fn attempt(&mut self, bead: &BeadId) -> Result<(), Failure> {
        let epoch = self.known(bead)?.epoch.next();
        let run = RunId::parse(&format!("{bead}.e{epoch}.work"))?;
        let by = Actor::Lease {
            bead: bead.clone(),
            epoch,
        };
        self.role(
            "crew",
            Command::Grant {
                bead: bead.clone(),
                seat: self.seat.clone(),
                epoch,
                reserved: Reserved::default(),
            },
        )?;
        let started = Command::Started {
            bead: bead.clone(),
            epoch,
            run: run.clone(),
            told: 0,
        };
        self.town.ask(&mut self.dice, &by, started)?;
        let done = self.town.graph().n_beads() as u64;
        let left = self.events.saturating_sub(self.town.events());
        let beads_left = self.beads.saturating_sub(done) + BEADS_A_GOAL;
        let spare = (left / beads_left).saturating_sub(EVENTS_A_BEAD).min(40);
        for sequence in 0..spare {
            self.town.later(20);
            let command = if self.dice.once_in(8) {
                Command::AddNote {
                    bead: bead.clone(),
                    text: self.dice.words(14),
                }
            } else {
                Command::RecordUsage {
                    bead: bead.clone(),
                    epoch,
                    usage: self.usage(&run, sequence + 1),
                }
            };
            self.town.ask(&mut self.dice, &by, command)?;
        }
        Ok(())
    }

    fn usage(&mut self, run: &RunId, sequence: u64) -> UsageDelta {
        UsageDelta {
            run: run.clone(),
            sequence,
            input: self.dice.below(4000),
            output: self.dice.below(1500),
            cache_read: self.dice.below(90_000),
            cache_write: self.dice.below(3000),
            usd_micros: self.dice.below(60_000),
            estimated: false,
            context: None,
        }
    }

    fn give_back(&mut self, bead: &BeadId) -> Result<(), Failure> {
        let epoch = self.epoch(bead)?;
        let by = Actor::Lease {
            bead: bead.clone(),
            epoch,
        };
        let why = Fault {
            class: FaultClass::Exit { code: 1 },
            text: "the agent ended with code 1".to_owned(),
            evidence: self.dice.words(60),
            run: None,
        };
        let command = Command::Return {
            bead: bead.clone(),
            epoch,
            why,
        };
        self.town.ask(&mut self.dice, &by, command)?;
        self.town.later(400);
        Ok(())
    }

    fn land(&mut self, members: &[Member]) -> Result<(), Failure> {
        let (commit, tree) = (self.commit()?, self.commit()?);
        let base = self
            .town
            .graph()
            .queue(&self.target())
            .and_then(|queue| queue.tip.clone());
        let base = base.map_or_else(|| self.commit(), Ok)?;
        let id = CandidateId::parse(&format!("c-{}", &commit.as_str()[28..]))?;
        let target = self.target();
        self.role(
            "refinery",
            Command::Form {
                id: id.clone(),
                target,
                base,
                members: members.to_vec(),
                commit: commit.clone(),
                tree,
                retry: 0,
            },
        )?;
        let gate = GateRun {
            gate: self.gate.clone(),
            commit,
            verdict: Verdict::Passed,
            detail: "exit 0".to_owned(),
            took_ms: 1000 + self.dice.below(90_000),
            run: RunId::parse(&format!("{id}.g0.test"))?,
            evidence: String::new(),
            code: None,
            output: String::new(),
            tests: None,
        };
        self.role(
            "refinery",
            Command::Judge {
                candidate: id.clone(),
                verdict: Verdict::Passed,
                gates: vec![gate],
            },
        )?;
        self.role("refinery", Command::Land { candidate: id })?;
        Ok(())
    }

    fn commit(&mut self) -> Result<Oid, Failure> {
        self.commits += 1;
        let (a, b) = (self.dice.bits(), self.dice.bits());
        Ok(Oid::parse(&format!(
            "{a:016x}{b:016x}{:08x}",
            self.commits
        ))?)
    }

    fn known(&self, bead: &BeadId) -> Result<&gtd_core::Bead, Failure> {
        let found = self.town.graph().bead(bead);
        Ok(found.ok_or_else(|| format!("{bead} is unknown"))?)
    }

    fn epoch(&self, bead: &BeadId) -> Result<gtd_core::Epoch, Failure> {
        match &self.known(bead)?.phase {
            Phase::Leased(lease) => Ok(lease.epoch),
            other => Err(format!("{bead} is {other:?}").into()),
        }
    }

    fn person(&mut self, command: Command) -> Result<Vec<Event>, Failure> {
        let by = Actor::Person("ada".to_owned());
        self.town.ask(&mut self.dice, &by, command)
    }

    fn role(&mut self, name: &str, command: Command) -> Result<Vec<Event>, Failure> {
        let by = Actor::Role(RoleName::parse(name)?);
        self.town.ask(&mut self.dice, &by, command)
    }
}

fn rules(gate: &GateName) -> RigRules {
    RigRules {
        prefix: "gt".to_owned(),
        branch: "main".to_owned(),
        gates: vec![gtd_core::Gate {
            name: gate.clone(),
            run: "make test".to_owned(),
            when: GateWhen::Merge,
            timeout_ms: 600_000,
            env: [].into(),
            affected: None,
            junit: None,
        }],
        worker: WorkerRules {
            breaker: 1_000_000,
            ..WorkerRules::default()
        },
        merge: MergeRules::default(),
        schedules: vec![],
        questions: gtd_core::QuestionRules::default(),
        discovery: gtd_core::DiscoveryRules::default(),
        budget: Default::default(),
        replans: Default::default(),
        policies: Default::default(),
    }
}
