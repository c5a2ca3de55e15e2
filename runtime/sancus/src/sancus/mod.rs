//! The Sancus instructions 0x1380 to 0x1389.

mod cost;
mod enable;
mod wrap;

use crate::crypto::{Duplex, Key};
use crate::machine::Machine;
use crate::modules::{Module, ModuleTable};
use crate::registers::{PC, SR, ZERO};
use crate::violation::Attempt;

/// Cycles of a failure found before any cryptography, and of the look-ups.
const LOOK_UP_CYCLES: u64 = 3;

impl Machine {
    /// Executes opcode `0x1380 + number`.
    #[inline(never)]
    pub(crate) fn sancus(&mut self, number: u16) -> u64 {
        let cycles = self.execute(number);
        if (0x1..=0x5).contains(&number) {
            self.crypto_cycles += cycles;
        }
        cycles
    }

    fn execute(&mut self, number: u16) -> u64 {
        match number {
            0x0 => self.disable(),
            0x1 => self.enable(),
            0x2 => self.verify(self.modules.slot_at(self.registers[14])),
            0x3 => self.verify(self.modules.slot_of(self.caller)),
            0x4 => self.wrap(),
            0x5 => self.unwrap(),
            0x6 => {
                let id = self.module_at(self.registers[15]).map_or(0, |m| m.id);
                self.give(id, LOOK_UP_CYCLES)
            }
            0x7 => self.give(self.caller, LOOK_UP_CYCLES),
            0x8 => {
                self.stack_guard = self.registers[15];
                2
            }
            0x9 => 2,
            0xa..=0xf => 1,
            _ => {
                self.illegal_opcodes += 1;
                1
            }
        }
    }

    /// Delivers a result.
    fn give(&mut self, result: u16, cycles: u64) -> u64 {
        self.registers[15] = result;
        self.registers[SR] &= !ZERO;
        cycles
    }

    fn module_at(&self, address: u16) -> Option<&Module> {
        self.modules.slot_at(address).and_then(|slot| self.modules.get(slot))
    }

    /// Compares the measurement of a module with the tag at r15.
    fn verify(&mut self, slot: Option<usize>) -> u64 {
        let Some((slot, module)) = slot.and_then(|slot| self.modules.get(slot).map(|m| (slot, m.clone()))) else {
            return self.give(0, LOOK_UP_CYCLES);
        };
        let tag = self.measure(&Key::zero(self.security()), &module, ModuleTable::text_bit(slot));
        let matches = self.tag_matches(&tag, self.registers[15]);
        let words = word_count(module.layout.public_start, module.layout.public_end);
        self.give(if matches { module.id } else { 0 }, cost::verify(self.security(), words))
    }

    /// MAC over a module's text and layout. The crypto unit may read that text (`exempt` map bits) for any caller.
    fn measure(&mut self, key: &Key, module: &Module, exempt: u16) -> [u8; 16] {
        let mut duplex = Duplex::new(key);
        let [start, end, ..] = module.layout.words();
        for i in 0..word_count(start, end) {
            let word = self.read_text(start.wrapping_add(2 * i), exempt);
            duplex.associated(word, false);
        }
        for (i, word) in module.layout.words().into_iter().enumerate() {
            duplex.associated(word, i == 3);
        }
        duplex.empty_body();
        duplex.tag()
    }

    fn read_text(&mut self, address: u16, exempt: u16) -> u16 {
        let denied = self.denied;
        self.denied.read &= !exempt;
        let word = self.read_word(address);
        self.denied = denied;
        word
    }

    /// Compares a computed tag with one in memory, read with the caller's rights, in constant time.
    fn tag_matches(&mut self, tag: &[u8; 16], address: u16) -> bool {
        let mut difference = 0;
        for (i, pair) in (0u16..).zip(tag.chunks_exact(2).take(self.security().tag_words())) {
            difference |= u16::from_le_bytes([pair[0], pair[1]]) ^ self.read_word(address.wrapping_add(2 * i));
        }
        difference == 0 && self.fault.is_none()
    }

    /// A module disables itself: text and secret data are erased, execution goes on at r15.
    fn disable(&mut self) -> u64 {
        let Some((slot, module)) = self.slot.and_then(|slot| self.modules.get(slot).map(|m| (slot, m.clone()))) else {
            return self.give(0, LOOK_UP_CYCLES);
        };
        let [ps, pe, ss, se] = module.layout.words();
        for (start, end) in [(ps, pe), (ss, se)] {
            for address in (start..end).step_by(2) {
                self.erase_word(address, slot, module.id);
            }
        }
        self.modules.remove(slot);
        self.registers[PC] = self.registers[15] & !1;
        self.registers[SR] &= !ZERO;
        // Still the module's instruction: the next fetch changes the domain, with the module as caller.
        self.slot = None;
        self.denied = ModuleTable::denied_to(None);
        self.leave_window();
        cost::disable(word_count(ps, pe), word_count(ss, se))
    }

    /// Erases a word of a module that goes.
    ///
    /// Secret ranges can overlap. The published core lets a later module's claim stop the erasure, after which that
    /// module can read what was kept. Here only an earlier module's claim protects a word from being erased.
    fn erase_word(&mut self, address: u16, slot: usize, id: u16) {
        let bits = self.modules.word_bits(address & !1) & self.denied.write & !ModuleTable::text_bit(slot);
        let keep = if self.quirks { bits != 0 || self.fault.is_some() } else { bits != 0 && self.has_earlier_owner(address, id) };
        if keep {
            return self.violate(Attempt::Write, address);
        }
        let (denied, fault) = (self.denied, self.fault.take());
        self.denied.write = 0;
        self.write_word(address, 0);
        self.denied = denied;
        self.fault = fault;
    }

    fn has_earlier_owner(&self, address: u16, id: u16) -> bool {
        let word = address & !1..=address | 1;
        self.modules.iter().filter(|m| m.id < id).any(|m| {
            let [ps, pe, ss, se] = m.layout.words();
            word.clone().any(|a| (ps..pe).contains(&a) || (ss..se).contains(&a))
        })
    }
}

/// Words the hardware processes for a byte range: an odd last byte counts as a word.
fn word_count(start: u16, end: u16) -> u16 {
    end.saturating_sub(start).div_ceil(2)
}
