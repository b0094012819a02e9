//! From beads to lines of JSON.
//!
//! What came in by a file goes out as it stood, but for what has changed since:
//! each field is compared with what the issue said when it came.

use serde_json::{Map, Value, json};

use super::{
    ImportedBead,
    read::{bead_of, moment},
};
use crate::{Actor, Bead, BeadType, Criterion, EdgeKind, Moment, Need, Note, Outcome, Phase};

/// The relation of a part to its whole.
const PARENT: &str = "parent-child";

/// Makes the line of a bead, without the end of the line.
#[must_use]
pub fn beads_line(bead: &Bead) -> String {
    Value::Object(issue_of(bead)).to_string()
}

fn issue_of(bead: &Bead) -> Map<String, Value> {
    let spec = &bead.spec;
    let mut issue: Map<String, Value> = spec.extra.clone().into_iter().collect();
    let mut told = issue.clone();
    told.insert("title".to_owned(), json!(spec.title));
    let was = bead_of(bead.id.clone(), told, &mut Vec::new());
    let is_foreign = !issue.is_empty();
    issue.insert("_type".to_owned(), json!("issue"));
    if is_foreign && !spec.extra.contains_key("_type") {
        issue.remove("_type");
    }
    issue.insert("id".to_owned(), json!(bead.id));
    issue.insert("title".to_owned(), json!(spec.title));
    issue.insert("priority".to_owned(), json!(spec.priority.number()));
    put(&mut issue, "description", text(&spec.description));
    if was.spec.acceptance != spec.acceptance {
        put(
            &mut issue,
            "acceptance_criteria",
            text(&criteria(&spec.acceptance)),
        );
    }
    if was.spec.kind != spec.kind || !is_foreign {
        issue.insert("issue_type".to_owned(), json!(type_word(spec.kind)));
    }
    if was.spec.labels != spec.labels {
        put(
            &mut issue,
            "labels",
            list(spec.labels.iter().map(|label| json!(label))),
        );
    }
    if was.spec.estimate_minutes != spec.estimate_minutes {
        put(
            &mut issue,
            "estimated_minutes",
            spec.estimate_minutes.map(|n| json!(n)),
        );
    }
    if was.spec.defer_until != spec.defer_until {
        put(
            &mut issue,
            "defer_until",
            spec.defer_until.map(|at| json!(Moment(at))),
        );
    }
    if was.spec.metadata != spec.metadata {
        let metadata = Some(json!(spec.metadata));
        put(
            &mut issue,
            "metadata",
            metadata.filter(|_| !spec.metadata.is_empty()),
        );
    }
    put_state(&mut issue, bead, &was, is_foreign);
    put_edges(&mut issue, bead, &was);
    put_notes(&mut issue, bead, &was);
    issue
}

fn put(issue: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(issue.insert(key.to_owned(), value)),
        None => drop(issue.remove(key)),
    }
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!(text))
}

fn list(items: impl Iterator<Item = Value>) -> Option<Value> {
    let items: Vec<Value> = items.collect();
    (!items.is_empty()).then_some(Value::Array(items))
}

fn criteria(acceptance: &[Criterion]) -> String {
    let said = acceptance.iter().map(|criterion| match &criterion.check {
        Some(check) => format!("{} (`{check}`)", criterion.text),
        None => criterion.text.clone(),
    });
    said.collect::<Vec<_>>().join("\n")
}

fn type_word(kind: BeadType) -> &'static str {
    match kind {
        BeadType::Goal => BeadType::Epic.word(),
        kind => kind.word(),
    }
}

/// Says how far it is, where that is not what the issue said.
fn put_state(issue: &mut Map<String, Value>, bead: &Bead, was: &ImportedBead, is_foreign: bool) {
    let status = match &bead.phase {
        Phase::Draft | Phase::Open | Phase::Returned { .. } => "open",
        Phase::Leased(_) | Phase::Submitted { .. } => "in_progress",
        Phase::Parked { .. } => "blocked",
        Phase::Landed { .. } | Phase::Closed { .. } => "closed",
    };
    let ended = bead.phase.is_finished();
    let is_as_it_was = is_foreign
        && match &was.end {
            Some(end) => matches!(&bead.phase, Phase::Closed { outcome, why }
                if *outcome == end.outcome && *why == end.why),
            None => status == "open",
        };
    if !is_as_it_was {
        issue.insert("status".to_owned(), json!(status));
        let at = Some(json!(Moment(bead.since)));
        put(issue, "closed_at", at.filter(|_| ended));
        put(issue, "close_reason", reason(bead));
    }
    if let Some(lease) = bead.phase.lease() {
        issue.insert("assignee".to_owned(), json!(lease.holder.name()));
    }
    if moment(issue, "created_at") != Some(bead.created_at) {
        issue.insert("created_at".to_owned(), json!(Moment(bead.created_at)));
    }
    if !issue.contains_key("created_by") && !is_foreign {
        issue.insert("created_by".to_owned(), json!(bead.created_by.to_string()));
    }
    if !is_as_it_was || !issue.contains_key("updated_at") {
        issue.insert("updated_at".to_owned(), json!(Moment(bead.since)));
    }
}

fn reason(bead: &Bead) -> Option<Value> {
    match &bead.phase {
        Phase::Landed { commit, .. } => Some(json!(format!("landed as {commit}"))),
        Phase::Closed { outcome, why } => match outcome {
            Outcome::Done | Outcome::NoOp => text(why),
            Outcome::Duplicate { of } => Some(json!(format!("duplicate of {of}"))),
            Outcome::Cancelled => Some(json!(format!("cancelled: {why}"))),
            Outcome::Failed => Some(json!(format!("failed: {why}"))),
        },
        _ => None,
    }
}

/// Keeps the edges of the issue that are still there, and adds those that came since.
fn put_edges(issue: &mut Map<String, Value>, bead: &Bead, was: &ImportedBead) {
    let parent = |parent: &Option<crate::BeadId>| -> Vec<Need> {
        let edge = |on: &crate::BeadId| Need {
            kind: EdgeKind::Custom(PARENT.to_owned()),
            ..Need::blocks(on.clone())
        };
        parent.iter().map(edge).collect()
    };
    let mut now: Vec<Need> = parent(&bead.spec.parent);
    now.extend(bead.needs.iter().cloned());
    let mut before: Vec<Need> = parent(&was.spec.parent);
    before.extend(was.needs.iter().cloned());
    if now == before {
        return;
    }
    let mut edges: Vec<Value> = match issue.remove("dependencies") {
        Some(Value::Array(edges)) => edges,
        _ => Vec::new(),
    };
    let leads_to = |needs: &[Need], on: &str| needs.iter().any(|need| need.on.as_str() == on);
    edges.retain(|edge| {
        let on = edge["depends_on_id"].as_str().unwrap_or_default();
        leads_to(&now, on) || !leads_to(&before, on)
    });
    let same = |one: &Need, other: &Need| one.on == other.on && one.kind == other.kind;
    for need in &now {
        if !before.iter().any(|other| same(other, need)) {
            edges.push(json!({"issue_id": bead.id, "depends_on_id": need.on, "type": need.kind}));
        }
    }
    put(issue, "dependencies", list(edges.into_iter()));
}

fn put_notes(issue: &mut Map<String, Value>, bead: &Bead, was: &ImportedBead) {
    let new: Vec<&Note> = bead
        .notes
        .iter()
        .filter(|note| !was.notes.contains(note))
        .collect();
    if new.is_empty() {
        return;
    }
    let mut comments: Vec<Value> = match issue.remove("comments") {
        Some(Value::Array(comments)) => comments,
        _ => Vec::new(),
    };
    let first = comments.len() + 1;
    comments.extend(
        (first..)
            .zip(new)
            .map(|(number, note)| comment(bead, number, note)),
    );
    put(issue, "comments", list(comments.into_iter()));
}

fn comment(bead: &Bead, number: usize, note: &Note) -> Value {
    let author = match &note.by {
        Actor::Person(name) => name.clone(),
        other => other.to_string(),
    };
    json!({
        "id": format!("{}-{number}", bead.id),
        "issue_id": bead.id,
        "author": author,
        "text": note.text,
        "created_at": Moment(note.at),
    })
}

#[cfg(test)]
mod tests {
    use super::super::read::is_said;
    use crate::read_beads;

    #[test]
    fn what_is_kept_beside_is_all_that_is_not_said_elsewhere() {
        let line = r#"{"id":"bd-1","title":"t","priority":1,"design":"d","status":"open"}"#;
        let file = read_beads("f", line).unwrap();
        let keys: Vec<&str> = file.beads[0]
            .spec
            .extra
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["design", "status"]);
        assert!(keys.iter().all(|key| !is_said(key)));
    }
}
