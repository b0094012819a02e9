//! The town: the log, the mirrors, the roles, and who does the next step.
//!
//! One thread, one source of chance. Whatever is next by time does one step:
//! a role, a process, a person, or an accident.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use gtd_core::{
    Actor as Pen, Envelope, Graph, Observations, RigName, RoleName, Timestamp, explain,
};

use super::{
    actor::Role,
    checks::Checks,
    git::Git,
    options::{Broken, Options, Outcome},
    person::Person,
    rng::Rng,
    runs::GateLuck,
    swarm::Swarm,
    trace::Trace,
    world::World,
};

/// When the simulated town begins, by its wall clock.
const BEGIN: i64 = 1_767_225_600_000;
/// How many mirrors the roles look through.
pub(super) const MIRRORS: usize = 3;
/// How often the deacon looks for runs that nobody has a claim on, in milliseconds.
pub(super) const ERRANDS: u64 = 60_000;
/// Steps after the last fault in which everything must end.
const CALM_STEPS: u32 = 60_000;
/// For how long a branch stays checked out after the last fault, in milliseconds.
const HELD: u64 = 90 * 60_000;
/// A whole town.
pub(super) struct Sim {
    pub(super) options: Options,
    pub(super) tick: u32,
    pub(super) rng: Rng,
    pub(super) world: World,
    pub(super) trace: Trace,
    pub(super) graph: Graph,
    pub(super) log: Vec<Envelope>,
    pub(super) mirrors: Vec<Rc<Graph>>,
    pub(super) board: Observations,
    /// How far the wall clock is from the monotonic one.
    pub(super) skew: i64,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) swarm: Swarm,
    /// When the daemon or the host is back, while it is away.
    pub(super) away: Option<u64>,
    pub(super) staff_at: Option<u64>,
    pub(super) errands_at: u64,
    pub(super) person_at: u64,
    pub(super) accident_at: u64,
    /// Whether faults have stopped.
    pub(super) is_calm: bool,
    pub(super) checks: Checks,
    pub(super) person: Person,
    pub(super) crashes: u32,
}

/// Goes on, or tells which promise is broken.
pub(super) type Going<T = ()> = Result<T, String>;

/// Names the rig of the town.
pub(super) fn rig() -> RigName {
    RigName::parse("r").expect("a letter")
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
            notes: BTreeMap::default(),
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
            person: Person::default(),
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

/// Names the pen of a role.
pub(super) fn pen(role: &str) -> Pen {
    Pen::Role(role_name(role))
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
