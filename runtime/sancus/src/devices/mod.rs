//! The peripherals of the board and their place in the first 512 bytes of the address space.

mod clock;
mod digits;
mod multiplier;
mod ports;
mod time_stamp;
mod timer;
mod uart;
mod watchdog;

pub use clock::Clock;
pub use digits::LedDigits;
pub use multiplier::Multiplier;
pub use ports::{Port, PortChange, Ports};
pub use time_stamp::TimeStampCounter;
pub use timer::TimerA;
pub use uart::Uart;
pub use watchdog::Watchdog;

/// A device a board adds to the emulated machine, mapped into free peripheral space.
///
/// Addresses are absolute. Word accesses arrive as two byte accesses, low byte first. `now` counts cycles since power-on.
pub trait Device: Send {
    /// Whether the device answers at this address (below 0x200).
    fn claims(&self, address: u16) -> bool;
    /// Reads a byte.
    fn read(&mut self, address: u16, now: u64) -> u8;
    /// Writes a byte.
    fn write(&mut self, address: u16, value: u8, now: u64);
    /// The next cycle at which the device wants [`Device::advance`] to be called.
    fn next_event(&self) -> Option<u64> {
        None
    }
    /// Brings the device up to `now`.
    fn advance(&mut self, _now: u64) {}
    /// The interrupts it requests, as bits 0–15.
    fn interrupts(&self) -> u16 {
        0
    }
    /// The CPU takes this interrupt.
    fn acknowledge(&mut self, _interrupt: u8) {}
    /// The board resets; a non-volatile device keeps what it must.
    fn reset(&mut self) {}
}

/// Interrupt numbers; the vector of number n is at 0xFFE0 + 2n, and a higher number has priority.
pub mod interrupt {
    /// Port 1.
    pub const PORT_1: u8 = 2;
    /// Port 2.
    pub const PORT_2: u8 = 3;
    /// UART 1 has sent.
    pub const UART_TX: u8 = 6;
    /// UART 1 has received.
    pub const UART_RX: u8 = 7;
    /// Timer A: compare 1 and 2, overflow.
    pub const TIMER_A1: u8 = 8;
    /// Timer A: compare 0.
    pub const TIMER_A0: u8 = 9;
    /// Watchdog in interval mode.
    pub const WATCHDOG: u8 = 10;
    /// Sancus violation.
    pub const VIOLATION: u8 = 13;
    /// Reset.
    pub const RESET: u8 = 15;
}

const IE1: u16 = 0x00;
const IFG1: u16 = 0x02;
const WATCHDOG_FLAG: u8 = 0x01;

/// All peripherals of a board.
pub struct Devices {
    /// The clocks that drive timers.
    pub clock: Clock,
    /// Ports P1 to P6.
    pub ports: Ports,
    /// Timer A.
    pub timer: TimerA,
    /// The two UARTs.
    pub uarts: [Uart; 2],
    /// The eight LED digits.
    pub digits: LedDigits,
    pub(crate) watchdog: Watchdog,
    multiplier: Multiplier,
    time_stamp: TimeStampCounter,
    interrupt_enable: u8,
    other_flags: u8,
    extra: Vec<Box<dyn Device>>,
}

impl Devices {
    pub(crate) fn new(clock: Clock, extra: Vec<Box<dyn Device>>) -> Self {
        Self {
            clock,
            ports: Ports::default(),
            timer: TimerA::default(),
            uarts: [Uart::new(0x80), Uart::new(0x88)],
            digits: LedDigits::default(),
            watchdog: Watchdog::default(),
            multiplier: Multiplier::default(),
            time_stamp: TimeStampCounter::default(),
            interrupt_enable: 0,
            other_flags: 0,
            extra,
        }
    }

    /// Power-up clear: registers return to their reset values, what the outside world drives stays.
    pub(crate) fn reset(&mut self, now: u64) {
        self.ports.reset();
        self.timer.reset(now);
        for uart in &mut self.uarts {
            uart.reset();
        }
        self.digits = LedDigits::default();
        self.watchdog.reset(now);
        self.multiplier = Multiplier::default();
        self.time_stamp.reset(now);
        self.interrupt_enable = 0;
        self.other_flags = 0;
        for device in &mut self.extra {
            device.reset();
        }
    }

    pub(crate) fn read_byte(&mut self, address: u16, now: u64) -> u8 {
        if let Some(device) = self.extra.iter_mut().find(|d| d.claims(address)) {
            return device.read(address, now);
        }
        match address {
            IE1 => self.interrupt_enable,
            IFG1 => self.other_flags | u8::from(self.watchdog.flag),
            0x18..=0x37 => self.ports.read(address),
            0x80..=0x87 => self.uarts[0].read(address),
            0x88..=0x8f => self.uarts[1].read(address),
            0x90..=0x97 => self.digits.read(address),
            0x100..=0x1ff => self.read_word(address & !1, now).to_le_bytes()[usize::from(address & 1)],
            _ => 0,
        }
    }

    pub(crate) fn read_word(&mut self, address: u16, now: u64) -> u16 {
        if address < 0x100 || self.extra.iter().any(|d| d.claims(address)) {
            let low = self.read_byte(address, now);
            return u16::from_le_bytes([low, self.read_byte(address | 1, now)]);
        }
        match address {
            0x120 => self.watchdog.read(),
            0x12e | 0x160..=0x166 | 0x170..=0x176 => self.timer.read(address, now, &self.clock),
            0x130..=0x13e => self.multiplier.read(address),
            0x190..=0x196 => self.time_stamp.read(address),
            _ => 0,
        }
    }

    pub(crate) fn write_byte(&mut self, address: u16, value: u8, now: u64) {
        if let Some(device) = self.extra.iter_mut().find(|d| d.claims(address)) {
            return device.write(address, value, now);
        }
        match address {
            IE1 => self.interrupt_enable = value,
            IFG1 => {
                self.other_flags = value & !WATCHDOG_FLAG;
                self.watchdog.flag = value & WATCHDOG_FLAG != 0;
            }
            0x18..=0x37 => self.ports.write(address, value, now),
            0x80..=0x87 => self.uarts[0].write(address, value, now),
            0x88..=0x8f => self.uarts[1].write(address, value, now),
            0x90..=0x97 => self.digits.write(address, value),
            // The multiplier takes single bytes; the other 16-bit peripherals see the byte on both halves of the bus.
            0x130..=0x13f => self.multiplier.write(address & !1, u16::from(value)),
            0x100..=0x1ff => self.write_word(address & !1, u16::from(value) * 0x101, now),
            _ => {}
        }
    }

    pub(crate) fn write_word(&mut self, address: u16, value: u16, now: u64) {
        if address < 0x100 || self.extra.iter().any(|d| d.claims(address)) {
            let [low, high] = value.to_le_bytes();
            self.write_byte(address, low, now);
            return self.write_byte(address | 1, high, now);
        }
        match address {
            0x120 => self.watchdog.write(value, now, &self.clock),
            0x160..=0x166 | 0x170..=0x176 => self.timer.write(address, value, now, &self.clock),
            0x130..=0x13e => self.multiplier.write(address, value),
            0x190..=0x196 => self.time_stamp.snapshot(now),
            _ => {}
        }
    }

    /// Brings every device up to `now`.
    pub(crate) fn advance(&mut self, now: u64) {
        self.timer.advance(now, &self.clock);
        self.watchdog.advance(now, &self.clock);
        for uart in &mut self.uarts {
            uart.advance(now);
        }
        for device in &mut self.extra {
            device.advance(now);
        }
    }

    /// The next cycle at which a device changes by itself in a way software or the board can notice.
    pub(crate) fn next_event(&self) -> u64 {
        let own = [self.watchdog.next_event(&self.clock), self.uarts[0].next_event(), self.uarts[1].next_event()];
        let timer = self.timer.next_event(&self.clock);
        let extra = self.extra.iter().filter_map(|d| d.next_event());
        own.into_iter().flatten().chain(timer).chain(extra).min().unwrap_or(u64::MAX)
    }

    /// Whether something other than a watchdog reset can still wake a sleeping CPU.
    pub(crate) fn can_wake(&self) -> bool {
        let watchdog = self.watchdog.is_interval_timer() && self.interrupt_enable & WATCHDOG_FLAG != 0;
        let uart = self.uarts.iter().any(|u| u.next_event().is_some());
        (watchdog && self.watchdog.next_event(&self.clock).is_some())
            || uart
            || self.timer.next_event(&self.clock).is_some()
            || self.extra.iter().any(|d| d.next_event().is_some())
    }

    /// Requested and enabled interrupts, as bits 0–15.
    pub(crate) fn interrupts(&self) -> u16 {
        let line = |number: u8, on: bool| u16::from(on) << number;
        let watchdog = self.watchdog.is_interval_timer() && self.watchdog.flag && self.interrupt_enable & WATCHDOG_FLAG != 0;
        line(interrupt::PORT_1, self.ports.interrupt(1))
            | line(interrupt::PORT_2, self.ports.interrupt(2))
            | line(interrupt::UART_TX, self.uarts[0].transmit_interrupt())
            | line(interrupt::UART_RX, self.uarts[0].receive_interrupt())
            | line(interrupt::TIMER_A1, self.timer.shared_interrupt())
            | line(interrupt::TIMER_A0, self.timer.compare_0_interrupt())
            | line(interrupt::WATCHDOG, watchdog)
            | self.extra.iter().fold(0, |lines, d| lines | d.interrupts())
    }

    /// The CPU takes an interrupt: single-source flags clear by themselves.
    pub(crate) fn acknowledge(&mut self, number: u8) {
        match number {
            interrupt::TIMER_A0 => self.timer.acknowledge_compare_0(),
            interrupt::WATCHDOG => self.watchdog.flag = false,
            _ => {}
        }
        for device in &mut self.extra {
            device.acknowledge(number);
        }
    }
}
