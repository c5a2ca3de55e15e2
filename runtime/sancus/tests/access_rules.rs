//! One test for every access rule of protected modules: what is forbidden violates and has no effect.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use authentic_sancus::{Attempt, Stop};
use board::{Board, D, GIE, Program, S, TestModule};

const TEXT: u16 = 0x5000;
const SECRET: u16 = 0x0200;
const ATTACKER: u16 = 0x4800;

/// Module 1 with a secret word 0xcafe; its text reads and writes its own secret data, then goes to r7.
fn victim() -> Board {
    let mut board = Board::new();
    let text = Program::at(TEXT).op("add", S::Constant(1), D::Absolute(SECRET)).op("mov", S::Reg(7), D::Reg(0));
    board.put(SECRET, &[0xcafe]);
    assert_eq!(board.enable(&TestModule::new(text, (SECRET, SECRET + 0x10))), 1);
    board
}

fn attack() -> Program {
    Program::at(ATTACKER)
}

/// Runs an attack that must violate, and checks what and where.
fn refused(board: &mut Board, program: Program, attempt: Attempt, address: u16) {
    let violation = board.violation(&program.off());
    assert_eq!((violation.attempt, violation.address), (attempt, address));
}

#[test]
fn a_module_uses_its_own_data_when_entered_at_its_start() {
    let mut board = victim();
    board.program(&attack().off()).set(7, ATTACKER).set(0, TEXT).run();
    assert_eq!(board.word(SECRET), 0xcaff);
}

#[test]
fn a_module_can_also_be_entered_by_running_into_its_start() {
    let mut board = victim();
    board.put(TEXT - 2, &[0x4303]).program(&attack().off()).set(7, ATTACKER).set(0, TEXT - 2).run();
    assert_eq!(board.word(SECRET), 0xcaff);
}

#[test]
fn secret_data_cannot_be_read_from_outside() {
    for (source, address) in [(S::Absolute(SECRET), SECRET), (S::Absolute(SECRET + 0xe), SECRET + 0xe), (S::Indirect(6), SECRET)] {
        let mut board = victim();
        board.set(6, SECRET);
        refused(&mut board, attack().op("mov", source, D::Reg(5)), Attempt::Read, address);
        assert_eq!(board.reg(5), 0);
    }
    let mut board = victim();
    board.run_program(&attack().op("mov", S::Absolute(SECRET + 0x10), D::Reg(5)).off());
}

#[test]
fn secret_data_cannot_be_written_from_outside() {
    let mut board = victim();
    refused(&mut board, attack().op("mov", S::Constant(0), D::Absolute(SECRET)), Attempt::Write, SECRET);
    assert_eq!(board.word(SECRET), 0xcafe);
    let mut board = victim();
    refused(&mut board, attack().op("xor", S::Constant(-1), D::Absolute(SECRET)), Attempt::Read, SECRET);
    assert_eq!(board.word(SECRET), 0xcafe);
}

#[test]
fn single_bytes_are_protected_too_up_to_the_last_one() {
    let mut board = Board::new();
    board.enable(&TestModule::new(Program::at(TEXT).ret(), (SECRET + 1, SECRET + 4)));
    let byte_write = |address| Program::at(ATTACKER).word(0x43c2).word(address).off();
    board.run_program(&byte_write(SECRET));
    board.set(2, 0).run_program(&byte_write(SECRET + 4));
    for address in [SECRET + 1, SECRET + 3, TEXT, TEXT + 1] {
        board.0.reset();
        board.enable(&TestModule::new(Program::at(TEXT).ret(), (SECRET + 1, SECRET + 4)));
        let violation = board.violation(&Program::at(ATTACKER).word(0x4255).word(address).off());
        assert_eq!((violation.attempt, violation.address, board.reg(5)), (Attempt::Read, address, 0));
        board.0.reset();
        board.enable(&TestModule::new(Program::at(TEXT).ret(), (SECRET + 1, SECRET + 4)));
        assert_eq!(board.violation(&byte_write(address)).address, address);
    }
    board.0.reset();
    board.enable(&TestModule::new(Program::at(TEXT).ret(), (SECRET + 1, SECRET + 4)));
    let word_write = Program::at(ATTACKER).op("mov", S::Constant(0), D::Absolute(SECRET)).off();
    assert_eq!(board.violation(&word_write).attempt, Attempt::Write, "a word that is protected by half");
}

#[test]
fn text_cannot_be_read_from_outside() {
    let mut board = victim();
    refused(&mut board, attack().op("mov", S::Absolute(TEXT), D::Reg(5)), Attempt::Read, TEXT);
    assert_eq!(board.reg(5), 0);
}

#[test]
fn text_cannot_be_written_from_outside() {
    let mut board = victim();
    let before = board.word(TEXT + 2);
    refused(&mut board, attack().op("mov", S::Constant(0), D::Absolute(TEXT + 2)), Attempt::Write, TEXT + 2);
    assert_eq!(board.word(TEXT + 2), before);
}

#[test]
fn a_module_reads_its_own_text_but_cannot_write_it() {
    let mut board = Board::new();
    let reads = Program::at(TEXT).op("mov", S::Absolute(TEXT), D::Reg(5)).branch(ATTACKER);
    board.enable(&TestModule::new(reads, (SECRET, SECRET + 2)));
    board.program(&attack().off()).set(0, TEXT).run();
    assert_eq!(board.reg(5), 0x4215);

    for byte_or_word in [0x4382, 0x43c2] {
        for address in [TEXT, TEXT + 1] {
            let mut board = Board::new();
            let writes = Program::at(TEXT).word(byte_or_word).word(address).branch(ATTACKER);
            let module = TestModule::new(writes, (SECRET, SECRET + 2));
            board.enable(&module);
            board.set(0, TEXT);
            assert!(matches!(board.0.run(100), Stop::UnhandledViolation(v) if v.attempt == Attempt::Write && v.domain == 1));
            assert_eq!(board.0.peek_range(TEXT, 8), module.program.bytes());
        }
    }
}

#[test]
fn entering_past_the_start_violates_and_executes_nothing() {
    for entry in [TEXT + 2, TEXT + 4] {
        let mut board = victim();
        board.set(7, ATTACKER + 0x20);
        refused(&mut board, attack().branch(entry), Attempt::Execute, entry);
        assert_eq!((board.word(SECRET), board.reg(0)), (0xcafe, entry));
        assert_eq!(board.0.domain(), 0);
    }
}

#[test]
fn returning_and_being_interrupted_into_the_middle_violate_too() {
    let mut board = victim();
    board.put(0x0800, &[TEXT + 4]).set(1, 0x0800);
    refused(&mut board, attack().ret(), Attempt::Execute, TEXT + 4);
    let mut board = victim();
    board.put(0x0800, &[0, TEXT + 4]).set(1, 0x0800);
    refused(&mut board, attack().word(0x1300), Attempt::Execute, TEXT + 4);
}

#[test]
fn secret_data_cannot_be_executed_from_outside() {
    let mut board = victim();
    refused(&mut board, attack().branch(SECRET), Attempt::Execute, SECRET);
}

#[test]
fn an_instruction_before_a_module_cannot_take_its_operand_from_the_text() {
    let mut board = victim();
    board.put(TEXT - 2, &[0x4035]).set(0, TEXT - 2);
    assert!(matches!(board.0.run(100), Stop::UnhandledViolation(v) if v.attempt == Attempt::Read && v.address == TEXT));
    assert_eq!(board.reg(5), 0);
}

#[test]
fn modules_are_protected_from_each_other() {
    for (instruction, attempt, address) in [
        (attack().op("mov", S::Absolute(SECRET), D::Reg(5)), Attempt::Read, SECRET),
        (attack().op("mov", S::Constant(0), D::Absolute(SECRET)), Attempt::Write, SECRET),
        (attack().op("mov", S::Absolute(TEXT), D::Reg(5)), Attempt::Read, TEXT),
        (attack().op("mov", S::Constant(0), D::Absolute(TEXT)), Attempt::Write, TEXT),
        (attack().branch(TEXT + 2), Attempt::Execute, TEXT + 2),
    ] {
        let mut board = victim();
        assert_eq!(board.enable(&TestModule::new(instruction, (0x0300, 0x0310))), 2);
        board.set(0, ATTACKER);
        match board.0.run(100) {
            Stop::UnhandledViolation(v) => assert_eq!((v.attempt, v.address, v.domain), (attempt, address, 2)),
            other => panic!("{other:?}"),
        }
        assert_eq!(board.word(SECRET), 0xcafe);
    }
}

#[test]
fn after_a_violation_the_rest_of_the_instruction_has_no_effect_on_memory() {
    let mut board = victim();
    board.put(0x0800, &[0x1234]);
    refused(&mut board, attack().op("mov", S::Absolute(SECRET), D::Absolute(0x0800)), Attempt::Read, SECRET);
    assert_eq!(board.word(0x0800), 0x1234);
}

#[test]
fn enabling_over_a_module_violates_and_creates_nothing() {
    for (start, end) in [(TEXT, TEXT + 2), (TEXT - 2, TEXT + 2), (TEXT + 4, TEXT + 0x40), (TEXT - 4, TEXT + 0x40)] {
        let mut board = victim();
        let enable = attack().set(10, 0).set(11, 0x6666).set(12, start).set(13, end).set(14, 0x0300).set(15, 0x0310).word(0x1381);
        refused(&mut board, enable, Attempt::Enable, start);
        assert_eq!((board.reg(15), board.0.modules().count()), (0, 1));
    }
    let mut board = victim();
    for i in 0..3 {
        board.enable(&TestModule::new(Program::at(0x6000 + 0x100 * i).ret(), (0x0400, 0x0400)));
    }
    let enable = attack().set(10, 0).set(11, 1).set(12, TEXT).set(13, TEXT + 2).set(14, 0x0300).set(15, 0x0310).word(0x1381);
    refused(&mut board, enable, Attempt::Enable, TEXT);
    let mut board = victim();
    let end = board.0.modules().next().unwrap().layout.public_end;
    assert_eq!(board.enable(&TestModule::new(Program::at(end).ret(), (0x0300, 0x0310))), 2, "neighbours do not overlap");
    assert_eq!(board.enable(&TestModule::new(Program::at(TEXT - 2).ret(), (0x0310, 0x0320))), 3);
}

#[test]
fn a_module_s_secrets_cannot_be_measured_as_another_one_s_text() {
    let mut board = victim();
    let enable = attack().set(10, 0).set(11, 0x6666).set(12, SECRET).set(13, SECRET + 4).set(14, 0x0300).set(15, 0x0310).word(0x1381);
    refused(&mut board, enable, Attempt::Read, SECRET);
    assert_eq!((board.reg(15), board.0.modules().count()), (0, 1));
}

#[test]
fn an_empty_range_at_a_module_s_start_does_nothing_to_it() {
    for nonce in [0, 0x1111] {
        let mut board = victim();
        let registers = [(9, 0x0a00), (10, nonce), (11, 0x6666), (12, TEXT), (13, TEXT), (14, 0), (15, 0)];
        assert_eq!(board.sancus(1, &registers).0, 0);
        let module = board.0.modules().next().unwrap();
        assert_eq!((module.id, module.vendor), (1, 0x1234));
        refused(&mut board, attack().op("mov", S::Absolute(SECRET), D::Reg(5)), Attempt::Read, SECRET);
    }
}

#[test]
fn the_crypto_unit_has_the_caller_s_rights() {
    // (register, value, what is tried): each operand of wrap in turn points into the secret data.
    let good = [(9, 0x0a00), (10, 0x0a10), (11, 0x0a14), (12, 0x0a20), (13, 0x0a24), (14, 0x0a40), (15, 0x0a80)];
    for (changes, attempt) in [
        (vec![(9, SECRET)], Attempt::Read),
        (vec![(10, SECRET), (11, SECRET + 2)], Attempt::Read),
        (vec![(12, SECRET), (13, SECRET + 2)], Attempt::Read),
        (vec![(14, SECRET)], Attempt::Write),
        (vec![(15, SECRET)], Attempt::Write),
        (vec![(12, TEXT), (13, TEXT + 2)], Attempt::Read),
    ] {
        let mut board = victim();
        board.put(0x0a80, &[0xeeee; 4]);
        let mut program = attack();
        for (register, value) in good {
            let value = changes.iter().find(|(r, _)| *r == register).map_or(value, |(_, v)| *v);
            program = program.set(register, value);
        }
        let violation = board.violation(&program.word(0x1384).off());
        assert_eq!(violation.attempt, attempt, "{changes:x?}");
        assert_eq!((board.word(SECRET), board.reg(15)), (0xcafe, 0), "{changes:x?}");
        if attempt == Attempt::Read {
            assert_eq!(board.word(0x0a80), 0xeeee, "no tag over secrets");
        }
    }
}

#[test]
fn the_tag_of_verify_and_of_a_confidential_load_is_read_with_the_caller_s_rights() {
    let mut board = victim();
    refused(&mut board, attack().set(14, TEXT).set(15, SECRET).word(0x1382), Attempt::Read, SECRET);
    assert_eq!(board.reg(15), 0);
    let mut board = victim();
    let enable = attack().set(9, SECRET).set(10, 1).set(11, 1).set(12, 0x9000).set(13, 0x9004).set(14, 0x0300).set(15, 0x0310).word(0x1381);
    refused(&mut board, enable, Attempt::Read, SECRET);
    assert_eq!(board.0.modules().count(), 1);
}

#[test]
fn verify_reads_the_text_for_anyone() {
    let mut board = victim();
    let module = board.0.modules().next().unwrap().clone();
    let text = board.0.peek_range(TEXT, usize::from(module.layout.public_end - TEXT));
    let tag = authentic_sancus::crypto::verify_tag(board.0.security(), &text, module.layout);
    board.put_bytes(0x0900, &tag);
    assert_eq!(board.sancus(2, &[(14, TEXT), (15, 0x0900)]).0, 1);
}

#[test]
fn the_stack_does_not_reach_into_a_module() {
    let mut board = victim();
    board.set(1, SECRET + 4);
    refused(&mut board, attack().one("push", S::Constant(0)), Attempt::Write, SECRET + 2);
    let mut board = victim();
    board.set(1, SECRET + 2);
    refused(&mut board, attack().one("call", S::Immediate(ATTACKER)), Attempt::Write, SECRET);
    assert_eq!(board.word(SECRET), 0xcafe);
    let mut board = victim();
    board.set(1, SECRET);
    refused(&mut board, attack().ret(), Attempt::Read, SECRET);
}

#[test]
fn an_interrupt_frame_does_not_reach_into_a_module() {
    let mut board = victim();
    board.vector(2, 0x4900).vector(13, 0x4a00).program(&Program::at(0x4900).off()).program(&Program::at(0x4a00).off());
    board.set(1, SECRET + 2).set(0, ATTACKER).put(ATTACKER, &[0x4303, 0x4303]);
    board.run_ports_interrupt();
    assert_eq!(board.0.run(100), Stop::CpuOff);
    assert_eq!((board.word(SECRET), board.0.violations()), (0xcafe, 1));
}

impl Board {
    /// Makes port 1 request its interrupt with interrupts on.
    fn run_ports_interrupt(&mut self) {
        let pc = self.reg(0);
        self.put(0xf100, &[0x43d2, 0x0025]).step_at(0xf100);
        self.0.drive_pins(1, 1, 1);
        self.set(0, pc).set(2, GIE);
    }
}

#[test]
fn peripherals_can_belong_to_a_module() {
    // A driver whose secret range is port 1: it drives the pin named in r6.
    let driver = Program::at(TEXT).word(0x46c2).word(0x0021).word(0x46c2).word(0x0022).op("mov", S::Reg(7), D::Reg(0));
    let mut board = Board::new();
    assert_eq!(board.enable(&TestModule::new(driver, (0x20, 0x28))), 1);
    board.program(&attack().off()).set(6, 0x04).set(7, ATTACKER).set(0, TEXT).run();
    assert_eq!(board.0.devices().ports.port(1).unwrap().levels(), 0x04);

    board.set(2, 0);
    refused(&mut board, attack().word(0x43c2).word(0x0021), Attempt::Write, 0x21);
    assert_eq!(board.0.devices().ports.port(1).unwrap().levels(), 0x04);
    board.0.reset();
    let driver = Program::at(TEXT).ret();
    board.enable(&TestModule::new(driver, (0x20, 0x28)));
    refused(&mut board, attack().op("mov", S::Absolute(0x20), D::Reg(5)), Attempt::Read, 0x20);
    assert_eq!(board.reg(5), 0);
}

#[test]
fn a_stack_pointer_below_the_guard_violates() {
    let mut board = Board::new();
    board.set(1, 0x0604);
    let fits = attack().set(15, 0x0600).word(0x1388).one("push", S::Constant(0)).one("push", S::Constant(0));
    let violation = board.violation(&fits.one("push", S::Constant(0)).off());
    assert_eq!((violation.attempt, violation.address), (Attempt::Stack, 0x05fe));

    let mut board = Board::new();
    board.set(1, 0x0604);
    board.run_program(&attack().set(15, 0x0600).word(0x1388).set(15, 0).word(0x1388).set(1, 0x0300).off());
    let mut board = Board::new();
    board.set(1, 0x0604);
    board.run_program(&attack().set(15, 0x0600).word(0x1388).set(1, 0).set(1, 0x0300).off());
}

#[test]
fn a_later_module_that_claims_the_same_data_gets_nothing_when_the_first_one_goes() {
    let mut board = Board::new();
    let first = TestModule::new(Program::at(TEXT).set(15, ATTACKER).word(0x1380), (SECRET, SECRET + 0x10));
    board.put(SECRET, &[0xcafe; 8]);
    assert_eq!(board.enable(&first), 1);
    let thief = TestModule::new(Program::at(0x5100).op("mov", S::Absolute(SECRET + 2), D::Reg(5)).branch(ATTACKER), (SECRET + 2, SECRET + 8));
    assert_eq!(board.enable(&thief), 2);
    board.program(&attack().off()).set(0, 0x5100);
    assert!(matches!(board.0.run(100), Stop::UnhandledViolation(_)), "both rules hold while both live");
    let mut board = Board::new();
    board.put(SECRET, &[0xcafe; 8]);
    board.enable(&first);
    board.enable(&thief);
    board.program(&attack().off()).set(0, TEXT).run();
    assert_eq!(board.0.peek_range(SECRET, 16), [0; 16], "erased in spite of the later claim");
    board.set(2, 0).set(0, 0x5100).run();
    assert_eq!(board.reg(5), 0);
}

#[test]
fn a_violation_without_a_handler_stays_until_a_reset() {
    let mut board = victim();
    refused(&mut board, attack().op("mov", S::Absolute(SECRET), D::Reg(5)), Attempt::Read, SECRET);
    assert!(matches!(board.0.run(100), Stop::UnhandledViolation(_)));
    board.0.reset();
    board.run_program(&attack().off());
}
