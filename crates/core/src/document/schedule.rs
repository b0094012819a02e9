//! A goal that comes by the clock, as a list shows it.

use serde::{Deserialize, Serialize};

use super::View;
use crate::{BeadId, Moment, RigName, Schedule, ScheduleName, ScheduleOrigin, Timestamp, Zone};

/// So many coming times are told.
const COMING: usize = 3;

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleDoc {
    /// Its name.
    pub name: ScheduleName,
    /// The rig.
    pub rig: RigName,
    /// `on`, `running` while the goal that it made last has not ended, or `paused`.
    pub state: String,
    /// When, as a cron expression.
    pub cron: String,
    /// The time zone in which that is read: the daemon's.
    pub zone: String,
    /// The next times; none while it is paused.
    pub next: Vec<Moment>,
    /// The title of its goal.
    pub goal: String,
    /// How many beads its plan has; none when an agent makes the plan.
    pub beads: Option<usize>,
    /// `command`, or the file that it stands in.
    pub origin: String,
    /// Who made it.
    pub by: String,
    /// Times up to this moment do not count.
    pub since: Moment,
    /// Who holds it back, and why.
    pub paused: Option<String>,
    /// The last goal that it made.
    pub last: Option<FiringDoc>,
}

/// A goal that a schedule made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiringDoc {
    /// The goal.
    pub goal: BeadId,
    /// When it was made.
    pub at: Moment,
    /// The time that it was due at; none when a person asked for it.
    pub due: Option<Moment>,
    /// How many times before that passed without a goal.
    pub missed: u32,
}

/// Makes the documents of the schedules of one rig, or of all.
#[must_use]
pub fn schedule_docs(view: View<'_>, rig: Option<&RigName>, zone: &Zone) -> Vec<ScheduleDoc> {
    view.graph
        .schedules()
        .filter(|schedule| rig.is_none_or(|rig| *rig == schedule.rig))
        .map(|schedule| doc(view, schedule, zone))
        .collect()
}

fn doc(view: View<'_>, schedule: &Schedule, zone: &Zone) -> ScheduleDoc {
    let state = match &schedule.paused {
        Some(_) => "paused",
        None if view.graph.open_goal_of(schedule).is_some() => "running",
        None => "on",
    };
    ScheduleDoc {
        name: schedule.name.clone(),
        rig: schedule.rig.clone(),
        state: state.to_owned(),
        cron: schedule.cron.to_string(),
        zone: zone.name(view.now),
        next: match &schedule.paused {
            Some(_) => Vec::new(),
            None => coming(schedule, view.now, zone),
        },
        goal: schedule.goal.spec.title.clone(),
        beads: schedule.goal.plan.as_ref().map(|plan| plan.beads.len()),
        origin: match schedule.origin {
            ScheduleOrigin::Person => "command",
            ScheduleOrigin::File => "gtd.toml",
        }
        .to_owned(),
        by: schedule.by.to_string(),
        since: Moment(schedule.since),
        paused: schedule
            .paused
            .as_ref()
            .map(|pause| crate::explain::blame(&pause.by, &pause.why)),
        last: schedule.last.as_ref().map(|last| FiringDoc {
            goal: last.goal.clone(),
            at: Moment(last.at),
            due: last.due.map(Moment),
            missed: last.missed,
        }),
    }
}

fn coming(schedule: &Schedule, now: Timestamp, zone: &Zone) -> Vec<Moment> {
    let mut moment = now;
    let times = std::iter::from_fn(|| {
        moment = schedule.cron.next_after(moment, zone)?;
        Some(Moment(moment))
    });
    times.take(COMING).collect()
}
