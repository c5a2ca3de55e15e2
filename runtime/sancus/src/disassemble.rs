//! MSP430 and Sancus assembly text of one instruction, for traces.

use std::fmt::Write;

const TWO_OPERANDS: [&str; 12] = ["mov", "add", "addc", "subc", "sub", "cmp", "dadd", "bit", "bic", "bis", "xor", "and"];
const JUMPS: [&str; 8] = ["jne", "jeq", "jnc", "jc", "jn", "jge", "jl", "jmp"];
const ONE_OPERAND: [&str; 6] = ["rrc", "swpb", "rra", "sxt", "push", "call"];
const SANCUS: [&str; 10] =
    ["sm_disable", "sm_enable", "sm_verify", "sm_verify_prev", "sm_wrap", "sm_unwrap", "sm_get_id", "sm_caller_id", "sm_stack_guard", "clix"];

struct Words<'a> {
    at: u16,
    fetch: &'a dyn Fn(u16) -> u16,
}

impl Words<'_> {
    /// The next word and its address.
    fn next(&mut self) -> (u16, u16) {
        let at = self.at;
        self.at = at.wrapping_add(2);
        ((self.fetch)(at), at)
    }
}

/// The text of the instruction at `pc` and its length in bytes. `fetch` reads a word of memory.
#[must_use]
pub fn disassemble(pc: u16, fetch: &dyn Fn(u16) -> u16) -> (String, u16) {
    let mut words = Words { at: pc, fetch };
    let (opcode, _) = words.next();
    let text = match opcode >> 12 {
        0x1 => one_operand(opcode, &mut words),
        0x2 | 0x3 => {
            let offset = ((opcode << 6) as i16 >> 5) as u16;
            Some(format!("{} {:#06x}", JUMPS[usize::from(opcode >> 10 & 7)], words.at.wrapping_add(offset)))
        }
        0x4..=0xf => Some(two_operands(opcode, &mut words)),
        _ => None,
    };
    (text.unwrap_or_else(|| format!(".word {opcode:#06x}")), words.at.wrapping_sub(pc))
}

fn suffix(opcode: u16) -> &'static str {
    if opcode & 0x40 != 0 { ".b" } else { "" }
}

fn two_operands(opcode: u16, words: &mut Words<'_>) -> String {
    let source = operand(opcode >> 8 & 15, opcode >> 4 & 3, words);
    let destination = operand(opcode & 15, opcode >> 7 & 1, words);
    match opcode {
        0x4130 => "ret".into(),
        0x4303 => "nop".into(),
        _ => format!("{}{} {source}, {destination}", TWO_OPERANDS[usize::from(opcode >> 12) - 4], suffix(opcode)),
    }
}

fn one_operand(opcode: u16, words: &mut Words<'_>) -> Option<String> {
    match opcode >> 7 & 0x1f {
        6 => Some("reti".into()),
        7 => SANCUS.get(usize::from(opcode & 0x7f)).map(|name| (*name).to_string()),
        operation => {
            let name = ONE_OPERAND.get(usize::from(operation))?;
            Some(format!("{name}{} {}", suffix(opcode), operand(opcode & 15, opcode >> 4 & 3, words)))
        }
    }
}

fn operand(register: u16, mode: u16, words: &mut Words<'_>) -> String {
    let mut text = String::new();
    let _ = match (mode, register) {
        (0, 3) => write!(text, "#0"),
        (1, 3) => write!(text, "#1"),
        (2, 3) => write!(text, "#2"),
        (3, 3) => write!(text, "#-1"),
        (2, 2) => write!(text, "#4"),
        (3, 2) => write!(text, "#8"),
        (3, 0) => write!(text, "#{:#06x}", words.next().0),
        (1, 2) => write!(text, "&{:#06x}", words.next().0),
        (1, 0) => {
            let (offset, at) = words.next();
            write!(text, "{:#06x}", at.wrapping_add(offset))
        }
        (0, _) => write!(text, "{}", name(register)),
        (1, _) => write!(text, "{}({})", words.next().0 as i16, name(register)),
        (2, _) => write!(text, "@{}", name(register)),
        _ => write!(text, "@{}+", name(register)),
    };
    text
}

fn name(register: u16) -> String {
    match register {
        0 => "pc".into(),
        1 => "sp".into(),
        2 => "sr".into(),
        n => format!("r{n}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &[u16]) -> String {
        let fetch = |address: u16| code.get(usize::from(address - 0x4000) / 2).copied().unwrap_or(0);
        let (text, length) = disassemble(0x4000, &fetch);
        assert_eq!(usize::from(length), 2 * code.len(), "{text}");
        text
    }

    #[test]
    fn instructions_read_as_assemblers_write_them() {
        for (code, expected) in [
            (&[0x40b2u16, 0x5a80, 0x0120][..], "mov #0x5a80, &0x0120"),
            (&[0x4535], "mov @r5+, r5"),
            (&[0x5556, 0x0004], "add.b 4(r5), r6"),
            (&[0x9010, 0x000e], "cmp 0x4010, pc"),
            (&[0x4130], "ret"),
            (&[0x3fff], "jmp 0x4000"),
            (&[0x1085], "swpb r5"),
            (&[0x12b0, 0x4400], "call #0x4400"),
            (&[0x1300], "reti"),
            (&[0x1381], "sm_enable"),
            (&[0x138f], ".word 0x138f"),
            (&[0x0000], ".word 0x0000"),
        ] {
            assert_eq!(text(code), expected);
        }
    }
}
