//! Modules on a TrustZone board: the host stays here, the enclave is on the board, and the node's bridge lies between them
//! (`docs/trustzone.md`).

mod board;
mod client;
mod shadow;

pub use board::TrustzoneModule;
pub use client::{Client, TrustzoneError};
