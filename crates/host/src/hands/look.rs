//! Looking: the answers to what planners ask.

use std::sync::Arc;

use gtd_agent::{
    End, Exit, Live, ReportEnd, RunState,
    gate::{GateVerdict, classify_gate},
    read_junit,
    stream::{Ending, Reader},
};
use gtd_core::{
    FileText, Guard, GuardReport, Language, NOTES_REF, Oid, Proven, Repair, RigName, RunId,
    RuntimeFault, Target, TestResults, dropped_lines, is_test_path, lies_with_tests, new_tests,
    protected_paths, prove, weaker_tests,
};
use gtd_git::{Against, AssemblySpec, GitError, Member};
use gtd_plan::{
    AgentSeen, Answer, AssemblyMember, AssemblyOrder, AssemblySeen, ConflictSeen, EndSeen,
    LineCommit, LiveSeen, MachineSeen, NewTestsSeen, OwnerSeen, Question, RunSeen, SubmissionSeen,
    TipSeen, UsedSeen, WorktreeSeen,
};

use super::{Hands, Meter, git, split_key};
use crate::{HostError, machine, stillness::content_sign, zone::local_zone};

/// How much of an output is read as evidence, in bytes.
const TAIL: u64 = 8 * 1024;
/// How much of the output of an agent program is read for what it did, in bytes: it writes much
/// around little.
const AGENT_TAIL: u64 = 64 * 1024;
/// Silence after which the processor time of a run is looked at, in milliseconds.
const CPU_LOOK_MS: u64 = 500;
/// Assemblies that are remembered.
const ASSEMBLIES: usize = 512;
/// Reports of runs that are remembered.
const REPORTS: usize = 4;
/// Files of one change that are looked at.
const FILES: usize = 1_000;
/// Files of a conflict that are looked at after it was mended.
const MENDED: usize = 50;
/// Commits of a line that are looked at.
const LINE: usize = 1_000;

impl Hands {
    /// Answers one question.
    pub(crate) fn see(&self, question: &Question) -> Result<Answer, HostError> {
        Ok(match question {
            Question::Run(run) => Answer::Run(self.see_run(run)?),
            Question::Tip(target) => Answer::Tip(self.see_tip(target)?),
            Question::Contains { target, commit } => {
                Answer::Contains(self.see_contains(target, commit)?)
            }
            Question::Owner { rig, slot } => Answer::Owner(self.see_owner(rig, slot)?),
            Question::Worktree { rig, slot } => Answer::Worktree(self.see_worktree(rig, slot)?),
            Question::Stillness { rig, slot } => {
                let sign = content_sign(&self.pool(rig)?.path(slot));
                let key = format!("tree {rig}/{slot}");
                Answer::Stillness(self.memory().stillness.note(&key, sign))
            }
            Question::Assembly(order) => Answer::Assembly(self.see_assembly(order)?),
            Question::Changed { rig, from, to } => {
                Answer::Changed(self.see_changed(rig, from, to)?)
            }
            Question::Protected {
                rig,
                onto,
                head,
                globs,
            } => Answer::Protected(self.see_protected(rig, onto, head, globs)?),
            Question::Weaker { rig, onto, head } => {
                Answer::Weaker(self.see_weaker(rig, onto, head)?)
            }
            Question::Dropped {
                rig,
                onto,
                head,
                earlier,
                files,
            } => Answer::Dropped(self.see_dropped(rig, [onto, head, earlier], files)?),
            Question::NewTests { rig, onto, head } => {
                Answer::NewTests(self.see_new_tests(rig, onto, head)?)
            }
            Question::Submission { rig, onto, head } => {
                Answer::Submission(self.see_submission(rig, onto, head)?)
            }
            Question::Proposed(run) => Answer::Proposed(self.see_proposed(run)?),
            Question::Pushed { rig, remote, name } => {
                Answer::Pushed(self.see_pushed(rig, remote, name)?)
            }
            Question::Signed { rig, commit } => Answer::Signed(self.see_signed(rig, commit)?),
            Question::Line { target, tip } => Answer::Line(self.see_line(target, tip)?),
            Question::Awake => Answer::Awake(self.memory().awake.note()),
            Question::Machine => Answer::Machine(self.see_machine()),
            Question::Runtimes => Answer::Runtimes(self.see_runtimes()?),
            Question::Zone => Answer::Zone(local_zone()),
            Question::Means(rig) => Answer::Means(self.see_means(rig)?),
        })
    }

    /// Looks whether the machine has room for one more run.
    pub(super) fn see_machine(&self) -> MachineSeen {
        let floors = self.memory().floors.now(&self.places);
        machine::look(&self.places, &floors)
    }

    fn see_run(&self, run: &RunId) -> Result<RunSeen, HostError> {
        let key = |what: &str| format!("run {run} {what}");
        if self.places.stop_file().exists() {
            // Who is made to stand still is not silent.
            self.memory().stillness.forget(&key(""));
        }
        Ok(match self.runs.state(run).map_err(HostError::Run)? {
            RunState::Absent => RunSeen::Absent {
                for_ms: self.memory().stillness.note(&key("absent"), 0),
            },
            RunState::Prepared => RunSeen::Prepared,
            RunState::Lost => {
                self.memory().meters.remove(run);
                RunSeen::Lost
            }
            RunState::Live(live) => RunSeen::Live(self.see_live(run, &live)?),
            RunState::Exited(exit) => {
                self.memory().stillness.forget(&key(""));
                self.memory().meters.remove(run);
                RunSeen::Ended(self.see_end(run, &exit)?)
            }
        })
    }

    fn see_live(&self, run: &RunId, live: &Live) -> Result<LiveSeen, HostError> {
        let progress = self.runs.progress(run).map_err(HostError::Run)?;
        let used = self.see_used(run, progress.bytes)?;
        let mut memory = self.memory();
        let quiet_ms = memory
            .stillness
            .note(&format!("run {run} output"), progress.bytes);
        let idle_ms = if quiet_ms >= CPU_LOOK_MS {
            let ticks = memory.processes.time_below(live.pid);
            memory.stillness.note(&format!("run {run} cpu"), ticks)
        } else {
            0
        };
        Ok(LiveSeen {
            quiet_ms,
            idle_ms,
            repeats: progress.repeats,
            last_line: progress.last_line,
            used,
        })
    }

    /// Reads what a live agent has used so far: only what it said since the last look.
    fn see_used(&self, run: &RunId, bytes: u64) -> Result<Option<UsedSeen>, HostError> {
        let known = self.memory().meters.remove(run);
        let mut meter = match known {
            Some(meter) => meter,
            None => Meter {
                reader: self.runs.agent_reader(run).map_err(HostError::Run)?,
                line: 0,
                bytes: 0,
            },
        };
        if let Some(reader) = &mut meter.reader
            && bytes > meter.bytes
        {
            let line = self.runs.read_on(run, reader, meter.line);
            meter.line = line.map_err(HostError::Run)?;
            meter.bytes = bytes;
        }
        let used = meter.reader.as_ref();
        let used = used.map(|reader| used_in(reader, meter.line));
        self.memory().meters.insert(run.clone(), meter);
        Ok(used)
    }

    fn see_end(&self, run: &RunId, exit: &Exit) -> Result<EndSeen, HostError> {
        let tail = self.runs.tail(run, TAIL).map_err(HostError::Run)?;
        let infra = match classify_gate(exit, &tail) {
            GateVerdict::Infra { why } => Some(why),
            GateVerdict::Passed | GateVerdict::Failed { .. } => None,
        };
        let told = self.runs.told(run, AGENT_TAIL).map_err(HostError::Run)?;
        let tail = told.filter(|told| !told.is_empty()).unwrap_or(tail);
        let (code, signal) = match exit.end {
            End::Code(code) => (Some(code), None),
            End::Signal(signal) => (None, Some(signal)),
        };
        Ok(EndSeen {
            code,
            signal,
            timed_out: exit.timed_out,
            stopped: exit.stopped,
            took_ms: u64::try_from(exit.ended_at.since(exit.started_at).as_millis())
                .unwrap_or(u64::MAX),
            repeats: self.runs.progress(run).map_or(0, |p| p.repeats),
            tail,
            output: exit.output_sha256.clone(),
            infra,
            agent: self.see_agent(run, exit)?.map(Box::new),
            tests: self.see_tests(run, exit)?,
        })
    }

    /// Reads the report of a run that was to leave one.
    fn see_tests(&self, run: &RunId, exit: &Exit) -> Result<Option<Arc<TestResults>>, HostError> {
        let remark = |why: &str| TestResults {
            cases: vec![],
            remark: why.to_owned(),
        };
        let results = match &exit.report {
            None => return Ok(None),
            Some(ReportEnd::Missing(why)) => remark(why),
            Some(ReportEnd::Kept) => {
                if let Some(known) = self.memory().tests.get(run) {
                    return Ok(Some(known.clone()));
                }
                let report = self.runs.report(run).map_err(HostError::Run)?;
                report.map_or_else(|| remark("it is gone"), |report| read_junit(&report))
            }
        };
        let results = Arc::new(results);
        let mut memory = self.memory();
        if memory.tests.len() >= REPORTS {
            memory.tests.clear();
        }
        memory.tests.insert(run.clone(), results.clone());
        Ok(Some(results))
    }

    /// Reads what an agent said in a run that ended; none when the run is no agent's.
    fn see_agent(&self, run: &RunId, exit: &Exit) -> Result<Option<AgentSeen>, HostError> {
        let Some((reader, line)) = self.runs.read_agent(run).map_err(HostError::Run)? else {
            return Ok(None);
        };
        let account = reader.account();
        let fault = match &account.end {
            Some(Ending::Done) => None,
            Some(Ending::Fault { fault, text }) => Some((fault.clone(), text.clone())),
            // A program that is not known writes no word about its end.
            None if reader.is_plain() && exit.is_success() => None,
            None => Some((
                reader.struggle().cloned().unwrap_or(RuntimeFault::Crashed),
                match exit.end {
                    End::Code(code) => format!("exit {code}"),
                    End::Signal(signal) => format!("signal {signal}"),
                },
            )),
        };
        Ok(Some(AgentSeen {
            session: account.session.clone(),
            model: account.model.clone(),
            fault,
            last_words: account.last_words.clone(),
            recent: reader.recent(),
            n_tools: account.n_tools,
            answer: match reader.is_plain() {
                true => account.said.clone(),
                false => account.last_words.clone(),
            },
            used: used_in(&reader, line),
        }))
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

    fn see_owner(&self, rig: &RigName, slot: &str) -> Result<Option<OwnerSeen>, HostError> {
        let owner = match self.pool(rig)?.ready_for(slot) {
            Ok(owner) => owner,
            // What an agent made of it is no worktree any more.
            Err(GitError::DamagedSlot { .. }) => None,
            Err(error) => return Err(git(rig)(error)),
        };
        Ok(owner.map(|owner| {
            let (owner, start) = split_key(&owner.key);
            OwnerSeen { owner, start }
        }))
    }

    fn see_worktree(&self, rig: &RigName, slot: &str) -> Result<Option<WorktreeSeen>, HostError> {
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let look = || {
            let state = match pool.look(slot) {
                Ok(Some(state)) => state,
                // What an agent made of it is no worktree any more.
                Ok(None) | Err(GitError::DamagedSlot { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let (Some(owner), Some(head), true) = (state.owner, state.head, state.ready) else {
                return Ok(None);
            };
            let (owner, start) = split_key(&owner.key);
            let changed = match &start {
                // Whoever only went back to what was there before has made nothing.
                Some(start) if *start == head => false,
                Some(start) => {
                    repository.tree_of(start)? != repository.tree_of(&head)?
                        && !repository.is_ancestor(&head, start)?
                }
                None => true,
            };
            Ok(Some(WorktreeSeen {
                owner,
                start,
                head,
                dirty: state.dirty || state.operation.is_some_and(|found| found.moves_the_head()),
                changed,
            }))
        };
        look().map_err(git(rig))
    }

    /// Reads the line of a target back to the last commit that is proven.
    fn see_line(&self, target: &Target, tip: &Oid) -> Result<Vec<LineCommit>, HostError> {
        let pool = self.pool(&target.rig)?;
        let commits = pool.repository().landed(tip, NOTES_REF, LINE);
        let mut line = Vec::new();
        for commit in commits.map_err(git(&target.rig))? {
            let is_proven = matches!(prove(&commit), Proven::ByEvidence(_));
            line.push(LineCommit {
                oid: commit.oid,
                subject: commit.subject,
                author: commit.author,
                is_proven,
            });
            if is_proven {
                break;
            }
        }
        Ok(line)
    }

    fn see_changed(&self, rig: &RigName, from: &Oid, to: &Oid) -> Result<Vec<String>, HostError> {
        let key = (from.clone(), to.clone());
        if let Some(known) = self.memory().changes.get(&key) {
            return Ok(known.clone());
        }
        let pool = self.pool(rig)?;
        let files = pool.repository().changed_files(from, to);
        let mut files = files.map_err(git(rig))?;
        files.truncate(FILES);
        let mut memory = self.memory();
        if memory.changes.len() >= ASSEMBLIES {
            memory.changes.clear();
        }
        memory.changes.insert(key, files.clone());
        Ok(files)
    }

    /// Looks for protected files among all that a submission changes. It is asked once of each.
    fn see_protected(
        &self,
        rig: &RigName,
        onto: &Oid,
        head: &Oid,
        globs: &[String],
    ) -> Result<GuardReport, HostError> {
        let pool = self.pool(rig)?;
        let files = pool.repository().files_changed_since(onto, head);
        Ok(protected_paths(globs, &files.map_err(git(rig))?))
    }

    /// Compares the tests that a submission changes with what they were.
    fn see_weaker(&self, rig: &RigName, onto: &Oid, head: &Oid) -> Result<GuardReport, HostError> {
        let key = (onto.clone(), head.clone());
        if let Some(known) = self.memory().weaker.get(&key) {
            return Ok(known.clone());
        }
        let pool = self.pool(rig)?;
        let is_wanted = |path: &str| Language::of(path).is_some() || is_test_path(path);
        let changed = pool.repository().changed_texts(onto, head, is_wanted);
        let changed = changed.map_err(git(rig))?;
        let findings = weaker_tests(&texts(changed.before), &texts(changed.after));
        let report = GuardReport::new(Guard::TestGuard, findings, &changed.unread);
        let mut memory = self.memory();
        if memory.weaker.len() >= ASSEMBLIES {
            memory.weaker.clear();
        }
        memory.weaker.insert(key, report.clone());
        Ok(report)
    }

    /// Compares the two sides of a conflict with what an attempt made of them.
    fn see_dropped(
        &self,
        rig: &RigName,
        [onto, head, earlier]: [&Oid; 3],
        files: &[String],
    ) -> Result<GuardReport, HostError> {
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let files = &files[..files.len().min(MENDED)];
        let look = || {
            let nothing = GuardReport::new(Guard::KeptLines, vec![], &[]);
            let Some(landed) = repository.merge_base(onto, head)? else {
                return Ok(nothing);
            };
            let Some(parted) = repository.merge_base(earlier, &landed)? else {
                return Ok(nothing);
            };
            let mut all = files.to_vec();
            all.extend(repository.changed_files(&landed, head)?);
            all.sort();
            all.dedup();
            all.truncate(FILES);
            let read =
                |commit: &Oid, files: &[String]| repository.texts_at(commit, files).map(texts);
            let findings = dropped_lines(Repair {
                parted: &read(&parted, files)?,
                landed: &read(&landed, files)?,
                earlier: &read(earlier, files)?,
                repaired: &read(head, &all)?,
            });
            Ok(GuardReport::new(Guard::KeptLines, findings, &[]))
        };
        look().map_err(git(rig))
    }

    /// Looks how much a submission changes.
    fn see_submission(
        &self,
        rig: &RigName,
        onto: &Oid,
        head: &Oid,
    ) -> Result<SubmissionSeen, HostError> {
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let look = || {
            let Some(base) = repository.merge_base(onto, head)? else {
                return Ok(SubmissionSeen::default());
            };
            let stat = repository.diff_stat(&base, head)?;
            Ok(SubmissionSeen {
                files: repository.changed_files(&base, head)?,
                lines: stat.added + stat.removed,
            })
        };
        look().map_err(git(rig))
    }

    /// Makes the base of a submission with its files for tests, and lists the tests that are new.
    fn see_new_tests(
        &self,
        rig: &RigName,
        onto: &Oid,
        head: &Oid,
    ) -> Result<Option<NewTestsSeen>, HostError> {
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let changed = repository.changed_texts(onto, head, is_test_path);
        let changed = changed.map_err(git(rig))?;
        let tests = new_tests(&texts(changed.before), &texts(changed.after));
        if tests.is_empty() {
            return Ok(None);
        }
        let commit = repository.only_with(onto, head, lies_with_tests);
        let commit = commit.map_err(git(rig))?;
        Ok(commit.map(|commit| NewTestsSeen { commit, tests }))
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
        let mut conflicts = Vec::new();
        let mut behind = Vec::new();
        for found in &assembly.conflicts {
            let Some(bead) = bead(&found.key) else {
                continue;
            };
            let files = found.files.clone();
            if found.against == Against::Earlier {
                // It may fit when the earlier one does not land.
                behind.push((bead, files));
                continue;
            }
            let head = order.members.iter().find(|member| member.bead == bead);
            let other = head.map(|member| {
                let repository = pool.repository();
                repository.other_side(&member.head, &order.base, &files)
            });
            let other = other.transpose().map_err(git(&order.target.rig))?;
            let other = other.unwrap_or_default();
            conflicts.push(ConflictSeen {
                bead,
                files,
                theirs: other.commits,
                diff: other.diff,
            });
        }
        let seen = AssemblySeen {
            joined: assembly
                .already
                .iter()
                .chain(&assembly.joined)
                .filter_map(bead)
                .collect(),
            conflicts,
            behind,
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
}

/// Tells what an agent has used as far as it was read; a price that it does not name is estimated.
///
/// A run that ended badly may name a price of nothing for what was billed.
fn used_in(reader: &Reader, line: u64) -> UsedSeen {
    let mut usage = reader.account().usage;
    let told = usage.usd_micros.filter(|usd| *usd > 0);
    let estimate = if told.is_none() {
        reader.estimate()
    } else {
        None
    };
    usage.usd_micros = told.or(estimate).or(usage.usd_micros);
    UsedSeen {
        usage,
        estimated: estimate.is_some(),
        line,
        context: reader.context(),
    }
}

fn texts(texts: Vec<(String, String)>) -> Vec<FileText> {
    let texts = texts.into_iter();
    texts.map(|(path, text)| FileText { path, text }).collect()
}

fn assembly_spec(order: &AssemblyOrder) -> AssemblySpec {
    let trailers = |member: &AssemblyMember| {
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
    AssemblySpec {
        base: order.base.clone(),
        subject,
        trailers: all,
        members: order
            .members
            .iter()
            .map(|member| Member {
                key: member.bead.to_string(),
                head: member.head.clone(),
                title: member.title.clone(),
                trailers: trailers(member),
            })
            .collect(),
    }
}
