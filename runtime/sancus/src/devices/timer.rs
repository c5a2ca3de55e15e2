//! Timer A with three capture/compare blocks: control at 0x160–0x167, counters at 0x170–0x177, TAIV at 0x12E.

use super::clock::{Clock, Source};

const OVERFLOW_FLAG: u16 = 0x0001;
const OVERFLOW_INTERRUPT: u16 = 0x0002;
const CLEAR: u16 = 0x0004;

const COMPARE_FLAG: u16 = 0x0001;
const CAPTURE_OVERRUN: u16 = 0x0002;
const OUT: u16 = 0x0004;
const CAPTURE_INPUT: u16 = 0x0008;
const COMPARE_INTERRUPT: u16 = 0x0010;
const CAPTURE_MODE: u16 = 0x0100;
const SYNCHRONIZED_INPUT: u16 = 0x0400;
const READ_ONLY: u16 = CAPTURE_INPUT | SYNCHRONIZED_INPUT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Stop,
    Up,
    Continuous,
    UpDown,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    control: u16,
    value: u16,
    input_pin: bool,
    output: bool,
}

/// Timer A.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimerA {
    control: u16,
    counter: u16,
    descending: bool,
    blocks: [Block; 3],
    ticks_seen: u64,
}

impl TimerA {
    /// Level of output unit 0 to 2.
    #[must_use]
    pub fn output(&self, block: usize) -> bool {
        self.blocks.get(block).is_some_and(|b| b.output)
    }

    /// The counter as of the last access or event.
    #[must_use]
    pub fn counter(&self) -> u16 {
        self.counter
    }

    /// Drives the capture pin (CCIxA and CCIxB) of block 0 to 2.
    pub(crate) fn drive(&mut self, block: usize, level: bool, now: u64, clock: &Clock) {
        self.advance(now, clock);
        if let Some(b) = self.blocks.get_mut(block) {
            let before = b.input();
            b.input_pin = level;
            b.capture(before, self.counter);
        }
    }

    pub(super) fn reset(&mut self, now: u64) {
        let pins = self.blocks.map(|b| b.input_pin);
        *self = Self { ticks_seen: now, ..Self::default() };
        for (block, pin) in self.blocks.iter_mut().zip(pins) {
            block.input_pin = pin;
        }
    }

    pub(super) fn read(&mut self, address: u16, now: u64, clock: &Clock) -> u16 {
        self.advance(now, clock);
        match address {
            0x12e => self.take_vector(),
            0x160 => self.control,
            0x162..=0x166 => {
                let block = &self.blocks[usize::from(address - 0x162) / 2];
                block.control & !CAPTURE_INPUT | if block.input() { CAPTURE_INPUT } else { 0 }
            }
            0x170 => self.counter,
            0x172..=0x176 => self.blocks[usize::from(address - 0x172) / 2].value,
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, address: u16, value: u16, now: u64, clock: &Clock) {
        self.advance(now, clock);
        match address {
            0x160 => {
                self.control = value & 0x03f7 & !CLEAR;
                if value & CLEAR != 0 {
                    self.counter = 0;
                    self.descending = false;
                }
                let (source, shift) = self.source();
                self.ticks_seen = clock.ticks(source, shift, now);
            }
            0x162..=0x166 => {
                let block = &mut self.blocks[usize::from(address - 0x162) / 2];
                let before = block.input();
                block.control = block.control & READ_ONLY | value & !READ_ONLY;
                if block.output_mode() == 0 {
                    block.output = value & OUT != 0;
                }
                block.capture(before, self.counter);
            }
            0x170 => self.counter = value,
            0x172..=0x176 => self.blocks[usize::from(address - 0x172) / 2].value = value,
            _ => {}
        }
    }

    pub(super) fn compare_0_interrupt(&self) -> bool {
        self.blocks[0].requests()
    }

    pub(super) fn shared_interrupt(&self) -> bool {
        self.blocks[1].requests() || self.blocks[2].requests() || self.overflow_requests()
    }

    pub(super) fn acknowledge_compare_0(&mut self) {
        self.blocks[0].control &= !COMPARE_FLAG;
    }

    /// The next cycle at which an enabled interrupt can arise; `None` if none is enabled or the timer stands.
    pub(super) fn next_event(&self, clock: &Clock) -> Option<u64> {
        let listening = self.control & OVERFLOW_INTERRUPT != 0 || self.blocks.iter().any(|b| b.control & COMPARE_INTERRUPT != 0);
        if !listening || !self.running() {
            return None;
        }
        let (source, shift) = self.source();
        clock.cycle_of(source, shift, self.ticks_seen + self.quiet_ticks() + 1)
    }

    pub(super) fn advance(&mut self, now: u64, clock: &Clock) {
        let (source, shift) = self.source();
        let ticks = clock.ticks(source, shift, now);
        let elapsed = ticks.saturating_sub(self.ticks_seen);
        self.ticks_seen = ticks;
        if !self.running() {
            return;
        }
        // After two periods every flag that can be set is set and only the phase counts.
        let settle = 2 * 0x2_0000;
        let mut left = if elapsed > settle { settle + (elapsed - settle) % self.period() } else { elapsed };
        while left > 0 {
            let quiet = self.quiet_ticks().min(left - 1);
            self.counter = if self.descending { self.counter - quiet as u16 } else { self.counter + quiet as u16 };
            self.tick();
            left -= quiet + 1;
        }
    }

    fn mode(&self) -> Mode {
        [Mode::Stop, Mode::Up, Mode::Continuous, Mode::UpDown][usize::from(self.control >> 4 & 3)]
    }

    fn running(&self) -> bool {
        match self.mode() {
            Mode::Stop => false,
            Mode::Continuous => true,
            Mode::Up | Mode::UpDown => self.blocks[0].value != 0,
        }
    }

    fn source(&self) -> (Source, u32) {
        let source = [Source::Stopped, Source::Auxiliary, Source::Main, Source::Stopped][usize::from(self.control >> 8 & 3)];
        (source, u32::from(self.control >> 6 & 3))
    }

    fn top(&self) -> u16 {
        if self.mode() == Mode::Continuous { 0xffff } else { self.blocks[0].value }
    }

    fn period(&self) -> u64 {
        let top = u64::from(self.top());
        if self.mode() == Mode::UpDown { 2 * top } else { top + 1 }
    }

    /// Ticks before the next one that sets a flag, wraps or turns.
    fn quiet_ticks(&self) -> u64 {
        let now = self.counter;
        let targets = self.blocks.map(|b| b.value).into_iter();
        let distance = if self.descending {
            targets.chain([0]).filter(|t| *t < now).map(|t| u64::from(now - t)).min().unwrap_or(1)
        } else {
            let wrap = u64::from(self.top().saturating_sub(now)) + 1;
            targets.filter(|t| *t > now).map(|t| u64::from(t - now)).chain([wrap]).min().unwrap_or(1)
        };
        distance - 1
    }

    fn tick(&mut self) {
        let top = self.top();
        let turn_down = self.mode() == Mode::UpDown && !self.descending && self.counter >= top;
        if turn_down {
            self.descending = true;
        }
        if self.mode() != Mode::UpDown {
            self.descending = false;
        }
        if self.descending {
            self.counter = self.counter.min(top).saturating_sub(1);
            if self.counter == 0 {
                self.descending = false;
                self.control |= OVERFLOW_FLAG;
            }
        } else if self.counter >= top {
            self.counter = 0;
            self.control |= OVERFLOW_FLAG;
        } else {
            self.counter += 1;
        }
        let period_end = self.counter == self.blocks[0].value;
        for (i, block) in self.blocks.iter_mut().enumerate() {
            let equal = block.control & CAPTURE_MODE == 0 && self.counter == block.value;
            if equal {
                block.control = block.control & !SYNCHRONIZED_INPUT | if block.input() { SYNCHRONIZED_INPUT } else { 0 };
                block.control |= COMPARE_FLAG;
            }
            block.drive_output(equal, period_end && i > 0);
        }
    }

    fn overflow_requests(&self) -> bool {
        self.control & OVERFLOW_FLAG != 0 && self.control & OVERFLOW_INTERRUPT != 0
    }

    /// TAIV: the highest pending shared source, which reading clears.
    fn take_vector(&mut self) -> u16 {
        for block in 1..3u16 {
            let b = &mut self.blocks[usize::from(block)];
            if b.requests() {
                b.control &= !COMPARE_FLAG;
                return 2 * block;
            }
        }
        if self.overflow_requests() {
            self.control &= !OVERFLOW_FLAG;
            return 10;
        }
        0
    }
}

impl Block {
    fn requests(&self) -> bool {
        self.control & COMPARE_FLAG != 0 && self.control & COMPARE_INTERRUPT != 0
    }

    fn output_mode(&self) -> u16 {
        self.control >> 5 & 7
    }

    /// The selected capture input: the pin, ground or supply.
    fn input(&self) -> bool {
        match self.control >> 12 & 3 {
            0 | 1 => self.input_pin,
            2 => false,
            _ => true,
        }
    }

    fn capture(&mut self, before: bool, counter: u16) {
        let rising = !before && self.input() && self.control & 0x4000 != 0;
        let falling = before && !self.input() && self.control & 0x8000 != 0;
        if self.control & CAPTURE_MODE != 0 && (rising || falling) {
            self.control |= if self.control & COMPARE_FLAG != 0 { CAPTURE_OVERRUN } else { 0 } | COMPARE_FLAG;
            self.value = counter;
        }
    }

    /// The output unit: at its own comparison, then at the end of the period.
    fn drive_output(&mut self, equal: bool, period_end: bool) {
        let mode = self.output_mode();
        if equal {
            self.output = match mode {
                0 => self.control & OUT != 0,
                1 | 3 => true,
                2 | 4 | 6 => !self.output,
                _ => false,
            };
        }
        if period_end {
            self.output = match mode {
                2 | 3 => false,
                6 | 7 => true,
                _ => self.output,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { main_hz: 20_000_000, auxiliary_hz: 32_768 };

    fn timer(control: u16, compare: [u16; 3]) -> TimerA {
        let mut t = TimerA::default();
        for (i, value) in compare.into_iter().enumerate() {
            t.write(0x172 + 2 * i as u16, value, 0, &CLOCK);
        }
        t.write(0x160, control, 0, &CLOCK);
        t
    }

    /// The counter after each of the first ticks, read one by one.
    fn sequence(control: u16, top: u16, ticks: u64) -> Vec<u16> {
        let mut t = timer(control, [top, 0xffff, 0xffff]);
        (1..=ticks).map(|now| t.read(0x170, now, &CLOCK)).collect()
    }

    #[test]
    fn up_continuous_and_up_down_count_as_specified() {
        assert_eq!(sequence(0x0210, 3, 9), [1, 2, 3, 0, 1, 2, 3, 0, 1]);
        assert_eq!(sequence(0x0230, 3, 9), [1, 2, 3, 2, 1, 0, 1, 2, 3]);
        assert_eq!(sequence(0x0220, 3, 5), [1, 2, 3, 4, 5]);
        assert_eq!(sequence(0x0200, 3, 3), [0, 0, 0]);
        assert_eq!(sequence(0x0250, 3, 9), [0, 1, 1, 2, 2, 3, 3, 0, 0], "divided by two");
    }

    #[test]
    fn jumping_equals_stepping_in_every_mode() {
        for control in [0x0210, 0x0220, 0x0230, 0x0290] {
            for top in [1, 2, 5, 1000, 0xffff] {
                let mut jumped = timer(control, [top, 2, 700]);
                let mut stepped = jumped;
                for now in 1..5000 {
                    stepped.advance(now, &CLOCK);
                }
                jumped.advance(4999, &CLOCK);
                assert_eq!(format!("{jumped:?}"), format!("{stepped:?}"), "control {control:#x}, top {top}");
            }
        }
    }

    #[test]
    fn a_long_sleep_keeps_the_phase() {
        let mut t = timer(0x0210, [999, 0, 0]);
        assert_eq!(t.read(0x170, 1_000_000_123, &CLOCK), 123);
    }

    #[test]
    fn the_next_event_is_the_cycle_of_the_comparison() {
        let mut t = timer(0x0220, [0xffff, 500, 0xffff]);
        assert_eq!(t.next_event(&CLOCK), None, "nothing is enabled");
        t.write(0x164, COMPARE_INTERRUPT, 0, &CLOCK);
        assert_eq!(t.next_event(&CLOCK), Some(500));
        t.advance(499, &CLOCK);
        assert!(!t.shared_interrupt());
        t.advance(500, &CLOCK);
        assert!(t.shared_interrupt() && !t.compare_0_interrupt());
        assert_eq!(t.read(0x12e, 500, &CLOCK), 2);
        assert!(!t.shared_interrupt());
        assert_eq!(t.read(0x12e, 500, &CLOCK), 0);
    }

    #[test]
    fn overflow_has_the_last_vector() {
        let mut t = timer(0x0212, [9, 4, 0xffff]);
        t.write(0x164, COMPARE_INTERRUPT, 0, &CLOCK);
        t.advance(10, &CLOCK);
        assert_eq!([t.read(0x12e, 10, &CLOCK), t.read(0x12e, 10, &CLOCK), t.read(0x12e, 10, &CLOCK)], [2, 10, 0]);
    }

    #[test]
    fn software_and_pins_capture_the_counter() {
        let mut t = timer(0x0220, [0, 0, 0]);
        t.write(0x162, 0x6100, 0, &CLOCK);
        t.write(0x162, 0x7100, 77, &CLOCK);
        assert_eq!((t.read(0x172, 80, &CLOCK), t.read(0x162, 80, &CLOCK) & COMPARE_FLAG), (77, COMPARE_FLAG));
        t.write(0x164, 0x4100, 80, &CLOCK);
        t.drive(1, true, 90, &CLOCK);
        t.drive(1, false, 95, &CLOCK);
        assert_eq!(t.read(0x174, 99, &CLOCK), 90);
        t.drive(1, true, 100, &CLOCK);
        assert_eq!(t.read(0x164, 100, &CLOCK) & CAPTURE_OVERRUN, CAPTURE_OVERRUN);
    }

    #[test]
    fn pulse_width_modulation_follows_reset_set() {
        let mut t = timer(0x0210, [9, 4, 0]);
        t.write(0x164, 7 << 5, 0, &CLOCK);
        let levels: Vec<bool> = (1..=20)
            .map(|now| {
                t.advance(now, &CLOCK);
                t.output(1)
            })
            .collect();
        assert_eq!(levels[9..19], [true, true, true, true, false, false, false, false, false, true]);
    }
}
