//! The simulated town keeps every promise, for as many seeds as there is time for.
//!
//! `GTD_SIM_SEEDS` says how many (500), `GTD_SIM_SEED` where to begin (1). A
//! seed that failed is looked at with
//! `GTD_SIM_SEED=7 cargo test -p gtd-testkit --test sim -- replay --nocapture`.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use gtd_testkit::sim::{Broken, Options, Outcome, run};

const NO_PANIC: &str = "nobody panics with the list in hand";

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Runs seeds on all cores until one fails; returns the smallest that did.
fn run_all(first: u64, n: u64, options: &Options) -> (Vec<Outcome>, Option<Box<Broken>>) {
    let next = AtomicU64::new(first);
    let has_failed = AtomicBool::new(false);
    let outcomes = Mutex::new(Vec::new());
    let broken: Mutex<Vec<Box<Broken>>> = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + n {
                        break;
                    }
                    match run(seed, options) {
                        Ok(outcome) => outcomes.lock().expect(NO_PANIC).push(outcome),
                        Err(one) => {
                            has_failed.store(true, Ordering::Relaxed);
                            broken.lock().expect(NO_PANIC).push(one);
                        }
                    }
                }
            });
        }
    });
    let mut broken = broken.into_inner().expect(NO_PANIC);
    broken.sort_by_key(|one| one.seed);
    (
        outcomes.into_inner().expect(NO_PANIC),
        broken.into_iter().next(),
    )
}

#[test]
fn five_hundred_seeds_keep_every_promise() {
    let n = number("GTD_SIM_SEEDS", 500);
    let first = number("GTD_SIM_SEED", 1);
    let (outcomes, broken) = run_all(first, n, &Options::default());
    if let Some(broken) = broken {
        panic!(
            "{broken}\nagain: GTD_SIM_SEED={} cargo test -p gtd-testkit --test sim -- replay --nocapture",
            broken.seed
        );
    }
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    println!(
        "{} towns: {} steps, {} events, {} beads landed, {} ended otherwise, {} crashes",
        outcomes.len(),
        sum(|o| o.steps.into()),
        sum(|o| o.events),
        sum(|o| o.landed.into()),
        sum(|o| o.closed.into()),
        sum(|o| o.crashes.into()),
    );
    // A simulator in which nothing lands or nothing goes wrong proves nothing.
    assert!(sum(|o| o.landed.into()) >= n, "too little lands");
    assert!(sum(|o| o.crashes.into()) >= n / 2, "too little goes wrong");
}

#[test]
fn a_town_without_faults_lands_everything() {
    let options = Options {
        faults: false,
        ..Options::default()
    };
    let (outcomes, broken) = run_all(1, 40, &options);
    if let Some(broken) = broken {
        panic!("{broken}");
    }
    for outcome in outcomes {
        assert_eq!(outcome.closed, 0, "seed {}", outcome.seed);
        assert!(outcome.landed > 0);
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 1..6 {
        let once = run(seed, &Options::default());
        let again = run(seed, &Options::default());
        match (once, again) {
            (Ok(once), Ok(again)) => assert_eq!(once, again),
            (once, again) => assert_eq!(
                once.map_err(|broken| broken.to_string()),
                again.map_err(|broken| broken.to_string())
            ),
        }
    }
}

#[test]
fn without_adopt_first_some_seed_fails() {
    let options = Options {
        adopt_first: false,
        ..Options::default()
    };
    let (_, broken) = run_all(1, 100, &options);
    assert!(broken.is_some(), "nothing shows that adoption matters");
}

#[test]
fn replay() {
    let options = Options {
        whole_trace: true,
        ..Options::default()
    };
    match run(number("GTD_SIM_SEED", 1), &options) {
        Ok(outcome) => {
            for line in &outcome.trace {
                println!("{line}");
            }
        }
        Err(broken) => panic!("{broken}"),
    }
}
