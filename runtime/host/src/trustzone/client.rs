//! A connection to the node's bridge; it owns one slot of the board.

use authentic_process::SocketFolder;
use authentic_wire::trustzone::{BODY, Facts, Fault, HEADER, Header, Operation, REPLY, read_message, write_message};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Statuses of an image that is not loaded, from the firmware and from the bridge.
const LOAD_IMAGE: u32 = 3;
const LOAD_DEVICE: u32 = 4;
const NO_SLOT: u32 = 0x100;

/// Why a board does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum TrustzoneError {
    /// The bridge is gone, and the board with it.
    #[error("the board's bridge is gone: {0}")]
    Gone(#[from] io::Error),
    /// It answers something else.
    #[error("the board's bridge answers something else")]
    Unexpected,
    /// The image is not one of a board's module.
    #[error("the firmware refuses the image")]
    Image,
    /// Another module has one of its devices.
    #[error("a peripheral that the module declares does not exist, or belongs to another module of the board")]
    Device,
    /// The board is full.
    #[error("every slot of the board is taken")]
    Full,
}

/// The reply to an entry.
pub struct Entered {
    /// What the firmware returned.
    pub result: u32,
    /// Heads of control and events, tail of out.
    pub positions: [u32; 3],
    /// Bytes of the out ring from the position that was asked for on; perhaps not all of them.
    pub out: Vec<u8>,
}

/// The connection.
pub struct Client {
    stream: UnixStream,
    sequence: u32,
}

impl Client {
    /// Connects to the bridge in the board's folder.
    ///
    /// # Errors
    /// It does not run.
    pub fn connect(folder: &Path) -> io::Result<Self> {
        Ok(Self { stream: SocketFolder::open(folder)?.connect("board.sock")?, sequence: 0 })
    }

    fn call(&mut self, operation: Operation, a: u32, b: u32, body: &[u8]) -> Result<(Header, Vec<u8>), TrustzoneError> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let request = Header { operation: operation as u8, slot: 0, sequence: self.sequence, a, b };
        write_message(&mut self.stream, &request, body)?;
        let reply = read_message(&mut self.stream, HEADER + BODY)?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        if reply.0.operation != operation as u8 | REPLY || reply.0.sequence != self.sequence {
            return Err(TrustzoneError::Unexpected);
        }
        Ok(reply)
    }

    /// Public facts of the board.
    ///
    /// # Errors
    /// The bridge is gone.
    pub fn facts(&mut self) -> Result<Facts, TrustzoneError> {
        let (_, body) = self.call(Operation::Facts, 0, 0, &[])?;
        Facts::decode(&body).ok_or(TrustzoneError::Unexpected)
    }

    /// Loads an image into a slot, which stays this connection's. Returns what the firmware measured.
    ///
    /// # Errors
    /// It is not loaded.
    pub fn load(&mut self, image: &[u8], time_limit_ms: u32) -> Result<[u8; 32], TrustzoneError> {
        let (header, body) = self.call(Operation::Load, time_limit_ms, 0, image)?;
        match header.a {
            0 => body.try_into().map_err(|_| TrustzoneError::Unexpected),
            LOAD_IMAGE => Err(TrustzoneError::Image),
            LOAD_DEVICE => Err(TrustzoneError::Device),
            NO_SLOT => Err(TrustzoneError::Full),
            _ => Err(TrustzoneError::Unexpected),
        }
    }

    /// Writes to the slot's window.
    ///
    /// # Errors
    /// The bridge is gone.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), TrustzoneError> {
        for (index, part) in bytes.chunks(BODY).enumerate() {
            let (header, _) = self.call(Operation::Write, (offset + index * BODY) as u32, 0, part)?;
            if header.a != 0 {
                return Err(TrustzoneError::Unexpected);
            }
        }
        Ok(())
    }

    /// Reads from the slot's window.
    ///
    /// # Errors
    /// The bridge is gone.
    pub fn read(&mut self, offset: usize, length: usize) -> Result<Vec<u8>, TrustzoneError> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let part = (length - bytes.len()).min(BODY);
            let (header, body) = self.call(Operation::Read, (offset + bytes.len()) as u32, part as u32, &[])?;
            if header.a != 0 || body.len() != part {
                return Err(TrustzoneError::Unexpected);
            }
            bytes.extend(body);
        }
        Ok(bytes)
    }

    /// Patches the window and enters the module.
    ///
    /// # Errors
    /// The bridge is gone.
    pub fn enter(&mut self, reason: u32, out_from: u32, patches: &[u8]) -> Result<Entered, TrustzoneError> {
        let (header, body) = self.call(Operation::Enter, reason, out_from, patches)?;
        let word = |at: usize| body.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes).ok_or(TrustzoneError::Unexpected);
        Ok(Entered { result: header.a, positions: [word(0)?, word(4)?, word(8)?], out: body[12..].to_vec() })
    }

    /// What the firmware stopped last.
    ///
    /// # Errors
    /// The bridge is gone.
    pub fn fault(&mut self) -> Result<Fault, TrustzoneError> {
        let (_, body) = self.call(Operation::Fault, 0, 0, &[])?;
        Fault::decode(&body).ok_or(TrustzoneError::Unexpected)
    }

    /// Clears the slot: the module is gone.
    ///
    /// # Errors
    /// The bridge is gone.
    pub fn unload(&mut self) -> Result<(), TrustzoneError> {
        self.call(Operation::Unload, 0, 0, &[]).map(drop)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure must fail the test")]
mod tests {
    use super::super::shadow::Shadow;
    use super::*;
    use std::io::Write;

    fn reply(operation: Operation, sequence: u32, a: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_message(&mut bytes, &Header { operation: operation as u8 | REPLY, slot: 1, sequence, a, b: 0 }, body).unwrap();
        bytes
    }

    /// Replies with positions and bytes of the out ring that are in order, or not: the window stays one.
    #[test]
    fn entries_of_a_hostile_bridge() {
        let begin = || {
            let (ours, theirs) = UnixStream::pair().unwrap();
            (Client { stream: ours, sequence: 0 }, theirs, Shadow::new([4096, 4096, 8192]).unwrap().unwrap())
        };
        let (mut client, mut board, mut shadow) = begin();
        let harness = authentic_testing::fuzz::Harness { name: "entries of a hostile TrustZone bridge", memory: 1 << 20, slow: 2 };
        harness
            .run(|random| {
                let new = random.below(BODY - 12);
                let tail = if random.below(16) == 0 { random.number() as u32 } else { shadow.out_from().wrapping_add((new + random.below(3) * random.below(9000)) as u32) };
                let mut body: Vec<u8> = [random.number() as u32, random.number() as u32, tail].iter().flat_map(|word| word.to_le_bytes()).collect();
                // Records of any kind and length, most of which are none.
                body.extend((0..new).map(|index| if index % 8 < 4 { [0, 0, 8, 1][random.below(4)] } else { random.number() as u8 }));
                let mut bytes = reply(Operation::Enter, client.sequence.wrapping_add(1).max(1), 0, &body);
                if random.below(4) == 0 {
                    random.mutate(&mut bytes);
                }
                board.write_all(&bytes).unwrap();
                // What a request asks for besides never comes, and a reply that was cut off has no end.
                board.shutdown(std::net::Shutdown::Write).unwrap();
                let mut good = false;
                if let Ok(entered) = client.enter(1, shadow.out_from(), &[])
                    && let Ok(missing) = shadow.take(&entered)
                {
                    assert!(missing.iter().map(|(_, length)| length).sum::<usize>() <= 8192);
                    shadow.publish();
                    let mut record = Vec::new();
                    while let Ok(Some(_)) = shadow.out.next(&mut record) {
                        assert!(record.len() <= 8192);
                    }
                    good = true;
                }
                let (next, other) = UnixStream::pair().unwrap();
                (client.stream, board) = (next, other);
                if !good || random.below(64) == 0 {
                    (client, board, shadow) = begin();
                }
                good
            })
            .reaches(16);
    }
}
