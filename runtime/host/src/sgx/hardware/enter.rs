//! The call of `__vdso_sgx_enter_enclave`, which does EENTER, resumes after interrupts, and comes back with exceptions.

use super::abi::Run;
use std::arch::naked_asm;
use std::cell::UnsafeCell;
use std::mem::offset_of;

/// What `enter` returns after an exception; no defined exit has this value.
pub const EXCEPTION: u64 = u64::MAX - 1;
const EENTER: u32 = 2;
const EEXIT: u32 = 4;

#[repr(C)]
struct Context {
    run: UnsafeCell<Run>,
    function: UnsafeCell<u64>,
}

// SAFETY: only used by the one thread that enters.
unsafe impl Sync for Context {}

static CONTEXT: Context = Context {
    run: UnsafeCell::new(Run {
        tcs: 0,
        function: 0,
        exception_vector: 0,
        exception_error_code: 0,
        exception_addr: 0,
        user_handler: 0,
        user_data: 0,
        reserved: [0; 216],
    }),
    function: UnsafeCell::new(0),
};

/// Sets up entries: the vDSO's function and the TCS.
pub fn prepare(function: usize, tcs: u64) {
    // SAFETY: called once, by the thread that enters, before the first entry.
    unsafe {
        (*CONTEXT.run.get()).tcs = tcs;
        *CONTEXT.function.get() = function as u64;
    }
}

/// Enters with RDI, RSI and RDX as they are, and returns RDI as the enclave left it, or [`EXCEPTION`].
///
/// # Safety
/// Only called by `native::entry::call`, which saves the registers that a callee would; after [`prepare`].
#[unsafe(naked)]
pub unsafe extern "C" fn enter(reason: u64, shared: u64, size: u64) -> u64 {
    naked_asm!(
        "lea rax, [rip + {context}]",
        // The seventh argument, and a stack aligned to 16 bytes at the call.
        "push rax",
        "xor r8d, r8d",
        "xor r9d, r9d",
        "mov ecx, {eenter}",
        "call [rip + {context} + {function}]",
        "add rsp, 8",
        "test eax, eax",
        "jne 2f",
        "cmp dword ptr [rip + {context} + {leaf}], {eexit}",
        "jne 2f",
        "mov rax, rdi",
        "ret",
        "2:",
        "mov rax, -2",
        "ret",
        context = sym CONTEXT,
        function = const offset_of!(Context, function),
        leaf = const offset_of!(Run, function),
        eenter = const EENTER,
        eexit = const EEXIT,
    )
}

/// The exception that ended the last entry.
pub fn exception(base: u64, size: u64) -> String {
    // SAFETY: the thread that enters has come back.
    let run = unsafe { &*CONTEXT.run.get() };
    let place = match run.exception_addr.checked_sub(base) {
        Some(offset) if offset < size => format!("enclave+{offset:#x}"),
        _ => format!("{:#x}", run.exception_addr),
    };
    match run.exception_vector {
        14 => format!("fault #PF accessing {place}"),
        13 => "fault #GP".into(),
        6 => "fault #UD".into(),
        other => format!("exception {other}"),
    }
}
