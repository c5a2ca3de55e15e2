//! All 27 instructions in every addressing mode against a table written from the MSP430 architecture (TI SLAU049,
//! chapter 3, and its definition of the flags); cycles as measured on the openMSP430 core with code in program memory
//! and data in RAM.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use board::{Board, C, CODE, D, N, S, V, Z, double, single};

/// A case of a two-operand instruction: name, byte, source, destination, status before, result, flags after.
/// A result of `None`: the destination stays. The flags of DADD leave out V, which is undefined.
type Case = (&'static str, bool, u16, u16, u16, Option<u16>, u16);

const W: bool = false;
const B: bool = true;
/// Flags before an instruction that must leave them alone.
const ALL: u16 = C | Z | N | V;

#[rustfmt::skip]
const DOUBLE_CASES: &[Case] = &[
    ("mov", W, 0x1234, 0xffff, ALL, Some(0x1234), ALL),
    ("mov", W, 0x0000, 0xffff, 0, Some(0x0000), 0),
    ("mov", B, 0x0080, 0xffff, ALL, Some(0x80), ALL),
    ("add", W, 0x1234, 0x4321, ALL, Some(0x5555), 0),
    ("add", W, 0xffff, 0x0001, 0, Some(0x0000), C | Z),
    ("add", W, 0x7fff, 0x0001, 0, Some(0x8000), N | V),
    ("add", W, 0x8000, 0x8000, 0, Some(0x0000), C | Z | V),
    ("add", W, 0x8000, 0x7fff, C, Some(0xffff), N),
    ("add", B, 0x00ff, 0x0001, 0, Some(0x00), C | Z),
    ("add", B, 0x007f, 0x0001, 0, Some(0x80), N | V),
    ("add", B, 0x0080, 0x0080, 0, Some(0x00), C | Z | V),
    ("addc", W, 0x1000, 0x0234, C, Some(0x1235), 0),
    ("addc", W, 0xffff, 0x0000, C, Some(0x0000), C | Z),
    ("addc", W, 0x7fff, 0x0000, C, Some(0x8000), N | V),
    ("addc", W, 0x7fff, 0x0000, 0, Some(0x7fff), 0),
    ("addc", B, 0x00fe, 0x0001, C, Some(0x00), C | Z),
    ("addc", B, 0x0040, 0x003f, C, Some(0x80), N | V),
    ("sub", W, 0x0001, 0x0003, 0, Some(0x0002), C),
    ("sub", W, 0x0003, 0x0003, 0, Some(0x0000), C | Z),
    ("sub", W, 0x0003, 0x0001, C, Some(0xfffe), N),
    ("sub", W, 0x0001, 0x8000, 0, Some(0x7fff), C | V),
    ("sub", W, 0xffff, 0x7fff, 0, Some(0x8000), N | V),
    ("sub", B, 0x0001, 0x0080, 0, Some(0x7f), C | V),
    ("sub", B, 0x0010, 0x0010, 0, Some(0x00), C | Z),
    ("sub", B, 0x0011, 0x0010, 0, Some(0xff), N),
    ("subc", W, 0x0001, 0x0003, C, Some(0x0002), C),
    ("subc", W, 0x0001, 0x0003, 0, Some(0x0001), C),
    ("subc", W, 0x0000, 0x0000, 0, Some(0xffff), N),
    ("subc", W, 0x0000, 0x8000, 0, Some(0x7fff), C | V),
    ("subc", B, 0x0000, 0x0000, 0, Some(0xff), N),
    ("subc", B, 0x0005, 0x0005, C, Some(0x00), C | Z),
    ("cmp", W, 0x0003, 0x0003, 0, None, C | Z),
    ("cmp", W, 0x0004, 0x0003, 0, None, N),
    ("cmp", W, 0x0001, 0x8000, 0, None, C | V),
    ("cmp", B, 0x0012, 0x0034, 0, None, C),
    ("cmp", B, 0x00ff, 0x007f, 0, None, N | V),
    ("dadd", W, 0x1234, 0x5678, 0, Some(0x6912), 0),
    ("dadd", W, 0x1234, 0x5678, C, Some(0x6913), 0),
    ("dadd", W, 0x9999, 0x0001, 0, Some(0x0000), C | Z),
    ("dadd", W, 0x4500, 0x4500, 0, Some(0x9000), N),
    ("dadd", B, 0x0056, 0x0078, 0, Some(0x34), C),
    ("dadd", B, 0x0099, 0x0000, C, Some(0x00), C | Z),
    ("bit", W, 0x00f0, 0x0f00, C | N | V, None, Z),
    ("bit", W, 0x8001, 0x8000, V, None, C | N),
    ("bit", B, 0x0081, 0x0080, V, None, C | N),
    ("bit", B, 0x0001, 0x00fe, C, None, Z),
    ("bic", W, 0x0ff0, 0xffff, ALL, Some(0xf00f), ALL),
    ("bic", W, 0xffff, 0xffff, 0, Some(0x0000), 0),
    ("bic", B, 0x000f, 0x00ff, ALL, Some(0xf0), ALL),
    ("bis", W, 0x0ff0, 0xf000, ALL, Some(0xfff0), ALL),
    ("bis", B, 0x0081, 0x0002, 0, Some(0x83), 0),
    ("xor", W, 0xff00, 0xf0f0, 0, Some(0x0ff0), C | V),
    ("xor", W, 0x1234, 0x1234, C | N | V, Some(0x0000), Z),
    ("xor", W, 0x8000, 0x0001, 0, Some(0x8001), C | N),
    ("xor", B, 0x0080, 0x0081, 0, Some(0x01), C | V),
    ("xor", B, 0x000f, 0x00f0, 0, Some(0xff), C | N),
    ("and", W, 0xff00, 0x0ff0, V, Some(0x0f00), C),
    ("and", W, 0xff00, 0x00ff, C | N | V, Some(0x0000), Z),
    ("and", W, 0x8000, 0xffff, 0, Some(0x8000), C | N),
    ("and", B, 0x00f0, 0x00cc, V, Some(0xc0), C | N),
];

const SOURCE_AT: u16 = 0x0300;
const DESTINATION_AT: u16 = 0x0400;

/// Source modes with their cycles to a register and to memory.
const SOURCES: [(S, u64, u64); 7] = [
    (S::Reg(5), 1, 4),
    (S::Index(6, 0x0010), 3, 6),
    (S::Symbolic(SOURCE_AT), 3, 6),
    (S::Absolute(SOURCE_AT), 3, 6),
    (S::Indirect(7), 2, 5),
    (S::Increment(7), 2, 5),
    (S::Immediate(0), 2, 5),
];

const DESTINATIONS: [D; 4] = [D::Reg(8), D::Index(9, 0xfff0), D::Symbolic(DESTINATION_AT), D::Absolute(DESTINATION_AT)];

/// A board whose registers point at the operands for every mode.
fn prepared(source: u16, destination: u16) -> Board {
    let mut board = Board::new();
    board.put(SOURCE_AT, &[source, 0x5aa5]).put(DESTINATION_AT - 2, &[0x1111, destination, 0x2222]);
    board.set(5, source).set(6, SOURCE_AT - 0x10).set(7, SOURCE_AT).set(8, destination).set(9, DESTINATION_AT + 0x10);
    board
}

#[test]
fn two_operand_instructions_in_all_28_mode_pairs() {
    let mut runs = 0;
    for &(name, byte, source, destination, before, result, flags) in DOUBLE_CASES {
        for (s, to_register, to_memory) in SOURCES {
            for d in DESTINATIONS {
                let s = if matches!(s, S::Immediate(_)) { S::Immediate(source) } else { s };
                // A word's upper half must not leak into a byte operation on memory or registers.
                let noise = if byte { 0xa500 } else { 0 };
                let mut board = prepared(source | noise, destination & if byte { 0xff } else { 0xffff } | noise);
                let code = double(name, byte, s, d, CODE);
                board.start(&code).set(2, before);
                let what = format!("{name}{} {source:#x}, {destination:#x} as {s:?}, {d:?}", if byte { ".b" } else { "" });
                let cycles = board.step();

                let in_register = matches!(d, D::Reg(_));
                let untouched = destination & if byte { 0xff } else { 0xffff } | noise;
                let expected = match result {
                    None => untouched,
                    Some(value) if byte && !in_register => value | noise,
                    Some(value) => value,
                };
                let got = if in_register { board.reg(8) } else { board.word(DESTINATION_AT) };
                assert_eq!(got, expected, "{what}");
                let known = if name == "dadd" { C | Z | N } else { ALL };
                assert_eq!(board.flags() & known, flags, "flags of {what}");
                assert_eq!(cycles, if in_register { to_register } else { to_memory }, "cycles of {what}");
                assert_eq!(board.reg(0), CODE + 2 * code.len() as u16, "length of {what}");
                let step = if byte { 1 } else { 2 };
                assert_eq!(board.reg(7), SOURCE_AT + if s == S::Increment(7) { step } else { 0 }, "increment of {what}");
                assert_eq!(board.word(SOURCE_AT), source | noise, "source of {what}");
                assert_eq!((board.word(DESTINATION_AT - 2), board.word(DESTINATION_AT + 2)), (0x1111, 0x2222), "around {what}");
                runs += 1;
            }
        }
    }
    assert_eq!(runs, DOUBLE_CASES.len() * 28);
    for name in board::DOUBLE {
        for byte in [W, B] {
            assert!(DOUBLE_CASES.iter().any(|case| case.0 == name && case.1 == byte), "no case of {name}, byte {byte}");
        }
    }
}

/// Name, byte, operand, status before, result, flags after.
#[rustfmt::skip]
const SINGLE_CASES: &[(&str, bool, u16, u16, u16, u16)] = &[
    ("rrc", W, 0x0001, 0, 0x0000, C | Z),
    ("rrc", W, 0x0001, C | V, 0x8000, C | N),
    ("rrc", W, 0x8002, N, 0x4001, 0),
    ("rrc", B, 0x0001, C, 0x80, C | N),
    ("rrc", B, 0x0080, 0, 0x40, 0),
    ("rra", W, 0x8001, V, 0xc000, C | N),
    ("rra", W, 0x0001, 0, 0x0000, C | Z),
    ("rra", W, 0x4000, C, 0x2000, 0),
    ("rra", B, 0x0081, 0, 0xc0, C | N),
    ("rra", B, 0x0002, C, 0x01, 0),
    ("swpb", W, 0x1280, ALL, 0x8012, ALL),
    ("swpb", W, 0x00ff, 0, 0xff00, 0),
    ("sxt", W, 0x1280, V, 0xff80, C | N),
    ("sxt", W, 0xff7f, N | V, 0x007f, C),
    ("sxt", W, 0x3400, C, 0x0000, Z),
];

#[test]
fn shifts_swaps_and_extensions_in_all_six_modes() {
    let modes = [
        (S::Reg(8), 1),
        (S::Index(9, 0xfff0), 4),
        (S::Symbolic(DESTINATION_AT), 4),
        (S::Absolute(DESTINATION_AT), 4),
        (S::Indirect(10), 3),
        (S::Increment(10), 3),
    ];
    for &(name, byte, operand, before, result, flags) in SINGLE_CASES {
        for (mode, cycles) in modes {
            let noise = if byte { 0xa500 } else { 0 };
            let mut board = prepared(0, operand | noise);
            let code = single(name, byte, mode, CODE);
            board.start(&code).set(10, DESTINATION_AT).set(2, before);
            let what = format!("{name} (byte {byte}) of {operand:#x} as {mode:?}");
            assert_eq!(board.step(), cycles, "cycles of {what}");
            if mode == S::Reg(8) {
                assert_eq!(board.reg(8), result, "{what}");
            } else {
                assert_eq!(board.word(DESTINATION_AT), result | noise, "{what}");
            }
            assert_eq!(board.flags(), flags, "flags of {what}");
            assert_eq!(board.reg(0), CODE + 2 * code.len() as u16, "length of {what}");
            let step = if byte { 1 } else { 2 };
            assert_eq!(board.reg(10), DESTINATION_AT + if mode == S::Increment(10) { step } else { 0 }, "{what}");
            assert_eq!((board.word(DESTINATION_AT - 2), board.word(DESTINATION_AT + 2)), (0x1111, 0x2222), "around {what}");
        }
    }
}

/// Modes of PUSH and CALL with their cycles; the operand is the word 0x4500 wherever it lies.
const OPERANDS: [(S, u64, u64); 7] = [
    (S::Reg(5), 3, 3),
    (S::Index(6, 0x0010), 5, 5),
    (S::Symbolic(SOURCE_AT), 5, 5),
    (S::Absolute(SOURCE_AT), 5, 5),
    (S::Indirect(7), 4, 4),
    (S::Increment(7), 4, 4),
    (S::Immediate(0x4500), 4, 4),
];

#[test]
fn push_in_all_seven_modes_and_both_sizes() {
    for (mode, cycles, _) in OPERANDS {
        for byte in [W, B] {
            let mut board = prepared(0x4500, 0);
            board.put(0x05fc, &[0xbbbb, 0xcccc]).set(1, 0x0600);
            board.start(&single("push", byte, mode, CODE)).set(2, ALL);
            assert_eq!(board.step(), cycles, "{mode:?}");
            assert_eq!(board.reg(1), 0x05fe, "{mode:?}");
            assert_eq!(board.word(0x05fe), if byte { 0xcc00 } else { 0x4500 }, "{mode:?}");
            assert_eq!(board.word(0x05fc), 0xbbbb, "{mode:?}");
            assert_eq!(board.flags(), ALL, "{mode:?}");
            let step = if byte { 1 } else { 2 };
            assert_eq!(board.reg(7), SOURCE_AT + if mode == S::Increment(7) { step } else { 0 });
        }
    }
}

#[test]
fn call_in_all_seven_modes() {
    for (mode, _, cycles) in OPERANDS {
        let mut board = prepared(0x4500, 0);
        let code = single("call", W, mode, CODE);
        board.start(&code).set(1, 0x0600).set(2, ALL);
        assert_eq!(board.step(), cycles, "{mode:?}");
        assert_eq!((board.reg(0), board.reg(1)), (0x4500, 0x05fe), "{mode:?}");
        assert_eq!(board.word(0x05fe), CODE + 2 * code.len() as u16, "{mode:?}");
        assert_eq!(board.flags(), ALL, "{mode:?}");
    }
}

#[test]
fn push_of_the_stack_pointer_stores_it_decremented_and_pop_restores_it() {
    let mut board = Board::new();
    let mut code = single("push", W, S::Reg(1), CODE);
    code.extend(double("mov", W, S::Increment(1), D::Reg(1), CODE + 2));
    board.start(&code).set(1, 0x0600);
    board.step();
    assert_eq!((board.reg(1), board.word(0x05fe)), (0x05fe, 0x05fe));
    board.step();
    assert_eq!(board.reg(1), 0x05fe);
}

#[test]
fn the_constant_generators_give_six_constants_in_the_time_of_a_register() {
    for (constant, word, byte) in [(0, 0, 0), (1, 1, 1), (2, 2, 2), (4, 4, 4), (8, 8, 8), (-1, 0xffff, 0x00ff)] {
        for (size, expected) in [(W, word), (B, byte)] {
            let mut board = prepared(0, 0x5555);
            board.start(&double("mov", size, S::Constant(constant), D::Reg(8), CODE));
            assert_eq!((board.step(), board.reg(8), board.reg(0)), (1, expected, CODE + 2), "{constant}");

            let mut board = prepared(0, 0x5555);
            board.start(&double("mov", size, S::Constant(constant), D::Absolute(DESTINATION_AT), CODE));
            assert_eq!(board.step(), 4);
            assert_eq!(board.word(DESTINATION_AT), if size { 0x5500 | expected } else { expected }, "{constant}");
        }
        let mut board = prepared(0, 0);
        board.start(&single("push", W, S::Constant(constant), CODE)).set(1, 0x0600);
        assert_eq!((board.step(), board.word(0x05fe)), (3, word));
    }
    let mut board = prepared(0, 0);
    board.start(&double("mov", W, S::Immediate(0x1234), D::Reg(3), CODE));
    board.step();
    assert_eq!(board.reg(3), 0, "the constant generator keeps nothing");
}

#[test]
fn reti_pops_status_and_program_counter() {
    let mut board = Board::new();
    board.put(0x0600, &[0x010f, 0x4567]).start(&[0x1300]).set(1, 0x0600);
    assert_eq!(board.step(), 5);
    assert_eq!((board.reg(0), board.reg(1), board.reg(2)), (0x4566, 0x0604, 0x010f));
}

#[test]
fn jumps_are_taken_exactly_on_their_condition() {
    type Condition = fn(bool, bool, bool, bool) -> bool;
    let conditions: [(&str, Condition); 8] = [
        ("jne", |_, z, _, _| !z),
        ("jeq", |_, z, _, _| z),
        ("jnc", |c, _, _, _| !c),
        ("jc", |c, _, _, _| c),
        ("jn", |_, _, n, _| n),
        ("jge", |_, _, n, v| n == v),
        ("jl", |_, _, n, v| n != v),
        ("jmp", |_, _, _, _| true),
    ];
    for (code, (name, condition)) in conditions.into_iter().enumerate() {
        for bits in 0..16u16 {
            let [c, z, n, v] = [0, 1, 2, 3].map(|i| bits >> i & 1 == 1);
            let sr = [(c, C), (z, Z), (n, N), (v, V)].iter().map(|(set, flag)| if *set { *flag } else { 0 }).sum();
            // The offset counts words from the next instruction: +511, −512 and −1 (itself).
            for (offset, target) in [(0x1ff, CODE + 2 + 0x3fe), (0x200, CODE + 2 - 0x400), (0x3ff, CODE)] {
                let mut board = Board::new();
                let opcode = 0x2000 | (code as u16) << 10 | offset;
                board.put(CODE + 0x800, &[opcode]).set(0, CODE + 0x800).set(2, sr);
                assert_eq!(board.step(), 2, "{name}");
                let expected = if condition(c, z, n, v) { target + 0x800 } else { CODE + 0x802 };
                assert_eq!(board.reg(0), expected, "{name} with SR {sr:#x}, offset {offset:#x}");
                assert_eq!(board.reg(2), sr, "{name}");
            }
        }
    }
}

#[test]
fn the_program_counter_is_a_destination_and_a_source() {
    let cases = [
        (double("mov", W, S::Immediate(0x4567), D::Reg(0), CODE), 3, 0x4566),
        (double("mov", W, S::Reg(5), D::Reg(0), CODE), 2, 0x4500),
        (double("mov", W, S::Absolute(SOURCE_AT), D::Reg(0), CODE), 4, 0x4500),
        (double("mov", W, S::Indirect(7), D::Reg(0), CODE), 3, 0x4500),
        (double("add", W, S::Constant(4), D::Reg(0), CODE), 2, CODE + 6),
    ];
    for (code, cycles, target) in cases {
        let mut board = prepared(0x4500, 0);
        board.start(&code);
        assert_eq!((board.step(), board.reg(0)), (cycles, target), "{code:x?}");
    }
    let mut board = Board::new();
    board.start(&double("mov", W, S::Reg(0), D::Reg(8), CODE));
    board.step();
    assert_eq!(board.reg(8), CODE + 2);
}

#[test]
fn stack_pointer_and_status_register_have_their_own_widths() {
    let mut board = Board::new();
    board.start(&double("mov", W, S::Immediate(0x0601), D::Reg(1), CODE));
    board.step();
    assert_eq!(board.reg(1), 0x0600, "the stack pointer is even");

    let mut board = Board::new();
    board.start(&double("mov", W, S::Immediate(0x7fef), D::Reg(2), CODE));
    board.step();
    assert_eq!(board.reg(2), 0x01ef, "reserved bits of SR stay 0");

    let mut board = Board::new();
    board.start(&double("add", W, S::Constant(-1), D::Reg(2), CODE)).set(2, 0x0001);
    board.step();
    assert_eq!(board.reg(2), Z | C, "flags of the operation win over the stored bits");

    let mut board = prepared(0, 0);
    board.set(1, SOURCE_AT).start(&double("mov", B, S::Increment(1), D::Reg(8), CODE));
    board.step();
    assert_eq!(board.reg(1), SOURCE_AT + 2, "the stack pointer moves by words");
}

#[test]
fn odd_word_addresses_reach_the_word_below_and_addresses_wrap() {
    let mut board = prepared(0x1234, 0);
    board.set(7, SOURCE_AT + 1).start(&double("mov", W, S::Indirect(7), D::Reg(8), CODE));
    board.step();
    assert_eq!(board.reg(8), 0x1234);

    let mut board = prepared(0x1234, 0);
    board.set(6, 0xff00).start(&double("mov", W, S::Index(6, SOURCE_AT + 0x100), D::Reg(8), CODE));
    board.step();
    assert_eq!(board.reg(8), 0x1234);
}

#[test]
fn writing_program_memory_takes_one_cycle_more_and_comparing_does_not() {
    for (name, cycles) in [("mov", 5), ("add", 5), ("cmp", 4), ("bit", 4)] {
        let mut board = Board::new();
        board.start(&double(name, W, S::Reg(5), D::Absolute(0x9000), CODE));
        assert_eq!(board.step(), cycles, "{name}");
    }
}

#[test]
fn unassigned_opcodes_are_one_cycle_no_operations_and_counted() {
    for opcode in [0x0000, 0x0fff, 0x1400, 0x1fff, 0x138a, 0x138f] {
        let mut board = Board::new();
        board.start(&[opcode]).set(2, ALL);
        let before = *board.0.registers();
        assert_eq!(board.step(), 1, "{opcode:#x}");
        assert_eq!(board.reg(0), CODE + 2);
        assert_eq!(board.0.registers()[1..], before[1..]);
        assert_eq!(board.0.illegal_opcodes(), u64::from(opcode & 0xfff0 != 0x1380));
    }
}

#[test]
fn decimal_addition_of_other_digits_stays_within_five_bits_a_digit() {
    let mut board = Board::new();
    board.start(&double("dadd", W, S::Reg(5), D::Reg(8), CODE)).set(5, 0x000f).set(8, 0x000f).set(2, C);
    board.step();
    assert_eq!((board.reg(8), board.flags() & !V), (0x0005, 0));
}
