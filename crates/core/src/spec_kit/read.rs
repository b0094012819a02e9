//! From the text of a task list to its tasks, with what each needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

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
/// Boxes without an id are no tasks where no box of their section has one, and where they are done.
///
/// # Errors
/// When it holds no task, a task has no id or that of another one, depends on something that
/// does not stand above it, or when a code block or a comment has no end.
pub fn read_tasks(file: &str, text: &str) -> Result<SpecTasks, Diagnostic> {
    let mut reader = Reader {
        file,
        text,
        with_ids: sections_with_ids(text),
        section: 0,
        seen: BTreeMap::new(),
        phase: Phase::default(),
        barrier: Vec::new(),
        found: SpecTasks::default(),
        details: Details::None,
    };
    let mut all = lines(text);
    for line in &mut all {
        reader.take(&line)?;
    }
    if let Some(begun) = all.unclosed() {
        return Err(reader
            .mistake(
                begun,
                "what begins here has no end, and hides all that follows",
            )
            .with_help("close the code block or the comment"));
    }
    if reader.seen.is_empty() {
        return Err(Diagnostic::at(file, text, 0..0, "there is no task in it")
            .with_help("a task is a line such as: - [ ] T001 Create the project"));
    }
    Ok(reader.found)
}

/// Numbers the sections in which a box has an id.
fn sections_with_ids(text: &str) -> BTreeSet<usize> {
    let mut section = 0;
    let mut found = BTreeSet::new();
    for line in lines(text) {
        match line.kind {
            Kind::Heading(..) => section += 1,
            Kind::Task(task) if task.id.is_some() => {
                found.insert(section);
            }
            _ => {}
        }
    }
    found
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
    with_ids: BTreeSet<usize>,
    section: usize,
    /// All tasks so far with their lines, the done ones too.
    seen: BTreeMap<&'a str, Range<usize>>,
    phase: Phase,
    /// Places of the tasks that a phase waits for.
    barrier: Vec<usize>,
    found: SpecTasks,
    details: Details,
}

/// What of the next lines belongs to the last open task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Details {
    None,
    /// What is indented.
    Indented,
    /// What is indented, and words at the margin.
    All,
}

impl<'a> Reader<'a> {
    fn take(&mut self, line: &Line<'a>) -> Result<(), Diagnostic> {
        if let Kind::Heading(..) = line.kind {
            self.section += 1;
        }
        let is_blank = line.text.trim().is_empty();
        let is_indented = line.text.starts_with([' ', '\t']);
        match &line.kind {
            Kind::Heading(1, words) if self.found.title.is_empty() && self.seen.is_empty() => {
                let words = words.strip_prefix("Tasks:").unwrap_or(words);
                words.trim().clone_into(&mut self.found.title);
            }
            Kind::Heading(2, words) => self.begin_phase(words),
            Kind::Task(task) => return self.take_task(line, task),
            _ if is_blank => {
                self.details = match self.details {
                    Details::None => Details::None,
                    Details::Indented | Details::All => Details::Indented,
                };
                return Ok(());
            }
            Kind::Indented | Kind::Hidden if is_indented && self.details != Details::None => {
                self.add_detail(line);
                return Ok(());
            }
            Kind::Other if self.details == Details::All => {
                self.add_detail(line);
                return Ok(());
            }
            Kind::Other if self.phase.open.is_empty() && line.text.starts_with("**") => {
                self.phase.about.push(line.text.trim_end().to_owned());
            }
            Kind::Heading(..) | Kind::Indented | Kind::Hidden | Kind::Other => {}
        }
        self.details = Details::None;
        Ok(())
    }

    fn add_detail(&mut self, line: &Line<'a>) {
        if let Some(task) = self.found.tasks.last_mut() {
            task.details.push(line.text.trim_end().to_owned());
        }
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
        self.details = Details::None;
        let Some(id) = task.id else {
            if task.is_done || !self.with_ids.contains(&self.section) {
                return Ok(());
            }
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
        if task.is_done {
            self.seen.insert(id, line.span.clone());
            self.found.n_done += 1;
            return Ok(());
        }
        let depends = self.depends(line, task, id)?;
        self.seen.insert(id, line.span.clone());
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
        self.details = Details::All;
        Ok(())
    }

    fn id(&self, place: usize) -> String {
        self.found.tasks[place].id.clone()
    }

    /// Finds the open tasks that a task says it depends on: by their ids, by spans of ids, or by
    /// the label of a story.
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
        let mut needs: Vec<&str> = Vec::new();
        let mut previous: Option<&str> = None;
        let mut is_span = false;
        for word in listed.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let ends_in_dash = word.ends_with(['-', '–', '—']);
            if name.is_empty() {
                is_span |= ends_in_dash;
                continue;
            }
            if self.is_like_a_task(name) {
                let Some(place) = self.seen.get(name) else {
                    return Err(self.no_such(line, id, name));
                };
                match previous
                    .filter(|_| is_span)
                    .and_then(|id| self.seen.get(id))
                {
                    // By their places: `T9` stands before `T10`, whatever letters say.
                    Some(first) => {
                        let between = first.start.min(place.start)..=first.start.max(place.start);
                        let seen = self.seen.iter();
                        let spanned = seen.filter(|(_, place)| between.contains(&place.start));
                        needs.extend(spanned.map(|(id, _)| *id));
                    }
                    None => needs.push(name),
                }
                previous = Some(name);
            } else {
                let of_story = self.found.tasks.iter();
                let of_story =
                    of_story.filter(|task| task.labels.iter().any(|label| label == name));
                needs.extend(of_story.map(|task| task.id.as_str()));
                previous = None;
            }
            is_span = ends_in_dash;
        }
        let is_open = |need: &&str| self.found.tasks.iter().any(|task| task.id == **need);
        let open = needs.into_iter().filter(is_open);
        Ok(open.map(str::to_owned).collect())
    }

    /// Tells whether a word is written as the ids of this list are: `US1` and `UTF8` are not.
    fn is_like_a_task(&self, name: &str) -> bool {
        let letters = |id: &str| {
            id.len()
                - id.trim_start_matches(|c: char| c.is_ascii_uppercase())
                    .len()
        };
        let begin = &name[..letters(name)];
        is_id(name)
            && lines(self.text).any(|line| {
                matches!(line.kind, Kind::Task(Task { id: Some(id), .. }) if &id[..letters(id)] == begin)
            })
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
