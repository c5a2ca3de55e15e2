//! Messages between module hosts and the board's bridge: JSON with a length prefix on the Unix socket `board.sock`.
//!
//! One socket an instance. The bridge answers calls in order; notices come in between, at any time.

use crate::control::Bytes;
use crate::id::Id;
use serde::{Deserialize, Serialize};

/// What a module host, or the agent, wants of the bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub enum BoardCall {
    /// Load an image and enable its modules; the socket belongs to that instance then.
    Open { instance: Id, image: Bytes, time_limit_ms: u32 },
    /// One record for the module (`runtime/kit/ports/sancus/step.c`).
    Step { input: Bytes },
    /// Drive the pins of the port at which the module has this device.
    Drive { endpoint: u16, value: u32 },
    /// A question for the event manager itself (`docs/sancus-nodes.md`, The line): whoever owns the gateway owns the line.
    Raw { question: u8, body: Bytes },
    /// Unload the module.
    Close,
    /// State of the board.
    Status,
    /// Cut the power and give it back.
    PowerCycle,
    /// End the bridge.
    Stop,
}

/// What the bridge says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub enum BoardMessage {
    /// To `Open`, `Drive`, `Close`, `PowerCycle`, `Stop`.
    Done,
    /// To `Step`: what the module left, and the board's cycles it took.
    Outputs { output: Bytes, cycles: u64 },
    /// To `Raw`.
    Answer { status: u16, body: Bytes },
    /// To `Status`.
    Status(BoardStatus),
    /// It cannot be done; `code` is `AE-BOARD-…`.
    Error { code: String, message: String, next: String },
    /// Notice: what the board drives at the port of this device has changed.
    Port { endpoint: u16, value: u32 },
    /// Notice: a pin of the port of this device has changed.
    Interrupt { endpoint: u16 },
    /// Notice: somebody broke an access rule of the board.
    Violation { text: String },
    /// Notice: the module is gone.
    Lost { reason: String },
}

impl BoardMessage {
    /// Whether it answers no call.
    pub fn is_notice(&self) -> bool {
        matches!(self, Self::Port { .. } | Self::Interrupt { .. } | Self::Violation { .. } | Self::Lost { .. })
    }
}

/// State of a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardStatus {
    /// `emulated` or `serial`.
    pub kind: String,
    /// Process id of the bridge.
    pub pid: u32,
    /// Times the board started.
    pub boots: u64,
    /// Cycles since power-on, of an emulated board.
    pub cycles: u64,
    /// Questions asked again because the line had spoiled them or their answers.
    pub repeated: u64,
    /// Frames of the board that came spoiled.
    pub spoiled: u64,
    /// Frames that answered no question: somebody else talks on the line.
    pub unexpected: u64,
    /// Violations of access rules, by whatever code on the board.
    pub violations: u64,
    /// Instances on the board.
    pub instances: Vec<Id>,
}

/// `board.json` in the board's folder: what the agent was told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind", deny_unknown_fields)]
pub enum BoardFile {
    /// An emulated board. Its node key is here, where a chip has it in its fuses.
    Emulated { firmware: Bytes, node_key: Bytes, freshness: Freshness, clock_hz: u32 },
    /// A board at a serial port of this machine.
    Serial { device: String, baud: u32 },
}

/// Source of a board's nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Freshness {
    /// None that survives an exact replay after a reset.
    None,
    /// A random source.
    Rng,
    /// A non-volatile counter.
    Nv,
}
