//! Signal handlers that end an entry into the module when it faults or when the watchdog says so.

use super::entry::{is_inside, recover};
use crate::enclave::{Cause, Crash};
use crate::watchdog::{TIME_LIMIT, is_expired};
use std::arch::naked_asm;
use std::io;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

const FAULTS: [(libc::c_int, &str); 5] =
    [(libc::SIGSEGV, "SIGSEGV"), (libc::SIGBUS, "SIGBUS"), (libc::SIGILL, "SIGILL"), (libc::SIGFPE, "SIGFPE"), (libc::SIGTRAP, "SIGTRAP")];
const ALTERNATE_STACK: usize = 64 * 1024;
/// Trap, direction and alignment-check flags: a module must not leave them set.
const FLAGS: i64 = 1 << 8 | 1 << 10 | 1 << 18;

static SIGNAL: AtomicI32 = AtomicI32::new(0);
static INSTRUCTION: AtomicUsize = AtomicUsize::new(0);
static ADDRESS: AtomicUsize = AtomicUsize::new(0);
static THREAD: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: gettid has no preconditions and is async-signal-safe.
    let thread = unsafe { libc::gettid() };
    let here = is_inside() && thread == THREAD.load(Ordering::Relaxed);
    if signal == TIME_LIMIT {
        if !here || !is_expired() {
            return;
        }
    } else if !here {
        // A fault of the host itself: let it happen again with its default effect.
        // SAFETY: `signal` is one of `FAULTS`.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    // SAFETY: the kernel passes valid pointers to a handler that was installed with SA_SIGINFO. The thread is inside
    // `call`, so that continuing at `recover` gives up nothing but the module's own frames.
    unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        SIGNAL.store(signal, Ordering::Relaxed);
        INSTRUCTION.store(registers[libc::REG_RIP as usize] as usize, Ordering::Relaxed);
        ADDRESS.store((*info).si_addr() as usize, Ordering::Relaxed);
        registers[libc::REG_RIP as usize] = recover as *const () as i64;
        registers[libc::REG_EFL as usize] &= !FLAGS;
    }
}

/// The handler as the kernel calls it: the interrupted code may have left the alignment check on.
///
/// # Safety
/// Only called by the kernel.
#[unsafe(naked)]
unsafe extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    naked_asm!("pushfq", "and dword ptr [rsp], {flags}", "popfq", "jmp {on_signal}", flags = const !(1 << 18), on_signal = sym on_signal)
}

/// Installs the handlers for the calling thread, the only one that enters the module.
///
/// # Errors
/// The kernel refuses.
pub fn install() -> io::Result<()> {
    // SAFETY: gettid has no preconditions.
    THREAD.store(unsafe { libc::gettid() }, Ordering::Relaxed);
    let stack = Box::leak(vec![0u8; ALTERNATE_STACK].into_boxed_slice());
    let alternate = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: stack.len() };
    // SAFETY: the stack is leaked, so it outlives the thread; the handlers have the signature SA_SIGINFO asks for.
    unsafe {
        if libc::sigaltstack(&alternate, null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigfillset(&mut action.sa_mask);
        for signal in FAULTS.map(|(signal, _)| signal).into_iter().chain([TIME_LIMIT]) {
            if libc::sigaction(signal, &action, null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// What ended the last entry; addresses are shown relative to `base`, the image's `span` bytes.
pub fn last(base: usize, span: usize) -> Crash {
    let place = |address: usize| match address.checked_sub(base) {
        Some(offset) if offset < span => format!("image+{offset:#x}"),
        _ => format!("{address:#x} outside the image"),
    };
    let (signal, instruction) = (SIGNAL.load(Ordering::Relaxed), place(INSTRUCTION.load(Ordering::Relaxed)));
    match FAULTS.iter().find(|(number, _)| *number == signal) {
        None => Crash { cause: Cause::TimeLimit, description: format!("exceeded its time limit at {instruction}") },
        Some((number, name)) => {
            let accessed = match *number {
                libc::SIGSEGV | libc::SIGBUS => format!(" accessing {}", place(ADDRESS.load(Ordering::Relaxed))),
                _ => String::new(),
            };
            Crash { cause: Cause::Fault, description: format!("fault {name} at {instruction}{accessed}") }
        }
    }
}
