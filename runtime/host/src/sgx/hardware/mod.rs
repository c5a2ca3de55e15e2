//! Enclaves on the processor's enclave memory: the Linux driver loads them, the vDSO enters them.

pub mod abi;
pub mod driver;
mod enter;
pub mod vdso;

use super::machine::{Machine, Outcome};
use super::{EnclaveImage, SgxError};
use crate::features::missing_features;
use crate::native::{entry, fault};
use crate::watchdog::{self, Watchdog};
use driver::{Device, Driver, Enclave};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ENTER: &str = "__vdso_sgx_enter_enclave";
const STACK: usize = 64 * 1024;

/// The entry code and the signal handlers have one context a process.
static OCCUPIED: AtomicBool = AtomicBool::new(false);

/// An enclave in enclave memory.
pub struct Hardware {
    enclave: Enclave<Driver>,
    stack: usize,
    watchdog: Watchdog,
}

impl Hardware {
    /// Loads an image, for the calling thread.
    ///
    /// # Errors
    /// [`SgxError`].
    pub fn load(image: &EnclaveImage, time_limit: Duration) -> Result<Self, SgxError> {
        let missing = missing_features();
        if !missing.is_empty() {
            return Err(SgxError::Processor(missing.join(", ")));
        }
        let device = Driver::open()?;
        let function = vdso::function(ENTER).ok_or(SgxError::NoEntry)?;
        if OCCUPIED.swap(true, Ordering::SeqCst) {
            return Err(SgxError::Occupied);
        }
        let enclave = driver::load(device, image)?;
        enter::prepare(function, enclave.tcs());
        // SAFETY: a fresh mapping at an address of the kernel's choice. It is never unmapped.
        let stack = unsafe { mmap_anonymous(null_mut(), STACK, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
        let stack = stack.map_err(|error| SgxError::System(error.into()))? as usize + STACK;
        fault::install()?;
        let watchdog = Watchdog::start(time_limit)?;
        Ok(Self { enclave, stack, watchdog })
    }
}

impl Machine for Hardware {
    fn enter(&mut self, reason: u64, shared: u64, size: u64) -> Outcome {
        watchdog::entered();
        self.watchdog.wake();
        // SAFETY: `enter` is System V code that was prepared for a loaded enclave; the stack is large enough for the
        // vDSO's one frame; `&mut self` and `OCCUPIED` make this the only call; the handlers were installed by `load`.
        let value = unsafe { entry::call(reason, shared as *mut u8, size, enter::enter as *const () as usize, self.stack) };
        watchdog::left();
        match value {
            // The handler found this thread in the vDSO or in its enclave, which had exited asynchronously.
            entry::CRASHED => {
                let crash = fault::last(self.enclave.base() as usize, self.enclave.size() as usize);
                match crash.cause {
                    crate::enclave::Cause::TimeLimit => Outcome::TimeLimit("exceeded its time limit".into()),
                    crate::enclave::Cause::Fault => Outcome::Fault(crash.description),
                }
            }
            enter::EXCEPTION => Outcome::Fault(enter::exception(self.enclave.base(), self.enclave.size())),
            value => Outcome::Exited(value),
        }
    }

    fn destroy(&mut self) {
        self.enclave.erase();
    }
}

/// Whether this machine can run enclaves: what an agent asks before it offers to.
///
/// # Errors
/// What is missing.
pub fn check() -> Result<(), SgxError> {
    Driver::open().map(|device| drop::<Box<dyn Device>>(Box::new(device)))?;
    vdso::function(ENTER).map(|_| ()).ok_or(SgxError::NoEntry)
}
