//! A specification in files: the task list of a Spec Kit folder, or a text in words.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use gtd_core::{
    BeadId, Diagnostic, Graph, Phase, Plan, RigName, RuntimeName, SPEC_TASK, SpecTasks,
    holds_tasks, read_tasks, spec_task,
};

use crate::{
    context::Context,
    error::{CliError, Kind},
    settings::Runtimes,
    wishes,
};

/// The name of the task list in a Spec Kit folder.
const TASKS: &str = "tasks.md";
/// The files that tell what is wanted as a whole.
const TEXTS: [&str; 2] = ["spec.md", "plan.md"];

/// What a specification gives a goal.
pub(super) struct Specification {
    /// The story of the goal, its title first.
    pub(super) text: String,
    /// None when an agent has to plan it.
    list: Option<TaskList>,
}

/// A task list that was read.
struct TaskList {
    name: String,
    place: String,
    texts: Vec<&'static str>,
    tasks: SpecTasks,
    runtime: RuntimeName,
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
            return Self::in_words(path, &text);
        }
        let tasks = task_list(ctx, path);
        if ctx.path(&tasks).exists() {
            let text = wishes::file(ctx, &tasks)?;
            return Self::of_tasks(ctx, &tasks, &text, runtimes);
        }
        let parts = texts(&at)?;
        if parts.is_empty() {
            let text = format!("there is neither {TASKS} nor spec.md in {}", path.display());
            return Err(CliError::usage(text).help("gtd goal --spec specs/001-NAME"));
        }
        let parts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
        Self::in_words(path, &parts.join("\n\n"))
    }

    fn in_words(path: &Path, text: &str) -> Result<Self, CliError> {
        let text = text.trim_start_matches(['#', ' ', '\n', '\r', '\u{feff}']);
        if text.trim().is_empty() {
            return Err(CliError::usage(format!("{} is empty", path.display())));
        }
        Ok(Self {
            text: text.to_owned(),
            list: None,
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
        let Some(runtime) = &runtimes.agent else {
            let mistake = Diagnostic::without_line(
                &name,
                "no agent program is configured that could do its tasks",
            )
            .with_help("gtd runtime list");
            return Err(CliError::new(Kind::NoRuntime(Box::new(mistake))));
        };
        let at = ctx.path(path);
        let place = place(&at);
        let title = match tasks.title.as_str() {
            "" => place.clone(),
            title => title.to_owned(),
        };
        let told = texts(at.parent().unwrap_or(&at))?;
        let mut parts = vec![
            title,
            format!("The task list of {place} is the plan of this goal."),
        ];
        parts.extend(told.iter().map(|(_, text)| text.clone()));
        let list = TaskList {
            name,
            place,
            texts: told.into_iter().map(|(name, _)| name).collect(),
            tasks,
            runtime: runtime.clone(),
        };
        list.need_open()?;
        Ok(Self {
            text: parts.join("\n\n"),
            list: Some(list),
        })
    }

    /// Tells whether the specification holds its plan.
    pub(super) fn has_plan(&self) -> bool {
        self.list.is_some()
    }

    /// Makes the plan of what is still to be done.
    ///
    /// # Errors
    /// When all of it has landed, or a goal that has not ended works on it.
    pub(super) fn plan(mut self, graph: &Graph, rig: &RigName) -> Result<Option<Plan>, CliError> {
        let Some(list) = &mut self.list else {
            return Ok(None);
        };
        let mut landed: Vec<(&str, &str)> = Vec::new();
        let mut open: BTreeMap<&str, &BeadId> = BTreeMap::new();
        for bead in graph.beads().filter(|bead| bead.rig == *rig) {
            let Some(task) = bead
                .spec
                .metadata
                .get(SPEC_TASK)
                .and_then(|key| key.as_str())
            else {
                continue;
            };
            if matches!(bead.phase, Phase::Landed { .. }) {
                landed.push((task, &bead.spec.title));
            } else if !bead.phase.is_finished() {
                open.insert(task, &bead.id);
            }
        }
        let mut at_work = None;
        list.tasks.leave_out(|id, title| {
            let task = spec_task(&list.place, id);
            at_work = at_work.or_else(|| open.get(task.as_str()).copied());
            landed.contains(&(task.as_str(), title))
        });
        if let Some(bead) = at_work {
            let text = format!("{bead} is a task of {} and has not ended", list.name);
            return Err(CliError::new(Kind::State(text)).help(format!(
                "gtd status {bead}   or take it back: gtd bead close {bead} -m WHY"
            )));
        }
        list.need_open()?;
        let plan = list.tasks.plan(&list.place, &list.texts, &list.runtime);
        Ok(Some(plan))
    }
}

impl TaskList {
    /// Refuses a list in which nothing is left to do.
    fn need_open(&self) -> Result<(), CliError> {
        if !self.tasks.is_done() {
            return Ok(());
        }
        let (n, name) = (self.tasks.n_done, &self.name);
        let text = format!("nothing is left to do of {name}: {n} of its tasks are done");
        Err(CliError::new(Kind::State(text)).help(format!(
            "gtd export speckit {name} -o {name}   ticks what has landed"
        )))
    }
}

/// Finds the task list that is meant by itself or by its folder.
pub(super) fn task_list(ctx: &Context, path: &Path) -> PathBuf {
    match ctx.path(path).is_dir() {
        true => path.join(TASKS),
        false => path.to_owned(),
    }
}

/// Reads what tells of the whole; a file that is not there tells nothing.
fn texts(folder: &Path) -> Result<Vec<(&'static str, String)>, CliError> {
    let mut found = Vec::new();
    for name in TEXTS {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => found.push((name, text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let path = folder.join(name);
                return Err(CliError::given(format!("read {}", path.display()), error));
            }
        }
    }
    Ok(found)
}

/// Says where the folder of a task list is, from the root of its repository: by that its tasks are
/// known again. Outside of one its name has to do.
pub(super) fn place(tasks: &Path) -> String {
    let folder = tasks.parent().unwrap_or(tasks);
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let root = folder.ancestors().find(|above| above.join(".git").exists());
    let name = folder.file_name().map(PathBuf::from).unwrap_or_default();
    let inside = match root.and_then(|root| folder.strip_prefix(root).ok()) {
        Some(inside) if inside.as_os_str().is_empty() => PathBuf::from("."),
        Some(inside) => inside.to_owned(),
        None => name,
    };
    inside.display().to_string()
}
