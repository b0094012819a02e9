//! Gates, and what they said.

use gtd_core::{Moment, Timestamp, Verdict};
use serde_json::Value;

use crate::{
    commands::gate::{Shown, TestShown},
    output::{Cell, Ink, Look, State, Table, ago, span_ms},
};

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Infra => "infra",
    }
}

/// Marks a word where a person reads it, and leaves it bare for a program.
fn state_cell(word: &str, look: Look) -> Cell {
    let state = State::of(word);
    let text = if look.terminal {
        state.text(look)
    } else {
        word.to_owned()
    };
    Cell::inked(text, state.ink)
}

/// Lists gates.
pub(crate) fn gate_table(gates: &[Value], now: Timestamp, look: Look) -> Vec<String> {
    let mut table = Table::new(&["GATE", "WHEN", "LAST", "AGO", "RUN"], &["RUN"]);
    for gate in gates {
        let text = |key: &str| gate[key].as_str().unwrap_or_default().to_owned();
        let last = gate.pointer("/last/verdict").and_then(Value::as_str);
        let at = gate.pointer("/last/at").cloned();
        let at = at.and_then(|at| serde_json::from_value::<Moment>(at).ok());
        table.row([
            Cell::inked(text("name"), Ink::Strong),
            Cell::from(text("when")),
            match last {
                _ if gate["flaky"] == true => state_cell("flaky", look),
                Some(word) => state_cell(word, look),
                None => Cell::from(""),
            },
            Cell::from(at.map_or(String::new(), |at| ago(at, now))),
            Cell::inked(text("run"), Ink::Faint),
        ]);
    }
    table.render(look)
}

/// Shows a gate.
pub(crate) fn gate(
    gate: &Value,
    is_flaky: bool,
    items: &[Shown],
    now: Timestamp,
    look: Look,
) -> Vec<String> {
    let name = gate["name"].as_str().unwrap_or_default();
    let flaky = match is_flaky {
        true => format!("  {}", State::of("flaky").text(look)),
        false => String::new(),
    };
    let mut lines = vec![format!("{}{flaky}", look.paint(Ink::Strong, name))];
    let mut fact = |name: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("  {name:<11}{text}"));
        }
    };
    fact("runs", gate["run"].as_str().unwrap_or_default());
    fact("affected", gate["affected"].as_str().unwrap_or_default());
    fact("when", gate["when"].as_str().unwrap_or_default());
    fact("rig", gate["rig"].as_str().unwrap_or_default());
    let limit = gate["timeout_ms"].as_u64().map(span_ms);
    fact("limit", &limit.unwrap_or_default());
    fact("report", gate["junit"].as_str().unwrap_or_default());
    if !items.is_empty() {
        lines.push(look.paint(Ink::Faint, "EVENTS"));
        lines.extend(history_table(items, now, look).render_plain(look));
    }
    if look.terminal {
        let next = format!("next  gtd gate run {name} · gtd gate history {name}");
        lines.push(look.paint(Ink::Faint, &next));
    }
    lines
}

/// Lists what a gate said.
pub(crate) fn history(items: &[Shown], now: Timestamp, look: Look) -> Vec<String> {
    history_table(items, now, look).render(look)
}

/// Lists what single tests of a gate showed over time.
pub(crate) fn gate_tests(tests: &[TestShown], now: Timestamp, look: Look) -> Vec<String> {
    let mut table = Table::new(
        &["TEST", "RED", "FLAKY", "OF LATE", "AGO", "BEAD"],
        &["TEST"],
    );
    for test in tests {
        table.row([
            Cell::inked(test.test.as_str(), Ink::Strong),
            Cell::from(test.red.to_string()),
            Cell::from(test.flaky.to_string()),
            Cell::from(test.recent.to_string()),
            Cell::from(ago(test.last, now)),
            Cell::from(test.bead.as_ref().map_or("", gtd_core::BeadId::as_str)),
        ]);
    }
    table.render(look)
}

fn history_table(items: &[Shown], now: Timestamp, look: Look) -> Table {
    let mut table = Table::new(
        &["AGO", "VERDICT", "COMMIT", "FOR", "TOOK", "DETAIL", "RUN"],
        &["DETAIL"],
    );
    for shown in items {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds for display"
        )]
        let took = (shown.seconds * 1e3).max(0.0) as u64;
        table.row([
            Cell::from(ago(shown.at, now)),
            state_cell(word(shown.verdict), look),
            Cell::from(shown.commit.short()),
            Cell::from(shown.purpose.as_str()),
            Cell::from(span_ms(took)),
            Cell::from(match shown.tests {
                Some(tests) => format!("{}: {}", shown.detail, tests.told()),
                None => shown.detail.clone(),
            }),
            Cell::inked(shown.run.as_str(), Ink::Faint),
        ]);
    }
    table
}
