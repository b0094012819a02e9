//! Files that only a person lets through.
//!
//! A glob is what it is in the scope of a bead: `*` is any run of characters of one name, `?` one
//! of them, `**` any names in a row. Whatever has no wildcard may be a folder, with a dot in its
//! name too, and means all that is in it. It begins at the top of the repository. In doubt a file
//! is protected: a person who is asked once too often loses little.

use super::{Finding, FindingKind, Guard, GuardReport};
use crate::globs::Scope;

/// What says which gates there are and who may do what: a repository's own configuration for gtd.
/// It is protected whatever anybody says.
pub const GATE_DEFINITIONS: &[&str] = &["gtd.toml", "gtd.local.toml", ".gtd/**"];

/// Lists the files among those that a submission changes that only a person lets through.
#[must_use]
pub fn protected_paths(globs: &[String], changed: &[String]) -> GuardReport {
    let scopes: Vec<(&String, Scope)> = globs.iter().map(|glob| (glob, Scope::new(glob))).collect();
    let found = changed.iter().filter_map(|file| {
        let names: Vec<String> = file.split('/').map(str::to_owned).collect();
        let (glob, _) = scopes.iter().find(|(_, scope)| scope.holds(&names))?;
        Some(Finding {
            kind: FindingKind::ProtectedPath,
            file: file.clone(),
            line: 0,
            test: String::new(),
            text: if *glob == file {
                "is protected".to_owned()
            } else {
                format!("is protected by {glob}")
            },
        })
    });
    GuardReport::new(Guard::ProtectedPaths, found.collect(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_protected_is_found_with_the_glob_that_protects_it() {
        let all = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let globs: Vec<String> = all(&[
            "gtd.toml",
            ".gtd/**",
            "**/migrations/**",
            "infra",
            "*.lock",
            ".github",
        ]);
        let changed: Vec<String> = all(&[
            "gtd.toml",
            "sub/gtd.toml",
            ".gtd/roles/worker.toml",
            ".gtd",
            "api/migrations/7.sql",
            "infra/main.tf",
            "infrared.txt",
            ".github/workflows/ci.yml",
            "Cargo.lock",
            "sub/Cargo.lock",
            "src/lib.rs",
            "app/[slug]/page.tsx",
        ]);
        let told = protected_paths(&globs, &changed).told();
        let expected = [
            "gtd.toml is protected",
            ".gtd/roles/worker.toml is protected by .gtd/**",
            ".gtd is protected by .gtd/**",
            "api/migrations/7.sql is protected by **/migrations/**",
            "infra/main.tf is protected by infra",
            ".github/workflows/ci.yml is protected by .github",
            "Cargo.lock is protected by *.lock",
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
        assert!(protected_paths(&globs, &[]).is_clean());
        assert!(protected_paths(&[], &changed).is_clean());
    }
}
