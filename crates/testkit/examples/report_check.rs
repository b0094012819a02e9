//! Works out every number of a report again: `report_check LOG REPORT [GOAL]`.
//!
//! LOG is what `gtd export json` writes, REPORT what `gtd report --format json` writes (of GOAL, if
//! it is the report of one). Prints each number beside the report's; ends with 1 when two differ.

use std::{env, error::Error, fs, process::ExitCode};

use gtd_testkit::report_check::compare;
use serde_json::Value;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match check(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tell(&format!("report_check: {error}"));
            ExitCode::from(2)
        }
    }
}

fn check(arguments: &[String]) -> Result<bool, Box<dyn Error>> {
    let [log, report, rest @ ..] = arguments else {
        return Err("usage: report_check LOG REPORT [GOAL]".into());
    };
    let lines = fs::read_to_string(log)?;
    let log: Vec<Value> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let report: Value = serde_json::from_str(&fs::read_to_string(report)?)?;
    let pairs = compare(&log, &report, rest.first().map(String::as_str));
    let mut different = 0;
    for pair in &pairs {
        if pair.is_same() {
            tell(&format!("same     {:<44} {}", pair.what, pair.log));
        } else {
            different += 1;
            tell(&format!(
                "DIFFERS  {:<44} log {} · report {}",
                pair.what, pair.log, pair.report
            ));
        }
    }
    tell(&format!(
        "{} numbers from {} records, {different} differ",
        pairs.len(),
        log.len()
    ));
    Ok(different == 0)
}

#[expect(clippy::print_stdout, reason = "a program that a script calls")]
fn tell(told: &str) {
    println!("{told}");
}
