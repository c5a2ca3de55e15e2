//! What is known about the event being processed.
use crate::kit;

/// The event being processed (`struct authentic_event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// False for triggers: anyone on the node may cause them, at any time.
    pub authenticated: bool,
    /// The sender lost its state since the last event of this connection.
    pub reset: bool,
    pub connection: u32,
    /// Of the event within its connection.
    pub counter: u64,
    /// Events lost right before this one; only `latest` connections lose any.
    pub gaps: u64,
}

/// The event being processed; all zero outside of inputs, entries and handlers.
pub fn event() -> Event {
    // SAFETY: the kit has one event of static storage, and changes it only while no code of the module runs.
    unsafe { *kit::authentic_event() }
}
