//! The deacon's other errand: a person is told of what needs them.
//!
//! What is told is made of the page that `gtd status` shows. Each notice is a run, named after
//! what it says and the channel that says it, so that nothing is told twice: not by this process,
//! and not by the one after a crash. A channel that fails holds up nothing: that is told where a
//! person looks.
//!
//! | a notice and a channel | next |
//! |---|---|
//! | the policy does not tell it, the channel does not carry it, or it is quiet | nothing; it is looked at again |
//! | there is no run for the two | begin it |
//! | there is one, whatever became of it | nothing |

mod order;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use gtd_agent::{Exit, RunState, Runs};
use gtd_client::{Client, Places};
use gtd_core::{
    Document, Moment, NOTIFY, Notice, Observation, RoleName, RunId, StatusDoc, Timestamp,
    WaitReason,
    config::{Channel, NotifyRules, notify_rules},
    notices,
};
use gtd_plan::NOTICE;
use tracing::{info, warn};

use self::order::order;
use crate::{
    HostError,
    actor::{Stage, now},
    emergency::MayAct,
    hands::Hands,
    zone::local_zone,
};

/// How often is looked, when nothing happens.
const EVERY: Duration = Duration::from_mins(1);
/// How far apart looks are at least, however much happens.
const PAUSE: Duration = Duration::from_secs(1);
/// How soon is looked again how a channel did.
const SOON: Duration = Duration::from_secs(2);
/// Notices that one channel is given at one look; the rest come at the next.
const MOST: usize = 10;
/// The longest that a channel may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How much of what a channel printed is told, in bytes.
const TAIL: u64 = 2_000;

/// The label of the channel on them.
const CHANNEL: &str = "channel";
/// Under which name failing channels are told.
const OBSERVER: &str = "deacon.notify";

/// How a channel did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSeen {
    /// What it is called.
    pub name: String,
    /// The events that it carries; none is all of them.
    pub events: Option<BTreeSet<String>>,
    /// When it was used last; none when it never was, as far as is known.
    pub at: Option<Moment>,
    /// Why it failed then; none when it did not.
    pub failed: Option<String>,
}

/// Tells until it is cancelled. Never fails: what cannot be told now is tried again.
pub(crate) async fn run_notices(stage: Stage, pen: Client) {
    let mut revisions = stage.mirror.revisions();
    let mut teller = Teller::default();
    let mut published = Vec::new();
    loop {
        revisions.borrow_and_update();
        let has_channels = match look(&stage, &pen, &mut teller).await {
            Ok(has_channels) => has_channels,
            Err(error) => {
                warn!(error = error.chain(), "nobody could be told of anything");
                false
            }
        };
        let failing = teller.failing();
        if failing != published {
            publish(&stage, &failing).await;
            published = failing;
        }
        let wait = if teller.waits() { SOON } else { EVERY };
        tokio::select! {
            () = stage.cancel.cancelled() => return,
            () = tokio::time::sleep(wait) => continue,
            changed = revisions.changed(), if has_channels => {
                if changed.is_err() {
                    return;
                }
            }
        }
        tokio::select! {
            () = stage.cancel.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Tells what is to be told now; returns whether there is any channel.
async fn look(stage: &Stage, pen: &Client, teller: &mut Teller) -> Result<bool, HostError> {
    let hands = stage.hands.clone();
    let rules = blocking(move || rules(hands.places())).await??;
    if rules.channels.is_empty() {
        teller.last.clear();
        return Ok(false);
    }
    let status = pen.status().await.map_err(HostError::Client)?;
    let Ok(status) = serde_json::from_value::<Document<StatusDoc>>(status) else {
        // A daemon of another version: what it shows cannot be read.
        return Ok(true);
    };
    let now = now();
    let notices = notices(&status.body, &stage.mirror.graph(), now);
    let hands = stage.hands.clone();
    let mut working = std::mem::take(teller);
    let tell = move || {
        let told = working.tell(&hands, &rules, &notices, now);
        (working, told)
    };
    let (working, told) = blocking(tell).await?;
    *teller = working;
    told.map(|()| true)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HostError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| HostError::Broken {
        what: error.to_string(),
    })
}

async fn publish(stage: &Stage, failing: &[String]) {
    let observer = RoleName::parse(OBSERVER).expect("a plain word");
    let seen: Vec<Observation> = failing
        .iter()
        .map(|text| Observation {
            subject: NOTIFY.to_owned(),
            reason: WaitReason::Unknown,
            text: text.clone(),
            since: now(),
            until: None,
        })
        .collect();
    if let Ok(json) = serde_json::to_value(&seen) {
        stage.line.observed(&observer, &json).await;
    }
}

fn rules(places: &Places) -> Result<NotifyRules, HostError> {
    let config = gtd_client::town_config(places).map_err(HostError::Config)?;
    Ok(notify_rules(&config))
}

/// What is known of the notices that were begun.
#[derive(Debug, Default)]
struct Teller {
    /// Runs that there are: a look at them costs nothing.
    told: HashSet<RunId>,
    /// The last run of each channel, and how it ended.
    last: BTreeMap<String, (RunId, Option<Result<(), String>>)>,
}

impl Teller {
    fn tell(
        &mut self,
        hands: &Hands,
        rules: &NotifyRules,
        notices: &[Notice],
        now: Timestamp,
    ) -> Result<(), HostError> {
        let zone = local_zone();
        let names: Vec<String> = rules.channels.iter().map(Channel::name).collect();
        self.last.retain(|name, _| names.contains(name));
        for channel in &rules.channels {
            let wanted = notices.iter().filter(|notice| {
                let events = notice.events();
                rules.tells(&events, now, &zone) && channel.carries(&events)
            });
            let mut begun = 0;
            for notice in wanted {
                let run = named(&notice.digest(&channel.identity()));
                if self.told.contains(&run) {
                    continue;
                }
                let state = hands.runs().state(&run).map_err(HostError::Run)?;
                if matches!(state, RunState::Absent | RunState::Prepared) {
                    if begun == MOST {
                        break;
                    }
                    begin(hands.places(), hands.runs(), rules, channel, notice, &run)?;
                    info!(run = %run, channel = channel.name(), what = notice.what, "told a person");
                    begun += 1;
                }
                self.last.insert(channel.name(), (run.clone(), None));
                self.told.insert(run);
            }
        }
        for (run, end) in self.last.values_mut() {
            if end.is_none() {
                *end = ended(hands.runs(), run)?;
            }
        }
        Ok(())
    }

    /// Tells whether a channel is at work.
    fn waits(&self) -> bool {
        self.last.values().any(|(_, end)| end.is_none())
    }

    /// Says which channels failed when they were used last.
    fn failing(&self) -> Vec<String> {
        let failed = self.last.iter().filter_map(|(name, (_, end))| match end {
            Some(Err(why)) => Some(format!("{name}: {why}")),
            _ => None,
        });
        failed.collect()
    }
}

fn named(digest: &str) -> RunId {
    RunId::parse(&format!("{NOTICE}{digest}")).expect("a few plain characters")
}

/// Tells how a notice ended; none while it has not.
fn ended(runs: &Runs, run: &RunId) -> Result<Option<Result<(), String>>, HostError> {
    Ok(match runs.state(run).map_err(HostError::Run)? {
        RunState::Exited(exit) if exit.is_success() => Some(Ok(())),
        RunState::Exited(exit) => {
            let tail = runs.tail(run, TAIL).map_err(HostError::Run)?;
            Some(Err(why(&exit, &tail)))
        }
        RunState::Lost => Some(Err("it vanished".to_owned())),
        RunState::Absent | RunState::Prepared | RunState::Live(_) => None,
    })
}

fn why(exit: &Exit, tail: &str) -> String {
    let said = tail.lines().rev().find(|line| !line.trim().is_empty());
    let how = match exit.end {
        _ if exit.timed_out => "it took too long".to_owned(),
        gtd_agent::End::Code(code) => format!("exit {code}"),
        gtd_agent::End::Signal(signal) => format!("signal {signal}"),
    };
    match said {
        Some(said) => format!("{how}: {}", said.trim()),
        None => how,
    }
}

/// Begins the run of one notice in one channel.
fn begin(
    places: &Places,
    runs: &Runs,
    rules: &NotifyRules,
    channel: &Channel,
    notice: &Notice,
    run: &RunId,
) -> Result<(), HostError> {
    let spec = order(places, runs, rules, channel, notice, run)?;
    // After everything was stopped, nothing begins.
    let _may_act = MayAct::take(places)?;
    runs.ensure(&spec).map(drop).map_err(HostError::Run)
}

/// Lists the channels of a town with how each did last. Blocks.
///
/// # Errors
/// When the configuration or the runs cannot be read.
pub fn channels(places: &Places) -> Result<Vec<ChannelSeen>, HostError> {
    let rules = rules(places)?;
    let runs = crate::runs(places)?;
    let mut last: BTreeMap<String, (Timestamp, RunId)> = BTreeMap::new();
    let all = runs.list().map_err(HostError::Run)?;
    for run in all
        .into_iter()
        .filter(|run| run.as_str().starts_with(NOTICE))
    {
        let (Ok(RunState::Exited(exit)), Ok(spec)) = (runs.state(&run), runs.spec(&run)) else {
            continue;
        };
        let Some(name) = spec.labels.get(CHANNEL) else {
            continue;
        };
        let known = last.get(name);
        if known.is_none_or(|(at, _)| *at < exit.ended_at) {
            last.insert(name.clone(), (exit.ended_at, run));
        }
    }
    let seen = rules.channels.iter().map(|channel| {
        let name = channel.name();
        let last = last.get(&name);
        let end = match last {
            Some((_, run)) => ended(&runs, run)?,
            None => None,
        };
        Ok(ChannelSeen {
            events: channel.events.clone(),
            at: last.map(|(at, _)| Moment(*at)),
            failed: end.and_then(Result::err),
            name,
        })
    });
    seen.collect()
}

/// Tries the channels of a town, or those of one name, and says how each did. Blocks.
///
/// # Errors
/// When the configuration or the runs cannot be read, or everything is stopped.
pub fn try_channels(places: &Places, only: Option<&str>) -> Result<Vec<ChannelSeen>, HostError> {
    const LOOK: Duration = Duration::from_millis(20);
    let rules = rules(places)?;
    let runs = crate::runs(places)?;
    let notice = Notice::trial(now());
    let chosen = rules.channels.iter().enumerate().filter(|(_, channel)| {
        let name = channel.name();
        only.is_none_or(|only| name == only || name.starts_with(&format!("{only} ")))
    });
    let mut begun = Vec::new();
    for (n, channel) in chosen {
        let since = notice.since.0.0;
        let run = named(&format!("test-{since}-{n}"));
        begin(places, &runs, &rules, channel, &notice, &run)?;
        begun.push((channel, run));
    }
    let until = std::time::Instant::now() + LIMIT + Duration::from_secs(5);
    let tried = begun.into_iter().map(|(channel, run)| {
        let end = loop {
            match ended(&runs, &run)? {
                Some(end) => break end,
                None if std::time::Instant::now() > until => {
                    break Err("it has not ended".to_owned());
                }
                None => std::thread::sleep(LOOK),
            }
        };
        Ok(ChannelSeen {
            name: channel.name(),
            events: channel.events.clone(),
            at: Some(Moment(now())),
            failed: end.err(),
        })
    });
    tried.collect()
}
