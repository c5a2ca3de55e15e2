//! Outgoing event sockets: one for each peer instance, connected again when it is lost.

use crate::socket::Socket;
use authentic_wire::control::Route;
use authentic_wire::hello::Hello;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LAST_BACKOFF: Duration = Duration::from_secs(5);
/// A socket that lasted this long counts as a success.
const STABLE: Duration = Duration::from_secs(2);

/// Whether there is a socket.
pub enum State {
    /// Connected again at that time.
    Waiting(Instant),
    /// The kernel is connecting.
    Connecting(Socket),
    /// Open.
    Open(Socket),
}

/// A peer instance.
pub struct Peer {
    /// Its address and id.
    pub route: Route,
    /// Its socket.
    pub state: State,
    /// Connections whose frames go there.
    pub connections: Vec<u32>,
    /// Those of them with unsent frames.
    pub pending: VecDeque<u32>,
    /// Whether it is in the host's list of peers to write to.
    pub dirty: bool,
    since: Instant,
    backoff: Duration,
}

impl Peer {
    /// A peer that is connected at the next occasion.
    pub fn new(route: Route, now: Instant) -> Self {
        Self { route, state: State::Waiting(now), connections: Vec::new(), pending: VecDeque::new(), dirty: false, since: now, backoff: FIRST_BACKOFF }
    }

    /// When to connect again, if it is waiting.
    pub fn due(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(at) => Some(at),
            _ => None,
        }
    }

    /// Begins to connect.
    pub fn connect(&mut self, registry: &Registry, token: Token, hello: &Hello, now: Instant) {
        self.since = now;
        let connecting = TcpStream::connect(self.route.address).and_then(|mut stream| {
            registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
            Ok(stream)
        });
        match connecting {
            Ok(stream) => {
                let mut socket = Socket::new(stream);
                socket.outgoing().extend_from_slice(&hello.encode());
                self.state = State::Connecting(socket);
            }
            Err(error) => {
                tracing::info!(peer = %self.route.address, %error, "cannot connect");
                self.lost(now);
            }
        }
    }

    /// The socket is gone; connects again later.
    pub fn lost(&mut self, now: Instant) {
        if let State::Open(_) = self.state
            && now.duration_since(self.since) >= STABLE
        {
            self.backoff = FIRST_BACKOFF;
        }
        self.state = State::Waiting(now + self.backoff);
        self.backoff = (self.backoff * 2).min(LAST_BACKOFF);
    }

    /// The kernel says the connecting socket is writable: it is open or has failed. Returns whether it just opened.
    pub fn opened(&mut self, now: Instant) -> bool {
        let State::Connecting(socket) = &mut self.state else { return false };
        let error = match socket.stream().take_error() {
            Ok(None) if socket.stream().peer_addr().is_ok() => None,
            Ok(None) => return false,
            Ok(Some(error)) | Err(error) => Some(error),
        };
        if let Some(error) = error {
            tracing::info!(peer = %self.route.address, %error, "cannot connect");
            self.lost(now);
            return false;
        }
        if let State::Connecting(socket) = std::mem::replace(&mut self.state, State::Waiting(now)) {
            self.state = State::Open(socket);
        }
        self.since = now;
        tracing::info!(peer = %self.route.address, instance = %self.route.instance, "connected");
        true
    }

    /// The open socket.
    pub fn socket(&mut self) -> Option<&mut Socket> {
        match &mut self.state {
            State::Open(socket) => Some(socket),
            _ => None,
        }
    }

    /// Whether the socket is open.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }
}
