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

    /// Takes tasks for done that are told by their ids and titles; what needs them needs them no more.
    pub fn leave_out(&mut self, mut is_done: impl FnMut(&str, &str) -> bool) {
        let (done, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(|task| is_done(&task.id, &title(&task.id, &task.words)));
        self.n_done += done.len();
        self.tasks = open;
        for task in &mut self.tasks {
            task.needs
                .retain(|need| done.iter().all(|done| done.id != *need));
        }
    }

    /// Makes the plan. `place` is the folder of the list, from the root of the repository, by which
    /// the tasks are known again; `texts` are the files that tell what is wanted as a whole.
    #[must_use]
    pub fn plan(&self, place: &str, texts: &[&str], runtime: &RuntimeName) -> Plan {
        let bead = |task: &SpecTask| PlannedBead {
            local_id: task.id.clone(),
            spec: spec(task, place, texts, runtime),
            needs: task.needs.clone(),
        };
        Plan {
            title: self.title.clone(),
            beads: self.tasks.iter().map(bead).collect(),
            ..Plan::default()
        }
    }
}

/// Makes the title of a task's bead.
pub(super) fn title(id: &str, words: &str) -> String {
    BeadSpec::titled(&format!("{id} {words}")).title
}

/// Names a task for ever: the folder of its list, and its id.
#[must_use]
pub fn spec_task(place: &str, id: &str) -> String {
    format!("{place}/{id}")
}

fn spec(task: &SpecTask, place: &str, texts: &[&str], runtime: &RuntimeName) -> BeadSpec {
    let typed = BeadSpec::titled(&format!("{} {}", task.id, task.words));
    let mut parts = Vec::new();
    // The title of a long line is only its beginning.
    parts.extend(Some(typed.description).filter(|text| !text.is_empty()));
    parts.extend(Some(task.details.join("\n")).filter(|text| !text.is_empty()));
    let mut about = vec![format!("This is task {} of {place}/tasks.md.", task.id)];
    about.extend(Some(task.phase.clone()).filter(|phase| !phase.is_empty()));
    about.extend(task.about.iter().cloned());
    if !texts.is_empty() {
        about.push(format!(
            "What is wanted as a whole is in {} of that folder; where your worktree does not have it, the text of the goal does.",
            texts.join(" and ")
        ));
    }
    about.push("Leave the boxes of tasks.md as they are.".to_owned());
    parts.push(about.join("\n"));
    BeadSpec {
        title: typed.title,
        description: parts.join("\n\n"),
        priority: task.urgency.and_then(Priority::new).unwrap_or_default(),
        labels: task.labels.iter().cloned().collect(),
        scope: paths(&task.words),
        runtime: Some(runtime.clone()),
        metadata: [(SPEC_TASK.to_owned(), spec_task(place, &task.id).into())].into(),
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
