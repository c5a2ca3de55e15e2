//! The host's side of an entry: EENTER and ERESUME as instructions that trap, and EENTER as a jump.
//!
//! The jump does what EENTER does without a signal. The conditions that EENTER checks are the caller's to check; the
//! state of the processor is the same in both cases.

use super::cpu::{Cpu, GPRSGX_URBP, GPRSGX_URSP};
use crate::registers::{pop_registers, push_registers};
use std::arch::naked_asm;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What `call` returns after an asynchronous exit, or when the processor refused the entry. No defined exit has it.
pub const LEFT: u64 = u64::MAX;

/// State of the emulated logical processor that code below and in the enclave's exit uses. Offsets are theirs.
#[repr(C)]
pub struct Context {
    /// 0: in enclave mode.
    pub inside: AtomicU32,
    /// 4: of the host, while the enclave runs.
    vector_control: UnsafeCell<u32>,
    /// 8: TCS.AEP.
    pub aep: AtomicU64,
    /// 16: the host's stack.
    stack: UnsafeCell<u64>,
    /// 24: address of the TCS to enter.
    tcs: AtomicU64,
    /// 32: address of the entry point.
    entry: AtomicU64,
    /// 40: address of GPRSGX in the frame of the SSA that the next asynchronous exit uses.
    pub frame: AtomicU64,
    /// 48: TCS.CSSA.
    pub cssa: AtomicU64,
    /// 56: of the host.
    float_control: UnsafeCell<u32>,
}

// SAFETY: atomics, and fields that only the code below uses, in the thread that enters.
unsafe impl Sync for Context {}

/// There is one enclave in a process, with one thread.
pub static CONTEXT: Context = Context {
    inside: AtomicU32::new(0),
    vector_control: UnsafeCell::new(0),
    aep: AtomicU64::new(0),
    stack: UnsafeCell::new(0),
    tcs: AtomicU64::new(0),
    entry: AtomicU64::new(0),
    frame: AtomicU64::new(0),
    cssa: AtomicU64::new(0),
    float_control: UnsafeCell::new(0),
};

/// Sets up entries into an enclave.
pub fn prepare(cpu: &Cpu) {
    set_tcs(cpu.base() + cpu.tcs_offset());
    CONTEXT.entry.store(cpu.entry(), Ordering::Relaxed);
    CONTEXT.frame.store(cpu.frame(0), Ordering::Relaxed);
}

/// Names the page that ENCLU gets as TCS.
pub fn set_tcs(address: u64) {
    CONTEXT.tcs.store(address, Ordering::Relaxed);
}

unsafe extern "C" {
    /// The host's one ENCLU: EENTER or ERESUME.
    static authentic_sgx_enclu: u8;
    /// Where an entry goes that the processor refuses.
    static authentic_sgx_refused: u8;
}

/// Address of the host's one ENCLU.
pub fn enclu() -> u64 {
    &raw const authentic_sgx_enclu as u64
}

/// Address to which the host comes back when the processor refuses an entry: its registers are what they were.
pub fn refused() -> u64 {
    &raw const authentic_sgx_refused as u64
}

/// Enters the enclave: RDI, RSI and RDX are the first three arguments. Returns RDI as the enclave left it, or [`LEFT`].
///
/// # Safety
/// The handlers of [`super::signals`] are installed for this thread, and no other entry is under way. With `direct` 1
/// the processor is not in enclave mode, and there is a frame left in the SSA.
#[unsafe(naked)]
pub unsafe extern "C" fn call(reason: u64, shared: u64, size: u64, direct: u64) -> u64 {
    naked_asm!(
        push_registers!(),
        "mov [rip + {context} + 16], rsp",
        "stmxcsr [rip + {context} + 4]",
        "fnstcw [rip + {context} + 56]",
        "mov rbx, [rip + {context} + 24]",
        "test ecx, ecx",
        "lea rcx, [rip + authentic_sgx_aep]",
        "jne 2f",
        "mov eax, 2",
        ".globl authentic_sgx_enclu",
        ".hidden authentic_sgx_enclu",
        "authentic_sgx_enclu:",
        ".byte 0x0f, 0x01, 0xd7",
        "jmp 3f",
        // EENTER: the stack for an asynchronous exit goes into the frame, then to the entry point with CSSA in RAX.
        "2:",
        "mov [rip + {context} + 8], rcx",
        "mov r10, [rip + {context} + 40]",
        "mov [r10 + {ursp}], rsp",
        "mov [r10 + {urbp}], rbp",
        "mov rax, [rip + {context} + 48]",
        "lea rcx, [rip + 3f]",
        "mov r10, [rip + {context} + 32]",
        "mov dword ptr [rip + {context}], 1",
        "jmp r10",
        ".globl authentic_sgx_aep",
        ".hidden authentic_sgx_aep",
        "authentic_sgx_aep:",
        "mov rdi, -1",
        "3:",
        "mov rax, rdi",
        "mov rsp, [rip + {context} + 16]",
        "push 2",
        "popfq",
        "ldmxcsr [rip + {context} + 4]",
        "fldcw [rip + {context} + 56]",
        "4:",
        pop_registers!(),
        "ret",
        ".globl authentic_sgx_refused",
        ".hidden authentic_sgx_refused",
        "authentic_sgx_refused:",
        "mov rax, -1",
        "jmp 4b",
        context = sym CONTEXT,
        ursp = const GPRSGX_URSP,
        urbp = const GPRSGX_URBP,
    )
}

/// ERESUME of the last frame of the SSA; returns as [`call`] does.
///
/// # Safety
/// As for [`call`].
#[unsafe(naked)]
pub unsafe extern "C" fn resume() -> u64 {
    naked_asm!(
        push_registers!(),
        "mov [rip + {context} + 16], rsp",
        "stmxcsr [rip + {context} + 4]",
        "fnstcw [rip + {context} + 56]",
        "mov rbx, [rip + {context} + 24]",
        "lea rcx, [rip + authentic_sgx_aep]",
        "mov eax, 3",
        "jmp authentic_sgx_enclu",
        context = sym CONTEXT,
    )
}

/// As [`call`], from another thread than the one that loaded the enclave. With `unchecked` 1 it goes to the entry point as
/// EENTER would, without asking whether somebody else is inside.
///
/// # Safety
/// The handlers are installed, the enclave is in use, and it comes back to where it was entered from.
#[unsafe(naked)]
pub unsafe extern "C" fn call_beside(reason: u64, shared: u64, size: u64, unchecked: u64) -> u64 {
    naked_asm!(
        push_registers!(),
        "mov rbx, [rip + {context} + 24]",
        "test ecx, ecx",
        "lea rcx, [rip + authentic_sgx_aep]",
        "mov eax, 2",
        "je authentic_sgx_enclu",
        "xor eax, eax",
        "lea rcx, [rip + 2f]",
        "mov r10, [rip + {context} + 32]",
        "jmp r10",
        "2:",
        "mov rax, rdi",
        pop_registers!(),
        "ret",
        context = sym CONTEXT,
    )
}
