//! Processes: what agents, checks and gates do, each by its own script.
//!
//! A process knows nothing of the town. It writes into whatever its folder
//! holds by then, prints or is silent, and ends well, badly or never.

use std::collections::VecDeque;

use gtd_core::Oid;
use gtd_plan::{EndSeen, RunOrder, Work};

use super::rng::Rng;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Its folder exists, its process does not.
    Prepared,
    /// It is at work.
    Live,
    /// It ended and said so.
    Ended(EndSeen),
    /// Its shim vanished; children of it may live on.
    Lost {
        /// Whether they do.
        survivors: bool,
    },
}

/// What an agent does at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Writes the wished change into its folder.
    Write,
    /// Writes it so that the build breaks.
    WriteBroken,
    /// Writes something else.
    WriteJunk,
    /// Commits what is uncommitted.
    Commit,
    /// Exits.
    Exit(i32),
    /// A signal ends it.
    Die(i32),
    /// Ends with what the tree of its folder proves.
    Prove,
    /// Prints a question and exits.
    Ask,
}

/// What is seen of a process while it is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noise {
    /// It prints now and then.
    Steady {
        /// How often, in milliseconds.
        every: u64,
    },
    /// It prints nothing and uses the processor.
    Thinking,
    /// It does nothing at all.
    Dead,
    /// It prints the same again and again.
    Same,
}

/// What a process does when it is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// It ends at once.
    Quick,
    /// It commits first.
    Polite,
    /// It does not listen.
    Deaf,
}

/// One process with its records.
#[derive(Debug)]
pub(super) struct Proc {
    pub(super) order: RunOrder,
    pub(super) state: State,
    /// When it began; moves on while it is frozen.
    pub(super) begun: u64,
    pub(super) noise: Noise,
    /// Whether it gets on with its work, however slowly.
    pub(super) is_healthy: bool,
    /// When a stop takes effect.
    pub(super) stop_at: Option<u64>,
    /// The tree of its folder when it began.
    pub(super) began_on: Oid,
    /// The tree of its folder when it ended.
    pub(super) ended_on: Option<Oid>,
    manners: Manners,
    script: VecDeque<(u64, Act)>,
}

/// What agents of one bead are like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Temper {
    /// Attempts that go wrong before one goes well.
    pub(super) n_bad: u64,
    /// How much quicker than usual they are.
    pub(super) rush: u64,
}

/// How often gates go wrong by themselves, per mille.
#[derive(Debug, Clone, Copy)]
pub(super) struct GateLuck {
    pub(super) infra: u64,
    pub(super) hang: u64,
    /// How long they take, in parts of a hundred of the usual.
    pub(super) slow: u64,
}

impl Proc {
    /// Makes the process of an order.
    pub(super) fn begin(
        order: RunOrder,
        now: u64,
        rng: &mut Rng,
        temper: Option<Temper>,
        luck: GateLuck,
        began_on: Oid,
    ) -> Self {
        let mut proc = Self {
            state: State::Live,
            begun: now,
            noise: Noise::Steady { every: 2_000 },
            is_healthy: true,
            stop_at: None,
            began_on,
            ended_on: None,
            manners: match rng.below(4) {
                0 => Manners::Polite,
                1 => Manners::Deaf,
                _ => Manners::Quick,
            },
            script: VecDeque::new(),
            order,
        };
        match (&proc.order.work, temper) {
            (Work::Script(_) | Work::Demo(_), Some(temper)) => {
                if proc.order.epoch.0 <= temper.n_bad {
                    proc.bad_agent(rng);
                } else {
                    proc.good_agent(rng, temper.rush.max(1));
                }
            }
            _ => proc.gate(rng, luck),
        }
        proc
    }

    fn plays(&mut self, acts: impl IntoIterator<Item = (u64, Act)>) {
        self.script = acts.into_iter().collect();
    }

    fn good_agent(&mut self, rng: &mut Rng, rush: u64) {
        let mut long = rng.between(2_000, 60_000) / rush;
        match rng.below(6) {
            0 => {
                long = rng.between(80_000, 240_000);
                self.noise = Noise::Steady { every: 25_000 };
            }
            1 => {
                long = rng.between(70_000, 150_000);
                self.noise = Noise::Thinking;
            }
            _ => {}
        }
        let end = (long, Act::Exit(0));
        match rng.below(3) {
            0 => self.plays([(long / 2, Act::Write), end]),
            1 => self.plays([(long / 2, Act::Write), (long * 3 / 4, Act::Commit), end]),
            _ => self.plays([
                (long / 3, Act::WriteJunk),
                (long / 2, Act::Commit),
                (long * 3 / 4, Act::Write),
                end,
            ]),
        }
    }

    fn bad_agent(&mut self, rng: &mut Rng) {
        let long = rng.between(500, 40_000);
        match rng.below(11) {
            0 => self.plays([(long, Act::Exit(0))]),
            1 => self.plays([(long / 2, Act::WriteBroken), (long, Act::Exit(0))]),
            2 => self.plays([
                (long / 2, Act::WriteBroken),
                (long / 2 + 1, Act::Commit),
                (long, Act::Exit(0)),
            ]),
            3 => self.plays([(long / 2, Act::WriteJunk), (long, Act::Exit(0))]),
            4 => self.plays([(long, Act::Exit(3))]),
            5 => self.plays([(long / 2, Act::Write), (long, Act::Exit(1))]),
            6 => self.plays([
                (long / 3, Act::Write),
                (long / 2, Act::Commit),
                (long, Act::Die(9)),
            ]),
            7 => self.plays([(long / 2, Act::WriteJunk), (long, Act::Die(11))]),
            8 => {
                self.is_healthy = false;
                self.noise = Noise::Dead;
                self.plays([(long / 2, Act::Write)]);
            }
            9 => {
                self.is_healthy = false;
                self.noise = Noise::Same;
                self.plays([(long / 2, Act::WriteJunk)]);
            }
            _ => self.plays([(long, Act::Ask)]),
        }
    }

    fn gate(&mut self, rng: &mut Rng, luck: GateLuck) {
        let long = rng.between(500, 20_000) * luck.slow.max(10) / 100;
        if rng.chance(luck.hang) {
            self.is_healthy = false;
            self.noise = Noise::Dead;
        } else if rng.chance(luck.infra) {
            let end = if rng.chance(500) {
                Act::Exit(127)
            } else {
                Act::Die(9)
            };
            self.plays([(long, end)]);
        } else {
            self.plays([(long, Act::Prove)]);
        }
    }

    /// Returns for how long it has been at work, freezes aside.
    pub(super) fn active(&self, now: u64) -> u64 {
        now.saturating_sub(self.begun)
    }

    /// Counts what it printed.
    pub(super) fn bytes(&self, now: u64) -> u64 {
        match self.noise {
            Noise::Steady { every } => self.active(now) / every,
            Noise::Thinking | Noise::Dead => 1,
            Noise::Same => self.active(now) / 100,
        }
    }

    /// Counts the processor time that it used.
    pub(super) fn ticks(&self, now: u64) -> u64 {
        match self.noise {
            Noise::Dead => 0,
            _ => self.active(now) / 250,
        }
    }

    /// Counts how often its last output came in a row.
    pub(super) fn repeats(&self, now: u64) -> u32 {
        match self.noise {
            Noise::Same => u32::try_from(self.bytes(now)).unwrap_or(u32::MAX),
            _ => 1,
        }
    }

    /// Asks it to end within `grace` milliseconds.
    pub(super) fn stop(&mut self, now: u64, grace: u64) {
        let at = match self.manners {
            Manners::Quick => now + 40,
            Manners::Polite => now + 900,
            Manners::Deaf => now + grace,
        };
        self.stop_at = Some(self.stop_at.map_or(at, |known| known.min(at)));
    }

    /// Returns when it does its next thing.
    pub(super) fn next_at(&self, is_frozen: bool) -> Option<u64> {
        if self.state != State::Live {
            return None;
        }
        if is_frozen {
            return self.stop_at;
        }
        let scripted = self.script.front().map(|(after, _)| self.begun + after);
        let limit = self.begun + self.order.limit_ms;
        [scripted, self.stop_at, Some(limit)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes what it does at `now`: an act, or the end that somebody else makes.
    pub(super) fn take(&mut self, now: u64) -> Due {
        if self.stop_at.is_some_and(|at| at <= now) {
            return match self.manners {
                Manners::Quick => Due::End(ended(None, Some(15))),
                Manners::Polite => Due::Bow,
                Manners::Deaf => Due::End(ended(None, Some(9))),
            };
        }
        if self.begun + self.order.limit_ms <= now {
            let mut end = ended(None, Some(15));
            end.timed_out = true;
            return Due::End(end);
        }
        match self.script.front() {
            Some((after, _)) if self.begun + after <= now => {
                let (_, act) = self.script.pop_front().expect("there is a first");
                Due::Act(act)
            }
            _ => Due::Nothing,
        }
    }
}

/// What is due in a process.
#[derive(Debug)]
pub(super) enum Due {
    Nothing,
    Act(Act),
    /// It commits what it has and exits with 0, since it was asked to end.
    Bow,
    End(EndSeen),
}

pub(super) fn ended(code: Option<i32>, signal: Option<i32>) -> EndSeen {
    EndSeen {
        code,
        signal,
        ..EndSeen::default()
    }
}
