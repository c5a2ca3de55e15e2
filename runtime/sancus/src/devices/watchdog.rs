//! The watchdog at 0x120: it resets the board unless software holds or serves it, or it is an interval timer.

use super::clock::{Clock, Source};

const PASSWORD: u16 = 0x5a00;
const READ_KEY: u16 = 0x6900;
const HOLD: u8 = 0x80;
const INTERVAL: u8 = 0x10;
const CLEAR: u8 = 0x08;
const AUXILIARY: u8 = 0x04;

/// The watchdog. It runs after reset: 32,768 cycles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watchdog {
    pub(super) flag: bool,
    control: u8,
    started: u64,
    reset_requested: bool,
}

impl Watchdog {
    pub(super) fn reset(&mut self, now: u64) {
        *self = Self { flag: self.flag, started: now, ..Self::default() };
    }

    /// Whether it asked for a power-up clear since the last call.
    pub(crate) fn take_reset(&mut self) -> bool {
        std::mem::take(&mut self.reset_requested)
    }

    pub(crate) fn reset_is_requested(&self) -> bool {
        self.reset_requested
    }

    pub(super) fn is_interval_timer(&self) -> bool {
        self.control & INTERVAL != 0
    }

    pub(super) fn read(&self) -> u16 {
        READ_KEY | u16::from(self.control)
    }

    pub(super) fn write(&mut self, value: u16, now: u64, clock: &Clock) {
        if value & 0xff00 != PASSWORD {
            self.flag = true;
            self.reset_requested = true;
            return;
        }
        let before = self.control;
        self.control = value as u8 & !CLEAR;
        let source_changed = (before ^ self.control) & (AUXILIARY | HOLD) != 0;
        if value as u8 & CLEAR != 0 || source_changed {
            self.started = clock.ticks(self.source(), 0, now);
        }
    }

    pub(super) fn next_event(&self, clock: &Clock) -> Option<u64> {
        if self.control & HOLD != 0 {
            return None;
        }
        clock.cycle_of(self.source(), 0, self.started + self.interval())
    }

    pub(super) fn advance(&mut self, now: u64, clock: &Clock) {
        if self.control & HOLD != 0 {
            return;
        }
        let ticks = clock.ticks(self.source(), 0, now);
        let elapsed = ticks.saturating_sub(self.started);
        if elapsed >= self.interval() {
            self.started += elapsed / self.interval() * self.interval();
            self.flag = true;
            self.reset_requested |= !self.is_interval_timer();
        }
    }

    fn source(&self) -> Source {
        if self.control & AUXILIARY != 0 { Source::Auxiliary } else { Source::Main }
    }

    fn interval(&self) -> u64 {
        [32_768, 8_192, 512, 64][usize::from(self.control & 3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_resets_after_32768_cycles_unless_held() {
        let clock = Clock::default();
        let mut dog = Watchdog::default();
        dog.advance(32_767, &clock);
        assert!(!dog.take_reset());
        dog.advance(32_768, &clock);
        assert!(dog.take_reset() && dog.flag);

        let mut held = Watchdog::default();
        held.write(0x5a80, 10, &clock);
        held.advance(1_000_000, &clock);
        assert!(!held.take_reset());
        assert_eq!(held.read(), 0x6980);
    }

    #[test]
    fn a_wrong_password_resets() {
        let mut dog = Watchdog::default();
        dog.write(0x1280, 0, &Clock::default());
        assert!(dog.take_reset());
    }

    #[test]
    fn as_an_interval_timer_it_flags_without_a_reset() {
        let clock = Clock::default();
        let mut dog = Watchdog::default();
        dog.write(0x5a00 | u16::from(INTERVAL | CLEAR | 3), 100, &clock);
        assert_eq!(dog.next_event(&clock), Some(164));
        dog.advance(164, &clock);
        assert!(dog.flag && !dog.take_reset());
        assert_eq!(dog.next_event(&clock), Some(228));
    }
}
