//! One exchange on the socket, before a deadline: the service is not believed to answer, to stop, or to keep its lengths.

use crate::error::AesmError;
use crate::message::{Request, Response, body_length, frame};
use authentic_process::SocketFolder;
use prost::Message;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time that is left for an operation of one or more exchanges.
pub struct Deadline<'a> {
    path: &'a Path,
    limit: Duration,
    end: Instant,
}

impl<'a> Deadline<'a> {
    pub fn new(path: &'a Path, limit: Duration) -> Self {
        Self { path, limit, end: Instant::now() + limit }
    }

    /// Microseconds that are left, as requests tell the service.
    pub fn microseconds(&self) -> Option<u32> {
        u32::try_from(self.end.saturating_duration_since(Instant::now()).as_micros()).ok()
    }

    /// Sends a request on a connection of its own, which is all that the service takes, and reads the reply.
    pub fn exchange(&self, request: &Request) -> Result<Response, AesmError> {
        let mut stream = self.connect().map_err(|error| self.failed(error))?;
        self.write(&mut stream, &frame(request)).map_err(|error| self.failed(error))?;
        let mut prefix = [0; 4];
        self.read(&mut stream, &mut prefix).map_err(|error| self.failed(error))?;
        let length = body_length(prefix).ok_or(AesmError::Answer("a longer message than a quote needs"))?;
        let mut body = vec![0; length];
        self.read(&mut stream, &mut body).map_err(|error| self.failed(error))?;
        Response::decode(&body[..]).map_err(|_| AesmError::Answer("no protobuf message"))
    }

    fn failed(&self, error: io::Error) -> AesmError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => AesmError::Silent { path: self.path.to_owned(), limit: self.limit },
            io::ErrorKind::UnexpectedEof => AesmError::Answer("less than its length says"),
            _ => AesmError::Unreachable { path: self.path.to_owned(), error },
        }
    }

    fn left(&self) -> io::Result<Duration> {
        Some(self.end.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero()).ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn connect(&self) -> io::Result<UnixStream> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // The kernel limits connecting by the time limit for sending as well.
        socket.set_write_timeout(Some(self.left()?))?;
        let folder = SocketFolder::open(self.path.parent().ok_or(io::ErrorKind::NotFound)?)?;
        let name = self.path.file_name().ok_or(io::ErrorKind::NotFound)?;
        socket.connect(&SockAddr::unix(folder.address(name))?)?;
        Ok(UnixStream::from(std::os::fd::OwnedFd::from(socket)))
    }

    fn write(&self, stream: &mut UnixStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            stream.set_write_timeout(Some(self.left()?))?;
            match stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::BrokenPipe.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&self, stream: &mut UnixStream, mut space: &mut [u8]) -> io::Result<()> {
        while !space.is_empty() {
            stream.set_read_timeout(Some(self.left()?))?;
            match stream.read(space) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => space = &mut space[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
