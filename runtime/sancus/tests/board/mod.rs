//! A board for tests: encodes instructions, loads them into program memory and runs them.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part; a failure must fail the test")]

use authentic_sancus::crypto::Key;
use authentic_sancus::{Machine, Stop, Violation};

/// Where programs start.
pub const CODE: u16 = 0x4000;
/// Flags in SR.
pub const C: u16 = 1;
pub const Z: u16 = 2;
pub const N: u16 = 4;
pub const V: u16 = 0x100;
pub const GIE: u16 = 8;

/// A source operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S {
    Reg(u16),
    Index(u16, u16),
    Symbolic(u16),
    Absolute(u16),
    Indirect(u16),
    Increment(u16),
    Immediate(u16),
    Constant(i16),
}

/// A destination operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum D {
    Reg(u16),
    Index(u16, u16),
    Symbolic(u16),
    Absolute(u16),
}

/// Names in opcode order, from 4.
pub const DOUBLE: [&str; 12] = ["mov", "add", "addc", "subc", "sub", "cmp", "dadd", "bit", "bic", "bis", "xor", "and"];
pub const SINGLE: [&str; 7] = ["rrc", "swpb", "rra", "sxt", "push", "call", "reti"];

/// Register, mode and extension word of a source; `at` is where the extension word goes.
fn source(s: S, at: u16) -> (u16, u16, Option<u16>) {
    match s {
        S::Reg(r) => (r, 0, None),
        S::Index(r, x) => (r, 1, Some(x)),
        S::Symbolic(target) => (0, 1, Some(target.wrapping_sub(at))),
        S::Absolute(address) => (2, 1, Some(address)),
        S::Indirect(r) => (r, 2, None),
        S::Increment(r) => (r, 3, None),
        S::Immediate(value) => (0, 3, Some(value)),
        S::Constant(0) => (3, 0, None),
        S::Constant(1) => (3, 1, None),
        S::Constant(2) => (3, 2, None),
        S::Constant(-1) => (3, 3, None),
        S::Constant(4) => (2, 2, None),
        S::Constant(8) => (2, 3, None),
        S::Constant(other) => panic!("{other} is not made by the constant generators"),
    }
}

/// Encodes a two-operand instruction that will lie at `at`.
pub fn double(name: &str, byte: bool, s: S, d: D, at: u16) -> Vec<u16> {
    let operation = 4 + DOUBLE.iter().position(|n| *n == name).unwrap() as u16;
    let (sr, sm, sx) = source(s, at + 2);
    let destination_word = at + 2 + if sx.is_some() { 2 } else { 0 };
    let (dr, dm, dx) = match d {
        D::Reg(r) => (r, 0, None),
        D::Index(r, x) => (r, 1, Some(x)),
        D::Symbolic(target) => (0, 1, Some(target.wrapping_sub(destination_word))),
        D::Absolute(address) => (2, 1, Some(address)),
    };
    let opcode = operation << 12 | sr << 8 | dm << 7 | u16::from(byte) << 6 | sm << 4 | dr;
    [Some(opcode), sx, dx].into_iter().flatten().collect()
}

/// Encodes a one-operand instruction that will lie at `at`.
pub fn single(name: &str, byte: bool, s: S, at: u16) -> Vec<u16> {
    let operation = SINGLE.iter().position(|n| *n == name).unwrap() as u16;
    let (register, mode, extension) = source(s, at + 2);
    let opcode = 0x1000 | operation << 7 | u16::from(byte) << 6 | mode << 4 | register;
    [Some(opcode), extension].into_iter().flatten().collect()
}

/// A program under construction, at an address.
pub struct Program {
    pub start: u16,
    pub words: Vec<u16>,
}

impl Program {
    pub fn at(start: u16) -> Self {
        Self { start, words: Vec::new() }
    }

    /// Where the next instruction goes.
    pub fn here(&self) -> u16 {
        self.start + 2 * self.words.len() as u16
    }

    pub fn op(mut self, name: &str, s: S, d: D) -> Self {
        let at = self.here();
        self.words.extend(double(name, false, s, d, at));
        self
    }

    pub fn one(mut self, name: &str, s: S) -> Self {
        let at = self.here();
        self.words.extend(single(name, false, s, at));
        self
    }

    /// `mov #value, register`, always with an extension word.
    pub fn set(self, register: u16, value: u16) -> Self {
        self.op("mov", S::Immediate(value), D::Reg(register))
    }

    pub fn word(mut self, word: u16) -> Self {
        self.words.push(word);
        self
    }

    /// `br #target`.
    pub fn branch(self, target: u16) -> Self {
        self.op("mov", S::Immediate(target), D::Reg(0))
    }

    pub fn ret(self) -> Self {
        self.word(0x4130)
    }

    pub fn hold_watchdog(self) -> Self {
        self.op("mov", S::Immediate(0x5a80), D::Absolute(0x0120))
    }

    /// `bis #0x10, sr`: the CPU goes off and the run ends.
    pub fn off(self) -> Self {
        self.op("bis", S::Immediate(0x10), D::Reg(2))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }
}

pub fn key_64() -> Key {
    Key::from_hex("deadbeefcafebabe").unwrap()
}

pub fn key_128() -> Key {
    Key::from_hex("deadbeefcafebabec0defeeddefec8ed").unwrap()
}

pub fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// A machine with short names for what tests do most.
pub struct Board(pub Machine);

impl Board {
    pub fn new() -> Self {
        Self(Machine::builder().node_key(key_64()).build())
    }

    pub fn quirky() -> Self {
        Self(Machine::builder().node_key(key_64()).hardware_quirks(true).build())
    }

    pub fn put(&mut self, address: u16, words: &[u16]) -> &mut Self {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.0.load(address, &bytes).unwrap();
        self
    }

    pub fn program(&mut self, program: &Program) -> &mut Self {
        self.put(program.start, &program.words)
    }

    /// Loads code at 0x4000 with the watchdog held before it is reached, and points PC at it.
    pub fn start(&mut self, words: &[u16]) -> &mut Self {
        self.put(CODE, words);
        self.set(0, CODE)
    }

    pub fn set(&mut self, register: usize, value: u16) -> &mut Self {
        self.0.set_register(register, value);
        self
    }

    pub fn vector(&mut self, number: u16, handler: u16) -> &mut Self {
        self.put(0xffe0 + 2 * number, &[handler])
    }

    pub fn reg(&self, register: usize) -> u16 {
        self.0.registers()[register]
    }

    pub fn word(&self, address: u16) -> u16 {
        u16::from_le_bytes([self.0.peek(address), self.0.peek(address + 1)])
    }

    pub fn flags(&self) -> u16 {
        self.reg(2) & (C | Z | N | V)
    }

    /// Executes one step and returns its cycles.
    pub fn step(&mut self) -> u64 {
        let before = self.0.cycles();
        self.0.step();
        self.0.cycles() - before
    }

    /// Runs until the CPU goes off.
    pub fn run(&mut self) {
        assert_eq!(self.0.run(10_000_000), Stop::CpuOff);
    }

    /// Runs a program from reset until the CPU goes off.
    pub fn run_program(&mut self, program: &Program) -> &mut Self {
        self.program(program);
        self.set(0, program.start);
        self.run();
        self
    }

    /// Runs a program that must end in an unhandled violation.
    pub fn violation(&mut self, program: &Program) -> Violation {
        self.program(program);
        self.set(0, program.start);
        match self.0.run(10_000_000) {
            Stop::UnhandledViolation(violation) => violation,
            other => panic!("no violation but {other:?}"),
        }
    }
}

/// Where [`Board::sancus`] puts its instruction.
const SCRATCH: u16 = 0xf000;

/// A module for tests: 16 bytes of secret data and a program as text.
pub struct TestModule {
    pub program: Program,
    pub secret: (u16, u16),
}

impl TestModule {
    pub fn new(program: Program, secret: (u16, u16)) -> Self {
        Self { program, secret }
    }

    pub fn layout(&self) -> authentic_sancus::crypto::Layout {
        authentic_sancus::crypto::Layout {
            public_start: self.program.start,
            public_end: self.program.here(),
            secret_start: self.secret.0,
            secret_end: self.secret.1,
        }
    }
}

impl Board {
    /// Executes Sancus instruction `number` from unprotected code with the given registers: (r15, cycles).
    pub fn sancus(&mut self, number: u16, registers: &[(usize, u16)]) -> (u16, u64) {
        self.put(SCRATCH, &[0x1380 + number]).set(0, SCRATCH);
        for (register, value) in registers {
            self.set(*register, *value);
        }
        let cycles = self.step();
        (self.reg(15), cycles)
    }

    /// Loads a module and enables it in plaintext for vendor 0x1234: its id.
    pub fn enable(&mut self, module: &TestModule) -> u16 {
        self.program(&module.program);
        let l = module.layout();
        let registers = [(10, 0), (11, 0x1234), (12, l.public_start), (13, l.public_end), (14, l.secret_start), (15, l.secret_end)];
        self.sancus(1, &registers).0
    }

    /// Points PC at an address and steps once.
    pub fn step_at(&mut self, pc: u16) -> u64 {
        self.set(0, pc);
        self.step()
    }

    pub fn put_bytes(&mut self, address: u16, bytes: &[u8]) -> &mut Self {
        self.0.load(address, bytes).unwrap();
        self
    }
}
