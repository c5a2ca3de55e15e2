//! Waits for sockets and timers, and gives the host its turns.

use crate::host::Host;
use crate::link::Link;
use crate::loop_tokens::{ENCLAVE, LISTENER, Ready, link_token, ready};
use mio::net::{UnixListener, UnixStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

const MAX_LINKS: usize = 4;
const RETRANSMISSION_TICK: Duration = Duration::from_millis(250);
const MAINTENANCE: Duration = Duration::from_secs(5);

/// Runs the host until the agent stops it, or until the folder that describes it is gone.
///
/// # Errors
/// The kernel refuses to watch sockets.
pub fn run(host: &mut Host, mut poll: Poll, mut listener: UnixListener, first: Option<UnixStream>, description: &Path) -> io::Result<()> {
    host.registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    if let Some(stream) = first {
        add_link(host, stream)?;
    }
    if let Some(descriptor) = host.gate.wakes() {
        host.registry.register(&mut SourceFd(&descriptor), ENCLAVE, Interest::READABLE)?;
    }
    let mut events = Events::with_capacity(256);
    let mut retransmission = Instant::now();
    let mut maintenance = retransmission + MAINTENANCE;
    let mut more = false;
    while !host.stopping {
        let timeout = if more { Duration::ZERO } else { next_timer(host, retransmission, maintenance).saturating_duration_since(Instant::now()) };
        match poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        host.now = Instant::now();
        for event in &events {
            match ready(event.token()) {
                Ready::Listener => accept(host, &listener),
                Ready::Enclave => host.gate.woken(),
                Ready::Link(index) => host.serve_link(index),
                Ready::Peer(index) => peer_ready(host, index, event),
                Ready::Source(index) => source_ready(host, index, event),
            }
        }
        for index in std::mem::take(&mut host.ready_links) {
            host.serve_link(index);
        }
        host.tick_triggers();
        more = host.turn() || !host.ready_links.is_empty();
        host.connect_peers();
        if host.now >= retransmission {
            retransmission = host.now + RETRANSMISSION_TICK;
            retransmit(host);
        }
        if host.now >= maintenance {
            maintenance = host.now + MAINTENANCE;
            if !description.exists() {
                tracing::warn!("the folder of this instance is gone");
                return Ok(());
            }
            give_memory_back(host);
        }
    }
    host.flush();
    Ok(())
}

fn next_timer(host: &Host, retransmission: Instant, maintenance: Instant) -> Instant {
    let triggers = host.triggers.values().map(|trigger| trigger.due());
    let peers = host.peers.iter().filter_map(|(_, peer)| peer.due());
    let retransmission = (host.kept > 0).then_some(retransmission);
    triggers.chain(peers).chain(retransmission).chain([maintenance]).min().unwrap_or(maintenance)
}

fn accept(host: &mut Host, listener: &UnixListener) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = add_link(host, stream) {
                    tracing::warn!(%error, "cannot watch a link");
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a link");
                return;
            }
        }
    }
}

fn add_link(host: &mut Host, stream: UnixStream) -> io::Result<()> {
    if host.links.len() >= MAX_LINKS
        && let Some(oldest) = host.links.iter().min_by_key(|(_, link)| (link.heard, link.serial)).map(|(index, _)| index)
    {
        host.links.remove(oldest);
    }
    let serial = host.next_serial();
    let mut link = Link::new(stream, serial);
    let entry = host.links.vacant_entry();
    let index = entry.key();
    host.registry.register(link.stream(), link_token(index), Interest::READABLE | Interest::WRITABLE)?;
    entry.insert(link);
    Ok(())
}

fn peer_ready(host: &mut Host, index: usize, event: &mio::event::Event) {
    let now = host.now;
    let Some(peer) = host.peers.get_mut(index) else { return };
    if (event.is_writable() || event.is_error()) && peer.opened(now) {
        host.peer_opened(index);
    }
    let Some(socket) = host.peers.get_mut(index).and_then(|peer| peer.socket()) else { return };
    if event.is_writable() {
        socket.blocked = false;
    }
    if event.is_readable() || event.is_read_closed() {
        socket.readable = true;
        if !host.ready_peers.contains(&index) {
            host.ready_peers.push_back(index);
        }
    }
    if event.is_writable()
        && let Some(peer) = host.peers.get_mut(index)
        && !peer.dirty
    {
        peer.dirty = true;
        host.dirty_peers.push(index);
    }
}

fn source_ready(host: &mut Host, index: usize, event: &mio::event::Event) {
    let Some(source) = host.sources.get_mut(index) else { return };
    if event.is_writable() {
        source.socket.blocked = false;
        if source.socket.backlog() > 0 && !source.dirty {
            source.dirty = true;
            host.dirty_sources.push(index);
        }
    }
    if event.is_readable() || event.is_read_closed() {
        source.socket.readable = true;
        if !source.ready {
            source.ready = true;
            host.ready_sources.push_back(index);
        }
    }
}

fn retransmit(host: &mut Host) {
    if host.failed.is_some() {
        return;
    }
    let now = host.now;
    let due: Vec<u32> = host
        .connections
        .iter_mut()
        .filter(|(_, connection)| connection.may_send())
        .filter(|(_, connection)| {
            connection.peer.and_then(|index| host.peers.get_mut(index)).and_then(|peer| peer.socket()).is_some_and(|socket| socket.backlog() == 0)
        })
        .filter_map(|(number, connection)| connection.queue.retransmit_if_due(now).then_some(*number))
        .collect();
    for number in due {
        host.mark_pending(number);
    }
    host.flush();
}

fn give_memory_back(host: &mut Host) {
    for connection in host.connections.values_mut() {
        connection.queue.shrink();
    }
    for (_, source) in &mut host.sources {
        source.socket.shrink();
    }
    for (_, peer) in &mut host.peers {
        if let Some(socket) = peer.socket() {
            socket.shrink();
        }
    }
}
