//! What became of the work of each runtime: one line for each, whoever landed most first.

use gtd_core::{TrustAfter, TrustDoc};

use crate::output::{Cell, Ink, Look, Table};

/// Shows a trust report.
pub(crate) fn trust(doc: &TrustDoc, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut table = Table::new(
        &[
            "RUNTIME",
            "OF",
            "ATTEMPTS",
            "HANDED IN",
            "LANDED",
            "SENT BACK",
            "PARKED",
            "REVERTED",
            "APPROVED",
            "CHANGES",
            "REVIEWS",
            "STOOD 1D",
            "7D",
            "30D",
        ],
        &["OF"],
    );
    for row in &doc.rows {
        let numbers = [
            row.attempts,
            row.handed_in,
            row.landed,
            row.sent_back,
            row.parked,
            row.reverted,
            row.approved,
            row.changes_wanted,
            row.reviews,
        ];
        let mut cells = vec![
            Cell::inked(row.runtime.as_str(), Ink::Strong),
            Cell::from(row.of.clone().unwrap_or_default()),
        ];
        cells.extend(numbers.map(|number| Cell::from(number.to_string())));
        cells.extend(row.after.iter().map(|after| Cell::from(stood(after))));
        table.row(cells);
    }
    lines.extend(table.render(look));
    if doc.rows.is_empty() {
        lines.push("nobody has worked in that time".to_owned());
    }
    lines
}

/// Says how many landings stood after some days, of those that are old enough to tell.
fn stood(after: &TrustAfter) -> String {
    match after.stood + after.reverted {
        0 => "-".to_owned(),
        all => format!("{}/{all}", after.stood),
    }
}
