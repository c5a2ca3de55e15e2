//! The module host: one process an instance. It loads the module, owns its event sockets, keeps frames until they are
//! acknowledged, and talks to the agent. Untrusted: everything it carries is sealed or signed.

mod board;
mod calls;
mod connection;
mod drain;
pub mod enclave;
mod event_loop;
#[cfg(target_arch = "x86_64")]
mod features;
mod feed;
mod gate;
mod host;
mod link;
mod loop_tokens;
pub mod native;
mod network;
mod outgoing;
mod peer;
mod queue;
mod region;
#[cfg(target_arch = "x86_64")]
mod registers;
#[cfg(target_arch = "x86_64")]
pub mod sgx;
mod socket;
mod start;
mod successor;
mod trace;
mod trigger;
pub mod trustzone;
#[cfg(target_arch = "x86_64")]
mod watchdog;

pub use region::Region;
pub use start::{StartError, serve, start};

#[cfg(test)]
#[global_allocator]
static MEMORY: authentic_testing::memory::Counting = authentic_testing::memory::Counting;
