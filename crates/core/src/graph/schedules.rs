//! Goals that come by the clock: what is known of them, and what events make of them.

use super::Graph;
use crate::{
    Actor, Bead, BeadId, Firing, RigName, RigRules, Schedule, ScheduleName, ScheduleOrigin,
    SchedulePause, ScheduleRule, Timestamp,
};

impl Graph {
    /// Lists the schedules of all rigs, by rig and name.
    pub fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.facts.schedules.values().flat_map(|of| of.values())
    }

    /// Lists the schedules of a rig, by name.
    pub fn schedules_of(&self, rig: &RigName) -> impl Iterator<Item = &Schedule> {
        self.facts
            .schedules
            .get(rig)
            .into_iter()
            .flat_map(|of| of.values())
    }

    /// Finds a schedule.
    #[must_use]
    pub fn schedule(&self, rig: &RigName, name: &ScheduleName) -> Option<&Schedule> {
        self.facts.schedules.get(rig)?.get(name)
    }

    /// Returns the goal that a schedule made last, while it has not ended.
    #[must_use]
    pub fn open_goal_of(&self, schedule: &Schedule) -> Option<&Bead> {
        self.bead(&schedule.last.as_ref()?.goal)
            .filter(|goal| !goal.phase.is_finished())
    }

    pub(super) fn put_schedule(&mut self, schedule: Schedule) {
        self.facts
            .schedules
            .entry(schedule.rig.clone())
            .or_default()
            .insert(schedule.name.clone(), schedule);
    }

    pub(super) fn drop_schedule(&mut self, rig: &RigName, name: &ScheduleName) {
        if let Some(of_rig) = self.facts.schedules.get_mut(rig) {
            of_rig.remove(name);
            if of_rig.is_empty() {
                self.facts.schedules.remove(rig);
            }
        }
    }

    pub(super) fn drop_schedules(&mut self, rig: &RigName) {
        self.facts.schedules.remove(rig);
    }

    pub(super) fn pause_schedule(
        &mut self,
        rig: &RigName,
        name: &ScheduleName,
        pause: SchedulePause,
    ) {
        if let Some(schedule) = self.schedule_mut(rig, name) {
            schedule.paused = Some(pause);
        }
    }

    /// Lets a schedule count its times from a moment on.
    pub(super) fn resume_schedule(&mut self, rig: &RigName, name: &ScheduleName, at: Timestamp) {
        if let Some(schedule) = self.schedule_mut(rig, name) {
            schedule.paused = None;
            schedule.since = at;
        }
    }

    pub(super) fn note_firing(&mut self, rig: &RigName, name: &ScheduleName, firing: Firing) {
        if let Some(schedule) = self.schedule_mut(rig, name) {
            if let Some(due) = firing.due {
                schedule.since = schedule.since.max(due);
            }
            if let Some(before) = schedule.last.replace(firing) {
                schedule.earlier.push(before);
                let too_many = schedule
                    .earlier
                    .len()
                    .saturating_sub(Schedule::EARLIER_KEPT);
                schedule.earlier.drain(..too_many);
            }
        }
    }

    /// Forgets that a schedule made a goal which is not there any more.
    pub(super) fn forget_firing(&mut self, rig: &RigName, goal: &BeadId) {
        let of_rig = self.facts.schedules.get_mut(rig);
        for schedule in of_rig.into_iter().flat_map(|of| of.values_mut()) {
            schedule.earlier.retain(|firing| firing.goal != *goal);
            if schedule
                .last
                .as_ref()
                .is_some_and(|last| last.goal == *goal)
            {
                schedule.last = schedule.earlier.pop();
            }
        }
    }

    /// Puts the schedules of trusted rules in the place of those that the rules before had.
    ///
    /// One that says the same as before goes on as it was; one that says something new begins
    /// to count at `at`, and stays held back by whoever holds it.
    pub(super) fn put_rules_of_schedules(
        &mut self,
        rig: &RigName,
        rules: &RigRules,
        by: &Actor,
        at: Timestamp,
    ) {
        let gone: Vec<ScheduleName> = self
            .schedules_of(rig)
            .filter(|known| known.origin == ScheduleOrigin::File)
            .map(|known| known.name.clone())
            .filter(|name| rules.schedules.iter().all(|rule| rule.name != *name))
            .collect();
        for name in gone {
            self.drop_schedule(rig, &name);
        }
        for ScheduleRule { name, cron, goal } in &rules.schedules {
            let known = self.schedule(rig, name);
            if known.is_some_and(|known| {
                known.origin == ScheduleOrigin::Person || known.is_said_by(cron, goal)
            }) {
                continue;
            }
            let (paused, last, earlier) = match known {
                Some(known) => (
                    known.paused.clone(),
                    known.last.clone(),
                    known.earlier.clone(),
                ),
                None => (None, None, Vec::new()),
            };
            self.put_schedule(Schedule {
                name: name.clone(),
                rig: rig.clone(),
                cron: cron.clone(),
                goal: goal.clone(),
                origin: ScheduleOrigin::File,
                by: by.clone(),
                since: at,
                paused,
                last,
                earlier,
            });
        }
    }

    fn schedule_mut(&mut self, rig: &RigName, name: &ScheduleName) -> Option<&mut Schedule> {
        self.facts.schedules.get_mut(rig)?.get_mut(name)
    }
}
