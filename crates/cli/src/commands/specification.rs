//! A specification in files: the task list of a Spec Kit folder, or a text in words.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gtd_core::{Diagnostic, Plan, holds_tasks, read_tasks};

use crate::{
    context::Context,
    error::{CliError, Kind},
    settings::Runtimes,
    wishes,
};

/// The name of the task list in a Spec Kit folder.
const TASKS: &str = "tasks.md";

/// What a specification gives a goal.
pub(super) struct Specification {
    /// The story of the goal, its title first.
    pub(super) text: String,
    /// None when an agent has to plan it.
    pub(super) plan: Option<Plan>,
}

impl Specification {
    /// Reads a file, or a folder with `tasks.md`, or with `spec.md` alone.
    pub(super) fn read(ctx: &Context, path: &Path, runtimes: &Runtimes) -> Result<Self, CliError> {
        let at = ctx.path(path);
        if !at.is_dir() {
            let text = wishes::file(ctx, path)?;
            if holds_tasks(&text) {
                return Self::of_tasks(ctx, path, &text, runtimes);
            }
            return Self::in_words(path, text);
        }
        let tasks = task_list(ctx, path);
        if ctx.path(&tasks).exists() {
            let text = wishes::file(ctx, &tasks)?;
            return Self::of_tasks(ctx, &tasks, &text, runtimes);
        }
        let parts: Vec<String> = ["spec.md", "plan.md"]
            .iter()
            .filter_map(|name| fs::read_to_string(at.join(name)).ok())
            .collect();
        if parts.is_empty() {
            let text = format!("there is neither {TASKS} nor spec.md in {}", path.display());
            return Err(CliError::usage(text).help("gtd goal --spec specs/001-NAME"));
        }
        Self::in_words(path, parts.join("\n\n"))
    }

    fn in_words(path: &Path, text: String) -> Result<Self, CliError> {
        let text = text.trim_start_matches(['#', ' ', '\n', '\r', '\u{feff}']);
        if text.trim().is_empty() {
            return Err(CliError::usage(format!("{} is empty", path.display())));
        }
        Ok(Self {
            text: text.to_owned(),
            plan: None,
        })
    }

    fn of_tasks(
        ctx: &Context,
        path: &Path,
        text: &str,
        runtimes: &Runtimes,
    ) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let tasks = read_tasks(&name, text)
            .map_err(|mistake| CliError::new(Kind::Plan(Box::new(mistake))))?;
        if tasks.is_done() {
            let text = format!("all {} tasks of {name} are ticked", tasks.n_done);
            return Err(CliError::new(Kind::State(text)).help("gtd convoy list   gtd report"));
        }
        let Some(runtime) = &runtimes.agent else {
            let mistake = Diagnostic::without_line(
                &name,
                "no agent program is configured that could do its tasks",
            )
            .with_help("gtd runtime list");
            return Err(CliError::new(Kind::NoRuntime(Box::new(mistake))));
        };
        let folder = folder_of(&ctx.path(path));
        let place = place_in_repository(&ctx.path(path));
        let plan = tasks.plan(&folder, &place, runtime);
        let title = match plan.title.as_str() {
            "" => folder,
            title => title.to_owned(),
        };
        Ok(Self {
            text: format!("{title}\n\nThe specification is in {place}; its task list is the plan."),
            plan: Some(plan),
        })
    }
}

/// Finds the task list that is meant by itself or by its folder.
pub(super) fn task_list(ctx: &Context, path: &Path) -> PathBuf {
    match ctx.path(path).is_dir() {
        true => path.join(TASKS),
        false => path.to_owned(),
    }
}

/// Names the folder of a task list, by which its tasks are known again.
pub(super) fn folder_of(tasks: &Path) -> String {
    let folder = tasks.parent().and_then(Path::file_name);
    folder.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Says where the folder of a task list is, from the root of its repository.
fn place_in_repository(tasks: &Path) -> String {
    let folder = tasks.parent().unwrap_or(tasks);
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let root = folder.ancestors().find(|above| above.join(".git").exists());
    let inside: PathBuf = match root.and_then(|root| folder.strip_prefix(root).ok()) {
        Some(inside) if inside.as_os_str().is_empty() => PathBuf::from("."),
        Some(inside) => inside.to_owned(),
        None => folder,
    };
    inside.display().to_string()
}
