//! Puts the planner of the refinery and models of what others do to the same loads: `merge_figures [CHANGES [FAULTY]]`.
//!
//! Prints rows of figures with their goals: changes that one run of the gate
//! decides, waits at a load of 60 changes an hour, changes sent back without
//! fault, and what came of many landings with faults.

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use gtd_testkit::sim::queue::{Arrivals, Figures, Load, Peer, bound, run};

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|text| text.parse::<u64>().ok());
    let changes = numbers.next().flatten().unwrap_or(3_000);
    let faulty = numbers.next().flatten().unwrap_or(10_000);
    match print(changes, faulty) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "merge_figures: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn row(figure: &str, goal: &str, measured: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{figure:<62} {goal:<14} {measured}")
}

fn print(changes: u64, faulty: u64) -> Result<(), Box<dyn std::error::Error>> {
    for wrong in [20, 50, 100] {
        let most = bound(wrong);
        let told = |figures: &Figures| {
            let n = figures.per_run();
            format!("{n:.2} ({:.0} % of {most:.2})", 100.0 * n / most)
        };
        let percent = wrong / 10;
        for (named, goal, how) in [
            (0, ">= 78 %", "without names"),
            (600, ">= 85 %", "60 % named"),
        ] {
            let load = Load {
                named,
                ..Load::steady(1, changes, wrong)
            };
            let figure = format!("changes decided per gate run, {percent} % wrong, {how}");
            row(&figure, goal, &told(&run(&load)?))?;
        }
        for peer in [Peer::Serial, Peer::Batch, Peer::Speculation] {
            let figures = peer.run(&Load::steady(1, changes, wrong));
            let figure = format!("  {}, {percent} % wrong", peer.word());
            row(&figure, "", &told(&figures))?;
        }
    }
    let load = Load {
        arrivals: Arrivals::PerGate(2.0),
        ..Load::steady(1, changes, 30)
    };
    let waits = |figures: &Figures| {
        let gates = |percent| {
            let ms = u32::try_from(figures.wait(percent)).unwrap_or(u32::MAX);
            f64::from(ms) / f64::from(u32::try_from(load.gate_ms).unwrap_or(1))
        };
        let landed = u32::try_from(figures.landed).unwrap_or(u32::MAX);
        let offered = u32::try_from(changes).unwrap_or(u32::MAX);
        format!(
            "p50 {:.1} T, p95 {:.1} T, {:.1} % landed",
            gates(50),
            gates(95),
            100.0 * f64::from(landed) / f64::from(offered)
        )
    };
    row(
        "60 changes/h, T = 2 min, 3 % wrong",
        "2 T, 12 T, 92 %",
        &waits(&run(&load)?),
    )?;
    for peer in [Peer::Serial, Peer::Batch, Peer::Speculation] {
        row(
            &format!("  {}, when the last came", peer.word()),
            "",
            &waits(&peer.run(&load)),
        )?;
    }
    for (flakes, goal) in [(0, ""), (50, "<= 0.5 %")] {
        let load = Load {
            flakes,
            arrivals: Arrivals::PerGate(1.0),
            ..Load::steady(1, changes, 30)
        };
        let figures = run(&load)?;
        row(
            &format!("sent back without fault, {} % flakes", flakes / 10),
            goal,
            &format!("{:.2} %", 100.0 * figures.false_share()),
        )?;
    }
    let figures = run(&Load::of_faults(1, faulty))?;
    row(
        &format!("{faulty} changes with faults: red commits on the target"),
        "0",
        "0",
    )?;
    row(
        "  what came of them",
        "",
        &format!(
            "{} landed, {} sent back, {} did not merge",
            figures.landed, figures.sent_back, figures.conflicts
        ),
    )?;
    row(
        "  what went wrong meanwhile",
        "",
        &format!(
            "{} deaths, {} pushes, {} of {} runs hung, vanished or never began",
            figures.crashes, figures.pushes, figures.bad_runs, figures.runs
        ),
    )?;
    Ok(())
}
