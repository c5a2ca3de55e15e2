//! Sources of nonces of the emulated board: registers that only ever give a new value (`runtime/kit/ports/sancus/nonce.c`).

use authentic_sancus::devices::Device;
use authentic_wire::board::Freshness;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const RANDOM: u16 = 0x1a0;
const COUNTER: u16 = 0x1a8;
const COUNTER_END: u16 = 0x1b0;

/// The device of a source, if it has one. `broken` becomes true where a count could not be stored: what the board says
/// from then on must not leave it, for a nonce might come twice.
///
/// # Errors
/// The machine has no random source, or the counter's file cannot be read.
pub fn device(source: Freshness, counter: PathBuf, broken: Arc<AtomicBool>) -> io::Result<Option<Box<dyn Device>>> {
    Ok(match source {
        Freshness::None => None,
        Freshness::Rng => Some(Box::new(Random { source: File::open("/dev/urandom")?, word: [0; 2] })),
        Freshness::Nv => Some(Box::new(Counter::open(counter, broken)?)),
    })
}

/// A random source: each reading of the word at 0x1A0 gives another one.
struct Random {
    source: File,
    word: [u8; 2],
}

impl Device for Random {
    fn claims(&self, address: u16) -> bool {
        address & !1 == RANDOM
    }

    fn read(&mut self, address: u16, _now: u64) -> u8 {
        if address == RANDOM && self.source.read_exact(&mut self.word).is_err() {
            self.word = [0; 2];
        }
        self.word[usize::from(address & 1)]
    }

    fn write(&mut self, _address: u16, _value: u8, _now: u64) {}
}

/// A counter that survives power cuts: a write counts, and the four words show the count.
struct Counter {
    file: PathBuf,
    count: u64,
    broken: Arc<AtomicBool>,
}

impl Counter {
    fn open(file: PathBuf, broken: Arc<AtomicBool>) -> io::Result<Self> {
        let count = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the non-volatile counter's file is damaged"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { file, count, broken })
    }

    /// In force only once it is stored: a count that a power cut could take back would come twice.
    fn count(&mut self) -> io::Result<()> {
        let next = self.count + 1;
        let partial = self.file.with_extension("partial");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&partial)?;
        io::Write::write_all(&mut file, next.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(partial, &self.file)?;
        self.count = next;
        Ok(())
    }
}

impl Device for Counter {
    fn claims(&self, address: u16) -> bool {
        (COUNTER..COUNTER_END).contains(&address)
    }

    fn read(&mut self, address: u16, _now: u64) -> u8 {
        self.count.to_le_bytes()[usize::from(address - COUNTER)]
    }

    fn write(&mut self, address: u16, _value: u8, _now: u64) {
        // A word arrives as two bytes; the second one counts.
        if address == COUNTER + 1
            && let Err(error) = self.count()
        {
            tracing::error!(%error, "the non-volatile counter cannot be stored");
            self.broken.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure must fail the test")]
mod tests {
    use super::*;

    #[test]
    fn the_counter_goes_on_after_a_power_cut() {
        let file = std::env::temp_dir().join(format!("authentic-counter-{}", std::process::id()));
        for expected in 1..4u8 {
            let mut counter = Counter::open(file.clone(), Arc::default()).unwrap();
            counter.write(COUNTER, 0, 0);
            counter.write(COUNTER + 1, 0, 0);
            assert_eq!(counter.read(COUNTER, 0), expected);
        }
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_count_that_cannot_be_stored_is_not_in_force_and_breaks_the_board() {
        let broken = Arc::new(AtomicBool::new(false));
        let mut counter = Counter::open("/proc/authentic/counter".into(), broken.clone()).unwrap();
        counter.write(COUNTER + 1, 0, 0);
        assert_eq!(counter.read(COUNTER, 0), 0);
        assert!(broken.load(Ordering::Relaxed));
    }

    #[test]
    fn the_random_source_does_not_repeat_itself() {
        let mut random = device(Freshness::Rng, PathBuf::new(), Arc::default()).unwrap().unwrap();
        let words: std::collections::HashSet<Vec<u8>> =
            (0..8).map(|_| (0..4).flat_map(|_| [random.read(RANDOM, 0), random.read(RANDOM + 1, 0)]).collect()).collect();
        assert_eq!(words.len(), 8);
    }
}
