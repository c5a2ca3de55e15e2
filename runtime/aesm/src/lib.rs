//! The protocol of Intel's Architectural Enclave Service Manager (AESM), as far as ECDSA quotes need it: a client, and
//! the messages for whoever serves it. One request and one reply a connection, each a little-endian 32-bit length and a
//! protobuf message (Intel SGX PSW, `aesm_proto.proto`).

mod deadline;
mod error;
pub mod key_id;
pub mod message;
mod quoter;

pub use error::AesmError;
pub use quoter::Quoter;

/// Socket of the service on a machine with SGX.
pub const HARDWARE_SOCKET: &str = "/var/run/aesmd/aesm.socket";

/// Bytes of a REPORT.
pub const REPORT_LENGTH: usize = 432;
/// Bytes of a TARGETINFO.
pub const TARGET_INFO_LENGTH: usize = 512;
