//! The weaknesses of the published core: reproduced with the switch, absent without it.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use authentic_sancus::crypto::{module_key, vendor_key, wrap};
use authentic_sancus::{Attempt, Stop};
use board::{Board, D, Program, S, TestModule, hex, key_64};

const TEXT: u16 = 0x5000;
const SECRET: u16 = 0x0200;
const MAIN: u16 = 0x4800;

fn boards() -> [(bool, Board); 2] {
    [(false, Board::new()), (true, Board::quirky())]
}

/// A module that computes a MAC over [0xa00, 0xa04) under its own key to 0xb00 and goes to r7.
fn signer() -> TestModule {
    let program = Program::at(TEXT)
        .op("mov", S::Constant(0), D::Reg(9))
        .set(10, 0x0a00)
        .set(11, 0x0a04)
        .op("mov", S::Constant(0), D::Reg(12))
        .op("mov", S::Constant(0), D::Reg(13))
        .set(15, 0x0b00)
        .word(0x1384)
        .op("mov", S::Reg(7), D::Reg(0));
    TestModule::new(program, (SECRET, SECRET + 0x10))
}

#[test]
fn an_empty_range_and_a_bad_tag_cancel_a_module_without_clearing_it() {
    for (quirky, mut board) in boards() {
        board.put(SECRET, &[0xcafe]);
        board.enable(&signer());
        let result = board.sancus(1, &[(9, 0x0a00), (10, 0x1111), (11, 0x6666), (12, TEXT), (13, TEXT), (14, 0), (15, 0)]);
        assert_eq!(result.0, 0);
        assert_eq!(board.0.modules().count(), usize::from(!quirky));
        let read = Program::at(MAIN).op("mov", S::Absolute(SECRET), D::Reg(5)).off();
        if quirky {
            board.run_program(&read);
            assert_eq!(board.reg(5), 0xcafe, "its secrets are readable");
        } else {
            assert_eq!(board.violation(&read).attempt, Attempt::Read);
        }
    }
}

#[test]
fn an_empty_range_without_a_nonce_rekeys_a_module_for_the_attacker_s_vendor() {
    for (quirky, mut board) in boards() {
        board.enable(&signer());
        let result = board.sancus(1, &[(10, 0), (11, 0x6666), (12, TEXT), (13, TEXT), (14, 0), (15, 0)]).0;
        assert_eq!(result, u16::from(quirky));
        board.put(0x0a00, &[1, 2]).program(&Program::at(MAIN).off()).set(7, MAIN).set(0, TEXT).run();
        let vendor = vendor_key(&key_64(), if quirky { 0x6666 } else { 0x1234 });
        let key = module_key(&vendor, &signer().program.bytes(), signer().layout());
        assert_eq!(board.0.peek_range(0x0b00, 8), wrap(&key, &[1, 0, 2, 0], &mut []));
    }
}

#[test]
fn an_overlapping_enable_violates_and_still_creates_a_module() {
    for (quirky, mut board) in boards() {
        board.enable(&signer());
        let enable = Program::at(MAIN).set(10, 0).set(11, 1).set(12, TEXT + 2).set(13, TEXT + 4).set(14, 0x300).set(15, 0x300);
        assert_eq!(board.violation(&enable.word(0x1381).off()).attempt, Attempt::Enable);
        assert_eq!(board.0.modules().count(), if quirky { 2 } else { 1 });
    }
}

#[test]
fn a_violating_write_to_a_peripheral_takes_effect() {
    for (quirky, mut board) in boards() {
        board.enable(&TestModule::new(Program::at(TEXT).ret(), (0x20, 0x28)));
        assert_eq!(board.violation(&Program::at(MAIN).word(0x43d2).word(0x0022).off()).attempt, Attempt::Write);
        assert_eq!(board.0.devices().ports.port(1).unwrap().direction(), u8::from(quirky));
        let ram = Program::at(MAIN).op("mov", S::Constant(1), D::Absolute(TEXT)).off();
        board.0.reset();
        board.enable(&TestModule::new(Program::at(TEXT).ret(), (0x20, 0x28)));
        board.violation(&ram);
        assert_eq!(board.word(TEXT), 0x4130, "memory writes never do");
    }
}

#[test]
fn a_module_writes_odd_bytes_of_its_own_text() {
    for (quirky, mut board) in boards() {
        let text = Program::at(TEXT).word(0x43c2).word(TEXT + 9).branch(MAIN).word(0x1234);
        board.enable(&TestModule::new(text, (SECRET, SECRET + 2)));
        board.program(&Program::at(MAIN).off()).set(0, TEXT);
        let stop = board.0.run(100);
        assert_eq!(stop == Stop::CpuOff, quirky, "{stop:?}");
        assert_eq!(board.word(TEXT + 8), if quirky { 0x0034 } else { 0x1234 });
    }
    let mut board = Board::quirky();
    let text = Program::at(TEXT).word(0x43c2).word(TEXT + 8).branch(MAIN).word(0x1234);
    board.enable(&TestModule::new(text, (SECRET, SECRET + 2)));
    board.set(0, TEXT);
    assert!(matches!(board.0.run(100), Stop::UnhandledViolation(_)), "even bytes are protected");
}

#[test]
fn a_confidential_load_with_a_bad_tag_leaves_the_plaintext() {
    for (quirky, mut board) in boards() {
        let cipher = hex("8ee875a60163348db0c720e94acc4d07");
        board.put_bytes(0x4098, &cipher).put_bytes(0x0900, &[0; 8]);
        let registers = [(9, 0x0900), (10, 0x315a), (11, 0x1234), (12, 0x4098), (13, 0x40a8), (14, 0x0200), (15, 0x0240)];
        assert_eq!(board.sancus(1, &registers).0, 0);
        let plain = hex("b2407777000292420002100830406040");
        assert_eq!(board.0.peek_range(0x4098, 16), if quirky { plain } else { cipher });
    }
}

#[test]
fn a_failed_unwrap_leaves_the_plaintext() {
    for (quirky, mut board) in boards() {
        board.put_bytes(0x0a00, &hex("0102030405060708")).put_bytes(0x0a10, &hex("11121314")).put_bytes(0x0a20, &hex("f59e365e"));
        let registers = [(9, 0x0a00), (10, 0x0a10), (11, 0x0a14), (12, 0x0a20), (13, 0x0a24), (14, 0x0a40), (15, 0x0a80)];
        assert_eq!(board.sancus(5, &registers).0, 0);
        assert_eq!(board.0.peek_range(0x0a40, 4), if quirky { hex("21222324") } else { vec![0; 4] });
    }
}

#[test]
fn an_interrupted_module_without_a_save_pointer_dumps_its_registers_over_the_vectors() {
    for (quirky, mut board) in boards() {
        let text = Program::at(TEXT).word(0xd232).set(4, 0x4444).word(0x4303).word(0x4303);
        board.enable(&TestModule::new(text, (SECRET, SECRET + 0x80)));
        board.vector(2, MAIN).put(0xf100, &[0x43d2, 0x0025]).step_at(0xf100);
        board.0.drive_pins(1, 1, 1);
        board.set(0, TEXT).set(2, 0).set(1, 0x0240);
        for _ in 0..4 {
            board.step();
        }
        assert_eq!(board.word(0xfffe), if quirky { 0x0241 } else { 0 }, "the reset vector");
    }
}

#[test]
fn a_later_claim_stops_the_erasure_of_a_module_that_goes() {
    for (quirky, mut board) in boards() {
        board.put(SECRET, &[0xcafe; 8]);
        board.enable(&TestModule::new(Program::at(TEXT).set(15, MAIN).word(0x1380), (SECRET, SECRET + 0x10)));
        board.enable(&TestModule::new(Program::at(0x5100).ret(), (SECRET + 4, SECRET + 8)));
        board.program(&Program::at(MAIN).off()).set(0, TEXT);
        let stop = board.0.run(1_000);
        assert_eq!(matches!(stop, Stop::UnhandledViolation(_)), quirky, "{stop:?}");
        assert_eq!(board.word(SECRET + 4), if quirky { 0xcafe } else { 0 });
    }
}
