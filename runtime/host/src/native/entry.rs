//! Enters a native module on its own stack, and comes back from it even when it does not return.
//!
//! [`call`] saves the host's registers, as an enclave's entry does; a signal handler that finds the thread inside the
//! module continues at [`recover`], as an asynchronous exit would. There is one module in a process.

use crate::registers::{pop_registers, push_registers};
use std::arch::naked_asm;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, Ordering};

/// What `call` returns after `recover`; no defined exit has this value.
pub const CRASHED: u64 = u64::MAX;

/// The host's state while the module runs. The offsets are used by the code below.
#[repr(C)]
struct Context {
    stack: UnsafeCell<u64>,
    vector_control: UnsafeCell<u32>,
    float_control: UnsafeCell<u32>,
    inside: AtomicU32,
}

// SAFETY: `inside` is atomic, the other fields are only used by the thread that is inside the module.
unsafe impl Sync for Context {}

static CONTEXT: Context =
    Context { stack: UnsafeCell::new(0), vector_control: UnsafeCell::new(0), float_control: UnsafeCell::new(0), inside: AtomicU32::new(0) };

/// Whether a thread is inside the module.
pub fn is_inside() -> bool {
    CONTEXT.inside.load(Ordering::Relaxed) != 0
}

/// Calls `entry(reason, shared, size)` on the stack that ends at `stack`.
///
/// # Safety
/// `entry` is System V code, `stack` a 16-byte aligned end of a large enough stack, and no other call is under way.
/// The code may fault only where the signal handlers of [`super::fault`] are installed for this thread.
#[unsafe(naked)]
pub unsafe extern "C" fn call(reason: u64, shared: *mut u8, size: u64, entry: usize, stack: usize) -> u64 {
    naked_asm!(
        push_registers!(),
        "mov [rip + {context}], rsp",
        "stmxcsr [rip + {context} + 8]",
        "fnstcw [rip + {context} + 12]",
        "mov rsp, r8",
        "mov dword ptr [rip + {context} + 16], 1",
        "call rcx",
        "mov dword ptr [rip + {context} + 16], 0",
        "cld",
        "ldmxcsr [rip + {context} + 8]",
        "fldcw [rip + {context} + 12]",
        "mov rsp, [rip + {context}]",
        pop_registers!(),
        "ret",
        context = sym CONTEXT,
    )
}

/// Where a signal handler continues instead of the module: `call` returns [`CRASHED`].
///
/// # Safety
/// Never called; only jumped to by the thread that is inside `call`.
#[unsafe(naked)]
pub unsafe extern "C" fn recover() -> ! {
    naked_asm!(
        "mov dword ptr [rip + {context} + 16], 0",
        "cld",
        "vzeroall",
        "fninit",
        "ldmxcsr [rip + {context} + 8]",
        "fldcw [rip + {context} + 12]",
        "mov rsp, [rip + {context}]",
        pop_registers!(),
        "mov rax, -1",
        "ret",
        context = sym CONTEXT,
    )
}
