//! The town: the log, the mirrors, the roles, and who does the next step.
//!
//! One thread, one source of chance. Whatever is next by time does one step:
//! a role, a process, a person, or an accident.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    rc::Rc,
};

use gtd_core::{
    Actor as Pen, Ask, Command, Envelope, Event, Graph, HostName, Observations, Rejection,
    Revision, RigName, RoleName, RuntimeName, Timestamp, WaitReason, decide, explain,
};
use gtd_plan::{Crew, Effect, Mayor, Plan, Refinery, Seen, Step, Witness, Worker};

use super::{
    actor::{AGAIN, BUSY, IDLE, ROUNDS, Role, Stage},
    checks::Checks,
    git::Git,
    hands::Failure,
    options::{Broken, Options, Outcome},
    rng::Rng,
    runs::{GateLuck, State},
    swarm::Swarm,
    trace::Trace,
    world::World,
};

/// When the simulated town begins, by its wall clock.
const BEGIN: i64 = 1_767_225_600_000;
/// How many mirrors the roles look through.
const MIRRORS: usize = 3;
/// How often the deacon looks for runs that nobody has a claim on, in milliseconds.
const ERRANDS: u64 = 60_000;
/// Steps after the last fault in which everything must end.
const CALM_STEPS: u32 = 60_000;
/// For how long a branch stays checked out after the last fault, in milliseconds.
const HELD: u64 = 90 * 60_000;
/// The same plan so often in a row, with nothing changed, is a plan for ever.
const SAME_MAX: u32 = 40;

/// A whole town.
pub(super) struct Sim {
    pub(super) options: Options,
    pub(super) tick: u32,
    pub(super) rng: Rng,
    pub(super) world: World,
    pub(super) trace: Trace,
    pub(super) graph: Graph,
    log: Vec<Envelope>,
    mirrors: Vec<Rc<Graph>>,
    pub(super) board: Observations,
    /// How far the wall clock is from the monotonic one.
    pub(super) skew: i64,
    roles: BTreeMap<String, Role>,
    pub(super) swarm: Swarm,
    /// When the daemon or the host is back, while it is away.
    away: Option<u64>,
    staff_at: Option<u64>,
    errands_at: u64,
    pub(super) person_at: u64,
    pub(super) accident_at: u64,
    /// Whether faults have stopped.
    pub(super) is_calm: bool,
    checks: Checks,
    pub(super) person: super::person::Person,
    pub(super) crashes: u32,
}

/// Goes on, or tells which promise is broken.
pub(super) type Going<T = ()> = Result<T, String>;

/// Names the rig of the town.
pub(super) fn rig() -> RigName {
    RigName::parse("r").expect("a letter")
}

fn host() -> HostName {
    HostName::parse("local").expect("a plain word")
}

fn role_name(text: &str) -> RoleName {
    RoleName::parse(text).expect("a plain word")
}

impl Sim {
    fn new(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::new(seed);
        let swarm = if options.faults {
            Swarm::draw(&mut rng)
        } else {
            Swarm::default()
        };
        let world = World {
            seed,
            now: 0,
            git: Git::default(),
            slots: BTreeMap::new(),
            runs: BTreeMap::new(),
            at_work: BTreeSet::new(),
            snapshots: Vec::new(),
            frozen: None,
            held: BTreeSet::new(),
            is_short: false,
            failing: None,
            luck: GateLuck {
                infra: swarm.gate_infra,
                hang: swarm.gate_hang,
                slow: swarm.slow_gates,
            },
            tempers: BTreeMap::new(),
            files: BTreeMap::new(),
            adopts: options.adopt_first,
            memory: HashMap::new(),
            assemblies: BTreeMap::new(),
            version: 0,
            written: Vec::new(),
            broken: None,
            said: Vec::new(),
        };
        Self {
            options: options.clone(),
            tick: 0,
            rng,
            world,
            trace: Trace::new(options.whole_trace),
            graph: Graph::default(),
            log: Vec::new(),
            mirrors: vec![Rc::default(); MIRRORS],
            board: Observations::default(),
            skew: 0,
            roles: BTreeMap::new(),
            swarm,
            away: None,
            staff_at: None,
            errands_at: 0,
            person_at: 0,
            accident_at: 0,
            is_calm: false,
            checks: Checks::default(),
            person: super::person::Person::default(),
            crashes: 0,
        }
    }

    /// Returns the moment by the wall clock.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp(BEGIN + i64::try_from(self.world.now).unwrap_or(i64::MAX) + self.skew)
    }

    pub(super) fn say(&mut self, text: &str) {
        self.trace.note(self.tick, self.world.now, text);
    }

    // --- The ledger ----------------------------------------------------------

    /// Tells the ledger; the answer is the revision, or why not.
    pub(super) fn tell(
        &mut self,
        by: &Pen,
        command: Command,
    ) -> Going<Result<Option<Revision>, Rejection>> {
        let ask = Ask {
            by: by.clone(),
            request: None,
            expected: None,
            command,
        };
        let now = self.now();
        let events = match decide(&self.graph, &ask, now) {
            Ok(events) => events,
            Err(rejection) => {
                let word = word_of(&ask.command);
                self.say(&format!("{by}: {word} refused: {rejection}"));
                return Ok(Err(rejection));
            }
        };
        let wrote = !events.is_empty();
        for event in events {
            self.append(Envelope {
                at: now,
                by: by.clone(),
                request: None,
                cause: None,
                event,
            })?;
        }
        Ok(Ok(wrote.then(|| self.graph.revision())))
    }

    fn append(&mut self, envelope: Envelope) -> Going {
        let revision = self.graph.revision().next();
        self.graph.apply(revision, &envelope);
        self.say(&format!("r{revision} {}", brief(&envelope)));
        self.checks.event(&self.world, &self.graph, &envelope)?;
        if !self.graph.index_is_true() {
            return Err(format!("the index is untrue after {}", brief(&envelope)));
        }
        if matches!(envelope.event, Event::LeaseGranted { .. }) {
            self.staff_soon();
        }
        self.log.push(envelope);
        if self.log.len().is_multiple_of(3) {
            self.explain_all()?;
        }
        self.wake_all(200, 950);
        Ok(())
    }

    /// Everything that has not ended has a reason, and one that needs a person names a way.
    pub(super) fn explain_all(&self) -> Going {
        for bead in self.graph.unfinished() {
            let Some(why) = explain(&self.graph, &self.board, &bead.id, self.now()) else {
                return Err(format!("nobody can explain {}", bead.id));
            };
            if why.chain.is_empty() || why.chain.iter().any(|c| c.code == WaitReason::Unknown) {
                return Err(format!("{} waits for an unknown reason", bead.id));
            }
            if !why.clears_by_itself && why.next.is_empty() {
                return Err(format!("{} needs a person and names no way", bead.id));
            }
        }
        Ok(())
    }

    /// Loses the graph and makes it anew from the log, as a daemon does at its start.
    fn replay(&mut self) -> Going {
        let mut replayed = Graph::default();
        for (index, envelope) in self.log.iter().enumerate() {
            let revision = Revision(u64::try_from(index).unwrap_or(u64::MAX) + 1);
            replayed.apply(revision, envelope);
        }
        if replayed != self.graph {
            return Err("the log folds to another graph".to_owned());
        }
        self.graph = replayed;
        Ok(())
    }

    fn catch_up(&mut self, mirror: usize, to: Revision) {
        let from = self.mirrors[mirror].revision();
        if from >= to {
            return;
        }
        let graph = Rc::make_mut(&mut self.mirrors[mirror]);
        for revision in from.0 + 1..=to.0 {
            let index = usize::try_from(revision - 1).expect("the log fits in memory");
            graph.apply(Revision(revision), &self.log[index]);
        }
    }

    // --- Who is there ---------------------------------------------------------

    fn open(&mut self) {
        let at = self.world.now;
        self.away = None;
        for mirror in 0..MIRRORS {
            self.catch_up(mirror, self.graph.revision());
        }
        let refinery = Refinery { rig: rig() };
        let witness = Witness { host: host() };
        let crew = Crew {
            host: host(),
            runtimes: BTreeSet::from([RuntimeName::parse("shell").expect("a word")]),
        };
        self.hire("mayor", Role::new(Box::new(Mayor), pen("mayor"), at, 0));
        self.hire("crew", Role::new(Box::new(crew), pen("crew"), at, 1));
        self.hire(
            "witness",
            Role::new(Box::new(witness), pen("witness"), at, 2),
        );
        self.hire(
            "refinery",
            Role::new(Box::new(refinery), pen("refinery"), at, 0),
        );
        self.errands_at = at;
        self.staff_soon();
    }

    fn hire(&mut self, name: &str, role: Role) {
        self.roles.insert(name.to_owned(), role);
    }

    fn staff_soon(&mut self) {
        if self.away.is_none() {
            let at = self.world.now + self.rng.below(30);
            self.staff_at = Some(self.staff_at.map_or(at, |known| known.min(at)));
        }
    }

    /// Sees to it that every lease has its worker.
    fn staff(&mut self) {
        self.staff_at = None;
        let mirror = usize::try_from(self.rng.below(3)).unwrap_or(0);
        self.catch_up(mirror, self.graph.revision());
        let leases: Vec<_> = self.mirrors[mirror]
            .leased()
            .filter_map(|bead| {
                let lease = bead.phase.lease()?;
                matches!(lease.holder, gtd_core::Holder::Seat { .. })
                    .then(|| (bead.id.clone(), lease.epoch))
            })
            .collect();
        for (bead, epoch) in leases {
            let name = format!("worker.{bead}.e{epoch}");
            if self.roles.contains_key(&name) {
                continue;
            }
            let worker = Worker {
                bead: bead.clone(),
                epoch,
                host: host(),
            };
            let pen = Pen::Lease {
                bead: bead.clone(),
                epoch,
            };
            let mut role = Role::new(Box::new(worker), pen, self.world.now, mirror);
            role.lease = Some((bead, epoch));
            role.last_write = self.mirrors[mirror].revision();
            self.roles.insert(name, role);
        }
    }

    /// Ends all roles. Their memory is gone; with `forgets` so is that of the hands.
    pub(super) fn crash(&mut self, forgets: bool, what: &str) -> Going {
        self.say(what);
        self.crashes += 1;
        self.roles.clear();
        self.staff_at = None;
        self.board = Observations::default();
        if forgets {
            self.world.memory.clear();
            self.world.assemblies.clear();
        }
        self.replay()?;
        let away = if self.rng.chance(850) {
            self.rng.between(50, 3_000)
        } else {
            self.rng.between(3_000, 300_000)
        };
        self.away = Some(self.world.now + away);
        Ok(())
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    fn wake_all(&mut self, within: u64, per_mille: u64) {
        for role in self.roles.values_mut() {
            if self.rng.chance(per_mille) {
                role.wake(self.world.now + 1 + self.rng.below(within));
            }
        }
    }

    // --- One pass -------------------------------------------------------------

    fn step_role(&mut self, name: &str) -> Going {
        let Some(mut role) = self.roles.remove(name) else {
            return Ok(());
        };
        let stage = std::mem::replace(&mut role.stage, Stage::Asleep);
        let pause = 1 + self.rng.below(8);
        role.at = self.world.now + pause;
        if !self.is_calm && self.rng.chance(self.swarm.sleeps) {
            role.at += self.rng.between(1_000, 600_000);
            role.stage = stage;
            self.roles.insert(name.to_owned(), role);
            return Ok(());
        }
        let stays = match stage {
            Stage::Asleep => {
                let seen = self.begin_pass(&mut role);
                self.look(name, &mut role, seen, VecDeque::new(), 0)?
            }
            Stage::Looking { seen, open, rounds } => {
                self.look(name, &mut role, seen, open, rounds)?
            }
            Stage::Taking { plan, next } => self.take(name, &mut role, plan, next)?,
        };
        // A crash in the middle of the step ended it.
        if stays && !self.is_away() {
            self.roles.insert(name.to_owned(), role);
        }
        Ok(())
    }

    fn begin_pass(&mut self, role: &mut Role) -> Seen {
        let mirror = &self.mirrors[role.mirror];
        let head = self.graph.revision();
        let least = mirror.revision().max(role.last_write);
        let to = if self.rng.chance(800) {
            head
        } else {
            Revision(self.rng.between(least.0, head.0))
        };
        self.catch_up(role.mirror, to);
        Seen::at(self.mirrors[role.mirror].revision())
    }

    fn look(
        &mut self,
        name: &str,
        role: &mut Role,
        mut seen: Seen,
        mut open: VecDeque<gtd_plan::Question>,
        mut rounds: usize,
    ) -> Going<bool> {
        // The mirror may have moved on since the pass began.
        let graph = self.mirrors[role.mirror].clone();
        // In the calm a role mostly looks at everything in one go: that takes fewer steps.
        let most = if self.is_calm && self.rng.chance(800) {
            u64::MAX
        } else {
            1 + self.rng.below(4)
        };
        let mut n = 0;
        loop {
            if open.is_empty() {
                let asked = if rounds < ROUNDS {
                    role.planner.look(&graph, &seen, self.now())
                } else {
                    Vec::new()
                };
                rounds += 1;
                open.extend(asked.into_iter().filter(|question| !seen.knows(question)));
                if open.is_empty() {
                    return self.plan(name, role, &graph, &seen);
                }
            }
            if n == most {
                break;
            }
            if let Some(question) = open.pop_front() {
                n += 1;
                let answer = self.world.see(&question);
                seen.put(question, answer);
            }
        }
        role.stage = Stage::Looking { seen, open, rounds };
        Ok(true)
    }

    fn plan(&mut self, name: &str, role: &mut Role, graph: &Graph, seen: &Seen) -> Going<bool> {
        let plan = role.planner.plan(graph, seen, self.now());
        self.board.publish(name, plan.observations.clone());
        if plan.steps.is_empty() {
            role.last_plan = None;
            role.quiet_at = Some(graph.revision());
            let is_over = role.lease.as_ref().is_some_and(|(bead, epoch)| {
                graph
                    .bead(bead)
                    .and_then(|bead| bead.phase.lease())
                    .is_none_or(|lease| lease.epoch != *epoch)
            });
            if is_over {
                self.board.publish(name, Vec::new());
                return Ok(false);
            }
            let wait = if seen.live_runs().next().is_some() {
                BUSY
            } else {
                IDLE
            };
            self.sleep(role, graph, wait);
            return Ok(true);
        }
        role.quiet_at = None;
        self.watch_for_circles(name, role, &plan)?;
        role.stage = Stage::Taking { plan, next: 0 };
        Ok(true)
    }

    /// A role that plans the same again and again, with nothing changed, never ends.
    fn watch_for_circles(&mut self, name: &str, role: &mut Role, plan: &Plan) -> Going {
        let (n, revision, version) = role.same;
        let is_same = self.is_calm
            && role.last_plan.as_ref() == Some(plan)
            && revision == self.graph.revision()
            && version == self.world.version;
        let n = if is_same { n + 1 } else { 0 };
        role.same = (n, self.graph.revision(), self.world.version);
        if n > SAME_MAX && self.world.frozen.is_none() && self.world.held.is_empty() {
            return Err(format!("{name} plans the same for ever: {:?}", plan.steps));
        }
        Ok(())
    }

    fn sleep(&mut self, role: &mut Role, graph: &Graph, wait: u64) {
        let now = self.now();
        let due = graph.next_due(now).map_or(u64::MAX, |due| {
            u64::try_from(due.since(now).as_millis()).unwrap_or(u64::MAX) + 1
        });
        role.stage = Stage::Asleep;
        role.at = self.world.now + wait.min(due).max(1);
    }

    fn take(&mut self, name: &str, role: &mut Role, plan: Plan, next: usize) -> Going<bool> {
        let Some(step) = plan.steps.get(next).cloned() else {
            let repeats = role.last_plan.as_ref() == Some(&plan);
            role.last_plan = Some(plan);
            let wait = if repeats { AGAIN } else { 0 };
            let graph = self.mirrors[role.mirror].clone();
            self.sleep(role, &graph, wait);
            return Ok(true);
        };
        let fault = if self.is_calm {
            StepFault::None
        } else {
            self.swarm.step_fault(&mut self.rng)
        };
        if fault == StepFault::Lost {
            self.say(&format!("{name}: a step is lost: {}", step_word(&step)));
            return Ok(self.fail(role, plan));
        }
        if fault == StepFault::Half
            && let Step::Do(Effect::EnsureRun(order)) = &step
            && self.world.frozen.is_none()
        {
            self.world.prepare(order);
            self.crash(true, &format!("{name}: the launcher of {} dies", order.run))?;
            return Ok(false);
        }
        let times = if fault == StepFault::Twice { 2 } else { 1 };
        let mut outcome = Ok(());
        for time in 0..times {
            let before = self.graph.revision();
            outcome = self.take_step(name, role, &step)?;
            let is_repeat = time == 1 && outcome.is_ok();
            if is_repeat && matches!(step, Step::Tell(_)) && self.graph.revision() != before {
                return Err(format!("{name}: {} counts twice", step_word(&step)));
            }
        }
        match fault {
            StepFault::Unreported => {
                self.say(&format!(
                    "{name}: the report of {} is lost",
                    step_word(&step)
                ));
                return Ok(self.fail(role, plan));
            }
            StepFault::Crash => {
                let forgets = self.rng.chance(700);
                self.crash(forgets, &format!("{name}: dies after {}", step_word(&step)))?;
                return Ok(false);
            }
            _ => {}
        }
        match outcome {
            Ok(()) => {
                role.stage = Stage::Taking {
                    plan,
                    next: next + 1,
                };
                Ok(true)
            }
            Err(wait) => {
                self.fail(role, plan);
                if self.is_calm {
                    role.at += wait;
                }
                Ok(true)
            }
        }
    }

    /// Ends a pass that failed.
    fn fail(&mut self, role: &mut Role, plan: Plan) -> bool {
        role.last_plan = Some(plan);
        let graph = self.mirrors[role.mirror].clone();
        self.sleep(role, &graph, AGAIN);
        true
    }

    /// Takes one step; an error is how much longer than usual the pass waits, in milliseconds.
    fn take_step(&mut self, name: &str, role: &mut Role, step: &Step) -> Going<Result<(), u64>> {
        match step {
            Step::Tell(command) => {
                let pen = role.pen.clone();
                Ok(match self.tell(&pen, command.clone())? {
                    Ok(Some(revision)) => {
                        role.last_write = revision;
                        Ok(())
                    }
                    Ok(None) => Ok(()),
                    Err(_) => Err(0),
                })
            }
            Step::Do(effect) => self.act(name, role, effect),
        }
    }

    fn act(&mut self, name: &str, role: &mut Role, effect: &Effect) -> Going<Result<(), u64>> {
        let key = effect.key();
        let wait = self.mirrors[role.mirror].back_off(&key).cloned();
        if let Some(wait) = &wait
            && wait.until > self.now()
        {
            let left = wait.until.since(self.now()).as_millis();
            return Ok(Err(u64::try_from(left).unwrap_or(IDLE)));
        }
        if let Effect::StopRun { run } = effect {
            self.check_stop(name, run)?;
        }
        self.say(&format!("{name}: {key}"));
        match self.world.perform(effect) {
            Ok(commands) => {
                let pen = role.pen.clone();
                for command in commands {
                    match self.tell(&pen, command)? {
                        Ok(Some(revision)) => role.last_write = revision,
                        Ok(None) => {}
                        Err(_) => return Ok(Err(0)),
                    }
                }
                if wait.is_some() {
                    self.note(role, Command::Recover { key })?;
                }
                Ok(Ok(()))
            }
            Err(Failure::Passing(why)) => {
                self.say(&format!("{name}: {key}: {why}"));
                Ok(Err(0))
            }
            Err(Failure::Wrong(why)) => {
                self.say(&format!("{name}: {key} failed: {why}"));
                self.note(role, Command::BackOff { key, why })?;
                Ok(Err(0))
            }
        }
    }

    fn note(&mut self, role: &mut Role, command: Command) -> Going {
        if let Ok(Some(revision)) = self.tell(&pen(role.planner.role()), command)? {
            role.last_write = revision;
        }
        Ok(())
    }

    /// A run whose lease is in effect is only stopped when it does not get on with its work.
    fn check_stop(&self, name: &str, run: &gtd_core::RunId) -> Going {
        let Some(proc) = self.world.runs.get(run) else {
            return Ok(());
        };
        let leased = proc
            .order
            .bead
            .as_ref()
            .and_then(|bead| self.graph.bead(bead)?.phase.lease())
            .is_some_and(|lease| lease.epoch == proc.order.epoch);
        if proc.state == State::Live && proc.is_healthy && leased && proc.stop_at.is_none() {
            return Err(format!("{name} stops {run}, which gets on with its work"));
        }
        Ok(())
    }

    // --- The deacon -----------------------------------------------------------

    /// Ends every live run of a bead whose lease is gone.
    fn errands(&mut self) {
        self.errands_at = self.world.now + ERRANDS;
        let orphans: Vec<_> = self
            .world
            .runs
            .iter()
            .filter(|(_, proc)| proc.state == State::Live)
            .filter(|(_, proc)| {
                let Some(bead) = &proc.order.bead else {
                    return false;
                };
                let epoch = proc.order.epoch;
                let is_current =
                    self.graph
                        .bead(bead)
                        .is_some_and(|bead| match bead.phase.lease() {
                            Some(lease) => lease.epoch == epoch,
                            None => epoch.0 == 0 && !bead.phase.is_finished(),
                        });
                !is_current
            })
            .map(|(run, _)| run.clone())
            .collect();
        for run in orphans {
            self.say(&format!("deacon: ends {run}"));
            self.world.stop(&run);
        }
    }

    // --- What is next ---------------------------------------------------------

    fn step(&mut self) -> Going {
        self.tick += 1;
        let away = self.away;
        let is_here = away.is_none();
        let role = self
            .roles
            .iter()
            .map(|(name, role)| (role.at, name))
            .min()
            .map(|(at, name)| (at, Next::Role(name.clone())));
        let mut nexts: Vec<(u64, Next)> = vec![
            (self.person_at, Next::Person),
            (self.accident_at, Next::Accident),
        ];
        nexts.extend(role);
        nexts.extend(self.world.next_run().map(|(at, run)| (at, Next::Run(run))));
        nexts.extend(away.map(|at| (at, Next::Open)));
        if is_here {
            nexts.push((self.errands_at, Next::Errands));
            nexts.extend(self.staff_at.map(|at| (at, Next::Staff)));
        }
        nexts.sort_by_key(|(at, _)| *at);
        let (at, next) = nexts.swap_remove(0);
        self.world.now = self.world.now.max(at);
        if self.rng.chance(300) {
            let mirror = usize::try_from(self.rng.below(3)).unwrap_or(0);
            self.catch_up(mirror, self.graph.revision());
        }
        match next {
            Next::Role(name) => self.step_role(&name)?,
            Next::Run(run) => {
                self.world.step(&run);
                self.wake_all(100, 900);
            }
            Next::Open => {
                self.say("the daemon is back");
                self.open();
            }
            Next::Errands => self.errands(),
            Next::Staff => self.staff(),
            Next::Person => self.step_person()?,
            Next::Accident => self.step_accident()?,
        }
        for said in std::mem::take(&mut self.world.said) {
            self.say(&said);
        }
        match self.world.broken.take() {
            Some(broken) => Err(broken),
            None => Ok(()),
        }
    }

    /// Tells whether every bead and every goal has ended.
    fn has_ended(&self) -> bool {
        self.graph.unfinished().next().is_none()
            && self
                .graph
                .goals()
                .all(|(_, goal)| !matches!(goal.landing, gtd_core::Landing::Asked { .. }))
    }

    /// Tells whether nobody has anything to do any more.
    fn is_quiet(&self) -> bool {
        self.away.is_none()
            && self.world.at_work.is_empty()
            && self
                .roles
                .values()
                .all(|role| role.lease.is_none() && role.quiet_at == Some(self.graph.revision()))
    }

    fn live(&mut self) -> Going {
        self.found()?;
        self.open();
        while self.tick < self.options.ticks && !(self.has_ended() && self.person.has_done()) {
            self.step()?;
        }
        self.calm_down();
        self.wait_while_held()?;
        let until = self.tick + CALM_STEPS;
        while !(self.has_ended() && self.is_quiet()) {
            if self.tick > until {
                return Err(self.stuck());
            }
            self.step()?;
        }
        if let Some(bead) = self.graph.leased().next() {
            return Err(format!("{} is held at the end", bead.id));
        }
        self.explain_all()?;
        self.replay()?;
        self.checks.end(&self.world, &self.graph)
    }

    /// Goes on for a while with a branch checked out: nothing else may wait for that.
    fn wait_while_held(&mut self) -> Going {
        if self.world.held.is_empty() {
            return Ok(());
        }
        let until = self.world.now + HELD;
        while self.world.now < until && !self.has_ended() {
            self.step()?;
        }
        if let Some(what) = self.held_up() {
            return Err(what);
        }
        self.say("nothing is checked out any more");
        self.world.held.clear();
        Ok(())
    }

    /// Says what has not ended, and why as far as gtd knows.
    fn stuck(&self) -> String {
        let mut text = "not everything ended:".to_owned();
        for bead in self.graph.unfinished() {
            let why = explain(&self.graph, &self.board, &bead.id, self.now());
            let cause = why.and_then(|why| why.chain.first().map(|c| c.text.clone()));
            text.push_str(&format!(" {} ({cause:?})", bead.id));
        }
        for (name, role) in &self.roles {
            text.push_str(&format!(" {name} at {} quiet {:?}", role.at, role.quiet_at));
        }
        text.push_str(&format!(" live runs {:?}", self.world.live()));
        text
    }
}

/// Who does the next step.
enum Next {
    Role(String),
    Run(gtd_core::RunId),
    Person,
    Accident,
    Open,
    Errands,
    Staff,
}

/// What goes wrong with one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepFault {
    None,
    /// It is not taken.
    Lost,
    /// It is taken and nobody learns of it.
    Unreported,
    /// It is taken twice.
    Twice,
    /// The daemon or the host dies right after it.
    Crash,
    /// A launcher dies between the run's folder and its process.
    Half,
}

/// Names the pen of a role.
pub(super) fn pen(role: &str) -> Pen {
    Pen::Role(role_name(role))
}

fn word_of(command: &Command) -> String {
    let text = format!("{command:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

fn step_word(step: &Step) -> String {
    match step {
        Step::Tell(command) => word_of(command),
        Step::Do(effect) => effect.key(),
    }
}

/// Says an event in a line.
fn brief(envelope: &Envelope) -> String {
    let text = match &envelope.event {
        Event::BeadOpened { bead } | Event::GoalOpened { bead, .. } => bead.id.to_string(),
        Event::LeaseGranted { bead, lease } => {
            format!("{bead} e{} {}", lease.epoch, lease.holder.name())
        }
        Event::WorkSubmitted {
            bead, epoch, head, ..
        } => format!("{bead} e{epoch} {}", head.short()),
        Event::WorkReturned {
            bead, epoch, why, ..
        }
        | Event::LeaseExpired {
            bead, epoch, why, ..
        }
        | Event::SubmissionReturned {
            bead, epoch, why, ..
        } => format!("{bead} e{epoch}: {}", why.text),
        Event::CandidateFormed { candidate } => format!(
            "{} on {} of {:?}",
            candidate.id,
            candidate.base.short(),
            candidate.members
        ),
        Event::CandidateJudged {
            candidate, verdict, ..
        } => format!("{candidate} {verdict:?}"),
        Event::RigTrusted { .. } => String::new(),
        other => {
            let text = format!("{other:?}");
            let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
            rest.chars().take(160).collect()
        }
    };
    format!("{} {text} by {}", envelope.event.name(), envelope.by)
}

/// Runs a town from its seed to its end.
pub(super) fn run(seed: u64, options: &Options) -> Result<Outcome, Box<Broken>> {
    let mut sim = Sim::new(seed, options);
    let lived = sim.live();
    if let Err(what) = lived {
        return Err(Box::new(Broken {
            seed,
            tick: sim.tick,
            what,
            trace: sim.trace.into_lines(),
        }));
    }
    let count = |good: bool| {
        let beads = sim.graph.beads().filter(|bead| bead.goal.is_some());
        let landed =
            beads.filter(|bead| matches!(bead.phase, gtd_core::Phase::Landed { .. }) == good);
        u32::try_from(landed.count()).unwrap_or(u32::MAX)
    };
    Ok(Outcome {
        seed,
        hash: sim.trace.hash,
        steps: sim.tick,
        events: sim.graph.revision().0,
        landed: count(true),
        closed: count(false),
        crashes: sim.crashes,
        trace: sim.trace.into_lines(),
    })
}
