//! The shell runtime: a bead's script, run by `sh -eu` in its worktree.

use std::collections::BTreeMap;

use crate::{
    runs::Runs,
    runtime::{Launch, Setting},
    spec::{RunSpec, Stdin},
};

const SCRIPT: &str = "script.sh";

/// Makes the order for a bead's script; any failing command ends it.
#[must_use]
pub fn shell_run(runs: &Runs, setting: &Setting, script: &str) -> RunSpec {
    let file = runs.run_dir(&setting.run).join(SCRIPT);
    setting.order(Launch {
        program: "/bin/sh".into(),
        args: vec!["-eu".to_owned(), file.to_string_lossy().into_owned()],
        files: BTreeMap::from([(SCRIPT.to_owned(), script.to_owned())]),
        env: BTreeMap::new(),
        stdin: Stdin::Null,
    })
}
