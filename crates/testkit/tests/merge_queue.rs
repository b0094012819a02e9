//! The planner of the refinery under load: how much one run of the gate decides, how long changes
//! wait, and that nothing red lands whatever goes wrong.
//!
//! `GTD_QUEUE_CHANGES` says through how many changes with faults it goes (3000), `GTD_SIM_SEED`
//! with which seed (1). `scripts/bench merge` goes through ten thousand, and prints a table.

use gtd_testkit::sim::queue::{Arrivals, Figures, Load, bound, run};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn figures(load: &Load) -> Figures {
    run(load).unwrap_or_else(|broken| panic!("{broken}"))
}

#[test]
fn whatever_goes_wrong_nothing_red_lands_and_each_change_has_one_end() {
    let changes = number("GTD_QUEUE_CHANGES", 3_000);
    let seed = number("GTD_SIM_SEED", 1);
    println!("GTD_SIM_SEED={seed}");
    let figures = figures(&Load::of_faults(seed, changes));
    println!(
        "{changes} changes: {} landed in {} landings, {} sent back, {} did not merge; {} runs of the gate, {} of them bad; {} deaths, {} pushes",
        figures.landed,
        figures.landings,
        figures.sent_back,
        figures.conflicts,
        figures.runs,
        figures.bad_runs,
        figures.crashes,
        figures.pushes,
    );
    assert!(
        figures.landed > changes / 2,
        "too little lands: {figures:?}"
    );
    assert!(figures.crashes > 0 && figures.pushes > 0 && figures.bad_runs > 0);
}

#[test]
fn one_run_of_the_gate_decides_most_of_what_it_can() {
    for (wrong, named, goal) in [(50, 0, 0.70), (100, 600, 0.85)] {
        let load = Load {
            named,
            ..Load::steady(7, 1_200, wrong)
        };
        let share = figures(&load).per_run() / bound(wrong);
        println!("{wrong} of 1000 wrong, {named} named: {share:.2} of the bound");
        assert!(share >= goal, "{share:.2} of the bound, wanted {goal}");
    }
}

#[test]
fn flakes_send_hardly_anybody_back() {
    let load = Load {
        flakes: 50,
        arrivals: Arrivals::Always(32),
        ..Load::steady(3, 400, 30)
    };
    let figures = figures(&load);
    assert!(figures.false_rejects <= 2, "{figures:?}");
}
