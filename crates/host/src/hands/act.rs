//! Acting: effects, each adopted when it is done already.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use gtd_agent::{
    RunState,
    runtime::{BaseEnv, Setting, command_run, demo_run, shell_run},
};
use gtd_client::Places;
use gtd_core::{
    BeadId, Command, Epoch, Fault, FaultClass, NOTES_REF, Oid, RigName, SeatName,
    config::passed_variables,
};
use gtd_git::{Author, Expect, GitError, Held, Owner, Pool, RefMove, RunFailure, Tidy};
use gtd_plan::{
    AgentTurn, Checkout, Effect, MachineSeen, RunOrder, Task, Work, attempt_owner, branch_name,
    standing_owner,
};

use super::{Hands, git, split_key, standing};
use crate::{
    HostError,
    emergency::{MayAct, check_not_stopped},
};

/// How long a run that is stopped has before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// The variable with the commit that the work on a bead began from.
const BASE: &str = "GTD_BASE";

impl Hands {
    /// Performs one effect; returns what is to be told about it.
    pub(crate) fn perform(&self, effect: &Effect) -> Result<Vec<Command>, HostError> {
        match effect {
            Effect::EnsureWorktree {
                rig,
                slot,
                checkout,
            } => {
                self.check_room(|| effect.key())?;
                self.ensure_worktree(rig, slot, checkout)?;
            }
            Effect::EnsureRun(order) => {
                // What has begun is adopted, however short the machine is.
                if self.runs.state(&order.run).map_err(HostError::Run)? == RunState::Absent {
                    self.check_room(|| effect.key())?;
                }
                self.ensure_run(order)?;
            }
            Effect::EnsureCommit {
                rig,
                slot,
                bead,
                epoch,
                subject,
                trailers,
            } => {
                let text = gtd_git::message(subject, "", trailers);
                return self.ensure_commit(rig, slot, bead, *epoch, &text);
            }
            Effect::EnsureRef {
                rig,
                name,
                new,
                old,
            } => {
                let _may_act = MayAct::take(&self.places)?;
                if name.starts_with("refs/heads/") {
                    self.check_not_frozen(rig)?;
                }
                self.ensure_ref(rig, name, new, old.as_ref())?;
            }
            Effect::EnsureNote { rig, commit, text } => {
                let _may_act = MayAct::take(&self.places)?;
                let pool = self.pool(rig)?;
                pool.repository()
                    .ensure_note(NOTES_REF, commit, text)
                    .map_err(git(rig))?;
            }
            Effect::EnsurePushed {
                rig,
                remote,
                name,
                commit,
            } => {
                // A remote may need minutes to answer: nobody waits for it, and after a stop the
                // push that had begun comes to its end.
                drop(MayAct::take(&self.places)?);
                self.check_not_frozen(rig)?;
                self.ensure_pushed(rig, remote, name, commit)?;
            }
            Effect::Propose(proposal) => {
                let _may_act = MayAct::take(&self.places)?;
                self.check_not_frozen(&proposal.target.rig)?;
                self.propose(proposal)?;
            }
            Effect::BringHome { goal, target } => {
                let _may_act = MayAct::take(&self.places)?;
                self.check_not_frozen(&target.rig)?;
                return self.bring_home(goal, target);
            }
            Effect::PutAwayCrew {
                member,
                target,
                slot,
                branch,
                discard,
            } => {
                let _may_act = MayAct::take(&self.places)?;
                let place = standing::Place {
                    member,
                    target,
                    slot,
                    branch,
                };
                return self.put_away(place, *discard);
            }
            // Ending a run is always allowed: a stop must not keep one alive.
            Effect::StopRun { run } => self.runs.stop(run, GRACE).map_err(HostError::Run)?,
            Effect::SweepLost { run } => {
                self.runs.sweep_lost(run).map_err(HostError::Run)?;
            }
        }
        Ok(vec![])
    }

    /// Asks the ledger itself whether branches may move: what a mirror shows may be older than a
    /// freeze. Whoever freezes then waits until the right to act is free, so that nothing moves
    /// once the freeze is answered.
    fn check_not_frozen(&self, rig: &RigName) -> Result<(), HostError> {
        let client = self.memory().client.clone().ok_or(HostError::Away)?;
        tokio::runtime::Handle::current()
            .block_on(client.may_move(rig))
            .map_err(HostError::Client)
    }

    /// Checks that the machine has room for something new.
    fn check_room(&self, key: impl FnOnce() -> String) -> Result<(), HostError> {
        match self.see_machine() {
            MachineSeen::Roomy => Ok(()),
            MachineSeen::Short(why) => Err(HostError::Short { key: key(), why }),
        }
    }

    fn ensure_worktree(
        &self,
        rig: &RigName,
        slot: &str,
        checkout: &Checkout,
    ) -> Result<(), HostError> {
        // It may take long and touches nothing but the pool: a stop does not wait for it.
        check_not_stopped(&self.places)?;
        let pool = self.pool(rig)?;
        let owner = match checkout {
            Checkout::Attempt { bead, epoch, .. } | Checkout::Continued { bead, epoch, .. } => {
                attempt_owner(bead, *epoch)
            }
            Checkout::Standing { member, .. } => standing_owner(member),
            Checkout::Exact { owner, .. } => owner.clone(),
        };
        let earlier = pool
            .owner(slot)
            .map_err(git(rig))?
            .map(|earlier| split_key(&earlier.key).0)
            .filter(|earlier| *earlier != owner);
        if let Some(earlier) = &earlier {
            self.end_runs_of(earlier)?;
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
            Checkout::Continued { bead, epoch, after } => {
                let mine = attempt_owner(bead, *epoch);
                let left = attempt_owner(bead, *after);
                let key = pool
                    .owner(slot)?
                    .map_or_else(String::new, |owner| owner.key);
                let (had, start) = split_key(&key);
                if had == mine {
                    return Ok(pool.path(slot));
                }
                // Of anybody else the pool lets nothing be handed on.
                let from = if had == left { &key } else { &left };
                let start = start.map_or_else(String::new, |start| format!("@{start}"));
                let owner = Owner {
                    key: format!("{mine}{start}"),
                    label: bead.to_string(),
                    epoch: *epoch,
                };
                pool.hand_on(slot, from, &branch_name(bead, *epoch), &owner)
            }
            Checkout::Standing {
                member,
                branch,
                start,
            } => {
                let mine = standing_owner(member);
                // Whoever has it may stand in it wherever they like.
                let ready = pool.ready_for(slot)?;
                if ready.is_some_and(|owner| split_key(&owner.key).0 == mine) {
                    return Ok(pool.path(slot));
                }
                let owner = Owner {
                    key: format!("{mine}@{start}"),
                    label: slot.to_owned(),
                    epoch: Epoch(0),
                };
                let checkout = gtd_git::Checkout::Branch {
                    name: branch.clone(),
                    start: start.clone(),
                };
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
        ensure().map_err(git(rig))?;
        // One of them may have begun until the worktree changed hands; none can after.
        if let Some(earlier) = &earlier {
            self.end_runs_of(earlier)?;
        }
        Ok(())
    }

    /// Ends whatever an earlier owner of a worktree still runs or left running there.
    fn end_runs_of(&self, owner: &str) -> Result<(), HostError> {
        let until = Instant::now() + GRACE + GRACE;
        for run in self.runs.list().map_err(HostError::Run)? {
            if !is_run_of(run.as_str(), owner) {
                continue;
            }
            loop {
                match self.runs.state(&run).map_err(HostError::Run)? {
                    RunState::Live(_) | RunState::Prepared => {
                        self.runs.stop(&run, GRACE).map_err(HostError::Run)?;
                    }
                    RunState::Lost => {
                        self.runs.sweep_lost(&run).map_err(HostError::Run)?;
                        break;
                    }
                    RunState::Exited(_) | RunState::Absent => break,
                }
                if Instant::now() > until {
                    return Err(HostError::DoesNotEnd { run });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// Keeps a worktree for its owner, so that nobody takes it while something is done there.
    fn keep<'a>(
        pool: &'a Pool,
        rig: &RigName,
        slot: &str,
        is_owner: impl Fn(&str) -> bool,
    ) -> Result<Held<'a>, HostError> {
        pool.hold_for(slot, |key| is_owner(&split_key(key).0))
            .map_err(git(rig))?
            .ok_or_else(|| HostError::PassedOn {
                slot: slot.to_owned(),
            })
    }

    fn ensure_commit(
        &self,
        rig: &RigName,
        slot: &str,
        bead: &BeadId,
        epoch: Epoch,
        text: &str,
    ) -> Result<Vec<Command>, HostError> {
        let pool = self.pool(rig)?;
        let owner = attempt_owner(bead, epoch);
        let held = Self::keep(&pool, rig, slot, |found| found == owner)?;
        // It touches nothing but the attempt's own worktree and branch: a stop does not wait for
        // it, and no other effect waits for its turn.
        check_not_stopped(&self.places)?;
        let committed = held.commit_all(text, &author(slot)).and_then(|commit| {
            let is_left = commit.is_none() && pool.look(slot)?.is_some_and(|state| state.dirty);
            Ok(is_left.then(|| "git sees changes there that it cannot commit".to_owned()))
        });
        let fault = match committed {
            Ok(fault) => fault,
            Err(error) => Some(agents_fault(&error).ok_or_else(|| git(rig)(error))?),
        };
        let give_back = |text| Command::Return {
            bead: bead.clone(),
            epoch,
            why: Fault {
                class: FaultClass::Check {
                    criterion: "what it leaves can be committed".to_owned(),
                },
                text,
                evidence: String::new(),
                run: None,
            },
        };
        Ok(fault.map(give_back).into_iter().collect())
    }

    fn ensure_run(&self, order: &RunOrder) -> Result<(), HostError> {
        gtd_fault::point("host.before-run");
        let pool = self.pool(&order.rig)?;
        let _held = Self::keep(&pool, &order.rig, &order.slot, |owner| match &order.work {
            Work::Agent(AgentTurn {
                task: Task::Stand { member, .. },
                ..
            }) => owner == standing_owner(member),
            _ => is_run_of(order.run.as_str(), owner),
        })?;
        check_not_stopped(&self.places)?;
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
        setting.report = order.report.as_ref().map(PathBuf::from);
        setting.env = passed_on(&self.places)?;
        setting.env.extend(pool.agent_git_env());
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
            let owner = pool.ready_for(&order.slot).map_err(git(&order.rig))?;
            if let Some(start) = owner.and_then(|owner| split_key(&owner.key).1) {
                setting.env.insert(BASE.to_owned(), start.to_string());
            }
        }
        let spec = match &order.work {
            Work::Script(script) => shell_run(&self.runs, &setting, script),
            Work::Demo(directives) => demo_run(&self.runs, &setting, directives),
            Work::Agent(turn) => self.agent_order(order, turn, setting, &pool.path(&order.slot))?,
            Work::Check(command) | Work::Gate(_, command) => {
                command_run(&self.runs, &setting, command)
            }
        };
        // Only now: to make an order may take long, where a program has to say a secret.
        let _may_act = MayAct::take(&self.places)?;
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
}

/// Tells whether a run is one of those that an owner of a worktree began.
fn is_run_of(run: &str, owner: &str) -> bool {
    run.strip_prefix(owner)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// Says what an agent left that cannot be committed, if that is why there is no commit.
fn agents_fault(error: &GitError) -> Option<String> {
    /// Files that are named in a fault.
    const NAMED: usize = 10;
    match error {
        GitError::Unmerged { files, .. } => {
            let named: Vec<&str> = files.iter().take(NAMED).map(String::as_str).collect();
            let more = if files.len() > NAMED { ", …" } else { "" };
            let named = named.join(", ");
            Some(format!("it left conflicts unresolved: {named}{more}"))
        }
        GitError::Unfinished { operation, .. } => Some(format!("it left {operation} unfinished")),
        GitError::DamagedSlot { why, .. } => Some(format!("it damaged its worktree: {why}")),
        GitError::NoSuchSlot { .. } => Some("it removed its worktree".to_owned()),
        GitError::Run(run) if matches!(run.failure, RunFailure::Exit { .. }) => {
            let said = run.stderr();
            // A store that takes nothing is not the agent's doing.
            let is_about_a_file = said.contains("unable to index file")
                || said.contains("adding files failed")
                || said.contains("updating files failed");
            let is_about_the_store = said.contains("insert into database")
                || said.contains("No space left")
                || said.contains("Cannot allocate memory")
                || said.contains("Read-only file system");
            let first = said.lines().next().unwrap_or_default();
            (is_about_a_file && !is_about_the_store)
                .then(|| format!("git cannot take what it left: {first}"))
        }
        _ => None,
    }
}

fn author(slot: &str) -> Author {
    SeatName::parse(slot).map_or_else(
        |_| Author::new("gtd", "gtd@gtd.invalid"),
        |seat| Author::seat(&seat),
    )
}

/// Returns what the person lets every run have of this process's environment.
pub(crate) fn passed_on(places: &Places) -> Result<BTreeMap<String, String>, HostError> {
    let config = gtd_client::town_config(places).map_err(HostError::Config)?;
    let names = passed_variables(&config).into_iter();
    Ok(names
        .filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_known_by_the_owner_that_its_name_begins_with() {
        assert!(is_run_of("gt-7f3k.e1.work", "gt-7f3k.e1"));
        assert!(is_run_of("mr-0123456789.g0.test", "mr-0123456789.g0"));
        assert!(!is_run_of("gt-7f3k.e12.work", "gt-7f3k.e1"));
        assert!(!is_run_of("gt-7f3k.e1", "gt-7f3k.e1"));
    }

    #[test]
    fn an_agent_answers_for_what_it_left_and_not_for_the_machine() {
        let failed = |stderr: &str| {
            GitError::Run(gtd_git::GitRun {
                command: "add -A".to_owned(),
                at: "/worktree".into(),
                failure: RunFailure::Exit {
                    code: 128,
                    stderr: stderr.to_owned(),
                },
            })
        };
        let said = |stderr: &str| agents_fault(&failed(stderr));
        assert_eq!(
            said(
                "error: open(\"x\"): Permission denied\nerror: unable to index file 'x'\nfatal: adding files failed\n"
            )
            .as_deref(),
            Some("git cannot take what it left: error: open(\"x\"): Permission denied")
        );
        assert_eq!(
            said(
                "error: x: failed to insert into database\nerror: unable to index file 'x'\nfatal: adding files failed\n"
            ),
            None
        );
        assert_eq!(said("fatal: not a git repository"), None);
    }
}
