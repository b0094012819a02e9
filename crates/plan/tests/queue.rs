//! The merge queue over thousands of submissions, with gates that a seeded oracle answers.
//!
//! The real planner and the real rules of the ledger; git and processes are a
//! few maps. What is counted are runs of gates, because they are what merging
//! costs.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Actor, Ask, BeadSpec, Command, Envelope, Event, Gate, GateName, GateWhen, Graph, HostName, Oid,
    Reserved, RigName, RigRules, RunId, SeatName, Target, Timestamp, decide,
};
use gtd_plan::{
    Answer, AssemblySeen, Checkout, Effect, EndSeen, Planner, Question, Refinery, RunSeen, Seen,
    Step, TipSeen,
};

/// Submissions that wait at any time: the queue is never empty.
const WAITING: usize = 130;

/// What the oracle does.
#[derive(Debug, Clone, Copy)]
struct Odds {
    /// Submissions that are wrong, of a million.
    wrong: u64,
    /// Green trees that a gate calls red, of a million runs.
    flaky: u64,
    /// Red outputs that name whose fault it is, of a million; the others name somebody else.
    named: u64,
}

/// How it went.
#[derive(Debug, Default)]
struct Outcome {
    landed: u64,
    rightly_back: u64,
    wrongly_back: u64,
    runs: u64,
}

impl Outcome {
    fn decided(&self) -> u64 {
        self.landed + self.rightly_back + self.wrongly_back
    }

    #[expect(clippy::cast_precision_loss, reason = "a share for display")]
    fn share(&self, odds: Odds) -> f64 {
        let p = odds.wrong as f64 / 1e6;
        let entropy = -(p * p.log2() + (1.0 - p) * (1.0 - p).log2());
        self.decided() as f64 / self.runs as f64 * entropy
    }
}

struct Town {
    graph: Graph,
    refinery: Refinery,
    now: Timestamp,
    odds: Odds,
    dice: u64,
    n_submitted: u64,
    tip: Oid,
    /// By head: the number of the submission.
    heads: BTreeMap<Oid, u64>,
    wrong: BTreeSet<u64>,
    /// By commit: the submissions in it.
    trees: BTreeMap<Oid, BTreeSet<u64>>,
    behind: BTreeSet<Oid>,
    slots: BTreeMap<String, Oid>,
    ended: BTreeMap<RunId, EndSeen>,
    outcome: Outcome,
}

fn oid(kind: u64, number: u64) -> Oid {
    Oid::parse(&format!("{number:016x}{kind:024x}")).unwrap()
}

fn digest(parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(0xcbf2_9ce4_8422_2325, |digest, part| {
        (digest ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .rotate_left(23)
            .wrapping_mul(0x0100_0000_01b3)
    })
}

impl Town {
    fn new(odds: Odds, seed: u64, cap: u32) -> Self {
        let rig = RigName::parse("repo").unwrap();
        let root = oid(1, 0);
        let mut town = Self {
            graph: Graph::default(),
            refinery: Refinery { rig: rig.clone() },
            now: Timestamp(1_700_000_000_000),
            odds,
            dice: seed,
            n_submitted: 0,
            tip: root.clone(),
            heads: BTreeMap::new(),
            wrong: BTreeSet::new(),
            trees: BTreeMap::from([(root.clone(), BTreeSet::new())]),
            behind: BTreeSet::from([root]),
            slots: BTreeMap::new(),
            ended: BTreeMap::new(),
            outcome: Outcome::default(),
        };
        let gate = Gate {
            name: GateName::parse("test").unwrap(),
            run: "make test".to_owned(),
            when: GateWhen::Merge,
            timeout_ms: 60_000,
            env: BTreeMap::new(),
            affected: None,
            junit: None,
        };
        town.tell(Command::TrustRig {
            rig: rig.clone(),
            rules: RigRules {
                prefix: "gt".to_owned(),
                branch: "main".to_owned(),
                gates: vec![gate],
                worker: gtd_core::WorkerRules::default(),
                merge: gtd_core::MergeRules {
                    batch: cap,
                    flakes: 3,
                    ..Default::default()
                },
                schedules: vec![],
                questions: gtd_core::QuestionRules::default(),
                discovery: gtd_core::DiscoveryRules::default(),
                budget: Default::default(),
                replans: Default::default(),
                policies: Default::default(),
            },
            digest: String::new(),
        });
        town.tell(Command::OpenSeat {
            seat: SeatName::parse("quartz").unwrap(),
            rig,
            host: HostName::parse("local").unwrap(),
        });
        town
    }

    fn draw(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn chance(&mut self, of_a_million: u64) -> bool {
        self.draw() % 1_000_000 < of_a_million
    }

    fn tell(&mut self, command: Command) {
        let ask = Ask {
            by: Actor::Daemon,
            request: None,
            expected: None,
            command,
        };
        let events = decide(&self.graph, &ask, self.now);
        for event in events.unwrap_or_else(|why| panic!("{:?}: {why}", ask.command)) {
            self.count(&event);
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

    fn count(&mut self, event: &Event) {
        match event {
            Event::CandidateLanded { candidate, .. } => {
                let mut queues = self.graph.queues();
                let queue = queues.next().unwrap();
                let landed = queue.candidate.as_ref().unwrap();
                assert_eq!(landed.id, *candidate);
                self.outcome.landed += landed.members.len() as u64;
            }
            Event::SubmissionReturned { bead, epoch, .. } => {
                let bead = self.graph.bead(bead).unwrap();
                let mut attempts = bead.attempts.iter();
                let attempt = attempts.find(|attempt| attempt.epoch == *epoch).unwrap();
                let number = self.heads[attempt.head.as_ref().unwrap()];
                if self.wrong.contains(&number) {
                    self.outcome.rightly_back += 1;
                } else {
                    self.outcome.wrongly_back += 1;
                }
            }
            _ => {}
        }
    }

    fn target(&self) -> Target {
        self.graph.rig(&self.refinery.rig).unwrap().usual_target()
    }

    fn submit(&mut self) {
        self.n_submitted += 1;
        self.now.0 += 1;
        let number = self.n_submitted;
        let head = oid(2, number);
        self.heads.insert(head.clone(), number);
        if self.chance(self.odds.wrong) {
            self.wrong.insert(number);
        }
        let known = self.graph.revision();
        self.tell(Command::CreateBead {
            rig: self.refinery.rig.clone(),
            goal: None,
            spec: BeadSpec {
                title: format!("change {number}"),
                run: Some("true".to_owned()),
                ..BeadSpec::default()
            },
            needs: vec![],
        });
        let ready = self.graph.ready(&self.refinery.rig, self.now);
        let made = ready
            .filter(|bead| bead.changed > known)
            .map(|b| b.id.clone());
        let bead = made.last().unwrap();
        let epoch = self.graph.bead(&bead).unwrap().epoch.next();
        self.tell(Command::Grant {
            bead: bead.clone(),
            seat: SeatName::parse("quartz").unwrap(),
            epoch,
            reserved: Reserved::default(),
        });
        self.tell(Command::Submit {
            bead,
            epoch,
            head,
            base: oid(1, 0),
            summary: String::new(),
            checks: vec![],
        });
    }

    fn answer(&mut self, question: &Question) -> Answer {
        match question {
            Question::Tip(_) => Answer::Tip(TipSeen {
                at: Some(self.tip.clone()),
                branch: Some(oid(1, 0)),
                branch_is_ahead: false,
            }),
            Question::Contains { commit, .. } => Answer::Contains(self.behind.contains(commit)),
            Question::Owner { .. } => Answer::Owner(None),
            Question::Run(run) => Answer::Run(match self.ended.get(run) {
                Some(end) => RunSeen::Ended(end.clone()),
                None => RunSeen::Absent { for_ms: 0 },
            }),
            Question::Changed { to, .. } => {
                Answer::Changed(vec![format!("src/part{}.rs", self.heads[to])])
            }
            Question::Assembly(order) => {
                let mut tree = self.trees[&order.base].clone();
                tree.extend(order.members.iter().map(|member| self.heads[&member.head]));
                let base = u64::from_str_radix(&order.base.as_str()[..16], 16).unwrap();
                let members = order.members.iter().map(|member| self.heads[&member.head]);
                let commit = oid(3, digest(std::iter::once(base).chain(members)));
                let named = oid(4, digest(tree.iter().copied()));
                self.trees.insert(commit.clone(), tree);
                Answer::Assembly(AssemblySeen {
                    joined: order.members.iter().map(|m| m.bead.clone()).collect(),
                    conflicts: vec![],
                    behind: vec![],
                    commit,
                    tree: named,
                })
            }
            other => panic!("{other:?}"),
        }
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::EnsureWorktree { slot, checkout, .. } => {
                let Checkout::Exact { commit, .. } = checkout else {
                    panic!("{checkout:?}")
                };
                self.slots.insert(slot, commit);
            }
            Effect::EnsureRun(order) => {
                let commit = self.slots[&order.slot].clone();
                let end = self.gate(&commit);
                assert!(self.ended.insert(order.run, end).is_none(), "run twice");
                self.outcome.runs += 1;
            }
            Effect::EnsureRef { name, new, .. } if name == self.target().r#ref => {
                let wrong = self.trees[&new].intersection(&self.wrong).count();
                assert_eq!(wrong, 0, "a red tree lands");
                self.behind.insert(new.clone());
                self.tip = new;
            }
            Effect::EnsureRef { .. } | Effect::EnsureNote { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn gate(&mut self, commit: &Oid) -> EndSeen {
        let tree = self.trees[commit].clone();
        let fault = tree.intersection(&self.wrong).next().copied();
        let is_red = fault.is_some() || self.chance(self.odds.flaky);
        let named = match fault {
            Some(fault) if self.chance(self.odds.named) => Some(fault),
            // Somebody else is named, of those that came last.
            Some(_) if self.odds.named > 0 => tree.last().copied(),
            _ => None,
        };
        let tail = named.map_or(String::new(), |n| format!("panicked at src/part{n}.rs:1"));
        EndSeen {
            code: Some(i32::from(is_red)),
            tail,
            ..EndSeen::default()
        }
    }

    fn pass(&mut self) {
        let mut seen = Seen::default();
        loop {
            let asked = self.refinery.look(&self.graph, &seen, self.now);
            let open: Vec<_> = asked.into_iter().filter(|q| !seen.knows(q)).collect();
            if open.is_empty() {
                break;
            }
            for question in open {
                let answer = self.answer(&question);
                seen.put(question, answer);
            }
        }
        let plan = self.refinery.plan(&self.graph, &seen, self.now);
        assert!(!plan.steps.is_empty(), "the queue stands still");
        for step in plan.steps {
            match step {
                Step::Tell(command) => self.tell(command),
                Step::Do(effect) => self.act(effect),
            }
        }
    }
}

fn run(odds: Odds, seed: u64, n: u64, cap: u32) -> Outcome {
    let mut town = Town::new(odds, seed, cap);
    while town.outcome.decided() < n {
        while town.graph.queued(&town.target()).count() < WAITING {
            town.submit();
        }
        town.pass();
    }
    town.outcome
}

fn odds(wrong: u64) -> Odds {
    Odds {
        wrong,
        flaky: 0,
        named: 0,
    }
}

#[test]
fn each_run_of_the_gates_decides_nearly_as_much_as_one_answer_can_tell() {
    for (wrong, least) in [(20_000, 0.80), (50_000, 0.80), (100_000, 0.80)] {
        let odds = odds(wrong);
        let outcome = run(odds, 7, 2_000, 64);
        let share = outcome.share(odds);
        println!("wrong {wrong}: {outcome:?}, share of the bound {share:.3}");
        assert!(share >= least, "wrong {wrong}: {share:.3} of the bound");
        assert_eq!(outcome.wrongly_back, 0);
    }
}

#[test]
fn an_output_that_names_its_owner_saves_runs() {
    for wrong in [20_000, 50_000, 100_000] {
        let odds = Odds {
            named: 600_000,
            ..odds(wrong)
        };
        let outcome = run(odds, 7, 2_000, 64);
        let share = outcome.share(odds);
        println!("wrong {wrong}, named 60 %: {outcome:?}, share {share:.3}");
        assert!(share >= 0.85, "wrong {wrong}: {share:.3} of the bound");
        assert_eq!(outcome.wrongly_back, 0);
    }
}

#[test]
fn row_30_a_flaky_gate_sends_next_to_nothing_back_that_is_right() {
    for wrong in [20_000, 50_000] {
        let odds = Odds {
            flaky: 50_000,
            ..odds(wrong)
        };
        let outcome = run(odds, 11, 3_000, 64);
        println!("wrong {wrong}, flaky 5 %: {outcome:?}");
        let right = outcome.decided() - outcome.rightly_back;
        // At most five of a thousand.
        assert!(outcome.wrongly_back * 1_000 <= right * 5, "{outcome:?}");
    }
}

#[test]
fn a_batch_of_one_is_slower_by_the_size_of_a_batch() {
    let serial = run(odds(20_000), 7, 400, 1);
    let adaptive = run(odds(20_000), 7, 400, 64);
    println!("serial {serial:?}, adaptive {adaptive:?}");
    assert!(serial.runs > 4 * adaptive.runs, "{serial:?} {adaptive:?}");
}
