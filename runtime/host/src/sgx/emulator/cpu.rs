//! The emulated logical processor: what each leaf of ENCLU does, and an asynchronous exit (SDM 39.4, 36.4).
//!
//! It runs in a signal handler, on registers that the handler takes from the interrupted code and puts back.

use super::super::machine::Outcome;
use super::entry::{CONTEXT, refused};
use super::frame::{Frame, Register};
use authentic_sgx::{KeyRequest, Layout, PAGE, Permissions, Processor, Report, Secs, TargetInfo, egetkey, ereport};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Offsets in GPRSGX (SDM 38.9.1.1), which ends a frame of the SSA.
pub const GPRSGX_SIZE: usize = 184;
const GPRSGX_RFLAGS: usize = 128;
const GPRSGX_RIP: usize = 136;
/// RSP of the host.
pub const GPRSGX_URSP: usize = 144;
/// RBP of the host.
pub const GPRSGX_URBP: usize = 152;
const GPRSGX_EXITINFO: usize = 160;
/// In the order of GPRSGX.
const SAVED: [Register; 16] = [
    Register::Rax,
    Register::Rcx,
    Register::Rdx,
    Register::Rbx,
    Register::Rsp,
    Register::Rbp,
    Register::Rsi,
    Register::Rdi,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// Exceptions.
pub const UNDEFINED_OPCODE: u8 = 6;
const GENERAL_PROTECTION: u8 = 13;
const PAGE_FAULT: u8 = 14;
/// Vectors that EXITINFO reports without MISCSELECT (SDM 38.9.1.2).
const REPORTED: [u8; 8] = [0, 1, 3, 5, 6, 16, 17, 19];
/// Bits of RFLAGS that EGETKEY clears, and that ERESUME takes from a frame: what ring 3 may set.
const ARITHMETIC: u64 = 0x8D5;
const ZERO_FLAG: u64 = 0x40;
const USER_FLAGS: u64 = ARITHMETIC | 1 << 8 | 1 << 10 | 1 << 18 | 1 << 21;
const ENCLU_LENGTH: u64 = 3;

/// Why the last entry was left otherwise than by EEXIT.
const BY_TIME: u64 = 1 << 32;
const REFUSED: u64 = 1 << 33;

/// The processor with its enclave.
pub struct Cpu {
    processor: Processor,
    secs: Secs,
    key_id: [u8; 32],
    /// Permissions by page number; `None` for pages that do not exist and for the TCS.
    pages: Vec<Option<Permissions>>,
    tcs_offset: u64,
    ossa: u64,
    nssa: u32,
    oentry: u64,
    left_by: AtomicU64,
    left_at: AtomicU64,
    accessed: AtomicU64,
}

/// Set once the enclave is initialized.
pub static CPU: OnceLock<Cpu> = OnceLock::new();

/// An exception that a leaf raises.
struct Exception(u8);

impl Cpu {
    /// A processor whose enclave has passed EINIT.
    pub fn new(processor: Processor, secs: Secs, layout: &Layout, key_id: [u8; 32]) -> Self {
        let mut pages = vec![None; (layout.size / PAGE as u64) as usize];
        for page in &layout.pages {
            pages[(page.offset / PAGE as u64) as usize] = page.permissions;
        }
        let (tcs_offset, tcs) = (layout.tcs_offset, layout.tcs);
        let [left_by, left_at, accessed] = std::array::from_fn(|_| AtomicU64::new(0));
        Self { processor, secs, key_id, pages, tcs_offset, ossa: tcs.ossa, nssa: tcs.nssa, oentry: tcs.oentry, left_by, left_at, accessed }
    }

    /// First address of the enclave.
    pub fn base(&self) -> u64 {
        self.secs.base
    }

    /// The enclave.
    pub fn secs(&self) -> &Secs {
        &self.secs
    }

    /// Offset of the TCS.
    pub fn tcs_offset(&self) -> u64 {
        self.tcs_offset
    }

    /// Address of the entry point.
    pub fn entry(&self) -> u64 {
        self.base() + self.oentry
    }

    /// Frames of the SSA in use.
    pub fn cssa(&self) -> u32 {
        CONTEXT.cssa.load(Ordering::Relaxed) as u32
    }

    /// Address of GPRSGX in a frame.
    pub fn frame(&self, number: u32) -> u64 {
        self.base() + self.ossa + (u64::from(number) + 1) * PAGE as u64 - GPRSGX_SIZE as u64
    }

    /// Whether EENTER would succeed.
    pub fn may_enter(&self) -> bool {
        CONTEXT.inside.load(Ordering::Relaxed) == 0 && self.cssa() < self.nssa
    }

    /// Whether an address lies in the enclave's range.
    pub fn contains(&self, address: u64) -> bool {
        address.wrapping_sub(self.base()) < self.secs.size
    }

    fn permissions(&self, address: u64) -> Option<Permissions> {
        let offset = address.wrapping_sub(self.base());
        self.pages.get((offset / PAGE as u64) as usize).copied().flatten()
    }

    /// Whether the three bytes of ENCLU are at `address`, a place the enclave may execute.
    pub fn is_enclu(&self, address: u64) -> bool {
        let readable = [address, address + 2].iter().all(|address| self.contains(*address) && self.permissions(*address).is_some_and(|page| page.execute));
        // SAFETY: executable pages of the enclave are mapped readable in this process.
        readable && unsafe { std::slice::from_raw_parts(address as *const u8, 3) } == [0x0f, 0x01, 0xd7]
    }

    /// An operand of a leaf: aligned and inside the enclave's range, or #GP; a page with the permission, or #PF.
    fn operand(&self, address: u64, alignment: u64, write: bool) -> Result<*mut u8, Exception> {
        if !address.is_multiple_of(alignment) || !self.contains(address) {
            return Err(Exception(GENERAL_PROTECTION));
        }
        match self.permissions(address) {
            Some(page) if page.read && (page.write || !write) => Ok(address as *mut u8),
            _ => Err(Exception(PAGE_FAULT)),
        }
    }

    /// ENCLU of the host: EENTER, ERESUME; the thread is not in enclave mode. `busy`: another one is.
    pub fn host_enclu(&self, frame: &mut Frame<'_>, busy: bool) {
        let tcs = frame.get(Register::Rbx);
        let leaf = frame.get(Register::Rax) as u32;
        let result = if !tcs.is_multiple_of(PAGE as u64) || (leaf != 2 && leaf != 3) {
            Err(Exception(GENERAL_PROTECTION))
        } else if tcs != self.base() + self.tcs_offset {
            Err(Exception(PAGE_FAULT))
        } else if busy {
            Err(Exception(GENERAL_PROTECTION))
        } else if leaf == 2 {
            self.eenter(frame)
        } else {
            self.eresume(frame)
        };
        if let Err(Exception(vector)) = result {
            self.left_by.store(REFUSED | u64::from(vector), Ordering::Relaxed);
            frame.set(Register::Rip, refused());
        }
    }

    fn eenter(&self, frame: &mut Frame<'_>) -> Result<(), Exception> {
        let cssa = self.cssa();
        if cssa >= self.nssa {
            return Err(Exception(GENERAL_PROTECTION));
        }
        self.enter_mode(frame, cssa);
        frame.set(Register::Rax, u64::from(cssa));
        frame.set(Register::Rcx, frame.get(Register::Rip) + ENCLU_LENGTH);
        frame.set(Register::Rip, self.entry());
        Ok(())
    }

    /// TCS.AEP, and the host's stack for the next asynchronous exit.
    fn enter_mode(&self, frame: &Frame<'_>, cssa: u32) {
        CONTEXT.aep.store(frame.get(Register::Rcx), Ordering::Relaxed);
        self.save(cssa, GPRSGX_URSP, frame.get(Register::Rsp));
        self.save(cssa, GPRSGX_URBP, frame.get(Register::Rbp));
        CONTEXT.inside.store(1, Ordering::Relaxed);
    }

    fn eresume(&self, frame: &mut Frame<'_>) -> Result<(), Exception> {
        let Some(cssa) = self.cssa().checked_sub(1) else { return Err(Exception(GENERAL_PROTECTION)) };
        // SAFETY: the frame's page is mapped for reading and writing, and the enclave is not running.
        let extended = unsafe { &*(self.frame(cssa) as *const u8).sub(PAGE - GPRSGX_SIZE).cast() };
        if !frame.restore_extended(extended) {
            return Err(Exception(GENERAL_PROTECTION));
        }
        self.enter_mode(frame, cssa);
        for (index, register) in SAVED.into_iter().enumerate() {
            frame.set(register, self.saved(cssa, 8 * index));
        }
        let flags = frame.get(Register::Flags) & !USER_FLAGS | self.saved(cssa, GPRSGX_RFLAGS) & USER_FLAGS;
        frame.set(Register::Flags, flags);
        frame.set(Register::Rip, self.saved(cssa, GPRSGX_RIP));
        self.set_cssa(cssa);
        Ok(())
    }

    fn set_cssa(&self, cssa: u32) {
        CONTEXT.cssa.store(u64::from(cssa), Ordering::Relaxed);
        CONTEXT.frame.store(self.frame(cssa), Ordering::Relaxed);
    }

    fn save(&self, cssa: u32, at: usize, value: u64) {
        // SAFETY: `Layout` has made sure that every frame is a page that is mapped for writing; GPRSGX lies in it.
        unsafe { ((self.frame(cssa) + at as u64) as *mut u64).write(value) };
    }

    fn saved(&self, cssa: u32, at: usize) -> u64 {
        // SAFETY: as for `save`.
        unsafe { ((self.frame(cssa) + at as u64) as *const u64).read() }
    }

    /// ENCLU of the enclave.
    pub fn enclave_enclu(&self, frame: &mut Frame<'_>) {
        let result = match frame.get(Register::Rax) as u32 {
            0 => self.ereport(frame),
            1 => self.egetkey(frame),
            4 => {
                CONTEXT.inside.store(0, Ordering::Relaxed);
                frame.set(Register::Rcx, CONTEXT.aep.load(Ordering::Relaxed));
                frame.set(Register::Rip, frame.get(Register::Rbx));
                return;
            }
            _ => Err(Exception(GENERAL_PROTECTION)),
        };
        match result {
            Ok(()) => frame.set(Register::Rip, frame.get(Register::Rip) + ENCLU_LENGTH),
            Err(Exception(vector)) => self.asynchronous_exit(frame, Some(vector), 0),
        }
    }

    /// EREPORT: RBX TARGETINFO, RCX REPORTDATA, RDX where the report goes.
    fn ereport(&self, frame: &mut Frame<'_>) -> Result<(), Exception> {
        let target = self.operand(frame.get(Register::Rbx), 512, false)?;
        let data = self.operand(frame.get(Register::Rcx), 128, false)?;
        let output = self.operand(frame.get(Register::Rdx), 512, true)?;
        // SAFETY: `operand` has made sure of pages; none of the three crosses one, because they are aligned.
        let (target, data) = unsafe { (TargetInfo::from_bytes(&*target.cast()), *data.cast::<[u8; 64]>()) };
        let report = ereport(&self.processor, &self.secs, &target, data, self.key_id).to_bytes();
        // SAFETY: as above; writable.
        unsafe { output.cast::<[u8; Report::LENGTH]>().write(report) };
        Ok(())
    }

    /// EGETKEY: RBX KEYREQUEST, RCX where the key goes.
    fn egetkey(&self, frame: &mut Frame<'_>) -> Result<(), Exception> {
        let request = self.operand(frame.get(Register::Rbx), 512, false)?;
        let output = self.operand(frame.get(Register::Rcx), 16, true)?;
        // SAFETY: as for `ereport`.
        let request = unsafe { *request.cast::<[u8; KeyRequest::LENGTH]>() };
        let flags = frame.get(Register::Flags) & !ARITHMETIC;
        match egetkey(&self.processor, &self.secs, &request) {
            Ok(key) => {
                // SAFETY: as for `ereport`; writable.
                unsafe { output.cast::<[u8; 16]>().write(*key) };
                frame.set(Register::Rax, 0);
                frame.set(Register::Flags, flags);
            }
            Err(error) => {
                let code = error.code().ok_or(Exception(GENERAL_PROTECTION))?;
                frame.set(Register::Rax, code);
                frame.set(Register::Flags, flags | ZERO_FLAG);
            }
        }
        Ok(())
    }

    /// Saves the enclave's state into its SSA, and leaves synthetic state to the host. `vector` is `None` for an
    /// interrupt; `accessed` is for whoever reads the log.
    pub fn asynchronous_exit(&self, frame: &mut Frame<'_>, vector: Option<u8>, accessed: u64) {
        let cssa = self.cssa();
        let extended = (self.frame(cssa) as *mut u8).wrapping_sub(PAGE - GPRSGX_SIZE);
        // SAFETY: the frame's page is mapped for writing, and the enclave is not running.
        frame.save_extended(unsafe { &mut *extended.cast() });
        for (index, register) in SAVED.into_iter().enumerate() {
            self.save(cssa, 8 * index, frame.get(register));
        }
        self.save(cssa, GPRSGX_RFLAGS, frame.get(Register::Flags));
        self.save(cssa, GPRSGX_RIP, frame.get(Register::Rip));
        let reported = vector.filter(|vector| REPORTED.contains(vector));
        let kind = if reported == Some(3) { 6 } else { 3 };
        self.save(cssa, GPRSGX_EXITINFO, reported.map_or(0, |vector| u64::from(vector) | kind << 8 | 1 << 31));
        self.left_by.store(vector.map_or(BY_TIME, u64::from), Ordering::Relaxed);
        self.left_at.store(frame.get(Register::Rip), Ordering::Relaxed);
        self.accessed.store(accessed, Ordering::Relaxed);
        let (stack, base) = (self.saved(cssa, GPRSGX_URSP), self.saved(cssa, GPRSGX_URBP));
        for register in SAVED {
            frame.set(register, 0);
        }
        let aep = CONTEXT.aep.load(Ordering::Relaxed);
        for (register, value) in [
            (Register::Rax, 3),
            (Register::Rbx, self.base() + self.tcs_offset),
            (Register::Rcx, aep),
            (Register::Rsp, stack),
            (Register::Rbp, base),
            (Register::Rip, aep),
            (Register::Flags, frame.get(Register::Flags) & !(ARITHMETIC | 1 << 8 | 1 << 16)),
        ] {
            frame.set(register, value);
        }
        self.set_cssa(cssa + 1);
        CONTEXT.inside.store(0, Ordering::Relaxed);
    }

    /// Why the last entry was left.
    pub fn last_exit(&self) -> Outcome {
        let place = |address: u64| match address.checked_sub(self.base()) {
            Some(offset) if offset < self.secs.size => format!("enclave+{offset:#x}"),
            _ => format!("{address:#x} outside the enclave"),
        };
        let (why, at) = (self.left_by.load(Ordering::Relaxed), place(self.left_at.load(Ordering::Relaxed)));
        let name = |vector: u64| match vector {
            0 => "#DE".into(),
            1 => "#DB".into(),
            3 => "#BP".into(),
            6 => "#UD".into(),
            13 => "#GP".into(),
            14 => "#PF".into(),
            16 => "#MF".into(),
            17 => "#AC".into(),
            19 => "#XM".into(),
            other => format!("exception {other}"),
        };
        match why {
            BY_TIME => Outcome::TimeLimit(format!("exceeded its time limit at {at}")),
            why if why & REFUSED != 0 => Outcome::Fault(format!("the processor refused the entry with {}", name(why & 0xFF))),
            14 => Outcome::Fault(format!("fault #PF at {at} accessing {}", place(self.accessed.load(Ordering::Relaxed)))),
            vector => Outcome::Fault(format!("fault {} at {at}", name(vector))),
        }
    }
}
