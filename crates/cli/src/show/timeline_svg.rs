//! The timeline as a picture: one SVG that needs nothing else.
//!
//! Colours are variables, set for light and for dark pages; each shape names its
//! colour of the light theme too, for viewers that know no variables. A kind is
//! told by its place in the row, its pattern and the legend, never by colour alone.

use std::fmt::Write as _;

use gtd_core::{Hands, Moment, Segment, TimelineDoc, TimelineRow, Timestamp};

use super::timeline::{end, totals};
use crate::output::{Look, State, axis, period, span};

const WIDTH: i64 = 1_080;
const LEFT: i64 = 230;
const RIGHT: i64 = 170;
const ROW: i64 = 30;
const BAR: i64 = 16;
const TOP: i64 = 84;
/// Pixels between two labels of the axis, at least.
const LABEL: i64 = 90;
/// A title is cut to so many letters.
const TITLE: usize = 30;

/// Colours with their names: for light pages, for dark ones.
const COLOURS: [(&str, &str, &str); 12] = [
    ("bg", "#ffffff", "#14171c"),
    ("text", "#1d2430", "#e6e9ee"),
    ("faint", "#5b6573", "#9aa5b4"),
    ("line", "#e2e6ec", "#2a313c"),
    ("agent", "#2f6fde", "#6ea0ff"),
    ("gate", "#8a5cd6", "#b794f6"),
    ("merge", "#1f8a4c", "#4ccb82"),
    ("queued", "#b9c2ce", "#4a5564"),
    ("you", "#c77700", "#ffb454"),
    ("bad", "#c62f3b", "#ff7b84"),
    ("band", "#f3e9d6", "#2b2618"),
    ("onbar", "#ffffff", "#0d1117"),
];

fn light(name: &str) -> &'static str {
    COLOURS
        .iter()
        .find(|(known, ..)| *known == name)
        .map_or("#000000", |(_, light, _)| light)
}

/// Draws the timeline.
pub(crate) fn timeline_svg(doc: &TimelineDoc, look: Look) -> String {
    let look = Look {
        color: false,
        ascii: false,
        ..look
    };
    let rows = i64::try_from(doc.rows.len()).unwrap_or(0);
    let height = TOP + rows * ROW + 24;
    let first = doc.rows.iter().filter_map(|row| row.segments.first());
    let since = first.map(|segment| segment.from.0.0).min();
    let since = since.unwrap_or(doc.since.0.0).max(doc.since.0.0);
    let until = end(doc).0.max(since + 1);
    let place = |moment: i64| {
        let chart = WIDTH - LEFT - RIGHT;
        LEFT + (moment.clamp(since, until) - since).saturating_mul(chart) / (until - since)
    };
    let when = period(
        Moment(Timestamp(since)),
        Moment(Timestamp(until)),
        doc.until.0,
        look,
    );
    let mut svg = String::new();
    head(&mut svg, height, &when, doc);
    for band in &doc.bands {
        let to = band.to.map_or(until, |to| to.0.0);
        let (x, width) = (place(band.from.0.0), place(to) - place(band.from.0.0));
        let what = escape(&format!("{} of {}: {}", band.kind, band.scope, band.text));
        let _ = writeln!(
            svg,
            "<rect class=\"band\" fill=\"{}\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{what}</title></rect>",
            light("band"),
            TOP - 6,
            width.max(2),
            rows * ROW + 6,
        );
    }
    let n_labels = usize::try_from((WIDTH - LEFT - RIGHT) / LABEL).unwrap_or(1);
    for (at, label) in axis(Timestamp(since), Timestamp(until), n_labels, look) {
        let x = place(at.0);
        let _ = writeln!(
            svg,
            "<line class=\"line\" stroke=\"{}\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/><text class=\"faint\" fill=\"{}\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            light("line"),
            TOP - 8,
            TOP + rows * ROW,
            light("faint"),
            TOP - 14,
            escape(&label),
        );
    }
    for (index, row) in (0..).zip(&doc.rows) {
        draw(&mut svg, row, TOP + index * ROW, doc, &place, look);
    }
    svg.push_str("</svg>\n");
    svg
}

fn head(svg: &mut String, height: i64, when: &str, doc: &TimelineDoc) {
    let variables = |of: fn(&(&str, &str, &str)) -> String| -> String {
        COLOURS.iter().map(of).collect::<Vec<_>>().join(";")
    };
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\" font-family=\"system-ui, sans-serif\" font-size=\"12\">"
    );
    let _ = writeln!(
        svg,
        "<title id=\"title\">Timeline, {}</title>",
        escape(when)
    );
    let n = doc.rows.len();
    let _ = writeln!(
        svg,
        "<desc id=\"desc\">{n} beads; each row shows whether an agent, a gate, the merge, the queue or a person had the bead.</desc>"
    );
    let _ = writeln!(svg, "<style>");
    let _ = writeln!(
        svg,
        "svg{{{}}}",
        variables(|(name, light, _)| format!("--{name}:{light}"))
    );
    let _ = writeln!(
        svg,
        "@media (prefers-color-scheme:dark){{svg{{{}}}}}",
        variables(|(name, _, dark)| format!("--{name}:{dark}"))
    );
    for (name, ..) in COLOURS {
        let what = if name == "line" { "stroke" } else { "fill" };
        let _ = writeln!(svg, ".{name}{{{what}:var(--{name})}}");
    }
    let _ = writeln!(svg, "</style>");
    let _ = writeln!(
        svg,
        "<rect class=\"bg\" fill=\"{}\" width=\"{WIDTH}\" height=\"{height}\"/>",
        light("bg")
    );
    let _ = writeln!(
        svg,
        "<text class=\"text\" fill=\"{}\" x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"600\">{}</text>",
        light("text"),
        escape(when)
    );
    let mut x = LEFT;
    for (word, hands) in Hands::WORDS {
        let (dy, bar) = shape(hands);
        let _ = writeln!(
            svg,
            "<rect class=\"{word}\" fill=\"{}\" x=\"{x}\" y=\"{}\" width=\"18\" height=\"{bar}\" rx=\"2\"/><text class=\"text\" fill=\"{}\" x=\"{}\" y=\"26\">{word}</text>",
            light(word),
            14 + dy,
            light("text"),
            x + 24,
        );
        x += 92;
    }
    let _ = writeln!(
        svg,
        "<rect class=\"bad\" fill=\"{}\" x=\"{x}\" y=\"14\" width=\"4\" height=\"{BAR}\"/><text class=\"text\" fill=\"{}\" x=\"{}\" y=\"26\">ended badly</text>",
        light("bad"),
        light("text"),
        x + 10,
    );
}

/// Returns how far below the row's top a kind begins, and how high it is.
fn shape(hands: Hands) -> (i64, i64) {
    match hands {
        Hands::Agent | Hands::Merge => (0, BAR),
        Hands::Gate => (3, BAR - 6),
        Hands::Queued => (BAR / 2 - 2, 4),
        Hands::You => (BAR - 6, 6),
    }
}

fn draw(
    svg: &mut String,
    row: &TimelineRow,
    y: i64,
    doc: &TimelineDoc,
    place: &impl Fn(i64) -> i64,
    look: Look,
) {
    let until = row.ended_at.unwrap_or(doc.until).0.0;
    let title: String = row.title.chars().take(TITLE).collect();
    let cut = if row.title.chars().count() > TITLE {
        "…"
    } else {
        ""
    };
    let _ = writeln!(
        svg,
        "<text class=\"text\" fill=\"{}\" x=\"16\" y=\"{}\" font-weight=\"600\">{}</text><text class=\"faint\" fill=\"{}\" x=\"16\" y=\"{}\" font-size=\"10\">{}{cut}</text>",
        light("text"),
        y + 9,
        escape(row.bead.as_str()),
        light("faint"),
        y + 21,
        escape(&title),
    );
    for segment in &row.segments {
        bar(svg, segment, y, until, place);
    }
    let state = State::of(&row.state);
    let first = row.segments.first().map(|segment| segment.from.0);
    let took = first.map_or_else(String::new, |first| span(Timestamp(until).since(first)));
    let tries = match row.attempts {
        0 | 1 => String::new(),
        n => format!(" · {n} tries"),
    };
    let _ = writeln!(
        svg,
        "<text class=\"text\" fill=\"{}\" x=\"{}\" y=\"{}\">{} {took}{tries}<title>{}</title></text>",
        light("text"),
        WIDTH - RIGHT + 12,
        y + 13,
        escape(&state.text(look)),
        escape(&spent(row, until)),
    );
}

fn spent(row: &TimelineRow, until: i64) -> String {
    let parts = totals(row, until)
        .into_iter()
        .map(|(hands, time)| format!("{} {}", hands.word(), span(time)));
    parts.collect::<Vec<_>>().join(", ")
}

fn bar(svg: &mut String, segment: &Segment, y: i64, until: i64, place: &impl Fn(i64) -> i64) {
    let end = segment.to.map_or(until, |to| to.0.0);
    let (x, to) = (place(segment.from.0.0), place(end));
    let width = (to - x).max(2);
    let (dy, height) = shape(segment.kind);
    let word = segment.kind.word();
    let attempt = segment.attempt.map(|n| format!(" {n}")).unwrap_or_default();
    let said = if segment.text.is_empty() {
        String::new()
    } else {
        format!(": {}", segment.text)
    };
    let took = span(Timestamp(end).since(segment.from.0));
    let _ = writeln!(
        svg,
        "<rect class=\"{word}\" fill=\"{}\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{height}\" rx=\"2\"><title>{}</title></rect>",
        light(word),
        y + dy,
        escape(&format!("{word}{attempt}, {took}{said}")),
    );
    if segment.failed {
        let _ = writeln!(
            svg,
            "<rect class=\"bad\" fill=\"{}\" x=\"{}\" y=\"{y}\" width=\"4\" height=\"{BAR}\"/>",
            light("bad"),
            (x + width - 4).max(x),
        );
    }
    if let (Hands::Agent, Some(n)) = (segment.kind, segment.attempt)
        && width > 18
    {
        let _ = writeln!(
            svg,
            "<text class=\"onbar\" fill=\"{}\" x=\"{}\" y=\"{}\" font-size=\"10\">{n}</text>",
            light("onbar"),
            x + 5,
            y + 12,
        );
    }
}

/// Writes a text so that it is nothing but text.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(c),
            // What XML may not hold at all.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
