//! The seam of a TEE on the node: what the host needs from an enclave, however it is run.

use authentic_wire::control::Evidence;
use std::fmt;
use std::os::fd::RawFd;

/// Why the host ends an entry that did not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A processor fault.
    Fault,
    /// The entry used more processor time than it may.
    TimeLimit,
}

/// What the enclave is entered for (`docs/protocol.md` section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Once, before anything else.
    Initialize,
    /// To work on the rings.
    Run,
    /// After an entry that did not return: erase the keys and fail.
    Fault(Cause),
}

impl Entry {
    /// The entry's `reason` and `size`, where `size` is that of the shared region.
    pub fn arguments(self, size: u64) -> (u64, u64) {
        match self {
            Self::Initialize => (0, size),
            Self::Run => (1, size),
            Self::Fault(Cause::Fault) => (2, 1),
            Self::Fault(Cause::TimeLimit) => (2, 2),
        }
    }
}

/// An entry that did not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Fault or time limit.
    pub cause: Cause,
    /// What happened, with addresses relative to the image.
    pub description: String,
}

impl fmt::Display for Crash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.description)
    }
}

/// How an entry ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing left to do.
    Idle,
    /// The budget is used or the out ring is full; enter again.
    More,
    /// Events wait for window space.
    Blocked,
    /// A request waits for its reply.
    Waiting,
    /// The instance has failed.
    Failed,
    /// The entry did not return.
    Crashed(Crash),
}

impl Exit {
    /// From the entry's return value; anything undefined is a failure.
    pub fn from_value(value: u64) -> Self {
        match value {
            0 => Self::Idle,
            1 => Self::More,
            2 => Self::Blocked,
            3 => Self::Waiting,
            _ => Self::Failed,
        }
    }
}

/// An enclave that works on a shared region it was created with.
pub trait Enclave {
    /// Runs the enclave until it returns, faults or exceeds its time.
    fn enter(&mut self, entry: Entry) -> Exit;

    /// Called before a challenge (M1) goes to the enclave: names for whom it has to make its report.
    fn before_challenge(&mut self) {}

    /// Bytes of the report that ends a reply to a challenge (`docs/protocol.md` section 8).
    fn report_length(&self) -> usize {
        64
    }

    /// Evidence from the report in the reply to a challenge (`docs/protocol.md` section 8).
    ///
    /// # Errors
    /// What keeps the TEE from producing it.
    fn evidence(&mut self, report: &[u8]) -> Result<Evidence, String>;

    /// Destroys the enclave's memory. Used when it cannot erase its keys itself; it is never entered again.
    fn destroy(&mut self);

    /// A descriptor that becomes readable when the enclave has something to say without having been entered.
    fn wakes(&self) -> Option<RawFd> {
        None
    }

    /// What a device shows has changed outside; enclaves that read pins from the region need not be told.
    fn set_pin(&mut self, _endpoint: u16, _value: u32) {}
}
