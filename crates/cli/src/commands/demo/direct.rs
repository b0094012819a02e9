//! The director: follows the log, gives the cues, and kills whom the play wants dead.

use std::{
    fs,
    time::{Duration, Instant},
};

use gtd_client::{Client, TownKey};
use gtd_core::{Envelope, Revision};
use gtd_wire::pb::graph::v1::LogRequest;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tokio::time::sleep;

use super::{
    Break,
    script::Script,
    stage::Stage,
    story::{Line, Story},
};
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    follow, town,
};

/// The longest that a play may take.
const CURTAIN: Duration = Duration::from_secs(55);
/// How often the log is looked at.
const LOOK: Duration = Duration::from_millis(40);
/// How long standing still has to last before it is believed.
const SETTLE: Duration = Duration::from_millis(600);

/// What came of it.
pub(super) struct Played {
    /// The story, in order.
    pub(super) story: Vec<Line>,
    /// The report of the town.
    pub(super) report: Value,
    /// The bead whose agent asked.
    pub(super) asker: Option<String>,
    /// Everything but that one landed.
    pub(super) all_landed: bool,
    /// From the goal to the end.
    pub(super) took: Duration,
}

/// What was done already.
#[derive(Default)]
struct Done {
    go: bool,
    dry: bool,
    courier: bool,
    token: bool,
}

struct Director<'a> {
    ctx: &'a Context,
    stage: &'a Stage,
    script: &'a Script,
    story: Story,
    lines: Vec<Line>,
    seen: Revision,
    done: Done,
    began: Instant,
}

/// Plays it to the end.
pub(super) async fn play(
    ctx: &Context,
    stage: &Stage,
    script: &Script,
) -> Result<Played, CliError> {
    stage.gtd(&["init", "--no-detect"])?;
    let plan = stage.plan();
    let mut director = Director {
        ctx,
        stage,
        script,
        story: Story::default(),
        lines: Vec::new(),
        seen: Revision::default(),
        done: Done::default(),
        began: Instant::now(),
    };
    let goal = stage.gtd(&["goal", "--plan", &plan.to_string_lossy(), "-q"])?;
    let goal = goal.trim().to_owned();
    let mut client = director.reach().await?;
    let mut still_since: Option<Instant> = None;
    let document = loop {
        director.follow(&client).await?;
        if director.step(&client).await? {
            client = director.reach().await?;
        }
        let document = client.get(&goal).await?;
        match follow::exit_of(&document) {
            None => still_since = None,
            Some(Exit::Done) => break document,
            Some(_) => {
                if still_since.get_or_insert_with(Instant::now).elapsed() > SETTLE {
                    break document;
                }
            }
        }
        if director.began.elapsed() > CURTAIN {
            ctx.screen.warn("the curtain falls: it took too long");
            break document;
        }
        sleep(LOOK).await;
    };
    director.follow(&client).await?;
    let asker = director.story.id("name").map(ToString::to_string);
    let all_landed = document["beads"].as_array().is_some_and(|beads| {
        beads
            .iter()
            .all(|bead| bead["state"] == "landed" || bead["id"].as_str() == asker.as_deref())
    });
    Ok(Played {
        story: director.lines,
        report: client.report(None, None, None).await?,
        asker,
        all_landed,
        took: director.began.elapsed(),
    })
}

impl Director<'_> {
    async fn reach(&self) -> Result<Client, CliError> {
        let within = Duration::from_secs(5);
        Ok(Client::connect_within(&self.stage.places, town::person(), within).await?)
    }

    /// Tells what the log says since the last look.
    async fn follow(&mut self, client: &Client) -> Result<(), CliError> {
        loop {
            let request = LogRequest {
                after_revision: self.seen.0,
                limit: 0,
                until_revision: None,
            };
            let page = client.call(request).await?;
            if page.records.is_empty() {
                return Ok(());
            }
            for record in &page.records {
                self.seen = Revision(record.revision);
                let envelope: Envelope =
                    serde_json::from_slice(&record.envelope_json).map_err(|error| {
                        CliError::new(Kind::Daemon(format!(
                            "record {} cannot be read: {error}",
                            record.revision
                        )))
                    })?;
                if let Some(line) = self.story.read(self.seen, &envelope) {
                    self.tell(line);
                }
            }
        }
    }

    fn tell(&mut self, line: Line) {
        if !self.ctx.screen.is_json() && !self.ctx.screen.is_quiet() {
            self.ctx.screen.line_now(format!(
                "{:>5.1}s  {:<9} {}",
                f64::from(i32::try_from(line.at_ms).unwrap_or(i32::MAX)) / 1000.0,
                line.who,
                line.text
            ));
        }
        self.lines.push(line);
    }

    /// Tells what the demo itself does to the town.
    fn tell_deed(&mut self, text: String) {
        let line = Line {
            at_ms: i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX),
            who: "demo".to_owned(),
            text,
            revision: self.seen.0,
            event: None,
        };
        self.tell(line);
    }

    /// Gives the cues whose time has come; returns whether another daemon runs now.
    async fn step(&mut self, client: &Client) -> Result<bool, CliError> {
        if !self.done.token
            && self.stage.has_cue("asking")
            && let Some((bead, epoch)) = self.story.run_of("name")
        {
            let key = TownKey::load(&self.stage.places.key_file())
                .map_err(|error| CliError::new(Kind::Daemon(error.to_string())))?;
            self.stage
                .cue("token", key.lease_token(&bead, epoch).as_str())?;
            self.done.token = true;
        }
        if !self.done.courier
            && self.script.has(Break::Agent)
            && self.stage.has_cue("courier")
            && let Some((bead, epoch)) = self.story.run_of("boxes")
        {
            let run = self
                .stage
                .places
                .runs()
                .join(format!("{bead}.e{epoch}.work"));
            if let Some(pid) = agent_of(&run) {
                self.done.courier = true;
                self.tell_deed(format!("kill -9 {pid}: the agent of boxes"));
                murder(pid)?;
            }
        }
        // The crowd is there: what was held goes on, and the next batch is all of them.
        if !self.done.go
            && self
                .script
                .crowd()
                .iter()
                .all(|name| self.story.was_submitted(name))
        {
            self.stage.cue("go", "")?;
            self.done.go = true;
        }
        if !self.done.dry && self.stage.has_cue("painting") && self.story.run_of("front").is_some()
        {
            self.done.dry = true;
            let is_new = self.script.has(Break::Agent);
            if is_new {
                self.kill_daemon(client).await?;
            }
            self.stage.cue("dry", "")?;
            return Ok(is_new);
        }
        Ok(false)
    }

    /// Kills the daemon while agents are at work, and starts another one.
    async fn kill_daemon(&mut self, client: &Client) -> Result<(), CliError> {
        let pid = client.hello().await?.pid;
        self.story.daemon_died(self.seen);
        self.tell_deed(format!(
            "kill -9 {pid}: the daemon, while the front is being painted"
        ));
        let pid = i32::try_from(pid)
            .map_err(|_| CliError::new(Kind::Daemon(format!("{pid} is no process id"))))?;
        murder(pid)?;
        let died = Instant::now();
        self.stage.gtd(&["up"])?;
        self.tell_deed(format!(
            "gtd up: another daemon answers after {:.1} s",
            died.elapsed().as_secs_f64()
        ));
        Ok(())
    }
}

fn murder(pid: i32) -> Result<(), CliError> {
    kill(Pid::from_raw(pid), Signal::SIGKILL)
        .map_err(|errno| CliError::io(format!("kill {pid}"), errno.into()))
}

/// Reads from its run directory which process an agent is.
fn agent_of(run: &std::path::Path) -> Option<i32> {
    let record: Value = serde_json::from_slice(&fs::read(run.join("shim.json")).ok()?).ok()?;
    i32::try_from(record.get("child_pid")?.as_i64()?)
        .ok()
        .filter(|pid| *pid > 1)
}
