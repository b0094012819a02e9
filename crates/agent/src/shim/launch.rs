//! Launches a run from the command line and ends at once, as a daemon that dies would.

use std::{fs, path::Path};

use crate::{runs::Runs, shim::chain, spec::RunSpec};

pub(super) fn run(runs: &Path, spec: &Path) -> Result<(), String> {
    let text = fs::read(spec).map_err(|error| chain(&error))?;
    let spec: RunSpec = serde_json::from_slice(&text).map_err(|error| chain(&error))?;
    let shim = std::env::current_exe().map_err(|error| chain(&error))?;
    let runs = Runs::open(runs, shim).map_err(|error| chain(&error))?;
    runs.ensure(&spec).map_err(|error| chain(&error))?;
    Ok(())
}
