//! The machine and the git program.

use std::fs;

use gtd_client::{Resource, Room, look_at_room};
use gtd_core::config::{Config, Resources, bytes_text, resources};
use nix::sys::resource::{Resource as Limit, getrlimit};
use serde_json::Value;

use super::check::{Check, Mend, line_of};
use crate::{context::Context, settings};

/// Fewer open files than this are too few for many agents.
const FILES_WISH: u64 = 1024;
/// The oldest git that will do.
const GIT_WISH: (u32, u32) = (2, 38);

/// Looks at disk, inodes, memory and the limit of open files.
pub(super) fn machine(ctx: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    let data = &ctx.places.data;
    if data.is_dir() {
        checks.push(Check::good(
            "host.folders",
            "the folders of the town are there",
        ));
    } else {
        let text = format!("{} is not there yet", data.display());
        checks.push(Check::warn("host.folders", text, "gtd up").mended_by(Mend::Folders));
    }
    // A file that is wrong is told by the checks of the configuration.
    let floors = settings::effective(ctx, None).map_or_else(
        |_| resources(&Config::merge([])),
        |config| resources(&config),
    );
    let daemon = daemon_pid(ctx);
    let rooms = look_at_room(
        &ctx.places,
        &floors,
        daemon.unwrap_or_else(std::process::id),
    );
    for (id, resource) in [
        ("host.disk", Resource::Disk),
        ("host.inodes", Resource::Inodes),
        ("host.memory", Resource::Memory),
        ("host.files", Resource::Files),
    ] {
        // Of several file systems the one that is short comes first.
        let room = rooms.iter().find(|room| room.resource == resource);
        let is_known = resource != Resource::Files || daemon.is_some();
        checks.extend(room.filter(|_| is_known).map(|room| check_room(id, room)));
    }
    checks.extend(ballast(ctx, &floors));
    if let Ok((soft, hard)) = getrlimit(Limit::RLIMIT_NOFILE) {
        let text = format!("{soft} open files at most (up to {hard})");
        checks.push(match soft < FILES_WISH {
            true => Check::warn(
                "host.limit",
                text,
                format!("ulimit -n {FILES_WISH}, then: gtd down && gtd up"),
            ),
            false => Check::good("host.limit", text),
        });
    }
    checks
}

/// Says whether a resource is above its floor, and warns before it meets it.
fn check_room(id: &str, room: &Room) -> Check {
    let fix = match room.resource {
        Resource::Disk | Resource::Inodes => "free some space; what gtd keeps: gtd config path",
        Resource::Memory => "end other programs",
        Resource::Files => "raise the limit (ulimit -n), then: gtd down && gtd up",
    };
    let text = room.to_string();
    match room.left {
        _ if room.is_short() => Check::fail(id, format!("{text}: no run begins"), fix),
        left if left < room.floor.saturating_mul(2) => Check::warn(id, text, fix),
        _ => Check::good(id, text),
    }
}

/// Says whether the reserve of the log is there.
fn ballast(ctx: &Context, floors: &Resources) -> Option<Check> {
    let path = ctx.places.ballast();
    if floors.ballast == 0 || !ctx.places.store().is_dir() {
        return None;
    }
    let size = fs::metadata(&path).map_or(0, |file| file.len());
    Some(match size {
        0 => Check::warn(
            "host.ballast",
            "there is no reserve for a full disk: it was given up, or there was no room for it",
            "free some space; the daemon makes it again by itself",
        ),
        size => Check::good(
            "host.ballast",
            format!(
                "{} are held in reserve in {}",
                bytes_text(size),
                path.display()
            ),
        ),
    })
}

/// Finds the process of the daemon in what it left for callers.
fn daemon_pid(ctx: &Context) -> Option<u32> {
    let text = fs::read_to_string(ctx.places.run.join("daemon.json")).ok()?;
    let card: Value = serde_json::from_str(&text).ok()?;
    u32::try_from(card["pid"].as_u64()?).ok()
}

/// Looks at the version of git and at who commits.
pub(super) fn git(_ctx: &Context) -> Vec<Check> {
    let Some(said) = line_of("git", &["version"]) else {
        return vec![Check::fail(
            "git.version",
            "there is no program git on PATH",
            "install git 2.38 or newer",
        )];
    };
    let version = match parse(&said) {
        Some(version) if version < GIT_WISH => Check::fail(
            "git.version",
            format!("{said} is too old"),
            "install git 2.38 or newer",
        ),
        Some(_) => Check::good("git.version", said),
        None => Check::warn(
            "git.version",
            format!("cannot tell the version of {said}"),
            "git version",
        ),
    };
    let identity = ["user.name", "user.email"]
        .into_iter()
        .filter(|key| line_of("git", &["config", "--get", key]).is_none())
        .collect::<Vec<_>>();
    let identity = match identity.as_slice() {
        [] => Check::good("git.identity", "git knows who commits"),
        missing => Check::warn(
            "git.identity",
            format!(
                "not set: {}; agents that commit by themselves fail",
                missing.join(", ")
            ),
            format!("git config --global {} …", missing[0]),
        ),
    };
    vec![version, identity]
}

fn parse(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_git_is_read_with_whatever_follows_it() {
        assert_eq!(parse("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(parse("git version 2.47.rc0"), Some((2, 47)));
        assert_eq!(parse("hg 1"), None);
    }
}
