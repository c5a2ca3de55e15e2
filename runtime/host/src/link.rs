//! The agent's end: control messages, and event sockets that come with them.

use authentic_wire::control::{self, Answer, Call, Request, Response};
use mio::net::UnixStream;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

/// Bytes of answers that may wait for an agent that does not read them.
const MAX_BACKLOG: usize = 8 << 20;
/// Event sockets that are taken in before their calls are carried out.
const MAX_SOCKETS: usize = 64;

/// A control socket.
pub struct Link {
    stream: UnixStream,
    /// Serial number, to recognize it after its index was reused.
    pub serial: u64,
    /// A whole call has come: of too many links, those without one go first.
    pub heard: bool,
    incoming: Vec<u8>,
    sockets: VecDeque<OwnedFd>,
    outgoing: Vec<u8>,
}

/// The agent is gone or does not keep to the format.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// End of the stream, or an error.
    #[error("closed")]
    Closed,
    /// Not a control message.
    #[error(transparent)]
    Malformed(#[from] control::ControlError),
    /// A socket call without a socket, or sockets without calls.
    #[error("event sockets and their messages do not match")]
    Sockets,
    /// Answers are not read.
    #[error("the agent does not read its answers")]
    Backlog,
}

impl Link {
    /// A link over `stream`.
    pub fn new(stream: UnixStream, serial: u64) -> Self {
        Self { stream, serial, heard: false, incoming: Vec::new(), sockets: VecDeque::new(), outgoing: Vec::new() }
    }

    /// The stream, to register it.
    pub fn stream(&mut self) -> &mut UnixStream {
        &mut self.stream
    }

    /// Reads until the kernel has no more, or until what came should be handled first. Returns whether there may be more.
    ///
    /// # Errors
    /// The stream ended, or more sockets came than messages.
    pub fn read(&mut self) -> Result<bool, LinkError> {
        let mut space = [0; 16 * 1024];
        loop {
            let mut ancillary = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut ancillary);
            let received = recvmsg(&self.stream, &mut [IoSliceMut::new(&mut space)], &mut ancillary, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT);
            let count = match received {
                Ok(message) => message.bytes,
                Err(Errno::AGAIN) => return Ok(false),
                Err(Errno::INTR) => continue,
                Err(_) => return Err(LinkError::Closed),
            };
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(sockets) = message {
                    self.sockets.extend(sockets);
                }
            }
            if count == 0 {
                return Err(LinkError::Closed);
            }
            if self.sockets.len() > 2 * MAX_SOCKETS || self.incoming.len() > 2 * control::MAX_LENGTH {
                return Err(LinkError::Sockets);
            }
            self.incoming.extend_from_slice(&space[..count]);
            // The calls that the sockets belong to are here, and take them: a flood of sockets is no fault of the agent.
            if self.incoming.len() > control::MAX_LENGTH || self.sockets.len() >= MAX_SOCKETS {
                return Ok(true);
            }
        }
    }

    /// The next call, with its socket where it brings one.
    ///
    /// # Errors
    /// Bytes that are no call, or a missing socket.
    pub fn next(&mut self) -> Result<Option<(Request, Option<OwnedFd>)>, LinkError> {
        let Some(request) = control::decode::<Request>(&mut self.incoming)? else { return Ok(None) };
        self.heard = true;
        let socket = match request.call {
            Call::Socket { .. } => Some(self.sockets.pop_front().ok_or(LinkError::Sockets)?),
            _ => None,
        };
        Ok(Some((request, socket)))
    }

    /// Answers a call.
    pub fn answer(&mut self, id: u64, answer: Answer) {
        self.outgoing.extend_from_slice(&control::encode(&Response { id, answer }));
    }

    /// Writes as much as the kernel takes.
    ///
    /// # Errors
    /// The stream is broken, or the agent does not read.
    pub fn flush(&mut self) -> Result<(), LinkError> {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(LinkError::Closed),
            }
        }
        if self.outgoing.len() > MAX_BACKLOG { Err(LinkError::Backlog) } else { Ok(()) }
    }
}
