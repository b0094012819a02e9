//! Goals that come by the clock: what is wanted, when, and when it came last.
//!
//! A schedule has no timer. It has a moment after which it counts its times;
//! the mayor looks whether one of them has passed. A town that was away for a
//! week therefore makes one goal of seven nights, and knows that it did.

mod cron;

use serde::{Deserialize, Serialize};

pub use self::cron::{BadCron, Cron, Due, Zone};
use crate::{Actor, BeadId, BeadSpec, Plan, PlannedBead, RigName, ScheduleName, Timestamp};

/// The goal that a schedule makes each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledGoal {
    /// The goal's own wishes.
    pub spec: BeadSpec,
    /// Its plan; without one the mayor makes it, each time anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Seats at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

impl ScheduledGoal {
    /// Makes the goal that an agent plans.
    #[must_use]
    pub fn of_words(spec: BeadSpec) -> Self {
        Self {
            spec,
            plan: None,
            max: None,
        }
    }

    /// Makes the goal that one script does.
    #[must_use]
    pub fn of_script(spec: BeadSpec, script: &str) -> Self {
        let work = BeadSpec {
            run: Some(script.to_owned()),
            ..spec.clone()
        };
        Self {
            spec,
            plan: Some(Plan {
                beads: vec![PlannedBead {
                    local_id: "work".to_owned(),
                    spec: work,
                    needs: Vec::new(),
                }],
                ..Plan::default()
            }),
            max: None,
        }
    }
}

/// A goal that comes by the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name, once per rig.
    pub name: ScheduleName,
    /// The rig.
    pub rig: RigName,
    /// When.
    pub cron: Cron,
    /// What.
    pub goal: ScheduledGoal,
    /// Who says so.
    pub origin: ScheduleOrigin,
    /// Who made it, or trusted the file that it stands in.
    pub by: Actor,
    /// Times up to this moment do not count any more.
    pub since: Timestamp,
    /// Who holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<SchedulePause>,
    /// The last goal that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Firing>,
    /// The goals that it made before the last one, the oldest first, at most
    /// [`Schedule::EARLIER_KEPT`]: what is the last again when that one is taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Firing>,
}

/// Where a schedule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleOrigin {
    /// A person made it by command.
    Person,
    /// The trusted `gtd.toml` of the rig says so.
    File,
}

/// A schedule that a person holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePause {
    /// Who.
    pub by: Actor,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: String,
}

/// One goal that a schedule made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firing {
    /// The goal.
    pub goal: BeadId,
    /// When it was made.
    pub at: Timestamp,
    /// The time that it was due at; none when a person asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// How many times before that passed without a goal.
    #[serde(default)]
    pub missed: u32,
}

/// A schedule as the trusted `gtd.toml` of a rig says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRule {
    /// Its name.
    pub name: ScheduleName,
    /// When.
    pub cron: Cron,
    /// What.
    pub goal: ScheduledGoal,
}

impl Schedule {
    /// How many goals before the last one are remembered.
    pub const EARLIER_KEPT: usize = 8;
    /// A clock that was so far ahead and was set back does not silence a schedule for longer.
    pub const CLOCK_SLACK_MS: i64 = 25 * 3_600_000;

    /// Returns the time that is due: the last one that has passed and does not count as gone.
    ///
    /// Nothing is due while it is held back.
    #[must_use]
    pub fn due(&self, now: Timestamp, zone: &Zone) -> Option<Due> {
        if self.paused.is_some() {
            return None;
        }
        self.cron.last_in(self.since, now, zone)
    }

    /// Tells whether its times count only after a moment that lies far ahead: the clock was wrong.
    #[must_use]
    pub fn waits_for_a_wrong_clock(&self, now: Timestamp) -> bool {
        self.since.0 > now.0.saturating_add(Self::CLOCK_SLACK_MS)
    }

    /// Tells whether it is made of the same wishes.
    #[must_use]
    pub fn is_said_by(&self, cron: &Cron, goal: &ScheduledGoal) -> bool {
        self.cron == *cron && self.goal == *goal
    }
}
