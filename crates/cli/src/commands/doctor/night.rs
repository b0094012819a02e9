//! Whether a town that is left alone now works through the night: what would hold it up is told
//! in the evening, when somebody can still do something about it.

use std::{fs, path::Path, time::Duration};

use gtd_client::{Client, ClientError};
use gtd_core::{Approval, GoalState, NeedsYou, StatusDoc, config::plan_approval};

use super::check::Check;
use crate::{
    clock,
    commands::{runtime::program, service},
    context::Context,
    settings, show, town,
};

/// How long a busy daemon may take for its page.
const LOOK: Duration = Duration::from_secs(20);
/// How many decisions are named one by one.
const NAMED: usize = 5;

/// Looks at what a night needs.
pub(super) async fn night(ctx: &Context) -> Vec<Check> {
    let client = Client::open(ctx.places.socket(), town::person())
        .with_deadline(ctx.deadline.unwrap_or(LOOK));
    let status: StatusDoc = match client.status().await {
        Ok(document) => match town::read(&document) {
            Ok(status) => status,
            Err(error) => return vec![Check::fail("night.status", error.message(), "gtd status")],
        },
        Err(ClientError::NotRunning { .. }) => {
            let text = "the daemon is not running: nothing is done without it";
            return vec![Check::fail("night.daemon", text, "gtd up")];
        }
        Err(error) => {
            let text = format!("the daemon does not answer: {error}");
            return vec![Check::fail(
                "night.daemon",
                text,
                "gtd doctor --only daemon",
            )];
        }
    };
    let mut checks = vec![work(&status), stays(ctx)];
    checks.extend(decisions(&status));
    checks.extend(held(ctx, &status));
    checks.extend(plans(ctx, &status));
    checks.extend(super::notify::night(ctx));
    checks.push(power(
        Path::new("/sys/class/power_supply"),
        is_kept_awake(ctx),
    ));
    checks
}

/// Is there anything to do?
fn work(status: &StatusDoc) -> Check {
    let idle = [
        GoalState::Draft,
        GoalState::Closed,
        GoalState::Failed,
        GoalState::Cancelled,
    ];
    let idle = idle.map(GoalState::word);
    let goals = status.convoys.iter();
    let n_goals = goals.filter(|goal| !idle.contains(&&*goal.state)).count();
    let begun = [
        "ready",
        "running",
        "queued",
        "submitted",
        "waiting",
        "blocked",
    ];
    let n_beads: usize = begun
        .iter()
        .filter_map(|state| status.counts.get(*state))
        .sum();
    match (n_goals, n_beads) {
        (0, 0) => Check::warn(
            "night.work",
            "no goal is open: there is nothing to do, but for what comes by the clock",
            "gtd goal \"…\"   gtd schedule list",
        ),
        _ => Check::good(
            "night.work",
            format!("open goals: {n_goals}, beads to do: {n_beads}"),
        ),
    }
}

/// Does the daemon go on when its person goes?
fn stays(ctx: &Context) -> Check {
    match service::stays(ctx) {
        Some(true) => Check::good("night.service", "the daemon stays when you log out"),
        Some(false) => Check::warn(
            "night.service",
            "the daemon ends when you log out",
            "loginctl enable-linger",
        ),
        None => Check::warn(
            "night.service",
            "the daemon is no service: when it dies nobody starts it, and a logout may end it",
            "gtd up --service install",
        ),
    }
}

/// What waits for a person stays where it is until the morning.
fn decisions(status: &StatusDoc) -> Vec<Check> {
    let open: Vec<&NeedsYou> = status.needs_you.iter().collect();
    let mut checks: Vec<Check> = open
        .iter()
        .take(NAMED)
        .map(|item| {
            let text = match item.unblocks {
                0 => format!("{}: {}", item.subject, item.text),
                n => format!("{}: {} (holds up {n})", item.subject, item.text),
            };
            let id = format!("night.decision.{}", item.subject);
            match item.kind.as_str() {
                "stop" | "gate" | "alert" => Check::fail(id, text, &item.next),
                _ => Check::warn(id, text, &item.next),
            }
        })
        .collect();
    if open.len() > NAMED {
        let text = format!("{} more decisions wait for you", open.len() - NAMED);
        checks.push(Check::warn("night.decisions", text, "gtd inbox"));
    }
    if status.snoozed > 0 {
        let text = format!(
            "out of sight for now, and still waiting for you: {}",
            status.snoozed
        );
        checks.push(Check::warn("night.snoozed", text, "gtd inbox --snoozed"));
    } else if open.is_empty() {
        checks.push(Check::good("night.decisions", "nothing waits for you"));
    }
    checks
}

/// What holds work up, and goes on by itself or at a word.
fn held(ctx: &Context, status: &StatusDoc) -> Vec<Check> {
    let mut checks = Vec::new();
    for (n, what) in status.short.iter().enumerate() {
        checks.push(Check::fail(
            format!("night.room.{n}"),
            what,
            "gtd doctor --only host",
        ));
    }
    for limit in &status.limits {
        let id = format!("night.runtime.{}", limit.runtime);
        let told = show::limit(limit, clock::now(), ctx.screen.look);
        let text = format!("{}: {told}", limit.runtime);
        checks.push(Check::warn(id, text, &limit.next));
    }
    for queue in &status.merge {
        let id = format!("night.merge.{}", queue.rig);
        if matches!(queue.state.as_str(), "paused" | "frozen") {
            let text = format!(
                "nothing lands on {}: the queue is {}",
                queue.branch, queue.state
            );
            checks.push(Check::warn(id, text, "gtd merge resume"));
        } else if queue.halt.is_none() {
            checks.push(Check::good(
                id,
                format!("the queue of {} goes on", queue.branch),
            ));
        }
    }
    checks
}

/// A plan that an agent makes in the night would wait until the morning.
fn plans(ctx: &Context, status: &StatusDoc) -> Option<Check> {
    let rig = ctx.rig().ok()?;
    let config = settings::effective(ctx, rig.as_ref()).ok()?;
    let waits = |policy| plan_approval(&config, policy) == Approval::Needed;
    let planned: Vec<&str> = status
        .convoys
        .iter()
        .filter(|goal| goal.state == GoalState::Planning.word() && waits(goal.policy.as_ref()))
        .map(|goal| goal.id.as_str())
        .collect();
    (!planned.is_empty()).then(|| {
        Check::warn(
            "night.plans",
            format!(
                "the plan of {} waits for your yes, unless it was set with --yes",
                planned.join(", ")
            ),
            format!("gtd convoy edit {} --policy overnight", planned[0]),
        )
    })
}

/// Tells whether the daemon keeps the machine awake.
fn is_kept_awake(ctx: &Context) -> bool {
    let config = settings::effective(ctx, None).ok();
    let said = config
        .as_ref()
        .and_then(|config| config.get("town.keep_awake"));
    let is_wanted = said.and_then(|(value, _)| value.as_bool()) != Some(false);
    is_wanted && program::find("systemd-inhibit").is_some()
}

/// A machine with a battery falls asleep, and its agents with it.
fn power(supplies: &Path, is_kept_awake: bool) -> Check {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let supplies = fs::read_dir(supplies).into_iter().flatten().flatten();
    let mut has_battery = false;
    let mut is_plugged = false;
    for supply in supplies {
        let path = supply.path();
        match read(&path.join("type")).trim() {
            "Battery" if read(&path.join("scope")).trim() != "Device" => {
                has_battery = true;
                is_plugged |= read(&path.join("status")).trim() != "Discharging";
            }
            "Mains" | "USB" => is_plugged |= read(&path.join("online")).trim() == "1",
            _ => {}
        }
    }
    match (has_battery, is_plugged) {
        (false, _) => Check::good("night.power", "no battery: nothing runs low"),
        (true, true) if is_kept_awake => Check::warn(
            "night.power",
            "it is plugged in, and kept awake while work goes on; a closed lid still puts it to sleep, and all agents with it",
            "leave the lid open",
        ),
        (true, true) => Check::warn(
            "night.power",
            "it is plugged in; a closed lid or the idle timer still puts it to sleep, and all agents with it",
            "systemd-inhibit --what=idle:sleep:handle-lid-switch sleep 10h",
        ),
        (true, false) => Check::fail("night.power", "it runs on its battery", "plug it in"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::check::Status, *};

    #[test]
    fn a_battery_is_told_and_that_of_a_mouse_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, file: &str, text: &str| {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join(file), text).unwrap();
        };
        assert_eq!(power(folder.path(), false).status, Status::Ok);
        put("mouse", "type", "Battery\n");
        put("mouse", "scope", "Device\n");
        assert_eq!(power(folder.path(), false).status, Status::Ok);
        put("BAT0", "type", "Battery\n");
        put("BAT0", "status", "Discharging\n");
        put("AC", "type", "Mains\n");
        put("AC", "online", "0\n");
        assert_eq!(power(folder.path(), false).status, Status::Fail);
        put("AC", "online", "1\n");
        assert_eq!(power(folder.path(), false).status, Status::Warn);
        put("AC", "online", "0\n");
        put("BAT0", "status", "Charging\n");
        assert_eq!(power(folder.path(), false).status, Status::Warn);
    }
}
