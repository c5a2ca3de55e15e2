//! Leaving the flow of instructions: domain changes, interrupts and violations.

use crate::devices::interrupt;
use crate::machine::{Machine, Stop};
use crate::memory::{PERIPHERALS_END, VECTORS};
use crate::modules::{INTERRUPT, ModuleTable, UNPROTECTED};
use crate::registers::{GIE, MODULE_INTERRUPTED, PC, SP, SR, VIOLATED};
use crate::violation::{Attempt, Violation};

/// Violations that are kept until somebody asks.
const MOST_RECENT: usize = 64;
const ENTRY_CYCLES: u64 = 7;
const ENTRY_FROM_MODULE_CYCLES: u64 = 35;
/// From the highest to the lowest byte an interrupted module's state takes: PC, SP, SR and r15 to r4.
const SAVED_BYTES: u16 = 28;

/// What may happen at a program counter outside the current window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Go on; interrupts may come first.
    Open,
    /// The first instruction of a module: interrupts wait for one instruction, so that it can be `dint`.
    Shielded,
    /// A violation.
    Refused,
}

impl Machine {
    /// Determines the domain of `pc`, which has left the window of the current one.
    #[cold]
    #[inline(never)]
    pub(crate) fn enter_domain(&mut self, pc: u16) -> Entry {
        let slot = self.modules.slot_at(pc);
        let (id, start) = slot.and_then(|i| self.modules.get(i)).map_or((UNPROTECTED, pc), |m| (m.id, m.layout.public_start));
        let entering = id != self.current && slot.is_some();
        let protected_data = slot.is_none() && self.modules.word_bits(pc & !1) & ModuleTable::denied_to(None).read != 0;
        if entering && pc != start || protected_data {
            self.violate(Attempt::Execute, pc);
            return Entry::Refused;
        }
        if id != self.current {
            self.caller = self.current;
            self.current = id;
        }
        self.slot = slot;
        self.denied = ModuleTable::denied_to(slot);
        self.window = self.modules.window(pc, slot);
        if entering { Entry::Shielded } else { Entry::Open }
    }

    /// Takes the enabled interrupt of the highest number.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_interrupt(&mut self) {
        let number = 15 - self.lines.leading_zeros() as u8;
        self.devices.acknowledge(number);
        self.enter_handler(number, 0);
        self.refresh_devices();
        self.check_stack();
    }

    /// Takes the violation interrupt, which nothing masks, or stops the machine if it has no handler.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_violation(&mut self, violation: Violation) {
        let handler = self.vector(interrupt::VIOLATION);
        if handler < PERIPHERALS_END || handler == 0xfffe {
            self.fault = Some(violation);
            self.stop = Some(Stop::UnhandledViolation(violation));
            return;
        }
        self.violations += 1;
        if self.recent.len() < MOST_RECENT {
            self.recent.push(violation);
        }
        self.enter_handler(interrupt::VIOLATION, VIOLATED);
        // The handler runs even if its own frame could not be pushed. In the published core, used-up ids violate for ever.
        let used_up = self.quirks && self.modules.next_id() == INTERRUPT;
        self.fault = used_up.then_some(Violation { attempt: Attempt::Identifiers, ..violation });
    }

    /// A stack pointer below the guard is a violation; a stack pointer of 0 switches the guard off.
    #[inline(always)]
    pub(crate) fn check_stack(&mut self) {
        if self.stack_guard != 0 {
            let sp = self.registers[SP];
            if sp == 0 {
                self.stack_guard = 0;
            } else if sp < self.stack_guard {
                self.violate(Attempt::Stack, sp);
            }
        }
    }

    fn vector(&self, number: u8) -> u16 {
        self.memory.word(VECTORS + 2 * u16::from(number)) & !1
    }

    fn enter_handler(&mut self, number: u8, cause: u16) {
        self.instruction = self.registers[PC];
        let status = self.registers[SR] | cause;
        if let Some(module) = self.slot.and_then(|slot| self.modules.get(slot)) {
            let layout = module.layout;
            if status & GIE != 0 {
                self.save_module_state(layout.secret_start, layout.secret_end, status);
            }
            self.registers = [0; 16];
            self.registers[15] = layout.public_start;
            self.registers[SR] = MODULE_INTERRUPTED;
            self.stack_guard = 0;
            self.cycles += ENTRY_FROM_MODULE_CYCLES;
        } else {
            self.push(self.registers[PC]);
            self.push(status);
            self.registers[SR] = 0;
            self.cycles += ENTRY_CYCLES;
        }
        self.registers[PC] = self.vector(number);
        self.current = INTERRUPT + u16::from(number);
        self.slot = None;
        self.denied = ModuleTable::denied_to(None);
        self.interruptible = false;
        self.leave_window();
    }

    /// Saves an interrupted module's registers where the last word of its secret section points.
    ///
    /// The published core follows the pointer anywhere. Here the area must lie in the secret section: otherwise nothing
    /// is saved and the module starts anew at its next entry.
    fn save_module_state(&mut self, start: u16, end: u16, status: u16) {
        let top = self.memory.word(end.wrapping_sub(2)) & !1;
        let inside = top.checked_sub(SAVED_BYTES).is_some_and(|low| low >= start) && top.checked_add(2).is_some_and(|high| high <= end);
        if !inside && !self.quirks {
            return;
        }
        // In the order of the hardware: a suppressed violation must not stop the save.
        let saved = [self.registers[PC], self.registers[SP] | 1, status];
        let general = self.registers[4..].iter().rev().copied();
        for (i, value) in (0u16..).zip(saved.into_iter().chain(general)) {
            self.memory.set_word(top.wrapping_sub(2 * i), value);
        }
    }

    fn push(&mut self, value: u16) {
        self.registers[SP] = self.registers[SP].wrapping_sub(2);
        self.write_word(self.registers[SP], value);
    }
}
