//! What can go wrong around a run, by the act that failed.

use std::{io, path::PathBuf};

use gtd_core::RunId;

/// Says which act on a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder that holds all runs could not be made or read.
    #[error("open the folder of runs {path}")]
    Open {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The directory of one run could not be made.
    #[error("create the directory of run {run}")]
    Create {
        /// The run.
        run: RunId,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of the run could not be written.
    #[error("write {file} of run {run}")]
    Write {
        /// The run.
        run: RunId,
        /// The file's name in the run directory.
        file: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of the run could not be read.
    #[error("read {file} of run {run}")]
    Read {
        /// The run.
        run: RunId,
        /// The file's name in the run directory.
        file: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of the run is not what its name promises.
    #[error("understand {file} of run {run}")]
    Parse {
        /// The run.
        run: RunId,
        /// The file's name in the run directory.
        file: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A lock of the run could not be taken.
    #[error("lock run {run}")]
    Lock {
        /// The run.
        run: RunId,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The specification asks for a file that may not stand in a run directory.
    #[error("prepare run {run}: `{name}` is not a file name that a run may bring")]
    FileName {
        /// The run.
        run: RunId,
        /// The refused name.
        name: String,
    },
    /// The shim program could not be started.
    #[error("start the shim {program} for run {run}")]
    Spawn {
        /// The run.
        run: RunId,
        /// The shim program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The shim ended before it had taken over the run.
    #[error("start run {run}: its shim gave up: {said}")]
    Shim {
        /// The run.
        run: RunId,
        /// What the shim said.
        said: String,
    },
    /// The table of processes could not be read.
    #[error("look at the processes of run {run}")]
    Look {
        /// The run.
        run: RunId,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A signal could not be sent.
    #[error("signal the processes of run {run}")]
    Signal {
        /// The run.
        run: RunId,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Some processes would not come to rest.
    #[error("bring the processes of run {run} to rest")]
    Restless {
        /// The run.
        run: RunId,
    },
    /// The run has not ended, so its directory stays.
    #[error("remove run {run}: it has not ended")]
    NotEnded {
        /// The run.
        run: RunId,
    },
    /// There is no such run.
    #[error("find run {run}")]
    Unknown {
        /// The run.
        run: RunId,
    },
}
