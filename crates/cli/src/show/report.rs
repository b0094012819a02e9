//! What happened: the morning page, as text and as markdown. Every number comes from the document.

use gtd_core::{ReportDoc, Timestamp};

use super::status::ascii;
use crate::output::{Cell, Ink, Look, State, Table, ago, period, span};

/// Shows the report, in its fixed order.
pub(crate) fn report(doc: &ReportDoc, now: Timestamp, look: Look) -> Vec<String> {
    let length = span(doc.until.0.since(doc.since.0));
    let period = period(doc.since, doc.until, now, look);
    let mut lines = vec![
        look.paint(Ink::Strong, &format!("{period} ({length})")),
        format!("{}.", doc.outcome),
    ];
    for row in &doc.convoys {
        let state = State::of(&row.state);
        lines.push(format!(
            "{}  {}  {}  {} of {} landed on {}",
            look.paint(Ink::Strong, row.id.as_str()),
            look.title(&row.title),
            look.paint(state.ink, &state.text(look)),
            row.landed,
            row.total,
            row.branch
        ));
    }
    heading(&mut lines, look, "NEEDS YOU", doc.needs_you.len());
    for item in &doc.needs_you {
        lines.push(format!(
            "  {:<8} {} {}: {} ({})",
            item.kind,
            item.subject,
            look.title(&item.title),
            item.text,
            ago(item.since, now)
        ));
        lines.push(format!("           {}", item.next));
    }
    heading(&mut lines, look, "LANDED", doc.landed.len());
    let mut table = Table::new(
        &["", "ID", "TITLE", "COMMIT", "TRIES", "NOTE"],
        &["TITLE", "NOTE"],
    );
    for landed in &doc.landed {
        let state = State::of("landed");
        let tries = match landed.attempts {
            1 => "1 try".to_owned(),
            n => format!("{n} tries"),
        };
        let note = match landed.note.as_str() {
            "" => String::new(),
            note => format!("before: {note}"),
        };
        table.row([
            Cell::inked(format!(" {}", state.mark(look)), state.ink),
            Cell::from(landed.bead.as_str()),
            Cell::from(landed.title.as_str()),
            Cell::from(landed.commit.short()),
            Cell::from(tries),
            Cell::inked(note, Ink::Faint),
        ]);
    }
    lines.extend(table.render_plain(look));
    if !doc.no_op.is_empty() {
        let ids: Vec<&str> = doc.no_op.iter().map(gtd_core::BeadId::as_str).collect();
        lines.push(format!("  closed without a change: {}", ids.join(" ")));
    }
    heading(&mut lines, look, "NOT DONE", doc.not_done.len());
    for bead in &doc.not_done {
        let state = State::of(&bead.state);
        lines.push(format!(
            "  {} {} {}  {}",
            look.paint(state.ink, state.mark(look)),
            bead.bead,
            look.title(&bead.title),
            bead.text
        ));
    }
    lines.push(look.paint(Ink::Faint, "PROOF"));
    lines.extend(proof(doc).into_iter().map(|line| format!("  {line}")));
    heading(&mut lines, look, "LOOK AT", doc.look_at.len());
    lines.extend(doc.look_at.iter().map(|text| format!("  {text}")));
    if !doc.next.is_empty() {
        lines.push(format!("next  {}", doc.next.join(" · ")));
    }
    if look.ascii {
        lines = lines.into_iter().map(|line| ascii(&line)).collect();
    }
    lines
}

fn proof(doc: &ReportDoc) -> Vec<String> {
    let proof = &doc.proof;
    let mut lines = vec![format!(
        "agents said done {} · gates agreed {} · gates refused {} · landed {}",
        proof.claimed, proof.gates_green, proof.gates_red, proof.landed
    )];
    if proof.sent_back + proof.failed_attempts > 0 {
        let failed = match proof.failed_attempts {
            1 => "1 attempt failed before it was handed in".to_owned(),
            n => format!("{n} attempts failed before they were handed in"),
        };
        lines.push(format!("{} sent back · {failed}", proof.sent_back));
    }
    if !proof.final_gates.is_empty() {
        lines.push(format!("at the end: {}", proof.final_gates.join(" · ")));
    }
    let unverified = proof.unverified.iter();
    lines.extend(unverified.map(|text| format!("looked at by no command: {text}")));
    lines.extend(
        proof
            .last_commits
            .iter()
            .map(|tip| match tip.rsplit_once(' ') {
                Some((branch, commit)) => {
                    format!("{branch} is at {}", commit.get(..7).unwrap_or(commit))
                }
                None => tip.clone(),
            }),
    );
    lines
}

fn heading(lines: &mut Vec<String>, look: Look, name: &str, n: usize) {
    if n > 0 {
        lines.push(look.paint(Ink::Faint, &format!("{name} ({n})")));
    }
}

/// Writes the report as markdown.
pub(crate) fn markdown(doc: &ReportDoc) -> Vec<String> {
    let mut lines = vec![
        format!("# Report, {} to {}", doc.since, doc.until),
        String::new(),
        format!("{}.", doc.outcome),
    ];
    let mut section = |name: &str, items: Vec<String>| {
        if !items.is_empty() {
            lines.extend([String::new(), format!("## {name}"), String::new()]);
            lines.extend(items.into_iter().map(|item| format!("- {item}")));
        }
    };
    section(
        "Goals",
        doc.convoys
            .iter()
            .map(|row| {
                format!(
                    "`{}` {}: {}, {} of {} landed on `{}`",
                    row.id,
                    escape(&row.title),
                    State::of(&row.state).word,
                    row.landed,
                    row.total,
                    row.branch
                )
            })
            .collect(),
    );
    section(
        "Needs you",
        doc.needs_you
            .iter()
            .map(|item| {
                format!(
                    "`{}` {}: {} (`{}`)",
                    item.subject,
                    escape(&item.title),
                    escape(&item.text),
                    item.next
                )
            })
            .collect(),
    );
    section(
        "Landed",
        doc.landed
            .iter()
            .map(|bead| {
                format!(
                    "`{}` {} in `{}`, attempts: {}",
                    bead.bead,
                    escape(&bead.title),
                    bead.commit.short(),
                    bead.attempts
                )
            })
            .collect(),
    );
    section(
        "Not done",
        doc.not_done
            .iter()
            .map(|bead| {
                format!(
                    "`{}` {}: {}, {}",
                    bead.bead,
                    escape(&bead.title),
                    State::of(&bead.state).word,
                    escape(&bead.text)
                )
            })
            .collect(),
    );
    section("Proof", proof(doc));
    section(
        "Look at",
        doc.look_at.iter().map(|text| escape(text)).collect(),
    );
    section(
        "Next",
        doc.next.iter().map(|next| format!("`{next}`")).collect(),
    );
    lines
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    escaped
}
