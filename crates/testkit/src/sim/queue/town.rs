//! The refinery of one queue, pass by pass, and the ledger that it tells.

use std::collections::HashMap;

use gtd_core::{
    Actor as Pen, Ask, BeadId, BeadSpec, Command, Envelope, Event, FaultClass, Gate, GateName,
    GateWhen, Graph, MergeRules, PauseScope, Rejection, Revision, RigName, RigRules, RoleName,
    SeatName, Target, Timestamp, WorkerRules, decide,
};
use gtd_plan::{Planner, Refinery, Seen, Step};

use super::{
    load::{Arrivals, Figures, Load},
    world::World,
};

/// When the queue begins, by its wall clock.
const BEGIN: i64 = 1_767_225_600_000;
/// Rounds of questions in one pass at most.
const ROUNDS: usize = 32;
/// Passes at one moment after which a queue that does nothing new goes round in circles.
const CIRCLES: u32 = 400;

struct Town {
    world: World,
    graph: Graph,
    /// The log, where it is folded anew.
    log: Vec<Envelope>,
    refinery: Refinery,
    target: Target,
    /// Who was handed in, as which change, and when.
    open: HashMap<BeadId, (usize, u64)>,
    members: Vec<BeadId>,
    next_arrival: u64,
    handed_in: u64,
}

/// Goes on, or tells which promise is broken.
type Going<T = ()> = Result<T, String>;

pub(super) fn run(load: &Load) -> Going<Figures> {
    let rig = RigName::parse("r").expect("a letter");
    let mut town = Town {
        world: World::new(load),
        graph: Graph::default(),
        log: Vec::new(),
        refinery: Refinery { rig: rig.clone() },
        target: Target {
            rig,
            r#ref: String::new(),
            mode: gtd_core::LandMode::Integration,
            branch: "main".to_owned(),
        },
        open: HashMap::new(),
        members: Vec::new(),
        next_arrival: 0,
        handed_in: 0,
    };
    town.found()?;
    town.work()
        .map_err(|what| format!("seed {}, at {} ms: {what}", load.seed, town.world.now))?;
    Ok(town.world.figures)
}

fn ann() -> Pen {
    Pen::Person("ann".to_owned())
}

fn is_drawn(town: &mut Town, per_mille: u64) -> bool {
    town.world.load.faults && town.world.rng.chance(per_mille)
}

impl Town {
    fn now(&self) -> Timestamp {
        Timestamp(BEGIN + i64::try_from(self.world.now).unwrap_or(i64::MAX))
    }

    fn found(&mut self) -> Going {
        let gate = Gate {
            name: GateName::parse("test").expect("a word"),
            run: "test".to_owned(),
            affected: None,
            when: GateWhen::Merge,
            timeout_ms: 3 * self.world.load.gate_ms,
            env: std::collections::BTreeMap::new(),
            junit: None,
        };
        let rules = RigRules {
            prefix: "r".to_owned(),
            branch: "main".to_owned(),
            gates: vec![gate],
            worker: WorkerRules::default(),
            merge: MergeRules::default(),
            schedules: vec![],
            questions: gtd_core::QuestionRules::default(),
            discovery: gtd_core::DiscoveryRules::default(),
            budget: Default::default(),
            replans: Default::default(),
            policies: Default::default(),
        };
        self.must(
            &ann(),
            Command::TrustRig {
                rig: self.refinery.rig.clone(),
                rules,
                digest: "0".to_owned(),
            },
        )?;
        let rig = self.graph.rig(&self.refinery.rig);
        self.target = rig.ok_or("the rig is not there")?.usual_target();
        Ok(())
    }

    fn work(&mut self) -> Going {
        let mut n_passes = 0;
        loop {
            self.hand_in()?;
            if self.is_over() {
                break;
            }
            if !self.pass()? {
                n_passes = 0;
                self.act_for_people()?;
                if !self.wait() {
                    continue;
                }
            } else {
                n_passes += 1;
                if n_passes > CIRCLES {
                    return Err("the refinery goes round in circles".to_owned());
                }
                self.world.now += 1;
            }
        }
        if self.world.load.faults {
            self.look_back()?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let load = &self.world.load;
        match load.arrivals {
            Arrivals::Always(_) => self.world.figures.decided >= load.changes,
            Arrivals::PerGate(_) => self.handed_in >= load.changes && self.open.is_empty(),
        }
    }

    fn hand_in(&mut self) -> Going {
        match self.world.load.arrivals {
            Arrivals::Always(n) => {
                while u64::try_from(self.open.len()).unwrap_or(u64::MAX) < n {
                    self.hand_in_one(self.world.now)?;
                }
            }
            Arrivals::PerGate(rate) => {
                while self.next_arrival <= self.world.now
                    && self.handed_in < self.world.load.changes
                {
                    self.hand_in_one(self.next_arrival)?;
                    let gap = self.world.rng.gap(rate);
                    self.next_arrival += self.gates(gap);
                }
            }
        }
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time in milliseconds that is drawn"
    )]
    fn gates(&self, n: f64) -> u64 {
        let gate = f64::from(u32::try_from(self.world.load.gate_ms).unwrap_or(u32::MAX));
        (n * gate) as u64
    }

    fn hand_in_one(&mut self, at: u64) -> Going {
        self.handed_in += 1;
        let (n, head, base) = self.world.draw_change();
        let create = Command::CreateBead {
            rig: self.refinery.rig.clone(),
            goal: None,
            spec: BeadSpec {
                title: format!("Change {n}"),
                ..BeadSpec::default()
            },
            needs: vec![],
        };
        let events = self.must(&ann(), create)?;
        let bead = events.into_iter().find_map(|event| match event {
            Event::BeadOpened { bead } => Some(bead.id),
            _ => None,
        });
        let bead = bead.ok_or("no bead was made")?;
        let name = SeatName::parse("ann").expect("a plain word");
        let claim = Command::Claim {
            bead: bead.clone(),
            name,
        };
        self.must(&ann(), claim)?;
        let epoch = self.graph.bead(&bead).ok_or("it is gone")?.epoch;
        let pen = Pen::Lease {
            bead: bead.clone(),
            epoch,
        };
        self.open.insert(bead.clone(), (n, at));
        let submit = Command::Submit {
            bead,
            epoch,
            head,
            base,
            summary: "done".to_owned(),
            checks: vec![],
        };
        self.must(&pen, submit)?;
        Ok(())
    }

    /// Waits until something happens; true when it did.
    fn wait(&mut self) -> bool {
        let end = self.world.next_end();
        let is_coming = matches!(self.world.load.arrivals, Arrivals::PerGate(_))
            && self.handed_in < self.world.load.changes;
        let arrival = is_coming.then_some(self.next_arrival);
        let next = end.into_iter().chain(arrival).min();
        self.world.now = next
            .unwrap_or(self.world.now + 1_000)
            .max(self.world.now + 1);
        next.is_some()
    }

    /// Does what the queue needs a person for: mends the target, and lets it go on.
    fn act_for_people(&mut self) -> Going {
        let queue = self.graph.queue(&self.target);
        if queue.is_some_and(|queue| queue.halt.is_some()) {
            if self.world.is_red() {
                self.world.push(false);
            }
            let scope = PauseScope::Rig(self.refinery.rig.clone());
            self.must(&ann(), Command::Resume { scope })?;
        }
        Ok(())
    }

    /// One pass of the refinery; true when there was something to do.
    fn pass(&mut self) -> Going<bool> {
        let mut seen = Seen::at(self.graph.revision());
        for _ in 0..ROUNDS {
            let asked = self.refinery.look(&self.graph, &seen, self.now());
            let open: Vec<_> = asked.into_iter().filter(|q| !seen.knows(q)).collect();
            if open.is_empty() {
                break;
            }
            for question in open {
                match self.world.see(&question) {
                    Some(_) if is_drawn(self, 5) => seen.pass_over(question),
                    Some(answer) => seen.put(question, answer),
                    None => seen.pass_over(question),
                }
            }
        }
        let plan = self.refinery.plan(&self.graph, &seen, self.now());
        let is_busy = !plan.steps.is_empty();
        for step in plan.steps {
            if is_drawn(self, 4) {
                let is_red = self.world.rng.chance(100);
                self.world.push(is_red);
            }
            // The step is lost, and the pass with it.
            if is_drawn(self, 10) {
                return Ok(true);
            }
            let times = if is_drawn(self, 10) { 2 } else { 1 };
            let mut is_done = true;
            for _ in 0..times {
                is_done &= self.take(&step)?;
            }
            // The answer is lost; or whoever took it dies.
            if !is_done || is_drawn(self, 10) {
                return Ok(true);
            }
            if is_drawn(self, 10) {
                self.crash()?;
                return Ok(true);
            }
        }
        Ok(is_busy)
    }

    fn take(&mut self, step: &Step) -> Going<bool> {
        match step {
            Step::Tell(command) => {
                let pen = Pen::Role(RoleName::parse("refinery").expect("a word"));
                Ok(self.tell(&pen, command.clone())?.is_ok())
            }
            Step::Do(effect) => self.world.perform(effect, &self.target),
        }
    }

    fn crash(&mut self) -> Going {
        self.world.figures.crashes += 1;
        self.world.forget();
        // To fold the whole log takes its time.
        if self.world.figures.crashes.is_power_of_two() {
            let mut folded = Graph::default();
            for (index, envelope) in self.log.iter().enumerate() {
                let revision = u64::try_from(index).unwrap_or(u64::MAX) + 1;
                folded.apply(Revision(revision), envelope);
            }
            if folded != self.graph {
                return Err("the log folds to another graph".to_owned());
            }
            self.graph = folded;
        }
        Ok(())
    }

    fn must(&mut self, by: &Pen, command: Command) -> Going<Vec<Event>> {
        let told = self.tell(by, command)?;
        told.map_err(|rejection| rejection.to_string())
    }

    fn tell(&mut self, by: &Pen, command: Command) -> Going<Result<Vec<Event>, Rejection>> {
        let ask = Ask {
            by: by.clone(),
            request: None,
            expected: None,
            command,
        };
        let now = self.now();
        let events = match decide(&self.graph, &ask, now) {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        for event in &events {
            let envelope = Envelope {
                at: now,
                by: by.clone(),
                request: None,
                cause: None,
                event: event.clone(),
            };
            self.graph.apply(self.graph.revision().next(), &envelope);
            if self.world.load.faults {
                self.log.push(envelope);
            }
            self.count(event)?;
        }
        Ok(Ok(events))
    }

    fn count(&mut self, event: &Event) -> Going {
        match event {
            Event::CandidateFormed { candidate } => {
                let members = candidate.members.iter();
                self.members = members.map(|member| member.bead.clone()).collect();
            }
            Event::CandidateLanded { .. } => {
                for bead in std::mem::take(&mut self.members) {
                    let n = self.end(&bead)?;
                    if self.world.changes[n].landed.is_none() {
                        return Err(format!("change {n} is called landed and is not there"));
                    }
                    self.world.figures.landed += 1;
                    self.world.figures.decided += 1;
                }
            }
            Event::SubmissionReturned { bead, why, .. } => {
                let n = self.end(bead)?;
                if self.world.changes[n].landed.is_some() {
                    return Err(format!("change {n} is sent back, and is there"));
                }
                if matches!(why.class, FaultClass::Gate { .. }) {
                    let is_false = !self.world.is_at_fault(n);
                    self.world.figures.false_rejects += u64::from(is_false);
                    self.world.figures.sent_back += 1;
                    self.world.figures.decided += 1;
                } else {
                    self.world.figures.conflicts += 1;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the wait of a change: it has one end.
    fn end(&mut self, bead: &BeadId) -> Going<usize> {
        let known = self.open.remove(bead);
        let (n, since) = known.ok_or_else(|| format!("{bead} ends twice"))?;
        let waited = self.world.now.saturating_sub(since);
        self.world.figures.waits.push(waited);
        Ok(n)
    }

    /// Looks at the end whether each change landed or came back, as the graph has it.
    fn look_back(&self) -> Going {
        let figures = &self.world.figures;
        let ended = figures.landed + figures.sent_back + figures.conflicts;
        if ended != self.handed_in {
            return Err(format!("{ended} of {} have an end", self.handed_in));
        }
        let there = self.world.changes.iter();
        let there = there.filter(|change| change.landed.is_some()).count();
        if u64::try_from(there) != Ok(figures.landed) {
            return Err(format!("{there} are there, and {} landed", figures.landed));
        }
        Ok(())
    }
}
