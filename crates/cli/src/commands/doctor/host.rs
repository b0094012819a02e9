//! The machine and the git program.

use std::fs;

use nix::sys::{
    resource::{Resource, getrlimit},
    statvfs::statvfs,
};

use super::check::{Check, Mend, line_of};
use crate::context::Context;

/// Below this the daemon begins nothing new.
const DISK_FLOOR: u64 = 512 << 20;
/// Below this a night's work may meet the floor.
const DISK_WISH: u64 = 2 << 30;
/// Below this the daemon begins nothing new.
const MEMORY_FLOOR: u64 = 256 << 20;
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
    let there = data.ancestors().find(|folder| folder.is_dir());
    if let Some(disk) = there.and_then(|folder| statvfs(folder).ok()) {
        let free = disk.blocks_available() * disk.fragment_size();
        let text = format!("{} MiB free for {}", free >> 20, data.display());
        let fix = "free some space; what gtd keeps: gtd config path";
        checks.push(match free {
            free if free < DISK_FLOOR => {
                Check::fail("host.disk", format!("{text}: no work begins"), fix)
            }
            free if free < DISK_WISH => Check::warn("host.disk", text, fix),
            _ => Check::good("host.disk", text),
        });
        let (all, free) = (disk.files(), disk.files_available());
        let text = format!("{free} of {all} inodes free");
        checks.push(match all > 0 && free < all / 50 {
            true => Check::fail("host.inodes", format!("{text}: no work begins"), fix),
            false => Check::good("host.inodes", text),
        });
    }
    if let Some(free) = free_memory() {
        let text = format!("{} MiB of memory available", free >> 20);
        checks.push(match free < MEMORY_FLOOR {
            true => Check::fail(
                "host.memory",
                format!("{text}: no work begins"),
                "end other programs",
            ),
            false => Check::good("host.memory", text),
        });
    }
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let text = format!("{soft} open files at most (up to {hard})");
        checks.push(match soft < FILES_WISH {
            true => Check::warn(
                "host.files",
                text,
                format!("ulimit -n {FILES_WISH}, then: gtd down && gtd up"),
            ),
            false => Check::good("host.files", text),
        });
    }
    checks
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

fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
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
