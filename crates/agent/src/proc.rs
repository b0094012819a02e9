//! The table of processes, read so that a reused process id is never taken for the old one.
//!
//! A process is its id *and* its start time, within one boot. Signals go
//! through a pidfd that was opened before the start time was compared. "Cannot
//! look" is an error here and never means "is gone".

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::fd::OwnedFd,
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

/// One line of the table of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// The letter of `/proc/<pid>/stat`.
    pub(crate) state: u8,
    /// Ticks since the boot.
    pub(crate) start: u64,
}

impl Process {
    /// Says whether it can still do something.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Sends a signal to exactly this process; says whether it still lived.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<bool> {
        match open(self.pid, self.start)? {
            Some(handle) => send(&handle, signal),
            None => Ok(false),
        }
    }
}

/// Sends a signal through a handle; says whether the process still lived.
pub(crate) fn send(handle: &OwnedFd, signal: Signal) -> io::Result<bool> {
    match pidfd_send_signal(handle, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens a handle to the process with this id and start time; `None` when it is gone.
pub(crate) fn open(pid: i32, start: u64) -> io::Result<Option<OwnedFd>> {
    // A record from the disk may say anything; only a positive number is a process.
    let Some(raw) = (pid > 0).then(|| Pid::from_raw(pid)).flatten() else {
        return Ok(None);
    };
    let handle = match pidfd_open(raw, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH | Errno::INVAL) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(match read(pid)? {
        Some(process) if process.start == start && process.is_alive() => Some(handle),
        _ => None,
    })
}

/// Reads one process; `None` when there is none of that id.
pub(crate) fn read(pid: i32) -> io::Result<Option<Process>> {
    match fs::read(format!("/proc/{pid}/stat")) {
        Ok(bytes) => Ok(parse(pid, &bytes)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    // The name in parentheses may hold anything, so count from its end.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        state: *fields.first()?.as_bytes().first()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// Reads the whole table.
pub(crate) fn all() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        processes.extend(read(pid)?);
    }
    Ok(processes)
}

/// Picks what descends from any of `roots`, the roots themselves left out.
pub(crate) fn below(table: &[Process], roots: &[i32]) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<&Process>> = HashMap::new();
    for process in table {
        children.entry(process.parent).or_default().push(process);
    }
    let mut seen: HashSet<i32> = roots.iter().copied().collect();
    let mut waiting: Vec<i32> = roots.to_vec();
    let mut found = Vec::new();
    while let Some(parent) = waiting.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            if seen.insert(child.pid) {
                found.push(**child);
                waiting.push(child.pid);
            }
        }
    }
    found
}

/// Reads the living descendants of a process.
pub(crate) fn descendants(root: i32) -> io::Result<Vec<Process>> {
    let mut found = below(&all()?, &[root]);
    found.retain(Process::is_alive);
    Ok(found)
}

/// Reads the name of this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// Reads a NUL-separated file of a process, such as `environ`; empty when it is gone or not ours.
pub(crate) fn words(pid: i32, file: &str) -> Vec<Vec<u8>> {
    fs::read(format!("/proc/{pid}/{file}"))
        .unwrap_or_default()
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_process_name_does_not_shift_the_fields() {
        let stat = b"42 (a) b) S 1 7 8 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0\n";
        let process = parse(42, stat).unwrap();
        assert_eq!((process.parent, process.group, process.session), (1, 7, 8));
        assert_eq!((process.state, process.start), (b'S', 99));
    }

    #[test]
    fn a_handle_is_given_only_for_the_right_start_time() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = read(pid).unwrap().unwrap();
        assert!(open(pid, me.start).unwrap().is_some());
        assert!(open(pid, me.start + 1).unwrap().is_none());
        assert!(open(-1, 0).unwrap().is_none());
    }
}
