//! Tables: columns that fit, or tab-separated values for a program.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{look::Look, words::Ink};

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    ink: Ink,
}

impl Cell {
    /// Makes a cell in a colour.
    pub(crate) fn inked(text: impl Into<String>, ink: Ink) -> Self {
        Self {
            text: clean(&text.into()),
            ink,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::inked(text, Ink::Plain)
    }
}

/// Rows under a header. The columns that may shrink are cut when the terminal is narrow.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    shrink: Vec<usize>,
    rows: Vec<Vec<Cell>>,
}

const GAP: usize = 2;
const NARROWEST: usize = 12;

impl Table {
    /// Begins a table; the named columns are cut when the terminal is narrow, the widest first.
    pub(crate) fn new(header: &[&'static str], shrink: &[&str]) -> Self {
        let place = |wanted: &&str| header.iter().position(|name| name == wanted);
        Self {
            header: header.to_vec(),
            shrink: shrink.iter().filter_map(place).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Renders it: columns with a header on a terminal, tab-separated values otherwise.
    pub(crate) fn render(&self, look: Look) -> Vec<String> {
        if !look.terminal {
            return self
                .rows
                .iter()
                .map(|row| {
                    let cells: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
                    cells.join("\t")
                })
                .collect();
        }
        let mut lines = Vec::new();
        let header: Vec<Cell> = self
            .header
            .iter()
            .map(|name| Cell::inked(*name, Ink::Faint))
            .collect();
        let widths = self.widths(&header, look.width);
        lines.push(line(&header, &widths, look));
        lines.extend(self.rows.iter().map(|row| line(row, &widths, look)));
        lines
    }

    /// Renders the rows as columns, without a header and whether or not there is a terminal.
    pub(crate) fn render_plain(&self, look: Look) -> Vec<String> {
        let widths = self.widths(&[], look.width);
        self.rows
            .iter()
            .map(|row| line(row, &widths, look))
            .collect()
    }

    fn widths(&self, header: &[Cell], screen: Option<usize>) -> Vec<usize> {
        let mut widths = vec![0; self.header.len()];
        for row in self.rows.iter().map(Vec::as_slice).chain([header]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let Some(screen) = screen else {
            return widths;
        };
        let gaps = GAP * (widths.len() - 1);
        let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(screen);
        while over > 0 {
            let widest = self.shrink.iter().copied().max_by_key(|at| widths[*at]);
            let Some(widest) = widest.filter(|at| widths[*at] > NARROWEST) else {
                break;
            };
            // Down to the next one, and then by turns: no column is emptied for another's sake.
            let others = || {
                self.shrink
                    .iter()
                    .filter(|at| **at != widest)
                    .map(|at| widths[*at])
            };
            let is_shared = others().any(|width| width == widths[widest]);
            let floor = others().max().unwrap_or(0).max(NARROWEST);
            let less = match widths[widest].saturating_sub(floor) {
                room if room > 0 && !is_shared => over.min(room),
                _ => 1,
            };
            widths[widest] -= less;
            over -= less;
        }
        widths
    }
}

fn line(cells: &[Cell], widths: &[usize], look: Look) -> String {
    let mut text = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if at > 0 {
            text.push_str(&" ".repeat(GAP));
        }
        let shown = cut(&cell.text, *width);
        text.push_str(&look.paint(cell.ink, &shown));
        if at + 1 < cells.len() {
            text.push_str(&" ".repeat(width.saturating_sub(shown.width())));
        }
    }
    text.trim_end().to_owned()
}

/// Cuts a text to so many columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= width {
            break;
        }
        shown.push(c);
    }
    shown.push('…');
    shown
}

/// Counts the columns that a line takes, without the escape sequences of colours.
pub(super) fn columns(line: &str) -> usize {
    line.split('\x1b')
        .enumerate()
        .map(|(at, part)| match part.split_once('m') {
            Some((_, shown)) if at > 0 => shown.width(),
            _ => part.width(),
        })
        .sum()
}

/// Takes away what a terminal would act upon: texts come from agents and plans too.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::output::Wishes;

    fn look(terminal: bool, width: Option<usize>) -> Look {
        Look {
            width,
            color: false,
            ..Look::of(Wishes::default(), |_| None, terminal, terminal)
        }
    }

    fn table() -> Table {
        let mut table = Table::new(&["ID", "TITLE", "STATE"], &["TITLE"]);
        table.row(["gt-1".into(), "日本語 works".into(), "ready".into()]);
        table.row([
            "gt-22".into(),
            "a long title\twith\x1b[31m marks".into(),
            "landed".into(),
        ]);
        table
    }

    #[test]
    fn columns_stand_below_each_other_after_wide_letters() {
        expect![[r#"
            ID     TITLE                         STATE
            gt-1   日本語 works                  ready
            gt-22  a long title with�[31m marks  landed"#]]
        .assert_eq(&table().render(look(true, None)).join("\n"));
    }

    #[test]
    fn a_narrow_terminal_cuts_the_title() {
        for line in table().render(look(true, Some(30))) {
            assert!(line.width() <= 30, "{line}");
        }
    }

    #[test]
    fn two_long_columns_share_a_narrow_terminal() {
        let mut table = Table::new(&["ID", "TITLE", "WHY"], &["TITLE", "WHY"]);
        table.row(["gt-1".into(), "t".repeat(200).into(), "w".repeat(60).into()]);
        let lines = table.render(look(true, Some(60)));
        assert!(lines.iter().all(|line| line.width() <= 60), "{lines:?}");
        let letters = |c: char| lines[1].chars().filter(|other| *other == c).count();
        assert!(letters('t') > 20 && letters('w') > 20, "{lines:?}");
    }

    #[test]
    fn a_pipe_gets_tab_separated_values_without_a_header() {
        assert_eq!(
            table().render(look(false, Some(30))),
            [
                "gt-1\t日本語 works\tready",
                "gt-22\ta long title with\u{fffd}[31m marks\tlanded"
            ]
        );
    }
}
