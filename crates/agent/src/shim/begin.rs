//! Introduces the shim to the world and starts the agent.

use std::{
    fs::File,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::{Command, Stdio},
};

use nix::unistd::Pid;

use crate::{
    folder::{self, Folder, Keep},
    proc,
    spec::{RunSpec, Stdin},
    state::ShimRecord,
};

/// The supervised process and the ends of its pipes.
pub(super) struct Agent {
    pub(super) pid: Pid,
    pub(super) out: OwnedFd,
    pub(super) err: OwnedFd,
}

/// Starts the agent, and adds it to the record.
pub(super) fn begin(
    folder: &Folder,
    spec: &RunSpec,
    record: &mut ShimRecord,
) -> Result<Agent, String> {
    let stdin = match &spec.stdin {
        Stdin::Null => Stdio::null(),
        Stdin::File(name) => File::open(folder.file(name))
            .map_err(|error| format!("cannot open the input {name}: {error}"))?
            .into(),
    };
    // The program file may be replaced while this process runs; this name still finds ours.
    let mut child = Command::new("/proc/self/exe")
        .arg0("gtd-shim")
        .arg("--exec")
        .arg(record.pid.to_string())
        .arg(spec.nice.to_string())
        .arg(&folder.path)
        .arg(&spec.cwd)
        .arg(&spec.program)
        .args(&spec.args)
        .env_clear()
        .envs(&spec.env)
        .envs(spec.secrets.get())
        .env("GTD_RUN", spec.run.as_str())
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start a process: {error}"))?;
    let pid = i32::try_from(child.id()).expect("a process id fits");
    record.child_pid = Some(pid);
    record.child_pgid = Some(pid);
    record.child_start_time = proc::read(pid).ok().flatten().map(|child| child.start);
    // Without the second record the run can still be stopped through the shim.
    drop(folder.write(folder::SHIM, record, Keep::Lightly));
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        unreachable!("both were asked for");
    };
    Ok(Agent {
        pid: Pid::from_raw(pid),
        out: out.into(),
        err: err.into(),
    })
}

/// Makes the record of this process.
pub(super) fn introduce() -> std::io::Result<ShimRecord> {
    let pid = Pid::this().as_raw();
    let me = proc::read(pid)?.ok_or(std::io::ErrorKind::NotFound)?;
    Ok(ShimRecord {
        pid,
        pid_start_time: me.start,
        boot_id: proc::boot_id()?,
        child_pid: None,
        child_start_time: None,
        child_pgid: None,
        started_at_ms: crate::shim::now(),
    })
}
