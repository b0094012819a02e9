//! What the hands can be asked about the world, and what they answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gtd_core::{
    Bead, BeadId, ContextUse, Epoch, Finding, GuardReport, Oid, Revision, RigName, RunId,
    RuntimeFault, RuntimeName, Target, TestResults, Usage, Verdict, Zone, config::PlanMeans,
};

/// One question about the world.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// How far is a run?
    Run(RunId),
    /// Where is a target, and where is the branch that it is meant for?
    Tip(Target),
    /// Is a commit reachable from a target?
    Contains {
        /// The target.
        target: Target,
        /// The commit.
        commit: Oid,
    },
    /// Whom is a worktree for?
    Owner {
        /// The rig.
        rig: RigName,
        /// The worktree's name in the pool.
        slot: String,
    },
    /// What stands in a worktree? Costs a process.
    Worktree {
        /// The rig.
        rig: RigName,
        /// The worktree's name in the pool.
        slot: String,
    },
    /// How long has nothing changed in a worktree?
    Stillness {
        /// The rig.
        rig: RigName,
        /// The worktree's name in the pool.
        slot: String,
    },
    /// What would these submissions on that base be?
    Assembly(AssemblyOrder),
    /// Which files differ between two commits?
    Changed {
        /// The rig.
        rig: RigName,
        /// The one.
        from: Oid,
        /// The other.
        to: Oid,
    },
    /// Which files does a submission change that only a person lets through?
    Protected {
        /// The rig.
        rig: RigName,
        /// The target's tip: what the submission shares with it is not its own.
        onto: Oid,
        /// What was handed in.
        head: Oid,
        /// The globs of such files.
        globs: Vec<String>,
    },
    /// What does a submission do to the tests that were there before?
    Weaker {
        /// The rig.
        rig: RigName,
        /// The target's tip: what the submission shares with it is not its own.
        onto: Oid,
        /// What was handed in.
        head: Oid,
    },
    /// Which lines did the repair of a conflict drop?
    Dropped {
        /// The rig.
        rig: RigName,
        /// The target's tip: what the submission shares with it is not its own.
        onto: Oid,
        /// What was handed in.
        head: Oid,
        /// What did not merge.
        earlier: Oid,
        /// The files in which it did not.
        files: Vec<String>,
    },
    /// Which tests does a submission add, and what is its base with these alone?
    NewTests {
        /// The rig.
        rig: RigName,
        /// The target's tip: what the submission shares with it is not its own.
        onto: Oid,
        /// What was handed in.
        head: Oid,
    },
    /// How much does a submission change?
    Submission {
        /// The rig.
        rig: RigName,
        /// The target's tip: what the submission shares with it is not its own.
        onto: Oid,
        /// What was handed in.
        head: Oid,
    },
    /// Which commits led a target to this one, by first parents, back to the last with evidence?
    Line {
        /// The target.
        target: Target,
        /// The commit.
        tip: Oid,
    },
    /// What is a commit of the refinery when it is signed?
    Signed {
        /// The rig.
        rig: RigName,
        /// The commit.
        commit: Oid,
    },
    /// How does the pull request stand that a run looked at?
    Proposed(RunId),
    /// Which commit was pushed to a branch of a remote last?
    Pushed {
        /// The rig.
        rig: RigName,
        /// The remote.
        remote: String,
        /// The full name of the branch.
        name: String,
    },
    /// Has the machine room for one more agent?
    Machine,
    /// For how long has the machine been awake, and somebody looking?
    Awake,
    /// Which runtimes can do work here?
    Runtimes,
    /// In which time zone is this machine?
    Zone,
    /// What can plans and reviews on a rig be made with?
    Means(RigName),
}

/// Submissions to put onto a base.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssemblyOrder {
    /// The target.
    pub target: Target,
    /// The base.
    pub base: Oid,
    /// The members, in order.
    pub members: Vec<AssemblyMember>,
}

/// One submission to put onto a base.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssemblyMember {
    /// The bead.
    pub bead: BeadId,
    /// The epoch that handed it in.
    pub epoch: Epoch,
    /// The commit.
    pub head: Oid,
    /// The bead's title.
    pub title: String,
    /// The goal.
    pub goal: Option<BeadId>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Run`].
    Run(RunSeen),
    /// To [`Question::Tip`].
    Tip(TipSeen),
    /// To [`Question::Contains`].
    Contains(bool),
    /// To [`Question::Owner`]: none when there is no such worktree, or it is not ready.
    Owner(Option<OwnerSeen>),
    /// To [`Question::Worktree`]: none when there is no such worktree.
    Worktree(Option<WorktreeSeen>),
    /// To [`Question::Stillness`]: milliseconds, by a monotonic clock, since the hands first looked.
    Stillness(u64),
    /// To [`Question::Assembly`].
    Assembly(AssemblySeen),
    /// To [`Question::Changed`].
    Changed(Vec<String>),
    /// To [`Question::Protected`].
    Protected(GuardReport),
    /// To [`Question::Weaker`].
    Weaker(GuardReport),
    /// To [`Question::Dropped`].
    Dropped(GuardReport),
    /// To [`Question::NewTests`]: none when it adds none that stand alone.
    NewTests(Option<NewTestsSeen>),
    /// To [`Question::Submission`].
    Submission(SubmissionSeen),
    /// To [`Question::Line`]: newest first.
    Line(Vec<LineCommit>),
    /// To [`Question::Signed`]: the same commit when it is signed already, and why it cannot be.
    Signed(Result<Oid, String>),
    /// To [`Question::Proposed`].
    Proposed(ProposalSeen),
    /// To [`Question::Pushed`]: none when nothing was.
    Pushed(Option<Oid>),
    /// To [`Question::Machine`].
    Machine(MachineSeen),
    /// To [`Question::Awake`]: milliseconds, by a monotonic clock, since the last gap: a machine
    /// that slept, a process that stood still, a wall clock that jumped, or the first look.
    Awake(u64),
    /// To [`Question::Runtimes`].
    Runtimes(Vec<RuntimeName>),
    /// To [`Question::Zone`].
    Zone(Zone),
    /// To [`Question::Means`].
    Means(PlanMeans),
}

/// How a pull request stands, as a run saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalSeen {
    /// Nobody can tell, and why.
    Failed(String),
    /// It is open.
    Open {
        /// Where it can be seen.
        url: String,
        /// The checks of the host that are red.
        red: Vec<String>,
    },
    /// It was merged.
    Merged {
        /// Where it can be seen.
        url: String,
        /// The commit on the branch, where the host says.
        commit: Option<Oid>,
    },
    /// It was closed, and not merged.
    Closed {
        /// Where it can be seen.
        url: String,
    },
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunSeen {
    /// It was never begun.
    Absent {
        /// For how long the hands have seen it so, in milliseconds, by a monotonic clock.
        for_ms: u64,
    },
    /// Its place exists, its process does not yet.
    Prepared,
    /// It is at work.
    Live(LiveSeen),
    /// It ended.
    Ended(EndSeen),
    /// It vanished without a record of its end.
    Lost,
}

/// A run at work. Times are in milliseconds, by a monotonic clock, since the hands first looked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveSeen {
    /// Since its output last grew.
    pub quiet_ms: u64,
    /// Since its processes last used the processor.
    pub idle_ms: u64,
    /// How often its last output came in a row.
    pub repeats: u32,
    /// The last line.
    pub last_line: String,
    /// What it has used so far, when it is the run of an agent program.
    pub used: Option<UsedSeen>,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndSeen {
    /// The exit code, when it was not a signal.
    pub code: Option<i32>,
    /// The signal.
    pub signal: Option<i32>,
    /// It took longer than its limit.
    pub timed_out: bool,
    /// Somebody stopped it.
    pub stopped: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How often its last output came in a row.
    pub repeats: u32,
    /// The end of its output.
    pub tail: String,
    /// The SHA-256 of all that it wrote, in hexadecimal digits; empty when nobody took it.
    pub output: String,
    /// Why it says nothing about the work, if so.
    pub infra: Option<String>,
    /// What the agent said, when the run was one of an agent program.
    pub agent: Option<Box<AgentSeen>>,
    /// What its single tests showed, when it was to leave a report.
    pub tests: Option<Arc<TestResults>>,
}

/// What an agent program said in a run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentSeen {
    /// The session, with which it can be asked again.
    pub session: Option<String>,
    /// The model, where it says so.
    pub model: Option<String>,
    /// Why it could not go on, and its words for that; none when it had nothing more to do.
    pub fault: Option<(RuntimeFault, String)>,
    /// What it said last.
    pub last_words: String,
    /// The end of what it said and did, in a line each.
    pub recent: String,
    /// Tools that it used.
    pub n_tools: u32,
    /// Its answer: what it said last, or all that was said where nobody can tell what was last.
    pub answer: String,
    /// What it used.
    pub used: UsedSeen,
}

/// What an agent program has used in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsedSeen {
    /// What it used, without what its session had used before.
    pub usage: Usage,
    /// The program named no price: the one that stands there is an estimate.
    pub estimated: bool,
    /// The number of the last line that was read of it.
    pub line: u64,
    /// How full the context of its session is; none where nobody can tell.
    pub context: Option<ContextUse>,
}

impl EndSeen {
    /// Returns what the end proves, when the run was a gate or a check.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.infra.is_some() {
            Verdict::Infra
        } else if self.code == Some(0) && !self.timed_out {
            Verdict::Passed
        } else {
            Verdict::Failed
        }
    }

    /// Says how it ended, in a few words.
    #[must_use]
    pub fn detail(&self) -> String {
        if let Some(infra) = &self.infra {
            return infra.clone();
        }
        if self.timed_out {
            return "took too long".to_owned();
        }
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".to_owned(),
        }
    }
}

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TipSeen {
    /// Where the ref is; none when it does not exist yet.
    pub at: Option<Oid>,
    /// Where the branch is that the work is meant for.
    pub branch: Option<Oid>,
    /// Whether the branch has everything of the ref and more.
    pub branch_is_ahead: bool,
}

impl TipSeen {
    /// Returns the commit that new work begins from.
    #[must_use]
    pub fn start(&self) -> Option<&Oid> {
        self.at.as_ref().or(self.branch.as_ref())
    }
}

/// Whom a worktree is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerSeen {
    /// Who uses it.
    pub owner: String,
    /// The commit that the owner began from.
    pub start: Option<Oid>,
}

/// What stands in a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorktreeSeen {
    /// Who uses it.
    pub owner: String,
    /// The commit that the owner began from.
    pub start: Option<Oid>,
    /// The commit that is checked out.
    pub head: Oid,
    /// Whether something is uncommitted, ignored files aside.
    pub dirty: bool,
    /// Whether the tree of `head` differs from that of `start`.
    pub changed: bool,
}

/// What submissions on a base are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssemblySeen {
    /// The beads that merge, in order.
    pub joined: Vec<BeadId>,
    /// Those that do not merge onto the base.
    pub conflicts: Vec<ConflictSeen>,
    /// Those that do not merge behind an earlier one, with the files that conflict.
    pub behind: Vec<(BeadId, Vec<String>)>,
    /// The commit that would land.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
}

/// A submission that does not merge onto the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictSeen {
    /// The bead.
    pub bead: BeadId,
    /// The files that conflict; none when it shares no history with the base.
    pub files: Vec<String>,
    /// The commits that changed these files on the other side.
    pub theirs: Vec<String>,
    /// What they changed in them, as far as it is short.
    pub diff: String,
}

/// One commit in the line of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCommit {
    /// The commit.
    pub oid: Oid,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// Whether it carries evidence that holds: its gates were green when it landed.
    pub is_proven: bool,
}

/// Tests that a submission adds, without the work that they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTestsSeen {
    /// The base of the submission with its files for tests, and nothing else of it.
    pub commit: Oid,
    /// Each test, as the finding that it is when it is green there.
    pub tests: Vec<Finding>,
}

/// How much a submission changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubmissionSeen {
    /// The files, by path.
    pub files: Vec<String>,
    /// Lines that came and went.
    pub lines: u64,
}

/// Whether the machine has room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineSeen {
    /// There is room.
    Roomy,
    /// Something is short; no new agent begins.
    Short(String),
}

/// All answers of one pass.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    answers: BTreeMap<Question, Answer>,
    unseen: BTreeSet<Question>,
    since: Option<Revision>,
}

impl Seen {
    /// Begins to look, with a graph of this revision.
    #[must_use]
    pub fn at(revision: Revision) -> Self {
        Self {
            since: Some(revision),
            ..Self::default()
        }
    }

    /// Tells whether a bead has changed since the looking began.
    ///
    /// A pass plans on the newest graph. What was seen of the world may be older, and
    /// proves nothing about what the graph has learned since.
    #[must_use]
    pub fn is_older_than(&self, bead: &Bead) -> bool {
        self.since.is_some_and(|since| bead.changed > since)
    }

    /// Notes an answer.
    pub fn put(&mut self, question: Question, answer: Answer) {
        self.answers.insert(question, answer);
    }

    /// Notes that a question cannot be answered now: nothing may be concluded from that.
    pub fn pass_over(&mut self, question: Question) {
        self.unseen.insert(question);
    }

    /// Tells whether there is nothing more to be had from asking a question.
    #[must_use]
    pub fn knows(&self, question: &Question) -> bool {
        self.answers.contains_key(question) || self.unseen.contains(question)
    }

    /// Returns how far a run is, when that was asked.
    #[must_use]
    pub fn run(&self, run: &RunId) -> Option<&RunSeen> {
        match self.answers.get(&Question::Run(run.clone())) {
            Some(Answer::Run(run)) => Some(run),
            _ => None,
        }
    }

    /// Tells whether a run was seen to end green.
    #[must_use]
    pub fn is_green(&self, run: &RunId) -> bool {
        matches!(self.run(run), Some(RunSeen::Ended(end)) if end.verdict() == Verdict::Passed)
    }

    /// Returns where a target is, when that was asked.
    #[must_use]
    pub fn tip(&self, target: &Target) -> Option<&TipSeen> {
        match self.answers.get(&Question::Tip(target.clone())) {
            Some(Answer::Tip(tip)) => Some(tip),
            _ => None,
        }
    }

    /// Tells whether a target contains a commit, when that was asked.
    #[must_use]
    pub fn contains(&self, target: &Target, commit: &Oid) -> Option<bool> {
        let question = Question::Contains {
            target: target.clone(),
            commit: commit.clone(),
        };
        match self.answers.get(&question) {
            Some(Answer::Contains(contains)) => Some(*contains),
            _ => None,
        }
    }

    /// Returns whom a worktree is for, when that was asked; none inside when it is for nobody.
    #[must_use]
    pub fn owner(&self, rig: &RigName, slot: &str) -> Option<Option<&OwnerSeen>> {
        let question = Question::Owner {
            rig: rig.clone(),
            slot: slot.to_owned(),
        };
        match self.answers.get(&question) {
            Some(Answer::Owner(owner)) => Some(owner.as_ref()),
            _ => None,
        }
    }

    /// Tells whether a worktree was seen to be this owner's.
    #[must_use]
    pub fn is_owned_by(&self, rig: &RigName, slot: &str, owner: &str) -> bool {
        matches!(self.owner(rig, slot), Some(Some(found)) if found.owner == owner)
    }

    /// Returns what stands in a worktree, when that was asked and there is one.
    #[must_use]
    pub fn worktree(&self, rig: &RigName, slot: &str) -> Option<&WorktreeSeen> {
        match self.answers.get(&worktree_question(rig, slot)) {
            Some(Answer::Worktree(Some(worktree))) => Some(worktree),
            _ => None,
        }
    }

    /// Tells whether it was seen that there is no such worktree.
    #[must_use]
    pub fn has_no_worktree(&self, rig: &RigName, slot: &str) -> bool {
        matches!(
            self.answers.get(&worktree_question(rig, slot)),
            Some(Answer::Worktree(None))
        )
    }

    /// Returns for how many milliseconds nothing has changed in a worktree, when that was asked.
    #[must_use]
    pub fn stillness(&self, rig: &RigName, slot: &str) -> Option<u64> {
        let question = Question::Stillness {
            rig: rig.clone(),
            slot: slot.to_owned(),
        };
        match self.answers.get(&question) {
            Some(Answer::Stillness(still)) => Some(*still),
            _ => None,
        }
    }

    /// Lists the runs that were seen at work.
    pub fn live_runs(&self) -> impl Iterator<Item = &RunId> {
        self.answers.iter().filter_map(|entry| match entry {
            (Question::Run(run), Answer::Run(RunSeen::Live(_) | RunSeen::Prepared)) => Some(run),
            _ => None,
        })
    }

    /// Returns what submissions on a base are, when that was asked.
    #[must_use]
    pub fn assembly(&self, order: &AssemblyOrder) -> Option<&AssemblySeen> {
        match self.answers.get(&Question::Assembly(order.clone())) {
            Some(Answer::Assembly(assembly)) => Some(assembly),
            _ => None,
        }
    }

    /// Returns the files that a question about a change was answered with; none when it was not.
    #[must_use]
    pub fn changed(&self, question: &Question) -> &[String] {
        match self.answers.get(question) {
            Some(Answer::Changed(files)) => files,
            _ => &[],
        }
    }

    /// Returns which protected files a submission changes, when that was asked.
    #[must_use]
    pub fn protected(&self, question: &Question) -> Option<&GuardReport> {
        match self.answers.get(question) {
            Some(Answer::Protected(report)) => Some(report),
            _ => None,
        }
    }

    /// Returns what a submission does to tests, when that was asked.
    #[must_use]
    pub fn weaker(&self, question: &Question) -> Option<&GuardReport> {
        match self.answers.get(question) {
            Some(Answer::Weaker(report)) => Some(report),
            _ => None,
        }
    }

    /// Returns which lines the repair of a conflict dropped, when that was asked.
    #[must_use]
    pub fn dropped(&self, question: &Question) -> Option<&GuardReport> {
        match self.answers.get(question) {
            Some(Answer::Dropped(report)) => Some(report),
            _ => None,
        }
    }

    /// Returns which tests a submission adds, when that was asked.
    #[must_use]
    pub fn new_tests(&self, question: &Question) -> Option<Option<&NewTestsSeen>> {
        match self.answers.get(question) {
            Some(Answer::NewTests(tests)) => Some(tests.as_ref()),
            _ => None,
        }
    }

    /// Returns how much a submission changes, when that was asked.
    #[must_use]
    pub fn submission(&self, question: &Question) -> Option<&SubmissionSeen> {
        match self.answers.get(question) {
            Some(Answer::Submission(submission)) => Some(submission),
            _ => None,
        }
    }

    /// Returns the line that a question about it was answered with.
    #[must_use]
    pub fn line(&self, question: &Question) -> Option<&[LineCommit]> {
        match self.answers.get(question) {
            Some(Answer::Line(line)) => Some(line),
            _ => None,
        }
    }

    /// Returns what a commit is when it is signed, or why it cannot be, when that was asked.
    #[must_use]
    pub fn signed(&self, rig: &RigName, commit: &Oid) -> Option<&Result<Oid, String>> {
        let question = Question::Signed {
            rig: rig.clone(),
            commit: commit.clone(),
        };
        match self.answers.get(&question) {
            Some(Answer::Signed(signed)) => Some(signed),
            _ => None,
        }
    }

    /// Returns how a pull request stood when a run looked, when that was asked.
    #[must_use]
    pub fn proposed(&self, run: &RunId) -> Option<&ProposalSeen> {
        match self.answers.get(&Question::Proposed(run.clone())) {
            Some(Answer::Proposed(proposal)) => Some(proposal),
            _ => None,
        }
    }

    /// Returns which commit was pushed last, when that was asked.
    #[must_use]
    pub fn pushed(&self, question: &Question) -> Option<Option<&Oid>> {
        match self.answers.get(question) {
            Some(Answer::Pushed(pushed)) => Some(pushed.as_ref()),
            _ => None,
        }
    }

    /// Returns the time zone of this machine, when that was asked.
    #[must_use]
    pub fn zone(&self) -> Option<&Zone> {
        match self.answers.get(&Question::Zone) {
            Some(Answer::Zone(zone)) => Some(zone),
            _ => None,
        }
    }

    /// Returns what plans and reviews on a rig can be made with, when that was asked.
    #[must_use]
    pub fn means(&self, rig: &RigName) -> Option<&PlanMeans> {
        match self.answers.get(&Question::Means(rig.clone())) {
            Some(Answer::Means(means)) => Some(means),
            _ => None,
        }
    }

    /// Returns whether the machine has room, when that was asked.
    #[must_use]
    pub fn machine(&self) -> Option<&MachineSeen> {
        match self.answers.get(&Question::Machine) {
            Some(Answer::Machine(machine)) => Some(machine),
            _ => None,
        }
    }

    /// Returns for how many milliseconds the machine has been awake, when that was asked.
    #[must_use]
    pub fn awake(&self) -> Option<u64> {
        match self.answers.get(&Question::Awake) {
            Some(Answer::Awake(awake)) => Some(*awake),
            _ => None,
        }
    }

    /// Returns the runtimes that can do work, when that was asked.
    #[must_use]
    pub fn runtimes(&self) -> Option<&[RuntimeName]> {
        match self.answers.get(&Question::Runtimes) {
            Some(Answer::Runtimes(runtimes)) => Some(runtimes),
            _ => None,
        }
    }
}

fn worktree_question(rig: &RigName, slot: &str) -> Question {
    Question::Worktree {
        rig: rig.clone(),
        slot: slot.to_owned(),
    }
}
