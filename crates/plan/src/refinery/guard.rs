//! What gtd's own gates say of each submission, before it goes into a candidate.
//!
//! | a submission | next |
//! |---|---|
//! | nobody has looked at it, and the rig wants it | look at what it does to the tests and to protected files, record it |
//! | it mends a conflict, and nobody has looked what that dropped | look at the lines of both sides, record it |
//! | it adds tests, and the rig wants to see them red without the work | run them so: `proof` |
//! | something was found, no person takes it as it is, and the rig lets that block | send it back with what was found |
//! | it changes protected files, and no person has said yes to that | it waits where it is |
//! | else | it may go into a candidate |
//!
//! What counts is the rule of the trusted configuration: nothing that is handed in changes it. A
//! submission is compared with what it shares with the target, whatever it says that it began from.

use gtd_core::{
    Bead, Command, Fault, FaultClass, Graph, Guard, GuardPolicy, GuardReport, Oid, Phase, Queue,
    Target, Waived,
};

use crate::{Plan, Question, Refinery, Seen, evidence::begin};

/// Submissions looked at in one pass at most.
const LOOKS: usize = 64;

/// One queue as it is seen, and what gtd's own gates say of what waits in it.
pub(super) struct Guards<'a> {
    pub(super) refinery: &'a Refinery,
    pub(super) graph: &'a Graph,
    pub(super) seen: &'a Seen,
    pub(super) queue: &'a Queue,
    pub(super) target: &'a Target,
    pub(super) tip: &'a Oid,
}

impl Refinery {
    pub(super) fn guards<'a>(
        &'a self,
        graph: &'a Graph,
        seen: &'a Seen,
        queue: &'a Queue,
        target: &'a Target,
        tip: &'a Oid,
    ) -> Guards<'a> {
        Guards {
            refinery: self,
            graph,
            seen,
            queue,
            target,
            tip,
        }
    }
}

impl<'a> Guards<'a> {
    fn policy(&self, guard: Guard) -> GuardPolicy {
        let rig = self.graph.rig(&self.refinery.rig);
        rig.map_or(GuardPolicy::Off, |rig| rig.rules.merge.policy_of(guard))
    }

    fn policy_for(&self, bead: &Bead, guard: Guard) -> GuardPolicy {
        let rig = self.graph.rig(&self.refinery.rig);
        rig.map_or(GuardPolicy::Off, |rig| {
            rig.rules.merge.policy_for(guard, bead)
        })
    }

    fn dropped(&self, bead: &Bead) -> Option<Question> {
        let (earlier, files) = bead.mended()?;
        Some(Question::Dropped {
            rig: self.refinery.rig.clone(),
            onto: self.tip.clone(),
            head: handed_in(bead)?.clone(),
            earlier: earlier.clone(),
            files: files.to_vec(),
        })
    }

    fn weaker(&self, head: &Oid) -> Question {
        Question::Weaker {
            rig: self.refinery.rig.clone(),
            onto: self.tip.clone(),
            head: head.clone(),
        }
    }

    fn protected(&self, head: &Oid) -> Question {
        let rig = self.graph.rig(&self.refinery.rig);
        Question::Protected {
            rig: self.refinery.rig.clone(),
            onto: self.tip.clone(),
            head: head.clone(),
            globs: rig.map_or_else(Vec::new, |rig| rig.rules.merge.protect.clone()),
        }
    }

    /// Lists the submissions that a gate of gtd's own has not looked at.
    pub(super) fn unguarded(&self, guard: Guard) -> Vec<(&'a Bead, &'a Oid)> {
        if self.policy(guard).is_off() {
            return Vec::new();
        }
        let queued = self.graph.queued(self.target).filter_map(|bead| {
            let head = handed_in(bead)?;
            if self.policy_for(bead, guard).is_off() {
                return None;
            }
            recorded(bead, head, guard)
                .is_none()
                .then_some((bead, head))
        });
        queued.take(LOOKS).collect()
    }

    /// Asks what the submissions do to the tests, and which files they change.
    pub(super) fn look(&self, questions: &mut Vec<Question>) {
        let unguarded = self.unguarded(Guard::TestGuard).into_iter();
        questions.extend(unguarded.map(|(_, head)| self.weaker(head)));
        let unguarded = self.unguarded(Guard::ProtectedPaths).into_iter();
        questions.extend(unguarded.map(|(_, head)| self.protected(head)));
        let unguarded = self.unguarded(Guard::KeptLines).into_iter();
        questions.extend(unguarded.filter_map(|(bead, _)| self.dropped(bead)));
        self.look_at_proof(questions);
    }

    /// Records what was found in submissions, and sends back what is blocked by it.
    pub(super) fn judge(&self, plan: &mut Plan) {
        for guard in Guard::ALL {
            for (bead, head) in self.unguarded(guard) {
                if let Some(report) = self.report_on(bead, guard) {
                    plan.tell(Command::RecordGuard {
                        bead: bead.id.clone(),
                        epoch: bead.epoch,
                        head: head.clone(),
                        report,
                    });
                }
            }
        }
        for bead in self.graph.queued(self.target) {
            let held = Guard::ALL.into_iter().find_map(|guard| {
                let policy = self.policy_for(bead, guard);
                let blocks = policy == GuardPolicy::Block && !guard.asks();
                let report = self.report_on(bead, guard);
                report.filter(|report| blocks && holds_back(bead, report))
            });
            if let Some(report) = held {
                plan.tell(sent_back(bead, &report));
            }
        }
        self.run_proof(plan);
    }

    fn report_on(&self, bead: &Bead, guard: Guard) -> Option<GuardReport> {
        let head = handed_in(bead)?;
        if let Some(report) = recorded(bead, head, guard) {
            return Some(report.clone());
        }
        match guard {
            Guard::TestGuard => self.seen.weaker(&self.weaker(head)).cloned(),
            Guard::ProofOfTest => self.proof_of(head),
            Guard::ProtectedPaths => self.seen.protected(&self.protected(head)).cloned(),
            Guard::KeptLines => {
                let report = self.seen.dropped(&self.dropped(bead)?).cloned()?;
                let attempt = bead.attempt(bead.epoch);
                Some(report.unsaid(attempt.map_or("", |attempt| &attempt.summary)))
            }
        }
    }

    /// Tells whether one gate of gtd's own has looked at a submission, and holds it not back.
    pub(super) fn is_let_through_by(&self, bead: &Bead, guard: Guard) -> bool {
        let report = || self.report_on(bead, guard);
        match self.policy_for(bead, guard) {
            GuardPolicy::Off => true,
            // What is only listed holds nothing back, also where it cannot be looked at.
            GuardPolicy::List => report().is_some() || self.cannot_look(bead, guard),
            GuardPolicy::Block => report().is_some_and(|report| !holds_back(bead, &report)),
        }
    }

    fn cannot_look(&self, bead: &Bead, guard: Guard) -> bool {
        let asked = match guard {
            Guard::TestGuard => handed_in(bead).map(|head| self.weaker(head)),
            Guard::KeptLines => self.dropped(bead),
            Guard::ProofOfTest | Guard::ProtectedPaths => None,
        };
        asked.is_some_and(|question| self.seen.knows(&question))
    }

    /// Tells whether all of them have looked at a submission, and hold it not back.
    pub(super) fn is_let_through(&self, bead: &Bead) -> bool {
        if self.graph.policy_of(bead).lands_nothing() {
            return false;
        }
        let mut guards = Guard::ALL.into_iter();
        guards.all(|guard| self.is_let_through_by(bead, guard))
    }
}

fn handed_in(bead: &Bead) -> Option<&Oid> {
    match &bead.phase {
        Phase::Submitted { head, .. } => Some(head),
        _ => None,
    }
}

fn recorded<'a>(bead: &'a Bead, head: &Oid, guard: Guard) -> Option<&'a GuardReport> {
    bead.attempt(bead.epoch)?.guarded(guard, head)
}

/// Tells whether what was found is taken as it is by nobody.
fn holds_back(bead: &Bead, report: &GuardReport) -> bool {
    let (Some(head), false) = (handed_in(bead), report.is_clean()) else {
        return false;
    };
    let what = Waived::Guard(report.guard);
    let attempt = bead.attempt(bead.epoch);
    attempt.is_none_or(|attempt| attempt.waived(&what, head).is_none())
}

fn sent_back(bead: &Bead, report: &GuardReport) -> Command {
    let word = report.guard.word();
    let text = format!(
        "{word} finds that {}: {}",
        report.guard.says(),
        report.summary()
    );
    Command::SendBack {
        bead: bead.id.clone(),
        epoch: bead.epoch,
        why: Fault {
            class: FaultClass::Gate {
                gate: word.to_owned(),
            },
            text: crate::evidence::line(&text),
            evidence: begin(&report.told()),
            run: None,
        },
    }
}
