//! The gates that gtd brings along: what a submission does to the tests that were there before, and
//! to files that only a person lets through.
//!
//! `test-guard` reads the files that a submission changes, as they were at its base and as they
//! are at its head, and lists what makes tests say less. It reads text, in Rust, Python,
//! JavaScript, TypeScript and Go, and knows no compiler: it finds what is done openly, and a
//! person who looks is not spared by it. What it finds is a finding and no verdict; the trusted
//! configuration says what follows from one.
//!
//! `kept-lines` reads the files of a conflict that was repaired, and lists lines of either side that
//! the repair dropped.

mod compare;
mod go;
mod kept;
mod language;
mod lex;
mod paths;
mod python;
mod report;
mod rust;
mod scan;
mod script;

#[cfg(test)]
mod tests;

pub use compare::{FileText, new_tests, weaker_tests};
pub use kept::{Repair, dropped_lines};
pub use language::{Language, is_test_path, lies_with_tests};
pub use paths::{GATE_DEFINITIONS, protected_paths};
pub use report::{Finding, FindingKind, Guard, GuardPolicy, GuardReport};
