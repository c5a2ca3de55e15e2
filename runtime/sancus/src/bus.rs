//! Data accesses: access rules first, then peripherals or memory.

use crate::machine::Machine;
use crate::memory::PERIPHERALS_END;
use crate::modules::ModuleTable;
use crate::violation::{Attempt, Violation};

impl Machine {
    #[inline(always)]
    pub(crate) fn read(&mut self, address: u16, byte: bool) -> u16 {
        if byte { self.read_byte(address) } else { self.read_word(address) }
    }

    #[inline(always)]
    pub(crate) fn write(&mut self, address: u16, value: u16, byte: bool) {
        if byte {
            self.write_byte(address, value as u8);
        } else {
            self.write_word(address, value);
        }
    }

    #[inline(always)]
    pub(crate) fn read_word(&mut self, address: u16) -> u16 {
        let address = address & !1;
        if self.modules.word_bits(address) & self.denied.read != 0 || self.fault.is_some() {
            self.violate(Attempt::Read, address);
            return 0;
        }
        if address < PERIPHERALS_END {
            return self.peripheral(|m| m.devices.read_word(address, m.cycles));
        }
        self.memory.word(address)
    }

    #[inline(always)]
    pub(crate) fn read_byte(&mut self, address: u16) -> u16 {
        if self.modules.byte_bits(address) & self.denied.read != 0 || self.fault.is_some() {
            self.violate(Attempt::Read, address);
            return 0;
        }
        if address < PERIPHERALS_END {
            return u16::from(self.peripheral(|m| m.devices.read_byte(address, m.cycles)));
        }
        u16::from(self.memory.byte(address))
    }

    #[inline(always)]
    pub(crate) fn write_word(&mut self, address: u16, value: u16) {
        let address = address & !1;
        let forbidden = self.modules.word_bits(address) & self.denied.write != 0;
        if forbidden || self.fault.is_some() {
            self.violate(Attempt::Write, address);
            if !(self.quirks && address < PERIPHERALS_END) {
                return;
            }
        }
        if address < PERIPHERALS_END {
            return self.peripheral(|m| m.devices.write_word(address, value, m.cycles));
        }
        self.memory.set_word(address, value);
    }

    #[inline(always)]
    pub(crate) fn write_byte(&mut self, address: u16, value: u8) {
        let forbidden = self.modules.byte_bits(address) & self.denied.write != 0;
        if forbidden && !self.text_write_slips_through(address) || self.fault.is_some() {
            self.violate(Attempt::Write, address);
            if !(self.quirks && address < PERIPHERALS_END) {
                return;
            }
        }
        if address < PERIPHERALS_END {
            return self.peripheral(|m| m.devices.write_byte(address, value, m.cycles));
        }
        self.memory.set_byte(address, value);
    }

    /// In the published core the write check looks at the low byte's strobe only, so odd bytes of a module's own text
    /// can be written by it.
    #[cold]
    fn text_write_slips_through(&self, address: u16) -> bool {
        let own = self.slot.map_or(0, |slot| ModuleTable::text_bit(slot) & 0xff);
        self.quirks && address & 1 == 1 && self.modules.byte_bits(address) & self.denied.write & !own == 0
    }

    /// Records the first violation of an instruction; the rest of its accesses are suppressed.
    #[cold]
    #[inline(never)]
    pub(crate) fn violate(&mut self, attempt: Attempt, address: u16) {
        if self.fault.is_none() {
            self.fault = Some(Violation { attempt, address, pc: self.instruction, domain: self.current });
        }
    }

    #[inline(never)]
    fn peripheral<T>(&mut self, access: impl FnOnce(&mut Self) -> T) -> T {
        let result = access(self);
        self.refresh_devices();
        if self.devices.watchdog.reset_is_requested() {
            // The reset takes effect between instructions.
            self.next_event = 0;
        }
        result
    }
}
