//! Bead ids: `prefix-hash`, safe to make in two places at once.
//!
//! The scheme is that of beads: base 36 of the first bytes of a SHA-256 over
//! what the bead is, cut to as few digits as keep collisions rare. The length
//! grows with the number of beads that share a prefix.

use sha2::{Digest, Sha256};

use crate::{BeadId, Timestamp};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const SHORTEST: usize = 3;
const LONGEST: usize = 8;
const MAX_COLLISION: f64 = 0.25;
const NONCES_PER_LENGTH: u32 = 10;
const NONCES_AT_LONGEST: u32 = 10_000;

/// What an id is made of.
#[derive(Debug, Clone, Copy)]
pub struct IdSource<'a> {
    /// The bead's title.
    pub title: &'a str,
    /// The bead's description.
    pub description: &'a str,
    /// Who created it.
    pub creator: &'a str,
    /// When, in nanoseconds since 1970.
    pub created_nanos: i128,
}

impl<'a> IdSource<'a> {
    /// Names the source of a bead created at `at`.
    #[must_use]
    pub fn new(title: &'a str, description: &'a str, creator: &'a str, at: Timestamp) -> Self {
        Self {
            title,
            description,
            creator,
            created_nanos: i128::from(at.0) * 1_000_000,
        }
    }

    /// Returns the `length` digits of this source under `nonce`.
    #[must_use]
    pub fn digits(&self, nonce: u32, length: usize) -> String {
        let text = format!(
            "{}|{}|{}|{}|{nonce}",
            self.title, self.description, self.creator, self.created_nanos
        );
        let digest = Sha256::digest(text.as_bytes());
        let n_bytes = match length {
            0..=3 => 2,
            4 => 3,
            5 | 6 => 4,
            _ => 5,
        };
        let mut number = digest[..n_bytes]
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mut digits = vec![b'0'; length];
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[usize::try_from(number % 36).expect("a remainder of 36 fits")];
            number /= 36;
        }
        String::from_utf8(digits).expect("the alphabet is ASCII")
    }
}

/// Returns the fewest digits at which `n_beads` beads collide with a chance of at most a quarter.
#[must_use]
pub fn id_length(n_beads: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a probability needs no exact count"
    )]
    let n = n_beads as f64;
    (SHORTEST..=LONGEST)
        .find(|length| {
            let space = 36_f64.powi(i32::try_from(*length).expect("at most eight"));
            1.0 - (-n * n / (2.0 * space)).exp() <= MAX_COLLISION
        })
        .unwrap_or(LONGEST)
}

/// Finds a free id under `prefix`; `n_beads` beads have that prefix already.
pub fn free_id(
    prefix: &str,
    source: IdSource<'_>,
    n_beads: usize,
    mut is_taken: impl FnMut(&BeadId) -> bool,
) -> Option<BeadId> {
    (id_length(n_beads)..=LONGEST)
        .flat_map(|length| {
            // Many beads of one title in one plan must not run out of ids.
            let nonces = if length == LONGEST {
                NONCES_AT_LONGEST
            } else {
                NONCES_PER_LENGTH
            };
            (0..nonces).map(move |nonce| (length, nonce))
        })
        .filter_map(|(length, nonce)| {
            BeadId::parse(&format!("{prefix}-{}", source.digits(nonce, length))).ok()
        })
        .find(|id| !is_taken(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_the_published_vectors() {
        // 2026-01-02T03:04:05.000000006Z
        let source = IdSource {
            title: "Fix login",
            description: "Users cannot log in",
            creator: "alice",
            created_nanos: 1_767_323_045_000_000_006,
        };
        let ids: Vec<_> = (3..=8).map(|length| source.digits(0, length)).collect();
        assert_eq!(
            ids,
            ["1ge", "acne", "1lyd6", "21lyd6", "ejg4dow", "0ejg4dow"]
        );
    }

    #[test]
    fn ids_grow_with_the_number_of_beads() {
        assert_eq!(
            [0, 100, 500, 1_000, 5_000, 100_000].map(id_length),
            [3, 3, 4, 5, 5, 7]
        );
    }

    #[test]
    fn a_taken_id_costs_a_nonce_and_not_a_failure() {
        let source = IdSource::new("t", "", "me", Timestamp(1));
        let first = free_id("gt", source, 0, |_| false).unwrap();
        let second = free_id("gt", source, 0, |id| *id == first).unwrap();
        assert_ne!(first, second);
    }
}
