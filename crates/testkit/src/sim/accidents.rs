//! What happens to the whole town: pushes, a red branch, a reboot, a clock that jumps.

use std::rc::Rc;

use gtd_core::{Oid, Phase};

use super::{
    git::{Change, Tree},
    person::{FILES, INTEGRATION, MAIN},
    swarm::Accident,
    town::{Going, Sim},
};

impl Sim {
    /// Takes what breaks the build off every target.
    pub(super) fn mend(&mut self) {
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
                let parts = ["worktree", "run", "ref", "commit", "stop", "land", "note"];
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
