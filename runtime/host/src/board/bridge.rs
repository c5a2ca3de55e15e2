//! The socket to the board's bridge.

use authentic_process::SocketFolder;
use authentic_wire::board::{BoardCall, BoardMessage};
use authentic_wire::control::{self, Bytes};
use authentic_wire::instance::InstanceFile;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// An emulated board on a busy machine is slow, and a question may be asked many times on a bad line.
const PATIENCE: Duration = Duration::from_secs(25);

/// Why the bridge does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// It is not there any more.
    #[error("the board's bridge is gone: {0}")]
    Gone(io::Error),
    /// It said something that is no answer.
    #[error("the board's bridge said something that is no answer")]
    Confused,
    /// It refused.
    #[error("{message}")]
    Refused { code: String, message: String, next: String },
}

impl From<io::Error> for BridgeError {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// A bridge.
pub struct Bridge {
    stream: UnixStream,
    incoming: Vec<u8>,
    notices: Vec<BoardMessage>,
}

impl Bridge {
    /// Loads an instance onto the board of its node.
    ///
    /// # Errors
    /// There is no bridge, or it refuses.
    pub fn open(folder: &Path, file: &InstanceFile, image: &[u8]) -> Result<Self, BridgeError> {
        // Through the file system: the folder is known by a descriptor, whose name says nothing of where it lies.
        let board = folder.join("../../board");
        let stream = SocketFolder::open(&board)?.connect("board.sock")?;
        stream.set_nonblocking(true)?;
        let mut bridge = Self { stream, incoming: Vec::new(), notices: Vec::new() };
        let call = BoardCall::Open { instance: file.instance, image: Bytes(image.to_vec()), time_limit_ms: file.entry_time_limit_ms };
        match bridge.call(&call)? {
            BoardMessage::Done => Ok(bridge),
            _ => Err(BridgeError::Confused),
        }
    }

    /// The socket, to wait for notices.
    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Has a record processed.
    ///
    /// # Errors
    /// The module or the board failed.
    pub fn step(&mut self, record: &[u8]) -> Result<Vec<u8>, BridgeError> {
        match self.call(&BoardCall::Step { input: Bytes(record.to_vec()) })? {
            BoardMessage::Outputs { output, .. } => Ok(output.0),
            _ => Err(BridgeError::Confused),
        }
    }

    /// Drives the pins of a device.
    ///
    /// # Errors
    /// The module has no such device, or its pins are real.
    pub fn drive(&mut self, endpoint: u16, value: u32) -> Result<(), BridgeError> {
        self.call(&BoardCall::Drive { endpoint, value }).map(drop)
    }

    /// Unloads the instance.
    pub fn close(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Takes the notices that have come.
    ///
    /// # Errors
    /// The bridge is gone.
    pub fn notices(&mut self) -> Result<Vec<BoardMessage>, BridgeError> {
        self.read()?;
        while let Some(message) = self.next()? {
            if message.is_notice() {
                self.notices.push(message);
            }
        }
        Ok(std::mem::take(&mut self.notices))
    }

    fn next(&mut self) -> Result<Option<BoardMessage>, BridgeError> {
        control::decode(&mut self.incoming).map_err(|_| BridgeError::Confused)
    }

    fn call(&mut self, call: &BoardCall) -> Result<BoardMessage, BridgeError> {
        let until = Instant::now() + PATIENCE;
        let bytes = control::encode(call);
        let mut left = &bytes[..];
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(PollFlags::OUT, until)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            match self.next()? {
                Some(BoardMessage::Error { code, message, next }) => return Err(BridgeError::Refused { code, message, next }),
                Some(message) if message.is_notice() => self.notices.push(message),
                Some(answer) => return Ok(answer),
                None => {
                    self.wait(PollFlags::IN, until)?;
                    self.read()?;
                }
            }
        }
    }

    fn wait(&self, flags: PollFlags, until: Instant) -> Result<(), BridgeError> {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.stream, flags)], Some(&timeout)) {
            Ok(0) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    fn read(&mut self) -> Result<(), BridgeError> {
        let mut space = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut space) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(count) if self.incoming.len() <= 2 * control::MAX_LENGTH => self.incoming.extend_from_slice(&space[..count]),
                Ok(_) => return Err(BridgeError::Confused),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure must fail the test")]
mod tests {
    use super::*;

    #[test]
    fn what_a_hostile_bridge_says() {
        let samples: Vec<Vec<u8>> = [
            BoardMessage::Done,
            BoardMessage::Outputs { output: Bytes(vec![5; 40]), cycles: 9 },
            BoardMessage::Error { code: "AE-BOARD-CALL".into(), message: "m".into(), next: "n".into() },
            BoardMessage::Port { endpoint: 1, value: 2 },
            BoardMessage::Lost { reason: "gone".into() },
        ]
        .iter()
        .map(control::encode)
        .collect();
        let begin = || {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            (Bridge { stream: ours, incoming: Vec::new(), notices: Vec::new() }, theirs)
        };
        let (mut bridge, mut said) = begin();
        let harness = authentic_testing::fuzz::Harness { name: "what a hostile bridge says", memory: 2 << 20, slow: 2 };
        harness
            .run(|random| {
                let bytes = random.changed(&samples);
                if said.write_all(&bytes).is_ok()
                    && let Ok(notices) = bridge.notices()
                {
                    return !notices.is_empty();
                }
                (bridge, said) = begin();
                false
            })
            .reaches(2000);
    }
}
