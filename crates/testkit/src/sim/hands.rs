//! The hands of the simulated host: the same answers and acts as those of `gtd-host`.

use gtd_core::{Command, Oid, Target};
use gtd_plan::{
    Answer, AssemblyOrder, AssemblySeen, Checkout, ConflictSeen, Effect, LiveSeen, MachineSeen,
    OwnerSeen, Question, RunSeen, TipSeen, WorktreeSeen, attempt_owner, branch_name,
    standing_owner,
};

use super::{
    git::tree_oid,
    rng::hash,
    runs::State,
    world::{Slot, World},
};

/// Silence after which the processor time of a run is looked at, in milliseconds.
const CPU_LOOK_MS: u64 = 500;

/// Why an act did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Everything is stopped, or a ref moved: no reason for a back-off.
    Passing(String),
    /// Something is wrong.
    Wrong(String),
}

impl World {
    /// Answers one question.
    pub(super) fn see(&mut self, question: &Question) -> Answer {
        match question {
            Question::Run(run) => Answer::Run(self.see_run(run)),
            Question::Tip(target) => Answer::Tip(self.see_tip(target)),
            Question::Contains { target, commit } => {
                let tip = self.git.refs.get(&target.r#ref);
                let contains = tip.is_some_and(|tip| self.git.is_ancestor(commit, tip));
                Answer::Contains(contains && self.adopts)
            }
            Question::Owner { slot, .. } => {
                Answer::Owner(self.slots.get(slot).map(|slot| OwnerSeen {
                    owner: slot.owner.clone(),
                    start: Some(slot.start.clone()),
                }))
            }
            Question::Worktree { slot, .. } => Answer::Worktree(self.see_worktree(slot)),
            Question::Stillness { slot, .. } => {
                let sign = self
                    .slots
                    .get(slot)
                    .map_or(0, |slot| hash(0, &format!("{:?}", slot.tree)));
                Answer::Stillness(self.note(format!("tree {slot}"), sign))
            }
            Question::Assembly(order) => Answer::Assembly(self.see_assembly(order)),
            Question::Changed { from, to, .. } => {
                let (from, to) = (self.git.tree(from), self.git.tree(to));
                let files = from
                    .keys()
                    .chain(to.keys())
                    .collect::<std::collections::BTreeSet<_>>();
                let files = files
                    .into_iter()
                    .filter(|file| from.get(file) != to.get(file));
                Answer::Changed(files.map(|file| format!("file-{file}.txt")).collect())
            }
            Question::Protected { globs, .. } => {
                Answer::Protected(gtd_core::protected_paths(globs, &[]))
            }
            Question::Weaker { .. } => Answer::Weaker(gtd_core::GuardReport::new(
                gtd_core::Guard::TestGuard,
                vec![],
                &[],
            )),
            Question::Dropped { .. } => Answer::Dropped(gtd_core::GuardReport::new(
                gtd_core::Guard::KeptLines,
                vec![],
                &[],
            )),
            Question::NewTests { .. } => Answer::NewTests(None),
            Question::Submission { .. } => Answer::Submission(gtd_plan::SubmissionSeen::default()),
            Question::Line { .. } => Answer::Line(vec![]),
            Question::Proposed(_) => {
                Answer::Proposed(gtd_plan::ProposalSeen::Failed("nobody looks".to_owned()))
            }
            Question::Pushed { .. } => Answer::Pushed(None),
            Question::Signed { commit, .. } => Answer::Signed(Ok(commit.clone())),
            Question::Awake => Answer::Awake(u64::MAX),
            Question::Runtimes => Answer::Runtimes(vec![]),
            Question::Zone => Answer::Zone(gtd_core::Zone::utc()),
            Question::Means(_) => Answer::Means(gtd_core::config::PlanMeans::default()),
            Question::Machine => Answer::Machine(if self.is_short {
                MachineSeen::Short("the disk is nearly full".to_owned())
            } else {
                MachineSeen::Roomy
            }),
        }
    }

    fn see_run(&mut self, run: &gtd_core::RunId) -> RunSeen {
        let key = |what: &str| format!("run {run} {what}");
        let now = self.frozen.unwrap_or(self.now);
        let Some(proc) = self.runs.get(run) else {
            return RunSeen::Absent {
                for_ms: self.note(key("absent"), 0),
            };
        };
        match &proc.state {
            State::Prepared => RunSeen::Prepared,
            State::Lost { .. } => RunSeen::Lost,
            State::Ended(end) => RunSeen::Ended(end.clone()),
            State::Live => {
                if self.frozen.is_some() {
                    // Who is made to stand still is not silent.
                    self.memory.remove(&key("output"));
                    self.memory.remove(&key("cpu"));
                }
                let (bytes, ticks, repeats) = (proc.bytes(now), proc.ticks(now), proc.repeats(now));
                let quiet_ms = self.note(key("output"), bytes);
                let idle_ms = if quiet_ms >= CPU_LOOK_MS {
                    self.note(key("cpu"), ticks)
                } else {
                    0
                };
                RunSeen::Live(LiveSeen {
                    quiet_ms,
                    idle_ms,
                    repeats,
                    last_line: String::new(),
                    used: None,
                })
            }
        }
    }

    fn see_tip(&self, target: &Target) -> TipSeen {
        let at = self.git.refs.get(&target.r#ref).cloned();
        let branch = self
            .git
            .refs
            .get(&format!("refs/heads/{}", target.branch))
            .cloned();
        let branch_is_ahead = match (&at, &branch) {
            (Some(at), Some(branch)) if at != branch => self.git.is_ancestor(at, branch),
            _ => false,
        };
        TipSeen {
            at,
            branch,
            branch_is_ahead,
        }
    }

    fn see_worktree(&self, slot: &str) -> Option<WorktreeSeen> {
        let slot = self.slots.get(slot)?;
        let head = self.git.tree(&slot.head);
        Some(WorktreeSeen {
            owner: slot.owner.clone(),
            start: Some(slot.start.clone()),
            head: slot.head.clone(),
            dirty: head != slot.tree,
            changed: slot.start != slot.head && self.git.tree(&slot.start) != head,
        })
    }

    fn see_assembly(&mut self, order: &AssemblyOrder) -> AssemblySeen {
        if let Some(known) = self.assemblies.get(order) {
            return known.clone();
        }
        let members: Vec<_> = order
            .members
            .iter()
            .map(|member| (member.bead.clone(), member.head.clone()))
            .collect();
        let done = self.git.assemble(&order.base, &members, self.adopts);
        let seen = AssemblySeen {
            joined: done.already.into_iter().chain(done.joined).collect(),
            conflicts: done
                .conflicts
                .into_iter()
                .map(|(bead, files)| ConflictSeen {
                    bead,
                    files,
                    theirs: vec!["c0ffee1 what somebody else did".to_owned()],
                    diff: String::new(),
                })
                .collect(),
            behind: vec![],
            commit: done.commit,
            tree: done.tree,
        };
        self.assemblies.insert(order.clone(), seen.clone());
        seen
    }

    /// Performs one effect; returns what is to be told about it.
    pub(super) fn perform(&mut self, effect: &Effect) -> Result<Vec<Command>, Failure> {
        let ends = matches!(effect, Effect::StopRun { .. } | Effect::SweepLost { .. });
        if self.frozen.is_some() && !ends {
            return Err(Failure::Passing("everything is stopped".to_owned()));
        }
        if let Some(part) = &self.failing
            && effect.key().contains(part.as_str())
        {
            return Err(Failure::Wrong(format!("{} fails", effect.key())));
        }
        match effect {
            Effect::EnsureWorktree { slot, checkout, .. } => self.ensure_worktree(slot, checkout),
            Effect::EnsureRun(order) => self.begin(order)?,
            Effect::EnsureCommit {
                slot, bead, epoch, ..
            } => {
                let owner = attempt_owner(bead, *epoch);
                if self.slots.get(slot).is_some_and(|slot| slot.owner != owner) {
                    return Err(Failure::Passing("its worktree has passed on".to_owned()));
                }
                self.commit_all(slot, &format!("gtd, epoch {epoch}"));
            }
            Effect::EnsureRef { name, new, old, .. } => {
                self.ensure_ref(name, new, old.as_ref())?;
            }
            Effect::EnsureNote { commit, text, .. } => {
                self.notes.insert(commit.clone(), text.clone());
            }
            // No rig of the simulator pushes or proposes anything.
            Effect::EnsurePushed { .. } | Effect::Propose(_) => {}
            Effect::BringHome { goal, target } => {
                let (commit, why) = self.bring_home(target);
                return Ok(vec![Command::ConcludeLanding {
                    goal: goal.clone(),
                    commit,
                    why,
                }]);
            }
            Effect::PutAwayCrew { member, slot, .. } => {
                if let Some(place) = self.slots.remove(slot) {
                    self.snapshots.push(place.tree);
                    self.version += 1;
                }
                return Ok(vec![Command::ConcludeCrew {
                    member: member.clone(),
                    outcome: gtd_core::CrewOutcome::Gone,
                    why: String::new(),
                }]);
            }
            Effect::StopRun { run } => self.stop(run),
            Effect::SweepLost { run } => self.sweep(run),
        }
        Ok(vec![])
    }

    fn ensure_worktree(&mut self, slot: &str, checkout: &Checkout) {
        let owner = match checkout {
            Checkout::Attempt { bead, epoch, .. } | Checkout::Continued { bead, epoch, .. } => {
                attempt_owner(bead, *epoch)
            }
            Checkout::Standing { member, .. } => standing_owner(member),
            Checkout::Exact { owner, .. } => owner.clone(),
        };
        let wanted = match checkout {
            Checkout::Attempt { .. } | Checkout::Continued { .. } | Checkout::Standing { .. } => {
                None
            }
            Checkout::Exact { commit, .. } => Some(commit),
        };
        if let Some(place) = self.slots.get(slot) {
            if place.owner == owner && wanted.is_none_or(|commit| *commit == place.head) {
                return;
            }
            let earlier = place.owner.clone();
            if earlier != owner {
                self.end_runs_of(&earlier);
            }
        }
        if let Some(other) = self.alive_in(slot).first() {
            self.breaks(format!(
                "the worktree {slot} is taken from below {other}, which lives"
            ));
        }
        if let Checkout::Continued { bead, epoch, .. } = checkout {
            // It stays as it is.
            if let Some(place) = self.slots.get_mut(slot) {
                let branch = format!("refs/heads/{}", branch_name(bead, *epoch));
                self.git.refs.insert(branch.clone(), place.head.clone());
                place.branch = Some(branch);
                place.owner = owner;
                self.version += 1;
            }
            return;
        }
        if let Some(place) = self.slots.get(slot)
            && self.git.tree(&place.head) != place.tree
        {
            self.snapshots.push(place.tree.clone());
        }
        let (start, branch) = match checkout {
            Checkout::Attempt { bead, epoch, start } => {
                let branch = format!("refs/heads/{}", branch_name(bead, *epoch));
                let start = self.git.refs.get(&branch).unwrap_or(start).clone();
                self.git.refs.insert(branch.clone(), start.clone());
                (start, Some(branch))
            }
            Checkout::Standing { branch, start, .. } => {
                let branch = format!("refs/heads/{branch}");
                let start = self.git.refs.get(&branch).unwrap_or(start).clone();
                self.git.refs.insert(branch.clone(), start.clone());
                (start, Some(branch))
            }
            Checkout::Continued { .. } => return,
            Checkout::Exact { commit, .. } => (commit.clone(), None),
        };
        let made = Slot {
            owner,
            head: start.clone(),
            branch,
            tree: self.git.tree(&start),
            authors: std::collections::BTreeSet::new(),
            start,
        };
        self.slots.insert(slot.to_owned(), made);
        self.version += 1;
    }

    fn ensure_ref(&mut self, name: &str, new: &Oid, old: Option<&Oid>) -> Result<(), Failure> {
        if self.held.contains(name) {
            return Err(Failure::Wrong(format!("{name} is checked out")));
        }
        let at = self.git.refs.get(name).cloned();
        if at.as_ref() == Some(new) {
            return Ok(());
        }
        if at.as_ref() != old {
            return Err(Failure::Passing(format!("{name} moved")));
        }
        if let Some(at) = &at
            && !self.git.is_ancestor(at, new)
        {
            self.breaks(format!("{name} is moved to where it loses commits"));
        }
        if name.starts_with("refs/heads/") {
            self.check_target_move(name, new);
        }
        self.git.refs.insert(name.to_owned(), new.clone());
        self.version += 1;
        Ok(())
    }

    /// Green is promised for what gtd makes; what a person pushed is the person's.
    fn check_target_move(&mut self, name: &str, new: &Oid) {
        let tree = self.git.tree(new);
        let is_a_persons = self
            .git
            .refs
            .iter()
            .any(|(other, at)| other != name && other.starts_with("refs/heads/m") && at == new);
        if !is_a_persons && let Some(red) = self.git.red(&tree) {
            self.breaks(format!("{name} is moved to a red commit: {red}"));
        }
    }

    fn bring_home(&mut self, target: &Target) -> (Option<Oid>, String) {
        let branch = format!("refs/heads/{}", target.branch);
        let Some(from) = self.git.refs.get(&target.r#ref).cloned() else {
            return (None, "it does not exist".to_owned());
        };
        let at = self.git.refs.get(&branch).cloned();
        match at {
            Some(at) if self.git.is_ancestor(&from, &at) => {
                (Some(at), "it was there already".to_owned())
            }
            Some(at) if self.git.is_ancestor(&at, &from) => {
                self.git.refs.insert(branch, from.clone());
                self.version += 1;
                (Some(from), String::new())
            }
            _ => (None, "merge them by hand".to_owned()),
        }
    }

    /// Names the tree of a commit.
    pub(super) fn tree_of(&self, commit: &Oid) -> Oid {
        tree_oid(&self.git.tree(commit))
    }
}
