//! Enabling a module: checks, confidential loading, key derivation.

use zeroize::Zeroizing;

use super::{cost, word_count};
use crate::crypto::{Duplex, Key, Layout, vendor_key};
use crate::machine::Machine;
use crate::modules::{INTERRUPT, Module, ModuleTable};
use crate::violation::Attempt;

/// Cycles of an enable that fails its first checks.
const REFUSED_CYCLES: u64 = 4;

impl Machine {
    /// Enable: r9 tag, r10 nonce (0: plaintext), r11 vendor, r12–r15 the layout.
    pub(super) fn enable(&mut self) -> u64 {
        let [public_start, public_end, secret_start, secret_end] = [12, 13, 14, 15].map(|r| self.registers[r]);
        let layout = Layout { public_start, public_end, secret_start, secret_end };
        if self.quirks
            && public_start == public_end
            && let Some(slot) = self.modules.slot_at(public_start)
        {
            return self.enable_over(slot);
        }
        let valid = public_start < public_end && secret_start <= secret_end && self.modules.next_id() < INTERRUPT;
        if !valid {
            return self.give(0, REFUSED_CYCLES);
        }
        if self.modules.overlaps_text(public_start, public_end) {
            self.violate(Attempt::Enable, public_start);
            if !self.quirks {
                return self.give(0, REFUSED_CYCLES);
            }
        }
        let Some(slot) = self.modules.free_slot() else { return self.give(0, REFUSED_CYCLES) };
        let [nonce, vendor] = [10, 11].map(|r| self.registers[r]);
        let vendor_key = vendor_key(&self.node_key, vendor);
        let cycles = cost::enable(self.security(), word_count(public_start, public_end), nonce != 0);
        if nonce != 0 && !self.decrypt_text(&vendor_key, nonce, layout, 0) {
            return self.give(0, cycles);
        }
        let module = Module { id: 0, vendor, layout, key: vendor_key };
        let key = self.module_key(&module, 0);
        if self.fault.is_some() && !self.quirks {
            return self.give(0, cycles);
        }
        let id = self.modules.insert(slot, vendor, layout, key);
        self.leave_window();
        if self.quirks && self.modules.next_id() == INTERRUPT {
            self.violate(Attempt::Identifiers, public_start);
        }
        self.give(id, cycles)
    }

    /// The published core selects the module to key by address: an empty public range at an enabled module's start
    /// re-keys that module for the caller's vendor, or frees its slot when the tag is wrong.
    fn enable_over(&mut self, slot: usize) -> u64 {
        let Some(existing) = self.modules.get(slot).cloned() else { return self.give(0, REFUSED_CYCLES) };
        let [nonce, vendor] = [10, 11].map(|r| self.registers[r]);
        let vendor_key = vendor_key(&self.node_key, vendor);
        let exempt = ModuleTable::text_bit(slot);
        let words = word_count(existing.layout.public_start, existing.layout.public_end);
        let cycles = cost::enable(self.security(), words, nonce != 0);
        if nonce != 0 && !self.decrypt_text(&vendor_key, nonce, existing.layout, exempt) {
            self.modules.remove(slot);
            if self.slot == Some(slot) {
                self.slot = None;
                self.denied = ModuleTable::denied_to(None);
            }
            self.leave_window();
            return self.give(0, cycles);
        }
        let key = self.module_key(&Module { key: vendor_key, ..existing.clone() }, exempt);
        self.modules.rekey(slot, vendor, key);
        self.give(existing.id, cycles)
    }

    /// The key of a module whose `key` field holds the vendor's key.
    fn module_key(&mut self, module: &Module, exempt: u16) -> Key {
        let tag = Zeroizing::new(self.measure(&module.key, module, exempt));
        let mut key = Key::zero(self.security());
        key.set(&tag[..self.security().tag_bytes()]);
        key
    }

    /// Decrypts text in place under the vendor's key with the nonce as associated data and the tag at r9.
    ///
    /// The published core leaves the plaintext behind when the tag is wrong; here the text stays encrypted then.
    fn decrypt_text(&mut self, key: &Key, nonce: u16, layout: Layout, exempt: u16) -> bool {
        let mut duplex = Duplex::new(key);
        duplex.associated(nonce, true);
        let count = word_count(layout.public_start, layout.public_end);
        let mut plain = Zeroizing::new(Vec::with_capacity(usize::from(count)));
        for i in 0..count {
            let cipher = self.read_text(layout.public_start.wrapping_add(2 * i), exempt);
            plain.push(duplex.decrypt(cipher, i + 1 == count));
        }
        let authentic = self.tag_matches(&duplex.tag(), self.registers[9]);
        if authentic || self.quirks {
            let denied = self.denied;
            self.denied.write &= !exempt;
            for (i, word) in (0u16..).zip(plain.iter()) {
                self.write_word(layout.public_start.wrapping_add(2 * i), *word);
            }
            self.denied = denied;
        }
        authentic
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stop, Violation};

    /// A machine whose next id is the last one, with a handler at 0x4100, which enables a module at 0x5000.
    fn at_the_last_id(quirks: bool) -> Machine {
        let mut machine = Machine::builder().hardware_quirks(quirks).build();
        machine.modules.set_next_id(INTERRUPT - 1);
        machine.load(0x4000, &[0x81, 0x13, 0x81, 0x13]).expect("program memory");
        machine.load(0x4100, &[0x03, 0x43]).expect("program memory");
        machine.load(0xfffa, &[0x00, 0x41]).expect("program memory");
        for (register, value) in [(0, 0x4000), (1, 0x0800), (12, 0x5000), (13, 0x5002), (14, 0x0200), (15, 0x0202)] {
            machine.set_register(register, value);
        }
        machine.step();
        assert_eq!(machine.registers()[15], INTERRUPT - 1);
        machine
    }

    #[test]
    fn after_the_last_id_enable_gives_0() {
        let mut machine = at_the_last_id(false);
        for (register, value) in [(12, 0x6000), (13, 0x6002), (14, 0x0300), (15, 0x0302)] {
            machine.set_register(register, value);
        }
        machine.step();
        assert_eq!((machine.registers()[15], machine.violations()), (0, 0));
    }

    #[test]
    fn the_published_core_violates_for_ever_after_the_last_id() {
        let mut machine = at_the_last_id(true);
        let instructions = machine.instructions();
        assert_eq!(machine.run(1_000), Stop::Budget);
        assert_eq!(machine.instructions(), instructions, "the handler never gets to its first instruction");
        assert!(machine.violations() > 100);
        assert!(matches!(machine.fault, Some(Violation { attempt: Attempt::Identifiers, .. })));
    }
}
