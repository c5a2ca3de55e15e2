//! Arithmetic and flags, free of machine state.

use crate::registers::{CARRY, FLAGS, NEGATIVE, OVERFLOW, ZERO};

pub(crate) const MOV: u16 = 0x4;
const ADD: u16 = 0x5;
const ADDC: u16 = 0x6;
const SUBC: u16 = 0x7;
const SUB: u16 = 0x8;
const CMP: u16 = 0x9;
const DADD: u16 = 0xa;
const BIT: u16 = 0xb;
const BIC: u16 = 0xc;
const BIS: u16 = 0xd;
const XOR: u16 = 0xe;

const RRC: u16 = 0;
const SWPB: u16 = 1;
const RRA: u16 = 2;

/// A result, and the flags it changes as (mask, value).
pub(crate) struct Outcome {
    pub value: u16,
    pub flags: Option<(u16, u16)>,
}

/// Whether a two-operand instruction stores its result: all but CMP and BIT do.
#[inline(always)]
pub(crate) fn writes(operation: u16) -> bool {
    operation != CMP && operation != BIT
}

/// Two-operand instructions; `operation` is bits 15–12 of the opcode.
#[inline(always)]
pub(crate) fn double(operation: u16, source: u16, destination: u16, status: u16, byte: bool) -> Outcome {
    let mask = if byte { 0xff } else { 0xffff };
    let destination = destination & mask;
    let carry = status & CARRY;
    match operation {
        MOV => Outcome { value: source, flags: None },
        ADD => add(source, destination, 0, byte),
        ADDC => add(source, destination, carry, byte),
        SUBC => add(!source & mask, destination, carry, byte),
        SUB | CMP => add(!source & mask, destination, 1, byte),
        DADD => decimal_add(source, destination, carry, byte),
        BIC => Outcome { value: destination & !source, flags: None },
        BIS => Outcome { value: destination | source, flags: None },
        XOR => {
            let both_negative = source & destination & sign(byte) != 0;
            logical(source ^ destination, both_negative, byte)
        }
        _ => logical(source & destination, false, byte),
    }
}

/// RRC, SWPB, RRA and SXT by bits 9–7 of the opcode.
pub(crate) fn single(operation: u16, value: u16, status: u16, byte: bool) -> Outcome {
    match operation {
        RRC | RRA => {
            let top = if operation == RRA {
                value & sign(byte)
            } else if status & CARRY != 0 {
                sign(byte)
            } else {
                0
            };
            let result = value >> 1 | top;
            Outcome { value: result, flags: Some((FLAGS, zero_and_sign(result, byte) | value & CARRY)) }
        }
        SWPB => Outcome { value: value.swap_bytes(), flags: None },
        _ => logical(value as u8 as i8 as u16, false, false),
    }
}

fn sign(byte: bool) -> u16 {
    if byte { 0x80 } else { 0x8000 }
}

#[inline(always)]
fn zero_and_sign(value: u16, byte: bool) -> u16 {
    (if value == 0 { ZERO } else { 0 }) | (if value & sign(byte) != 0 { NEGATIVE } else { 0 })
}

/// AND, BIT, XOR and SXT: carry is "not zero".
#[inline(always)]
fn logical(value: u16, overflow: bool, byte: bool) -> Outcome {
    let carry = if value == 0 { 0 } else { CARRY };
    let overflow = if overflow { OVERFLOW } else { 0 };
    Outcome { value, flags: Some((FLAGS, zero_and_sign(value, byte) | carry | overflow)) }
}

#[inline(always)]
fn add(source: u16, destination: u16, carry: u16, byte: bool) -> Outcome {
    let (bits, mask) = if byte { (8, 0xff) } else { (16, 0xffff) };
    let sum = u32::from(source) + u32::from(destination) + u32::from(carry);
    let value = sum as u16 & mask;
    let overflow = !(source ^ destination) & (source ^ value) & sign(byte) != 0;
    let flags = zero_and_sign(value, byte) | (sum >> bits) as u16 & CARRY | if overflow { OVERFLOW } else { 0 };
    Outcome { value, flags: Some((FLAGS, flags)) }
}

/// Adds decimal digits. V is undefined in the architecture and stays.
fn decimal_add(source: u16, destination: u16, carry: u16, byte: bool) -> Outcome {
    let mut carry = carry;
    let mut value = 0;
    for shift in (0..if byte { 8 } else { 16 }).step_by(4) {
        let mut digit = (source >> shift & 15) + (destination >> shift & 15) + carry;
        if digit >= 10 {
            digit = (digit + 6) & 31;
        }
        carry = digit >> 4;
        value |= (digit & 15) << shift;
    }
    Outcome { value, flags: Some((CARRY | ZERO | NEGATIVE, zero_and_sign(value, byte) | carry)) }
}
