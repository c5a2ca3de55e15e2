//! An SGX enclave as the host's [`Enclave`], on either machine.

use super::machine::{Machine, Outcome};
use super::quoting::{Quoting, Service};
use super::{EnclaveImage, SgxError, emulator, hardware};
use crate::enclave::{Cause, Crash, Enclave, Entry, Exit};
use authentic_aesm::{REPORT_LENGTH, TARGET_INFO_LENGTH};
use authentic_sgx::Processor;
use authentic_wire::control::{Bytes, Evidence};
use authentic_wire::instance::Backend;
use authentic_wire::ring::TARGET_AT;
use std::path::Path;
use std::time::Duration;

const EVIDENCE_SGX: u16 = 1;

/// A loaded enclave.
pub struct Sgx {
    machine: Box<dyn Machine>,
    quoting: Box<dyn Quoting>,
    shared: *mut u8,
    shared_size: usize,
    /// Why reports are made for nobody.
    no_target: Option<String>,
}

/// Loads `file` on a node's backend, so that it works on the shared region, for the calling thread.
///
/// `node` is the folder of the node.
///
/// # Errors
/// [`SgxError`].
///
/// # Safety
/// `shared` points to an initialized region of `shared_size` bytes that outlives the enclave. An emulated enclave's code
/// is run in this process: it can do what the process can, except for system calls.
pub unsafe fn load(file: &[u8], backend: Backend, node: &Path, shared: *mut u8, shared_size: usize, time_limit: Duration) -> Result<Sgx, SgxError> {
    let image = EnclaveImage::read(file)?;
    let machine: Box<dyn Machine> = match backend {
        Backend::Hardware => Box::new(hardware::Hardware::load(&image, time_limit)?),
        Backend::Emulated => {
            let path = node.join("sgx/processor");
            let processor = Processor::read(&path).map_err(|error| SgxError::Secrets { path, error })?;
            // SAFETY: that the code may run here is the caller's promise.
            Box::new(unsafe { emulator::Emulated::load(&image, processor, time_limit)? })
        }
    };
    Ok(Sgx::new(machine, Box::new(Service::new(backend, node)), shared, shared_size))
}

impl Sgx {
    /// An enclave on any machine, with any quoting service. The region is as [`load`] wants it.
    pub fn new(machine: Box<dyn Machine>, quoting: Box<dyn Quoting>, shared: *mut u8, shared_size: usize) -> Self {
        let mut enclave = Self { machine, quoting, shared, shared_size, no_target: None };
        enclave.before_challenge();
        enclave
    }
}

impl Enclave for Sgx {
    fn enter(&mut self, entry: Entry) -> Exit {
        let (reason, size) = entry.arguments(self.shared_size as u64);
        match self.machine.enter(reason, self.shared as u64, size) {
            Outcome::Exited(value) => Exit::from_value(value),
            Outcome::Fault(description) => Exit::Crashed(Crash { cause: Cause::Fault, description }),
            Outcome::TimeLimit(description) => Exit::Crashed(Crash { cause: Cause::TimeLimit, description }),
        }
    }

    fn before_challenge(&mut self) {
        match self.quoting.target_info() {
            Ok(target) => {
                // SAFETY: the target's place lies within the region's header; the enclave only reads it, and copies it first.
                unsafe { std::ptr::copy_nonoverlapping(target.as_ptr(), self.shared.add(TARGET_AT), TARGET_INFO_LENGTH) };
                self.no_target = None;
            }
            Err(error) => {
                tracing::warn!(%error, "the quoting service names no target for reports");
                self.no_target = Some(error);
            }
        }
    }

    fn report_length(&self) -> usize {
        REPORT_LENGTH
    }

    fn evidence(&mut self, report: &[u8]) -> Result<Evidence, String> {
        if let Some(error) = &self.no_target {
            return Err(error.clone());
        }
        let report: &[u8; REPORT_LENGTH] = report.try_into().map_err(|_| format!("the enclave made a report of {} bytes", report.len()))?;
        Ok(Evidence { kind: EVIDENCE_SGX, body: Bytes(self.quoting.quote(report)?) })
    }

    fn destroy(&mut self) {
        self.machine.destroy();
    }
}
