//! From the text of a task list to its tasks, with what each needs.

use std::{collections::BTreeMap, ops::Range};

use super::line::{Kind, Line, Task, is_id, lines};
use crate::{Diagnostic, toml_text::nearest};

/// The open tasks of a task list, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpecTasks {
    /// What the first heading calls it; empty when there is none.
    pub title: String,
    /// How many tasks are done already.
    pub n_done: usize,
    pub(super) tasks: Vec<SpecTask>,
}

/// One open task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SpecTask {
    pub(super) id: String,
    pub(super) words: String,
    /// What stands indented below it.
    pub(super) details: Vec<String>,
    pub(super) labels: Vec<String>,
    /// Ids of open tasks.
    pub(super) needs: Vec<String>,
    pub(super) phase: String,
    /// What the phase says of itself before its first task.
    pub(super) about: Vec<String>,
    /// From 1, the most urgent.
    pub(super) urgency: Option<u8>,
}

/// Reads a task list.
///
/// # Errors
/// When it holds no task, a task has no id or that of another one, or depends on something that
/// does not stand above it.
pub fn read_tasks(file: &str, text: &str) -> Result<SpecTasks, Diagnostic> {
    let mut reader = Reader {
        file,
        text,
        seen: BTreeMap::new(),
        phase: Phase::default(),
        barrier: Vec::new(),
        found: SpecTasks::default(),
        takes_details: false,
    };
    for line in lines(text) {
        reader.take(&line)?;
    }
    if reader.seen.is_empty() {
        return Err(Diagnostic::at(file, text, 0..0, "there is no task in it")
            .with_help("a task is a line such as: - [ ] T001 Create the project"));
    }
    Ok(reader.found)
}

/// What was read of the present phase.
#[derive(Default)]
struct Phase {
    title: String,
    about: Vec<String>,
    urgency: Option<u8>,
    /// Places of its open tasks.
    open: Vec<usize>,
    /// Those that the next task without `[P]` waits for.
    front: Vec<usize>,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    /// All tasks so far, with the places of their lines; done ones are no open tasks.
    seen: BTreeMap<&'a str, Range<usize>>,
    phase: Phase,
    /// Places of the tasks that a phase waits for.
    barrier: Vec<usize>,
    found: SpecTasks,
    /// Whether what is indented now belongs to an open task.
    takes_details: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, line: &Line<'a>) -> Result<(), Diagnostic> {
        match &line.kind {
            Kind::Heading(1, words) if self.found.title.is_empty() && self.seen.is_empty() => {
                let words = words.strip_prefix("Tasks:").unwrap_or(words);
                words.trim().clone_into(&mut self.found.title);
            }
            Kind::Heading(2, words) => self.begin_phase(words),
            Kind::Task(task) => return self.take_task(line, task),
            Kind::Indented if self.takes_details => {
                if let Some(task) = self.found.tasks.last_mut() {
                    task.details.push(line.text.trim_end().to_owned());
                }
                return Ok(());
            }
            Kind::Other if self.phase.open.is_empty() && line.text.starts_with("**") => {
                self.phase.about.push(line.text.trim_end().to_owned());
            }
            Kind::Other if line.text.trim().is_empty() => return Ok(()),
            Kind::Heading(..) | Kind::Indented | Kind::Hidden | Kind::Other => {}
        }
        self.takes_details = false;
        Ok(())
    }

    fn begin_phase(&mut self, words: &str) {
        // A phase in which nothing is open holds nobody up.
        if !self.phase.open.is_empty() {
            let needed = |place: &usize| {
                let id = &self.found.tasks[*place].id;
                let mut others = self
                    .phase
                    .open
                    .iter()
                    .map(|other| &self.found.tasks[*other]);
                others.any(|other| other.needs.contains(id))
            };
            let ends = self.phase.open.iter().filter(|place| !needed(place));
            self.barrier = ends.copied().collect();
        }
        self.phase = Phase {
            title: words.to_owned(),
            urgency: urgency(words),
            ..Phase::default()
        };
    }

    fn take_task(&mut self, line: &Line<'a>, task: &Task<'a>) -> Result<(), Diagnostic> {
        self.takes_details = false;
        let Some(id) = task.id else {
            return Err(self
                .mistake(line.span.clone(), "this task has no id")
                .with_help("write one in front of it, such as: - [ ] T001 Create the project"));
        };
        if let Some(first) = self.seen.get(id) {
            let first = self.mistake(first.clone(), "").line;
            return Err(self
                .mistake(line.span.clone(), &format!("two tasks have the id `{id}`"))
                .with_help(&format!("the first one is in line {first}; rename one")));
        }
        let depends = self.depends(line, task, id)?;
        self.seen.insert(id, line.span.clone());
        if task.is_done {
            self.found.n_done += 1;
            return Ok(());
        }
        let place = self.found.tasks.len();
        let mut needs = depends;
        if !task.is_parallel {
            needs.extend(self.phase.front.iter().map(|place| self.id(*place)));
            self.phase.front.clear();
        }
        // What needs a task of its phase is behind the barrier already.
        let is_first = !needs.iter().any(|need| {
            let mut open = self.phase.open.iter();
            open.any(|place| self.found.tasks[*place].id == *need)
        });
        if is_first {
            needs.extend(self.barrier.iter().map(|place| self.id(*place)));
        }
        needs.sort();
        needs.dedup();
        self.phase.front.push(place);
        self.phase.open.push(place);
        self.found.tasks.push(SpecTask {
            id: id.to_owned(),
            words: task.words.to_owned(),
            details: Vec::new(),
            labels: task
                .labels
                .iter()
                .map(|label| (*label).to_owned())
                .collect(),
            needs,
            phase: self.phase.title.clone(),
            about: self.phase.about.clone(),
            urgency: self.phase.urgency,
        });
        self.takes_details = true;
        Ok(())
    }

    fn id(&self, place: usize) -> String {
        self.found.tasks[place].id.clone()
    }

    /// Finds the open tasks that a task says it depends on.
    fn depends(
        &self,
        line: &Line<'a>,
        task: &Task<'a>,
        id: &str,
    ) -> Result<Vec<String>, Diagnostic> {
        const WORDS: &str = "depends on";
        let lower = task.words.to_ascii_lowercase();
        let Some(at) = lower.find(WORDS) else {
            return Ok(Vec::new());
        };
        let listed = &task.words[at + WORDS.len()..];
        let listed = listed.split(')').next().unwrap_or(listed);
        let mut needs = Vec::new();
        let mut previous: Option<&str> = None;
        let mut is_span = false;
        for word in listed.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let ends_in_dash = word.ends_with(['-', '–', '—']);
            if name.is_empty() || !is_id(name) {
                is_span |= ends_in_dash && name.is_empty();
                continue;
            }
            if !self.seen.contains_key(name) {
                return Err(self.no_such(line, id, name));
            }
            match previous.filter(|_| is_span) {
                Some(first) => needs.extend(self.seen.range(first..=name).map(|(id, _)| *id)),
                None => needs.push(name),
            }
            previous = Some(name);
            is_span = ends_in_dash;
        }
        let is_open = |need: &&str| self.found.tasks.iter().any(|task| task.id == **need);
        Ok(needs
            .into_iter()
            .filter(is_open)
            .map(str::to_owned)
            .collect())
    }

    fn no_such(&self, line: &Line<'a>, id: &str, need: &str) -> Diagnostic {
        let stands_below = lines(self.text)
            .any(|other| matches!(other.kind, Kind::Task(task) if task.id == Some(need)));
        let at = line.text.find(need).map_or(0, |at| line.span.start + at);
        let what = if stands_below {
            format!("`{id}` depends on `{need}`, which does not stand above it")
        } else {
            format!("`{id}` depends on `{need}`, which is not there")
        };
        let help = match nearest(need, self.seen.keys().copied()) {
            Some(near) if !stands_below => format!("did you mean `{near}`?"),
            _ => "a task begins after what stands above it: put it there".to_owned(),
        };
        self.mistake(at..at + need.len(), &what).with_help(&help)
    }

    fn mistake(&self, span: Range<usize>, message: &str) -> Diagnostic {
        Diagnostic::at(self.file, self.text, span, message)
    }
}

/// Reads `(Priority: P1)`.
fn urgency(words: &str) -> Option<u8> {
    let (_, behind) = words.split_once("Priority: P")?;
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
