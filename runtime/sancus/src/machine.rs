//! The machine: construction, loading, running.

use crate::crypto::{Key, Security};
use crate::devices::{Clock, Device, Devices, interrupt};
use crate::memory::{Memory, MemoryMap, VECTORS};
use crate::modules::{AFTER_RESET, Denied, ModuleTable};
use crate::registers::{CPU_OFF, GIE, PC, SR};
use crate::violation::Violation;

/// Why [`Machine::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The cycles are used up.
    Budget,
    /// The caller of [`Machine::run_while`] asked for it.
    Requested,
    /// The CPU is off and nothing scheduled can wake it.
    CpuOff,
    /// A violation, and the vector at 0xFFFA holds no handler.
    UnhandledViolation(Violation),
}

/// Builds a [`Machine`].
///
/// # Examples
/// ```
/// use authentic_sancus::{Machine, Stop};
/// let mut machine = Machine::builder().build();
/// // mov #0x5a80, &0x0120 (hold the watchdog); bis #0x10, sr (CPU off)
/// machine.load(0x4000, &[0xb2, 0x40, 0x80, 0x5a, 0x20, 0x01, 0x32, 0xd0, 0x10, 0x00]).unwrap();
/// machine.load(0xfffe, &[0x00, 0x40]).unwrap();
/// machine.reset();
/// assert_eq!(machine.run(1_000), Stop::CpuOff);
/// ```
pub struct MachineBuilder {
    node_key: Key,
    memory: MemoryMap,
    clock: Clock,
    hardware_quirks: bool,
    devices: Vec<Box<dyn Device>>,
}

impl MachineBuilder {
    /// The node key; its length chooses the security level. Without one the key is all zero at 64 bits.
    #[must_use]
    pub fn node_key(mut self, key: Key) -> Self {
        self.node_key = key;
        self
    }

    /// Sizes of RAM and program memory.
    #[must_use]
    pub fn memory(mut self, map: MemoryMap) -> Self {
        self.memory = map;
        self
    }

    /// Clock frequencies; only their ratio influences a run.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Reproduces the weaknesses of the published core instead of closing them.
    #[must_use]
    pub fn hardware_quirks(mut self, on: bool) -> Self {
        self.hardware_quirks = on;
        self
    }

    /// Adds a memory-mapped device. It takes precedence over a built-in one at the same address.
    #[must_use]
    pub fn device(mut self, device: Box<dyn Device>) -> Self {
        self.devices.push(device);
        self
    }

    /// The machine, with all memory 0 and in reset.
    #[must_use]
    pub fn build(self) -> Machine {
        let mut machine = Machine {
            registers: [0; 16],
            cycles: 0,
            crypto_cycles: 0,
            instructions: 0,
            memory: Memory::new(self.memory),
            devices: Devices::new(self.clock, self.devices),
            modules: ModuleTable::default(),
            node_key: self.node_key,
            quirks: self.hardware_quirks,
            current: AFTER_RESET,
            caller: AFTER_RESET,
            slot: None,
            instruction: 0,
            window: (0, 0),
            denied: ModuleTable::denied_to(None),
            fault: None,
            stack_guard: 0,
            interruptible: false,
            lines: 0,
            next_event: 0,
            stop: None,
            violations: 0,
            recent: Vec::new(),
            resets: 0,
            illegal_opcodes: 0,
        };
        machine.reset_to_power_on();
        machine
    }
}

/// Memory the caller wants to load does not exist on this board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("address {address:#06x} is neither RAM nor program memory of this board")]
pub struct NoMemory {
    /// The first address without a cell.
    pub address: u32,
}

/// An MSP430 with Sancus extensions and its peripherals.
pub struct Machine {
    pub(crate) registers: [u16; 16],
    pub(crate) cycles: u64,
    pub(crate) crypto_cycles: u64,
    pub(crate) instructions: u64,
    pub(crate) memory: Memory,
    pub(crate) devices: Devices,
    pub(crate) modules: ModuleTable,
    pub(crate) node_key: Key,
    pub(crate) quirks: bool,
    /// The domain that executes: 0, a module id, or 0xFFF0 + n between an interrupt and its handler's first instruction.
    pub(crate) current: u16,
    /// The previous distinct domain.
    pub(crate) caller: u16,
    /// The slot of the executing module.
    pub(crate) slot: Option<usize>,
    /// Where the executing instruction starts.
    pub(crate) instruction: u16,
    /// Where `pc` may move without leaving the domain.
    pub(crate) window: (u16, u32),
    pub(crate) denied: Denied,
    pub(crate) fault: Option<Violation>,
    pub(crate) stack_guard: u16,
    /// Whether an interrupt may come before the next instruction.
    pub(crate) interruptible: bool,
    pub(crate) lines: u16,
    pub(crate) next_event: u64,
    pub(crate) stop: Option<Stop>,
    pub(crate) violations: u64,
    /// Violations since somebody last asked; later ones are only counted.
    pub(crate) recent: Vec<Violation>,
    pub(crate) resets: u64,
    pub(crate) illegal_opcodes: u64,
}

impl Machine {
    /// Starts building a machine.
    #[must_use]
    pub fn builder() -> MachineBuilder {
        MachineBuilder {
            node_key: Key::zero(Security::default()),
            memory: MemoryMap::default(),
            clock: Clock::default(),
            hardware_quirks: false,
            devices: Vec::new(),
        }
    }

    /// Copies bytes into RAM or program memory, past all access rules, as a programmer's probe does.
    ///
    /// # Errors
    /// [`NoMemory`] if a byte has no cell; nothing is written then.
    pub fn load(&mut self, address: u16, bytes: &[u8]) -> Result<(), NoMemory> {
        let first = u32::from(address);
        for place in (first..).take(bytes.len()) {
            if !u16::try_from(place).is_ok_and(|a| self.memory.map().is_memory(a)) {
                return Err(NoMemory { address: place });
            }
        }
        for (place, byte) in (address..=u16::MAX).zip(bytes) {
            self.memory.set_byte(place, *byte);
        }
        Ok(())
    }

    /// As [`Machine::reset`], and the counters start anew: what a board does when power comes.
    pub fn reset_to_power_on(&mut self) {
        self.reset();
        self.resets = 0;
    }

    /// Power-up clear: registers, module table and devices return to reset; RAM and program memory keep their content.
    pub fn reset(&mut self) {
        self.registers = [0; 16];
        self.registers[PC] = self.memory.word(VECTORS + 2 * u16::from(interrupt::RESET));
        self.modules.clear();
        self.devices.reset(self.cycles);
        self.current = AFTER_RESET;
        self.caller = AFTER_RESET;
        self.leave_window();
        self.fault = None;
        self.stack_guard = 0;
        self.interruptible = false;
        self.stop = None;
        self.resets += 1;
        self.refresh_devices();
    }

    /// Runs for at most `cycles` more cycles (the last instruction may exceed them) or until something stops the machine.
    pub fn run(&mut self, cycles: u64) -> Stop {
        self.run_while(cycles, |_| true)
    }

    /// As [`Machine::run`], but asks before each step (an instruction or the entry of an interrupt) whether to go on.
    pub fn run_while(&mut self, cycles: u64, mut go_on: impl FnMut(&Self) -> bool) -> Stop {
        let end = self.cycles.saturating_add(cycles);
        loop {
            if self.cycles >= end {
                return Stop::Budget;
            }
            if self.registers[SR] & CPU_OFF != 0 && !self.sleep(end) {
                return Stop::CpuOff;
            }
            if self.cycles >= end {
                return Stop::Budget;
            }
            if !go_on(self) {
                return Stop::Requested;
            }
            self.step();
            if let Some(stop) = self.stop.take() {
                return stop;
            }
        }
    }

    /// Lets time pass with the CPU off, up to `end` or the next interrupt. False if nothing can wake it.
    fn sleep(&mut self, end: u64) -> bool {
        while self.lines == 0 || self.registers[SR] & GIE == 0 {
            if self.registers[SR] & CPU_OFF == 0 {
                return true;
            }
            if self.registers[SR] & GIE == 0 || !self.devices.can_wake() {
                return false;
            }
            if self.next_event > end {
                self.cycles = self.cycles.max(end);
                return true;
            }
            self.cycles = self.next_event.max(self.cycles + 1);
            self.poll_devices();
        }
        self.interruptible = true;
        true
    }

    /// Brings devices up to now and carries out a watchdog's reset.
    pub(crate) fn poll_devices(&mut self) {
        self.devices.advance(self.cycles);
        if self.devices.watchdog.take_reset() {
            self.reset();
        } else {
            self.refresh_devices();
        }
    }

    pub(crate) fn refresh_devices(&mut self) {
        self.lines = self.devices.interrupts();
        self.next_event = self.devices.next_event();
    }

    pub(crate) fn leave_window(&mut self) {
        self.window = (0, 0);
    }
}
