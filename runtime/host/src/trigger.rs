//! Periodic calls of entries. Untrusted by definition: they carry no data and are not time.

use authentic_wire::control::TriggerStatus;
use std::time::{Duration, Instant};

/// Most triggers an instance may have.
pub const MAX_TRIGGERS: usize = 256;

/// A trigger.
pub struct Trigger {
    /// The entry.
    pub endpoint: u16,
    every: Duration,
    next: Instant,
    /// A call of it is in the ring.
    pub under_way: bool,
    fired: u64,
    full: u64,
}

impl Trigger {
    /// A trigger whose first tick is one period away.
    pub fn new(endpoint: u16, every_ms: u32, now: Instant) -> Self {
        let every = Duration::from_millis(every_ms.max(1).into());
        Self { endpoint, every, next: now + every, under_way: false, fired: 0, full: 0 }
    }

    /// When the next tick is due.
    pub fn due(&self) -> Instant {
        self.next
    }

    /// A tick. Returns whether the entry is to be called; ticks that were missed are skipped.
    pub fn tick(&mut self, now: Instant, may_call: bool) -> bool {
        let late = now.saturating_duration_since(self.next);
        let missed = late.as_nanos() / self.every.as_nanos();
        self.next += self.every * u32::try_from(missed + 1).unwrap_or(u32::MAX);
        self.full += u64::try_from(missed).unwrap_or(u64::MAX);
        if self.under_way || !may_call {
            self.full += 1;
            return false;
        }
        self.under_way = true;
        true
    }

    /// The call is done.
    pub fn done(&mut self, full: bool) {
        self.under_way = false;
        if full { self.full += 1 } else { self.fired += 1 }
    }

    /// Its state.
    pub fn status(&self, name: &str) -> TriggerStatus {
        TriggerStatus { name: name.into(), endpoint: self.endpoint, every_ms: self.every.as_millis() as u32, fired: self.fired, full: self.full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_and_counts_what_it_missed() {
        let start = Instant::now();
        let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);
        let mut trigger = Trigger::new(3, 100, start);
        assert_eq!(trigger.due(), at(100));
        assert!(trigger.tick(at(100), true));
        assert!(!trigger.tick(at(200), true), "the call before is under way");
        trigger.done(false);
        assert!(trigger.tick(at(750), true));
        trigger.done(true);
        assert!(!trigger.tick(at(800), false), "a window is full");
        assert_eq!(trigger.due(), at(900));
        let status = trigger.status("poll");
        assert_eq!((status.fired, status.full), (1, 1 + 4 + 1 + 1));
    }
}
