//! The world outside the town: repository, worktrees, processes, machine.
//!
//! It outlives every daemon. What cannot be is noted as a broken promise.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use gtd_core::{Oid, RunId};
use gtd_plan::{AssemblyOrder, AssemblySeen, EndSeen, RunOrder, Work};

use super::{
    git::{Change, Git, Tree, changes, tree_oid},
    hands::Failure,
    rng::Rng,
    runs::{Act, Due, GateLuck, Proc, State, Temper, ended},
};

/// How long a run that is stopped has before it is killed, in milliseconds.
const GRACE: u64 = 5_000;

/// One worktree of the pool.
#[derive(Debug)]
pub(super) struct Slot {
    /// Whom it is for.
    pub(super) owner: String,
    /// Where the owner began.
    pub(super) start: Oid,
    pub(super) head: Oid,
    /// The branch that is checked out, if one is.
    pub(super) branch: Option<String>,
    /// The files as they are on the disk.
    pub(super) tree: Tree,
    /// Every run that changed a file since the last commit.
    pub(super) authors: BTreeSet<RunId>,
}

impl Slot {
    /// Tells whether a run belongs to the owner.
    pub(super) fn is_for(&self, run: &str) -> bool {
        run.strip_prefix(self.owner.as_str())
            .is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) now: u64,
    pub(super) git: Git,
    pub(super) slots: BTreeMap<String, Slot>,
    pub(super) runs: BTreeMap<RunId, Proc>,
    /// The runs with a live process.
    pub(super) at_work: BTreeSet<RunId>,
    /// What was saved of an earlier owner's uncommitted work.
    pub(super) snapshots: Vec<Tree>,
    /// What is noted on commits.
    pub(super) notes: BTreeMap<Oid, String>,
    /// Since when all processes stand still and no effect may begin.
    pub(super) frozen: Option<u64>,
    /// Branches that a person has checked out.
    pub(super) held: BTreeSet<String>,
    pub(super) is_short: bool,
    /// A part of the keys of effects that fail at present.
    pub(super) failing: Option<String>,
    pub(super) luck: GateLuck,
    pub(super) tempers: BTreeMap<u16, Temper>,
    pub(super) files: BTreeMap<u16, Vec<u8>>,
    pub(super) adopts: bool,
    /// What the hands of the living host remember: a sign and since when it is so.
    pub(super) memory: HashMap<String, (u64, u64)>,
    /// What submissions on a base are, as far as it was looked at.
    pub(super) assemblies: BTreeMap<AssemblyOrder, AssemblySeen>,
    /// Rises with every change that matters to a planner.
    pub(super) version: u64,
    /// Every write of an agent, to see that none is lost.
    pub(super) written: Vec<(RunId, u8, Change)>,
    /// The first promise that was broken here.
    pub(super) broken: Option<String>,
    /// What processes did, for the trace.
    pub(super) said: Vec<String>,
}

impl World {
    /// Notes a broken promise.
    pub(super) fn breaks(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }

    /// Notes a sign and returns for how long the hands have seen it so.
    pub(super) fn note(&mut self, key: String, sign: u64) -> u64 {
        let now = self.now;
        let entry = self.memory.entry(key).or_insert((sign, now));
        if entry.0 != sign {
            *entry = (sign, now);
        }
        now - entry.1
    }

    /// Lists the runs with a living process in a worktree.
    pub(super) fn alive_in(&self, slot: &str) -> Vec<RunId> {
        self.runs
            .iter()
            .filter(|(_, proc)| proc.order.slot == slot && is_alive(&proc.state))
            .map(|(run, _)| run.clone())
            .collect()
    }

    /// Begins a process, once for each run for ever.
    pub(super) fn begin(&mut self, order: &RunOrder) -> Result<(), Failure> {
        let run = order.run.clone();
        if let Some(known) = self.runs.get(&run)
            && known.state != State::Prepared
        {
            if self.adopts {
                return Ok(());
            }
            self.breaks(format!("a second process began for run {run}"));
            return Ok(());
        }
        let Some(slot) = self.slots.get(&order.slot) else {
            return Err(Failure::Wrong(format!(
                "worktree {} is not there",
                order.slot
            )));
        };
        if !slot.is_for(run.as_str()) {
            // Its worktree has passed on while it slept.
            return Err(Failure::Passing(format!(
                "worktree {} is for {}",
                order.slot, slot.owner
            )));
        }
        let began_on = tree_oid(&slot.tree);
        if let Some(other) = self.alive_in(&order.slot).into_iter().find(|r| *r != run) {
            self.breaks(format!("{run} begins in a worktree in which {other} lives"));
            return Ok(());
        }
        let mut rng = Rng::apart(self.seed, run.as_str());
        let temper = match &order.work {
            Work::Script(script) | Work::Demo(script) => number_of(script)
                .and_then(|number| self.tempers.get(&number))
                .copied(),
            Work::Agent(_) | Work::Check(_) | Work::Gate(..) => None,
        };
        let proc = Proc::begin(
            order.clone(),
            self.now,
            &mut rng,
            temper,
            self.luck,
            began_on,
        );
        self.at_work.insert(run.clone());
        self.runs.insert(run, proc);
        self.version += 1;
        Ok(())
    }

    /// Makes the place of a run and no process: a launcher that died between the two.
    pub(super) fn prepare(&mut self, order: &RunOrder) {
        if !self.runs.contains_key(&order.run) {
            let mut rng = Rng::new(0);
            let nothing = tree_oid(&Tree::default());
            let mut proc = Proc::begin(order.clone(), self.now, &mut rng, None, self.luck, nothing);
            proc.state = State::Prepared;
            self.runs.insert(order.run.clone(), proc);
            self.version += 1;
        }
    }

    /// Asks a run to end. What was prepared never begins.
    pub(super) fn stop(&mut self, run: &RunId) {
        let now = self.now;
        let Some(proc) = self.runs.get_mut(run) else {
            return;
        };
        match proc.state {
            State::Prepared => {
                let mut end = ended(None, Some(15));
                end.stopped = true;
                end.infra = Some("it was stopped before it ended".to_owned());
                proc.state = State::Ended(end);
                self.version += 1;
            }
            State::Live => proc.stop(now, GRACE),
            State::Ended(_) | State::Lost { .. } => {}
        }
    }

    /// Ends what an earlier owner still runs, and waits for it.
    pub(super) fn end_runs_of(&mut self, owner: &str) {
        let prefix = format!("{owner}.");
        let runs: Vec<RunId> = self
            .runs
            .keys()
            .filter(|run| run.as_str().starts_with(&prefix))
            .cloned()
            .collect();
        for run in runs {
            self.stop(&run);
            // The hands wait until it has ended; nothing else of the town does.
            if let Some(proc) = self.runs.get_mut(&run)
                && proc.state == State::Live
            {
                proc.stop_at = Some(self.now);
                self.step(&run);
            }
            self.sweep(&run);
        }
    }

    /// Kills what a lost run left behind.
    pub(super) fn sweep(&mut self, run: &RunId) {
        if let Some(proc) = self.runs.get_mut(run)
            && let State::Lost { survivors } = &mut proc.state
        {
            *survivors = false;
        }
    }

    /// Returns the run that does something next, and when.
    pub(super) fn next_run(&self) -> Option<(u64, RunId)> {
        self.at_work
            .iter()
            .filter_map(|run| Some((self.runs[run].next_at(self.frozen.is_some())?, run)))
            .min()
            .map(|(at, run)| (at, run.clone()))
    }

    /// Lets a run do its next thing.
    pub(super) fn step(&mut self, run: &RunId) {
        let now = self.now;
        let Some(proc) = self.runs.get_mut(run) else {
            return;
        };
        let slot = proc.order.slot.clone();
        let number = match &proc.order.work {
            Work::Script(script) | Work::Demo(script) => number_of(script),
            _ => None,
        };
        match proc.take(now) {
            Due::Nothing => {}
            Due::Bow => {
                self.commit(run, &slot, "as it was asked to end");
                self.end(run, ended(Some(0), None));
            }
            Due::End(end) => self.end(run, end),
            Due::Act(act) => match (act, number) {
                (Act::Write, Some(number)) => self.write_wish(run, &slot, number),
                (Act::WriteBroken, Some(number)) => {
                    self.write(run, &slot, 0, Change::Broken(number));
                }
                (Act::WriteJunk, Some(number)) => {
                    let file = u8::try_from(100 + number).unwrap_or(u8::MAX);
                    self.write(run, &slot, file, Change::Junk(number));
                }
                (Act::Commit, _) => self.commit(run, &slot, "work"),
                (Act::Exit(code), _) => self.end(run, ended(Some(code), None)),
                (Act::Die(signal), _) => self.end(run, ended(None, Some(signal))),
                (Act::Ask, _) => {
                    let mut end = ended(Some(64), None);
                    end.tail = "gtd-ask: which colour?".to_owned();
                    self.end(run, end);
                }
                (Act::Prove, _) => self.prove(run, &slot),
                (Act::Write | Act::WriteBroken | Act::WriteJunk, None) => {}
            },
        }
    }

    fn end(&mut self, run: &RunId, mut end: EndSeen) {
        let now = self.now;
        let Some(proc) = self.runs.get_mut(run) else {
            return;
        };
        end.stopped = proc.stop_at.is_some();
        end.took_ms = proc.active(now);
        end.repeats = proc.repeats(now);
        end.infra = match (end.stopped, end.timed_out, end.code, end.signal) {
            (true, ..) => Some("it was stopped before it ended".to_owned()),
            (false, true, ..) => None,
            (_, _, Some(code @ (126 | 127)), _) => Some(format!("exit code {code}")),
            (_, _, _, Some(signal)) => Some(format!("signal {signal} killed it")),
            _ => None,
        };
        proc.ended_on = self.slots.get(&proc.order.slot).map(|s| tree_oid(&s.tree));
        self.said.push(format!(
            "{run} ended: {}{}",
            end.detail(),
            if end.stopped { ", stopped" } else { "" }
        ));
        proc.state = State::Ended(end);
        self.at_work.remove(run);
        self.version += 1;
    }

    fn write_wish(&mut self, run: &RunId, slot: &str, number: u16) {
        let Some(tree) = self.slots.get(slot).map(|slot| slot.tree.clone()) else {
            return;
        };
        let has = |change: Change| tree.values().any(|set| set.contains(&change));
        if has(Change::Plain(number)) || has(Change::Aware(number)) {
            return;
        }
        let sees = |other: u16| has(Change::Plain(other)) || has(Change::Aware(other));
        let clashes = self
            .git
            .clashes
            .iter()
            .any(|(a, b)| (*a == number && sees(*b)) || (*b == number && sees(*a)));
        let change = if clashes {
            Change::Aware(number)
        } else {
            Change::Plain(number)
        };
        for file in self.files.get(&number).cloned().unwrap_or_default() {
            self.write(run, slot, file, change);
        }
    }

    fn write(&mut self, run: &RunId, slot: &str, file: u8, change: Change) {
        let Some(place) = self.slots.get_mut(slot) else {
            return;
        };
        if !place.is_for(run.as_str()) {
            let owner = place.owner.clone();
            self.breaks(format!("{run} writes into the worktree of {owner}"));
            return;
        }
        if Rc::make_mut(&mut place.tree)
            .entry(file)
            .or_default()
            .insert(change)
        {
            place.authors.insert(run.clone());
            self.written.push((run.clone(), file, change));
        }
    }

    fn commit(&mut self, run: &RunId, slot: &str, label: &str) {
        self.commit_all(slot, &format!("{run} {label}"));
    }

    /// Commits what is uncommitted in a worktree.
    pub(super) fn commit_all(&mut self, slot: &str, label: &str) {
        let Some(place) = self.slots.get_mut(slot) else {
            return;
        };
        if self.git.tree(&place.head) == place.tree {
            return;
        }
        let authors = Rc::new(std::mem::take(&mut place.authors));
        let head = self
            .git
            .commit(&[&place.head], place.tree.clone(), authors, label);
        place.head = head.clone();
        if let Some(branch) = &place.branch {
            self.git.refs.insert(branch.clone(), head);
        }
        self.version += 1;
    }

    fn prove(&mut self, run: &RunId, slot: &str) {
        let tree = self.slots[slot].tree.clone();
        let Some(proc) = self.runs.get(run) else {
            return;
        };
        if tree_oid(&tree) != proc.began_on {
            self.breaks(format!("the files changed below {run} while it ran"));
            return;
        }
        let red = match &proc.order.work {
            // A check of a bead looks for what the bead wants.
            Work::Check(command) => number_of(command).and_then(|number| {
                let wanted = [
                    Change::Plain(number),
                    Change::Aware(number),
                    Change::Broken(number),
                ];
                let is_there = changes(&tree).iter().any(|(_, c)| wanted.contains(c));
                (!is_there).then(|| "not there".to_owned())
            }),
            _ => self.git.red(&tree),
        };
        let mut end = ended(Some(i32::from(red.is_some())), None);
        end.tail = red.unwrap_or_default();
        self.end(run, end);
    }

    /// Loses the shim of a live run.
    pub(super) fn lose(&mut self, run: &RunId, survivors: bool) {
        if let Some(proc) = self.runs.get_mut(run)
            && proc.state == State::Live
        {
            proc.state = State::Lost { survivors };
            self.at_work.remove(run);
            self.version += 1;
        }
    }

    /// Lists the live runs.
    pub(super) fn live(&self) -> Vec<RunId> {
        self.at_work.iter().cloned().collect()
    }

    /// Freezes all processes; no effect begins from here on.
    pub(super) fn freeze(&mut self) {
        self.frozen.get_or_insert(self.now);
    }

    /// Lets all processes go on.
    pub(super) fn thaw(&mut self) {
        let Some(since) = self.frozen.take() else {
            return;
        };
        let slept = self.now - since;
        for proc in self.runs.values_mut() {
            if proc.state == State::Live {
                proc.begun += slept;
            }
        }
        self.version += 1;
    }
}

fn is_alive(state: &State) -> bool {
    matches!(state, State::Live | State::Lost { survivors: true })
}

/// Reads the number of the bead off the command line of its work or check.
pub(super) fn number_of(command: &str) -> Option<u16> {
    command.split_once(' ')?.1.parse().ok()
}
