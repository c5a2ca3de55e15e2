//! What a board bridge or debugger reads and drives.

use crate::crypto::Security;
use crate::devices::{Devices, PortChange};
use crate::machine::Machine;
use crate::memory::PERIPHERALS_END;
use crate::modules::Module;
use crate::registers::{GIE, SR};
use crate::violation::Violation;

impl Machine {
    /// Registers r0 (PC) to r15.
    #[must_use]
    pub fn registers(&self) -> &[u16; 16] {
        &self.registers
    }

    /// Sets a register, as a debugger does.
    ///
    /// # Panics
    /// If `number` is above 15.
    pub fn set_register(&mut self, number: usize, value: u16) {
        self.registers[number] = if number <= 1 { value & !1 } else { value };
        if number == SR {
            self.interruptible = value & GIE != 0;
        }
    }

    /// Cycles since power-on.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Those of them that enable, verify, wrap and unwrap took.
    #[must_use]
    pub fn crypto_cycles(&self) -> u64 {
        self.crypto_cycles
    }

    /// Instructions since power-on.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.instructions
    }

    /// Violations since power-on.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.violations
    }

    /// The violations since the last call; of very many only the first.
    pub fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.recent)
    }

    /// Resets since power-on, by the watchdog or by [`Machine::reset`].
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Opcodes outside the instruction set that were executed, each as a one-cycle no-operation.
    #[must_use]
    pub fn illegal_opcodes(&self) -> u64 {
        self.illegal_opcodes
    }

    /// The security level, which the node key fixes.
    #[must_use]
    pub fn security(&self) -> Security {
        self.node_key.security()
    }

    /// The executing domain: 0, a module id, or 0xFFF0 + n before the first instruction of an interrupt handler.
    #[must_use]
    pub fn domain(&self) -> u16 {
        self.current
    }

    /// The enabled modules.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter()
    }

    /// Reads memory past all access rules and without side effects; peripherals and holes read 0.
    #[must_use]
    pub fn peek(&self, address: u16) -> u8 {
        if address < PERIPHERALS_END { 0 } else { self.memory.byte(address) }
    }

    /// Reads a range past all access rules; it ends at 0xFFFF at the latest.
    #[must_use]
    pub fn peek_range(&self, start: u16, length: usize) -> Vec<u8> {
        (start..=u16::MAX).take(length).map(|address| self.peek(address)).collect()
    }

    /// Drives the input pins `mask` of port 1 to 6 to `levels`.
    pub fn drive_pins(&mut self, port: u8, mask: u8, levels: u8) {
        self.devices.ports.drive(port, mask, levels);
        self.refresh_devices();
    }

    /// Drives the capture pin of timer block 0 to 2.
    pub fn drive_capture(&mut self, block: usize, level: bool) {
        let clock = self.devices.clock;
        self.devices.timer.drive(block, level, self.cycles, &clock);
        self.refresh_devices();
    }

    /// Puts bytes on the line to UART `uart` (0 or 1), back to back at its baud rate. Returns how many the line took.
    ///
    /// # Panics
    /// If `uart` is above 1.
    pub fn send_to_uart(&mut self, uart: usize, bytes: &[u8]) -> usize {
        let taken = self.devices.uarts[uart].receive_line(bytes, self.cycles);
        self.refresh_devices();
        taken
    }

    /// Takes what UART `uart` (0 or 1) has sent since the last call.
    ///
    /// # Panics
    /// If `uart` is above 1.
    pub fn take_from_uart(&mut self, uart: usize) -> Vec<u8> {
        self.devices.uarts[uart].take_sent()
    }

    /// The peripherals, to look at.
    #[must_use]
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// Takes the changes of port outputs since the last call.
    pub fn take_port_changes(&mut self) -> Vec<PortChange> {
        self.devices.ports.take_changes()
    }
}
