//! The platform of an emulated SGX node: what a machine with SGX has besides its processor. A quoting enclave behind the
//! genuine AESM protocol, and a provisioning service with the interface of Intel's PCS v4, under a root of its own.
//!
//! Emulated means: this process decides what it vouches for. It verifies reports as a quoting enclave does, but nothing
//! keeps the owner of the machine out of it.

mod aesm;
mod certificates;
mod collateral;
mod folder;
mod identity;
mod keys;
mod pck_extension;
mod pcs;
mod quoting;
mod run;
mod secret;

pub use folder::FolderError;
pub use keys::KeyError;
pub use run::{RunError, run};

#[cfg(test)]
#[global_allocator]
static MEMORY: authentic_testing::memory::Counting = authentic_testing::memory::Counting;
