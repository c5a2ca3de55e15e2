//! A loaded native module as an [`Enclave`].

use super::elf::Image;
use super::memory::Mapping;
use super::{LoadError, entry, fault};
use crate::enclave::{Enclave, Entry, Exit};
use crate::features::missing_features;
use crate::watchdog::{self, Watchdog};
use authentic_wire::control::{Bytes, Evidence};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const STACK: usize = 1 << 20;
const FAULT_STACK: usize = 256 * 1024;
const EVIDENCE_NONE: u16 = 0;

/// The entry code and the signal handlers have one context a process.
static OCCUPIED: AtomicBool = AtomicBool::new(false);

/// A native module.
pub struct Native {
    image: Mapping,
    span: usize,
    entry: usize,
    stack: Mapping,
    fault_stack: Mapping,
    shared: *mut u8,
    shared_size: usize,
    watchdog: Watchdog,
}

impl Native {
    /// Loads `file` so that it works on the shared region, for the calling thread.
    ///
    /// # Errors
    /// The file is no image, the processor lacks features, or the system refuses memory.
    ///
    /// # Safety
    /// `shared` points to an initialized region of `shared_size` bytes that outlives the module. The image's code is
    /// run in this process: it can do what the process can.
    pub unsafe fn load(file: &[u8], shared: *mut u8, shared_size: usize, time_limit: Duration) -> Result<Self, LoadError> {
        let image = Image::read(file)?;
        let missing = missing_features();
        if !missing.is_empty() {
            return Err(LoadError::Processor(missing.join(", ")));
        }
        if OCCUPIED.swap(true, Ordering::SeqCst) {
            return Err(LoadError::Occupied);
        }
        fault::install().map_err(LoadError::Memory)?;
        let watchdog = Watchdog::start(time_limit).map_err(LoadError::Memory)?;
        let mapping = Mapping::image(&image, file)?;
        let entry = mapping.base() as usize + image.entry;
        let (stack, fault_stack) = (Mapping::stack(STACK)?, Mapping::stack(FAULT_STACK)?);
        Ok(Self { image: mapping, span: image.span, entry, stack, fault_stack, shared, shared_size, watchdog })
    }
}

impl Enclave for Native {
    fn enter(&mut self, entry: Entry) -> Exit {
        let (reason, size) = entry.arguments(self.shared_size as u64);
        // After a fault the first stack may be exhausted or in the middle of anything.
        let stack = if let Entry::Fault(_) = entry { self.fault_stack.end() } else { self.stack.end() };
        watchdog::entered();
        self.watchdog.wake();
        // SAFETY: the entry point lies in checked executable code; stacks end at a page; `&mut self` and `OCCUPIED`
        // make this the only call; the handlers were installed for this thread by `load`, which is not `Send`.
        let value = unsafe { entry::call(reason, self.shared, size, self.entry, stack) };
        watchdog::left();
        match value {
            entry::CRASHED => Exit::Crashed(fault::last(self.image.base() as usize, self.span)),
            value => Exit::from_value(value),
        }
    }

    fn evidence(&mut self, report: &[u8]) -> Result<Evidence, String> {
        Ok(Evidence { kind: EVIDENCE_NONE, body: Bytes(report.to_vec()) })
    }

    fn destroy(&mut self) {
        self.image.erase();
        self.stack.erase();
        self.fault_stack.erase();
    }
}
