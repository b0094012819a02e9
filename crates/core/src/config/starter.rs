//! The `gtd.toml` that a project begins with.

use std::fmt::Write;

use super::value::toml_string;
use crate::{GateName, RigName};

/// Writes the `gtd.toml` of a new rig; gates are names with commands.
#[must_use]
pub fn default_gtd_toml(name: &RigName, branch: &str, gates: &[(GateName, String)]) -> String {
    let mut text = format!(
        "# How gtd works in this repository. Commit it; after a change: gtd trust\n\
         schema = 1\n\
         \n\
         [rig]\n\
         name = {}\n\
         branch = {}\n",
        toml_string(name.as_str()),
        toml_string(branch),
    );
    if gates.is_empty() {
        text.push_str(
            "\n# A gate is proof: work lands when every command exits with 0 on the merged tree.\n\
             # [[gate]]\n\
             # name = \"test\"\n\
             # run = \"make test\"\n",
        );
    } else {
        text.push_str(
            "\n# Gates are proof: work lands when every command exits with 0 on the merged tree.\n",
        );
    }
    for (place, (name, run)) in gates.iter().enumerate() {
        let gap = if place == 0 { "" } else { "\n" };
        let (name, run) = (toml_string(name.as_str()), toml_string(run));
        write!(text, "{gap}[[gate]]\nname = {name}\nrun = {run}\n")
            .expect("writing to a string does not fail");
    }
    text.push_str("\n[roles.worker]\nmax = 4\n");
    text
}
