//! Goals that come by the clock.

use super::{Decision, Scene, TEXT_MAX, bead::check_spec, check_text, goal};
use crate::{
    Actor, Approval, Cron, Event, Rejection, RigName, RigRules, Schedule, ScheduleName,
    ScheduleOrigin, ScheduledGoal, Target, Timestamp, Zone,
};

/// Schedules of one rig at most.
const MAX: usize = 1_000;

pub(super) fn add(
    scene: Scene<'_>,
    rig: RigName,
    name: ScheduleName,
    cron: Cron,
    goal: ScheduledGoal,
) -> Decision {
    let target = scene.rig(&rig)?.usual_target();
    if let Some(known) = scene.graph.schedule(&rig, &name) {
        if known.origin == ScheduleOrigin::Person && known.is_said_by(&cron, &goal) {
            return Ok(vec![]);
        }
        return Err(bad("the schedule", &exists(known)));
    }
    if scene.graph.schedules_of(&rig).count() >= MAX {
        return Err(bad("the schedules of a rig", &format!("are {MAX} already")));
    }
    if cron.next_after(scene.now, &Zone::utc()).is_none() {
        return Err(bad(
            "the cron expression",
            &format!("`{cron}` names no moment that is still to come"),
        ));
    }
    // What could not be a goal now cannot be one when it is due.
    made(scene, &goal, target)?;
    Ok(vec![Event::ScheduleAdded {
        schedule: Schedule {
            name,
            rig,
            cron,
            goal,
            origin: ScheduleOrigin::Person,
            by: scene.by.clone(),
            since: scene.now,
            paused: None,
            last: None,
            earlier: Vec::new(),
        },
    }])
}

pub(super) fn remove(scene: Scene<'_>, rig: &RigName, name: &ScheduleName) -> Decision {
    let known = find(scene, rig, name)?;
    if known.origin == ScheduleOrigin::File {
        return Err(Rejection::BadConfig {
            what: format!(
                "schedule {name} stands in the gtd.toml of {rig}: take it out there, then gtd trust; \
                 gtd schedule pause {name} holds it back"
            ),
        });
    }
    Ok(vec![Event::ScheduleRemoved {
        schedule: known.clone(),
    }])
}

pub(super) fn pause(
    scene: Scene<'_>,
    rig: RigName,
    schedule: ScheduleName,
    why: String,
) -> Decision {
    check_text("the reason", &why, TEXT_MAX)?;
    if find(scene, &rig, &schedule)?.paused.is_some() {
        return Ok(vec![]);
    }
    Ok(vec![Event::SchedulePaused { rig, schedule, why }])
}

pub(super) fn resume(scene: Scene<'_>, rig: RigName, schedule: ScheduleName) -> Decision {
    let known = find(scene, &rig, &schedule)?;
    if known.paused.is_none() && !known.waits_for_a_wrong_clock(scene.now) {
        return Ok(vec![]);
    }
    // Only a person ends what a person holds back.
    if known.paused.is_some() && !matches!(scene.by, Actor::Person(_)) {
        return Ok(vec![]);
    }
    Ok(vec![Event::ScheduleResumed { rig, schedule }])
}

pub(super) fn fire(
    scene: Scene<'_>,
    rig: RigName,
    name: ScheduleName,
    due: Option<Timestamp>,
    missed: u32,
    target: Option<Target>,
) -> Decision {
    let known = find(scene, &rig, &name)?;
    if let Some(due) = due {
        let is_gone = due <= known.since || due > scene.now;
        if is_gone || known.paused.is_some() || scene.graph.open_goal_of(known).is_some() {
            return Ok(vec![]);
        }
    }
    let usual = scene.rig(&rig)?.usual_target();
    let target = target.filter(|target| target.rig == rig).unwrap_or(usual);
    let mut events = made(scene, &known.goal, target)?;
    if let Some(Event::GoalOpened { bead, .. }) = events.first() {
        let goal = bead.id.clone();
        events.push(Event::ScheduleFired {
            rig,
            schedule: name,
            goal,
            due,
            missed,
        });
    }
    Ok(events)
}

/// Refuses rules whose schedules have the names of others that a person made.
pub(super) fn check_rules(
    scene: Scene<'_>,
    rig: &RigName,
    rules: &RigRules,
) -> Result<(), Rejection> {
    for rule in &rules.schedules {
        check_spec(&rule.goal.spec)?;
    }
    let taken = rules
        .schedules
        .iter()
        .filter_map(|rule| scene.graph.schedule(rig, &rule.name))
        .find(|known| known.origin == ScheduleOrigin::Person);
    match taken {
        Some(known) => Err(Rejection::BadConfig {
            what: format!(
                "the gtd.toml of {rig} has a schedule {}, and so has the town: \
                 gtd schedule remove {} or rename it",
                known.name, known.name
            ),
        }),
        None => Ok(()),
    }
}

fn made(scene: Scene<'_>, wish: &ScheduledGoal, target: Target) -> Decision {
    let ScheduledGoal { spec, plan, max } = wish.clone();
    goal::open(scene, spec, target, max, None, plan, Approval::NotNeeded)
}

fn find<'a>(
    scene: Scene<'a>,
    rig: &RigName,
    name: &ScheduleName,
) -> Result<&'a Schedule, Rejection> {
    scene.rig(rig)?;
    scene
        .graph
        .schedule(rig, name)
        .ok_or_else(|| Rejection::NotFound {
            kind: "schedule".to_owned(),
            name: name.to_string(),
        })
}

fn exists(known: &Schedule) -> String {
    let (name, rig) = (&known.name, &known.rig);
    match known.origin {
        ScheduleOrigin::Person => {
            format!("{name} exists already; to change it: gtd schedule remove {name}")
        }
        ScheduleOrigin::File => format!("{name} stands in the gtd.toml of {rig}"),
    }
}

fn bad(field: &str, why: &str) -> Rejection {
    Rejection::BadText {
        field: field.to_owned(),
        why: why.to_owned(),
    }
}
