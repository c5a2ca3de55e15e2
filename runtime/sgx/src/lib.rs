//! SGX as its manual defines it (Intel SDM volume 3D; sections are named beside each layout): structures, measurement,
//! the checks of EINIT, and what EREPORT and EGETKEY do on an emulated processor.
//!
//! The module host loads enclaves with it, on hardware and emulated; the emulated platform is a quoting enclave with it:
//!
//! ```no_run
//! # fn quoting_enclave(path: &std::path::Path, qe: &authentic_sgx::TargetInfo, report: &[u8; 432]) -> Option<()> {
//! use authentic_sgx::{Processor, Report, verify_report};
//! let processor = Processor::read(path).ok()?;
//! let report = Report::from_bytes(report);
//! let body = verify_report(&processor, qe, &report).ok()?;
//! println!("MRENCLAVE {:02x?}", body.mr_enclave);
//! # Some(()) }
//! ```

mod attributes;
mod bytes;
mod key_request;
mod keys;
mod launch;
mod layout;
mod measurement;
mod processor;
mod report;
mod secs;
mod sigstruct;
mod tcs;

pub use attributes::Attributes;
pub use key_request::{KeyName, KeyRequest, Policy};
pub use keys::{Key, KeyError, ReportError, egetkey, ereport, report_key, verify_report};
pub use launch::{LaunchError, launch};
pub use layout::{Layout, LayoutError, Page, Permissions, Segment};
pub use measurement::Measurement;
pub use processor::Processor;
pub use report::{Report, ReportBody, TargetInfo};
pub use secs::{ConfigId, Secs};
pub use sigstruct::SigStruct;
pub use tcs::Tcs;

/// Bytes of a page of enclave memory.
pub const PAGE: usize = 4096;
