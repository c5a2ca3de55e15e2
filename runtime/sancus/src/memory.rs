//! Memory: peripherals below 0x200, then RAM and program memory in one 64 KiB array.

/// First address behind the peripherals.
pub const PERIPHERALS_END: u16 = 0x200;
/// First byte of RAM.
pub const RAM_START: u16 = 0x200;
/// The interrupt vectors, number n at `VECTORS + 2n`.
pub const VECTORS: u16 = 0xffe0;

/// Sizes of the two memories. Addresses between them read 0 and ignore writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryMap {
    /// Bytes of RAM from 0x200.
    pub ram_bytes: u16,
    /// Bytes of program memory, which ends at 0xFFFF. It is a memory like RAM: software can write it.
    pub program_bytes: u16,
}

impl Default for MemoryMap {
    fn default() -> Self {
        Self { ram_bytes: 10 * 1024, program_bytes: 48 * 1024 }
    }
}

impl MemoryMap {
    /// First address behind RAM.
    #[must_use]
    pub fn ram_end(&self) -> u16 {
        RAM_START.saturating_add(self.ram_bytes)
    }

    /// First address of program memory.
    #[must_use]
    pub fn program_start(&self) -> u16 {
        (0x1_0000u32 - u32::from(self.program_bytes)).min(0xffff) as u16
    }

    /// Whether there is a memory cell at an address.
    #[must_use]
    #[inline(always)]
    pub fn is_memory(&self, address: u16) -> bool {
        address >= self.program_start() || (address >= RAM_START && address < self.ram_end())
    }
}

/// The cells. Addresses without a cell stay 0.
pub(crate) struct Memory {
    cells: Box<[u8; 0x1_0000]>,
    map: MemoryMap,
    program_start: u16,
    ram_end: u16,
}

impl Memory {
    pub(crate) fn new(map: MemoryMap) -> Self {
        Self { cells: Box::new([0; 0x1_0000]), map, program_start: map.program_start(), ram_end: map.ram_end() }
    }

    pub(crate) fn map(&self) -> &MemoryMap {
        &self.map
    }

    #[inline(always)]
    pub(crate) fn is_program(&self, address: u16) -> bool {
        address >= self.program_start
    }

    #[inline(always)]
    fn has_cell(&self, address: u16) -> bool {
        address >= self.program_start || (address >= RAM_START && address < self.ram_end)
    }

    #[inline(always)]
    pub(crate) fn byte(&self, address: u16) -> u8 {
        self.cells[usize::from(address)]
    }

    /// The word at an even address.
    #[inline(always)]
    pub(crate) fn word(&self, address: u16) -> u16 {
        let even = usize::from(address & !1);
        u16::from_le_bytes([self.cells[even], self.cells[even | 1]])
    }

    #[inline(always)]
    pub(crate) fn set_byte(&mut self, address: u16, value: u8) {
        if self.has_cell(address) {
            self.cells[usize::from(address)] = value;
        }
    }

    #[inline(always)]
    pub(crate) fn set_word(&mut self, address: u16, value: u16) {
        let even = address & !1;
        if self.has_cell(even) {
            let [low, high] = value.to_le_bytes();
            self.cells[usize::from(even)] = low;
            self.cells[usize::from(even | 1)] = high;
        }
    }
}
