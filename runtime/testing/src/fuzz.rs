//! Reproducible random inputs for parsers. `AUTHENTIC_FUZZ_SEED` repeats a run; the seed is printed when it starts.

use std::time::{SystemTime, UNIX_EPOCH};

/// Inputs a fuzz test gives its parser.
pub const INPUTS: u64 = 1_000_000;

/// Inputs of a test that would take too long with all of them: a share, or all with `AUTHENTIC_FUZZ=full`.
pub fn one_in(share: u64) -> u64 {
    if std::env::var("AUTHENTIC_FUZZ").is_ok_and(|extent| extent == "full") { INPUTS } else { INPUTS / share }
}

/// A xorshift generator (Marsaglia 2003): fast, and good enough to choose test inputs.
pub struct Random(u64);

impl Random {
    /// A generator for the test `name`, seeded from the environment or the clock.
    ///
    /// # Panics
    /// `AUTHENTIC_FUZZ_SEED` is not a number.
    pub fn new(name: &str) -> Self {
        let seed = match std::env::var("AUTHENTIC_FUZZ_SEED") {
            Ok(seed) => seed.parse().expect("AUTHENTIC_FUZZ_SEED is a number"),
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64),
        };
        println!("{name}: AUTHENTIC_FUZZ_SEED={seed}");
        Self(seed | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() >> 11) as usize % bound
    }

    /// Changes `bytes` in a few places: bits, bytes, boundary values, length.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                bytes.push(self.number() as u8);
                continue;
            }
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.number() as u8,
                2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                3 => bytes.truncate(at),
                4 => bytes.insert(at, self.number() as u8),
                _ => {
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].fill([0, 0xff][self.below(2)]);
                }
            }
        }
    }
}
