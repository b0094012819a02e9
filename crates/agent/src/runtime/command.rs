//! A command line as it stands in a gate or an acceptance check: its exit code is the answer.

use std::collections::BTreeMap;

use crate::{
    runs::Runs,
    runtime::{Launch, Setting},
    spec::{RunSpec, Stdin},
};

const COMMAND: &str = "command.sh";

/// Makes the order for a command line; it is run by `sh` without further options.
#[must_use]
pub fn command_run(runs: &Runs, setting: &Setting, command: &str) -> RunSpec {
    let file = runs.run_dir(&setting.run).join(COMMAND);
    setting.order(Launch {
        program: "/bin/sh".into(),
        args: vec![file.to_string_lossy().into_owned()],
        files: BTreeMap::from([(COMMAND.to_owned(), format!("{command}\n"))]),
        env: BTreeMap::new(),
        stdin: Stdin::Null,
    })
}
