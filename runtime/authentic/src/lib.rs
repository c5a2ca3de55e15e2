//! The module interface in Rust, one to one with `authentic.h`; docs/modules-rust.md is the guide.
//!
//! ```
//! #![no_std]
//! use authentic::{Result, config, input, output};
//!
//! #[config]
//! fn limit() -> i64;
//!
//! #[output(8)]
//! fn alarm(data: &[u8]) -> Result;
//!
//! #[input(8)]
//! fn reading(data: &[u8]) {
//!     let Ok(bytes) = data.try_into() else { return };
//!     if i64::from_le_bytes(bytes) > limit() {
//!         let _ = alarm(data);
//!     }
//! }
//! ```
#![no_std]

#[cfg(not(test))]
mod compare;
mod device;
mod error;
mod event;
#[doc(hidden)]
pub mod export;
mod kit;
mod log;
mod memory;
mod panic;
mod text;

pub use authentic_macros::{Plain, config, device, drop, entry, handler, input, migrate, output, request, state};
pub use device::{Both, Device, Read, Written};
pub use error::{Error, Refused, Result};
pub use event::{Event, event};
pub use log::{log, log_arguments};
pub use memory::{Dropped, Local, Plain, State};
pub use text::write_text;
