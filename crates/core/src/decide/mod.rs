//! What the ledger says to a command: events, nothing, or a typed refusal.
//!
//! Pure: the graph, the ask and the moment go in. Repeating what is already
//! true gives no events. Whatever an event needs is decided here, so that
//! applying it never thinks.

mod bead;
mod convoy;
mod crew;
mod discovery;
mod flakes;
mod goal;
mod guard;
mod handover;
mod health;
mod import;
mod inbox;
mod merge;
mod merges;
mod planning;
mod question;
mod replan;
mod reviewing;
mod schedule;
mod seat;
mod split;
mod town;
mod undo;
mod work;

use crate::{
    Actor, Ask, Bead, BeadId, Command, EdgeKind, Epoch, Event, Fault, FaultClass, GoalState, Graph,
    Lease, Need, Oid, Phase, Rejection, Revision, Rig, RigName, SeatName, Timestamp,
    hash::IdSource,
};

pub use bead::check_spec;
pub use goal::add_acceptance;

/// What a decision gives.
pub type Decision = Result<Vec<Event>, Rejection>;

/// Longest remark, reason or summary, in bytes.
pub const TEXT_MAX: usize = 64 * 1024;
/// Longest name that is free, such as a relation or a reader, in bytes.
pub const WORD_MAX: usize = 200;
/// Longest title, in bytes.
pub const TITLE_MAX: usize = 500;
/// Most bytes of a description or a script.
pub const BODY_MAX: usize = 512 * 1024;

/// What every decision may look at.
#[derive(Clone, Copy)]
struct Scene<'a> {
    graph: &'a Graph,
    by: &'a Actor,
    now: Timestamp,
}

/// Decides one command.
///
/// # Errors
/// A [`Rejection`] when the command cannot be; nothing happens then.
pub fn decide(graph: &Graph, ask: &Ask, now: Timestamp) -> Decision {
    let scene = Scene {
        graph,
        by: &ask.by,
        now,
    };
    if let Some(seen) = ask.expected {
        scene.unchanged_since(subject(&ask.command), seen)?;
        if let Command::ApprovePlan { goal } = &ask.command {
            // A yes is to the plan that was looked at, and to no later one.
            for bead in graph.goal(goal).iter().flat_map(|goal| &goal.beads) {
                scene.unchanged_since(Some(bead), seen)?;
            }
        }
    }
    match ask.command.clone() {
        Command::TrustRig { rig, rules, digest } => town::trust_rig(scene, rig, rules, digest),
        Command::RevokeTrust { rig, why } => town::revoke_trust(scene, rig, why),
        Command::RemoveRig { rig } => town::remove_rig(scene, rig),
        Command::Pause { scope, why } => town::pause(scene, scope, why),
        Command::Resume { scope } => town::resume(scene, scope),
        Command::Stop { why } => town::stop(scene, why),
        Command::Thaw => town::thaw(scene),
        Command::Undo { reversal } => undo::undo(scene, *reversal),
        Command::SnoozeDecision {
            kind,
            subject,
            until,
        } => inbox::snooze(scene, kind, subject, until),
        Command::AddCrew { rig, member } => crew::add(scene, rig, member),
        Command::RemoveCrew { member, discard } => crew::remove(scene, member, discard),
        Command::ConcludeCrew {
            member,
            outcome,
            why,
        } => crew::conclude(scene, member, outcome, why),
        Command::StartCrew { member, runtime } => crew::start(scene, member, runtime),
        Command::StopCrew { member } => crew::stop(scene, member),
        Command::TellCrew { member, text } => crew::tell(scene, member, text),
        Command::BeginCrewTurn {
            member,
            turn,
            told,
            bead,
        } => crew::begin_turn(scene, member, turn, told, bead),
        Command::EndCrewTurn {
            member,
            turn,
            session,
            fault,
            unsaid,
            usage,
        } => {
            let ended = crew::Ended {
                session,
                fault,
                unsaid,
                usage,
            };
            crew::end_turn(scene, member, turn, ended)
        }
        Command::AddSchedule {
            rig,
            schedule,
            cron,
            goal,
        } => schedule::add(scene, rig, schedule, cron, goal),
        Command::RemoveSchedule { rig, schedule } => schedule::remove(scene, &rig, &schedule),
        Command::PauseSchedule { rig, schedule, why } => schedule::pause(scene, rig, schedule, why),
        Command::ResumeSchedule { rig, schedule } => schedule::resume(scene, rig, schedule),
        Command::FireSchedule {
            rig,
            schedule,
            due,
            missed,
            target,
        } => schedule::fire(scene, rig, schedule, due, missed, target),
        Command::BackOff { key, why } => town::back_off(scene, key, why),
        Command::Recover { key } => town::recover(scene, key),
        Command::Degrade { role, why } => town::degrade(scene, role, why),
        Command::SendMail { to, thread, text } => town::send_mail(scene, to, thread, text),
        Command::AckMail { mail } => town::ack_mail(scene, mail),

        Command::OpenGoal {
            spec,
            target,
            max,
            until,
            plan,
            approval,
        } => goal::open(scene, spec, target, max, until, plan, approval),
        Command::BeginPlan {
            goal,
            seat,
            host,
            runtime,
            epoch,
        } => planning::begin(scene, goal, seat, host, runtime, epoch),
        Command::ProposePlan {
            goal,
            epoch,
            plan,
            approval,
        } => goal::propose(scene, &goal, epoch, plan, approval),
        Command::OpenConvoy {
            spec,
            target,
            max,
            until,
            beads,
        } => convoy::open(scene, spec, target, max, until, &beads),
        Command::JoinGoal { goal, beads } => convoy::join(scene, &goal, &beads),
        Command::EditGoal {
            goal,
            spec,
            max,
            until,
        } => convoy::edit(scene, goal, spec, max, until),
        Command::ApprovePlan { goal } => goal::approve(scene, goal),
        Command::Cancel { bead, why } => goal::cancel(scene, bead, why),
        Command::CloseGoal {
            goal,
            outcome,
            why,
            proof,
        } => goal::close(scene, goal, outcome, why, proof),
        Command::RequestLanding { goal } => goal::request_landing(scene, goal),
        Command::ConcludeLanding { goal, commit, why } => {
            goal::conclude_landing(scene, goal, commit, why)
        }

        Command::CreateBead {
            rig,
            goal,
            spec,
            needs,
        } => bead::create(scene, &rig, goal, spec, needs),
        Command::ImportBeads { rig, beads } => import::import(scene, &rig, beads),
        Command::EditBead { bead, spec } => bead::edit(scene, bead, spec),
        Command::Link { bead, need } => bead::link(scene, bead, need),
        Command::Unlink { bead, need } => bead::unlink(scene, bead, need),
        Command::AddNote { bead, text } => bead::note(scene, bead, text),
        Command::CloseBead { bead, outcome, why } => bead::close(scene, bead, outcome, why),
        Command::RetryBead { bead } => bead::retry(scene, bead),
        Command::ReopenBead { bead } => bead::reopen(scene, bead),
        Command::SplitBead { bead, parts, rest } => split::split(scene, bead, parts, rest),
        Command::WantChanges {
            bead,
            why,
            comments,
        } => bead::want_changes(scene, bead, why, comments),
        Command::Answer { bead, text } => question::answer(scene, bead, text),
        Command::ParkBead { bead, why } => bead::park(scene, bead, why),
        Command::Tell { bead, text } => question::tell(scene, bead, text),

        Command::OpenSeat { seat, rig, host } => seat::open(scene, seat, rig, host),
        Command::CloseSeat { seat } => seat::close(scene, seat),
        Command::Grant {
            bead,
            seat,
            epoch,
            reserved,
        } => seat::grant(scene, bead, seat, epoch, reserved),

        Command::Claim { bead, name } => work::claim(scene, bead, name),
        Command::ClaimNext { rig, name } => work::claim_next(scene, rig, name),
        Command::Started {
            bead,
            epoch,
            run,
            told,
        } => work::started(scene, bead, epoch, run, told),
        Command::AskHandover {
            bead,
            epoch,
            run,
            full,
        } => handover::ask(scene, bead, epoch, run, full),
        Command::GiveHandover {
            bead,
            epoch,
            run,
            handover,
        } => handover::give(scene, bead, epoch, run, handover),
        Command::Heartbeat { bead, epoch } => work::heartbeat(scene, bead, epoch),
        Command::RecordUsage { bead, epoch, usage } => {
            work::record_usage(scene, bead, epoch, usage)
        }
        Command::Submit {
            bead,
            epoch,
            head,
            base,
            summary,
            checks,
        } => work::submit(scene, bead, epoch, head, base, summary, checks),
        Command::Return { bead, epoch, why } => work::give_back(scene, bead, epoch, why),
        Command::Finish {
            bead,
            epoch,
            outcome,
            why,
        } => work::finish(scene, bead, epoch, outcome, why),
        Command::Ask { bead, epoch, text } => question::ask(scene, bead, epoch, text),
        Command::Discover { bead, epoch, spec } => discovery::discover(scene, bead, epoch, spec),

        Command::Form {
            id,
            target,
            base,
            members,
            commit,
            tree,
            retry,
        } => merge::form(scene, id, target, base, members, commit, tree, retry),
        Command::Judge {
            candidate,
            verdict,
            gates,
        } => merge::judge(scene, candidate, verdict, gates),
        Command::Land { candidate } => merge::land(scene, candidate),
        Command::Void { candidate, why } => merge::void(scene, candidate, why),
        Command::SendBack { bead, epoch, why } => merge::send_back(scene, bead, epoch, why),
        Command::RecordGuard {
            bead,
            epoch,
            head,
            report,
        } => guard::record(scene, bead, epoch, head, report),
        Command::Weigh {
            bead,
            epoch,
            head,
            weight,
        } => reviewing::weigh(scene, bead, epoch, head, weight),
        Command::BeginReview {
            bead,
            epoch,
            head,
            number,
            seat,
            runtime,
        } => reviewing::begin(scene, bead, epoch, head, number, seat, runtime),
        Command::EndReview {
            bead,
            epoch,
            number,
            model,
            outcome,
        } => reviewing::end(scene, bead, epoch, number, model, outcome),
        Command::ObserveTarget { target, tip } => merge::observe_target(scene, target, tip),
        Command::JudgeBase { target, gate } => merge::judge_base(scene, target, gate),

        Command::HoldMerges {
            rig,
            kind,
            until,
            why,
        } => merges::hold(scene, rig, kind, until, why),
        Command::ReleaseMerges { rig } => merges::release(scene, rig),
        Command::PreferSubmission { bead } => merges::prefer(scene, bead),
        Command::RetrySubmission { bead } => merges::retry(scene, bead),
        Command::Waive {
            bead,
            head,
            what,
            why,
        } => guard::waive(scene, bead, head, what, why),
        Command::AskGate {
            rig,
            gate,
            commit,
            bead,
        } => merges::ask_gate(scene, rig, gate, commit, bead),
        Command::AnswerGate { number, runs } => merges::answer_gate(scene, number, runs),

        Command::Expire { bead, epoch, why } => health::expire(scene, bead, epoch, why),
        Command::Quarantine { bead } => health::quarantine(scene, bead),
        Command::TripBreaker { rig, goal: None } => health::trip_breaker(scene, rig),
        Command::TripBreaker {
            rig,
            goal: Some(goal),
        } => health::stop_goal(scene, rig, goal),
        Command::Escalate { about, text } => health::escalate(scene, about, text),
    }
}

/// Names the bead whose change since the caller's look would refuse the write.
fn subject(command: &Command) -> Option<&BeadId> {
    match command {
        Command::ApprovePlan { goal: bead }
        | Command::JoinGoal { goal: bead, .. }
        | Command::EditGoal { goal: bead, .. }
        | Command::BeginPlan { goal: bead, .. }
        | Command::ProposePlan { goal: bead, .. }
        | Command::CloseGoal { goal: bead, .. }
        | Command::RequestLanding { goal: bead }
        | Command::ConcludeLanding { goal: bead, .. }
        | Command::Cancel { bead, .. }
        | Command::EditBead { bead, .. }
        | Command::Link { bead, .. }
        | Command::Unlink { bead, .. }
        | Command::AddNote { bead, .. }
        | Command::CloseBead { bead, .. }
        | Command::RetryBead { bead }
        | Command::ReopenBead { bead }
        | Command::SplitBead { bead, .. }
        | Command::WantChanges { bead, .. }
        | Command::Answer { bead, .. }
        | Command::Ask { bead, .. }
        | Command::ParkBead { bead, .. }
        | Command::Tell { bead, .. }
        | Command::PreferSubmission { bead }
        | Command::RetrySubmission { bead }
        | Command::Waive { bead, .. }
        | Command::Grant { bead, .. }
        | Command::Claim { bead, .. }
        | Command::Started { bead, .. }
        | Command::AskHandover { bead, .. }
        | Command::GiveHandover { bead, .. }
        | Command::Heartbeat { bead, .. }
        | Command::RecordUsage { bead, .. }
        | Command::Submit { bead, .. }
        | Command::Return { bead, .. }
        | Command::Finish { bead, .. }
        | Command::Discover { bead, .. }
        | Command::SendBack { bead, .. }
        | Command::RecordGuard { bead, .. }
        | Command::Weigh { bead, .. }
        | Command::BeginReview { bead, .. }
        | Command::EndReview { bead, .. }
        | Command::Expire { bead, .. }
        | Command::Quarantine { bead } => Some(bead),
        _ => None,
    }
}

impl<'a> Scene<'a> {
    fn unchanged_since(self, subject: Option<&BeadId>, seen: Revision) -> Result<(), Rejection> {
        match subject.and_then(|id| self.graph.bead(id)) {
            Some(bead) if bead.changed > seen => Err(Rejection::Changed {
                bead: bead.id.clone(),
                changed: bead.changed,
                seen,
            }),
            _ => Ok(()),
        }
    }

    fn bead(self, id: &BeadId) -> Result<&'a Bead, Rejection> {
        self.graph.bead(id).ok_or_else(|| Rejection::NoBead {
            bead: id.to_string(),
            similar: self.graph.similar_ids(id.as_str()),
        })
    }

    fn rig(self, name: &RigName) -> Result<&'a Rig, Rejection> {
        self.graph
            .rig(name)
            .ok_or_else(|| Rejection::NoRig { rig: name.clone() })
    }

    /// Checks that `epoch` is the bead's last one, and that its lease is in effect.
    fn leased(self, bead: &'a Bead, epoch: Epoch) -> Result<&'a Lease, Rejection> {
        match bead.phase.lease() {
            Some(lease) if lease.epoch == epoch => Ok(lease),
            _ => Err(self.stale(bead, epoch)),
        }
    }

    /// Finds a bead, and checks that `head` is what its attempt `epoch` handed in and what waits.
    fn handed_in(self, id: &BeadId, epoch: Epoch, head: &Oid) -> Result<&'a Bead, Rejection> {
        let bead = self.bead(id)?;
        match &bead.phase {
            Phase::Submitted {
                epoch: current,
                head: now,
                ..
            } if *current == epoch && now == head => Ok(bead),
            _ => Err(self.stale(bead, epoch)),
        }
    }

    fn stale(self, bead: &Bead, epoch: Epoch) -> Rejection {
        if bead.epoch == epoch {
            self.wrong_phase(bead)
        } else {
            Rejection::StaleEpoch {
                bead: bead.id.clone(),
                current: bead.epoch,
                yours: epoch,
            }
        }
    }

    fn wrong_phase(self, bead: &Bead) -> Rejection {
        let id = &bead.id;
        if let Some(goal) = self.graph.goal(id) {
            let state = self.graph.goal_state(bead, goal, false);
            return Rejection::WrongPhase {
                bead: id.clone(),
                state: state.word().to_owned(),
                next: match state {
                    GoalState::Draft => format!("gtd approve {id}"),
                    _ => format!("gtd convoy show {id}"),
                },
            };
        }
        let state = self.graph.state_of(bead, self.now).word();
        let next = match &bead.phase {
            Phase::Draft => bead.goal.as_ref().map_or_else(
                || format!("gtd bead show {id}"),
                |goal| format!("gtd approve {goal}"),
            ),
            Phase::Parked { .. } => format!("gtd bead retry {id}"),
            Phase::Leased(_) | Phase::Submitted { .. } => format!("gtd why {id}"),
            Phase::Closed { .. } => format!("gtd bead reopen {id}"),
            _ => format!("gtd bead show {id}"),
        };
        Rejection::WrongPhase {
            bead: id.clone(),
            state: state.to_owned(),
            next,
        }
    }

    /// Tells when the next attempt may begin after `why` ended one.
    fn not_before(self, bead: &Bead, why: &Fault) -> Option<Timestamp> {
        if !why.class.backs_off() {
            return None;
        }
        let rules = &self.graph.rig(&bead.rig)?.rules.worker;
        let spent = bead.spent + u32::from(why.class.counts());
        let wait = rules.backoff(spent.max(1));
        (!wait.is_zero()).then(|| self.now.plus(wait))
    }

    fn creator(self) -> String {
        self.by.to_string()
    }

    /// Finds an id that neither the graph nor `taken` holds.
    fn free_id(
        self,
        rig: &Rig,
        title: &str,
        description: &str,
        taken: &std::collections::BTreeSet<BeadId>,
    ) -> Result<BeadId, Rejection> {
        let creator = self.creator();
        let prefix = &rig.rules.prefix;
        crate::hash::free_id(
            prefix,
            IdSource::new(title, description, &creator, self.now),
            self.graph.n_with_prefix(prefix) + taken.len(),
            |id| self.graph.bead(id).is_some() || taken.contains(id),
        )
        .ok_or_else(|| Rejection::NoFreeId {
            prefix: prefix.clone(),
        })
    }
}

impl Graph {
    /// Finds ids that look like `text`, best first, at most three.
    #[must_use]
    pub fn similar_ids(&self, text: &str) -> Vec<String> {
        let mut near: Vec<(usize, &str)> = self
            .beads()
            .map(|bead| {
                (
                    strsim::levenshtein(text, bead.id.as_str()),
                    bead.id.as_str(),
                )
            })
            .filter(|(distance, _)| *distance <= 2)
            .collect();
        near.sort_unstable();
        near.into_iter()
            .take(3)
            .map(|(_, id)| id.to_owned())
            .collect()
    }
}

/// Tells whether a seat holds a bead under `epoch` already, if it may take it at all.
fn holds(bead: &Bead, seat: &SeatName, epoch: Epoch) -> Result<bool, Rejection> {
    if let Some(lease) = bead.phase.lease() {
        return if lease.epoch == epoch && lease.holder.name() == seat {
            Ok(true)
        } else {
            Err(Rejection::AlreadyHeld {
                bead: bead.id.clone(),
                holder: lease.holder.name().clone(),
            })
        };
    }
    if epoch != bead.epoch.next() {
        return Err(Rejection::StaleEpoch {
            bead: bead.id.clone(),
            current: bead.epoch,
            yours: epoch,
        });
    }
    Ok(false)
}

fn check_text(field: &str, text: &str, max: usize) -> Result<(), Rejection> {
    let refuse = |why: &str| {
        Err(Rejection::BadText {
            field: field.to_owned(),
            why: why.to_owned(),
        })
    };
    if text.len() > max {
        return refuse(&format!("is longer than {max} bytes"));
    }
    if text.contains('\0') {
        return refuse("holds a NUL character");
    }
    Ok(())
}

/// A fault that a person's words stand behind.
fn by_person(text: String) -> Fault {
    Fault {
        class: FaultClass::Person,
        text,
        evidence: String::new(),
        run: None,
    }
}

/// Refuses an edge whose relation is no word, and names a known relation by its own name.
fn check_need(need: Need) -> Result<Need, Rejection> {
    let EdgeKind::Custom(word) = &need.kind else {
        return Ok(need);
    };
    check_text("the relation", word, WORD_MAX)?;
    if word.trim().is_empty() {
        return Err(Rejection::BadText {
            field: "the relation".to_owned(),
            why: "is empty".to_owned(),
        });
    }
    // The log knows a relation by its word alone.
    Ok(Need {
        kind: EdgeKind::from_word(word),
        ..need
    })
}
