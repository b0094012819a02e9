//! One pass of a role, step by step, and what goes wrong with a step.

use std::collections::VecDeque;

use gtd_core::{Command, Graph, Revision};
use gtd_plan::{Effect, Plan, Question, Seen, Step};

use super::{
    actor::{AGAIN, BUSY, IDLE, ROUNDS, Role, Stage},
    hands::Failure,
    ledger::word_of,
    runs::State,
    town::{Going, Sim, pen},
};

/// The same plan so often in a row, with nothing changed, is a plan for ever.
const SAME_MAX: u32 = 40;

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

impl Sim {
    pub(super) fn step_role(&mut self, name: &str) -> Going {
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
        role.is_blind = false;
        Seen::at(self.mirrors[role.mirror].revision())
    }

    fn look(
        &mut self,
        name: &str,
        role: &mut Role,
        mut seen: Seen,
        mut open: VecDeque<Question>,
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
                if !self.is_calm && self.rng.chance(self.swarm.blind) {
                    role.is_blind = true;
                    seen.pass_over(question);
                } else {
                    let answer = self.world.see(&question);
                    seen.put(question, answer);
                }
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
            if role.is_blind {
                self.sleep(role, graph, AGAIN);
                return Ok(true);
            }
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
            && wait.waits_at(self.now())
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
}

fn step_word(step: &Step) -> String {
    match step {
        Step::Tell(command) => word_of(command),
        Step::Do(effect) => effect.key(),
    }
}
