//! Chance that can be repeated: the same seed gives the same numbers, for ever.

/// A source of numbers (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

/// Stirs a number so that near inputs give far outputs.
pub(super) fn stir(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(stir(seed))
    }

    /// Makes a source for one matter, whatever is drawn for others.
    pub(super) fn apart(seed: u64, matter: &str) -> Self {
        Self(hash(seed, matter))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        stir(self.0)
    }

    /// Draws a number from 0 to `end` - 1; 0 when `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// Draws a number of a closed range.
    pub(super) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Says yes in `per_mille` of a thousand draws.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// Draws how long the next of many takes to come, when so many come in one unit of time.
    pub(super) fn gap(&mut self, rate: f64) -> f64 {
        let drawn = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        let share = (f64::from(drawn) + 1.0) / (f64::from(u32::MAX) + 2.0);
        -share.ln() / rate
    }

    /// Draws one of several.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let n = u64::try_from(from.len()).unwrap_or(0);
        from.get(usize::try_from(self.below(n)).unwrap_or(0))
    }
}

/// Hashes a text onto a number.
pub(super) fn hash(start: u64, text: &str) -> u64 {
    let mut hash = start ^ 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    stir(hash)
}
