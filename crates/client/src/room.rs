//! What the machine has left, against what must stay free.
//!
//! The hands look here before a run begins, and `gtd doctor` shows the same
//! figures. What cannot be looked at counts as enough: a floor must not hold up
//! a machine that merely tells less.

use std::{
    collections::BTreeSet,
    fmt, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use gtd_core::config::{Amount, Resources, bytes_text};
use nix::sys::statvfs::statvfs;

use crate::Places;

/// What may be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Bytes of a file system.
    Disk,
    /// Inodes of a file system.
    Inodes,
    /// Bytes of memory.
    Memory,
    /// Files that a process may still open.
    Files,
}

/// How much of one resource is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Of what.
    pub resource: Resource,
    /// The folder on whose file system it is, or the control group that sets the limit.
    pub place: Option<PathBuf>,
    /// What is left.
    pub left: u64,
    /// What there is in all.
    pub whole: u64,
    /// What must stay free.
    pub floor: u64,
}

impl Room {
    /// Tells whether less is left than must be.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.left < self.floor
    }

    fn amount(&self, amount: u64) -> String {
        match self.resource {
            Resource::Disk | Resource::Memory => bytes_text(amount),
            Resource::Inodes | Resource::Files => amount.to_string(),
        }
    }
}

/// Says what is left, where, and what must be.
impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.resource {
            Resource::Disk => "of disk space",
            Resource::Inodes => "inodes",
            Resource::Memory => "of memory",
            Resource::Files => "more files may be opened",
        };
        write!(f, "{} {what}", self.amount(self.left))?;
        if self.resource != Resource::Files {
            f.write_str(" left")?;
        }
        if let Some(place) = &self.place {
            write!(f, " on {}", place.display())?;
        }
        write!(f, ", the floor is {}", self.amount(self.floor))
    }
}

/// Looks at everything that a process of the town needs, the shortest first.
#[must_use]
pub fn look_at_room(places: &Places, floors: &Resources, process: u32) -> Vec<Room> {
    let mut rooms = disks(places, floors);
    rooms.extend(memory(floors.memory, process));
    rooms.extend(files(floors.files, process));
    rooms.sort_by_key(|room| (!room.is_short(), room.resource));
    rooms
}

/// Looks at each file system that the town writes to, once.
fn disks(places: &Places, floors: &Resources) -> Vec<Room> {
    let mut seen = BTreeSet::new();
    let mut rooms = Vec::new();
    for folder in [
        places.data.clone(),
        places.store(),
        places.runs(),
        places.data.join("worktrees"),
    ] {
        let Some(there) = folder.ancestors().find(|folder| folder.is_dir()) else {
            continue;
        };
        let Ok(device) = fs::metadata(there).map(|found| found.dev()) else {
            continue;
        };
        let Some(disk) = seen.insert(device).then(|| statvfs(there).ok()).flatten() else {
            continue;
        };
        let block = disk.fragment_size();
        let room = |resource, left: u64, whole: u64, floor: Amount| Room {
            resource,
            place: Some(there.to_owned()),
            left,
            whole,
            floor: floor.of(whole),
        };
        rooms.push(room(
            Resource::Disk,
            disk.blocks_available().saturating_mul(block),
            disk.blocks().saturating_mul(block),
            floors.disk,
        ));
        // Some file systems make inodes as they go, and count none.
        if disk.files() > 0 {
            rooms.push(room(
                Resource::Inodes,
                disk.files_available(),
                disk.files(),
                floors.inodes,
            ));
        }
    }
    rooms
}

/// Looks at the memory of the machine and of the control groups of a process: what has least.
fn memory(floor: Amount, process: u32) -> Option<Room> {
    let mut rooms = of_groups(process);
    rooms.extend(of_machine());
    let (place, left, whole) = rooms.into_iter().min_by_key(|(_, left, _)| *left)?;
    Some(Room {
        resource: Resource::Memory,
        place,
        left,
        whole,
        floor: floor.of(whole),
    })
}

type Memory = (Option<PathBuf>, u64, u64);

fn of_machine() -> Option<Memory> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib << 10)
    };
    Some((None, of("MemAvailable:")?, of("MemTotal:")?))
}

/// Finds the limits of the control group of a process and of those above it.
fn of_groups(process: u32) -> Vec<Memory> {
    const ROOT: &str = "/sys/fs/cgroup";
    let Ok(text) = fs::read_to_string(format!("/proc/{process}/cgroup")) else {
        return Vec::new();
    };
    let Some(group) = text.lines().find_map(|line| line.strip_prefix("0::")) else {
        return Vec::new();
    };
    let folder = Path::new(ROOT).join(group.trim_start_matches('/'));
    folder
        .ancestors()
        .take_while(|folder| folder.starts_with(ROOT))
        .filter_map(of_group)
        .collect()
}

fn of_group(folder: &Path) -> Option<Memory> {
    let number = |name: &str| -> Option<u64> {
        fs::read_to_string(folder.join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    // A group without a limit says "max".
    let (limit, used) = (number("memory.max")?, number("memory.current")?);
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    // What the kernel gives back as soon as somebody asks for it.
    let kept = stat
        .lines()
        .find_map(|line| {
            line.strip_prefix("inactive_file ")?
                .trim()
                .parse::<u64>()
                .ok()
        })
        .unwrap_or(0);
    let left = limit.saturating_sub(used.saturating_sub(kept));
    Some((Some(folder.to_owned()), left, limit))
}

fn files(floor: Amount, process: u32) -> Option<Room> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let whole: u64 = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()?;
    let open = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some(Room {
        resource: Resource::Files,
        place: None,
        left: whole.saturating_sub(u64::try_from(open).unwrap_or(u64::MAX)),
        whole,
        floor: floor.of(whole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(resource: Resource, left: u64, floor: u64) -> Room {
        Room {
            resource,
            place: Some("/var/town".into()),
            left,
            whole: 10 << 30,
            floor,
        }
    }

    #[test]
    fn a_room_says_what_is_left_and_where() {
        let disk = room(Resource::Disk, 310 << 20, 1 << 30);
        assert!(disk.is_short());
        assert_eq!(
            disk.to_string(),
            "310 MiB of disk space left on /var/town, the floor is 1 GiB"
        );
        let files = Room {
            place: None,
            ..room(Resource::Files, 20, 64)
        };
        assert_eq!(
            files.to_string(),
            "20 more files may be opened, the floor is 64"
        );
        assert!(!room(Resource::Memory, 5, 5).is_short());
    }

    #[test]
    fn the_memory_of_a_control_group_counts_without_what_the_kernel_gives_back() {
        let group = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(group.path().join(name), text).unwrap();
        write("memory.max", "max\n");
        write("memory.current", "700\n");
        assert_eq!(of_group(group.path()), None, "a group without a limit");
        write("memory.max", "1000\n");
        write("memory.stat", "anon 500\ninactive_file 200\n");
        let place = Some(group.path().to_owned());
        assert_eq!(of_group(group.path()), Some((place, 500, 1000)));
    }

    #[test]
    fn what_is_short_comes_first_and_each_file_system_once() {
        let home = tempfile::tempdir().unwrap();
        let home_text = home.path().as_os_str().to_owned();
        let places = Places::find(
            |key| (key == "GTD_HOME").then(|| home_text.clone()),
            Path::new("/"),
            0,
        )
        .unwrap();
        let floors = Resources {
            disk: Amount::Units(0),
            inodes: Amount::Units(0),
            memory: Amount::Percent(100),
            files: Amount::Units(1),
            ballast: 0,
        };
        let rooms = look_at_room(&places, &floors, std::process::id());
        assert_eq!(rooms[0].resource, Resource::Memory, "{rooms:?}");
        assert!(rooms[0].is_short());
        let n_disks = |rooms: &[Room]| {
            let disks = rooms.iter().filter(|room| room.resource == Resource::Disk);
            disks.count()
        };
        assert_eq!(n_disks(&rooms), 1);
        assert!(rooms[1..].iter().all(|room| !room.is_short()), "{rooms:?}");
    }
}
