//! The timeline in letters: one line for each bead, as wide as the terminal.

use std::{collections::BTreeMap, time::Duration};

use gtd_core::{Band, Hands, Moment, Segment, TimelineDoc, TimelineRow, Timestamp};

use crate::output::{Ink, Look, State, axis, period, span};

/// Columns when there is no terminal to fit into.
const USUAL: usize = 100;
/// Below so many columns for the picture, durations say more.
const NARROWEST: usize = 24;
/// Columns between two labels of the axis, at least.
const LABEL: usize = 10;

/// How hands are drawn.
fn glyph(hands: Hands, look: Look) -> (char, Ink) {
    let (usual, ascii, ink) = match hands {
        Hands::Agent => ('▓', '#', Ink::Busy),
        Hands::Gate => ('▒', '%', Ink::Plain),
        Hands::Merge => ('█', '@', Ink::Good),
        Hands::Queued => ('·', '.', Ink::Faint),
        Hands::You => ('!', '!', Ink::Warn),
    };
    (if look.ascii { ascii } else { usual }, ink)
}

/// The span that is shown, cut into columns.
struct Scale {
    since: i64,
    length: i64,
    columns: usize,
}

impl Scale {
    fn of(doc: &TimelineDoc, columns: usize) -> Self {
        let first = doc
            .rows
            .iter()
            .filter_map(|row| row.segments.first())
            .map(|segment| segment.from.0.0)
            .min();
        let since = first.unwrap_or(doc.since.0.0).max(doc.since.0.0);
        Self {
            since,
            length: (end(doc).0 - since).max(1),
            columns,
        }
    }

    /// Returns the moments between which a column lies.
    fn column(&self, column: usize) -> (i64, i64) {
        let at = |n: usize| {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let columns = i64::try_from(self.columns).unwrap_or(1).max(1);
            self.since + self.length.saturating_mul(n) / columns
        };
        (at(column), at(column + 1).max(at(column) + 1))
    }

    fn place(&self, moment: i64) -> usize {
        let columns = i64::try_from(self.columns).unwrap_or(1);
        let place = (moment - self.since).saturating_mul(columns) / self.length;
        usize::try_from(place).unwrap_or(0)
    }
}

/// Returns when the picture ends: now while something goes on, else with the last end.
pub(super) fn end(doc: &TimelineDoc) -> Timestamp {
    let goes_on = doc.rows.iter().any(|row| row.ended_at.is_none());
    let last = doc.rows.iter().filter_map(|row| row.ended_at).max();
    match last {
        Some(last) if !goes_on => last.0,
        _ => doc.until.0,
    }
}

/// Shows the timeline; a narrow terminal gets durations.
pub(crate) fn timeline(doc: &TimelineDoc, look: Look) -> Vec<String> {
    if doc.rows.is_empty() {
        return Vec::new();
    }
    let width = look.width.unwrap_or(USUAL);
    let ids = doc.rows.iter().map(|row| row.bead.as_str().len());
    let left = ids.max().unwrap_or(0).max(6) + 2;
    let ends: Vec<String> = doc.rows.iter().map(|row| summary(row, doc, look)).collect();
    let right = ends.iter().map(|text| text.chars().count()).max();
    let columns = width.saturating_sub(left + right.unwrap_or(0) + 2);
    if columns < NARROWEST {
        return durations(doc, &ends, look);
    }
    let scale = Scale::of(doc, columns);
    let legend = legend(look);
    let when = period(
        Moment(Timestamp(scale.since)),
        Moment(end(doc)),
        doc.until.0,
        look,
    );
    let mut lines = vec![format!("{}   {legend}", look.paint(Ink::Strong, &when))];
    lines.push(format!("{:left$}{}", "", axis_line(&scale, look)));
    if let Some(line) = bands(&doc.bands, &scale, look) {
        lines.push(format!("{:<left$}{line}", "paused"));
    }
    for (row, end) in doc.rows.iter().zip(&ends) {
        let id = look.paint(Ink::Strong, row.bead.as_str());
        let gap = " ".repeat(left - row.bead.as_str().len());
        let chart = chart(row, &scale, end_of(row, doc), look);
        let state = State::of(&row.state);
        lines.push(format!("{id}{gap}{chart}  {}", look.paint(state.ink, end)));
    }
    lines
}

fn legend(look: Look) -> String {
    let parts = Hands::WORDS.iter().map(|(word, hands)| {
        let (mark, ink) = glyph(*hands, look);
        format!("{} {word}", look.paint(ink, &mark.to_string()))
    });
    let red = look.paint(Ink::Bad, look.mark("✗", "x"));
    format!(
        "{}  {red} ended badly",
        parts.collect::<Vec<_>>().join("  ")
    )
}

fn axis_line(scale: &Scale, look: Look) -> String {
    let until = Timestamp(scale.since + scale.length);
    let mut line = String::new();
    for (at, label) in axis(Timestamp(scale.since), until, scale.columns / LABEL, look) {
        let place = scale.place(at.0);
        let is_free = line.is_empty() || place > line.len();
        if is_free && place + label.len() <= scale.columns {
            line.push_str(&" ".repeat(place - line.len()));
            line.push_str(&label);
        }
    }
    look.paint(Ink::Faint, &line)
}

fn end_of(row: &TimelineRow, doc: &TimelineDoc) -> i64 {
    row.ended_at.unwrap_or(doc.until).0.0
}

/// Draws one bead; of what shares a column, what was longest is seen.
fn chart(row: &TimelineRow, scale: &Scale, until: i64, look: Look) -> String {
    let mut text = String::new();
    for column in 0..scale.columns {
        let (from, to) = scale.column(column);
        let shares = row.segments.iter().filter_map(|segment| {
            let end = segment.to.map_or(until, |end| end.0.0);
            let begin = segment.from.0.0.max(from);
            let share = end.min(to) - begin;
            // What was done is worth more of a column than waiting.
            let weight = if segment.kind == Hands::Queued { 1 } else { 8 };
            (share > 0).then_some((share * weight, segment, end))
        });
        // What ended badly here is seen before all else.
        let seen = shares.max_by_key(|(share, segment, end)| {
            let is_bad_end = segment.failed && *end <= to;
            (is_bad_end, *share)
        });
        text.push_str(&match seen {
            None => " ".to_owned(),
            Some((_, segment, end)) if segment.failed && end <= to => {
                look.paint(Ink::Bad, look.mark("✗", "x"))
            }
            Some((_, segment, _)) => {
                let (mark, ink) = glyph(segment.kind, look);
                look.paint(ink, &mark.to_string())
            }
        });
    }
    text
}

fn bands(bands: &[Band], scale: &Scale, look: Look) -> Option<String> {
    if bands.is_empty() {
        return None;
    }
    let held = |column: usize| {
        let (from, to) = scale.column(column);
        let mut bands = bands.iter();
        bands.any(|band| {
            let end = band.to.map_or(i64::MAX, |end| end.0.0);
            band.from.0.0 < to && end > from
        })
    };
    let mark = look.mark("‖", "=");
    let line: String = (0..scale.columns)
        .map(|column| if held(column) { mark } else { " " })
        .collect();
    Some(look.paint(Ink::Warn, line.trim_end()))
}

/// Says how a bead stands, in few words.
fn summary(row: &TimelineRow, doc: &TimelineDoc, look: Look) -> String {
    let state = State::of(&row.state);
    let first = row.segments.first().map(|segment| segment.from.0);
    let until = Timestamp(end_of(row, doc));
    let took = first.map_or(Duration::ZERO, |first| until.since(first));
    let tries = match row.attempts {
        0 | 1 => String::new(),
        n => format!("  {n} tries"),
    };
    format!("{} {}{tries}", state.text(look), span(took))
}

/// Says how long a bead was in whose hands.
pub(super) fn totals(row: &TimelineRow, until: i64) -> BTreeMap<Hands, Duration> {
    let mut totals = BTreeMap::new();
    for segment in &row.segments {
        let end = segment.to.map_or(Timestamp(until), |end| end.0);
        *totals.entry(segment.kind).or_insert(Duration::ZERO) += end.since(segment.from.0);
    }
    totals
}

/// Tells the attempts of a bead, by their number.
pub(super) fn attempts(row: &TimelineRow) -> impl Iterator<Item = (u64, &Segment)> {
    let agent = row.segments.iter().filter(|s| s.kind == Hands::Agent);
    agent.filter_map(|segment| Some((segment.attempt?, segment)))
}

fn durations(doc: &TimelineDoc, ends: &[String], look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    for (row, end) in doc.rows.iter().zip(ends) {
        let state = State::of(&row.state);
        lines.push(format!(
            "{}  {}",
            look.paint(Ink::Strong, row.bead.as_str()),
            look.paint(state.ink, end)
        ));
        for (hands, time) in totals(row, end_of(row, doc)) {
            let (mark, ink) = glyph(hands, look);
            let mark = look.paint(ink, &mark.to_string());
            lines.push(format!("  {mark} {:<7} {}", hands.word(), span(time)));
        }
        for (n, segment) in attempts(row).filter(|(_, segment)| segment.failed) {
            let mark = look.paint(Ink::Bad, look.mark("✗", "x"));
            lines.push(format!("  {mark} attempt {n}: {}", segment.text));
        }
    }
    lines
}
