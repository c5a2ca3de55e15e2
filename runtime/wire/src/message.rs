//! Protocol messages between deployer and module, as the agent and the module host name them (`docs/protocol.md` sections 4 and 8).

use serde::{Deserialize, Serialize};

/// Largest message either way.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// A message to a module. The number is the argument of its control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u16)]
pub enum MessageType {
    /// Challenge.
    M1 = 1,
    /// Changes of the connection table.
    M3 = 2,
    /// Activation of keys.
    Activate = 3,
    /// A deployer's command.
    Command = 4,
    /// First step of a hand-over.
    Prepare = 5,
    /// Back from the first step.
    Abort = 6,
    /// Second step of a hand-over.
    Release = 7,
    /// Last step of a hand-over, at the new instance.
    Accept = 8,
    /// First step of a hand-over at the new instance.
    Offer = 9,
}

impl MessageType {
    /// From the argument of a record.
    pub fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::M1,
            2 => Self::M3,
            3 => Self::Activate,
            4 => Self::Command,
            5 => Self::Prepare,
            6 => Self::Abort,
            7 => Self::Release,
            8 => Self::Accept,
            9 => Self::Offer,
            _ => return None,
        })
    }

    /// The name of the module's answer in the control interface.
    pub fn reply_name(self) -> &'static str {
        match self {
            Self::M1 => "m2",
            Self::M3 => "m4",
            Self::Activate => "activated",
            Self::Command => "result",
            Self::Prepare => "prepared",
            Self::Abort => "aborted",
            Self::Release => "released",
            Self::Accept => "accepted",
            Self::Offer => "offered",
        }
    }
}

/// The code of a refusal (`0xFF | code u16`), where the reply is one.
pub fn refusal(reply: &[u8]) -> Option<u16> {
    match reply {
        [0xFF, high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}
