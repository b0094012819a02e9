//! How the town stands, in lines, for whoever answers what a person asks.

use gtd_core::{Bead, StatusDoc, View, bead_row, status_doc};

/// Beads that are told of at most.
const BEADS: usize = 60;
/// The longest that all of it may be, in bytes.
const LONGEST: usize = 12 * 1024;

/// Says what needs a person, which goals are open, and why each bead that has not ended waits.
pub(super) fn town_state(view: View<'_>, asked: &Bead) -> String {
    let status = status_doc(view, Some(&asked.rig));
    let mut lines = Vec::new();
    section(&mut lines, "Needs a person", inbox(&status));
    let convoys = status.convoys.iter().filter(|row| row.id != asked.id);
    let goals = convoys.map(|row| {
        format!(
            "{} ({}; {} of {} beads have ended well): {}",
            row.id, row.state, row.landed, row.total, row.title
        )
    });
    section(&mut lines, "Open goals", goals.collect());
    let open = view.graph.unfinished();
    let open = open.filter(|bead| bead.rig == asked.rig && view.graph.goal(&bead.id).is_none());
    let beads = open.take(BEADS).map(|bead| {
        let row = bead_row(view, bead);
        let why = row.reason.map_or_else(String::new, |why| why.text);
        format!("{} ({}): {}: {why}", row.id, row.state, row.title)
    });
    section(&mut lines, "Beads that have not ended", beads.collect());
    let limits = status.limits.iter();
    let limits = limits.map(|limit| format!("{}: {}", limit.runtime, limit.text));
    section(&mut lines, "Runtimes that are held up", limits.collect());
    if let Some(why) = &status.stopped {
        lines.push(format!("Everything is stopped: {why}"));
    }
    let mut text = lines.join("\n");
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

fn inbox(status: &StatusDoc) -> Vec<String> {
    let items = status.needs_you.iter();
    items
        .map(|item| format!("{} of {}: {}", item.kind, item.subject, item.text))
        .collect()
}

fn section(lines: &mut Vec<String>, name: &str, items: Vec<String>) {
    if items.is_empty() {
        return lines.push(format!("{name}: none"));
    }
    lines.push(format!("{name}:"));
    lines.extend(items.iter().map(|item| format!("- {item}")));
}
