//! One bead, and lists of beads.

use gtd_core::{BeadDoc, BeadRow, EdgeDoc, Moment, Refresh, Timestamp};

use super::why::reason_line;
use crate::output::{Cell, Ink, Look, State, Table, ago, clock, span};

/// Shows a bead: what is wanted, why it waits, its edges, its attempts.
pub(crate) fn bead(doc: &BeadDoc, now: Timestamp, look: Look) -> Vec<String> {
    let state = State::of(&doc.state);
    let mut lines = vec![format!(
        "{}  {}  {}  {}",
        look.paint(Ink::Strong, doc.id.as_str()),
        look.title(&doc.title),
        look.paint(state.ink, &state.text(look)),
        ago(doc.updated_at, now)
    )];
    let mut fact = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("  {name:<11}{text}"));
        }
    };
    if let Some(reason) = &doc.reason {
        fact("why", reason_line(reason));
    }
    fact("end", doc.close_reason.clone().unwrap_or_default());
    fact("type", format!("{}  priority {}", doc.kind, doc.priority));
    fact("rig", doc.rig.to_string());
    fact(
        "goal",
        doc.convoy
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    fact("in plan", doc.local_id.clone().unwrap_or_default());
    fact("holder", doc.assignee.clone().unwrap_or_default());
    fact("runtime", doc.runtime.clone().unwrap_or_default());
    fact("branch", doc.branch.clone().unwrap_or_default());
    fact(
        "commit",
        doc.commit
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    fact(
        "labels",
        doc.labels.iter().cloned().collect::<Vec<_>>().join(" "),
    );
    fact("scope", doc.scope.join(" "));
    fact(
        "not before",
        doc.defer_until
            .map(|moment| format!("{} ({})", clock(moment, now, look), ago(moment, now)))
            .unwrap_or_default(),
    );
    fact(
        "parent",
        doc.parent
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    fact(
        "made",
        format!("{} by {}", ago(doc.created_at, now), doc.created_by),
    );
    for line in doc.description.lines() {
        lines.push(format!("  | {line}"));
    }
    section(
        &mut lines,
        look,
        "ACCEPTANCE",
        doc.acceptance
            .iter()
            .map(|criterion| match &criterion.check {
                Some(check) => format!("{}  ({check})", criterion.text),
                None => criterion.text.clone(),
            }),
    );
    let run = doc.run.iter().flat_map(|script| script.lines());
    section(&mut lines, look, "SCRIPT", run.map(str::to_owned));
    section(
        &mut lines,
        look,
        "BLOCKED BY",
        doc.needs.iter().map(|edge| edge_line(edge, look)),
    );
    section(
        &mut lines,
        look,
        "BLOCKS",
        doc.blocks.iter().map(|edge| edge_line(edge, look)),
    );
    section(
        &mut lines,
        look,
        "CHILDREN",
        doc.children.iter().map(ToString::to_string),
    );
    section(
        &mut lines,
        look,
        "RELATED",
        doc.links.iter().map(|edge| edge_line(edge, look)),
    );
    section(
        &mut lines,
        look,
        "ATTEMPTS",
        doc.attempts.iter().map(|attempt| {
            let ended = attempt.ended_at.map_or(Moment(now), |ended| ended);
            let took = span(ended.0.since(attempt.began_at.0));
            let text = match (&attempt.fault, &attempt.head) {
                (Some(fault), _) => fault.text.clone(),
                (None, Some(head)) => format!("handed in {}  {}", head.short(), attempt.summary),
                (None, None) => attempt.summary.clone(),
            };
            let mut line = format!("{}  {}  {took}  {text}", attempt.epoch, attempt.agent);
            for refresh in &attempt.refreshes {
                line.push_str(&format!("\n       {}", refresh_line(refresh)));
            }
            if let Some(fault) = &attempt.fault {
                for evidence in fault
                    .evidence
                    .lines()
                    .rev()
                    .take(6)
                    .collect::<Vec<_>>()
                    .iter()
                    .rev()
                {
                    line.push_str(&format!("\n       | {evidence}"));
                }
            }
            line
        }),
    );
    section(
        &mut lines,
        look,
        "NOTES",
        doc.notes
            .iter()
            .map(|note| format!("{}  {}: {}", ago(Moment(note.at), now), note.by, note.text)),
    );
    lines
}

/// Says why an attempt had a fresh session, and what that began with.
fn refresh_line(refresh: &Refresh) -> String {
    let full = match refresh.context {
        Some(context) => format!("context at {}", context.told()),
        None => "context overflowed".to_owned(),
    };
    let then = match &refresh.handover {
        None => "asked for its handover".to_owned(),
        Some(handover) if handover.missing.is_empty() => format!(
            "a fresh session went on with its handover ({} done, {} left)",
            handover.done.len(),
            handover.left.len()
        ),
        Some(handover) => {
            format!(
                "a fresh session went on without a handover: {}",
                handover.missing
            )
        }
    };
    format!("{full}: {then}")
}

fn section(lines: &mut Vec<String>, look: Look, name: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        lines.push(look.paint(Ink::Faint, name));
        lines.extend(items.map(|item| format!("  {item}")));
    }
}

fn edge_line(edge: &EdgeDoc, look: Look) -> String {
    let state = State::of(&edge.state);
    let kind = match &edge.kind {
        gtd_core::EdgeKind::Blocks => String::new(),
        other => serde_json::to_value(other)
            .ok()
            .and_then(|word| Some(format!("  ({})", word.as_str()?)))
            .unwrap_or_default(),
    };
    format!(
        "{}  {}  {}{kind}",
        look.paint(state.ink, &state.text(look)),
        edge.id,
        edge.title
    )
}

/// Lists beads.
pub(crate) fn bead_table(rows: &[BeadRow], look: Look) -> Vec<String> {
    let mut table = Table::new(&["ID", "STATE", "P", "TITLE", "WHY"], &["TITLE", "WHY"]);
    for row in rows {
        let state = State::of(&row.state);
        let why = row.reason.as_ref().map(|reason| reason.text.clone());
        table.row([
            Cell::inked(row.id.as_str(), Ink::Strong),
            Cell::inked(
                if look.terminal {
                    state.text(look)
                } else {
                    row.state.clone()
                },
                state.ink,
            ),
            Cell::from(row.priority.to_string()),
            Cell::from(row.title.as_str()),
            Cell::inked(why.unwrap_or_default(), Ink::Faint),
        ]);
    }
    table.render(look)
}
