//! The link of a TrustZone board (`docs/trustzone.md`, "The link"): requests and replies, the same between the bridge and
//! the board's non-secure side, and between a module host and the bridge.

use std::io::{self, Read, Write};

/// Bytes of a header.
pub const HEADER: usize = 16;
/// Bytes of a body that fits one Ethernet frame.
pub const BODY: usize = 1440;
/// The slot number of the memory where images wait.
pub const STAGING: u8 = 0xff;
/// Added to the operation of a request to make that of its reply.
pub const REPLY: u8 = 0x80;
/// Result of an entry that the firmware refused.
pub const ENTER_REFUSED: u32 = 0xffff_ffff;
/// Set in the result of an entry whose module was stopped; the cause is in bits 8 to 15.
pub const ENTER_CRASHED: u32 = 0x1_0000;
/// Offset of the heads and the tail of a window that are exchanged at each entry: control, events, out.
pub const POSITIONS: usize = 12;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// Public facts of the device.
    Facts = 1,
    /// Bytes of a window, or of the staging memory, from `a` on.
    Write = 2,
    /// `b` bytes of a window from `a` on.
    Read = 3,
    /// To the board: the staged image of `a` bytes, time limit `b`. To the bridge: the image is the body, the time limit `a`.
    Load = 4,
    /// An entry for reason `a`; the body patches the window first, `b` is the host's position in the out ring.
    Enter = 5,
    /// Clears the slot.
    Unload = 6,
    /// What the firmware stopped last.
    Fault = 7,
    /// To the bridge alone: ends it and the board.
    End = 16,
}

/// A request or reply without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The operation, as a number: a peer may send any.
    pub operation: u8,
    /// The module's slot.
    pub slot: u8,
    /// Of the request; a reply has the same. Never 0.
    pub sequence: u32,
    /// First argument, or the status of a reply.
    pub a: u32,
    /// Second argument.
    pub b: u32,
}

impl Header {
    /// The header and the body, whose length is a `u16` here.
    pub fn encode(&self, body: &[u8], to: &mut Vec<u8>) {
        to.extend([self.operation, self.slot]);
        to.extend((body.len() as u16).to_le_bytes());
        for word in [self.sequence, self.a, self.b] {
            to.extend(word.to_le_bytes());
        }
        to.extend(body);
    }

    /// Reads a header and its body; `None` where the bytes end before the body does.
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEADER)?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        Some((Self { operation: head[0], slot: head[1], sequence: word(4), a: word(8), b: word(12) }, rest.get(..length)?))
    }
}

/// Writes a request or reply on a stream between module host and bridge: `length u32 | header | body`.
///
/// # Errors
/// Those of the stream.
pub fn write_message(stream: &mut impl Write, header: &Header, body: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(4 + HEADER + body.len());
    bytes.extend(((HEADER + body.len()) as u32).to_le_bytes());
    header.encode(body, &mut bytes);
    stream.write_all(&bytes)
}

/// Reads a request or reply of at most `limit` bytes; `None` at the end of the stream.
///
/// # Errors
/// Those of the stream; `InvalidData` for a length that is impossible.
pub fn read_message(stream: &mut impl Read, limit: usize) -> io::Result<Option<(Header, Vec<u8>)>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if !(HEADER..=limit).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut head = [0; HEADER];
    stream.read_exact(&mut head)?;
    let mut body = vec![0; length - HEADER];
    stream.read_exact(&mut body)?;
    // The body of a stream may exceed what the header's own field holds.
    head[2..4].fill(0);
    Header::decode(&head).map(|(header, _)| Some((header, body))).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Public facts of a device, as its firmware states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// RFC 9783: 0x01 and the digest of the public key.
    pub instance_id: [u8; 33],
    /// The attestation key, an uncompressed P-256 point.
    pub public_key: [u8; 65],
    /// The kind of device.
    pub implementation_id: [u8; 32],
    /// Measurement of the secure firmware.
    pub firmware: [u8; 32],
    /// State of the security lifecycle.
    pub lifecycle: u32,
    /// Modules it can hold.
    pub slots: u32,
    /// Bytes of a slot.
    pub slot_size: u32,
    /// Bytes of a window, and of its rings: control, events, out.
    pub window: u32,
    /// Capacities of the rings.
    pub rings: [u32; 3],
    /// How often the non-secure side was restarted after a fault.
    pub restarts: u32,
    /// Of this boot: the beginning of the boot seed.
    pub boot: [u8; 16],
}

impl Facts {
    /// Bytes of the encoding.
    pub const LENGTH: usize = 212;

    /// Reads what a board states; `None` for another length.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().ok()?;
        let word = |index: usize| {
            let at = 164 + 4 * index;
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Some(Self {
            instance_id: bytes[..33].try_into().ok()?,
            public_key: bytes[33..98].try_into().ok()?,
            implementation_id: bytes[98..130].try_into().ok()?,
            firmware: bytes[130..162].try_into().ok()?,
            lifecycle: word(0),
            slots: word(1),
            slot_size: word(2),
            window: word(3),
            rings: [word(4), word(5), word(6)],
            restarts: word(7),
            boot: bytes[196..].try_into().ok()?,
        })
    }
}

/// What the firmware saw when it stopped something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Faults so far.
    pub count: u32,
    /// The module's slot; 0xffffffff for the non-secure side.
    pub slot: u32,
    /// Number of the exception: 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault, 7 SecureFault.
    pub exception: u32,
    /// The processor's CFSR.
    pub configurable: u32,
    /// The processor's SFSR.
    pub secure: u32,
    /// The address that was not to be touched, where the processor knows it.
    pub address: u32,
    /// Where the code was; of a module, relative to its image.
    pub location: u32,
}

impl Fault {
    /// Reads what a board states.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 28] = bytes.try_into().ok()?;
        let word = |index: usize| u32::from_le_bytes([bytes[4 * index], bytes[4 * index + 1], bytes[4 * index + 2], bytes[4 * index + 3]]);
        Some(Self { count: word(0), slot: word(1), exception: word(2), configurable: word(3), secure: word(4), address: word(5), location: word(6) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_with_its_body() {
        let header = Header { operation: Operation::Enter as u8, slot: 3, sequence: 0x0102_0304, a: 5, b: 6 };
        let mut bytes = Vec::new();
        header.encode(b"body", &mut bytes);
        assert_eq!(bytes[..8], [5, 3, 4, 0, 4, 3, 2, 1]);
        assert_eq!(Header::decode(&bytes), Some((header, &b"body"[..])));
        bytes.push(0);
        assert_eq!(Header::decode(&bytes), Some((header, &b"body"[..])), "Ethernet pads short frames");
        assert_eq!(Header::decode(&bytes[..19]), None, "a body that is cut off");
        assert_eq!(Header::decode(&bytes[..15]), None, "a header that is cut off");
    }

    #[test]
    fn facts_and_faults_have_one_length() {
        assert_eq!(Facts::decode(&[0; Facts::LENGTH - 1]), None);
        assert_eq!(Fault::decode(&[0; 29]), None);
        let mut bytes = [0; Facts::LENGTH];
        bytes[164..168].copy_from_slice(&0x3000u32.to_le_bytes());
        bytes[192] = 7;
        let facts = Facts::decode(&bytes).unwrap();
        assert_eq!((facts.lifecycle, facts.restarts), (0x3000, 7));
    }
}
