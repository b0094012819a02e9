//! From the tasks to the beads of a plan.

use super::{
    SPEC_TASK,
    read::{SpecTask, SpecTasks},
};
use crate::{BeadSpec, Plan, PlannedBead, Priority, RuntimeName};

impl SpecTasks {
    /// Tells whether all tasks are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Makes the plan. `folder` is the name of the folder, by which the tasks are known again;
    /// `place` is where an agent finds it, from the root of the repository.
    #[must_use]
    pub fn plan(&self, folder: &str, place: &str, runtime: &RuntimeName) -> Plan {
        let bead = |task: &SpecTask| PlannedBead {
            local_id: task.id.clone(),
            spec: spec(task, folder, place, runtime),
            needs: task.needs.clone(),
        };
        Plan {
            title: self.title.clone(),
            beads: self.tasks.iter().map(bead).collect(),
            ..Plan::default()
        }
    }
}

fn spec(task: &SpecTask, folder: &str, place: &str, runtime: &RuntimeName) -> BeadSpec {
    let typed = BeadSpec::titled(&format!("{} {}", task.id, task.words));
    let mut parts = Vec::new();
    // The title of a long line is only its beginning.
    parts.extend(Some(typed.description).filter(|text| !text.is_empty()));
    parts.extend(Some(task.details.join("\n")).filter(|text| !text.is_empty()));
    let mut about = vec![format!("This is task {} of {place}/tasks.md.", task.id)];
    about.extend(Some(task.phase.clone()).filter(|phase| !phase.is_empty()));
    about.extend(task.about.iter().cloned());
    about.push(format!(
        "What is wanted as a whole is in {place}: read spec.md and plan.md there. Leave the boxes of tasks.md as they are."
    ));
    parts.push(about.join("\n"));
    BeadSpec {
        title: typed.title,
        description: parts.join("\n\n"),
        priority: task.urgency.and_then(Priority::new).unwrap_or_default(),
        labels: task.labels.iter().cloned().collect(),
        scope: paths(&task.words),
        runtime: Some(runtime.clone()),
        metadata: [(SPEC_TASK.to_owned(), format!("{folder}/{}", task.id).into())].into(),
        ..BeadSpec::default()
    }
}

/// Finds what is surely meant as a path: in backquotes, with a suffix, or with a slash at its end.
fn paths(words: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        let word = word.trim_matches(|c: char| "(),;:\"'".contains(c));
        let bare = word.trim_end_matches('.').trim_matches('`');
        let last = bare.rsplit('/').next().unwrap_or_default();
        let is_quoted = word.starts_with('`');
        let has_suffix = last.rsplit_once('.').is_some_and(|(stem, suffix)| {
            !stem.is_empty() && suffix.starts_with(|c: char| c.is_ascii_alphabetic())
        });
        let is_meant = (is_quoted && (has_suffix || bare.contains('/')))
            || (bare.contains('/') && (has_suffix || last.is_empty()));
        let is_plain = bare
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./*?[]@+".contains(c));
        let is_inside = !bare.starts_with('/') && !bare.split('/').any(|name| name == "..");
        if is_meant && is_plain && is_inside && !found.iter().any(|path| path == bare) {
            found.push(bare.to_owned());
        }
    }
    found
}
