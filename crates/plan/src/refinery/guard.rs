//! What gtd's own gates say of each submission, before it goes into a candidate.
//!
//! | a submission | next |
//! |---|---|
//! | nobody has looked at it, and the rig wants it | look at what it does to the tests, record it |
//! | it adds tests, and the rig wants to see them red without the work | run them so: `proof` |
//! | something was found, no person takes it as it is, and the rig lets that block | send it back with what was found |
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

impl Refinery {
    pub(super) fn guard_policy(&self, graph: &Graph, guard: Guard) -> GuardPolicy {
        let rig = graph.rig(&self.rig);
        rig.map_or(GuardPolicy::Off, |rig| rig.rules.merge.policy_of(guard))
    }

    fn weaker(&self, tip: &Oid, head: &Oid) -> Question {
        Question::Weaker {
            rig: self.rig.clone(),
            onto: tip.clone(),
            head: head.clone(),
        }
    }

    /// Lists the submissions that a gate of gtd's own has not looked at.
    pub(super) fn unguarded<'a>(
        &self,
        graph: &'a Graph,
        target: &'a Target,
        guard: Guard,
    ) -> Vec<(&'a Bead, &'a Oid)> {
        if self.guard_policy(graph, guard).is_off() {
            return Vec::new();
        }
        let queued = graph.queued(target).filter_map(|bead| {
            let head = handed_in(bead)?;
            recorded(bead, head, guard)
                .is_none()
                .then_some((bead, head))
        });
        queued.take(LOOKS).collect()
    }

    /// Asks what the submissions of a target do to the tests.
    pub(super) fn look_at_tests(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        target: &Target,
        tip: &Oid,
        questions: &mut Vec<Question>,
    ) {
        let unguarded = self.unguarded(graph, target, Guard::TestGuard);
        questions.extend(
            unguarded
                .into_iter()
                .map(|(_, head)| self.weaker(tip, head)),
        );
        self.look_at_proof(graph, seen, queue, target, tip, questions);
    }

    /// Records what was found in submissions, and sends back what is blocked by it.
    pub(super) fn guard(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        target: &Target,
        tip: &Oid,
        plan: &mut Plan,
    ) {
        for guard in Guard::ALL {
            for (bead, head) in self.unguarded(graph, target, guard) {
                if let Some(report) = self.report_on(graph, seen, queue, tip, bead, guard) {
                    plan.tell(Command::RecordGuard {
                        bead: bead.id.clone(),
                        epoch: bead.epoch,
                        head: head.clone(),
                        report,
                    });
                }
            }
        }
        for bead in graph.queued(target) {
            let held = Guard::ALL.into_iter().find_map(|guard| {
                let blocks = self.guard_policy(graph, guard) == GuardPolicy::Block;
                let report = self.report_on(graph, seen, queue, tip, bead, guard);
                report.filter(|report| blocks && holds_back(bead, report))
            });
            if let Some(report) = held {
                plan.tell(sent_back(bead, &report));
            }
        }
        self.run_proof(graph, seen, queue, target, tip, plan);
    }

    fn report_on(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        tip: &Oid,
        bead: &Bead,
        guard: Guard,
    ) -> Option<GuardReport> {
        let head = handed_in(bead)?;
        if let Some(report) = recorded(bead, head, guard) {
            return Some(report.clone());
        }
        match guard {
            Guard::TestGuard => seen.weaker(&self.weaker(tip, head)).cloned(),
            Guard::ProofOfTest => self.proof_of(graph, seen, queue, tip, head),
        }
    }

    /// Tells whether one gate of gtd's own has looked at a submission, and holds it not back.
    pub(super) fn is_let_through_by(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        tip: &Oid,
        bead: &Bead,
        guard: Guard,
    ) -> bool {
        let report = || self.report_on(graph, seen, queue, tip, bead, guard);
        match self.guard_policy(graph, guard) {
            GuardPolicy::Off => true,
            // What is only listed holds nothing back, also where it cannot be looked at.
            GuardPolicy::List => report().is_some() || self.cannot_look(seen, tip, bead, guard),
            GuardPolicy::Block => report().is_some_and(|report| !holds_back(bead, &report)),
        }
    }

    fn cannot_look(&self, seen: &Seen, tip: &Oid, bead: &Bead, guard: Guard) -> bool {
        let asked = handed_in(bead).map(|head| self.weaker(tip, head));
        guard == Guard::TestGuard && asked.is_some_and(|question| seen.knows(&question))
    }

    /// Tells whether all of them have looked at a submission, and hold it not back.
    pub(super) fn is_let_through(
        &self,
        graph: &Graph,
        seen: &Seen,
        queue: &Queue,
        tip: &Oid,
        bead: &Bead,
    ) -> bool {
        let mut guards = Guard::ALL.into_iter();
        guards.all(|guard| self.is_let_through_by(graph, seen, queue, tip, bead, guard))
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
