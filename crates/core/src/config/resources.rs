//! What must stay free on the machine, so that gtd can go on ending things in order.

use serde::{Deserialize, Serialize};

use super::{amount::Amount, merge::Config};

/// The floors below which nothing new begins, and the reserve of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Disk space in bytes, of each file system that the town writes to.
    pub disk: Amount,
    /// Inodes, of each of these file systems.
    pub inodes: Amount,
    /// Memory in bytes, of the machine or of the control group, whichever has less.
    pub memory: Amount,
    /// Files that the daemon may still open.
    pub files: Amount,
    /// The size of the ballast in bytes; 0 is none.
    pub ballast: u64,
}

/// Returns what must stay free.
#[must_use]
pub fn resources(config: &Config) -> Resources {
    let amount = |key: &str| {
        let (value, _) = config.get(&format!("resources.{key}"))?;
        let number = value
            .as_integer()
            .and_then(|number| u64::try_from(number).ok());
        match (number, value.as_str()) {
            (Some(number), _) => Some(Amount::Units(number)),
            (None, Some(text)) => Amount::parse(text).ok(),
            (None, None) => None,
        }
    };
    // Whatever is checked has a value: the lowest layer sets every key.
    let floor = |key: &str| amount(key).unwrap_or(Amount::Units(0));
    Resources {
        disk: floor("disk_floor"),
        inodes: floor("inode_floor"),
        memory: floor("memory_floor"),
        files: floor("file_floor"),
        ballast: floor("ballast").of(0),
    }
}
