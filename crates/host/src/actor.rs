//! One role actor: it waits for a wake, then looks, plans and acts.
//!
//! A pass begins only when the mirror has seen the role's own last write. A
//! step that fails ends the pass, and its effect waits; the next wake is the
//! retry. What cannot be seen is passed over: nothing is concluded from it, and
//! the rest goes on. Wakes carry no data and coalesce.

use std::{sync::Arc, time::Duration};

use gtd_client::{Client, ClientError, HostLine, Mirror};
use gtd_core::{Command, Graph, Observation, Revision, RoleName, Timestamp};
use gtd_plan::{Effect, Plan, Planner, RunSeen, Seen, Step};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{HostError, bells::Bells, describe::describe, hands::Hands};

/// Rounds of questions in one pass at most: a planner that asks for ever is a bug.
const ROUNDS: usize = 10_000;
/// The longest wait of a role that has nothing at work. What the graph and the runs do wakes it
/// at once; this is for what nobody announces, such as a push to a branch.
const IDLE: Duration = Duration::from_secs(5);
/// The longest wait of a role that has something at work.
const BUSY: Duration = Duration::from_secs(2);
/// The wait after a pass that failed, or that planned the same again; it doubles.
const AGAIN: Duration = Duration::from_millis(500);
/// The longest wait after a pass that failed.
const AGAIN_MAX: Duration = Duration::from_secs(30);
/// A little more than what the clock can tell apart.
const TICK: Duration = Duration::from_millis(1);
/// So many failures in a row of one effect are told to a person.
const MANY: u32 = 10;
/// A role that cannot look for so long is told to a person.
const BLIND: Duration = Duration::from_mins(2);

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
    /// The pen for what a role says of itself.
    role_pen: Client,
    stage: Stage,
    bells: Bells,
    published: Vec<Observation>,
    /// What the last pass failed with, so that nobody hears the same again and again.
    complaint: Option<String>,
    blind: Option<Blind>,
    /// The effect that the machine had no room for, and what it is short of.
    short: Option<(String, String)>,
}

/// How long a role has not been able to look.
struct Blind {
    since: Instant,
    is_told: bool,
}

/// How a pass ended.
enum Pass {
    /// Nothing was to be done.
    Quiet { at_work: bool },
    /// Steps were taken.
    Acted(Vec<Step>),
    /// Something could not be seen, a step failed, or the daemon could not be told.
    Failed(HostError),
}

/// What a look at the world led to.
struct Looked {
    plan: Plan,
    seen: Seen,
    /// Why something could not be seen.
    unseen: Option<HostError>,
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
            complaint: None,
            blind: None,
            short: None,
        }
    }

    /// Runs until it is cancelled, or until `is_over` says so after a quiet pass.
    pub(crate) async fn run(
        mut self,
        waking: &Waking,
        is_over: impl Fn(&Graph) -> bool + Send,
    ) -> Result<(), HostError> {
        let mut revisions = self.stage.mirror.revisions();
        let mut last: Option<Vec<Step>> = None;
        // Passes in a row that failed or planned the same.
        let mut in_vain = 0;
        loop {
            revisions.borrow_and_update();
            let interest = (waking.interest)(&self.stage.mirror.graph());
            let began = Instant::now();
            let pass = self.pass().await;
            let now = now();
            let wait = match pass {
                Pass::Acted(steps) if last.as_ref() != Some(&steps) => {
                    last = Some(steps);
                    in_vain = 0;
                    continue;
                }
                Pass::Acted(_) => {
                    debug!("planned the same again");
                    in_vain += 1;
                    again_after(in_vain)
                }
                Pass::Failed(error) => {
                    last = None;
                    in_vain += 1;
                    let wait = again_after(in_vain);
                    match error {
                        HostError::Waits { until, .. } => wait.min(until.since(now) + TICK),
                        HostError::Short { .. } => wait.min(IDLE),
                        _ => wait,
                    }
                }
                Pass::Quiet { at_work } => {
                    last = None;
                    in_vain = 0;
                    if at_work {
                        BUSY
                    } else if is_over(&self.stage.mirror.graph()) {
                        self.publish(Vec::new()).await;
                        return Ok(());
                    } else {
                        IDLE
                    }
                }
            };
            let due = self.stage.mirror.graph().next_due(now);
            let wait = due.map_or(wait, |due| wait.min(due.since(now) + TICK));
            let sleep = Sleep {
                not_before: began + waking.min_interval,
                until: began + wait.max(waking.min_interval),
                interest,
            };
            if self.sleep(&sleep, waking, &mut revisions).await == Slept::Cancelled {
                return Ok(());
            }
        }
    }

    /// Waits for a wake: something of interest changed, a run ended, or the time is up.
    async fn sleep(
        &self,
        sleep: &Sleep,
        waking: &Waking,
        revisions: &mut watch::Receiver<Revision>,
    ) -> Slept {
        let rings: Arc<Notify> = self.bells.rings();
        loop {
            tokio::select! {
                () = self.stage.cancel.cancelled() => return Slept::Cancelled,
                () = tokio::time::sleep_until(sleep.until) => return Slept::Woken,
                () = rings.notified() => break,
                changed = revisions.changed() => {
                    if changed.is_err() {
                        return Slept::Cancelled;
                    }
                    if (waking.interest)(&self.stage.mirror.graph()) != sleep.interest {
                        break;
                    }
                }
            }
        }
        tokio::select! {
            () = self.stage.cancel.cancelled() => Slept::Cancelled,
            () = tokio::time::sleep_until(sleep.not_before) => Slept::Woken,
        }
    }

    async fn pass(&mut self) -> Pass {
        let (pass, is_blind) = match self.look().await {
            Ok(looked) => {
                let is_blind = looked.unseen.is_some();
                (self.act_on(looked).await, is_blind)
            }
            Err(error) => (Pass::Failed(error), true),
        };
        self.report(&pass).await;
        match &pass {
            Pass::Failed(error) if is_blind => self.note_blindness(error).await,
            _ => self.blind = None,
        }
        pass
    }

    async fn act_on(&mut self, looked: Looked) -> Pass {
        let Looked { plan, seen, unseen } = looked;
        let mut at_work = false;
        for run in seen.live_runs() {
            at_work = true;
            // A run that has not begun cannot ring.
            if matches!(seen.run(run), Some(RunSeen::Live(_))) {
                self.bells.hang(run);
            }
        }
        self.publish_all(&plan).await;
        let taken = self.take(&plan.steps).await;
        let short = match &taken {
            Err(HostError::Short { key, why }) => Some((key.clone(), why.clone())),
            _ => None,
        };
        if short != self.short {
            self.short = short;
            self.publish_all(&plan).await;
        }
        match (taken, unseen) {
            (Err(error), _) | (Ok(()), Some(error)) => Pass::Failed(error),
            (Ok(()), None) if plan.steps.is_empty() => Pass::Quiet { at_work },
            (Ok(()), None) => Pass::Acted(plan.steps),
        }
    }

    /// Tells how the pass ended, unless it ended as the last one did.
    async fn report(&mut self, pass: &Pass) {
        let complaint = match pass {
            // The figures change all the time, and a full disk wants no more lines.
            Pass::Failed(HostError::Short { key, why }) => {
                let what = why.split(':').next().unwrap_or(why);
                Some(format!("begin {key}: {what}"))
            }
            Pass::Failed(error) => Some(error.chain()),
            Pass::Quiet { .. } if self.complaint.is_none() => return,
            Pass::Quiet { .. } | Pass::Acted(_) => None,
        };
        if complaint.is_some() && complaint == self.complaint {
            debug!(error = complaint, "the pass failed as the last one did");
            return;
        }
        if let Some(error) = &complaint {
            warn!(error, "the pass failed; the next wake is the retry");
        }
        let revision = self.stage.mirror.revision();
        let name = self.role_name();
        self.complaint.clone_from(&complaint);
        self.stage.line.passed(&name, revision, complaint).await;
    }

    /// Tells a person when the role has not been able to look for long.
    async fn note_blindness(&mut self, error: &HostError) {
        let blind = self.blind.get_or_insert(Blind {
            since: Instant::now(),
            is_told: false,
        });
        if blind.is_told || blind.since.elapsed() < BLIND {
            return;
        }
        blind.is_told = true;
        let role = self.role_name();
        let why = error.chain();
        self.note(Command::Degrade { role, why }).await;
    }

    fn role_name(&self) -> RoleName {
        RoleName::parse(self.planner.role()).unwrap_or_else(|_| self.observer.clone())
    }

    /// Looks until the planner asks nothing new, then plans on the newest graph.
    async fn look(&self) -> Result<Looked, HostError> {
        let (planner, mirror, hands) = (
            self.planner.clone(),
            self.stage.mirror.clone(),
            self.stage.hands.clone(),
        );
        blocking(move || {
            let mut seen = Seen::at(mirror.revision());
            let mut unseen = None;
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
                    match hands.see(&question) {
                        Ok(answer) => seen.put(question, answer),
                        Err(error) => {
                            unseen.get_or_insert(error);
                            seen.pass_over(question);
                        }
                    }
                }
            }
            let plan = planner.plan(&mirror.graph(), &seen, now());
            Looked { plan, seen, unseen }
        })
        .await
    }

    /// Says whose work waits for an effect that failed.
    fn held_up(&self, steps: &[Step]) -> Vec<Observation> {
        let graph = self.stage.mirror.graph();
        let effects = steps.iter().filter_map(|step| match step {
            Step::Do(effect) => Some(effect),
            Step::Tell(_) => None,
        });
        effects
            .flat_map(|effect| {
                let key = effect.key();
                match (graph.back_off(&key), &self.short) {
                    (Some(wait), _) => effect.held_up(&graph, wait),
                    (None, Some((short, why))) if *short == key => effect.short_of(&graph, why),
                    (None, _) => Vec::new(),
                }
            })
            .collect()
    }

    async fn take(&self, steps: &[Step]) -> Result<(), HostError> {
        let mut last = None;
        for step in steps {
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
    async fn tell(&self, command: Command) -> Result<Option<Revision>, HostError> {
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
        let earlier = self.stage.mirror.graph().back_off(&key).cloned();
        if let Some(wait) = earlier.as_ref().filter(|wait| wait.waits_at(now())) {
            return Err(HostError::Waits {
                key,
                why: wait.why.clone(),
                until: wait.until,
            });
        }
        let (hands, owned) = (self.stage.hands.clone(), effect.clone());
        let error = match blocking(move || hands.perform(&owned)).await? {
            Ok(commands) => {
                info!(effect = effect.kind(), "{key}");
                if earlier.is_some() {
                    self.note(Command::Recover { key }).await;
                }
                return Ok(commands);
            }
            Err(error) => error,
        };
        if !error.is_passing() {
            let why = error.chain();
            let failures = earlier.map_or(0, |wait| wait.failures) + 1;
            if failures >= MANY {
                self.note(Command::Escalate {
                    about: key.clone(),
                    text: format!("it failed {failures} times: {why}"),
                })
                .await;
            }
            self.note(Command::BackOff { key, why }).await;
        }
        Err(error)
    }

    /// Says something of the role itself, which is no reason to fail.
    async fn note(&self, command: Command) {
        if let Err(error) = self.role_pen.tell(command).await {
            debug!(%error, "a word of the role could not be noted");
        }
    }

    /// Publishes what a plan saw, and whose work its steps hold up.
    async fn publish_all(&mut self, plan: &Plan) {
        let mut observations = plan.observations.clone();
        observations.extend(self.held_up(&plan.steps));
        self.publish(observations).await;
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

/// How long a role sleeps at most and at least, and what it was interested in when it lay down.
struct Sleep {
    not_before: Instant,
    until: Instant,
    interest: u64,
}

/// How a sleep ended.
#[derive(PartialEq, Eq)]
enum Slept {
    Woken,
    Cancelled,
}

/// Returns the wait after so many passes in a row that came to nothing.
fn again_after(in_vain: u32) -> Duration {
    let doublings = in_vain.saturating_sub(1).min(16);
    AGAIN.saturating_mul(1 << doublings).min(AGAIN_MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_tried_less_and_less_often() {
        let waits: Vec<u128> = (1..=8).map(|n| again_after(n).as_millis()).collect();
        assert_eq!(
            waits,
            [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
        );
        assert_eq!(again_after(u32::MAX), AGAIN_MAX);
    }
}
