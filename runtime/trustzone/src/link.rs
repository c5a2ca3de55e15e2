//! The link to a board: one request at a time in one Ethernet frame, sent again until its reply comes.

use crate::device::random;
use crate::line;
use crate::machine::Machine;
use authentic_wire::trustzone::{BODY, HEADER, Header, Operation, REPLY};
use socket2::Socket;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

const MAC: usize = 14;
/// EtherType for local experiments (IEEE 802).
pub const ETHERTYPE: u16 = 0x88b5;
/// To everyone, from a locally administered address, with that type.
const ETHERNET: [u8; MAC] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, ETHERTYPE.to_be_bytes()[0], ETHERTYPE.to_be_bytes()[1]];
const FRAME: usize = 1600;
const FIRST_TIMEOUT: Duration = Duration::from_millis(20);
const LAST_TIMEOUT: Duration = Duration::from_millis(500);

/// Why a request has no reply.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The board is gone.
    #[error("{0}")]
    Ended(String),
    /// It does not answer.
    #[error("the board does not answer")]
    Silent,
    /// The system refuses.
    #[error("the link to the board is broken: {0}")]
    System(#[from] io::Error),
}

/// A link, and the board at its end.
pub struct Link {
    /// Absent: somebody else's board.
    machine: Option<Machine>,
    socket: Socket,
    sequence: u32,
    ended: bool,
}

impl Link {
    /// The link to a board that was just started.
    pub fn new(machine: Machine, socket: UnixDatagram) -> Self {
        Self { machine: Some(machine), socket: Socket::from(OwnedFd::from(socket)), sequence: 0, ended: false }
    }

    /// The link to a board that runs by itself.
    ///
    /// # Errors
    /// There is no such line.
    pub fn remote(device: &str) -> io::Result<Self> {
        // The board may have answered another bridge: it takes a repeated number for a repeated request.
        Ok(Self { machine: None, socket: line::open(device)?, sequence: u32::from_le_bytes(random()?), ended: false })
    }

    /// Whether the board runs by itself.
    pub fn is_remote(&self) -> bool {
        self.machine.is_none()
    }

    /// The board is of no use any more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Sends a request and waits for its reply, for at most `patience`.
    ///
    /// # Errors
    /// There is none.
    pub fn call(&mut self, operation: Operation, slot: u8, [a, b]: [u32; 2], body: &[u8], patience: Duration) -> Result<(Header, Vec<u8>), LinkError> {
        debug_assert!(body.len() <= BODY);
        if self.ended {
            return Err(self.gone());
        }
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let mut frame = ETHERNET.to_vec();
        Header { operation: operation as u8, slot, sequence: self.sequence, a, b }.encode(body, &mut frame);
        let mut timeout = FIRST_TIMEOUT;
        let end = Instant::now() + patience;
        while Instant::now() < end {
            self.send(&frame)?;
            if let Some(reply) = self.receive(operation, Instant::now() + timeout)? {
                return Ok(reply);
            }
            timeout = (timeout * 2).min(LAST_TIMEOUT);
        }
        Err(LinkError::Silent)
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        match (&self.socket).write(frame) {
            Ok(_) => Ok(()),
            // A cable may be put back, and a board switched on again.
            Err(_) if self.is_remote() => Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Err(self.gone())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The reply to the request under way; replies to earlier ones are dropped.
    fn receive(&mut self, operation: Operation, until: Instant) -> Result<Option<(Header, Vec<u8>)>, LinkError> {
        let mut space = [0; FRAME];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return if self.has_ended() { Err(self.gone()) } else { Ok(None) };
            }
            self.socket.set_read_timeout(Some(left.max(Duration::from_micros(1))))?;
            let length = match (&self.socket).read(&mut space) {
                Ok(0) if !self.is_remote() => return Err(self.gone()),
                Ok(length) => length,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted) => continue,
                Err(_) if self.is_remote() => {
                    std::thread::sleep(left.min(FIRST_TIMEOUT));
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(self.gone()),
                Err(error) => return Err(error.into()),
            };
            if length < MAC + HEADER || space[12..MAC] != ETHERNET[12..] {
                continue;
            }
            if let Some((header, body)) = Header::decode(&space[MAC..length])
                && header.sequence == self.sequence
                && header.operation == operation as u8 | REPLY
            {
                return Ok(Some((header, body.to_vec())));
            }
        }
    }

    /// Whether the board is gone for good.
    pub fn has_ended(&mut self) -> bool {
        self.ended = self.ended
            || self.machine.as_mut().and_then(Machine::ended).is_some_and(|reason| {
                tracing::error!(%reason, "the board is gone");
                true
            });
        self.ended
    }

    /// What is said of a board that is of no use any more.
    pub fn gone(&mut self) -> LinkError {
        self.has_ended();
        LinkError::Ended("the board was reset or its emulator ended: every module on it is lost".into())
    }
}
