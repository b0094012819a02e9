//! From lines of JSON to beads.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{ImportedBead, ImportedEnd};
use crate::{
    Actor, BeadId, BeadSpec, BeadType, Criterion, Diagnostic, EdgeKind, Moment, Need, Note,
    Outcome, Priority, SatisfiedBy, Timestamp,
};

/// Statuses that come in as they are.
const PLAIN: [&str; 3] = ["open", "closed", "tombstone"];
/// How the relation of a part to its whole is written, the second by older programs.
const PARENT: [&str; 2] = ["parent-child", "parent_child"];

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BeadsFile {
    /// The beads, in the order of the file.
    pub beads: Vec<ImportedBead>,
    /// What is otherwise here than there, in sentences.
    pub changes: Vec<String>,
    /// What is no issue and stays out, in sentences.
    pub skipped: Vec<String>,
}

/// Reads a file; `name` is what it is called in messages.
///
/// # Errors
/// When a line is no JSON object, or an issue without an id or a title.
pub fn read_beads(name: &str, text: &str) -> Result<BeadsFile, Box<Diagnostic>> {
    let mut file = BeadsFile::default();
    let mut seen: BTreeSet<BeadId> = BTreeSet::new();
    for (number, line) in (1_usize..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let wrong =
            |what: &str| Box::new(Diagnostic::without_line(&format!("{name}:{number}"), what));
        let issue: Map<String, Value> = serde_json::from_str(line)
            .map_err(|error| wrong(&format!("no JSON object: {error}")))?;
        if issue.contains_key("_schema") {
            continue;
        }
        match issue.get("_type").and_then(Value::as_str) {
            None | Some("issue") => {}
            Some(other) => {
                file.skipped
                    .push(format!("{name}:{number}: a {other} is no issue"));
                continue;
            }
        }
        let id = issue.get("id").and_then(Value::as_str).unwrap_or_default();
        let Ok(id) = BeadId::parse(id) else {
            return Err(wrong(&format!("`{id}` is no id of a bead")));
        };
        if words(&issue, "title").trim().is_empty() {
            return Err(wrong(&format!("{id} has no title")));
        }
        if !seen.insert(id.clone()) {
            return Err(wrong(&format!("{id} comes twice")));
        }
        file.beads.push(bead_of(id, issue, &mut file.changes));
    }
    Ok(file)
}

/// Makes the bead of an issue; what is otherwise here is told.
pub(super) fn bead_of(
    id: BeadId,
    issue: Map<String, Value>,
    changes: &mut Vec<String>,
) -> ImportedBead {
    let kind = kind_of(&id, &issue, changes);
    let status = words(&issue, "status");
    if !status.is_empty() && !PLAIN.contains(&status) {
        changes.push(format!("{id}: status `{status}` is open here"));
    }
    let (needs, parent) = edges_of(&id, &issue, changes);
    let criterion = words(&issue, "acceptance_criteria");
    let spec = BeadSpec {
        title: words(&issue, "title").to_owned(),
        description: words(&issue, "description").to_owned(),
        kind,
        priority: number(&issue, "priority")
            .and_then(|number| Priority::new(u8::try_from(number).ok()?))
            .unwrap_or_default(),
        acceptance: (!criterion.is_empty())
            .then(|| Criterion {
                text: criterion.to_owned(),
                check: None,
            })
            .into_iter()
            .collect(),
        labels: labels_of(&issue),
        parent,
        estimate_minutes: number(&issue, "estimated_minutes")
            .and_then(|number| u32::try_from(number).ok()),
        defer_until: moment(&issue, "defer_until"),
        metadata: match issue.get("metadata") {
            Some(Value::Object(map)) => map.clone().into_iter().collect(),
            _ => [].into(),
        },
        ..BeadSpec::default()
    };
    let notes = notes_of(&issue);
    let end = end_of(&issue);
    let created_at = moment(&issue, "created_at");
    ImportedBead {
        spec: BeadSpec {
            extra: issue.into_iter().filter(|(key, _)| !is_said(key)).collect(),
            ..spec
        },
        id,
        needs,
        notes,
        end,
        created_at,
    }
}

/// Tells whether a key stands wholly in what is wanted, so that it need not be kept beside it.
pub(super) fn is_said(key: &str) -> bool {
    matches!(key, "id" | "title" | "description" | "priority")
}

fn kind_of(id: &BeadId, issue: &Map<String, Value>, changes: &mut Vec<String>) -> BeadType {
    let word = words(issue, "issue_type");
    let known = match word {
        "" => Some(BeadType::Task),
        "enhancement" | "feat" => Some(BeadType::Feature),
        "dec" | "adr" => Some(BeadType::Decision),
        "investigation" | "timebox" => Some(BeadType::Spike),
        word => BeadType::from_word(word).filter(|kind| *kind != BeadType::Goal),
    };
    known.unwrap_or_else(|| {
        changes.push(format!("{id}: type `{word}` is a task here"));
        BeadType::Task
    })
}

fn labels_of(issue: &Map<String, Value>) -> BTreeSet<String> {
    let labels = issue.get("labels").and_then(Value::as_array);
    let words = labels.into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}

/// Splits the dependencies of an issue into needs and its parent.
fn edges_of(
    id: &BeadId,
    issue: &Map<String, Value>,
    changes: &mut Vec<String>,
) -> (Vec<Need>, Option<BeadId>) {
    let mut needs: Vec<Need> = Vec::new();
    let mut parent = None;
    let list = issue.get("dependencies").and_then(Value::as_array);
    for edge in list.into_iter().flatten().filter_map(Value::as_object) {
        let on = words(edge, "depends_on_id");
        let Ok(target) = BeadId::parse(on) else {
            changes.push(format!(
                "{id}: what is outside, `{on}`, is kept and waited for by nobody"
            ));
            continue;
        };
        let kind = match words(edge, "type") {
            "" => EdgeKind::Blocks,
            kind if PARENT.contains(&kind) && parent.is_none() && target != *id => {
                parent = Some(target);
                continue;
            }
            kind => EdgeKind::from_word(kind),
        };
        let need = Need {
            on: target,
            kind,
            satisfied_by: SatisfiedBy::Success,
        };
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    (needs, parent)
}

fn notes_of(issue: &Map<String, Value>) -> Vec<Note> {
    let list = issue.get("comments").and_then(Value::as_array);
    let comments = list.into_iter().flatten().filter_map(Value::as_object);
    comments
        .map(|comment| Note {
            by: Actor::Person(words(comment, "author").to_owned()),
            at: moment(comment, "created_at").unwrap_or_default(),
            text: words(comment, "text").to_owned(),
        })
        .collect()
}

fn end_of(issue: &Map<String, Value>) -> Option<ImportedEnd> {
    let (outcome, why) = match words(issue, "status") {
        "closed" => (Outcome::Done, words(issue, "close_reason")),
        "tombstone" => (Outcome::Cancelled, words(issue, "delete_reason")),
        _ => return None,
    };
    Some(ImportedEnd {
        outcome,
        why: why.to_owned(),
        at: ["closed_at", "deleted_at", "updated_at"]
            .into_iter()
            .find_map(|key| moment(issue, key)),
    })
}

/// Returns a text; an absent one is empty.
pub(super) fn words<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(object: &Map<String, Value>, key: &str) -> Option<u64> {
    object.get(key)?.as_u64()
}

pub(super) fn moment(object: &Map<String, Value>, key: &str) -> Option<Timestamp> {
    Moment::parse(object.get(key)?.as_str()?).map(|moment| moment.0)
}
