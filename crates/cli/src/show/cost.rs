//! What models used: one line for each group, the dearest first.

use gtd_core::{CostDoc, Timestamp, TokensDoc, marked};

use super::status::{ascii, dollars};
use crate::output::{Cell, Ink, Look, Table, period};

/// Shows a cost page.
pub(crate) fn cost(doc: &CostDoc, now: Timestamp, look: Look) -> Vec<String> {
    let period = period(doc.since, doc.until, now, look);
    let mut lines = vec![format!(
        "{}  {} · {} · {}",
        look.paint(Ink::Strong, &period),
        money(doc.total_usd.0, doc.estimated),
        tokens(&doc.tokens),
        counted(doc.runs, "run"),
    )];
    let mut table = Table::new(
        &["KEY", "TITLE", "COST", "SHARE", "TOKENS", "RUNS"],
        &["TITLE"],
    );
    for row in &doc.groups {
        table.row([
            Cell::from(row.key.as_str()),
            Cell::from(row.title.as_str()),
            Cell::from(money(row.usd.0, row.estimated)),
            Cell::from(share(row.usd.0, doc.total_usd.0)),
            Cell::from(tokens(&row.tokens)),
            Cell::from(row.runs.to_string()),
        ]);
    }
    lines.extend(table.render(look));
    if doc.groups.is_empty() {
        lines.push("no model was used in that time".to_owned());
    }
    if doc.unpriced_runs > 0 {
        let runs = counted(doc.unpriced_runs, "run");
        lines.push(format!(
            "{runs} named no price, and no list has one: the tokens are counted, the money is not"
        ));
    }
    if doc.estimated {
        lines.push("~ is an estimate at list prices, where a program named no price".to_owned());
    }
    if doc.landed > 0 && doc.runs > 0 {
        let each = money(doc.total_usd.0 / doc.landed, doc.estimated);
        let beads = counted(doc.landed, "bead");
        lines.push(format!("{beads} landed: {each} each"));
    }
    if look.ascii {
        return lines.iter().map(|line| ascii(line)).collect();
    }
    lines
}

/// Writes dollars, marked when some of them are estimated.
pub(super) fn money(micros: u64, estimated: bool) -> String {
    marked(&dollars(micros), estimated)
}

fn counted(n: u64, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn share(part: u64, all: u64) -> String {
    match (part * 100).checked_div(all) {
        Some(share) => format!("{share} %"),
        None => String::new(),
    }
}

/// Says how many tokens: `2.1M in (81 % cached) · 94k out`.
pub(super) fn tokens(tokens: &TokensDoc) -> String {
    let input = tokens.all_input();
    let cached = match share(tokens.cache_read, input).as_str() {
        "" | "0 %" => String::new(),
        share => format!(" ({share} cached)"),
    };
    format!("{} in{cached} · {} out", short(input), short(tokens.output))
}

fn short(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{}.{}k", n / 1_000, n / 100 % 10),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        _ => format!("{}.{}M", n / 1_000_000, n / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_short_and_say_what_was_cached() {
        let used = |input, cache_read, output| {
            tokens(&TokensDoc {
                input,
                cache_read,
                cache_write: 0,
                output,
            })
        };
        assert_eq!(used(400, 0, 7), "400 in · 7 out");
        assert_eq!(
            used(399_000, 1_701_000, 94_200),
            "2.1M in (81 % cached) · 94k out"
        );
        assert_eq!(used(1_250, 0, 999), "1.2k in · 999 out");
        assert_eq!(share(0, 0), "");
    }
}
