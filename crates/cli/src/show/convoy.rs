//! A goal with the beads that answer it.

use gtd_core::{ConvoyDoc, ConvoyRow, Timestamp};

use crate::output::{Cell, Ink, Look, State, Table, ago, clock, span_ms};

/// Shows a goal: one line for itself, one for each bead, and its proof.
pub(crate) fn convoy(doc: &ConvoyDoc, now: Timestamp, look: Look) -> Vec<String> {
    let mut lines = vec![head(doc, look)];
    let mut table = Table::new(&["STATE", "ID", "TITLE", "TEXT"], &["TITLE", "TEXT"]);
    for bead in &doc.beads {
        let state = State::of(&bead.state);
        let commit = bead.commit.as_ref().map(gtd_core::Oid::short);
        let tries = match bead.attempts {
            0 | 1 => String::new(),
            n => format!("attempt {n}  "),
        };
        let text = match commit {
            Some(commit) => format!("{tries}{commit}"),
            None => format!("{tries}{}", bead.text),
        };
        table.row([
            Cell::inked(format!("  {}", state.text(look)), state.ink),
            Cell::inked(bead.id.as_str(), Ink::Strong),
            Cell::from(bead.title.as_str()),
            Cell::inked(text, Ink::Faint),
        ]);
    }
    lines.extend(table.render_plain(look));
    for criterion in &doc.acceptance {
        let check = criterion.check.as_deref();
        let check = check.map_or(String::new(), |check| format!("  ({check})"));
        lines.push(format!("  accept   {}{check}", criterion.text));
    }
    for run in &doc.proof {
        let (word, ink) = match run.verdict {
            gtd_core::Verdict::Passed => ("ok", Ink::Good),
            gtd_core::Verdict::Failed => ("failed", Ink::Bad),
            gtd_core::Verdict::Infra => ("needs_you", Ink::Warn),
        };
        let mark = look.paint(ink, State::of(word).mark(look));
        lines.push(format!(
            "  proof    {mark} {}  {}  {}",
            run.gate,
            span_ms(run.took_ms),
            run.commit.short()
        ));
    }
    if let Some(conclusion) = doc.conclusion.as_deref().filter(|text| !text.is_empty()) {
        lines.push(format!("  end      {conclusion}"));
    }
    if let Some(until) = doc.until.filter(|_| doc.conclusion.is_none()) {
        let at = clock(until, now, look);
        lines.push(format!("  until    {at} ({})", ago(until, now)));
    }
    lines.extend(landing(doc));
    lines
}

fn head(doc: &ConvoyDoc, look: Look) -> String {
    let state = State::of(&doc.state);
    let landed = doc.beads.iter().filter(|bead| bead.commit.is_some());
    let arrow = look.mark("→", "->");
    let policy = doc.policy.as_ref();
    let policy = policy.map_or_else(String::new, |name| format!("  policy {name}"));
    format!(
        "{}  {}  {}  {}/{} landed  {arrow} {}{policy}",
        look.paint(Ink::Strong, doc.id.as_str()),
        look.title(&doc.title),
        look.paint(state.ink, &state.text(look)),
        landed.count(),
        doc.beads.len(),
        doc.target.branch,
    )
}

fn landing(doc: &ConvoyDoc) -> Option<String> {
    let into = &doc.target.into;
    let text = doc.landing_text.as_deref().unwrap_or_default();
    match doc.landing.as_str() {
        "asked" if doc.target.mode == "pull_request" => Some(format!(
            "  landing  proposed: it has landed when its pull request into {into} is merged"
        )),
        "done" if doc.target.mode == "pull_request" => {
            let short = text.get(..7).unwrap_or(text);
            Some(format!(
                "  landing  its pull request was merged into {into} as {short}"
            ))
        }
        "asked" => Some(format!(
            "  landing  asked for: the refinery brings it into {into}"
        )),
        "done" => {
            let short = text.get(..7).unwrap_or(text);
            Some(format!("  landing  {into} is at {short} now"))
        }
        "refused" => Some(format!("  landing  not brought into {into}: {text}")),
        _ => None,
    }
}

/// Lists goals.
pub(crate) fn convoy_table(rows: &[ConvoyRow], now: Timestamp, look: Look) -> Vec<String> {
    let mut table = Table::new(
        &["ID", "STATE", "LANDED", "TITLE", "BRANCH", "SET"],
        &["TITLE", "BRANCH"],
    );
    for row in rows {
        let state = State::of(&row.state);
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
            Cell::from(format!("{}/{}", row.landed, row.total)),
            Cell::from(row.title.as_str()),
            Cell::from(row.branch.as_str()),
            Cell::inked(
                if look.terminal {
                    ago(row.created_at, now)
                } else {
                    row.created_at.to_string()
                },
                Ink::Faint,
            ),
        ]);
    }
    table.render(look)
}
