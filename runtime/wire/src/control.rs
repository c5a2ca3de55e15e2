//! Control messages between agent and module host: JSON with a length prefix on the Unix socket `host.sock`.
//!
//! The call `Socket` comes with an event socket (`SCM_RIGHTS`) and has no answer; every other call has one with its id.

use crate::counter::Counter;
use crate::id::Id;
use crate::message::MessageType;
use crate::trace::Trace;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Version of these messages. A host refuses another one in `Hello`.
pub const VERSION: u32 = 3;
/// Largest control message: a protocol message in base64 and some fields.
pub const MAX_LENGTH: usize = 512 * 1024;

/// Bytes, base64 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Self).map_err(|_| serde::de::Error::custom("not base64"))
    }
}

/// A call of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Repeated in the answer.
    pub id: u64,
    /// What to do.
    pub call: Call,
}

/// What the agent wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub enum Call {
    /// First call on a socket.
    Hello { version: u32 },
    /// State, connections and triggers.
    Status,
    /// A protocol message for the module.
    Message { kind: MessageType, body: Bytes },
    /// Where frames of an outgoing connection go.
    Route { connection: u32, address: SocketAddr, instance: Id },
    /// Forget the route.
    Unroute { connection: u32 },
    /// Call an entry periodically.
    SetTrigger { name: String, endpoint: u16, every_ms: u32 },
    /// Stop calling it.
    RemoveTrigger { name: String },
    /// Call an entry once.
    Entry { endpoint: u16 },
    /// What the module wrote to its devices.
    Pins,
    /// What a device that is read shows.
    SetPin { endpoint: u16, value: u32 },
    /// Metadata of events from this position on; without one, where the trace is now. Events are recorded only while
    /// somebody asks.
    Trace { from: Option<u64> },
    /// Frames that are kept until they are acknowledged, without the first `skip`.
    Export { skip: u32 },
    /// Frames of the instance before, in order, to be sent once their connections are active. `first` forgets earlier ones.
    Import { frames: Vec<Bytes>, first: bool },
    /// An event socket comes with this message. No answer.
    Socket { source: Id },
    /// End the process.
    Stop,
}

/// The host's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// Of the request.
    pub id: u64,
    /// The answer.
    pub answer: Answer,
}

/// What the host answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type")]
pub enum Answer {
    /// To `Hello`.
    Hello { version: u32, pid: u32, instance: Id },
    /// To `Status`.
    Status(Box<Status>),
    /// To `Message`: the reply, with evidence for a challenge.
    Message { body: Bytes, evidence: Option<Evidence> },
    /// The module refused the message.
    Refused { code: u16 },
    /// To `Entry`: whether it was called; else a window was full.
    Entry { called: bool },
    /// To `Pins`.
    Pins { pins: Vec<Pin> },
    /// To `Export`: some frames without their length prefixes; none where there are no more.
    Frames { frames: Vec<Bytes> },
    /// To `Trace`.
    Trace(Box<Trace>),
    /// Done.
    Done,
    /// It cannot be done; `code` is `AE-HOST-…`.
    Error { code: String, message: String, next: String },
}

/// Evidence of a TEE (`docs/protocol.md` section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: u16,
    /// Its bytes.
    pub body: Bytes,
}

/// State of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Why the instance failed, if it did.
    pub failed: Option<String>,
    /// By connection number.
    pub connections: Vec<ConnectionStatus>,
    /// By name.
    pub triggers: Vec<TriggerStatus>,
    /// Frames and records outside any known connection.
    pub stray: BTreeMap<String, u64>,
    /// Entries into the enclave.
    pub entries: u64,
    /// Event sockets from peers.
    pub sockets: u32,
}

/// A connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// Its number.
    pub connection: u32,
    /// The module's end.
    pub endpoint: u16,
    /// `sender`, `receiver`, `client`, `handler` or `deployer`.
    pub direction: String,
    /// `strict` or `latest`.
    pub delivery: String,
    /// `active` or `retired`.
    pub state: String,
    /// Epoch in use.
    pub epoch: Counter,
    /// Counter that is sealed or expected next.
    pub next: Counter,
    /// Frames the module emitted.
    pub sent: Counter,
    /// Frames that came for it, whatever the module made of them.
    pub received: Counter,
    /// Events and requests the module processed.
    pub delivered: Counter,
    /// Frames the module refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Highest counter acknowledged (sender, client) or processed (receiver, handler).
    pub acknowledged: Counter,
    /// Frames waiting to be sent or acknowledged.
    pub queued: u32,
    /// Events skipped on a `latest` connection.
    pub gaps: Counter,
    /// Frames sent again.
    pub resent: Counter,
    /// Frames of a `latest` connection replaced by newer ones before they could be sent.
    pub dropped: Counter,
    /// Where its frames go.
    pub route: Option<Route>,
    /// Whether the socket to the peer, or one from it, is open.
    pub connected: bool,
}

/// Where frames of a connection go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// Event port of the peer's agent.
    pub address: SocketAddr,
    /// The peer.
    pub instance: Id,
}

/// A trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerStatus {
    /// Its name.
    pub name: String,
    /// The entry.
    pub endpoint: u16,
    /// Its period.
    pub every_ms: u32,
    /// Calls of the entry.
    pub fired: u64,
    /// Ticks skipped because a window was full or the tick before was not done.
    pub full: u64,
}

/// A device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// Its endpoint.
    pub endpoint: u16,
    /// Last value written.
    pub value: u32,
    /// How often it was written.
    pub writes: u64,
    /// When the value last changed, milliseconds of Unix time.
    pub changed_at: u64,
}

/// Why bytes are not a control message.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The length prefix is too large.
    #[error("a control message of {0} bytes; the largest has {MAX_LENGTH}")]
    Length(usize),
    /// The JSON is not one of the messages.
    #[error("not a control message: {0}")]
    Json(#[from] serde_json::Error),
}

/// A message with its length prefix.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message).expect("control messages have string keys and write to memory");
    let length = u32::try_from(bytes.len() - 4).expect("control messages are built from bounded parts");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Takes the first whole message out of `bytes`.
///
/// # Errors
/// The length is too large, or the message is none of the type's.
pub fn decode<T: DeserializeOwned>(bytes: &mut Vec<u8>) -> Result<Option<T>, ControlError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*prefix) as usize;
    if length > MAX_LENGTH {
        return Err(ControlError::Length(length));
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let message = serde_json::from_slice(body);
    bytes.drain(..4 + length);
    Ok(Some(message?))
}
