//! The clocks of the board: the main clock, which counts cycles, and the slow auxiliary clock.

/// Clock frequencies. SMCLK is the main clock; ACLK is derived from its ratio, so that runs are repeatable.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Main clock in Hz.
    pub main_hz: u32,
    /// Auxiliary clock in Hz.
    pub auxiliary_hz: u32,
}

impl Default for Clock {
    fn default() -> Self {
        Self { main_hz: 20_000_000, auxiliary_hz: 32_768 }
    }
}

/// What a timer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// SMCLK.
    #[default]
    Main,
    Auxiliary,
    /// An input pin nothing is connected to.
    Stopped,
}

impl Clock {
    /// Ticks of a divided source (divider 2^`shift`) up to and including cycle `now`.
    pub(crate) fn ticks(&self, source: Source, shift: u32, now: u64) -> u64 {
        match source {
            Source::Main => now >> shift,
            Source::Auxiliary => (u128::from(now) * u128::from(self.auxiliary_hz) / u128::from(self.main_hz.max(1))) as u64 >> shift,
            Source::Stopped => 0,
        }
    }

    /// The first cycle at which [`Clock::ticks`] reaches `tick`; `None` for a stopped source.
    pub(crate) fn cycle_of(&self, source: Source, shift: u32, tick: u64) -> Option<u64> {
        let raw = u128::from(tick) << shift;
        let cycle = match source {
            Source::Main => raw,
            Source::Auxiliary => (raw * u128::from(self.main_hz.max(1))).div_ceil(u128::from(self.auxiliary_hz.max(1))),
            Source::Stopped => return None,
        };
        Some(u64::try_from(cycle).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_reached_at_its_cycle_and_not_before() {
        let clock = Clock::default();
        for source in [Source::Main, Source::Auxiliary] {
            for shift in 0..4 {
                for tick in [1, 2, 3, 1000, 32_768] {
                    let cycle = clock.cycle_of(source, shift, tick).expect("a running source");
                    assert_eq!(clock.ticks(source, shift, cycle), tick);
                    assert_eq!(clock.ticks(source, shift, cycle - 1), tick - 1);
                }
            }
        }
    }
}
