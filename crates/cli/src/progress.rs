//! How a command that waits tells what changes, on stderr.
//!
//! A bar is one line that is redrawn; plain is one line for each change; json is
//! one object for each change.

use std::{
    io::{self, Write},
    time::Instant,
};

use serde_json::json;

use crate::{
    args,
    context::Context,
    output::{Ink, Look, Screen, State, span},
};

/// Cells of a bar.
const CELLS: usize = 20;
/// The columns of a terminal that does not tell.
const COLUMNS: usize = 80;
/// Begins the present line anew.
const ANEW: &str = "\r\x1b[2K";

/// Something that changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    /// The bead.
    pub(crate) id: &'a str,
    /// Its title.
    pub(crate) title: &'a str,
    /// The word of its state.
    pub(crate) state: &'a str,
    /// Why.
    pub(crate) text: &'a str,
}

/// Tells what changes.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing is told.
    Quiet,
    /// One line for each change.
    Plain,
    /// One object for each change.
    Json,
    /// One line that is redrawn.
    Bar(Bar),
}

/// One line that is redrawn; the terminal is clean again when it is dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    began: Instant,
    last: String,
    is_drawn: bool,
}

impl Progress {
    /// Chooses what was wished, or what the terminal can.
    pub(crate) fn new(ctx: &Context) -> Self {
        let look = ctx.screen.look;
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let can_redraw = look.terminal_err && !is_dumb;
        match ctx.progress {
            _ if ctx.screen.is_quiet() => Self::Quiet,
            args::Progress::Quiet => Self::Quiet,
            args::Progress::Json => Self::Json,
            args::Progress::Plain => Self::Plain,
            // A bar that is written to a file would be one endless line.
            args::Progress::Bar | args::Progress::Auto if can_redraw => Self::Bar(Bar {
                began: Instant::now(),
                last: String::new(),
                is_drawn: false,
            }),
            args::Progress::Bar | args::Progress::Auto => Self::Plain,
        }
    }

    /// Tells one change.
    pub(crate) fn tell(&mut self, screen: &Screen, change: &Change<'_>) {
        let Change {
            id,
            title,
            state,
            text,
        } = change;
        match self {
            Self::Quiet => {}
            Self::Json => screen.say(
                json!({"kind": "Progress", "api": gtd_core::API, "id": id, "title": title,
                    "state": state, "text": text})
                .to_string(),
            ),
            Self::Plain => {
                let shown = State::of(state);
                let mark = screen.look.paint_err(shown.ink, &shown.text(screen.look));
                let because = match *text {
                    "" => String::new(),
                    text => format!("  ({text})"),
                };
                screen.say(format!("{mark}  {id}  {title}{because}"));
            }
            Self::Bar(bar) => {
                bar.last = format!("{} {id} {title}", State::of(state).text(screen.look));
            }
        }
    }

    /// Draws the bar, with the states of everything that is followed.
    pub(crate) fn draw<'s>(&mut self, screen: &Screen, states: impl Iterator<Item = &'s str>) {
        if let Self::Bar(bar) = self {
            bar.draw(screen, &states.collect::<Vec<_>>());
        }
    }

    /// Takes the bar away, so that something else can be said.
    pub(crate) fn clear(&mut self) {
        if let Self::Bar(bar) = self {
            bar.clear();
        }
    }
}

impl Bar {
    fn draw(&mut self, screen: &Screen, states: &[&str]) {
        screen.flush();
        let elapsed = span(self.began.elapsed());
        let line = line(states, &elapsed, &self.last, screen.look, columns());
        write(&format!("{ANEW}{line}"));
        self.is_drawn = true;
    }

    fn clear(&mut self) {
        if self.is_drawn {
            write(ANEW);
            self.is_drawn = false;
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Writes to stderr; when nobody reads it, there is nobody to tell.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let written = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
    drop(written);
}

fn columns() -> usize {
    rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(COLUMNS)
}

/// Renders the line: how much has ended, what moves, what changed last, since when.
fn line(states: &[&str], elapsed: &str, last: &str, look: Look, columns: usize) -> String {
    let of = |words: &[&str]| states.iter().filter(|state| words.contains(state)).count();
    let n_done = of(&["landed", "closed"]);
    let n_all = states.len();
    let filled = CELLS * n_done / n_all.max(1);
    let (full, empty) = if look.ascii {
        ('#', '.')
    } else {
        ('█', '░')
    };
    let bar: String = (0..CELLS)
        .map(|cell| if cell < filled { full } else { empty })
        .collect();
    let mut text = format!(" {n_done}/{n_all} done");
    for (word, states) in [
        ("running", &["running"][..]),
        ("in the queue", &["submitted", "queued"]),
        ("set aside", &["parked", "failed", "cancelled"]),
    ] {
        let n = of(states);
        if n > 0 {
            text.push_str(&format!(", {n} {word}"));
        }
    }
    text.push_str(&format!("  {elapsed}"));
    if !last.is_empty() {
        text.push_str(&format!("  {last}"));
    }
    let text = Look::cut(&text, columns.saturating_sub(CELLS + 1));
    format!("{}{text}", look.paint_err(Ink::Good, &bar))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Wishes;

    #[test]
    fn a_bar_says_how_much_is_done_and_fits_the_terminal() {
        let mut look = Look::of(Wishes::default(), |_| None, false, false);
        look.ascii = true;
        let states = ["landed", "closed", "running", "parked"];
        let drawn = line(&states, "12s", "[+] landed gt-1 A title", look, 200);
        assert_eq!(
            drawn,
            "##########.......... 2/4 done, 1 running, 1 set aside  12s  [+] landed gt-1 A title"
        );
        let narrow = line(&states, "12s", "a very long title", look, 40);
        assert!(narrow.chars().count() < 40, "{narrow}");
        assert_eq!(
            line(&[], "0s", "", look, 80),
            "....................  0/0 done  0s".replacen("  ", " ", 1)
        );
    }
}
