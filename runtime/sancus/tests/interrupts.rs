//! Interrupts and violations: entry from unprotected code and from modules, saved state, resumption, priorities, sleep.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use authentic_sancus::{Machine, Stop};
use board::{Board, C, D, GIE, N, Program, S, TestModule};

const TEXT: u16 = 0x5000;
const SECRET: u16 = 0x0200;
const SECRET_END: u16 = 0x0280;
const MAIN: u16 = 0x4800;
const HANDLER: u16 = 0x4900;
const STACK: u16 = 0x0800;

impl Board {
    /// Port 1 requests its interrupt (number 2).
    fn request(&mut self) {
        let (pc, sr) = (self.reg(0), self.reg(2));
        self.put(0xf100, &[0x43d2, 0x0025]).step_at(0xf100);
        self.0.drive_pins(1, 1, 0);
        self.0.drive_pins(1, 1, 1);
        self.set(0, pc).set(2, sr);
    }
}

#[test]
fn unprotected_code_is_interrupted_in_7_cycles_with_pc_and_status_pushed() {
    let mut board = Board::new();
    board.vector(2, HANDLER).program(&Program::at(MAIN).word(0x4303)).set(0, MAIN).set(1, STACK);
    board.request();
    board.set(2, GIE | C | N);
    assert_eq!(board.step(), 7);
    assert_eq!((board.reg(0), board.reg(1), board.reg(2)), (HANDLER, STACK - 4, 0));
    assert_eq!((board.word(STACK - 2), board.word(STACK - 4)), (MAIN, GIE | C | N));
}

#[test]
fn without_gie_an_interrupt_waits() {
    let mut board = Board::new();
    board.vector(2, HANDLER).program(&Program::at(MAIN).word(0x4303).word(0xd232).word(0x4303)).set(0, MAIN).set(1, STACK);
    board.request();
    board.step();
    assert_eq!(board.reg(0), MAIN + 2);
    board.step();
    assert_eq!((board.reg(0), board.reg(2)), (MAIN + 4, GIE), "eint");
    board.step();
    assert_eq!(board.reg(0), MAIN + 6, "the instruction after `eint` runs in any case");
    assert_eq!(board.step(), 7);
    assert_eq!(board.reg(0), HANDLER);
}

#[test]
fn an_interrupt_can_still_come_right_after_dint_and_reti_takes_effect_at_once() {
    let mut board = Board::new();
    board.vector(2, HANDLER).program(&Program::at(MAIN).word(0xc232).word(0x4303)).set(0, MAIN).set(1, STACK);
    board.put(0xf100, &[0x43d2, 0x0025]).step_at(0xf100);
    board.set(0, MAIN).set(2, GIE);
    board.step();
    board.0.drive_pins(1, 1, 1);
    assert_eq!((board.step(), board.reg(0), board.word(STACK - 4)), (7, HANDLER, 0), "with GIE already off in the saved status");

    let mut board = Board::new();
    board.vector(2, HANDLER).program(&Program::at(MAIN).word(0x1300)).put(STACK, &[GIE, MAIN + 8]).set(1, STACK).set(0, MAIN);
    board.request();
    board.step();
    assert_eq!(board.step(), 7, "no instruction between RETI and the next interrupt");
    assert_eq!(board.word(STACK + 2), MAIN + 8);
}

#[test]
fn the_highest_number_goes_first_and_single_source_flags_clear_themselves() {
    let mut board = Board::new();
    // Timer A counts to 1000 and requests numbers 9 (compare 0) and 8 (overflow).
    let main = Program::at(MAIN)
        .hold_watchdog()
        .op("mov", S::Immediate(1000), D::Absolute(0x0172))
        .op("mov", S::Immediate(0x0010), D::Absolute(0x0162))
        .op("mov", S::Immediate(0x0212), D::Absolute(0x0160))
        .set(5, 400)
        .op("sub", S::Constant(1), D::Reg(5))
        .word(0x23fe)
        .op("bis", S::Constant(8), D::Reg(2))
        .word(0x4303)
        .off();
    let nine = Program::at(HANDLER).op("add", S::Constant(1), D::Reg(9)).op("mov", S::Constant(0), D::Absolute(0x0160)).word(0x1300);
    let eight = Program::at(HANDLER + 0x40).op("mov", S::Reg(9), D::Reg(10)).op("mov", S::Absolute(0x012e), D::Reg(11)).word(0x1300);
    board.vector(9, HANDLER).vector(8, HANDLER + 0x40).program(&nine).program(&eight).set(1, STACK);
    board.run_program(&main);
    assert_eq!(board.reg(9), 1, "number 9 ran once");
    assert_eq!((board.reg(10), board.reg(11)), (0, 0), "number 8 was switched off by then");
}

/// A module that sets r4 to r15 to known values with interrupts on, and at re-entry restores itself as the hardware saved it.
fn resumable() -> TestModule {
    let top = SECRET_END - 2;
    let mut program = Program::at(TEXT).word(0xc232); // dint
    // Resuming? The low bit of the saved SP says so.
    program = program.op("mov", S::Absolute(top), D::Reg(5)).op("bit", S::Constant(1), D::Reg(4));
    // The test uses only the fresh path; resumption is written out in `resume` below.
    program = program.set(1, SECRET + 0x40);
    for register in 4..16 {
        program = program.set(register, 0x1110 * register);
    }
    program = program.word(0xd232); // eint
    for _ in 0..4 {
        program = program.word(0x4303);
    }
    TestModule::new(program.branch(MAIN + 0x40), (SECRET, SECRET_END))
}

/// Runs `resumable` up to the instructions after `eint`, with its save pointer set to `save`.
fn interrupted_module(save: u16, quirks: bool) -> Board {
    let mut board = if quirks { Board::quirky() } else { Board::new() };
    board.put(SECRET_END - 2, &[save]).vector(2, HANDLER).program(&Program::at(HANDLER).word(0x1387).off());
    assert_eq!(board.enable(&resumable()), 1);
    board.request();
    board.set(0, TEXT).set(2, 0);
    for _ in 0..100 {
        board.step();
        if board.reg(0) == HANDLER {
            return board;
        }
    }
    panic!("no interrupt");
}

#[test]
fn an_interrupted_module_is_saved_in_its_own_data_and_nothing_leaks() {
    let save = SECRET_END - 4;
    let mut board = interrupted_module(save, false);
    let resume_at = resumable().program.here() - 4 - 8;
    assert_eq!(board.word(save), resume_at + 2, "the instruction after `eint` runs first");
    assert_eq!(board.word(save - 2), (SECRET + 0x40) | 1);
    assert_eq!(board.word(save - 4) & GIE, GIE);
    for register in 4..16u16 {
        assert_eq!(board.word(save - 6 - 2 * (15 - register)), 0x1110 * register, "r{register}");
    }
    for register in 3..15 {
        assert_eq!(board.reg(register), 0, "r{register}");
    }
    assert_eq!((board.reg(1), board.reg(2), board.reg(15)), (0, 0x8000, TEXT));
    board.run();
    assert_eq!(board.reg(15), 0xfff2, "the handler's caller is interrupt 2");
}

#[test]
fn entering_a_handler_from_a_module_takes_35_cycles() {
    let mut board = Board::new();
    board.put(SECRET_END - 2, &[SECRET_END - 4]).vector(2, HANDLER);
    board.enable(&TestModule::new(Program::at(TEXT).word(0xd232).word(0x4303).word(0x4303), (SECRET, SECRET_END)));
    board.request();
    board.set(0, TEXT).set(2, 0);
    board.step();
    board.step();
    assert_eq!(board.step(), 35);
}

#[test]
fn a_module_resumes_where_it_was_with_all_registers() {
    const TOP: u16 = SECRET_END - 2;
    // Entry: dint; a set low bit at [S-2] means "resume": pop r4..r15 and SR from there, restore SP, go on.
    let text = Program::at(TEXT)
        .word(0xc232)
        .op("mov", S::Absolute(TOP), D::Reg(1)) // SP := S
        .op("bit", S::Constant(1), D::Index(1, 0xfffe))
        .word(0x2000 | 0x14); // jne resume, 20 words on
    let mut text = text.set(1, SECRET + 0x40).op("mov", S::Constant(0), D::Absolute(SECRET + 0x50));
    for register in [4, 9, 14] {
        text = text.set(register, 0x1100 + register);
    }
    text = text.word(0xd232).word(0x4303).word(0x4303); // eint, then the interrupt
    text = text.op("mov", S::Reg(14), D::Absolute(SECRET + 0x50)).word(0x3c00); // placeholder jump patched below
    let resume = text.here();
    let jump_at = text.words.len() - 1;
    text = text.op("sub", S::Immediate(28), D::Reg(1));
    for register in 4..16 {
        text = text.op("mov", S::Increment(1), D::Reg(register));
    }
    text = text
        .op("bic", S::Constant(8), D::Index(1, 0)) // no interrupt before the last instruction
        .op("mov", S::Increment(1), D::Reg(2))
        .op("mov", S::Indirect(1), D::Reg(1)) // SP, even again
        .op("mov", S::Absolute(SECRET_END - 6), D::Absolute(SECRET + 0x52)) // keeps SP|1 for the test
        .op("mov", S::Constant(0), D::Absolute(SECRET_END - 6))
        .word(0xd232)
        .op("mov", S::Absolute(SECRET_END - 4), D::Reg(0));
    let done = text.here();
    text.words[jump_at] = 0x3c00 | ((done - (text.start + 2 * jump_at as u16 + 2)) / 2);
    let entry_jump = 1 + 2 + 2; // words before the jne: dint, mov (2), bit (2)
    text.words[entry_jump] = 0x2000 | ((resume - (TEXT + 2 * entry_jump as u16 + 2)) / 2);
    let text = text.op("mov", S::Reg(4), D::Absolute(SECRET + 0x54)).op("mov", S::Reg(9), D::Absolute(SECRET + 0x56));
    let text = text.word(0xc232).branch(MAIN);

    // The handler switches port 1's interrupt off and returns to the module's start, given in r15.
    let handler = Program::at(HANDLER)
        .word(0x43c2)
        .word(0x0025)
        .set(1, STACK)
        .op("add", S::Constant(1), D::Absolute(0x0900))
        .one("push", S::Reg(15))
        .one("push", S::Constant(0))
        .word(0x1300);
    let mut board = Board::new();
    board.put(TOP, &[SECRET_END - 4]).vector(2, HANDLER).program(&handler).program(&Program::at(MAIN).off());
    assert_eq!(board.enable(&TestModule::new(text, (SECRET, SECRET_END))), 1);
    board.request();
    board.set(0, TEXT).set(2, 0).run();
    assert_eq!(board.word(0x0900), 1, "one interrupt");
    assert_eq!(board.word(SECRET + 0x50), 0x110e, "r14 after the interrupt");
    assert_eq!((board.word(SECRET + 0x54), board.word(SECRET + 0x56)), (0x1104, 0x1109));
    assert_eq!(board.word(SECRET + 0x52), (SECRET + 0x40) | 1);
}

#[test]
fn the_first_instruction_of_a_module_is_never_interrupted() {
    let mut board = Board::new();
    board.put(SECRET_END - 2, &[SECRET_END - 4]).vector(2, HANDLER).program(&Program::at(HANDLER).off()).set(1, STACK);
    let text = Program::at(TEXT).word(0xc232).set(5, 0x1234).op("mov", S::Reg(5), D::Absolute(SECRET)).branch(MAIN + 0x20);
    board.enable(&TestModule::new(text, (SECRET, SECRET_END)));
    board.program(&Program::at(MAIN).branch(TEXT)).program(&Program::at(MAIN + 0x20).off()).set(0, MAIN);
    board.step();
    board.request();
    board.set(2, GIE);
    board.run();
    assert_eq!(board.word(SECRET), 0x1234, "dint ran, so the module ran to its end");
    assert_eq!(board.word(SECRET_END - 4), 0, "nothing was saved");
}

#[test]
fn a_violation_is_taken_without_gie_and_marks_the_saved_status() {
    let mut board = Board::new();
    board.enable(&TestModule::new(Program::at(TEXT).ret(), (SECRET, SECRET_END)));
    board.vector(13, HANDLER).program(&Program::at(HANDLER).word(0x1387).off());
    board.program(&Program::at(MAIN).op("mov", S::Absolute(SECRET), D::Reg(5)).word(0x4303)).set(0, MAIN).set(1, STACK).set(2, C);
    board.step();
    assert_eq!(board.step(), 7);
    assert_eq!((board.word(STACK - 2), board.word(STACK - 4)), (MAIN + 4, 0x4000 | C));
    board.run();
    assert_eq!((board.reg(15), board.0.violations()), (0xfffd, 1));
}

#[test]
fn a_violation_in_a_module_saves_its_state_only_with_interrupts_on() {
    for (status, saved) in [(0u16, false), (GIE, true)] {
        let mut board = Board::new();
        board.put(SECRET_END - 2, &[SECRET_END - 4]).vector(13, HANDLER).put(0x0900, &[0]);
        // Reads another module's data.
        board.enable(&TestModule::new(Program::at(0x5200).ret(), (0x0300, 0x0310)));
        let text = Program::at(TEXT).op("mov", S::Absolute(0x0300), D::Reg(5)).word(0x4303);
        assert_eq!(board.enable(&TestModule::new(text, (SECRET, SECRET_END))), 2);
        board.set(0, TEXT).set(2, status).set(4, 0x4444).set(1, 0x0240);
        board.step();
        board.step();
        assert_eq!(board.reg(0), HANDLER);
        assert_eq!((board.reg(1), board.reg(2), board.reg(4), board.reg(15)), (0, 0x8000, 0, TEXT));
        let expected = if saved { [TEXT + 4, 0x0241, 0x4000 | GIE] } else { [0, 0, 0] };
        assert_eq!([0, 2, 4].map(|i| board.word(SECRET_END - 4 - i)), expected);
    }
}

#[test]
fn registers_are_saved_only_into_the_module_s_own_data() {
    for save in [0, 0x0800, SECRET + 26, SECRET_END, 0xffff, 0x0ffe] {
        let board = interrupted_module(save, false);
        let intact = |address: u16| board.word(address) == 0;
        assert!((0x0300..0x0900).step_by(2).all(intact), "{save:#x}");
        assert!((SECRET..SECRET_END - 2).step_by(2).all(intact), "{save:#x}");
        assert_eq!(board.word(0xfffe), 0, "{save:#x}");
        assert_eq!((board.reg(15), board.reg(4)), (TEXT, 0));
    }
    let lowest = interrupted_module(SECRET + 28, false);
    assert_eq!(lowest.word(SECRET), 0x4440);
}

#[test]
fn the_stack_guard_is_cleared_when_a_module_is_interrupted() {
    let mut board = Board::new();
    board.put(SECRET_END - 2, &[SECRET_END - 4]).vector(2, HANDLER);
    board.program(&Program::at(HANDLER).set(1, STACK).one("push", S::Constant(0)).off());
    let text = Program::at(TEXT).set(1, SECRET + 0x40).set(15, SECRET + 0x20).word(0x1388).word(0xd232).word(0x4303).word(0x4303);
    board.enable(&TestModule::new(text, (SECRET, SECRET_END)));
    board.request();
    board.set(0, TEXT).set(2, 0).run();
    assert_eq!(board.0.violations(), 0);
}

#[test]
fn the_stack_guard_is_cleared_when_a_violation_ends_a_module() {
    let mut board = Board::new();
    board.vector(13, HANDLER);
    board.program(&Program::at(HANDLER).set(1, STACK).one("push", S::Constant(0)).off());
    // The guard lies above the handler's stack: kept, it would violate there again.
    let text = Program::at(TEXT).set(1, 0x1040).set(15, 0x1020).word(0x1388).op("mov", S::Constant(0), D::Absolute(TEXT));
    board.enable(&TestModule::new(text, (0x1000, 0x1080)));
    board.set(0, TEXT).set(2, 0).run();
    assert_eq!(board.0.violations(), 1);
}

#[test]
fn a_sleeping_cpu_wakes_at_the_timer_s_cycle() {
    let mut board = Board::new();
    let main = Program::at(MAIN)
        .hold_watchdog()
        .op("mov", S::Immediate(50_000), D::Absolute(0x0172))
        .op("mov", S::Immediate(0x0010), D::Absolute(0x0162))
        .op("mov", S::Immediate(0x0210), D::Absolute(0x0160))
        .op("bis", S::Immediate(0x18), D::Reg(2));
    let handler = Program::at(HANDLER).op("mov", S::Absolute(0x0170), D::Reg(6)).off();
    board.vector(9, HANDLER).program(&handler).program(&main).set(0, MAIN).set(1, STACK);
    assert_eq!(board.0.run(1_000), Stop::Budget, "asleep, time passes");
    assert!(board.0.cycles() >= 1_000);
    assert_eq!(board.0.run(100_000), Stop::CpuOff);
    assert!(board.0.cycles() > 50_000 && board.0.cycles() < 50_100, "{}", board.0.cycles());
    assert!(board.0.instructions() < 10, "sleeping executes nothing");
    assert_eq!(board.reg(6), 6, "the comparison at 50,000, then 0, then six more of the entry's seven cycles");
}

#[test]
fn a_cpu_that_nothing_can_wake_ends_the_run_and_a_pin_wakes_it_later() {
    let mut board = Board::new();
    let main = Program::at(MAIN).hold_watchdog().word(0x43d2).word(0x0025).op("bis", S::Immediate(0x18), D::Reg(2));
    board.vector(2, HANDLER).program(&Program::at(HANDLER).set(6, 0x600d).off()).program(&main).set(0, MAIN).set(1, STACK);
    assert_eq!(board.0.run(1_000_000), Stop::CpuOff);
    board.0.drive_pins(1, 1, 1);
    assert_eq!(board.0.run(1_000_000), Stop::CpuOff);
    assert_eq!(board.reg(6), 0x600d);
}

#[test]
fn the_watchdog_resets_a_program_that_forgets_it() {
    let mut machine = Machine::builder().build();
    machine.load(0x4000, &[0xff, 0x3f]).unwrap();
    machine.load(0xfffe, &[0x00, 0x40]).unwrap();
    machine.reset_to_power_on();
    assert_eq!(machine.run(100_000), Stop::Budget);
    assert_eq!(machine.resets(), 3);
}
