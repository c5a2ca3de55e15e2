//! SGX enclaves: loaded on the processor's enclave memory, or run with the processor's enclave instructions emulated.
//! The image and what happens inside the enclave are the same; only the machine that runs it differs.

pub mod emulator;
mod enclave;
pub mod hardware;
mod image;
mod machine;
mod quoting;

pub use enclave::{Sgx, load};
pub use image::EnclaveImage;
pub use machine::{Machine, Outcome, SgxError};
pub use quoting::Quoting;
