//! `gtd cost`: what models used, from the records of usage and from nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Dollars, Recorded, View};
use crate::{
    Actor, Bead, BeadId, Envelope, Epoch, Event, Graph, Moment, Review, RigName, RunId, SeatName,
    Timestamp, UsageDelta, review_of_run,
};

/// What one group of a cost page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostBy {
    /// One bead.
    #[default]
    Bead,
    /// One goal with its beads.
    Convoy,
    /// One seat or claimant.
    Agent,
    /// One role.
    Role,
    /// One runtime.
    Runtime,
    /// One repository.
    Rig,
    /// One day in UTC.
    Day,
}

impl CostBy {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Bead,
        Self::Convoy,
        Self::Agent,
        Self::Role,
        Self::Runtime,
        Self::Rig,
        Self::Day,
    ];

    /// Returns its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bead => "bead",
            Self::Convoy => "convoy",
            Self::Agent => "agent",
            Self::Role => "role",
            Self::Runtime => "runtime",
            Self::Rig => "rig",
            Self::Day => "day",
        }
    }

    /// Finds what a word means.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }
}

/// Tokens, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokensDoc {
    /// In, without cached ones.
    pub input: u64,
    /// In, read from the cache.
    pub cache_read: u64,
    /// In, written to the cache.
    pub cache_write: u64,
    /// Out.
    pub output: u64,
}

impl TokensDoc {
    /// Counts what went in, cached or not.
    #[must_use]
    pub fn all_input(&self) -> u64 {
        self.input + self.cache_read + self.cache_write
    }

    fn add(&mut self, usage: &UsageDelta) {
        self.input += usage.input;
        self.cache_read += usage.cache_read;
        self.cache_write += usage.cache_write;
        self.output += usage.output;
    }
}

/// What a group used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostRow {
    /// What it is: an id, a name, a day.
    pub key: String,
    /// The title, where it has one.
    pub title: String,
    /// What it costs, as the programs said, or as it was estimated where they did not.
    pub usd: Dollars,
    /// Some of that is estimated.
    #[serde(default)]
    pub estimated: bool,
    /// What went in and out.
    pub tokens: TokensDoc,
    /// How many runs used something.
    pub runs: u64,
    /// How many of them have no price: their tokens count, their money does not.
    pub unpriced_runs: u64,
}

/// What was used in a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostDoc {
    /// From.
    pub since: Moment,
    /// To.
    pub until: Moment,
    /// What one group is.
    pub by: CostBy,
    /// What all of it costs, as the programs said, or as it was estimated where they did not.
    pub total_usd: Dollars,
    /// Some of that is estimated.
    #[serde(default)]
    pub estimated: bool,
    /// What went in and out.
    pub tokens: TokensDoc,
    /// How many runs used something.
    pub runs: u64,
    /// How many of them have no price.
    pub unpriced_runs: u64,
    /// How many beads landed in that time.
    pub landed: u64,
    /// The groups: the dearest first.
    pub groups: Vec<CostRow>,
}

/// What is summed for one group.
#[derive(Default)]
struct Sum {
    usd_micros: u64,
    estimated: bool,
    tokens: TokensDoc,
    /// Each run, and whether it has a price.
    runs: BTreeMap<RunId, bool>,
}

impl Sum {
    /// Adds a record; what was estimated of a run counts until its program told a price.
    fn add(&mut self, usage: &UsageDelta, told: &BTreeSet<&RunId>) {
        self.tokens.add(usage);
        if !usage.estimated || !told.contains(&usage.run) {
            self.usd_micros += usage.usd_micros;
            self.estimated |= usage.estimated;
        }
        *self.runs.entry(usage.run.clone()).or_default() |= usage.usd_micros > 0;
    }

    fn n_runs(&self) -> u64 {
        count(self.runs.len())
    }

    fn n_unpriced(&self) -> u64 {
        count(self.runs.values().filter(|is_priced| !**is_priced).count())
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// What was used for: a bead, or a standing member.
#[derive(Debug, Clone, Copy)]
pub enum CostOf<'a> {
    /// A bead or a goal.
    Bead(&'a Bead),
    /// A standing member of a rig.
    Crew(&'a SeatName, &'a RigName),
}

/// Sums the usage in `log`, of what is wanted.
#[must_use]
pub fn cost_doc(
    view: View<'_>,
    log: &[Recorded],
    by: CostBy,
    since: Timestamp,
    is_wanted: impl Fn(CostOf<'_>) -> bool,
) -> CostDoc {
    let graph = view.graph;
    let told = told_a_price(log);
    let mut all = Sum::default();
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let mut landed: BTreeSet<&BeadId> = BTreeSet::new();
    for (_, record) in log.iter().filter(|(_, record)| record.at >= since) {
        match &record.event {
            Event::UsageRecorded { bead, usage } => {
                let Some(bead) = graph
                    .bead(bead)
                    .filter(|bead| is_wanted(CostOf::Bead(bead)))
                else {
                    continue;
                };
                all.add(usage, &told);
                sums.entry(key(by, bead, record, &usage.run))
                    .or_default()
                    .add(usage, &told);
            }
            Event::CandidateLanded { candidate, .. } => {
                let carried = graph.beads_of_candidate(candidate);
                let carried = carried.filter(|bead| is_wanted(CostOf::Bead(bead)));
                landed.extend(carried.map(|bead| &bead.id));
            }
            Event::CrewTurnEnded {
                member,
                rig,
                usage: Some(usage),
                ..
            } if is_wanted(CostOf::Crew(member, rig)) => {
                all.add(usage, &told);
                sums.entry(crew_key(graph, by, member, rig, record))
                    .or_default()
                    .add(usage, &told);
            }
            _ => {}
        }
    }
    let mut groups: Vec<CostRow> = sums
        .into_iter()
        .map(|(key, sum)| CostRow {
            title: title(graph, by, &key),
            key,
            usd: Dollars(sum.usd_micros),
            estimated: sum.estimated,
            tokens: sum.tokens,
            runs: sum.n_runs(),
            unpriced_runs: sum.n_unpriced(),
        })
        .collect();
    match by {
        CostBy::Day => groups.sort_by(|one, other| one.key.cmp(&other.key)),
        _ => groups.sort_by_key(|row| {
            let tokens = row.tokens.all_input() + row.tokens.output;
            std::cmp::Reverse((row.usd.0, tokens))
        }),
    }
    CostDoc {
        since: Moment(since),
        until: Moment(view.now),
        by,
        total_usd: Dollars(all.usd_micros),
        estimated: all.estimated,
        runs: all.n_runs(),
        unpriced_runs: all.n_unpriced(),
        tokens: all.tokens,
        landed: count(landed.len()),
        groups,
    }
}

/// Finds the runs whose programs told what they cost.
fn told_a_price(log: &[Recorded]) -> BTreeSet<&RunId> {
    let usage = log.iter().filter_map(|(_, record)| match &record.event {
        Event::UsageRecorded { usage, .. }
        | Event::CrewTurnEnded {
            usage: Some(usage), ..
        } => Some(usage),
        _ => None,
    });
    usage
        .filter(|usage| !usage.estimated && usage.usd_micros > 0)
        .map(|usage| &usage.run)
        .collect()
}

/// Tells to which group a record of usage belongs.
fn key(by: CostBy, bead: &Bead, record: &Envelope, run: &RunId) -> String {
    match by {
        CostBy::Bead => bead.id.to_string(),
        CostBy::Convoy => bead.goal.as_ref().unwrap_or(&bead.id).to_string(),
        CostBy::Rig => bead.rig.to_string(),
        CostBy::Day => day_of(record),
        CostBy::Runtime => match review(bead, run) {
            Some(review) => review.runtime.to_string(),
            // The planner's is that of its role, which may be another one by now.
            None => bead.wished_runtime().unwrap_or("planning").to_owned(),
        },
        CostBy::Role => match &record.by {
            _ if review_of_run(run).is_some() => "reviewer".to_owned(),
            Actor::Role(role) => role.to_string(),
            Actor::Lease { .. } => match &bead.spec.role {
                Some(role) => role.to_string(),
                None => "worker".to_owned(),
            },
            Actor::Person(_) | Actor::Daemon => record.by.to_string(),
        },
        CostBy::Agent => match review(bead, run) {
            Some(review) => review.seat.to_string(),
            None => epoch_of(run)
                .and_then(|epoch| holder(bead, epoch))
                .unwrap_or_else(|| record.by.to_string()),
        },
    }
}

/// Tells to which group what a standing member used belongs.
fn crew_key(
    graph: &Graph,
    by: CostBy,
    member: &SeatName,
    rig: &RigName,
    record: &Envelope,
) -> String {
    match by {
        CostBy::Bead | CostBy::Convoy => format!("crew/{member}"),
        CostBy::Agent => member.to_string(),
        CostBy::Role => "crew".to_owned(),
        CostBy::Rig => rig.to_string(),
        CostBy::Day => day_of(record),
        CostBy::Runtime => {
            let known = graph.crew_member(member);
            let agent = known.and_then(|member| member.agent.as_deref());
            agent.map_or_else(|| "crew".to_owned(), |agent| agent.runtime.to_string())
        }
    }
}

fn day_of(record: &Envelope) -> String {
    let moment = Moment(record.at).to_string();
    moment.split('T').next().unwrap_or_default().to_owned()
}

/// Finds the review of which a run is a turn.
fn review<'a>(bead: &'a Bead, run: &RunId) -> Option<&'a Review> {
    let (_, epoch, number) = review_of_run(run)?;
    bead.attempt(epoch)?.review(number)
}

/// Reads off a run's name which attempt it belongs to.
fn epoch_of(run: &RunId) -> Option<Epoch> {
    let parts = run.as_str().split('.').skip(1);
    let mut epochs = parts.filter_map(|part| part.strip_prefix('e')?.parse().ok());
    epochs.next().map(Epoch)
}

/// Finds who held a bead in an attempt.
fn holder(bead: &Bead, epoch: Epoch) -> Option<String> {
    let past = bead.attempts.iter().find(|attempt| attempt.epoch == epoch);
    let now = bead.phase.lease().filter(|lease| lease.epoch == epoch);
    past.map(|attempt| attempt.holder.to_string())
        .or_else(|| now.map(|lease| lease.holder.name().to_string()))
}

fn title(graph: &Graph, by: CostBy, key: &str) -> String {
    let titled = matches!(by, CostBy::Bead | CostBy::Convoy);
    let id = titled.then(|| BeadId::parse(key).ok()).flatten();
    id.and_then(|id| graph.bead(&id))
        .map(|bead| bead.spec.title.clone())
        .unwrap_or_default()
}
