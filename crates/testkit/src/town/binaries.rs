//! The real programs, built once for each test process.

use std::{path::PathBuf, process::Command, sync::OnceLock};

/// Set in a test that another test process has started.
pub(super) const BUILT: &str = "GTD_TEST_MOUNTS";

/// Returns the path of one of our programs, built from this tree.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--locked", "--workspace", "--bins"]);
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            // The process that started this one has built them already.
            if std::env::var_os(BUILT).is_none() {
                let status = build
                    .current_dir(env!("CARGO_MANIFEST_DIR"))
                    .status()
                    .expect("start cargo");
                assert!(status.success(), "the programs could not be built");
            }
            let test = std::env::current_exe().expect("the path of this test");
            test.parent()
                .and_then(|deps| deps.parent())
                .expect("a test lies in target/<profile>/deps")
                .to_owned()
        })
        .join(name)
}
