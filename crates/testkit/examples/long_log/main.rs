//! Writes the log of a town that has worked for long: `long_log HOME EVENTS BEADS SEED`.
//!
//! Every event is decided by the rules of `core` and appended by the real
//! store, so that what a measurement starts is a town like any other. Most
//! beads have landed, some came back first, a few are open or wait for a
//! person. The town is paused at the end: nothing moves while it is measured.
//! The same seed writes the same history.

mod dice;
mod history;
mod town;

use std::{env, path::Path, process::ExitCode};

use crate::{dice::Dice, history::History, town::Town};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let numbers: Option<Vec<u64>> = arguments
        .iter()
        .skip(1)
        .map(|text| text.parse().ok())
        .collect();
    let (Some(home), Some(&[events, beads, seed])) = (arguments.first(), numbers.as_deref()) else {
        return fail("usage: long_log HOME EVENTS BEADS SEED");
    };
    match write(Path::new(home), events, beads, seed) {
        Ok(told) => {
            tell(&told);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn write(
    home: &Path,
    events: u64,
    beads: u64,
    seed: u64,
) -> Result<String, Box<dyn std::error::Error>> {
    let town = Town::open(&home.join("data/store"))?;
    let mut history = History::begin(town, Dice::new(seed), events, beads)?;
    while history.goes_on() {
        history.work_on_a_goal()?;
    }
    let town = history.end()?;
    Ok(format!(
        "{} events, {} beads, seed {seed}",
        town.events(),
        town.graph().n_beads()
    ))
}

#[expect(clippy::print_stderr, reason = "a program that a script calls")]
fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "a program that a script calls")]
fn tell(told: &str) {
    println!("{told}");
}
