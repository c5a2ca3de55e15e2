//! The time-stamp counter at 0x190–0x197: a write takes a snapshot of the 64-bit cycle count, reads return it.

/// The cycle counter, which starts at 0 at every reset.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeStampCounter {
    origin: u64,
    snapshot: u64,
}

impl TimeStampCounter {
    pub(super) fn reset(&mut self, now: u64) {
        *self = Self { origin: now, snapshot: 0 };
    }

    pub(super) fn snapshot(&mut self, now: u64) {
        self.snapshot = now.wrapping_sub(self.origin);
    }

    pub(super) fn read(&self, address: u16) -> u16 {
        (self.snapshot >> (8 * u32::from(address & 6))) as u16
    }
}
