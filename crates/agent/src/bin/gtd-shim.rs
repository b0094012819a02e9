//! `gtd-shim <run-dir>`: one small process that supervises one run.

use std::process::ExitCode;

fn main() -> ExitCode {
    gtd_agent::shim_main()
}
