//! The files that the work changed, and the diff, on a screen.

use super::git::Work;
use crate::output::{Ink, Look, State};

/// Shows files, what lies outside of the scope, and what is needed anew.
pub(super) fn lines(work: &Work, look: Look) -> String {
    let sum = |of: fn(&super::git::FileChanged) -> Option<u64>| -> u64 {
        work.files.iter().filter_map(of).sum()
    };
    let n = match work.files.len() {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    let minus = look.mark("−", "-");
    let mut text = format!(
        "{}  {n}, +{} {minus}{}\n",
        look.paint(Ink::Faint, "FILES"),
        sum(|file| file.added),
        sum(|file| file.removed)
    );
    let warn = State::of("needs_you");
    for file in &work.files {
        let counts = match (file.added, file.removed) {
            (Some(added), Some(removed)) => format!("+{added} {minus}{removed}"),
            _ => "no text".to_owned(),
        };
        let path = printable(&file.path);
        text.push_str(&if file.in_scope {
            format!("  {path}  {counts}\n")
        } else {
            let mark = look.paint(warn.ink, warn.mark(look));
            format!("  {path}  {counts}  {mark} outside its scope\n")
        });
    }
    if !work.dependencies.is_empty() {
        text.push_str(&look.paint(Ink::Faint, "NEEDS ANEW"));
        text.push('\n');
        for need in &work.dependencies {
            text.push_str(&format!(
                "  {}  {}\n",
                printable(&need.file),
                printable(&need.line)
            ));
        }
    }
    text
}

/// Shows the diff in colours of its own, without what a terminal would act upon.
pub(super) fn diff(work: &Work, look: Look) -> String {
    let mut text = String::new();
    for line in String::from_utf8_lossy(&work.diff).lines() {
        let ink = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Ink::Strong,
            [b'+', ..] => Ink::Good,
            [b'-', ..] => Ink::Bad,
            [b'@', b'@', ..] => Ink::Busy,
            [b'd', b'i', b'f', b'f', b' ', ..] => Ink::Strong,
            _ => Ink::Plain,
        };
        text.push_str(&look.paint(ink, &printable(line)));
        text.push('\n');
    }
    text
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}
