//! Reproducible random inputs for parsers, in bounded memory. `AUTHENTIC_FUZZ_SEED` repeats a run; the seed is printed when
//! it starts. `AUTHENTIC_FUZZ_INPUTS` chooses how many inputs each harness gets; `npm run fuzz` gives a million.

use crate::memory::bounded;
use std::time::{SystemTime, UNIX_EPOCH};

/// Inputs of a harness in an ordinary test run.
const INPUTS: u64 = 20_000;

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What a harness found.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Inputs that the parser got.
    pub inputs: u64,
    /// Inputs that it accepted.
    pub accepted: u64,
}

/// A harness: a parser and what it may use.
pub struct Harness<'name> {
    /// As it is printed.
    pub name: &'name str,
    /// Bytes that may live at once beyond what lived before, over the whole run.
    pub memory: usize,
    /// Inputs are so many times slower than a parser's alone: an ordinary test run has fewer of them.
    pub slow: u64,
}

impl Harness<'_> {
    /// Gives inputs to `one`, which makes them and says whether its parser accepted. Prints seed and figures.
    ///
    /// # Panics
    /// `one` does. A parser that uses more memory ends the process.
    pub fn run(&self, mut one: impl FnMut(&mut Random) -> bool) -> Outcome {
        let inputs = number_of("AUTHENTIC_FUZZ_INPUTS").unwrap_or(INPUTS / self.slow);
        let mut random = Random::new(self.name);
        let seed = random.0;
        let (accepted, peak) = bounded(self.memory, || (0..inputs).map(|_| u64::from(one(&mut random))).sum());
        println!("fuzzed {}: {inputs} inputs, {accepted} accepted, at most {peak} bytes of {}, seed {seed}", self.name, self.memory);
        Outcome { inputs, accepted }
    }
}

/// A fast parser, which may use one MiB.
pub fn fuzz(name: &str, one: impl FnMut(&mut Random) -> bool) -> Outcome {
    Harness { name, memory: 1 << 20, slow: 1 }.run(one)
}

impl Outcome {
    /// Whether the inputs were neither all good nor all bad: at least one in `share` was accepted, and not every one.
    ///
    /// # Panics
    /// They were: the generator does not reach what it should.
    pub fn reaches(self, share: u64) {
        let Self { inputs, accepted } = self;
        assert!(accepted >= (inputs / share).max(1) && accepted < inputs, "{accepted} of {inputs} inputs were accepted");
    }
}

/// A xorshift generator (Marsaglia 2003): fast, and good enough to choose test inputs.
pub struct Random(u64);

impl Random {
    /// A generator for the test `name`, seeded from the environment or the clock.
    ///
    /// # Panics
    /// `AUTHENTIC_FUZZ_SEED` is not a number.
    pub fn new(name: &str) -> Self {
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64);
        let seed = number_of("AUTHENTIC_FUZZ_SEED").unwrap_or_else(clock) | 1;
        println!("{name}: AUTHENTIC_FUZZ_SEED={seed}");
        Self(seed)
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

    /// One of `samples`.
    pub fn one_of<'samples, T>(&mut self, samples: &'samples [T]) -> &'samples T {
        &samples[self.below(samples.len())]
    }

    /// A sample, changed or, one time in eight, as it is.
    pub fn changed<T: AsRef<[u8]>>(&mut self, samples: &[T]) -> Vec<u8> {
        let mut bytes = self.one_of(samples).as_ref().to_vec();
        match self.below(8) {
            0 => {}
            1 => {
                // The beginning of one and the end of another.
                let other = self.one_of(samples).as_ref();
                let (end, start) = (self.below(bytes.len() + 1), self.below(other.len() + 1));
                bytes.truncate(end);
                bytes.extend_from_slice(&other[start..]);
            }
            _ => self.mutate(&mut bytes),
        }
        bytes
    }

    /// Changes `bytes` in a few places: bits, bytes, boundary values, length.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                bytes.push(self.number() as u8);
                continue;
            }
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.number() as u8,
                2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                3 => bytes.truncate(at),
                4 => bytes.insert(at, self.number() as u8),
                5 => {
                    // A number of text made longer, or an element repeated.
                    let end = (at + 1 + self.below(12)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                _ => {
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].fill([0, 0xff][self.below(2)]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parser that believes a length by one byte too much: an input in 256 shows it.
    fn careless(bytes: &[u8]) -> Option<&[u8]> {
        let length = usize::from(*bytes.first()?);
        if length > bytes.len() { None } else { Some(&bytes[1..=length]) }
    }

    #[test]
    fn a_parser_that_reads_one_byte_too_far_is_found() {
        let found = std::panic::catch_unwind(|| fuzz("careless", |random| careless(&random.changed(&[[3, 1, 2, 3]])).is_some()));
        assert!(found.is_err(), "no input showed the fault");
    }

    #[test]
    fn a_parser_that_keeps_what_it_read_is_bounded() {
        let mut kept: Vec<Vec<u8>> = Vec::new();
        let (_, peak) = bounded(1 << 20, || kept.extend((0..100).map(|_| vec![0; 1000])));
        assert!((100_000..200_000).contains(&peak), "{peak}");
        let (room, _) = bounded(1 << 20, || Vec::<u8>::new().try_reserve(2 << 20).is_ok());
        assert!(!room, "more than the bound was allowed");
    }
}
