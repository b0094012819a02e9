//! The people of the town: they set goals, change their minds, push, and, when
//! faults have stopped, do what `gtd why` tells them to.

use std::{
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};

use gtd_core::{
    Actor as Pen, Approval, BeadId, BeadSpec, Command, Criterion, Epoch, Fault, FaultClass, Gate,
    GateName, GateWhen, LandMode, Landing, MergeRules, Need, Oid, Outcome, PauseScope, Phase, Plan,
    PlannedBead, Priority, RigRules, RoleName, SeatName, Target, WorkerRules, explain,
};

use super::{
    git::{Change, Tree},
    runs::Temper,
    swarm::Accident,
    town::{Going, Sim, rig},
};

const MAIN: &str = "refs/heads/main";
const INTEGRATION: &str = "refs/heads/gtd/integration/main";
/// Files that beads change.
const FILES: u64 = 12;

/// What the people remember.
#[derive(Debug, Default)]
pub(super) struct Person {
    claims: Vec<Claim>,
    n_numbers: u16,
    n_pushes: u16,
    n_rules: u32,
    goals_to_open: u16,
}

/// A bead that a person works on by hand.
#[derive(Debug)]
struct Claim {
    bead: BeadId,
    epoch: Epoch,
    due: u64,
    vanishes: bool,
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

fn seat(text: &str) -> SeatName {
    SeatName::parse(text).expect("a plain word")
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
            },
            merge: MergeRules {
                batch: u32::try_from(self.rng.between(1, 5)).unwrap_or(1),
            },
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
    fn say_to_ledger(&mut self, command: Command) -> Going<bool> {
        Ok(self.tell(&me(), command)?.is_ok())
    }

    /// Draws what one more piece of work is like.
    fn new_work(&mut self) -> BeadSpec {
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
                title: String::new(),
                acceptance,
                beads,
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

    // --- Meddling -------------------------------------------------------------

    fn any_bead(&mut self) -> Option<BeadId> {
        let beads: Vec<BeadId> = self
            .graph
            .unfinished()
            .map(|bead| bead.id.clone())
            .collect();
        self.rng.pick(&beads).cloned()
    }

    fn any_scope(&mut self) -> PauseScope {
        let roles = ["crew", "worker", "refinery", "mayor", "witness"];
        match self.rng.below(4) {
            0 => PauseScope::Town,
            1 => PauseScope::Rig(rig()),
            2 => {
                let role = self.rng.pick(&roles).copied().unwrap_or("crew");
                PauseScope::Role(RoleName::parse(role).expect("a plain word"))
            }
            _ => self.any_bead().map_or(PauseScope::Town, PauseScope::Bead),
        }
    }

    fn meddle(&mut self) -> Going {
        let Some(bead) = self.any_bead() else {
            return Ok(());
        };
        let why = "so I say".to_owned();
        match self.rng.below(17) {
            0 | 1 => drop(self.say_to_ledger(Command::ParkBead { bead, why })?),
            2 | 3 => drop(self.say_to_ledger(Command::RetryBead { bead })?),
            4 => drop(self.say_to_ledger(Command::Cancel { bead, why })?),
            5 => {
                let outcome = if self.rng.chance(500) {
                    Outcome::Done
                } else {
                    Outcome::Cancelled
                };
                self.say_to_ledger(Command::CloseBead { bead, outcome, why })?;
            }
            6 => {
                let scope = self.any_scope();
                self.say_to_ledger(Command::Pause { scope, why })?;
            }
            7 | 8 => {
                let scope = self.any_scope();
                self.say_to_ledger(Command::Resume { scope })?;
            }
            9 => {
                self.world.freeze();
                self.say_to_ledger(Command::Stop { why })?;
            }
            10 => {
                self.world.thaw();
                self.say_to_ledger(Command::Thaw)?;
            }
            11 | 12 => self.claim(bead)?,
            13 => {
                let goals: Vec<BeadId> = self.graph.goals().map(|(id, _)| id.clone()).collect();
                if let Some(goal) = self.rng.pick(&goals).cloned() {
                    self.say_to_ledger(Command::RequestLanding { goal })?;
                }
            }
            14 => self.file_bead()?,
            15 => self.trust_again()?,
            _ => {
                if let Some(other) = self.any_bead() {
                    let need = Need::blocks(other);
                    if self.rng.chance(600) {
                        self.say_to_ledger(Command::Link { bead, need })?;
                    } else {
                        self.say_to_ledger(Command::Unlink { bead, need })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn file_bead(&mut self) -> Going {
        let spec = self.new_work();
        let goal = self
            .graph
            .open_goals()
            .next()
            .map(|(id, _)| id.clone())
            .filter(|_| self.rng.chance(700));
        self.say_to_ledger(Command::CreateBead {
            rig: rig(),
            goal,
            spec,
            needs: vec![],
        })?;
        Ok(())
    }

    fn trust_again(&mut self) -> Going {
        let Some(known) = self.graph.rig(&rig()) else {
            return Ok(());
        };
        let mut rules = known.rules.clone();
        rules.merge.batch = u32::try_from(self.rng.between(1, 6)).unwrap_or(1);
        rules.worker.max = u32::try_from(self.rng.between(1, 4)).unwrap_or(1);
        self.person.n_rules += 1;
        let digest = self.person.n_rules.to_string();
        self.say_to_ledger(Command::TrustRig {
            rig: rig(),
            rules,
            digest,
        })?;
        Ok(())
    }

    fn claim(&mut self, bead: BeadId) -> Going {
        // People like the names of stones as well.
        let name = self.rng.pick(&["ann", "quartz", "onyx"]).copied();
        let name = seat(name.unwrap_or("ann"));
        let command = Command::Claim {
            bead: bead.clone(),
            name: name.clone(),
        };
        let revision = self.graph.revision();
        if self.say_to_ledger(command)? && self.graph.revision() != revision {
            let epoch = self.graph.bead(&bead).map_or(Epoch(0), |bead| bead.epoch);
            let due = self.world.now + self.rng.between(5_000, 900_000);
            let vanishes = !self.is_calm && self.rng.chance(200);
            self.person.claims.push(Claim {
                bead,
                epoch,
                due,
                vanishes,
            });
        }
        Ok(())
    }

    fn keep_claims(&mut self) -> Going {
        let now = self.world.now;
        let (due, rest): (Vec<Claim>, Vec<Claim>) = std::mem::take(&mut self.person.claims)
            .into_iter()
            .partition(|claim| claim.due <= now);
        self.person.claims = rest;
        for claim in due {
            if !claim.vanishes {
                self.end_claim(&claim)?;
            }
        }
        Ok(())
    }

    fn end_claim(&mut self, claim: &Claim) -> Going {
        let pen = Pen::Lease {
            bead: claim.bead.clone(),
            epoch: claim.epoch,
        };
        let command = match self.rng.below(4) {
            0 => Command::Return {
                bead: claim.bead.clone(),
                epoch: claim.epoch,
                why: Fault {
                    class: FaultClass::GivenBack,
                    text: "I have no time".to_owned(),
                    evidence: String::new(),
                    run: None,
                },
            },
            1 => Command::Finish {
                bead: claim.bead.clone(),
                epoch: claim.epoch,
                outcome: Outcome::Done,
                why: "I did it elsewhere".to_owned(),
            },
            _ => match self.work_by_hand(claim) {
                Some(command) => command,
                None => return Ok(()),
            },
        };
        drop(self.tell(&pen, command)?);
        Ok(())
    }

    /// Makes the commit that a claimant hands in.
    fn work_by_hand(&mut self, claim: &Claim) -> Option<Command> {
        let bead = self.graph.bead(&claim.bead)?;
        let number = super::world::number_of(bead.spec.run.as_deref()?)?;
        let target = self.graph.target_of(bead)?;
        let refs = &self.world.git.refs;
        let base = refs.get(&target.r#ref).or_else(|| refs.get(MAIN))?.clone();
        let mut tree = self.world.git.tree(&base);
        for file in self.world.files.get(&number)? {
            Rc::make_mut(&mut tree)
                .entry(*file)
                .or_default()
                .insert(Change::Aware(number));
        }
        if tree == self.world.git.tree(&base) {
            return None;
        }
        let run = gtd_core::RunId::parse(&format!("{}.e{}.claim", claim.bead, claim.epoch)).ok()?;
        let authors = Rc::new(BTreeSet::from([run]));
        let head = self.world.git.commit(&[&base], tree, authors, "by hand");
        Some(Command::Submit {
            bead: claim.bead.clone(),
            epoch: claim.epoch,
            head,
            base,
            summary: "by hand".to_owned(),
        })
    }

    // --- Obeying --------------------------------------------------------------

    /// Does for each bead that needs a person what `gtd why` says is next.
    fn obey_all(&mut self) -> Going {
        if self.is_calm || self.rng.chance(150) {
            self.mend();
        }
        self.wait_for_landings()?;
        let ids: Vec<BeadId> = self.graph.unfinished().map(|b| b.id.clone()).collect();
        for id in ids {
            let Some(why) = explain(&self.graph, &self.board, &id, self.now()) else {
                continue;
            };
            if why.clears_by_itself || self.graph.bead(&id).is_none_or(|b| b.phase.is_finished()) {
                continue;
            }
            let next = why.next.iter().map(|step| step.cmd.clone()).collect();
            let is_taken = self.follow(next)?;
            if !is_taken {
                return Err(format!(
                    "{id} needs a person, and nothing of what is next helps: {:?} {:?}",
                    why.chain, why.next
                ));
            }
        }
        Ok(())
    }

    /// Somebody who asked for a landing and sees no end of it looks at what is paused; and
    /// nobody leaves everything stopped for ever.
    fn wait_for_landings(&mut self) -> Going {
        let done: Vec<BeadId> = self
            .graph
            .goals()
            .filter(|(id, goal)| {
                goal.landing == Landing::Unasked
                    && goal.target.mode == LandMode::Integration
                    && self.graph.bead(id).is_some_and(|bead| bead.phase.is_good())
            })
            .map(|(id, _)| id.clone())
            .collect();
        for goal in done {
            self.say_to_ledger(Command::RequestLanding { goal })?;
        }
        let waits = self
            .graph
            .goals()
            .any(|(_, goal)| matches!(goal.landing, Landing::Asked { .. }));
        if self.is_calm && self.graph.stop().is_some() {
            self.obey("gtd resume --all")?;
        }
        if waits && self.graph.is_role_paused("refinery") {
            self.obey("gtd resume refinery")?;
        }
        Ok(())
    }

    /// Tries what is advised, in order; one advice may be to ask why of something else.
    fn follow(&mut self, advice: Vec<String>) -> Going<bool> {
        let mut open: VecDeque<String> = advice.into();
        let mut asked = BTreeSet::new();
        while let Some(line) = open.pop_front() {
            let other = line
                .strip_prefix("gtd why ")
                .and_then(|id| BeadId::parse(id).ok())
                .filter(|id| asked.insert(id.clone()));
            if let Some(other) = other {
                let why = explain(&self.graph, &self.board, &other, self.now());
                open.extend(
                    why.into_iter()
                        .flat_map(|why| why.next)
                        .map(|step| step.cmd),
                );
            } else if self.obey(&line)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Runs a command line of `gtd`; true when the ledger took it.
    fn obey(&mut self, line: &str) -> Going<bool> {
        self.say(&format!("ann: {line}"));
        let id = |text: &str| BeadId::parse(text).map_err(|error| error.to_string());
        let words: Vec<&str> = line.split(' ').collect();
        let why = "it was advised".to_owned();
        let command = match words.as_slice() {
            ["gtd", "resume", "--all"] => {
                self.world.thaw();
                Command::Thaw
            }
            ["gtd", "resume"] => Command::Resume {
                scope: PauseScope::Town,
            },
            ["gtd", "resume", scope] => Command::Resume {
                scope: self.scope(scope)?,
            },
            ["gtd", "bead", "retry", bead] => Command::RetryBead { bead: id(bead)? },
            ["gtd", "bead", "close", bead, ..] => Command::CloseBead {
                bead: id(bead)?,
                outcome: Outcome::Cancelled,
                why,
            },
            ["gtd", "bead", "dep", "rm", bead, "--needs", on] => Command::Unlink {
                bead: id(bead)?,
                need: Need::blocks(id(on)?),
            },
            ["gtd", "bead", "claim", bead] => {
                let bead = id(bead)?;
                self.claim(bead.clone())?;
                let phase = self.graph.bead(&bead).map(|bead| &bead.phase);
                return Ok(matches!(phase, Some(Phase::Leased(_))));
            }
            ["gtd", "approve", goal] => Command::ApprovePlan { goal: id(goal)? },
            ["gtd", "stop", bead] => Command::Cancel {
                bead: id(bead)?,
                why,
            },
            // A look changes nothing.
            ["gtd", "why" | "ps" | "logs" | "convoy", ..] => return Ok(false),
            _ => return Err(format!("nobody can run `{line}`")),
        };
        self.say_to_ledger(command)
    }

    fn scope(&self, text: &str) -> Going<PauseScope> {
        if text == rig().as_str() {
            return Ok(PauseScope::Rig(rig()));
        }
        if let Ok(bead) = BeadId::parse(text)
            && self.graph.bead(&bead).is_some()
        {
            return Ok(PauseScope::Bead(bead));
        }
        RoleName::parse(text)
            .map(PauseScope::Role)
            .map_err(|error| error.to_string())
    }

    // --- The repository -------------------------------------------------------

    /// Takes what breaks the build off every target.
    fn mend(&mut self) {
        for name in [MAIN, INTEGRATION] {
            let Some(tip) = self.world.git.refs.get(name).cloned() else {
                continue;
            };
            let mut tree = self.world.git.tree(&tip);
            let n = tree.len();
            Rc::make_mut(&mut tree).retain(|_, set| !set.contains(&Change::Red));
            if tree.len() != n {
                self.push(name, &tip, tree, "mends");
            }
        }
    }

    fn push(&mut self, name: &str, tip: &Oid, tree: Tree, what: &str) {
        self.person.n_pushes += 1;
        let label = format!("push {}", self.person.n_pushes);
        let new = self.world.git.commit(&[tip], tree, Rc::default(), &label);
        self.say(&format!("ann {what} {name}: {}", new.short()));
        self.world.git.refs.insert(name.to_owned(), new);
        self.world.version += 1;
    }

    fn push_some(&mut self, is_red: bool) {
        let name = if self.rng.chance(650) {
            MAIN
        } else {
            INTEGRATION
        };
        let Some(tip) = self.world.git.refs.get(name).cloned() else {
            return;
        };
        let mut tree = self.world.git.tree(&tip);
        let (file, change) = if is_red {
            (200, Change::Red)
        } else {
            let file = u8::try_from(self.rng.below(FILES)).unwrap_or(0);
            (file, Change::Push(self.person.n_pushes))
        };
        Rc::make_mut(&mut tree)
            .entry(file)
            .or_default()
            .insert(change);
        self.push(name, &tip, tree, "pushes to");
    }

    // --- Accidents ------------------------------------------------------------

    pub(super) fn step_accident(&mut self) -> Going {
        let every = self.swarm.accident_every.max(1_000);
        self.accident_at = self.world.now + 1 + self.rng.below(2 * every);
        let total = self.swarm.accidents.iter().map(|(_, often)| often).sum();
        let mut drawn = self.rng.below(total);
        let mut accident = None;
        for (kind, often) in &self.swarm.accidents {
            if drawn < *often {
                accident = Some(*kind);
                break;
            }
            drawn -= often;
        }
        match accident {
            None => {}
            Some(Accident::Crash) if self.is_away() => {}
            Some(Accident::Crash) => {
                let forgets = self.rng.chance(700);
                self.crash(forgets, "the daemon dies")?;
            }
            Some(Accident::Reboot) => {
                for run in self.world.live() {
                    self.world.lose(&run, false);
                }
                if !self.is_away() {
                    self.crash(true, "the machine reboots")?;
                }
            }
            Some(Accident::ShimLost) => {
                let live = self.world.live();
                if let Some(run) = self.rng.pick(&live).cloned() {
                    let survivors = self.rng.chance(500);
                    self.say(&format!("the shim of {run} dies, survivors: {survivors}"));
                    self.world.lose(&run, survivors);
                }
            }
            Some(Accident::Clock) => {
                let jump = if self.rng.chance(500) {
                    8 * 3_600_000
                } else {
                    -3_600_000
                };
                self.say(&format!("the clock jumps by {jump}"));
                self.skew += jump;
            }
            Some(Accident::Push) => self.push_some(false),
            Some(Accident::PushRed) => self.push_some(true),
            Some(Accident::Hold) => {
                if self.world.held.is_empty() {
                    let name = if self.rng.chance(500) {
                        MAIN
                    } else {
                        INTEGRATION
                    };
                    self.say(&format!("{name} is checked out"));
                    self.world.held.insert(name.to_owned());
                } else {
                    self.world.held.clear();
                }
            }
            Some(Accident::Short) => self.world.is_short = !self.world.is_short,
            Some(Accident::Failing) => {
                let parts = ["worktree", "run", "ref", "commit", "stop", "land"];
                self.world.failing = match self.world.failing {
                    Some(_) => None,
                    None => self.rng.pick(&parts).map(|part| (*part).to_owned()),
                };
            }
        }
        Ok(())
    }

    /// Tells whether submissions for a branch that nobody holds wait for one that somebody does.
    pub(super) fn held_up(&self) -> Option<String> {
        const LONG: std::time::Duration = std::time::Duration::from_mins(40);
        let waits = self.graph.unfinished().find(|bead| {
            let Some(target) = self.graph.target_of(bead) else {
                return false;
            };
            let stands = self.graph.queue(&target).is_some_and(|q| q.halt.is_some());
            matches!(bead.phase, Phase::Submitted { .. })
                && !self.world.held.contains(&target.r#ref)
                && !stands
                && self.now().since(bead.since) > LONG
        })?;
        Some(format!(
            "{} waits for what it has nothing to do with",
            waits.id
        ))
    }

    /// Ends all accidents, but that somebody has a branch checked out.
    pub(super) fn calm_down(&mut self) {
        self.say("from here on nothing goes wrong by accident");
        self.is_calm = true;
        self.accident_at = u64::MAX;
        self.person_at = self.world.now + 1;
        self.world.is_short = false;
        self.world.failing = None;
        self.world.luck.infra = 0;
        self.world.luck.hang = 0;
    }
}
