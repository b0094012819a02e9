//! The digest that trust is given to.

use sha2::{Digest, Sha256};

/// Returns the SHA-256, in hex, of the texts of `gtd.toml` and `gtd.local.toml`; a missing file is empty.
#[must_use]
pub fn digest_text(project: &str, local: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(project.as_bytes());
    hasher.update(b"\0");
    hasher.update(local.as_bytes());
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_the_two_files_apart() {
        assert_eq!(
            digest_text("", ""),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        assert_ne!(digest_text("ab", "c"), digest_text("a", "bc"));
    }
}
