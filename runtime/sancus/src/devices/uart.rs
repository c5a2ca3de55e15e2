//! The UART (8N1): a transmit buffer of one byte before the shift register, a receive buffer of one byte.

use std::collections::VecDeque;

const ENABLE: u8 = 0x01;
const RECEIVE_INTERRUPT: u8 = 0x10;
const OVERFLOW_INTERRUPT: u8 = 0x20;
const TRANSMIT_INTERRUPT: u8 = 0x40;
const CONTROL_BITS: u8 = 0x73;

const TRANSMIT_BUSY: u8 = 0x04;
const TRANSMIT_FULL: u8 = 0x08;
const RECEIVED: u8 = 0x10;
const OVERFLOW: u8 = 0x20;
const SENT: u8 = 0x40;
const TRANSMIT_EMPTY: u8 = 0x80;
const PENDING: u8 = RECEIVED | OVERFLOW | SENT | TRANSMIT_EMPTY;

/// Bits on the line for a byte: start, eight data, stop.
const BITS_A_BYTE: u64 = 10;
/// Most bytes kept in either direction for a board that does not collect or wait.
const LINE_CAPACITY: usize = 64 * 1024;

/// One UART.
#[derive(Debug)]
pub struct Uart {
    base: u16,
    control: u8,
    pending: u8,
    baud: u16,
    transmit: u8,
    receive: u8,
    buffered: Option<u8>,
    shifting: Option<(u8, u64)>,
    incoming: VecDeque<u8>,
    incoming_done: Option<u64>,
    sent: VecDeque<u8>,
    lost: u64,
}

impl Uart {
    pub(super) fn new(base: u16) -> Self {
        Self {
            base,
            control: 0,
            pending: 0,
            baud: 0,
            transmit: 0,
            receive: 0,
            buffered: None,
            shifting: None,
            incoming: VecDeque::new(),
            incoming_done: None,
            sent: VecDeque::new(),
            lost: 0,
        }
    }

    /// Takes the bytes that have left the board since the last call; only the latest 65,536 are kept.
    pub fn take_sent(&mut self) -> Vec<u8> {
        self.sent.drain(..).collect()
    }

    /// Bytes put on the line that the board has not received yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.incoming.len()
    }

    /// Bytes the board lost: overrun, or sent to it while the UART was off.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Puts bytes on the line to the board, back to back at the board's own baud rate. Returns how many fitted.
    pub(crate) fn receive_line(&mut self, bytes: &[u8], now: u64) -> usize {
        let room = LINE_CAPACITY - self.incoming.len();
        let taken = bytes.len().min(room);
        self.incoming.extend(&bytes[..taken]);
        if self.incoming_done.is_none() && !self.incoming.is_empty() {
            self.incoming_done = Some(now.saturating_add(self.byte_cycles()));
        }
        taken
    }

    /// Cycles a byte takes on the line: ten bits of BAUD + 1 cycles.
    #[must_use]
    pub fn byte_cycles(&self) -> u64 {
        BITS_A_BYTE * (u64::from(self.baud) + 1)
    }

    pub(super) fn reset(&mut self) {
        let kept = std::mem::replace(self, Self::new(self.base));
        self.incoming = kept.incoming;
        self.incoming_done = kept.incoming_done;
        self.sent = kept.sent;
        self.lost = kept.lost;
    }

    pub(super) fn read(&self, address: u16) -> u8 {
        match address - self.base {
            0 => self.control,
            1 => self.status(),
            2 => self.baud as u8,
            3 => (self.baud >> 8) as u8,
            4 => self.transmit,
            5 => self.receive,
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, address: u16, value: u8, now: u64) {
        match address - self.base {
            0 => {
                self.control = value & CONTROL_BITS;
                if !self.enabled() {
                    self.shifting = None;
                }
                self.start(now);
            }
            1 => self.pending &= !(value & PENDING),
            2 => self.baud = self.baud & 0xff00 | u16::from(value),
            3 => self.baud = self.baud & 0x00ff | u16::from(value) << 8,
            4 => {
                self.transmit = value;
                self.buffered = Some(value);
                self.start(now);
            }
            _ => {}
        }
    }

    pub(super) fn next_event(&self) -> Option<u64> {
        self.shifting.map(|(_, done)| done).into_iter().chain(self.incoming_done).min()
    }

    pub(super) fn advance(&mut self, now: u64) {
        while let Some((byte, done)) = self.shifting.filter(|(_, done)| *done <= now) {
            self.shifting = None;
            if self.sent.len() == LINE_CAPACITY {
                self.sent.pop_front();
            }
            self.sent.push_back(byte);
            self.pending |= if self.buffered.is_none() { SENT | TRANSMIT_EMPTY } else { SENT };
            self.start(done);
        }
        while let Some(done) = self.incoming_done.filter(|done| *done <= now) {
            if let Some(byte) = self.incoming.pop_front() {
                self.receive_byte(byte);
            }
            self.incoming_done = (!self.incoming.is_empty()).then(|| done.saturating_add(self.byte_cycles()));
        }
    }

    pub(super) fn receive_interrupt(&self) -> bool {
        self.pending & RECEIVED != 0 && self.control & RECEIVE_INTERRUPT != 0 || self.pending & OVERFLOW != 0 && self.control & OVERFLOW_INTERRUPT != 0
    }

    pub(super) fn transmit_interrupt(&self) -> bool {
        self.pending & SENT != 0 && self.control & TRANSMIT_INTERRUPT != 0
    }

    fn enabled(&self) -> bool {
        self.control & ENABLE != 0
    }

    fn receive_byte(&mut self, byte: u8) {
        if !self.enabled() {
            self.lost += 1;
            return;
        }
        if self.pending & RECEIVED != 0 {
            self.pending |= OVERFLOW;
            self.lost += 1;
        }
        self.receive = byte;
        self.pending |= RECEIVED;
    }

    fn start(&mut self, now: u64) {
        if self.shifting.is_none() && self.enabled() {
            self.shifting = self.buffered.take().map(|byte| (byte, now.saturating_add(self.byte_cycles())));
        }
    }

    fn status(&self) -> u8 {
        let full = if self.buffered.is_some() { TRANSMIT_FULL } else { 0 };
        let busy = if self.shifting.is_some() || self.buffered.is_some() { TRANSMIT_BUSY } else { 0 };
        self.pending | full | busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled() -> Uart {
        let mut uart = Uart::new(0x80);
        uart.write(0x82, 19, 0);
        uart.write(0x80, 0x11, 0);
        uart
    }

    #[test]
    fn sending_takes_ten_bits_a_byte_and_buffers_one() {
        let mut uart = enabled();
        uart.write(0x84, b'a', 100);
        assert_eq!(uart.read(0x81) & 0x0c, TRANSMIT_BUSY, "the byte moved to the shift register");
        uart.write(0x84, b'b', 110);
        assert_eq!(uart.read(0x81) & 0x0c, TRANSMIT_BUSY | TRANSMIT_FULL);
        uart.advance(299);
        assert!(uart.take_sent().is_empty());
        uart.advance(300);
        assert_eq!(uart.take_sent(), b"a");
        uart.advance(500);
        assert_eq!(uart.take_sent(), b"b");
        assert_eq!(uart.read(0x81), SENT | TRANSMIT_EMPTY);
    }

    #[test]
    fn a_byte_nobody_read_in_time_is_overrun_and_counted() {
        let mut uart = enabled();
        assert_eq!(uart.receive_line(b"xy", 0), 2);
        uart.advance(200);
        assert!(uart.receive_interrupt());
        assert_eq!((uart.read(0x85), uart.read(0x81) & OVERFLOW), (b'x', 0));
        uart.advance(400);
        assert_eq!((uart.read(0x85), uart.read(0x81) & OVERFLOW, uart.lost()), (b'y', OVERFLOW, 1));
        uart.write(0x81, RECEIVED | OVERFLOW, 400);
        assert_eq!(uart.read(0x81), 0);
        assert!(!uart.receive_interrupt());
    }

    #[test]
    fn bytes_for_a_disabled_uart_are_lost_and_the_line_is_bounded() {
        let mut uart = Uart::new(0x88);
        assert_eq!(uart.receive_line(&vec![0; LINE_CAPACITY + 5], 0), LINE_CAPACITY);
        uart.advance(u64::MAX / 2);
        assert_eq!((uart.lost(), uart.waiting()), (LINE_CAPACITY as u64, 0));
    }
}
