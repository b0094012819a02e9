//! One role actor: it waits for a wake, then looks, plans and acts.
//!
//! A pass begins only when the mirror has seen the role's own last write. A
//! step that fails ends the pass, and its effect waits; the next wake is the
//! retry. Wakes carry no data and coalesce.

use std::{sync::Arc, time::Duration};

use gtd_client::{Client, ClientError, HostLine, Mirror};
use gtd_core::{Command, Graph, Observation, RoleName, Timestamp};
use gtd_plan::{Effect, Plan, Planner, Seen, Step};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{HostError, bells::Bells, hands::Hands};

/// Rounds of questions in one pass at most.
const ROUNDS: usize = 32;
/// The longest wait of a role that has nothing at work.
const IDLE: Duration = Duration::from_secs(30);
/// The longest wait of a role that has something at work.
const BUSY: Duration = Duration::from_secs(2);
/// The wait after a pass that failed, or that planned the same again.
const AGAIN: Duration = Duration::from_millis(500);

/// What all actors of a host share.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) mirror: Mirror,
    pub(crate) hands: Hands,
    pub(crate) line: HostLine,
    pub(crate) cancel: CancellationToken,
}

/// How a role is woken.
pub(crate) struct Waking {
    /// Passes are at least so far apart.
    min_interval: Duration,
    /// Returns a number that changes when the role may have something to do.
    interest: Box<dyn Fn(&Graph) -> u64 + Send + Sync>,
}

impl Waking {
    pub(crate) fn new(
        min_interval: Duration,
        interest: impl Fn(&Graph) -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            min_interval,
            interest: Box::new(interest),
        }
    }
}

/// One role actor.
pub(crate) struct Actor<P> {
    planner: P,
    /// The role's name in the daemon's list of observers.
    observer: RoleName,
    /// Whose pen the commands are written with.
    pen: Client,
    /// The pen for back-offs.
    role_pen: Client,
    stage: Stage,
    bells: Bells,
    published: Vec<Observation>,
}

/// How a pass ended.
enum Pass {
    /// Nothing was to be done.
    Quiet { at_work: bool },
    /// Steps were taken.
    Acted,
    /// A step failed, or the daemon could not be told.
    Failed,
}

/// Returns the present moment by the wall clock.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl<P: Planner + Clone + Send + Sync + 'static> Actor<P> {
    pub(crate) fn new(
        planner: P,
        observer: RoleName,
        pen: Client,
        role_pen: Client,
        stage: Stage,
    ) -> Self {
        let bells = Bells::new(stage.hands.runs().clone());
        Self {
            planner,
            observer,
            pen,
            role_pen,
            stage,
            bells,
            published: Vec::new(),
        }
    }

    /// Runs until it is cancelled, or until `is_over` says so after a quiet pass.
    pub(crate) async fn run(
        mut self,
        waking: &Waking,
        is_over: impl Fn(&Graph) -> bool + Send,
    ) -> Result<(), HostError> {
        let mut revisions = self.stage.mirror.revisions();
        let rings = self.bells.rings();
        let mut last_plan: Option<Plan> = None;
        loop {
            revisions.borrow_and_update();
            let interest = (waking.interest)(&self.stage.mirror.graph());
            let began = Instant::now();
            let plan_before = last_plan.take();
            let (pass, plan) = self.pass(plan_before.as_ref()).await;
            last_plan = plan;
            let repeats = last_plan.is_some() && last_plan == plan_before;
            let wait = match pass {
                Pass::Acted if !repeats => continue,
                Pass::Acted | Pass::Failed => AGAIN,
                Pass::Quiet { at_work: true } => BUSY,
                Pass::Quiet { at_work: false } => {
                    if is_over(&self.stage.mirror.graph()) {
                        self.publish(Vec::new()).await;
                        return Ok(());
                    }
                    IDLE
                }
            };
            let due = self.stage.mirror.graph().next_due(now());
            let wait = match due {
                Some(due) => wait.min(due.since(now()) + Duration::from_millis(1)),
                None => wait,
            };
            let until = began + wait.max(waking.min_interval);
            if self
                .sleep_until(
                    until,
                    began + waking.min_interval,
                    interest,
                    waking,
                    &mut revisions,
                    &rings,
                )
                .await
                .is_cancelled()
            {
                return Ok(());
            }
        }
    }

    /// Waits for a wake: something of interest changed, a run ended, or the time is up.
    async fn sleep_until(
        &self,
        until: Instant,
        not_before: Instant,
        interest: u64,
        waking: &Waking,
        revisions: &mut tokio::sync::watch::Receiver<gtd_core::Revision>,
        rings: &Arc<tokio::sync::Notify>,
    ) -> Slept {
        loop {
            tokio::select! {
                () = self.stage.cancel.cancelled() => return Slept::Cancelled,
                () = tokio::time::sleep_until(until) => return Slept::Woken,
                () = rings.notified() => break,
                changed = revisions.changed() => {
                    if changed.is_err() {
                        return Slept::Cancelled;
                    }
                    if (waking.interest)(&self.stage.mirror.graph()) != interest {
                        break;
                    }
                }
            }
        }
        tokio::select! {
            () = self.stage.cancel.cancelled() => Slept::Cancelled,
            () = tokio::time::sleep_until(not_before) => Slept::Woken,
        }
    }

    async fn pass(&mut self, before: Option<&Plan>) -> (Pass, Option<Plan>) {
        match self.observe_and_plan().await {
            Err(error) => {
                warn!(
                    error = error.chain(),
                    "the pass could not look at the world"
                );
                (Pass::Failed, None)
            }
            Ok((plan, at_work)) => {
                self.publish(plan.observations.clone()).await;
                if plan.steps.is_empty() {
                    return (Pass::Quiet { at_work }, None);
                }
                if before == Some(&plan) {
                    debug!("planned the same again");
                }
                let outcome = self.take(&plan).await;
                let revision = self.stage.mirror.revision();
                let error = outcome.as_ref().err().map(HostError::chain);
                if let Some(error) = &error {
                    warn!(error, "a step failed; the next wake is the retry");
                }
                self.stage
                    .line
                    .passed(&self.observer, revision, error)
                    .await;
                match outcome {
                    Ok(()) => (Pass::Acted, Some(plan)),
                    Err(_) => (Pass::Failed, None),
                }
            }
        }
    }

    /// Looks until the planner asks nothing new, then plans on the graph of the last look.
    async fn observe_and_plan(&mut self) -> Result<(Plan, bool), HostError> {
        let (planner, mirror, hands) = (
            self.planner.clone(),
            self.stage.mirror.clone(),
            self.stage.hands.clone(),
        );
        let look = move || {
            let mut seen = Seen::default();
            for _ in 0..ROUNDS {
                let questions: Vec<_> = planner
                    .look(&mirror.graph(), &seen, now())
                    .into_iter()
                    .filter(|question| !seen.knows(question))
                    .collect();
                if questions.is_empty() {
                    break;
                }
                for question in questions {
                    let answer = hands.see(&question)?;
                    seen.put(question, answer);
                }
            }
            let plan = planner.plan(&mirror.graph(), &seen, now());
            Ok::<_, HostError>((plan, seen))
        };
        let (plan, seen) = blocking(look).await??;
        let mut at_work = false;
        for run in seen.live_runs() {
            at_work = true;
            self.bells.hang(run);
        }
        Ok((plan, at_work))
    }

    async fn take(&self, plan: &Plan) -> Result<(), HostError> {
        let mut last = None;
        for step in &plan.steps {
            if self.stage.cancel.is_cancelled() {
                break;
            }
            match step {
                Step::Tell(command) => last = self.tell(command.clone()).await?.or(last),
                Step::Do(effect) => {
                    for command in self.act(effect).await? {
                        last = self.tell(command).await?.or(last);
                    }
                }
            }
        }
        if let Some(revision) = last {
            self.stage.mirror.wait_for(revision).await;
        }
        Ok(())
    }

    /// Tells the ledger; a refusal ends the pass and is no fault: the world moved on.
    async fn tell(&self, command: Command) -> Result<Option<gtd_core::Revision>, HostError> {
        let word = describe(&command);
        match self.pen.tell(command).await {
            Ok(written) => {
                info!(rev = written.revision.0, "{word}");
                Ok(Some(written.revision))
            }
            Err(error) => {
                if let ClientError::Rejected(rejection) = &error {
                    debug!(%rejection, "refused: {word}");
                }
                Err(HostError::Client(error))
            }
        }
    }

    async fn act(&self, effect: &Effect) -> Result<Vec<Command>, HostError> {
        let key = effect.key();
        let waits = self.stage.mirror.graph().back_off(&key).cloned();
        if let Some(wait) = &waits
            && wait.until > now()
        {
            return Err(HostError::Broken {
                what: format!("{key} waits after a failure: {}", wait.why),
            });
        }
        let (hands, owned) = (self.stage.hands.clone(), effect.clone());
        let outcome = blocking(move || hands.perform(&owned)).await?;
        match outcome {
            Ok(commands) => {
                info!(effect = effect.kind(), "{key}");
                if waits.is_some() {
                    self.note(Command::Recover { key }).await;
                }
                Ok(commands)
            }
            // A moved ref is no failure: the next pass sees where it went.
            Err(error @ (HostError::Stopped | HostError::RefMoved { .. })) => Err(error),
            Err(error) => {
                let why = error.chain();
                self.note(Command::BackOff { key, why }).await;
                Err(error)
            }
        }
    }

    async fn note(&self, command: Command) {
        if let Err(error) = self.role_pen.tell(command).await {
            debug!(%error, "a back-off could not be noted");
        }
    }

    async fn publish(&mut self, observations: Vec<Observation>) {
        let is_same = observations.len() == self.published.len()
            && observations.iter().zip(&self.published).all(|(new, old)| {
                new.subject == old.subject && new.reason == old.reason && new.text == old.text
            });
        if is_same {
            return;
        }
        if let Ok(json) = serde_json::to_value(&observations) {
            self.stage.line.observed(&self.observer, &json).await;
        }
        self.published = observations;
    }
}

/// How a sleep ended.
#[derive(PartialEq, Eq)]
enum Slept {
    Woken,
    Cancelled,
}

impl Slept {
    fn is_cancelled(&self) -> bool {
        *self == Self::Cancelled
    }
}

/// Runs blocking work; a panic in it becomes this task's panic, for the supervisor.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HostError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Ok(value),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(HostError::Broken {
            what: error.to_string(),
        }),
    }
}

/// Names a command with its subject, for the role's log.
fn describe(command: &Command) -> String {
    let text = format!("{command:?}");
    let word = text.split([' ', '{']).next().unwrap_or_default();
    let subject = match command {
        Command::Grant {
            bead, seat, epoch, ..
        } => format!("{bead} to {seat}, epoch {epoch}"),
        Command::Started { bead, epoch, .. }
        | Command::Submit { bead, epoch, .. }
        | Command::Finish { bead, epoch, .. } => format!("{bead}, epoch {epoch}"),
        Command::Return { bead, epoch, why }
        | Command::Expire { bead, epoch, why }
        | Command::SendBack { bead, epoch, why } => format!("{bead}, epoch {epoch}: {}", why.text),
        Command::Quarantine { bead } => bead.to_string(),
        Command::Form { id, members, .. } => format!(
            "{id}: {}",
            members
                .iter()
                .map(|member| member.bead.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        ),
        Command::Judge {
            candidate, verdict, ..
        } => format!("{candidate}: {verdict:?}"),
        Command::Land { candidate } | Command::Void { candidate, .. } => candidate.to_string(),
        Command::CloseGoal { goal, why, .. } => format!("{goal}: {why}"),
        Command::OpenSeat { seat, .. } | Command::CloseSeat { seat } => seat.to_string(),
        Command::ObserveTarget { target, tip } => format!("{} at {}", target.key(), tip.short()),
        _ => String::new(),
    };
    if subject.is_empty() {
        word.to_owned()
    } else {
        format!("{word} {subject}")
    }
}
