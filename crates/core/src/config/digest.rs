//! The digests that trust is given to.

use sha2::{Digest, Sha256};

/// Returns the SHA-256, in hex, of the texts of `gtd.toml` and `gtd.local.toml`; a missing file is empty.
#[must_use]
pub fn digest_text(project: &str, local: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(project.as_bytes());
    hasher.update(b"\0");
    hasher.update(local.as_bytes());
    hex(hasher)
}

/// Returns the same for a project that has role files too: names with texts, in an order that stays.
#[must_use]
pub fn digest_with_roles<'a>(
    project: &str,
    local: &str,
    roles: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut hasher = Sha256::new();
    hasher.update(digest_text(project, local).as_bytes());
    for (name, text) in roles {
        // With the lengths, no text can pass for the end of one file and the begin of the next.
        for part in [name, text] {
            hasher.update(format!("\0{}\0", part.len()).as_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hex(hasher)
}

fn hex(hasher: Sha256) -> String {
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_digest_tells_the_two_files_apart() {
        assert_eq!(
            digest_text("", ""),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        assert_ne!(digest_text("ab", "c"), digest_text("a", "bc"));
    }

    #[test]
    fn the_digest_tells_role_files_apart_by_name_and_text() {
        let several: [&[(&str, &str)]; 6] = [
            &[],
            &[("a", "bc")],
            &[("ab", "c")],
            &[("a", ""), ("b", "c")],
            &[("a", "b"), ("c", "")],
            &[("a", "\u{0}1\u{0}b\u{0}1\u{0}c")],
        ];
        let digests: BTreeSet<String> = several
            .iter()
            .map(|roles| digest_with_roles("x", "", roles.iter().copied()))
            .collect();
        assert_eq!(digests.len(), several.len());
        assert_ne!(
            digest_with_roles("", "x", []),
            digest_with_roles("x", "", [])
        );
    }
}
