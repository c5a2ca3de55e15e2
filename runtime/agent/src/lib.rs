//! The agent of a node: supervises module hosts, serves the control interface and the event port. Untrusted.

mod api;
mod board;
mod calls;
mod child;
mod clock;
mod error;
pub mod events;
mod folder;
mod handover;
mod host_link;
mod instance;
mod logs;
mod metrics;
mod pcs;
mod platform;
mod process;
mod run;
mod sgx;
mod streams;
mod supervisor;
mod trustzone;

pub use run::{Options, RunError, run};
pub use sgx::SgxBackend;

#[cfg(test)]
#[global_allocator]
static MEMORY: authentic_testing::memory::Counting = authentic_testing::memory::Counting;
