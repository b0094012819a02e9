//! The report as one page that needs nothing else: no script, no link, nothing from elsewhere.
//!
//! Whatever an agent or a person wrote is text here and never markup, and the page itself forbids
//! a browser to load anything.

use std::fmt::Write as _;

use gtd_core::{ReportDoc, TimelineDoc, Timestamp};

use super::{
    report::{cost, price, proof, time},
    timeline_svg::{escape, timeline_svg},
};
use crate::output::{Look, State, ago, period, span};

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1d2430;--faint:#5b6573;--line:#e2e6ec;--bg:#ffffff}\
@media (prefers-color-scheme:dark){:root{--text:#e6e9ee;--faint:#9aa5b4;--line:#2a313c;--bg:#14171c}}\
body{margin:2rem auto;padding:0 1rem;max-width:68rem;font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--bg)}\
h1{font-size:1.3rem;margin:0}h2{font-size:.85rem;letter-spacing:.06em;color:var(--faint);margin:1.6rem 0 .3rem}\
table{border-collapse:collapse;width:100%}td{padding:.2rem .8rem .2rem 0;border-top:1px solid var(--line);vertical-align:top}\
p,li{margin:.15rem 0}ul{margin:0;padding-left:1.1rem}code{font:13px ui-monospace,monospace}.faint{color:var(--faint)}\
svg{max-width:100%;height:auto}";

/// Writes the report as a page of HTML.
pub(crate) fn report_html(
    doc: &ReportDoc,
    timeline: &TimelineDoc,
    now: Timestamp,
    look: Look,
) -> String {
    let when = escape(&period(doc.since, doc.until, now, look));
    let length = span(doc.until.0.since(doc.since.0));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Report, {when}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{when} <span class=\"faint\">({length})</span></h1>\n<p>{}.</p>\n",
        escape(&doc.outcome)
    );
    table(
        &mut page,
        "GOALS",
        doc.convoys.iter().map(|row| {
            vec![
                code(row.id.as_str()),
                escape(&row.title),
                escape(&State::of(&row.state).text(look)),
                format!(
                    "{} of {} landed on {}",
                    row.landed,
                    row.total,
                    code(&row.branch)
                ),
            ]
        }),
    );
    table(
        &mut page,
        "NEEDS YOU",
        doc.needs_you.iter().map(|item| {
            vec![
                escape(&item.kind),
                code(&item.subject),
                escape(&item.title),
                format!(
                    "{} <span class=\"faint\">({})</span>",
                    escape(&item.text),
                    ago(item.since, now)
                ),
                code(&item.next),
            ]
        }),
    );
    table(
        &mut page,
        "LANDED",
        doc.landed.iter().map(|landed| {
            let note = match landed.note.as_str() {
                "" => String::new(),
                note => format!("<span class=\"faint\">before: {}</span>", escape(note)),
            };
            vec![
                code(landed.bead.as_str()),
                escape(&landed.title),
                code(landed.commit.short()),
                match landed.attempts {
                    1 => "1 try".to_owned(),
                    n => format!("{n} tries"),
                },
                escape(&price(landed)),
                note,
            ]
        }),
    );
    let no_op = doc.no_op.iter().map(|id| vec![code(id.as_str())]);
    table(&mut page, "CLOSED WITHOUT A CHANGE", no_op);
    table(
        &mut page,
        "NOT DONE",
        doc.not_done.iter().map(|bead| {
            vec![
                code(bead.bead.as_str()),
                escape(&bead.title),
                escape(&State::of(&bead.state).text(look)),
                escape(&bead.text),
            ]
        }),
    );
    list(&mut page, "PROOF", &proof(doc), escape);
    list(&mut page, "LOOK AT", &doc.look_at, escape);
    list(&mut page, "TIME", &time(doc), escape);
    if !timeline.rows.is_empty() {
        page.push_str(&timeline_svg(timeline, look));
    }
    list(&mut page, "COST", &cost(doc), escape);
    list(&mut page, "NEXT", &doc.next, code);
    page.push_str("</body>\n</html>\n");
    page
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Writes a section of rows whose cells are markup already.
fn table(page: &mut String, name: &str, rows: impl Iterator<Item = Vec<String>>) {
    let rows: Vec<String> = rows
        .map(|cells| format!("<tr><td>{}</td></tr>\n", cells.join("</td><td>")))
        .collect();
    if !rows.is_empty() {
        let n = rows.len();
        let _ = writeln!(
            page,
            "<h2>{name} ({n})</h2>\n<table>\n{}</table>",
            rows.concat()
        );
    }
}

/// Writes a section of lines.
fn list(page: &mut String, name: &str, lines: &[String], write: fn(&str) -> String) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(page, "<h2>{name}</h2>\n<ul>");
    for line in lines {
        let _ = writeln!(page, "<li>{}</li>", write(line));
    }
    page.push_str("</ul>\n");
}
