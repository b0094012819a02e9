//! What a landing is proven by: one bundle for each candidate, in the log and on the commit.
//!
//! The ledger writes it into the event of the landing. The refinery writes the
//! same as a git note onto the commit before the target moves, so that nothing
//! lands without one and whoever has the repository can look without a town.
//! What git holds is compared with the note in [`prove`]; nothing is believed
//! of a note but what it says about exactly this commit and this tree.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    API, Actor, Attempt, Bead, BeadId, Candidate, CandidateId, Epoch, GateName, Graph, Guard,
    GuardPolicy, GuardReport, Member, Oid, OpinionVerdict, Review, ReviewPolicy, RigName, RunId,
    SeatName, SignPolicy, TestReport, Timestamp, Verdict, Waived, Waiver, Weight,
};

/// The ref of the notes.
pub const NOTES_REF: &str = "refs/notes/gtd";

/// The address under which the refinery makes commits.
pub const REFINERY_EMAIL: &str = "refinery@gtd.invalid";

const KIND: &str = "Evidence";

/// What a landing is proven by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The candidate.
    pub candidate: CandidateId,
    /// The rig.
    pub rig: RigName,
    /// The ref that it lands on.
    pub target: String,
    /// The first parent.
    pub base: Oid,
    /// The commit that lands.
    pub commit: Oid,
    /// Its tree, which the gates ran on.
    pub tree: Oid,
    /// The digest of the trusted configuration that the gates are from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rules: String,
    /// How its commit was to be signed.
    #[serde(default, skip_serializing_if = "SignPolicy::is_off")]
    pub sign: SignPolicy,
    /// What each gate showed.
    pub gates: Vec<GateProof>,
    /// What each bead in it is proven by.
    pub members: Vec<MemberProof>,
}

/// What one gate showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateProof {
    /// The gate.
    pub gate: GateName,
    /// Its command line.
    pub command: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The tree that it ran on.
    pub tree: Oid,
    /// The run, whose output may be kept for a while.
    pub run: RunId,
    /// The exit code.
    pub code: Option<i32>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The SHA-256 of all that it wrote, in hexadecimal digits; empty when nobody took it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What its single tests showed, when it leaves a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Box<TestReport>>,
}

/// What the work on one bead is proven by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberProof {
    /// The bead.
    pub bead: BeadId,
    /// Its title.
    pub title: String,
    /// The goal that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<BeadId>,
    /// The attempt.
    pub epoch: Epoch,
    /// Who worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<SeatName>,
    /// The commit that was handed in.
    pub head: Oid,
    /// What is known of each thing that must be true.
    pub acceptance: Vec<CriterionProof>,
    /// Who said yes to exactly this commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// What gtd's own gates found in this commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<GuardProof>,
    /// How much it is, and what of it is risky, where somebody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Which submissions somebody was to read before they may land.
    #[serde(default, skip_serializing_if = "is_off")]
    pub review: ReviewPolicy,
    /// What reviewers said of exactly this commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<ReviewRecord>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn is_off(policy: &ReviewPolicy) -> bool {
    *policy == ReviewPolicy::Off
}

impl MemberProof {
    /// Says why somebody was to read it, where nobody is known to have said yes to it.
    #[must_use]
    pub fn unread(&self) -> Option<String> {
        let why = match (self.review, &self.weight) {
            (ReviewPolicy::Off, _) => return None,
            (ReviewPolicy::Always, _) => "all work is to be reviewed".to_owned(),
            (ReviewPolicy::Risky, None) => "nobody looked how risky it is".to_owned(),
            (ReviewPolicy::Risky, Some(weight)) if weight.risks.is_empty() => return None,
            (ReviewPolicy::Risky, Some(weight)) => {
                format!("risky work is to be reviewed ({})", weight.risks.join("; "))
            }
        };
        let opinions = self.reviews.iter().rev();
        let mut opinions = opinions.filter_map(|record| record.review.opinion());
        let is_read = !self.approvals.is_empty()
            || opinions
                .next()
                .is_some_and(|last| last.verdict == OpinionVerdict::Approve);
        (!is_read).then_some(why)
    }
}

/// A review, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRecord {
    /// The role in which somebody looked.
    pub role: String,
    /// Who looked, and what came of it.
    #[serde(flatten)]
    pub review: Review,
    /// What it cost, in millionths of a dollar, as far as that is known.
    pub usd_micros: u64,
    /// Some of that is estimated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// Tokens that it used.
    pub tokens: u64,
}

impl ReviewRecord {
    /// Gathers the reviews of an attempt, oldest first.
    #[must_use]
    pub fn of(graph: &Graph, bead: &BeadId, attempt: &Attempt) -> Vec<Self> {
        let reviews = attempt.reviews.iter();
        reviews
            .map(|review| {
                let (used, estimated) = graph.used_by_review(bead, attempt.epoch, review);
                Self {
                    role: "reviewer".to_owned(),
                    review: review.clone(),
                    usd_micros: used.usd_micros.unwrap_or(0),
                    estimated,
                    tokens: used.tokens(),
                }
            })
            .collect()
    }
}

/// What a gate of gtd's own found, and what was to follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardProof {
    /// What was wanted of it.
    pub policy: GuardPolicy,
    /// What it found.
    #[serde(flatten)]
    pub report: GuardReport,
    /// The word of a person by which that is taken as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waiver>,
}

/// What is known of one thing that must be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionProof {
    /// The criterion in words.
    pub text: String,
    /// What is known.
    pub verdict: CriterionVerdict,
    /// Why nobody can tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The check that was green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckRun>,
    /// The word of a person by which it is taken as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waiver>,
}

/// What is known of a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriterionVerdict {
    /// Its check was green on what was handed in.
    Passed,
    /// No record tells, and a person takes it as it is.
    Waived,
    /// No record tells.
    Unverifiable,
}

impl CriterionVerdict {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Waived => "waived",
            Self::Unverifiable => "unverifiable",
        }
    }
}

/// A green run of a criterion's check in the worktree of the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRun {
    /// The command line.
    pub command: String,
    /// The run.
    pub run: RunId,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The SHA-256 of all that it wrote, in hexadecimal digits; empty when nobody took it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// A yes to what was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// Who said it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Note {
    kind: String,
    api: String,
    #[serde(flatten)]
    evidence: Evidence,
}

impl Evidence {
    /// Gathers what a candidate is proven by.
    #[must_use]
    pub fn of(graph: &Graph, candidate: &Candidate) -> Self {
        let rig = graph.rig(&candidate.target.rig);
        let command = |gate: &GateName| {
            let gates = rig.into_iter().flat_map(|rig| &rig.rules.gates);
            let mut named = gates.filter(|known| known.name == *gate);
            named.next().map_or(String::new(), |gate| gate.run.clone())
        };
        // A gate that was green on this tree under another commit has proven this one too, and a
        // red that a second run did not confirm proves nothing.
        let queue = graph.queue(&candidate.target);
        let of_this = candidate.gates.iter().filter(|run| {
            let is_about = queue.is_some_and(|queue| queue.is_about(candidate, run));
            is_about && run.verdict == Verdict::Passed
        });
        Self {
            candidate: candidate.id.clone(),
            rig: candidate.target.rig.clone(),
            target: candidate.target.r#ref.clone(),
            base: candidate.base.clone(),
            commit: candidate.commit.clone(),
            tree: candidate.tree.clone(),
            rules: rig.map_or(String::new(), |rig| rig.digest.clone()),
            sign: rig.map_or(SignPolicy::Off, |rig| rig.rules.merge.sign),
            gates: of_this
                .map(|run| GateProof {
                    gate: run.gate.clone(),
                    command: command(&run.gate),
                    verdict: run.verdict,
                    tree: candidate.tree.clone(),
                    run: run.run.clone(),
                    code: run.code,
                    took_ms: run.took_ms,
                    output: run.output.clone(),
                    tests: run.tests.clone(),
                })
                .collect(),
            members: candidate
                .members
                .iter()
                .map(|member| member_proof(graph, member))
                .collect(),
        }
    }

    /// Writes it as the text of a git note.
    ///
    /// # Panics
    /// Never: everything in it has a form in JSON.
    #[must_use]
    pub fn to_note(&self) -> String {
        let note = Note {
            kind: KIND.to_owned(),
            api: API.to_owned(),
            evidence: self.clone(),
        };
        let mut text = serde_json::to_string_pretty(&note).expect("names and numbers are JSON");
        text.push('\n');
        text
    }

    /// Reads it from the text of a git note.
    ///
    /// # Errors
    /// When it is not one, in words.
    pub fn from_note(text: &str) -> Result<Self, String> {
        let note: Note = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match (note.kind.as_str(), note.api.as_str()) {
            (KIND, API) => Ok(note.evidence),
            (kind, api) => Err(format!("it is {kind} of {api}, not {KIND} of {API}")),
        }
    }
}

fn member_proof(graph: &Graph, member: &Member) -> MemberProof {
    let bead = graph.bead(&member.bead);
    let attempt = bead.and_then(|bead| {
        let mut attempts = bead.attempts.iter().rev();
        attempts.find(|attempt| attempt.epoch == member.epoch)
    });
    let of_head = attempt.filter(|attempt| attempt.head.as_ref() == Some(&member.head));
    let criteria = bead.into_iter().flat_map(|bead| &bead.spec.acceptance);
    MemberProof {
        bead: member.bead.clone(),
        title: bead.map_or(String::new(), |bead| bead.spec.title.clone()),
        goal: bead.and_then(|bead| bead.goal.clone()),
        epoch: member.epoch,
        holder: attempt.map(|attempt| attempt.holder.clone()),
        head: member.head.clone(),
        acceptance: criteria
            .map(|criterion| criterion_proof(criterion, attempt, &member.head))
            .collect(),
        approvals: of_head.map_or_else(Vec::new, |attempt| attempt.approvals.clone()),
        guards: guard_proofs(graph, bead, member),
        weight: of_head.and_then(|attempt| attempt.weight.as_deref().cloned()),
        review: bead.map_or(ReviewPolicy::Off, |bead| graph.policy_of(bead).review),
        reviews: of_head.map_or_else(Vec::new, |attempt| {
            ReviewRecord::of(graph, &member.bead, attempt)
        }),
    }
}

fn guard_proofs(graph: &Graph, bead: Option<&Bead>, member: &Member) -> Vec<GuardProof> {
    let Some((bead, rig)) = bead.and_then(|bead| Some((bead, graph.rig(&bead.rig)?))) else {
        return Vec::new();
    };
    let attempt = bead.attempt(member.epoch);
    let proofs = Guard::ALL.into_iter().filter_map(|guard| {
        let report = attempt?.guarded(guard, &member.head)?.clone();
        let policy = rig.rules.merge.policy_for(guard, bead);
        let waived = attempt?
            .waived(&Waived::Guard(guard), &member.head)
            .cloned();
        Some(GuardProof {
            policy,
            report,
            waived,
        })
    });
    proofs.collect()
}

fn criterion_proof(
    criterion: &crate::Criterion,
    attempt: Option<&Attempt>,
    head: &Oid,
) -> CriterionProof {
    let what = Waived::Criterion(criterion.text.clone());
    let waiver = attempt.and_then(|attempt| attempt.waived(&what, head));
    let unverifiable = |why: &str| CriterionProof {
        text: criterion.text.clone(),
        verdict: match waiver {
            Some(_) => CriterionVerdict::Waived,
            None => CriterionVerdict::Unverifiable,
        },
        why: why.to_owned(),
        check: None,
        waived: waiver.cloned(),
    };
    let Some(command) = &criterion.check else {
        return unverifiable("it has no check");
    };
    let mut checks = attempt.into_iter().flat_map(|attempt| &attempt.checks);
    match checks.find(|check| check.command == *command) {
        Some(check) => CriterionProof {
            text: criterion.text.clone(),
            verdict: CriterionVerdict::Passed,
            why: String::new(),
            check: Some(check.clone()),
            waived: None,
        },
        None => unverifiable("no run of its check is on record for what was handed in"),
    }
}

/// One first-parent commit of a target, as git has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedCommit {
    /// Its name.
    pub oid: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its first parent; none for a root.
    pub base: Option<Oid>,
    /// Who wrote it.
    pub author: String,
    /// The address of who committed it.
    pub committer_email: String,
    /// The first line of its message.
    pub subject: String,
    /// Its note; empty when there is none.
    pub note: String,
    /// The commits that were handed in and stand behind it, in order; none when nobody looked, or
    /// when it has another form than what a refinery makes.
    pub heads: Option<Vec<Oid>>,
    /// How it is signed; none when nobody looked.
    pub signature: Option<Signature>,
}

/// How a commit is signed, as git tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// Not at all.
    Missing,
    /// By somebody whom the file of allowed signers names.
    By {
        /// Who.
        who: String,
        /// The fingerprint of the key.
        key: String,
    },
    /// By a key that is named nowhere.
    Unknown {
        /// The fingerprint of the key.
        key: String,
    },
    /// It is not about this commit.
    Bad,
    /// Git cannot tell.
    Unchecked,
}

impl Signature {
    /// The format in which `git log -z` tells it.
    pub const FORMAT: &str = "%H%x00%G?%x00%GS%x00%GF";
    const FIELDS: usize = 4;

    /// Reads what `git log -z` tells in [`Self::FORMAT`]; what is something else is left out.
    #[must_use]
    pub fn read(output: &[u8]) -> BTreeMap<Oid, Self> {
        let text = String::from_utf8_lossy(output);
        let fields: Vec<&str> = text.split('\0').collect();
        let signatures = fields.chunks_exact(Self::FIELDS).filter_map(|fields| {
            let [oid, letter, who, key] = fields else {
                return None;
            };
            let (who, key) = ((*who).to_owned(), (*key).to_owned());
            let signature = match *letter {
                "N" => Self::Missing,
                "G" => Self::By { who, key },
                "U" => Self::Unknown { key },
                "B" => Self::Bad,
                _ => Self::Unchecked,
            };
            Some((Oid::parse(oid).ok()?, signature))
        });
        signatures.collect()
    }

    /// Tells whether it is about this commit.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::By { .. } | Self::Unknown { .. })
    }

    /// Says it in words.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Missing => "not signed".to_owned(),
            Self::By { who, .. } => format!("signed by {who}"),
            Self::Unknown { key } => format!("signed with {key}"),
            Self::Bad => "its signature is not of this commit".to_owned(),
            Self::Unchecked => "its signature could not be checked".to_owned(),
        }
    }
}

impl LandedCommit {
    /// The format in which `git log -z` tells it, with `--notes` of the ref.
    pub const FORMAT: &str = "%H%x00%T%x00%P%x00%an%x00%ce%x00%s%x00%N";
    const FIELDS: usize = 7;

    /// Reads what `git log -z` tells in [`Self::FORMAT`]; none when it is something else.
    #[must_use]
    pub fn read(output: &[u8]) -> Option<Vec<Self>> {
        let text = String::from_utf8_lossy(output);
        let mut fields: Vec<&str> = text.split('\0').collect();
        if fields.len() % Self::FIELDS == 1 && fields.last() == Some(&"") {
            fields.pop();
        }
        let commits = fields.chunks(Self::FIELDS).map(|fields| match fields {
            [oid, tree, parents, author, committer, subject, note] => Some(Self {
                oid: Oid::parse(oid).ok()?,
                tree: Oid::parse(tree).ok()?,
                base: parents.split(' ').next().and_then(|p| Oid::parse(p).ok()),
                author: (*author).to_owned(),
                committer_email: (*committer).to_owned(),
                subject: (*subject).to_owned(),
                note: (*note).to_owned(),
                heads: None,
                signature: None,
            }),
            _ => None,
        });
        commits.collect()
    }

    /// Notes which commits stand behind it, by the parents of all that is known.
    ///
    /// A refinery makes one merge for each member, the first onto the base, and its commit has the
    /// base and the last of these as parents.
    pub fn look_behind(&mut self, parents: &BTreeMap<Oid, Vec<Oid>>) {
        let Some([base, last]) = parents.get(&self.oid).map(Vec::as_slice) else {
            return;
        };
        let mut heads = Vec::new();
        let mut at = last;
        while at != base {
            let Some([before, head]) = parents.get(at).map(Vec::as_slice) else {
                return;
            };
            heads.push(head.clone());
            at = before;
        }
        heads.reverse();
        self.heads = Some(heads);
    }
}

/// How one commit is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proven {
    /// Its note says so, and fits what git holds.
    ByEvidence(Box<Evidence>),
    /// It did not come through a queue: somebody put it there.
    ByHand,
    /// It says that it came through a queue, and that is not proven.
    Not(Vec<String>),
}

/// Compares a commit with the note on it.
#[must_use]
pub fn prove(commit: &LandedCommit) -> Proven {
    if commit.note.trim().is_empty() {
        return if commit.committer_email == REFINERY_EMAIL {
            Proven::Not(vec!["a refinery made it, and it has no note".to_owned()])
        } else {
            Proven::ByHand
        };
    }
    let evidence = match Evidence::from_note(&commit.note) {
        Ok(evidence) => evidence,
        Err(why) => return Proven::Not(vec![format!("its note cannot be read: {why}")]),
    };
    let wrong = mistakes(commit, &evidence);
    if wrong.is_empty() {
        Proven::ByEvidence(Box::new(evidence))
    } else {
        Proven::Not(wrong)
    }
}

fn mistakes(commit: &LandedCommit, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut want = |is_so: bool, otherwise: String| {
        if !is_so {
            wrong.push(otherwise);
        }
    };
    want(
        evidence.commit == commit.oid,
        format!("its note is about {}", evidence.commit.short()),
    );
    want(
        evidence.tree == commit.tree,
        format!(
            "its note proves the tree {}, and its tree is {}",
            evidence.tree.short(),
            commit.tree.short()
        ),
    );
    want(
        commit.base.as_ref() == Some(&evidence.base),
        format!("its note was made on {}", evidence.base.short()),
    );
    if let Some(signature) = &commit.signature {
        let is_wanted = !evidence.sign.is_off();
        want(
            signature.holds() || !is_wanted,
            format!("it was to be signed: {}", signature.told()),
        );
        want(is_wanted || *signature != Signature::Bad, signature.told());
    }
    want(!evidence.gates.is_empty(), "no gate ran on it".to_owned());
    for gate in &evidence.gates {
        want(
            gate.verdict == Verdict::Passed,
            format!("gate {} was not green", gate.gate),
        );
        want(
            gate.tree == commit.tree,
            format!("gate {} ran on the tree {}", gate.gate, gate.tree.short()),
        );
    }
    if let Some(heads) = &commit.heads {
        let proven: Vec<&Oid> = evidence.members.iter().map(|member| &member.head).collect();
        want(
            heads.iter().collect::<Vec<_>>() == proven,
            "behind it stand other commits than those that its note is about".to_owned(),
        );
    }
    for member in &evidence.members {
        let unread = member.unread();
        want(
            unread.is_none(),
            format!(
                "{} has no review: {}",
                member.bead,
                unread.unwrap_or_default()
            ),
        );
        for guard in &member.guards {
            want(
                guard.policy != GuardPolicy::Block
                    || guard.report.is_clean()
                    || guard.waived.is_some(),
                format!(
                    "{} holds {} back: {}",
                    guard.report.guard.word(),
                    member.bead,
                    guard.report.summary()
                ),
            );
        }
    }
    want(
        !evidence.members.is_empty(),
        "its note names no bead".to_owned(),
    );
    wrong
}
