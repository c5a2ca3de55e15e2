//! Frames on event sockets (`docs/protocol.md` section 6). Only the header is read here: the rest is sealed.

use std::io;

/// Smallest value of the length prefix: 22 bytes of header and a tag of 8 (suite 4).
pub const MIN_LENGTH: usize = 30;
/// Largest value of the length prefix: an event of 64 KiB.
pub const MAX_LENGTH: usize = 65_574;
/// Bytes of the length prefix.
pub const PREFIX: usize = 4;

const VERSION: u8 = 1;
const FIRST_READ: usize = 16 * 1024;
const LARGEST_READ: usize = 256 * 1024;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a sender.
    Event,
    /// From a client.
    Request,
    /// From a handler.
    Reply,
    /// From a receiver.
    Acknowledgement,
}

impl Kind {
    /// Whether it travels in the direction of the connection, and not back.
    pub fn is_forward(self) -> bool {
        matches!(self, Self::Event | Self::Request)
    }
}

/// The clear part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame carries.
    pub kind: Kind,
    /// Connection number, never zero.
    pub connection: u32,
    /// Epoch of the key it is sealed with.
    pub epoch: u64,
    /// Its counter.
    pub counter: u64,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// The length is outside its bounds.
    #[error("a frame of {0} bytes; frames have 30 to 65,574")]
    Length(usize),
    /// The version is another.
    #[error("a frame of version {0}, this host speaks version 1")]
    Version(u8),
    /// The kind is unknown.
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    /// Connection zero does not exist.
    #[error("a frame of connection 0")]
    Connection,
}

impl Header {
    /// Reads the header of a frame without its length prefix.
    ///
    /// # Errors
    /// A length outside the bounds, an unknown version or kind, or connection zero.
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&frame.len()) {
            return Err(FrameError::Length(frame.len()));
        }
        if frame[0] != VERSION {
            return Err(FrameError::Version(frame[0]));
        }
        let kind = match frame[1] {
            1 => Kind::Event,
            2 => Kind::Request,
            3 => Kind::Reply,
            4 => Kind::Acknowledgement,
            other => return Err(FrameError::Kind(other)),
        };
        let long = |at: usize| u64::from_be_bytes(std::array::from_fn(|index| frame[at + index]));
        let connection = u32::from_be_bytes([frame[2], frame[3], frame[4], frame[5]]);
        if connection == 0 {
            return Err(FrameError::Connection);
        }
        Ok(Self { kind, connection, epoch: long(6), counter: long(14) })
    }

    /// The 22 bytes of this header.
    pub fn encode(&self) -> [u8; 22] {
        let mut bytes = [0; 22];
        bytes[0] = VERSION;
        bytes[1] = match self.kind {
            Kind::Event => 1,
            Kind::Request => 2,
            Kind::Reply => 3,
            Kind::Acknowledgement => 4,
        };
        bytes[2..6].copy_from_slice(&self.connection.to_be_bytes());
        bytes[6..14].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[14..].copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }
}

/// Bytes read from a socket, taken out as whole frames. Holds no memory until something was read.
#[derive(Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl FrameBuffer {
    /// Lets `read` put bytes into the free space.
    ///
    /// Returns how many came and whether they filled the space, so that more may be waiting.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn fill(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<(usize, bool)> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.is_empty() {
            self.bytes.resize(FIRST_READ, 0);
        } else if self.end == self.bytes.len() {
            // A frame is at most MAX_LENGTH, so a buffer of the largest size always has room after whole frames left.
            let size = (self.bytes.len() * 4).min(LARGEST_READ);
            self.bytes.resize(size, 0);
        }
        let space = &mut self.bytes[self.end..];
        let available = space.len();
        let count = read(space)?.min(available);
        self.end += count;
        Ok((count, count == available))
    }

    /// The next whole frame without its length prefix, and its header.
    ///
    /// # Errors
    /// The bytes are not a frame; nothing after them can be understood.
    pub fn peek(&self) -> Result<Option<(Header, &[u8])>, FrameError> {
        let bytes = &self.bytes[self.start..self.end];
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
            return Err(FrameError::Length(length));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        Ok(Some((Header::decode(frame)?, frame)))
    }

    /// Drops the frame of `length` bytes that `peek` showed.
    pub fn consume(&mut self, length: usize) {
        self.start = (self.start + PREFIX + length).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Whether a whole frame or a part of one is held.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}
