//! Native modules: the same module without a TEE, run in the host's own process. Nothing protects it from the host.

pub mod elf;
#[cfg(target_arch = "x86_64")]
pub(crate) mod entry;
#[cfg(target_arch = "x86_64")]
pub(crate) mod fault;
#[cfg(target_arch = "x86_64")]
pub(crate) mod memory;
#[cfg(target_arch = "x86_64")]
mod runner;

#[cfg(target_arch = "x86_64")]
pub use runner::Native;

/// Why a module could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is not an image of a native module.
    #[error(transparent)]
    Image(#[from] elf::ImageError),
    /// The processor lacks instructions that the image uses.
    #[error("this processor lacks {0}, which native modules use")]
    Processor(String),
    /// The kernel refuses memory, a thread or a signal handler.
    #[error("no memory or thread for the module: {0}")]
    Memory(std::io::Error),
    /// Another module was loaded in this process.
    #[error("a module is already loaded in this process")]
    Occupied,
}
