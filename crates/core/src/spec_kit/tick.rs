//! Ticking the boxes of what has landed.

use super::{
    line::{Kind, lines},
    plan::title,
};

/// Ticks the open boxes of the tasks that have landed, and changes nothing else of the text.
///
/// A task is asked for by its id and the title of its bead: an id alone may mean something new.
/// Returns the text and the tasks that were ticked.
#[must_use]
pub fn tick_tasks(
    text: &str,
    mut has_landed: impl FnMut(&str, &str) -> bool,
) -> (String, Vec<String>) {
    let mut ticked = text.to_owned();
    let mut tasks = Vec::new();
    for line in lines(text) {
        if let Kind::Task(task) = line.kind
            && !task.is_done
            && let Some(id) = task.id
            && has_landed(id, &title(id, task.words))
        {
            // One byte for one byte, so that all other places stay right.
            ticked.replace_range(task.mark, "x");
            tasks.push(id.to_owned());
        }
    }
    (ticked, tasks)
}
