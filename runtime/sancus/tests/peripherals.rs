//! Peripherals as programs use them: through their addresses and interrupts.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use std::sync::{Arc, Mutex};

use authentic_sancus::devices::{Device, PortChange};
use authentic_sancus::{Machine, Stop};
use board::{Board, D, Program, S};

const MAIN: u16 = 0x4800;
const HANDLER: u16 = 0x4900;

fn main_program() -> Program {
    Program::at(MAIN).hold_watchdog().set(1, 0x0800)
}

/// `mov.b #value, &address`.
fn byte(program: Program, address: u16, value: u16) -> Program {
    program.word(0x40f2).word(value).word(address)
}

#[test]
fn the_uart_echoes_by_interrupt_what_it_receives_without_a_loss_at_1_mbaud() {
    let mut board = Board::new();
    // 20 MHz / 1 Mbaud: 20 cycles a bit.
    let main = byte(main_program().op("mov", S::Immediate(19), D::Absolute(0x0082)), 0x0080, 0x11).op("bis", S::Immediate(0x18), D::Reg(2));
    // Echo: send the byte, clear the flag.
    let handler = Program::at(HANDLER).word(0x42d2).word(0x0085).word(0x0084);
    let handler = byte(handler, 0x0081, 0x10).word(0x1300);
    board.vector(7, HANDLER).program(&handler).program(&main).set(0, MAIN);
    assert_eq!(board.0.run(10_000), Stop::CpuOff);
    let message: Vec<u8> = (0..=255).collect();
    assert_eq!(board.0.send_to_uart(0, &message), 256);
    let start = board.0.cycles();
    assert_eq!(board.0.run(1_000_000), Stop::CpuOff);
    assert_eq!(board.0.take_from_uart(0), message);
    assert_eq!(board.0.devices().uarts[0].lost(), 0);
    let elapsed = board.0.cycles() - start;
    assert!((256 * 200..258 * 200 + 300).contains(&elapsed), "{elapsed} cycles for 256 bytes of 200");
}

#[test]
fn a_program_that_does_not_listen_loses_bytes_and_sees_the_overrun() {
    let mut board = Board::new();
    let main = byte(main_program().op("mov", S::Immediate(19), D::Absolute(0x0082)), 0x0080, 0x01).set(5, 1000);
    let main = main.op("sub", S::Constant(1), D::Reg(5)).word(0x23fe).word(0x4256).word(0x0081).word(0x4257).word(0x0085).off();
    board.0.send_to_uart(0, b"");
    board.program(&main).set(0, MAIN);
    board.0.run(20);
    board.0.send_to_uart(0, b"abc");
    board.run();
    assert_eq!((board.reg(6) & 0x30, board.reg(7)), (0x30, u16::from(b'c')));
    assert_eq!(board.0.devices().uarts[0].lost(), 2);
}

#[test]
fn the_second_uart_is_at_0x88() {
    let mut board = Board::new();
    let main = byte(byte(main_program(), 0x0088, 0x01), 0x008c, 0x41).set(5, 100).op("sub", S::Constant(1), D::Reg(5)).word(0x23fe).off();
    board.run_program(&main);
    assert_eq!((board.0.take_from_uart(1), board.0.take_from_uart(0)), (vec![0x41], vec![]));
}

#[test]
fn pins_can_be_set_read_and_watched_from_outside() {
    let mut board = Board::new();
    board.0.drive_pins(1, 0xff, 0xa5);
    // P1 in → P3 out, then P3 drives its low nibble.
    let main = main_program().word(0x42d2).word(0x0020).word(0x0019);
    board.run_program(&byte(main, 0x001a, 0x0f).off());
    let changes = board.0.take_port_changes();
    assert_eq!(changes.len(), 2);
    assert!(matches!(changes[1], PortChange { port: 3, output: 0xa5, direction: 0x0f, .. }));
    assert!(changes[0].cycle < changes[1].cycle);
    assert_eq!(board.0.devices().ports.port(3).unwrap().levels(), 0x05);
}

#[test]
fn the_multiplier_is_reached_by_words_and_bytes() {
    let mut board = Board::new();
    let main = main_program()
        .op("mov", S::Immediate(1234), D::Absolute(0x0130))
        .op("mov", S::Immediate(5678), D::Absolute(0x0138))
        .op("mov", S::Absolute(0x013a), D::Reg(5))
        .op("mov", S::Absolute(0x013c), D::Reg(6));
    let main = byte(byte(main, 0x0130, 0xff), 0x0138, 0x02).op("mov", S::Absolute(0x013a), D::Reg(7)).off();
    board.run_program(&main);
    assert_eq!((board.reg(5), board.reg(6), board.reg(7)), ((1234u32 * 5678) as u16, ((1234u32 * 5678) >> 16) as u16, 0x01fe));
}

#[test]
fn the_digits_show_what_was_written() {
    let mut board = Board::new();
    board.run_program(&byte(main_program().op("mov", S::Immediate(0x4241), D::Absolute(0x0090)), 0x0097, 0x5a).off());
    assert_eq!(board.0.devices().digits.shown(), [0x41, 0x42, 0, 0, 0, 0, 0, 0x5a]);
}

#[test]
fn the_watchdog_interrupts_as_an_interval_timer() {
    let mut board = Board::new();
    // Interval of 512 cycles, enabled in IE1; the handler counts to 3 and stops.
    let main = Program::at(MAIN).op("mov", S::Immediate(0x5a1a), D::Absolute(0x0120)).set(1, 0x0800);
    let main = byte(main, 0x0000, 0x01).op("bis", S::Immediate(0x18), D::Reg(2));
    let handler = Program::at(HANDLER).op("add", S::Constant(1), D::Reg(9)).op("cmp", S::Immediate(3), D::Reg(9)).word(0x2001).word(0x3c01);
    let handler = handler.word(0x1300).off();
    board.vector(10, HANDLER).program(&handler).program(&main).set(0, MAIN);
    assert_eq!(board.0.run(1_000_000), Stop::CpuOff);
    assert_eq!(board.reg(9), 3);
    assert!((1536..1600).contains(&board.0.cycles()), "{}", board.0.cycles());
    assert_eq!(board.0.resets(), 0);
}

/// A board's own device: a byte at 0x1c0 that counts its reads and interrupts at cycle 5,000.
struct Counter(Arc<Mutex<(u8, bool)>>);

impl Device for Counter {
    fn claims(&self, address: u16) -> bool {
        address == 0x01c0
    }
    fn read(&mut self, _address: u16, _now: u64) -> u8 {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        state.0
    }
    fn write(&mut self, _address: u16, value: u8, _now: u64) {
        self.0.lock().unwrap().0 = value;
    }
    fn next_event(&self) -> Option<u64> {
        (!self.0.lock().unwrap().1).then_some(5_000)
    }
    fn advance(&mut self, now: u64) {
        self.0.lock().unwrap().1 |= now >= 5_000;
    }
    fn interrupts(&self) -> u16 {
        u16::from(self.0.lock().unwrap().1) << 4
    }
}

#[test]
fn a_board_can_add_its_own_device() {
    let state = Arc::new(Mutex::new((0, false)));
    let mut board = Board(Machine::builder().device(Box::new(Counter(state.clone()))).build());
    let main = byte(main_program(), 0x01c0, 40).word(0x4255).word(0x01c0).word(0x4256).word(0x01c0).op("bis", S::Immediate(0x18), D::Reg(2));
    board.vector(4, HANDLER).program(&Program::at(HANDLER).off()).program(&main).set(0, MAIN);
    assert_eq!(board.0.run(100_000), Stop::CpuOff);
    assert_eq!((board.reg(5), board.reg(6), state.lock().unwrap().0), (41, 42, 42));
    assert!((5_000..5_100).contains(&board.0.cycles()));
}
