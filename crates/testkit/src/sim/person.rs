//! The people of the town: they found it and set goals. What else they do is in
//! the files beside: [`meddle`](super::meddle), [`obey`](super::obey) and
//! [`claims`](super::claims).

use std::{collections::BTreeSet, rc::Rc};

use gtd_core::{
    Actor as Pen, Approval, BeadSpec, Command, Criterion, Gate, GateName, GateWhen, LandMode,
    MergeRules, Plan, PlannedBead, Priority, RigRules, Target, WorkerRules,
};

use super::{
    claims::Claim,
    git::Tree,
    runs::Temper,
    town::{Going, Sim, rig},
};

pub(super) const MAIN: &str = "refs/heads/main";
pub(super) const INTEGRATION: &str = "refs/heads/gtd/integration/main";
/// Files that beads change.
pub(super) const FILES: u64 = 12;

/// What the people remember.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub(super) claims: Vec<Claim>,
    n_numbers: u16,
    pub(super) n_pushes: u16,
    pub(super) n_rules: u32,
    goals_to_open: u16,
}

impl Person {
    /// Tells whether all that is wanted of the town has been said.
    pub(super) fn has_done(&self) -> bool {
        self.goals_to_open == 0
    }
}

fn me() -> Pen {
    Pen::Person("ann".to_owned())
}

fn target(mode: LandMode) -> Target {
    Target {
        rig: rig(),
        r#ref: match mode {
            LandMode::Local => MAIN,
            _ => INTEGRATION,
        }
        .to_owned(),
        mode,
        branch: "main".to_owned(),
    }
}

fn gate(name: &str, when: GateWhen) -> Gate {
    Gate {
        name: GateName::parse(name).expect("a plain word"),
        run: name.to_owned(),
        when,
        timeout_ms: 300_000,
        env: std::collections::BTreeMap::new(),
        affected: None,
        junit: None,
    }
}

impl Sim {
    /// Founds the town: a repository, a rig, and what is wanted.
    pub(super) fn found(&mut self) -> Going {
        let mut tree = Tree::default();
        for file in 0..u8::try_from(FILES).unwrap_or(u8::MAX) {
            Rc::make_mut(&mut tree).insert(file, BTreeSet::new());
        }
        let root = self.world.git.commit(&[], tree, Rc::default(), "root");
        self.world.git.refs.insert(MAIN.to_owned(), root);
        let mut gates = vec![gate("test", GateWhen::Merge)];
        if self.rng.chance(400) {
            gates.push(gate("lint", GateWhen::Merge));
        }
        if self.rng.chance(250) {
            gates.push(gate("quick", GateWhen::Both));
        }
        if self.rng.chance(200) {
            gates.push(gate("whole", GateWhen::Goal));
        }
        let rules = RigRules {
            prefix: "r".to_owned(),
            branch: "main".to_owned(),
            gates,
            worker: WorkerRules {
                max: u32::try_from(self.rng.between(1, 4)).unwrap_or(1),
                attempts: u32::try_from(self.rng.between(1, 3)).unwrap_or(1),
                backoff_ms: self.rng.between(0, 2) * 5_000,
                silence_ms: 60_000,
                limit_ms: 1_800_000,
                repeats: 50,
                breaker: u32::try_from(self.rng.between(0, 8)).unwrap_or(0),
                ..WorkerRules::default()
            },
            merge: MergeRules {
                batch: u32::try_from(self.rng.between(1, 5)).unwrap_or(1),
                test_guard: gtd_core::GuardPolicy::List,
                ..MergeRules::default()
            },
            schedules: vec![],
            questions: gtd_core::QuestionRules::default(),
            discovery: gtd_core::DiscoveryRules::default(),
            budget: Default::default(),
            replans: Default::default(),
            policies: Default::default(),
        };
        self.say_to_ledger(Command::TrustRig {
            rig: rig(),
            rules,
            digest: "0".to_owned(),
        })?;
        self.person.goals_to_open = u16::try_from(self.rng.between(1, 2)).unwrap_or(1);
        self.open_goal()?;
        self.person_at = self.world.now + 1 + self.rng.below(20_000);
        self.accident_at = self.world.now + 1 + self.rng.below(30_000);
        if !self.options.faults {
            self.accident_at = u64::MAX;
        }
        Ok(())
    }

    /// Tells the ledger as a person; true when it was taken.
    pub(super) fn say_to_ledger(&mut self, command: Command) -> Going<bool> {
        Ok(self.tell(&me(), command)?.is_ok())
    }

    /// Draws what one more piece of work is like.
    pub(super) fn new_work(&mut self) -> BeadSpec {
        let number = self.person.n_numbers;
        self.person.n_numbers += 1;
        let file = |sim: &mut Self| u8::try_from(sim.rng.below(FILES)).unwrap_or(0);
        let mut files = vec![file(self)];
        if self.rng.chance(300) {
            let second = file(self);
            files.push(second);
        }
        self.world.files.insert(number, files);
        let n_bad = self.rng.below(self.swarm.bad_attempts + 1);
        let rush = self.swarm.rush;
        self.world.tempers.insert(number, Temper { n_bad, rush });
        if number > 0 && self.rng.chance(250) {
            let other = u16::try_from(self.rng.below(u64::from(number))).unwrap_or(0);
            self.world.git.clashes.push((other, number));
        }
        let mut spec = BeadSpec {
            title: format!("Work {number}"),
            run: Some(format!("work {number}")),
            ..BeadSpec::default()
        };
        let urgency = u8::try_from(self.rng.below(5)).unwrap_or(2);
        spec.priority = Priority::new(urgency).unwrap_or_default();
        if self.rng.chance(450) {
            spec.acceptance.push(Criterion {
                text: "the work is there".to_owned(),
                check: Some(format!("check {number}")),
            });
        }
        spec
    }

    fn open_goal(&mut self) -> Going {
        self.person.goals_to_open -= 1;
        let mode = if self.rng.chance(500) {
            LandMode::Local
        } else {
            LandMode::Integration
        };
        let n_beads = self.rng.between(1, u64::from(self.options.beads.max(1)));
        let mut beads: Vec<PlannedBead> = Vec::new();
        for _ in 0..n_beads {
            let local_id = format!("b{}", self.person.n_numbers);
            let spec = self.new_work();
            let needs = beads
                .iter()
                .map(|bead| bead.local_id.clone())
                .filter(|_| self.rng.chance(90))
                .collect();
            beads.push(PlannedBead {
                local_id,
                spec,
                needs,
            });
        }
        let acceptance = if self.rng.chance(300) {
            vec![Criterion {
                text: "all of it is green".to_owned(),
                check: Some("accept".to_owned()),
            }]
        } else {
            vec![]
        };
        let max = self.rng.chance(200).then_some(1);
        let approval = if self.rng.chance(200) {
            Approval::Needed
        } else {
            Approval::NotNeeded
        };
        self.say_to_ledger(Command::OpenGoal {
            spec: BeadSpec {
                title: format!("Goal {}", self.person.n_numbers),
                ..BeadSpec::default()
            },
            target: target(mode),
            max,
            until: None,
            plan: Some(Plan {
                acceptance,
                beads,
                ..Plan::default()
            }),
            approval,
        })?;
        Ok(())
    }

    pub(super) fn step_person(&mut self) -> Going {
        if self.is_calm {
            self.person_at = self.world.now + 20_000 + self.rng.below(60_000);
        } else {
            let every = self.swarm.person_every.max(5_000);
            self.person_at = self.world.now + 1 + self.rng.below(2 * every);
        }
        if self.is_away() {
            return Ok(());
        }
        self.keep_claims()?;
        if self.person.goals_to_open > 0 && (self.is_calm || self.rng.chance(300)) {
            return self.open_goal();
        }
        if self.is_calm || !self.options.faults || self.rng.chance(300) {
            self.obey_all()
        } else {
            self.meddle()
        }
    }
}
