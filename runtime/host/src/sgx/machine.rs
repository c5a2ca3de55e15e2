//! The seam between an enclave and what runs it, and why an enclave cannot be loaded.

use crate::native::elf::ImageError;
use authentic_sgx::{LaunchError, LayoutError};
use std::io;

/// How an entry into an enclave ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// EEXIT; what the enclave left in RDI.
    Exited(u64),
    /// An asynchronous exit, or an entry that the processor refused.
    Fault(String),
    /// An asynchronous exit because the entry took too long.
    TimeLimit(String),
}

/// A loaded enclave with one thread.
pub trait Machine {
    /// EENTER with these values in RDI, RSI and RDX.
    fn enter(&mut self, reason: u64, shared: u64, size: u64) -> Outcome;

    /// Takes the enclave's memory away; it is never entered again.
    fn destroy(&mut self);
}

/// Why an enclave cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SgxError {
    /// The file is too short.
    #[error("the image cannot be loaded: it has {0} bytes, less than a SIGSTRUCT")]
    Short(usize),
    /// It is no ELF file as enclaves are.
    #[error(transparent)]
    Elf(#[from] ImageError),
    /// Its segments are no enclave.
    #[error("the image cannot be loaded: {0}")]
    Layout(#[from] LayoutError),
    /// EINIT refuses it.
    #[error("the processor refuses the enclave: {0}")]
    Launch(#[from] LaunchError),
    /// The processor lacks instructions that the code uses.
    #[error("this processor lacks {0}, which enclaves use")]
    Processor(String),
    /// The emulated processor's secrets.
    #[error("the emulated processor {path}: {error}")]
    Secrets { path: std::path::PathBuf, error: io::Error },
    /// Memory that is hidden from the rest of the system.
    #[error("no secret memory for {pages} pages of the enclave: {error}")]
    SecretMemory { pages: usize, error: io::Error },
    /// The system has no such memory.
    #[error("this kernel has no secret memory (memfd_secret): {0}")]
    NoSecretMemory(io::Error),
    /// No enclave memory.
    #[error("/dev/sgx_enclave: {0}")]
    Device(io::Error),
    /// The driver refuses the enclave.
    #[error("the SGX driver refuses the enclave at {step}: {error}")]
    Driver { step: &'static str, error: io::Error },
    /// The kernel has no way to enter enclaves.
    #[error("this kernel has no __vdso_sgx_enter_enclave")]
    NoEntry,
    /// The system refuses memory, a thread, a filter or a handler.
    #[error("the system refuses what an enclave needs: {0}")]
    System(#[from] io::Error),
    /// Another enclave was loaded in this process.
    #[error("an enclave is already loaded in this process")]
    Occupied,
    /// The instance does not say where the enclave is to run.
    #[error("the instance names no backend for its enclave")]
    Backend,
}

impl SgxError {
    /// Stable code and next step.
    pub fn code(&self) -> (&'static str, &'static str) {
        match self {
            Self::Short(_) | Self::Elf(_) | Self::Layout(_) => ("AE-HOST-IMAGE", "build the module again with this version of the module kit"),
            Self::Launch(_) => ("AE-HOST-SGX-LAUNCH", "deploy the module again: its image or its signature was changed on the way to the node"),
            Self::Processor(_) => ("AE-HOST-PROCESSOR", "use a machine with an x86-64-v3 processor with AES and RDRAND"),
            Self::Secrets { .. } => ("AE-HOST-SGX-PROCESSOR", "start the agent with `--sgx emulated`, which makes the emulated processor"),
            Self::SecretMemory { .. } => (
                "AE-HOST-SGX-MEMORY",
                "raise the limit of locked memory (RLIMIT_MEMLOCK): `ulimit -l unlimited` before the agent is started, `LimitMEMLOCK=infinity` in its unit, or `memlock` in /etc/security/limits.conf",
            ),
            Self::NoSecretMemory(_) => {
                ("AE-HOST-SGX-MEMORY", "use a kernel from 5.14 on with CONFIG_SECRETMEM, and without `secretmem.enable=0` on its command line")
            }
            Self::Device(_) | Self::NoEntry => (
                "AE-HOST-SGX-DEVICE",
                "enable SGX in the firmware and use a kernel from 5.11 on with CONFIG_X86_SGX; give the agent's user access to /dev/sgx_enclave (group `sgx`); or set the node's `backend` to \"emulated\"",
            ),
            Self::Driver { .. } => {
                ("AE-HOST-SGX-DRIVER", "see the kernel's log; an EINIT that is refused means that image and signature do not belong together")
            }
            Self::System(_) | Self::Occupied => ("AE-HOST-SYSTEM", "check the machine's memory and process limits"),
            Self::Backend => ("AE-HOST-DESCRIPTION", "delete the instance and start it again"),
        }
    }
}
