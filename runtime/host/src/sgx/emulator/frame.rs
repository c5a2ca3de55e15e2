//! The registers of interrupted code, in the frame that the kernel made for a signal handler, and the x87, SSE and AVX
//! state behind them (SDM volume 1, 13.4: the standard format of the XSAVE area).

use authentic_sgx::PAGE;

/// Registers by their place in the kernel's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Register {
    R8 = libc::REG_R8,
    R9 = libc::REG_R9,
    R10 = libc::REG_R10,
    R11 = libc::REG_R11,
    R12 = libc::REG_R12,
    R13 = libc::REG_R13,
    R14 = libc::REG_R14,
    R15 = libc::REG_R15,
    Rdi = libc::REG_RDI,
    Rsi = libc::REG_RSI,
    Rbp = libc::REG_RBP,
    Rbx = libc::REG_RBX,
    Rdx = libc::REG_RDX,
    Rax = libc::REG_RAX,
    Rcx = libc::REG_RCX,
    Rsp = libc::REG_RSP,
    Rip = libc::REG_RIP,
    Flags = libc::REG_EFL,
}

/// Bytes of x87, SSE and AVX state with the header: what XFRM 7 takes.
const EXTENDED: usize = 832;
const LEGACY: usize = 512;
const HEADER: usize = 64;
/// Bytes 464 to 511 are for software: the kernel describes its frame there.
const SOFTWARE: usize = 464;
const MAGIC: u32 = 0x4650_5853;
const XFRM: u64 = 7;
/// What is set to its initial state on an exit: also the wider registers that overlap those of AVX.
const INITIALIZED: u64 = 0xE7;
const MXCSR: usize = 24;
const MXCSR_DEFINED: u32 = 0xFFFF;

/// The interrupted code.
pub struct Frame<'signal> {
    context: &'signal mut libc::ucontext_t,
}

impl<'signal> Frame<'signal> {
    /// From the third argument of a handler.
    pub fn new(context: &'signal mut libc::ucontext_t) -> Self {
        Self { context }
    }

    /// A register.
    pub fn get(&self, register: Register) -> u64 {
        self.context.uc_mcontext.gregs[register as usize] as u64
    }

    /// Changes a register.
    pub fn set(&mut self, register: Register, value: u64) {
        self.context.uc_mcontext.gregs[register as usize] = value as i64;
    }

    /// The exception, as the processor numbers it.
    pub fn vector(&self) -> u8 {
        self.context.uc_mcontext.gregs[libc::REG_TRAPNO as usize] as u8
    }

    /// The kernel's XSAVE area; only the legacy part where the kernel says so.
    fn extended(&mut self) -> &mut [u8] {
        let area = self.context.uc_mcontext.fpregs.cast::<u8>();
        // SAFETY: the kernel puts at least the legacy part there, and as much more as it says in the bytes for software.
        unsafe {
            let magic = area.add(SOFTWARE).cast::<u32>().read_unaligned();
            let size = area.add(SOFTWARE + 16).cast::<u32>().read_unaligned() as usize;
            std::slice::from_raw_parts_mut(area, if magic == MAGIC && size >= EXTENDED { EXTENDED } else { LEGACY })
        }
    }

    /// XSAVE into a frame of the SSA, and the initial state into the registers: nothing of the enclave's is left.
    pub fn save_extended(&mut self, to: &mut [u8; PAGE]) {
        let area = self.extended();
        to[..SOFTWARE].copy_from_slice(&area[..SOFTWARE]);
        to[SOFTWARE..EXTENDED].fill(0);
        if let Some(rest) = area.get_mut(LEGACY..) {
            let components = u64::from_le_bytes(std::array::from_fn(|index| rest[index]));
            to[LEGACY..LEGACY + 8].copy_from_slice(&(components & XFRM).to_le_bytes());
            to[LEGACY + HEADER..EXTENDED].copy_from_slice(&rest[HEADER..]);
            rest[..8].copy_from_slice(&(components & !INITIALIZED).to_le_bytes());
            rest[HEADER..].fill(0);
        }
        area[..SOFTWARE].fill(0);
        area[..2].copy_from_slice(&0x37Fu16.to_le_bytes());
        area[MXCSR..MXCSR + 4].copy_from_slice(&0x1F80u32.to_le_bytes());
    }

    /// XRSTOR from a frame of the SSA; false where XRSTOR would fault, and nothing is changed.
    pub fn restore_extended(&mut self, from: &[u8; PAGE]) -> bool {
        let header = &from[LEGACY..LEGACY + HEADER];
        let components = u64::from_le_bytes(std::array::from_fn(|index| header[index]));
        let control = u32::from_le_bytes(std::array::from_fn(|index| from[MXCSR + index]));
        if components & !XFRM != 0 || header[8..].iter().any(|byte| *byte != 0) || control & !MXCSR_DEFINED != 0 {
            return false;
        }
        let area = self.extended();
        area[..SOFTWARE].copy_from_slice(&from[..SOFTWARE]);
        if let Some(rest) = area.get_mut(LEGACY..) {
            let others = u64::from_le_bytes(std::array::from_fn(|index| rest[index])) & !INITIALIZED;
            rest[..8].copy_from_slice(&(others | components).to_le_bytes());
            rest[HEADER..].copy_from_slice(&from[LEGACY + HEADER..EXTENDED]);
        }
        true
    }
}
