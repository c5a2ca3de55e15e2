//! Why there is no quote.

use crate::message::code;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the service gave nothing usable.
#[derive(Debug, thiserror::Error)]
pub enum AesmError {
    /// Nobody listens on the socket, or the connection broke.
    #[error("the SGX quoting service on {} cannot be reached: {error}", .path.display())]
    Unreachable { path: PathBuf, error: io::Error },
    /// The answer did not come in time.
    #[error("the SGX quoting service on {} has not answered within {} s", .path.display(), .limit.as_secs_f32())]
    Silent { path: PathBuf, limit: Duration },
    /// The answer is not one.
    #[error("the SGX quoting service answers what its protocol does not have: {0}")]
    Answer(&'static str),
    /// The service has no key for ECDSA quotes.
    #[error("the SGX quoting service has no ECDSA P-256 attestation key")]
    NoEcdsa,
    /// The service refuses; the number is its own.
    #[error("the SGX quoting service refuses ({}, error {code})", meaning(*.code))]
    Refused { code: u32 },
}

impl AesmError {
    /// Stable code, and the next step.
    pub fn code(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unreachable { .. } => (
                "AE-AESM-UNREACHABLE",
                "start the SGX quoting service: aesmd on a machine with SGX (Debian package sgx-aesm-service), the agent on an emulated node",
            ),
            Self::Silent { .. } => ("AE-AESM-TIMEOUT", "look at the quoting service's log; it may be waiting for its provisioning service"),
            Self::Answer(_) => ("AE-AESM-ANSWER", "use the AESM of Intel's SGX platform software, version 2.9 or newer"),
            Self::NoEcdsa => {
                ("AE-AESM-ECDSA", "install the ECDSA quoting plugin of AESM (Debian packages libsgx-aesm-ecdsa-plugin and libsgx-aesm-quote-ex-plugin)")
            }
            Self::Refused { code: code::INVALID_REPORT } => ("AE-AESM-REPORT", "make a new report for the service's current target information"),
            Self::Refused { .. } => {
                ("AE-AESM-REFUSED", "look at the quoting service's log; on a machine with SGX, check its provisioning (PCCS) configuration")
            }
        }
    }
}

fn meaning(refusal: u32) -> &'static str {
    match refusal {
        code::UNEXPECTED => "unexpected error",
        code::PARAMETER => "wrong parameter",
        12 | 13 | 19 => "its provisioning service does not answer",
        code::BUSY => "busy",
        code::MESSAGE => "wrong message",
        24 => "no SGX device",
        code::SERVICE_UNAVAILABLE => "service unavailable",
        31 => "the platform is not registered with its provisioning service",
        code::UNSUPPORTED_ATTESTATION_KEY => "unsupported attestation key",
        code::ATTESTATION_KEY_NOT_INITIALIZED => "attestation key not initialized",
        44 => "no certificate for the platform",
        code::INVALID_REPORT => "the report is not one of this machine for this quoting enclave",
        _ => "no known reason",
    }
}
