//! Small file systems for tests: really full, really out of inodes, and gone with the test.
//!
//! A test that needs one goes on in a process of its own in a mount namespace
//! of its own, so that no mount outlives it, however it ends. Where the machine
//! allows no such namespace the test says so aloud: it was not run.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::binaries::{BUILT as INSIDE, binary};

/// Goes on with a test inside of a mount namespace; false where it must not go on: the other
/// process has done it, or it was not run, and that was said.
///
/// # Panics
/// When the test fails in there.
#[must_use]
pub fn with_mounts(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    // Root of the machine needs no user namespace; everybody else is root in one of their own.
    let ways: [&[&str]; 2] = [&["-m"], &["-r", "-m"]];
    let works = |way: &&&[&str]| {
        let mount = "mount -t tmpfs gtd-try /mnt";
        let tried = Command::new("unshare")
            .args(**way)
            .args(["sh", "-c", mount])
            .stdin(Stdio::null())
            .output();
        tried.is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(works) else {
        // Straight to the terminal: the harness hides what a green test prints.
        drop(writeln!(
            std::io::stderr(),
            "\nNOT RUN: {test}: this machine lets nobody mount a file system (unshare -r -m)\n"
        ));
        return false;
    };
    let _built = binary("gtdd");
    let status = Command::new("unshare")
        .args(*way)
        .arg(std::env::current_exe().expect("the path of this test"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .status()
        .expect("start the test in a namespace");
    assert!(status.success(), "{test} failed in its mount namespace");
    false
}

/// Mounts an empty file system in memory on a folder, which must be empty: what it holds is hidden.
///
/// # Panics
/// When it cannot be mounted.
pub fn small_disk(folder: &Path, options: &str) {
    fs::create_dir_all(folder).expect("make a folder");
    let mounted = Command::new("mount")
        .args([
            "-t",
            "tmpfs",
            "-o",
            &format!("mode=0700,{options}"),
            "gtd-small",
        ])
        .arg(folder)
        .stdin(Stdio::null())
        .status()
        .expect("start mount");
    assert!(mounted.success(), "mount a tmpfs on {}", folder.display());
}

/// Fills a file system to its last byte; returns the file that does it.
///
/// # Panics
/// When it does not come to an end.
#[must_use]
pub fn fill_up(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = fs::File::create(&path).expect("make the filler");
    for size in [64 * 1024, 4096, 1] {
        let chunk = vec![b'x'; size];
        while file.write_all(&chunk).is_ok() {}
    }
    path
}
