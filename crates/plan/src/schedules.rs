//! Goals that come by the clock: which of them is due.
//!
//! A time that passed while nobody looked is made up for once, and says how
//! many passed with it. A schedule whose last goal has not ended waits for it.
//! The ledger refuses what it knows already, so that no time makes two goals.

use gtd_core::{Command, Graph, Schedule, Timestamp};

use crate::{Plan, Question, Seen};

/// Asks for the time zone, when any schedule may be due.
pub(crate) fn look(graph: &Graph) -> Option<Question> {
    candidates(graph).next().map(|_| Question::Zone)
}

/// Plans one part for each schedule that has something to do.
pub(crate) fn plan(graph: &Graph, seen: &Seen, now: Timestamp) -> Vec<Plan> {
    let Some(zone) = seen.zone() else {
        return Vec::new();
    };
    let command = |schedule: &Schedule| {
        let (rig, name) = (schedule.rig.clone(), schedule.name.clone());
        if schedule.waits_for_a_wrong_clock(now) {
            return Some(Command::ResumeSchedule {
                rig,
                schedule: name,
            });
        }
        let due = schedule.due(now, zone)?;
        Some(Command::FireSchedule {
            rig,
            schedule: name,
            due: Some(due.at),
            missed: due.missed,
            target: None,
        })
    };
    candidates(graph)
        .filter_map(command)
        .map(|command| {
            let mut part = Plan::default();
            part.tell(command);
            part
        })
        .collect()
}

fn candidates(graph: &Graph) -> impl Iterator<Item = &Schedule> {
    graph
        .schedules()
        .filter(|schedule| schedule.paused.is_none() && graph.open_goal_of(schedule).is_none())
}
