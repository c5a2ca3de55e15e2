//! Cycles of instructions on peripherals and of control flow, as measured on the hardware.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use board::{Board, CODE, D, Program, S, double, single};

#[test]
fn peripherals_are_as_fast_as_ram() {
    for (s, d, cycles) in [
        (S::Absolute(0x0190), D::Reg(5), 3),
        (S::Indirect(6), D::Reg(5), 2),
        (S::Reg(5), D::Absolute(0x0190), 4),
        (S::Immediate(1), D::Absolute(0x0190), 5),
        (S::Absolute(0x0190), D::Absolute(0x0192), 6),
    ] {
        let mut board = Board::new();
        board.start(&double("mov", false, s, d, CODE)).set(6, 0x0190);
        assert_eq!(board.step(), cycles, "{s:?}, {d:?}");
    }
}

#[test]
fn control_flow_has_the_measured_cycles() {
    let cases: [(Vec<u16>, u64); 7] = [
        (vec![0x4130], 3),
        (vec![0x1300], 5),
        (vec![0x3c00], 2),
        (double("mov", false, S::Immediate(0x5000), D::Reg(0), CODE), 3),
        (double("mov", false, S::Reg(5), D::Reg(0), CODE), 2),
        (double("mov", false, S::Absolute(0x0300), D::Reg(0), CODE), 4),
        (single("call", false, S::Absolute(0x0300), CODE), 5),
    ];
    for (code, cycles) in cases {
        let mut board = Board::new();
        board.start(&code).set(1, 0x0800).set(5, 0x5000);
        assert_eq!(board.step(), cycles, "{code:x?}");
    }
}

#[test]
fn the_time_stamp_counter_counts_the_cycles_between_two_snapshots() {
    let mut board = Board::new();
    let program = Program::at(CODE)
        .hold_watchdog()
        .op("mov", S::Constant(0), D::Absolute(0x0190))
        .op("mov", S::Absolute(0x0190), D::Reg(5))
        .op("mov", S::Constant(0), D::Absolute(0x0190))
        .op("mov", S::Absolute(0x0190), D::Reg(6))
        .off();
    board.run_program(&program);
    assert_eq!(board.reg(6) - board.reg(5), 4 + 3, "a store and a load");
}
