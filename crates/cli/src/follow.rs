//! Follows goals and beads until they come to rest.
//!
//! It looks at the documents, as often as the log moves and at most ten times a
//! second. A daemon that goes away in the middle is waited for, because it is
//! usually coming back; what is followed does not depend on us.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use gtd_client::{Client, Watch};
use gtd_core::{BeadDoc, BeadState, ConvoyDoc, Revision};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    progress::{Change, Progress},
    town::{self, DocumentKind},
};

/// How long a daemon may be away.
const AWAY: Duration = Duration::from_secs(30);
/// How often a daemon that is away is looked for.
const SEEK: Duration = Duration::from_millis(150);
/// The shortest time between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// The longest: what only time changes shows then.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);
/// How long standing still has to last before it is believed.
const SETTLE: Duration = Duration::from_millis(250);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum WaitFor {
    /// All of it landed or ended.
    #[default]
    Landed,
    /// Nothing moves any more, for whatever reason.
    Idle,
    /// A person is needed.
    NeedsYou,
}

/// How following ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// The exit that says so.
    pub(crate) exit: Exit,
    /// The last documents, in the order in which they were asked for.
    pub(crate) documents: Vec<Value>,
}

/// Follows some goals and beads.
pub(crate) struct Follow<'a> {
    ctx: &'a Context,
    client: Client,
    ids: Vec<String>,
    wait_for: WaitFor,
    states: BTreeMap<String, (String, String)>,
    documents: Vec<Value>,
    still_since: Option<Instant>,
    progress: Progress,
}

impl<'a> Follow<'a> {
    /// Begins to follow.
    pub(crate) fn new(
        ctx: &'a Context,
        client: Client,
        ids: Vec<String>,
        wait_for: WaitFor,
    ) -> Self {
        Self {
            ctx,
            client,
            ids,
            wait_for,
            states: BTreeMap::new(),
            documents: Vec::new(),
            still_since: None,
            progress: Progress::new(ctx),
        }
    }

    /// Follows until the end, the limit of `--timeout`, or Ctrl-C.
    pub(crate) async fn run_to_the_end(mut self) -> Result<Ended, CliError> {
        // The first look is not limited: a wait of no time is a question.
        match self.look().await {
            Err(error) if !error.is_lost() => return Err(error),
            _ => {}
        }
        if let Some(exit) = self.verdict()
            && !is_standing_still(exit)
        {
            return Ok(self.ended(exit));
        }
        let limit = self.ctx.wait_limit;
        let ended = {
            let following = self.follow();
            tokio::select! {
                ended = async {
                    match limit {
                        Some(limit) => timeout(limit, following).await.unwrap_or(Ok(Exit::StillGoing)),
                        None => following.await,
                    }
                } => ended?,
                _ = tokio::signal::ctrl_c() => Exit::Interrupted,
            }
        };
        self.progress.clear();
        if ended == Exit::Interrupted {
            let again = self.ids.join(" ");
            self.ctx
                .screen
                .insist(format!("detached: the work goes on.  gtd wait {again}"));
        }
        if self.documents.is_empty() && !self.ids.is_empty() {
            return Err(CliError::new(Kind::Silent(
                "the daemon did not answer in all that time".to_owned(),
            )));
        }
        Ok(self.ended(ended))
    }

    fn ended(self, exit: Exit) -> Ended {
        Ended {
            exit,
            documents: self.documents,
        }
    }

    async fn follow(&mut self) -> Result<Exit, CliError> {
        let mut watch: Option<Watch> = None;
        let mut seen_at = Instant::now();
        let mut is_away = false;
        loop {
            match self.look().await {
                Ok(()) => {
                    seen_at = Instant::now();
                    is_away = false;
                }
                Err(error) if error.is_lost() => {
                    if seen_at.elapsed() > AWAY {
                        return Err(error.help("the daemon did not come back: gtd up"));
                    }
                    if !is_away {
                        let text = "the daemon does not answer; waiting for it to come back";
                        self.progress.clear();
                        self.ctx.screen.say(text);
                    }
                    is_away = true;
                    watch = None;
                    sleep(SEEK).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            match self.verdict() {
                None => self.still_since = None,
                Some(exit) if is_standing_still(exit) => {
                    let since = *self.still_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= SETTLE {
                        return Ok(exit);
                    }
                    sleep(SETTLE.saturating_sub(since.elapsed())).await;
                    continue;
                }
                Some(exit) => return Ok(exit),
            }
            if watch.is_none() {
                watch = self.watch().await.ok();
            }
            let looked_at = Instant::now();
            if !moved(watch.as_mut()).await {
                watch = None;
            }
            sleep(LOOK.saturating_sub(looked_at.elapsed())).await;
        }
    }

    async fn look(&mut self) -> Result<(), CliError> {
        let mut documents = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            documents.push(town::find(&self.client, id).await?);
        }
        for found in &documents {
            self.tell_changes(found)?;
        }
        self.documents = documents.into_iter().map(|found| found.document).collect();
        let states = self.states.values().map(|(state, _)| state.as_str());
        self.progress.draw(&self.ctx.screen, states);
        Ok(())
    }

    async fn watch(&self) -> Result<Watch, CliError> {
        let seen = self
            .documents
            .iter()
            .map(|document| document.get("revision")?.as_u64())
            .min()
            .flatten();
        let after = match seen {
            Some(revision) => Revision(revision),
            // A bead does not say; what happened meanwhile shows at the next look.
            None => self.client.hello().await?.revision,
        };
        Ok(self.client.watch(after).await?)
    }

    /// Says what changed since the last look: one line per change, on stderr.
    fn tell_changes(&mut self, found: &town::Found) -> Result<(), CliError> {
        let rows: Vec<(String, String, String, String)> = match found.kind {
            DocumentKind::Convoy => {
                let convoy: ConvoyDoc = town::read(&found.document)?;
                convoy
                    .beads
                    .into_iter()
                    .map(|bead| (bead.id.to_string(), bead.title, bead.state, bead.text))
                    .collect()
            }
            DocumentKind::Bead => {
                let bead: BeadDoc = town::read(&found.document)?;
                let text = bead.reason.map(|reason| reason.text).unwrap_or_default();
                vec![(bead.id.to_string(), bead.title, bead.state, text)]
            }
            DocumentKind::Other => Vec::new(),
        };
        for (id, title, state, text) in rows {
            let known = self.states.get(&id);
            let changed = known.is_none_or(|(known, _)| *known != state);
            // What was so from the beginning is not told.
            let told = changed && (known.is_some() || !self.documents.is_empty());
            if told {
                self.progress.tell(
                    &self.ctx.screen,
                    &Change {
                        id: &id,
                        title: &title,
                        state: &state,
                        text: &text,
                    },
                );
            }
            if changed {
                self.states.insert(id, (state, text));
            }
        }
        Ok(())
    }

    /// Judges all documents: nothing while something can move.
    fn verdict(&self) -> Option<Exit> {
        if self.documents.len() < self.ids.len() {
            return None;
        }
        let exits: Option<Vec<Exit>> = self.documents.iter().map(exit_of).collect();
        let needs_you = self
            .documents
            .iter()
            .filter_map(exit_of)
            .any(|exit| exit == Exit::NeedsYou);
        match self.wait_for {
            WaitFor::Landed => Some(worst(&exits?)),
            WaitFor::Idle => exits.map(|_| Exit::Done),
            WaitFor::NeedsYou if needs_you => Some(Exit::NeedsYou),
            WaitFor::NeedsYou => Some(worst(&exits?)),
        }
    }
}

/// Waits until the log moved; tells whether the watch still lives.
async fn moved(watch: Option<&mut Watch>) -> bool {
    let Some(watch) = watch else {
        sleep(LOOK_ANYWAY).await;
        return false;
    };
    let news = async {
        loop {
            match watch.next().await {
                Ok(Some(page)) if page.records.is_empty() => {}
                Ok(Some(_)) => return true,
                Ok(None) | Err(_) => return false,
            }
        }
    };
    timeout(LOOK_ANYWAY, news).await.unwrap_or(true)
}

fn is_standing_still(exit: Exit) -> bool {
    matches!(exit, Exit::NeedsYou | Exit::Limit)
}

/// Reads how a document ended; nothing while something of it can move.
pub(crate) fn exit_of(document: &Value) -> Option<Exit> {
    if document.get("beads").is_some() {
        let code = document.get("exit")?.as_u64()?;
        return Some(u8::try_from(code).map_or(Exit::Failed, Exit::of_goal));
    }
    match serde_json::from_value(document.get("state")?.clone()).ok()? {
        BeadState::Landed | BeadState::Closed => Some(Exit::Done),
        BeadState::Failed | BeadState::Cancelled => Some(Exit::WorkFailed),
        BeadState::Parked | BeadState::Draft => Some(Exit::NeedsYou),
        BeadState::Running | BeadState::Queued => None,
        BeadState::Submitted | BeadState::Ready | BeadState::Waiting => {
            let reason = document.get("reason")?;
            let moves = reason.get("clears_by_itself")?.as_bool()?;
            (!moves).then_some(Exit::NeedsYou)
        }
    }
}

fn worst(exits: &[Exit]) -> Exit {
    [Exit::WorkFailed, Exit::Limit, Exit::NeedsYou]
        .into_iter()
        .find(|exit| exits.contains(exit))
        .or_else(|| exits.iter().copied().find(|exit| *exit != Exit::Done))
        .unwrap_or(Exit::Done)
}

/// Looks at one document until it is as wished.
pub(crate) async fn until(
    client: &Client,
    id: &str,
    is_wished: impl Fn(&Value) -> Result<bool, CliError>,
) -> Result<town::Found, CliError> {
    until_some(client, async || {
        let found = town::find(client, id).await?;
        Ok(is_wished(&found.document)?.then_some(found))
    })
    .await
}

/// Looks as often as the log moves until there is something to see.
pub(crate) async fn until_some<T>(
    client: &Client,
    look: impl AsyncFn() -> Result<Option<T>, CliError>,
) -> Result<T, CliError> {
    let mut watch: Option<Watch> = None;
    loop {
        // Watched before the look, so that no change falls between.
        if watch.is_none() {
            let after = client.hello().await?.revision;
            watch = client.watch(after).await.ok();
        }
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if !moved(watch.as_mut()).await {
            watch = None;
        }
    }
}

/// Waits until the process of a daemon is gone.
pub(crate) async fn until_gone(pid: u32, limit: Duration) -> Result<(), CliError> {
    let until = Instant::now() + limit;
    while is_alive(pid) {
        if Instant::now() >= until {
            return Err(CliError::new(Kind::Silent(format!(
                "the daemon (pid {pid}) did not end within {} s",
                limit.as_secs()
            ))));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn is_alive(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else {
        return false;
    };
    // A process that waits to be reaped does nothing any more.
    let zombie = std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    });
    !zombie && nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_goal_ends_as_the_daemon_says() {
        let goal = |exit: Value| json!({"kind": "Convoy", "beads": [], "exit": exit});
        assert_eq!(exit_of(&goal(json!(null))), None);
        assert_eq!(exit_of(&goal(json!(0))), Some(Exit::Done));
        assert_eq!(exit_of(&goal(json!(4))), Some(Exit::NeedsYou));
        assert_eq!(exit_of(&goal(json!(5))), Some(Exit::WorkFailed));
        assert_eq!(exit_of(&goal(json!(6))), Some(Exit::Limit));
    }

    #[test]
    fn a_bead_ends_as_its_state_says() {
        let bead = |state: &str, by_itself: bool| {
            json!({"kind": "Bead", "state": state,
                "reason": {"code": "x", "clears_by_itself": by_itself}})
        };
        assert_eq!(exit_of(&bead("landed", true)), Some(Exit::Done));
        assert_eq!(exit_of(&bead("failed", true)), Some(Exit::WorkFailed));
        assert_eq!(exit_of(&bead("parked", true)), Some(Exit::NeedsYou));
        assert_eq!(exit_of(&bead("waiting", true)), None);
        assert_eq!(exit_of(&bead("waiting", false)), Some(Exit::NeedsYou));
        assert_eq!(exit_of(&bead("running", false)), None);
        assert_eq!(exit_of(&bead("submitted", true)), None);
        assert_eq!(exit_of(&bead("submitted", false)), Some(Exit::NeedsYou));
    }

    #[test]
    fn the_worst_end_of_several_is_told() {
        assert_eq!(worst(&[Exit::Done, Exit::Done]), Exit::Done);
        assert_eq!(worst(&[Exit::NeedsYou, Exit::WorkFailed]), Exit::WorkFailed);
        assert_eq!(worst(&[Exit::Done, Exit::NeedsYou]), Exit::NeedsYou);
        assert_eq!(worst(&[]), Exit::Done);
    }
}
