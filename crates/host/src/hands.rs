//! The hands: they look at the world and act on it. Everything here blocks.
//!
//! Each act adopts what is already true before it does anything, so a second
//! try, by this process or by the one after a crash, finds the first.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use gtd_agent::{End, RunState};
use gtd_agent::{
    Runs,
    runtime::{BaseEnv, Setting, command_run, demo_run, shell_run},
};
use gtd_client::{Places, RigFolders};
use gtd_core::{BeadId, Command, Oid, RigName, RunId, SeatName, Target};
use gtd_git::{Author, Expect, FastForward, Owner, Pool, RefMove, Repository, Tidy};
use gtd_plan::{
    Answer, AssemblyOrder, AssemblySeen, Checkout, Effect, EndSeen, LiveSeen, Question, RunOrder,
    RunSeen, TipSeen, Work, WorktreeSeen, attempt_owner, branch_name,
};

use crate::{
    HostError,
    emergency::{MayAct, check_not_stopped},
    machine,
    stillness::{Stillness, content_sign, processor_time},
};

/// How much of an output is read as evidence, in bytes.
const TAIL: u64 = 8 * 1024;
/// How long a run that is stopped has before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// Silence after which the processor time of a run is looked at, in milliseconds.
const CPU_LOOK_MS: u64 = 500;
/// Assemblies that are remembered.
const ASSEMBLIES: usize = 512;

/// The hands of one role host. Clones share what they remember.
#[derive(Debug, Clone)]
pub(crate) struct Hands {
    places: Arc<Places>,
    runs: Runs,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    pools: HashMap<RigName, (PathBuf, Pool)>,
    stillness: Stillness,
    assemblies: BTreeMap<AssemblyOrder, AssemblySeen>,
}

impl Hands {
    pub(crate) fn new(places: Arc<Places>, runs: Runs) -> Self {
        Self {
            places,
            runs,
            memory: Arc::default(),
        }
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the worktrees of a rig; a rig that moved is found anew.
    fn pool(&self, rig: &RigName) -> Result<Pool, HostError> {
        let folders = RigFolders::load(&self.places.rigs_file()).map_err(HostError::Rigs)?;
        let folder = folders
            .folder(rig)
            .ok_or_else(|| HostError::NoFolder { rig: rig.clone() })?
            .to_owned();
        if let Some((known, pool)) = self.memory().pools.get(rig)
            && *known == folder
        {
            return Ok(pool.clone());
        }
        let pool = Repository::open(&folder)
            .and_then(|repository| Pool::open(repository, &self.places.worktrees(rig)))
            .map_err(git(rig))?;
        self.memory()
            .pools
            .insert(rig.clone(), (folder, pool.clone()));
        Ok(pool)
    }

    // --- Looking -----------------------------------------------------------

    /// Answers one question.
    pub(crate) fn see(&self, question: &Question) -> Result<Answer, HostError> {
        Ok(match question {
            Question::Run(run) => Answer::Run(self.see_run(run)?),
            Question::Tip(target) => Answer::Tip(self.see_tip(target)?),
            Question::Contains { target, commit } => {
                Answer::Contains(self.see_contains(target, commit)?)
            }
            Question::Worktree { rig, slot } => Answer::Worktree(self.see_worktree(rig, slot)?),
            Question::Stillness { rig, slot } => {
                let sign = content_sign(&self.pool(rig)?.path(slot));
                let key = format!("tree {rig}/{slot}");
                Answer::Stillness(self.memory().stillness.note(&key, sign))
            }
            Question::Assembly(order) => Answer::Assembly(self.see_assembly(order)?),
            Question::Machine => Answer::Machine(machine::look(&self.places.data)),
        })
    }

    fn see_run(&self, run: &RunId) -> Result<RunSeen, HostError> {
        let key = |what: &str| format!("run {run} {what}");
        Ok(match self.runs.state(run).map_err(HostError::Run)? {
            RunState::Absent => RunSeen::Absent {
                for_ms: self.memory().stillness.note(&key("absent"), 0),
            },
            RunState::Prepared => RunSeen::Prepared,
            RunState::Lost => RunSeen::Lost,
            RunState::Live(live) => {
                let progress = self.runs.progress(run).map_err(HostError::Run)?;
                let quiet_ms = self.memory().stillness.note(&key("output"), progress.bytes);
                let idle_ms = if quiet_ms >= CPU_LOOK_MS {
                    let ticks = processor_time(live.pid);
                    self.memory().stillness.note(&key("cpu"), ticks)
                } else {
                    0
                };
                RunSeen::Live(LiveSeen {
                    quiet_ms,
                    idle_ms,
                    repeats: progress.repeats,
                    last_line: progress.last_line,
                })
            }
            RunState::Exited(exit) => {
                self.memory().stillness.forget(&format!("run {run} "));
                let tail = self.runs.tail(run, TAIL).map_err(HostError::Run)?;
                let repeats = self.runs.progress(run).map_or(0, |p| p.repeats);
                let infra = match gtd_agent::gate::classify_gate(&exit, &tail) {
                    gtd_agent::gate::GateVerdict::Infra { why } => Some(why),
                    _ => None,
                };
                let (code, signal) = match exit.end {
                    End::Code(code) => (Some(code), None),
                    End::Signal(signal) => (None, Some(signal)),
                };
                RunSeen::Ended(EndSeen {
                    code,
                    signal,
                    timed_out: exit.timed_out,
                    stopped: exit.stopped,
                    took_ms: u64::try_from(exit.ended_at.since(exit.started_at).as_millis())
                        .unwrap_or(u64::MAX),
                    repeats,
                    tail,
                    infra,
                })
            }
        })
    }

    fn see_tip(&self, target: &Target) -> Result<TipSeen, HostError> {
        let pool = self.pool(&target.rig)?;
        let repository = pool.repository();
        let wrong = git(&target.rig);
        let look = || {
            let at = repository.resolve(&target.r#ref)?;
            let name = format!("refs/heads/{}", target.branch);
            let branch = if name == target.r#ref {
                at.clone()
            } else {
                repository.resolve(&name)?
            };
            let branch_is_ahead = match (&at, &branch) {
                (Some(at), Some(branch)) if at != branch => repository.is_ancestor(at, branch)?,
                _ => false,
            };
            Ok(TipSeen {
                at,
                branch,
                branch_is_ahead,
            })
        };
        look().map_err(wrong)
    }

    fn see_contains(&self, target: &Target, commit: &Oid) -> Result<bool, HostError> {
        let pool = self.pool(&target.rig)?;
        let repository = pool.repository();
        let look = || match repository.resolve(&target.r#ref)? {
            Some(tip) => repository.is_ancestor(commit, &tip),
            None => Ok(false),
        };
        look().map_err(git(&target.rig))
    }

    fn see_worktree(&self, rig: &RigName, slot: &str) -> Result<Option<WorktreeSeen>, HostError> {
        let pool = self.pool(rig)?;
        let look = || {
            let Some(state) = pool.look(slot)? else {
                return Ok(None);
            };
            let (Some(owner), Some(head), true) = (state.owner, state.head, state.ready) else {
                return Ok(None);
            };
            let (owner, start) = split_key(&owner.key);
            let repository = pool.repository();
            let changed = match &start {
                Some(start) => {
                    *start != head && repository.tree_of(start)? != repository.tree_of(&head)?
                }
                None => true,
            };
            Ok(Some(WorktreeSeen {
                owner,
                start,
                head,
                dirty: state.dirty,
                changed,
            }))
        };
        look().map_err(git(rig))
    }

    fn see_assembly(&self, order: &AssemblyOrder) -> Result<AssemblySeen, HostError> {
        if let Some(known) = self.memory().assemblies.get(order) {
            return Ok(known.clone());
        }
        let pool = self.pool(&order.target.rig)?;
        let assembly = pool
            .repository()
            .assemble(&assembly_spec(order))
            .map_err(git(&order.target.rig))?;
        let bead = |key: &String| {
            order
                .members
                .iter()
                .map(|member| &member.bead)
                .find(|bead| bead.as_str() == key)
                .cloned()
        };
        // What does not fit behind an earlier member may fit when that one does not land.
        let conflicts = assembly
            .conflicts
            .iter()
            .filter(|conflict| conflict.against == gtd_git::Against::Base)
            .filter_map(|conflict| Some((bead(&conflict.key)?, conflict.files.clone())))
            .collect();
        let seen = AssemblySeen {
            joined: assembly
                .already
                .iter()
                .chain(&assembly.joined)
                .filter_map(bead)
                .collect(),
            conflicts,
            commit: assembly.commit,
            tree: assembly.tree,
        };
        let mut memory = self.memory();
        let assemblies = &mut memory.assemblies;
        if assemblies.len() >= ASSEMBLIES {
            assemblies.clear();
        }
        assemblies.insert(order.clone(), seen.clone());
        Ok(seen)
    }

    // --- Acting ------------------------------------------------------------

    /// Performs one effect; returns what is to be told about it.
    pub(crate) fn perform(&self, effect: &Effect) -> Result<Vec<Command>, HostError> {
        let _may_act = match effect {
            // Ending a run is always allowed: a stop must not keep one alive.
            Effect::StopRun { .. } | Effect::SweepLost { .. } => None,
            // It may take long and touches nothing but the pool.
            Effect::EnsureWorktree { .. } => {
                check_not_stopped(&self.places)?;
                None
            }
            _ => Some(MayAct::take(&self.places)?),
        };
        match effect {
            Effect::EnsureWorktree {
                rig,
                slot,
                checkout,
            } => self.ensure_worktree(rig, slot, checkout)?,
            Effect::EnsureRun(order) => self.ensure_run(order)?,
            Effect::EnsureCommit {
                rig,
                slot,
                subject,
                trailers,
                ..
            } => {
                let text = gtd_git::message(subject, "", trailers);
                self.pool(rig)?
                    .commit_all(slot, &text, &author(slot))
                    .map_err(git(rig))?;
            }
            Effect::EnsureRef {
                rig,
                name,
                new,
                old,
            } => self.ensure_ref(rig, name, new, old.as_ref())?,
            Effect::BringHome { goal, target } => return self.bring_home(goal, target),
            Effect::StopRun { run } => self.runs.stop(run, GRACE).map_err(HostError::Run)?,
            Effect::SweepLost { run } => {
                self.runs.sweep_lost(run).map_err(HostError::Run)?;
            }
        }
        Ok(vec![])
    }

    fn ensure_worktree(
        &self,
        rig: &RigName,
        slot: &str,
        checkout: &Checkout,
    ) -> Result<(), HostError> {
        let pool = self.pool(rig)?;
        let owner = match checkout {
            Checkout::Attempt { bead, epoch, .. } => attempt_owner(bead, *epoch),
            Checkout::Exact { owner, .. } => owner.clone(),
        };
        if let Some(earlier) = pool.owner(slot).map_err(git(rig))? {
            let (earlier, _) = split_key(&earlier.key);
            if earlier != owner {
                self.end_runs_of(&earlier)?;
            }
        }
        let ensure = || match checkout {
            Checkout::Attempt { bead, epoch, start } => {
                let name = branch_name(bead, *epoch);
                let mine = attempt_owner(bead, *epoch);
                // An earlier try fixed where the attempt begins.
                let kept = pool
                    .owner(slot)?
                    .map(|owner| split_key(&owner.key))
                    .filter(|(owner, _)| *owner == mine)
                    .and_then(|(_, start)| start);
                let start = match kept {
                    Some(start) => start,
                    None => pool
                        .repository()
                        .resolve(&format!("refs/heads/{name}"))?
                        .unwrap_or_else(|| start.clone()),
                };
                let owner = Owner {
                    key: format!("{mine}@{start}"),
                    label: bead.to_string(),
                    epoch: *epoch,
                };
                let checkout = gtd_git::Checkout::Branch { name, start };
                pool.ensure(slot, &checkout, Tidy::KeepIgnored, &owner)
            }
            Checkout::Exact { commit, owner } => {
                let owner = Owner {
                    key: format!("{owner}@{commit}"),
                    label: slot.to_owned(),
                    epoch: gtd_core::Epoch(0),
                };
                let checkout = gtd_git::Checkout::Detached(commit.clone());
                pool.ensure(slot, &checkout, Tidy::Everything, &owner)
            }
        };
        ensure().map(drop).map_err(git(rig))
    }

    /// Ends whatever an earlier owner of a worktree still runs, before the worktree is reused.
    fn end_runs_of(&self, owner: &str) -> Result<(), HostError> {
        let prefix = format!("{owner}.");
        let until = Instant::now() + GRACE + GRACE;
        for run in self.runs.list().map_err(HostError::Run)? {
            if !run.as_str().starts_with(&prefix) {
                continue;
            }
            while matches!(
                self.runs.state(&run).map_err(HostError::Run)?,
                RunState::Live(_) | RunState::Prepared
            ) {
                self.runs.stop(&run, GRACE).map_err(HostError::Run)?;
                if Instant::now() > until {
                    return Err(HostError::Broken {
                        what: format!("{run} does not end"),
                    });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    fn ensure_run(&self, order: &RunOrder) -> Result<(), HostError> {
        gtd_fault::point("host.before-run");
        let pool = self.pool(&order.rig)?;
        let mut setting = Setting::new(
            order.run.clone(),
            order.rig.clone(),
            pool.path(&order.slot),
            BaseEnv::of_this_process(),
        );
        setting.bead.clone_from(&order.bead);
        setting.epoch = order.epoch;
        setting.limit = Some(Duration::from_millis(order.limit_ms));
        setting.nice = 10;
        setting.env = pool.agent_git_env().into_iter().collect();
        setting.env.extend(
            author(&order.slot)
                .env()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        setting.env.extend(order.env.clone());
        setting.labels = BTreeMap::from([("epoch".to_owned(), order.epoch.to_string())]);
        if let Some(bead) = &order.bead {
            setting.labels.insert("bead".to_owned(), bead.to_string());
        }
        let spec = match &order.work {
            Work::Script(script) => shell_run(&self.runs, &setting, script),
            Work::Demo(directives) => demo_run(&self.runs, &setting, directives),
            Work::Check(command) | Work::Gate(_, command) => {
                command_run(&self.runs, &setting, command)
            }
        };
        self.runs.ensure(&spec).map(drop).map_err(HostError::Run)
    }

    fn ensure_ref(
        &self,
        rig: &RigName,
        name: &str,
        new: &Oid,
        old: Option<&Oid>,
    ) -> Result<(), HostError> {
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let is_branch = name.starts_with("refs/heads/");
        if is_branch && let Some(at) = repository.checked_out_at(name).map_err(git(rig))? {
            return Err(HostError::CheckedOut {
                name: name.to_owned(),
                at,
            });
        }
        let expect = old.map_or(Expect::Missing, |old| Expect::At(old.clone()));
        gtd_fault::point(if is_branch {
            "host.before-target-move"
        } else {
            "host.before-candidate-ref"
        });
        match repository.move_ref(name, new, &expect).map_err(git(rig))? {
            RefMove::Moved | RefMove::AlreadyThere => {
                gtd_fault::point(if is_branch {
                    "host.after-target-move"
                } else {
                    "host.after-candidate-ref"
                });
                Ok(())
            }
            RefMove::Elsewhere(at) => Err(HostError::RefMoved {
                name: name.to_owned(),
                at,
            }),
        }
    }

    fn bring_home(&self, goal: &BeadId, target: &Target) -> Result<Vec<Command>, HostError> {
        let rig = &target.rig;
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let branch = format!("refs/heads/{}", target.branch);
        let conclude = |commit: Option<Oid>, why: String| {
            vec![Command::ConcludeLanding {
                goal: goal.clone(),
                commit,
                why,
            }]
        };
        let bring = || {
            let Some(from) = repository.resolve(&target.r#ref)? else {
                return Ok(conclude(
                    None,
                    format!("{} does not exist", target.short_ref()),
                ));
            };
            let at = repository.resolve(&branch)?;
            if let Some(at) = &at
                && repository.is_ancestor(&from, at)?
            {
                return Ok(conclude(
                    Some(at.clone()),
                    "it was there already".to_owned(),
                ));
            }
            let apart = format!(
                "{} has commits that {} does not have; merge them by hand",
                target.branch,
                target.short_ref()
            );
            if let Some(checkout) = repository.checked_out_at(&branch)? {
                let place = checkout.display();
                return Ok(match repository.fast_forward_checkout(&checkout, &from)? {
                    FastForward::Done => conclude(Some(from), String::new()),
                    FastForward::NotClean(files) => {
                        conclude(None, format!("{place} is not clean: {}", files.join(", ")))
                    }
                    FastForward::InProgress(_) => {
                        conclude(None, format!("{place} is in the middle of something"))
                    }
                    FastForward::NotFastForward => conclude(None, apart),
                });
            }
            let expect = match &at {
                Some(at) if repository.is_ancestor(at, &from)? => Expect::At(at.clone()),
                Some(_) => return Ok(conclude(None, apart)),
                None => Expect::Missing,
            };
            Ok(match repository.move_ref(&branch, &from, &expect)? {
                RefMove::Moved | RefMove::AlreadyThere => conclude(Some(from), String::new()),
                RefMove::Elsewhere(_) => {
                    conclude(None, format!("{} moved meanwhile", target.branch))
                }
            })
        };
        bring().map_err(git(rig))
    }
}

fn git(rig: &RigName) -> impl Fn(gtd_git::GitError) -> HostError + '_ {
    move |source| HostError::Git {
        rig: rig.clone(),
        source,
    }
}

/// Splits an owner's key into the owner and the commit that it began from.
fn split_key(key: &str) -> (String, Option<Oid>) {
    match key.rsplit_once('@') {
        Some((owner, start)) => (owner.to_owned(), Oid::parse(start).ok()),
        None => (key.to_owned(), None),
    }
}

fn author(slot: &str) -> Author {
    SeatName::parse(slot).map_or_else(
        |_| Author::new("gtd", "gtd@gtd.invalid"),
        |seat| Author::seat(&seat),
    )
}

fn assembly_spec(order: &AssemblyOrder) -> gtd_git::AssemblySpec {
    let trailers = |member: &gtd_plan::AssemblyMember| {
        let mut trailers = vec![("Gtd-Bead".to_owned(), member.bead.to_string())];
        trailers.extend(
            member
                .goal
                .as_ref()
                .map(|goal| ("Gtd-Convoy".to_owned(), goal.to_string())),
        );
        trailers
    };
    let subject = match order.members.as_slice() {
        [only] => only.title.clone(),
        many => format!("Land {} beads", many.len()),
    };
    let mut all: Vec<(String, String)> = order.members.iter().flat_map(trailers).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|trailer| seen.insert(trailer.clone()));
    gtd_git::AssemblySpec {
        base: order.base.clone(),
        subject,
        trailers: all,
        members: order
            .members
            .iter()
            .map(|member| gtd_git::Member {
                key: member.bead.to_string(),
                head: member.head.clone(),
                title: member.title.clone(),
                trailers: trailers(member),
            })
            .collect(),
    }
}
