//! The task list of a Spec Kit folder (`specs/NNN-name/tasks.md`) as the plan of a goal.
//!
//! | in the file | in the plan |
//! |---|---|
//! | `- [ ] T012 text` | a bead; its line is the title, what is indented below it the description |
//! | `- [x] T012 text` | nothing: it is done |
//! | `## Phase 3: …` | a barrier: its tasks wait for all of the phase before |
//! | `[P]` | no need inside the phase; without it a task waits for those above it |
//! | `[US1]` | a label |
//! | `(depends on T003, T005-T007, US1)` | needs, of tasks that stand above |
//! | `(Priority: P1)` in the line of a phase | the urgency of its tasks |
//! | a path such as `src/models/user.py` | the scope |
//!
//! The format is that of github.com/github/spec-kit, `templates/tasks-template.md`. Code blocks and
//! comments are not read, nor are boxes without an id in a section in which no box has one. The boxes are ticked from what has landed, and nothing else of the file
//! changes ([`tick_tasks`]).

mod line;
mod plan;
mod read;
mod tick;

#[cfg(test)]
mod tests;

pub use self::{
    plan::spec_task,
    read::{SpecTasks, read_tasks},
    tick::tick_tasks,
};

/// The key of a bead's metadata that names its task, as [`spec_task`] writes it.
pub const SPEC_TASK: &str = "spec_kit";

/// Tells whether a text holds a task of a task list, done or not.
#[must_use]
pub fn holds_tasks(text: &str) -> bool {
    line::lines(text).any(|line| matches!(line.kind, line::Kind::Task(task) if task.id.is_some()))
}
