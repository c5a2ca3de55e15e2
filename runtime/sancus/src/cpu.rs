//! The MSP430 instruction set.
//!
//! Source: TI, "MSP430x1xx Family User's Guide" (SLAU049), chapter 3; cycle counts are those of the openMSP430 core,
//! which differ from TI's.

use crate::alu;
use crate::interrupts::Entry;
use crate::machine::Machine;
use crate::registers::{CARRY, GIE, NEGATIVE, OVERFLOW, PC, SP, SR, WRITABLE, ZERO};
use crate::violation::Attempt;

const RETI: u16 = 0x1300;

/// A source operand.
struct Operand {
    value: u16,
    cycles: u64,
    /// Register to increment once the instruction is done, and by how much.
    increment: Option<(usize, u16)>,
}

impl Operand {
    fn new(value: u16, cycles: u64) -> Self {
        Self { value, cycles, increment: None }
    }
}

impl Machine {
    /// Executes one instruction, or enters an interrupt or violation handler.
    pub fn step(&mut self) {
        if self.cycles >= self.next_event {
            self.poll_devices();
        }
        if let Some(violation) = self.fault.take() {
            return self.take_violation(violation);
        }
        let pc = self.registers[PC];
        let entry = if u32::from(pc.wrapping_sub(self.window.0)) < self.window.1 { Entry::Open } else { self.enter_domain(pc) };
        match entry {
            Entry::Open if self.lines != 0 && self.interruptible => return self.take_interrupt(),
            Entry::Open | Entry::Shielded => {}
            Entry::Refused => {
                if let Some(violation) = self.fault.take() {
                    self.take_violation(violation);
                }
                return;
            }
        }
        self.instruction = pc;
        let status = self.registers[SR];
        let opcode = self.memory.word(pc);
        self.registers[PC] = pc.wrapping_add(2);
        self.instructions += 1;
        let cycles = match opcode >> 12 {
            0x1 => self.single_operand(opcode),
            0x2 | 0x3 => self.jump(opcode),
            0x4..=0xf => self.double_operand(opcode),
            _ => self.illegal(),
        };
        self.cycles += cycles;
        // Interrupts are sampled in an instruction's last cycle, before it stores SR: one more instruction follows `eint`.
        // RETI stores SR earlier. In a module's first cycle GIE counts as 0.
        let sampled = if opcode & 0xff80 == RETI { self.registers[SR] } else { status };
        self.interruptible = sampled & GIE != 0 && !(entry == Entry::Shielded && cycles == 1);
        self.check_stack();
    }

    fn illegal(&mut self) -> u64 {
        self.illegal_opcodes += 1;
        1
    }

    /// Fetches the next word of the instruction; one that lies in another domain reads 0 and violates.
    #[inline(always)]
    fn fetch(&mut self) -> u16 {
        let pc = self.registers[PC];
        self.registers[PC] = pc.wrapping_add(2);
        if u32::from(pc.wrapping_sub(self.window.0)) >= self.window.1 && self.modules.word_bits(pc & !1) & self.denied.read != 0 {
            self.violate(Attempt::Read, pc);
            return 0;
        }
        self.memory.word(pc)
    }

    /// The address of an indexed, symbolic or absolute operand.
    #[inline(always)]
    fn indexed(&mut self, register: usize) -> u16 {
        let base = match register {
            SR | 3 => 0,
            _ => self.registers[register],
        };
        base.wrapping_add(self.fetch())
    }

    #[inline(always)]
    fn set_register_value(&mut self, register: usize, value: u16) {
        match register {
            PC | SP => self.registers[register] = value & !1,
            SR => self.registers[SR] = value & WRITABLE,
            3 => {}
            _ => self.registers[register] = value,
        }
    }

    fn increment(&mut self, operand: &Operand) {
        if let Some((register, step)) = operand.increment {
            self.registers[register] = self.registers[register].wrapping_add(step);
        }
    }

    #[inline(always)]
    fn source(&mut self, register: usize, mode: u16, byte: bool) -> Operand {
        let constant = |value: u16| Operand::new(if byte { value & 0xff } else { value }, 1);
        match (mode, register) {
            (0, 3) => constant(0),
            (1, 3) => constant(1),
            (2, 3) => constant(2),
            (3, 3) => constant(0xffff),
            (2, SR) => constant(4),
            (3, SR) => constant(8),
            (0, _) => constant(self.registers[register]),
            (1, _) => {
                let address = self.indexed(register);
                Operand::new(self.read(address, byte), 3)
            }
            (2, _) => Operand::new(self.read(self.registers[register], byte), 2),
            (_, PC) => {
                let value = self.fetch();
                Operand::new(if byte { value & 0xff } else { value }, 2)
            }
            _ => {
                let step = if byte && register != SP { 1 } else { 2 };
                let value = self.read(self.registers[register], byte);
                Operand { value, cycles: 2, increment: Some((register, step)) }
            }
        }
    }

    #[inline(always)]
    fn double_operand(&mut self, opcode: u16) -> u64 {
        let byte = opcode & 0x40 != 0;
        let source = self.source(usize::from(opcode >> 8 & 15), opcode >> 4 & 3, byte);
        let operation = opcode >> 12;
        let register = usize::from(opcode & 15);
        if opcode & 0x80 == 0 {
            let before = self.registers[register];
            let before = if register == 3 { 0 } else { before };
            let outcome = alu::double(operation, source.value, before, self.registers[SR], byte);
            let writes = alu::writes(operation);
            if writes {
                self.increment(&source);
                self.set_register_value(register, outcome.value);
            } else {
                self.increment(&source);
            }
            self.set_flags(outcome.flags);
            return source.cycles + u64::from(register == PC && writes);
        }
        let address = self.indexed(register);
        let before = if operation == alu::MOV { 0 } else { self.read(address, byte) };
        let outcome = alu::double(operation, source.value, before, self.registers[SR], byte);
        let mut cycles = source.cycles + 3;
        if alu::writes(operation) {
            self.write(address, outcome.value, byte);
            cycles += u64::from(self.memory.is_program(address));
        }
        self.increment(&source);
        self.set_flags(outcome.flags);
        cycles
    }

    #[inline(always)]
    fn set_flags(&mut self, flags: Option<(u16, u16)>) {
        if let Some((affected, value)) = flags {
            self.registers[SR] = self.registers[SR] & !affected | value;
        }
    }

    #[inline(always)]
    fn jump(&mut self, opcode: u16) -> u64 {
        let sr = self.registers[SR];
        let (carry, zero, negative) = (sr & CARRY != 0, sr & ZERO != 0, sr & NEGATIVE != 0);
        let less = negative != (sr & OVERFLOW != 0);
        let taken = match opcode >> 10 & 7 {
            0 => !zero,
            1 => zero,
            2 => !carry,
            3 => carry,
            4 => negative,
            5 => !less,
            6 => less,
            _ => true,
        };
        if taken {
            // Ten bits, signed, in words.
            let offset = ((opcode << 6) as i16 >> 5) as u16;
            self.registers[PC] = self.registers[PC].wrapping_add(offset);
        }
        2
    }

    fn single_operand(&mut self, opcode: u16) -> u64 {
        let (register, mode) = (usize::from(opcode & 15), opcode >> 4 & 3);
        let byte = opcode & 0x40 != 0;
        match opcode >> 7 & 0x1f {
            operation @ 0..=3 => self.shift(operation, register, mode, byte),
            4 => self.push_operand(register, mode, byte),
            5 => self.call(register, mode),
            6 => self.return_from_interrupt(),
            7 => self.sancus(opcode & 0x7f),
            _ => self.illegal(),
        }
    }

    /// RRC, SWPB, RRA and SXT: read, modify and write back one operand.
    fn shift(&mut self, operation: u16, register: usize, mode: u16, byte: bool) -> u64 {
        // SWPB and SXT exist for words only.
        let byte = byte && operation & 1 == 0;
        let sr = self.registers[SR];
        let in_place = match (mode, register) {
            (1, 3) | (2, SR | 3) | (3, PC | SR | 3) => {
                let operand = self.source(register, mode, byte);
                let outcome = alu::single(operation, operand.value, sr, byte);
                self.set_flags(outcome.flags);
                return operand.cycles;
            }
            (0, _) => None,
            (1, _) => Some(self.indexed(register)),
            _ => Some(self.registers[register]),
        };
        let Some(address) = in_place else {
            let before = self.registers[register];
            let outcome = alu::single(operation, if byte { before & 0xff } else { before }, sr, byte);
            self.set_register_value(register, outcome.value);
            self.set_flags(outcome.flags);
            return 1 + u64::from(register == PC);
        };
        let before = self.read(address, byte);
        let outcome = alu::single(operation, before, sr, byte);
        self.write(address, outcome.value, byte);
        if mode == 3 {
            let step = if byte && register != SP { 1 } else { 2 };
            self.registers[register] = self.registers[register].wrapping_add(step);
        }
        self.set_flags(outcome.flags);
        (if mode == 1 { 4 } else { 3 }) + u64::from(self.memory.is_program(address))
    }

    fn push_operand(&mut self, register: usize, mode: u16, byte: bool) -> u64 {
        let operand = self.source(register, mode, byte);
        let sp = self.registers[SP].wrapping_sub(2);
        self.registers[SP] = sp;
        // PUSH SP stores the decremented pointer.
        let value = if mode == 0 && register == SP { sp } else { operand.value };
        self.write(sp, value, byte);
        self.increment(&operand);
        operand.cycles + 2
    }

    fn call(&mut self, register: usize, mode: u16) -> u64 {
        let operand = self.source(register, mode, false);
        self.registers[SP] = self.registers[SP].wrapping_sub(2);
        self.write_word(self.registers[SP], self.registers[PC]);
        self.increment(&operand);
        self.registers[PC] = operand.value & !1;
        operand.cycles + 2
    }

    fn return_from_interrupt(&mut self) -> u64 {
        let status = self.pop();
        let pc = self.pop();
        self.registers[SR] = status & WRITABLE;
        self.registers[PC] = pc & !1;
        5
    }

    fn pop(&mut self) -> u16 {
        let value = self.read_word(self.registers[SP]);
        self.registers[SP] = self.registers[SP].wrapping_add(2);
        value
    }
}
