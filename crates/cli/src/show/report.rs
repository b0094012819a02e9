//! What happened: the morning page, as text and as markdown. Every number comes from the document.

use std::time::Duration;

use gtd_core::{CostRow, LandedDoc, ReportDoc, Timestamp};

use super::{
    cost::{money, tokens},
    status::ascii,
};
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
        let policy = row.policy.as_ref();
        let policy = policy.map_or_else(String::new, |name| format!("  policy {name}"));
        lines.push(format!(
            "{}  {}  {}  {} of {} landed on {}{policy}",
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
    // Where no model was used nothing is said of it.
    let is_priced = doc.cost.runs > 0;
    let mut header = vec!["", "ID", "TITLE", "COMMIT", "TRIES"];
    header.extend(is_priced.then_some("COST"));
    header.push("NOTE");
    let mut table = Table::new(&header, &["TITLE", "NOTE"]);
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
        let mut cells = vec![
            Cell::inked(format!(" {}", state.mark(look)), state.ink),
            Cell::from(landed.bead.as_str()),
            Cell::from(landed.title.as_str()),
            Cell::from(landed.commit.short()),
            Cell::from(tries),
        ];
        cells.extend(is_priced.then(|| Cell::from(price(landed))));
        cells.push(Cell::inked(note, Ink::Faint));
        table.row(cells);
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
    for (name, told) in [("TIME", time(doc)), ("COST", cost(doc))] {
        heading_of(&mut lines, look, name, &told);
    }
    if !doc.next.is_empty() {
        lines.push(format!("next  {}", doc.next.join(" · ")));
    }
    if look.ascii {
        lines = lines.into_iter().map(|line| ascii(&line)).collect();
    }
    lines
}

fn heading_of(lines: &mut Vec<String>, look: Look, name: &str, told: &[String]) {
    if !told.is_empty() {
        lines.push(look.paint(Ink::Faint, name));
        lines.extend(told.iter().map(|line| format!("  {line}")));
    }
}

/// Says what a landed bead used of models; nothing when it used none.
pub(super) fn price(landed: &LandedDoc) -> String {
    match (landed.usd.0, landed.tokens) {
        (0, 0) => String::new(),
        (0, tokens) => format!("{tokens} tokens"),
        (usd, _) => money(usd, landed.estimated),
    }
}

/// Says where the time went.
pub(super) fn time(doc: &ReportDoc) -> Vec<String> {
    let time = &doc.time;
    let took = |ms: u64| span(Duration::from_millis(ms));
    let mut lines = Vec::new();
    if time.agent_ms + time.gate_ms + time.merge_ms > 0 {
        lines.push(format!(
            "agents {} · gates {} · merges {}, over all beads",
            took(time.agent_ms),
            took(time.gate_ms),
            took(time.merge_ms)
        ));
    }
    let waits = time.waits.iter().map(|wait| {
        let beads = match wait.beads {
            1 => "1 bead".to_owned(),
            n => format!("{n} beads"),
        };
        format!("{} {} ({beads})", wait.reason, took(wait.ms))
    });
    let waits: Vec<String> = waits.collect();
    if !waits.is_empty() {
        lines.push(format!("waited for: {}", waits.join(" · ")));
    }
    lines
}

/// Says what models used, and for what.
pub(super) fn cost(doc: &ReportDoc) -> Vec<String> {
    let cost = &doc.cost;
    if cost.runs == 0 {
        return Vec::new();
    }
    let runs = |n: u64| match n {
        1 => "1 run".to_owned(),
        n => format!("{n} runs"),
    };
    let mut all = vec![
        money(cost.usd.0, cost.estimated),
        tokens(&cost.tokens),
        runs(cost.runs),
    ];
    if let Some(each) = cost.per_landed {
        all.push(format!(
            "{} for each landed bead",
            money(each.0, cost.estimated)
        ));
    }
    let mut shares: Vec<String> = cost
        .by_role
        .iter()
        .map(|row| format!("{} {} %", row.key, share(doc, row)))
        .collect();
    shares.push(match cost.overhead_percent {
        Some(percent) => format!("overhead {percent} %"),
        None => "overhead 0 %".to_owned(),
    });
    shares.push(format!("idle {}", runs(cost.idle_runs)));
    let mut lines = vec![all.join(" · "), shares.join(" · ")];
    if cost.unpriced_runs > 0 {
        lines.push(format!(
            "{} without a price: shares are of tokens",
            runs(cost.unpriced_runs)
        ));
    }
    lines
}

/// Tells the share of a role in a hundred, of what the overhead is a share of.
fn share(doc: &ReportDoc, row: &CostRow) -> u64 {
    let n_tokens = |tokens: &gtd_core::TokensDoc| tokens.all_input() + tokens.output;
    let cost = &doc.cost;
    let (part, whole) = match cost.usd.0 > 0 && cost.unpriced_runs == 0 {
        true => (row.usd.0, cost.usd.0),
        false => (n_tokens(&row.tokens), n_tokens(&cost.tokens)),
    };
    (part * 100 + whole / 2).checked_div(whole).unwrap_or(0)
}

pub(super) fn proof(doc: &ReportDoc) -> Vec<String> {
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
                let policy = row.policy.as_ref();
                let policy = policy.map_or_else(String::new, |name| format!(", policy {name}"));
                format!(
                    "`{}` {}: {}, {} of {} landed on `{}`{policy}",
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
                let price = match price(bead).as_str() {
                    "" => String::new(),
                    price => format!(", cost: {}", escape(price)),
                };
                format!(
                    "`{}` {} in `{}`, attempts: {}{price}",
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
    section("Time", time(doc).iter().map(|line| escape(line)).collect());
    section("Cost", cost(doc).iter().map(|line| escape(line)).collect());
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
