//! A pager for what is longer than a screen.

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Shows a page in the person's pager; tells whether that could be done.
pub(super) fn show(page: &str) -> bool {
    let wished = ["GTD_PAGER", "PAGER"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|pager| !pager.is_empty());
    let pager = wished.unwrap_or_else(|| "less".into());
    if pager == "cat" {
        return false;
    }
    let started = Command::new("sh")
        .arg("-c")
        .arg(&pager)
        .env(
            "LESS",
            std::env::var_os("LESS").unwrap_or_else(|| "FRX".into()),
        )
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else { return false };
    if let Some(mut input) = child.stdin.take() {
        // A person who leaves the pager early has seen enough.
        drop(input.write_all(page.as_bytes()));
    }
    // 127: the shell found no such program.
    child.wait().is_ok_and(|status| status.code() != Some(127))
}
