//! Signal handlers of the emulated processor. They find out who raised the exception, and leave the rest to [`super::cpu`].

use super::cpu::{CPU, Cpu, UNDEFINED_OPCODE};
use super::entry::{CONTEXT, enclu};
use super::frame::{Frame, Register};
use super::memory::secret_stack;
use crate::sgx::SgxError;
use crate::watchdog::{self, TIME_LIMIT};
use std::arch::naked_asm;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

const FAULTS: [libc::c_int; 6] = [libc::SIGILL, libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];
const ALTERNATE_STACK: usize = 64 * 1024;
const SYSCALL_LENGTH: u64 = 2;

/// The thread that enters.
static THREAD: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: gettid has no preconditions and is async-signal-safe; the kernel passes valid pointers to a handler that
    // was installed with SA_SIGINFO.
    let (thread, info, mut frame) = unsafe { (libc::gettid(), &*info, Frame::new(&mut *context.cast::<libc::ucontext_t>())) };
    let Some(cpu) = CPU.get() else { return give_up(signal) };
    let owner = thread == THREAD.load(Ordering::Relaxed);
    let in_mode = CONTEXT.inside.load(Ordering::Acquire) != 0;
    if signal == TIME_LIMIT {
        // Between the processor's mode and the enclave's code lie a few instructions of the host: the watchdog comes again.
        if owner && in_mode && cpu.contains(frame.get(Register::Rip)) && watchdog::is_expired() {
            cpu.asynchronous_exit(&mut frame, None, 0);
        }
        return;
    }
    match (owner && in_mode, frame.get(Register::Rip) == enclu()) {
        (true, _) => in_enclave(cpu, signal, info, &mut frame),
        // On a processor with SGX, ENCLU raises #GP or #PF here instead of #UD.
        (false, true) if signal == libc::SIGILL || signal == libc::SIGSEGV => cpu.host_enclu(&mut frame, in_mode),
        _ => give_up(signal),
    }
}

fn in_enclave(cpu: &Cpu, signal: libc::c_int, info: &libc::siginfo_t, frame: &mut Frame<'_>) {
    let at = frame.get(Register::Rip);
    if (signal == libc::SIGILL || signal == libc::SIGSEGV) && cpu.is_enclu(at) {
        return cpu.enclave_enclu(frame);
    }
    if signal == libc::SIGSYS {
        // The filter trapped behind the instruction; inside an enclave it raises #UD.
        frame.set(Register::Rip, at - SYSCALL_LENGTH);
        return cpu.asynchronous_exit(frame, Some(UNDEFINED_OPCODE), 0);
    }
    // SAFETY: a union of which signals that faults raise have this part.
    let accessed = unsafe { info.si_addr() } as u64;
    let vector = frame.vector();
    cpu.asynchronous_exit(frame, Some(vector), accessed);
}

/// A fault of the host itself: let it happen again with its default effect.
fn give_up(signal: libc::c_int) {
    // SAFETY: `signal` is one whose handler this is.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// The handler as the kernel calls it: the interrupted code may have left the alignment check on.
///
/// # Safety
/// Only called by the kernel.
#[unsafe(naked)]
unsafe extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    naked_asm!("pushfq", "and dword ptr [rsp], {flags}", "popfq", "jmp {on_signal}", flags = const !(1 << 18), on_signal = sym on_signal)
}

/// Installs the handlers for the calling thread, the only one that enters the enclave.
///
/// # Errors
/// The kernel refuses.
pub fn install() -> Result<(), SgxError> {
    // SAFETY: gettid has no preconditions.
    THREAD.store(unsafe { libc::gettid() }, Ordering::Relaxed);
    // The kernel writes the enclave's registers there.
    let alternate = libc::stack_t { ss_sp: secret_stack(ALTERNATE_STACK)?.cast(), ss_flags: 0, ss_size: ALTERNATE_STACK };
    // SAFETY: the stack is never unmapped; the handlers have the signature that SA_SIGINFO asks for.
    unsafe {
        if libc::sigaltstack(&alternate, null_mut()) != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigfillset(&mut action.sa_mask);
        for signal in FAULTS.into_iter().chain([TIME_LIMIT]) {
            if libc::sigaction(signal, &action, null_mut()) != 0 {
                return Err(std::io::Error::last_os_error().into());
            }
        }
    }
    Ok(())
}
