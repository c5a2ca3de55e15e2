//! The event port: reads the hello of each socket and passes the socket to the module host it names.
//!
//! Idle sockets cost little and cannot keep others out: hellos have five seconds, and of many the oldest is given up.

use crate::supervisor::Supervisor;
use authentic_serve::places::{Admission, Places};
use authentic_wire::hello::{Hello, LENGTH};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

const HELLO: Duration = Duration::from_secs(5);
/// Sockets whose hello is awaited.
pub const MAX_PENDING: usize = 1024;
const BACKLOG: i32 = 4096;

/// What became of event sockets.
#[derive(Default)]
pub struct EventCounts {
    /// Accepted sockets.
    pub accepted: AtomicU64,
    /// Passed to a module host.
    pub passed: AtomicU64,
    /// Hellos that are none.
    pub malformed: AtomicU64,
    /// Hellos for instances that are not here.
    pub unknown: AtomicU64,
    /// Sockets without a hello in time.
    pub silent: AtomicU64,
    /// Sockets given up for newer ones.
    pub evicted: AtomicU64,
    /// Sockets the module host did not take.
    pub refused: AtomicU64,
}

/// The event port.
pub struct EventPort {
    supervisor: Arc<Supervisor>,
    pending: Arc<Places>,
    /// What became of sockets.
    pub counts: EventCounts,
}

/// Binds `addresses`. Port 0 becomes the port that the first address got.
///
/// # Errors
/// An address that cannot be bound, with the reason.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let with_ipv4 = addresses.iter().any(SocketAddr::is_ipv4);
    for address in addresses {
        let mut address = *address;
        if address.port() == 0
            && let Some(first) = listeners.first().and_then(|first| first.local_addr().ok())
        {
            address.set_port(first.port());
        }
        let listener = (|| {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
            if address.is_ipv6() {
                socket.set_only_v6(with_ipv4)?;
            }
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            TcpListener::from_std(socket.into())
        })();
        listeners.push(listener.map_err(|error| (address, error))?);
    }
    Ok(listeners)
}

impl EventPort {
    /// An event port for the instances of `supervisor`.
    pub fn new(supervisor: Arc<Supervisor>) -> Arc<Self> {
        Arc::new(Self { supervisor, pending: Places::new(MAX_PENDING), counts: EventCounts::default() })
    }

    /// Sockets whose hello is awaited.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Accepts sockets for ever.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.accept(stream),
                Err(error) => {
                    // Without descriptors nothing can be accepted until one is free.
                    tracing::warn!(%error, "cannot accept an event socket");
                    self.count_evicted(self.pending.give_up());
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn accept(self: &Arc<Self>, stream: TcpStream) {
        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
        let port = self.clone();
        let admission = self.pending.admit(move |_| async move {
            match tokio::time::timeout(HELLO, read_hello(stream)).await {
                Ok(Some((stream, hello))) => port.pass(stream, &hello),
                Ok(None) => drop(port.counts.malformed.fetch_add(1, Ordering::Relaxed)),
                Err(_) => drop(port.counts.silent.fetch_add(1, Ordering::Relaxed)),
            }
        });
        self.count_evicted(admission == Admission::GivenUp);
    }

    fn count_evicted(&self, evicted: bool) {
        self.counts.evicted.fetch_add(evicted.into(), Ordering::Relaxed);
    }

    fn pass(&self, stream: TcpStream, hello: &Hello) {
        let Ok(instance) = self.supervisor.get(hello.target) else {
            self.counts.unknown.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let link = instance.link().ok().filter(|_| instance.file.deployment == hello.deployment);
        let Some(link) = link else {
            self.counts.unknown.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let passed = stream.into_std().is_ok_and(|stream| link.pass(OwnedFd::from(stream), hello.source));
        let count = if passed { &self.counts.passed } else { &self.counts.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn read_hello(mut stream: TcpStream) -> Option<(TcpStream, Hello)> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).await.ok()?;
    let hello = Hello::decode(&bytes).ok()?;
    Some((stream, hello))
}
