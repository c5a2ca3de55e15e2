//! Records in the rings between host and enclave (`docs/protocol.md` section 8).

/// Kinds of records from host to enclave.
pub mod input {
    /// A protocol message; the argument is its type.
    pub const MESSAGE: u16 = 1;
    /// A frame.
    pub const FRAME: u16 = 2;
    /// A frame the enclave asked back.
    pub const RESEAL: u16 = 3;
    /// Call of an entry; the argument is its endpoint.
    pub const TRIGGER: u16 = 4;
}

/// Kinds of records from enclave to host.
pub mod output {
    /// Answer to a message.
    pub const MESSAGE: u16 = 1;
    /// A frame to send.
    pub const FRAME: u16 = 2;
    /// A device was written.
    pub const DEVICE: u16 = 3;
    /// Frames were acknowledged.
    pub const ACKNOWLEDGED: u16 = 4;
    /// Frames are to be given back.
    pub const RESEAL: u16 = 5;
    /// Frames were processed.
    pub const PROCESSED: u16 = 6;
    /// A frame was refused.
    pub const REFUSED: u16 = 7;
    /// A connection changed.
    pub const CONNECTION: u16 = 8;
    /// The instance failed.
    pub const FAILED: u16 = 9;
    /// Text the module published.
    pub const LOG: u16 = 10;
    /// An entry was called.
    pub const TRIGGERED: u16 = 11;
}

/// Names of the reasons for a refusal, by number − 1.
pub const REFUSAL_REASONS: [&str; 9] = ["malformed", "unknownConnection", "wrongEpoch", "tag", "old", "gap", "wrongKind", "tooLong", "notActive"];

/// What a connection has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Keys are active.
    Active,
    /// Nothing is accepted or emitted any more.
    Retired,
    /// It is gone.
    Closed,
}

/// A record of the out ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Answer to a protocol message of that type.
    Message { kind: u16, body: &'a [u8] },
    /// A frame; `keep` until acknowledged, or send once.
    Frame { keep: bool, frame: &'a [u8] },
    /// A device got this value.
    Device { endpoint: u16, value: u32 },
    /// Frames up to this counter can be dropped.
    Acknowledged { connection: u32, counter: u64 },
    /// Frames to give back now, in order.
    Reseal { connection: u32, from: u64, to: u64 },
    /// Highest counter processed in this batch.
    Processed { connection: u32, counter: u64, gaps: u64 },
    /// A frame was refused.
    Refused { reason: u16, connection: u32, counter: u64 },
    /// A connection changed.
    Connection(Connection),
    /// The instance failed.
    Failed { reason: u16 },
    /// Text the module published.
    Log(&'a [u8]),
    /// An entry was called, or a window was full.
    Triggered { endpoint: u16, full: bool },
}

/// A connection as the enclave reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// What it has become.
    pub state: ConnectionState,
    /// Its number.
    pub connection: u32,
    /// The module's end.
    pub endpoint: u16,
    /// 1 sender, 2 receiver, 3 client, 4 handler, 5 deployer.
    pub direction: u8,
    /// 1 strict, 2 latest.
    pub delivery: u8,
    /// Unacknowledged frames a sender may have.
    pub window: u16,
    /// Epoch in use.
    pub epoch: u64,
    /// Counter that is sealed or expected next.
    pub next: u64,
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }
    fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }
    fn word(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
    fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

impl<'a> Output<'a> {
    /// Reads a record of the out ring; `None` where it is malformed or of an unknown kind.
    pub fn decode(kind: u16, argument: u16, body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        match kind {
            output::MESSAGE => Some(Self::Message { kind: argument, body }),
            output::FRAME if argument <= 1 => Some(Self::Frame { keep: argument == 1, frame: body }),
            output::DEVICE => {
                let value = fields.word()?;
                fields.end(Self::Device { endpoint: argument, value })
            }
            output::ACKNOWLEDGED => {
                let (connection, counter) = (fields.word()?, fields.long()?);
                fields.end(Self::Acknowledged { connection, counter })
            }
            output::RESEAL => {
                let (connection, from, to) = (fields.word()?, fields.long()?, fields.long()?);
                fields.end(Self::Reseal { connection, from, to })
            }
            output::PROCESSED => {
                let (connection, counter, gaps) = (fields.word()?, fields.long()?, fields.long()?);
                fields.end(Self::Processed { connection, counter, gaps })
            }
            output::REFUSED => {
                let (connection, _epoch, counter) = (fields.word()?, fields.long()?, fields.long()?);
                fields.end(Self::Refused { reason: argument, connection, counter })
            }
            output::CONNECTION => {
                let state = match argument {
                    1 => ConnectionState::Active,
                    2 => ConnectionState::Retired,
                    3 => ConnectionState::Closed,
                    _ => return None,
                };
                let (connection, endpoint) = (fields.word()?, fields.short()?);
                let (direction, delivery, window, reserved) = (fields.byte()?, fields.byte()?, fields.short()?, fields.short()?);
                let (epoch, next) = (fields.long()?, fields.long()?);
                if reserved != 0 || !(1..=5).contains(&direction) || !(1..=2).contains(&delivery) {
                    return None;
                }
                fields.end(Self::Connection(Connection { state, connection, endpoint, direction, delivery, window, epoch, next }))
            }
            output::FAILED => fields.end(Self::Failed { reason: argument }),
            output::LOG => Some(Self::Log(body)),
            output::TRIGGERED => {
                let full = match fields.byte()? {
                    0 => false,
                    1 => true,
                    _ => return None,
                };
                fields.end(Self::Triggered { endpoint: argument, full })
            }
            _ => None,
        }
    }
}
