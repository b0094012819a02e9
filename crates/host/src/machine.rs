//! Whether the machine has room for one more agent.

use std::{fs, path::Path};

use gtd_plan::MachineSeen;

/// Memory that must stay free, in bytes.
const MEMORY_FLOOR: u64 = 256 << 20;
/// Disk space that must stay free, in bytes.
const DISK_FLOOR: u64 = 512 << 20;
/// Part of the inodes that must stay free, one in so many.
const INODES_PART: u64 = 50;

/// Looks at memory and at the disk under `folder`.
pub(crate) fn look(folder: &Path) -> MachineSeen {
    if let Some(free) = free_memory().filter(|free| *free < MEMORY_FLOOR) {
        return MachineSeen::Short(format!("memory is short: {} MiB free", free >> 20));
    }
    let Ok(disk) = nix::sys::statvfs::statvfs(folder) else {
        return MachineSeen::Roomy;
    };
    let free = disk.blocks_available() * disk.fragment_size();
    if free < DISK_FLOOR {
        return MachineSeen::Short(format!("the disk is nearly full: {} MiB free", free >> 20));
    }
    let (inodes, free) = (disk.files(), disk.files_available());
    if inodes > 0 && free < inodes / INODES_PART {
        return MachineSeen::Short(format!("the disk is nearly out of inodes: {free} free"));
    }
    MachineSeen::Roomy
}

fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}
