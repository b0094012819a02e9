//! A small generator: the same seed throws the same numbers.

/// The generator.
pub(crate) struct Dice(u64);

impl Dice {
    /// Begins at a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Throws 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Throws a number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.bits() % limit
    }

    /// Says yes once in `n`.
    pub(crate) fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Makes some words.
    pub(crate) fn words(&mut self, count: u64) -> String {
        const WORDS: [&str; 24] = [
            "the", "parser", "reads", "a", "header", "once", "more", "when", "queue", "is",
            "empty", "and", "client", "asks", "for", "its", "retry", "limit", "before", "cache",
            "expires", "so", "that", "no",
        ];
        let words: Vec<&str> = (0..count)
            .map(|_| WORDS[usize::try_from(self.below(24)).unwrap_or(0)])
            .collect();
        words.join(" ")
    }
}
