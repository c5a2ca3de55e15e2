//! A non-blocking event socket: whole frames in, bytes out, and what the kernel last said about it.

use authentic_wire::frame::FrameBuffer;
use mio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, Read, Write};
use std::time::Duration;

/// How long a peer may leave sent bytes unanswered before its socket is closed.
const SILENCE: Duration = Duration::from_secs(20);

/// A socket. Readiness is edge-triggered, so it is remembered here.
pub struct Socket {
    stream: TcpStream,
    /// Frames that came.
    pub buffer: FrameBuffer,
    /// More may be waiting in the kernel.
    pub readable: bool,
    /// The kernel takes no more bytes for now.
    pub blocked: bool,
    out: Vec<u8>,
    written: usize,
}

/// The socket is closed or broken.
#[derive(Debug)]
pub struct Closed;

impl Socket {
    /// A connected or connecting socket.
    pub fn new(stream: TcpStream) -> Self {
        let socket = SockRef::from(&stream);
        // Without these options the socket still works, later or slower.
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 4));
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(SILENCE));
        Self { stream, buffer: FrameBuffer::default(), readable: true, blocked: false, out: Vec::new(), written: 0 }
    }

    /// The stream, to register it and to ask for its error.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Reads once.
    ///
    /// # Errors
    /// End of the stream, or an error.
    pub fn read(&mut self, hung_up: bool) -> Result<(), Closed> {
        let stream = &mut self.stream;
        match self.buffer.fill(|space| stream.read(space)) {
            Ok((0, _)) => Err(Closed),
            // A short read empties a stream socket, so the next edge will tell of more; the end of a stream has no edge.
            Ok((_, filled)) => {
                self.readable = filled || hung_up;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(Closed),
        }
    }

    /// Bytes that wait to be written.
    pub fn backlog(&self) -> usize {
        self.out.len() - self.written
    }

    /// Where bytes to write are appended.
    pub fn outgoing(&mut self) -> &mut Vec<u8> {
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
        &mut self.out
    }

    /// Writes as much as the kernel takes.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn flush(&mut self) -> Result<(), Closed> {
        while self.written < self.out.len() && !self.blocked {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(Closed),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocked = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Closed),
            }
        }
        if self.written > 64 * 1024 {
            self.out.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Gives memory back after a burst.
    pub fn shrink(&mut self) {
        if self.backlog() == 0 {
            self.out = Vec::new();
            self.written = 0;
        }
        if self.buffer.is_empty() {
            self.buffer = FrameBuffer::default();
        }
    }
}
