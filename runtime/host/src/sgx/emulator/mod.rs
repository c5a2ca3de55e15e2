//! Runs an enclave on a processor without SGX, in this process. The enclave's own ENCLU instructions are not there to
//! be executed: each raises #UD or #GP, and a signal handler does what the manual says the leaf does (SDM volume 3D,
//! 39.4 "Intel SGX user leaf function reference"). `docs/sgx.md` says what this protects against, and what it does not.

mod cpu;
mod entry;
mod filter;
mod frame;
mod memory;
mod patch;
mod signals;

use super::machine::{Machine, Outcome};
use super::{EnclaveImage, SgxError};
use crate::features::missing_features;
use crate::watchdog::{self, Watchdog};
use authentic_sgx::{Measurement, Processor, TargetInfo, launch};
use cpu::{CPU, Cpu};
use memory::Memory;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The processor state is one a process, as a thread of an enclave has one.
static OCCUPIED: AtomicBool = AtomicBool::new(false);

/// Whether a thread is in enclave mode.
pub fn is_inside() -> bool {
    entry::CONTEXT.inside.load(Ordering::SeqCst) != 0
}

/// What another thread of the process gets when it enters the enclave, in which the first one is. `checked`: with ENCLU, as
/// the processor wants it; else as on a processor that does not look whether the TCS is busy, which tests show to matter.
///
/// # Safety
/// The thread that loaded the enclave is inside, and stays there until this returns. Unchecked, the enclave's code works
/// on the same stack as the other thread's.
pub unsafe fn enter_beside(reason: u64, shared: u64, size: u64, checked: bool) -> Outcome {
    let Some(cpu) = CPU.get() else { return Outcome::Fault("there is no enclave".into()) };
    // SAFETY: the handlers were installed before the enclave could be entered; the rest is the caller's promise.
    match unsafe { entry::call_beside(reason, shared, size, u64::from(!checked)) } {
        entry::LEFT => cpu.last_exit(),
        value => Outcome::Exited(value),
    }
}

/// An enclave on the emulated processor. Not `Send`: it is entered by the thread that loaded it.
pub struct Emulated {
    memory: Memory,
    cpu: &'static Cpu,
    watchdog: Watchdog,
    thread: std::marker::PhantomData<*const ()>,
}

impl Emulated {
    /// ECREATE, EADD and EEXTEND of all pages, EINIT; then the process gives up what would show the enclave to others.
    ///
    /// # Errors
    /// [`SgxError`].
    ///
    /// # Safety
    /// The enclave's code is run in this process: it can do what the process can, except for system calls.
    pub unsafe fn load(image: &EnclaveImage, processor: Processor, time_limit: Duration) -> Result<Self, SgxError> {
        let missing = missing_features();
        if !missing.is_empty() {
            return Err(SgxError::Processor(missing.join(", ")));
        }
        if OCCUPIED.swap(true, Ordering::SeqCst) {
            return Err(SgxError::Occupied);
        }
        // Before there is anything to see: no other process of this user may read this one's memory, or trace it.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).map_err(|error| SgxError::System(error.into()))?;
        let memory = Memory::reserve(image.layout.size)?;
        let mut secs = image.secs(memory.base());
        secs.mr_enclave = Measurement::of(&image.layout);
        launch(&mut secs, &image.sigstruct)?;
        memory.fill(&image.layout)?;
        let mut key_id = [0; 32];
        rustix::rand::getrandom(&mut key_id, rustix::rand::GetRandomFlags::empty()).map_err(|error| SgxError::System(error.into()))?;
        let cpu = CPU.get_or_init(|| Cpu::new(processor, secs, &image.layout, key_id));
        entry::prepare(cpu);
        patch::exits(&memory, &image.layout)?;
        let watchdog = Watchdog::start(time_limit)?;
        signals::install()?;
        filter::install(memory.base(), image.layout.size)?;
        Ok(Self { memory, cpu, watchdog, thread: std::marker::PhantomData })
    }

    /// Enters with ENCLU even where a jump would do: what an entry costs then is for benchmarks to show, and what the
    /// processor refuses for tests.
    pub fn enter_trapped(&mut self, reason: u64, shared: u64, size: u64, tcs_offset: u64) -> Outcome {
        entry::set_tcs(self.cpu.base() + tcs_offset);
        let outcome = self.run(reason, shared, size, false);
        entry::set_tcs(self.cpu.base() + self.cpu.tcs_offset());
        outcome
    }

    /// ERESUME.
    pub fn resume(&mut self) -> Outcome {
        watchdog::entered();
        self.watchdog.wake();
        // SAFETY: the handlers are installed, and `&mut self` makes this the only entry.
        let value = unsafe { entry::resume() };
        watchdog::left();
        self.outcome(value)
    }

    fn run(&mut self, reason: u64, shared: u64, size: u64, direct: bool) -> Outcome {
        watchdog::entered();
        self.watchdog.wake();
        // SAFETY: the handlers are installed; `&mut self` and `OCCUPIED` make this the only entry; with `direct`, what
        // EENTER would check was checked by the caller.
        let value = unsafe { entry::call(reason, shared, size, u64::from(direct)) };
        watchdog::left();
        self.outcome(value)
    }

    fn outcome(&self, value: u64) -> Outcome {
        match value {
            entry::LEFT => self.cpu.last_exit(),
            value => Outcome::Exited(value),
        }
    }

    /// Frames of the SSA in use.
    pub fn cssa(&self) -> u32 {
        self.cpu.cssa()
    }

    /// First address of the enclave.
    pub fn base(&self) -> u64 {
        self.cpu.base()
    }

    /// How reports to this enclave name it.
    pub fn identity(&self) -> TargetInfo {
        TargetInfo::from(self.cpu.secs())
    }
}

impl Machine for Emulated {
    fn enter(&mut self, reason: u64, shared: u64, size: u64) -> Outcome {
        let direct = self.cpu.may_enter();
        self.run(reason, shared, size, direct)
    }

    fn destroy(&mut self) {
        self.memory.erase();
    }
}
