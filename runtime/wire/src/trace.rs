//! Metadata of events for people who watch: what anyone on the node sees of them, never what is in them.

use crate::counter::Counter;
use serde::{Deserialize, Serialize};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// The module emitted it.
    Sent,
    /// The module processed it.
    Delivered,
    /// The module refused it.
    Refused,
}

/// An event or request, as the host saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TracedEvent {
    /// Milliseconds of Unix time.
    pub at: u64,
    /// Number of the connection.
    pub connection: u32,
    /// What became of it.
    pub event: Fate,
    /// Its counter within the connection.
    pub counter: Counter,
    /// Bytes of its content; absent where the host has not seen its frame.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u32>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// Part of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// Oldest first.
    pub events: Vec<TracedEvent>,
    /// What to ask for next.
    pub next: u64,
    /// Events that were forgotten before they were asked for.
    pub missed: u64,
}
