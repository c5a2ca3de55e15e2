//! Sockets of the host: sources, peers and routes.

use crate::host::{Host, MAX_SOURCES, Source};
use crate::loop_tokens::{peer_token, source_token};
use crate::peer::Peer;
use crate::socket::Socket;
use authentic_wire::control::Route;
use mio::Interest;
use std::os::fd::OwnedFd;

/// Bytes gathered from a peer's connections for one write.
const BATCH: usize = 64 * 1024;

impl Host {
    /// Takes over an event socket from a peer.
    pub fn add_source(&mut self, socket: OwnedFd) {
        if self.sources.len() >= MAX_SOURCES {
            let idle = self.sources.iter().min_by_key(|(_, source)| (source.last_frame, source.serial)).map(|(index, _)| index);
            if let Some(index) = idle {
                self.source_lost(index);
                self.count_stray("socketsGivenUp");
            }
        }
        let stream = std::net::TcpStream::from(socket);
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let serial = self.next_serial();
        let entry = self.sources.vacant_entry();
        let index = entry.key();
        let mut socket = Socket::new(mio::net::TcpStream::from_std(stream));
        if let Err(error) = self.registry.register(socket.stream(), source_token(index), Interest::READABLE | Interest::WRITABLE) {
            tracing::warn!(%error, "cannot watch an event socket");
            return;
        }
        entry.insert(Source { socket, serial, ready: true, dirty: false, last_frame: None });
        self.ready_sources.push_back(index);
    }

    /// Closes an event socket from a peer.
    pub fn source_lost(&mut self, index: usize) {
        if self.sources.contains(index) {
            self.sources.remove(index);
            self.ready_sources.retain(|ready| *ready != index);
            self.dirty_sources.retain(|dirty| *dirty != index);
        }
    }

    /// Sends frames of a connection to this peer from now on, unacknowledged ones included.
    ///
    /// Returns false where there are too many connections.
    pub fn set_route(&mut self, number: u32, route: Route) -> bool {
        let was_known = self.connections.get(&number).is_some_and(|connection| connection.is_known());
        let now = self.now;
        if self.connection(number).is_none() {
            return false;
        }
        self.unknown -= usize::from(!was_known);
        if self.connections.get(&number).is_some_and(|connection| connection.route == Some(route)) {
            return true;
        }
        self.leave_peer(number);
        let index = match self.peers.iter().find(|(_, peer)| peer.route == route) {
            Some((index, _)) => index,
            None => self.peers.insert(Peer::new(route, now)),
        };
        self.peers[index].connections.push(number);
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.route = Some(route);
            connection.peer = Some(index);
            connection.queue.rewind(now);
        }
        self.mark_pending(number);
        true
    }

    /// Keeps the frames of a connection here until it has a route again.
    pub fn remove_route(&mut self, number: u32) {
        self.leave_peer(number);
        if let Some(connection) = self.connections.get_mut(&number)
            && connection.route.take().is_some()
            && !connection.is_known()
        {
            self.forget(number);
        }
    }

    /// Forgets a connection and its frames.
    pub fn forget(&mut self, number: u32) {
        self.leave_peer(number);
        if let Some(connection) = self.connections.remove(&number) {
            self.kept -= connection.queue.bytes();
            self.reseals.retain(|reseal| *reseal != number);
            self.unknown = self.connections.values().filter(|connection| !connection.is_known()).count();
        }
    }

    fn leave_peer(&mut self, number: u32) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        connection.pending = false;
        let Some(index) = connection.peer.take() else { return };
        let Some(peer) = self.peers.get_mut(index) else { return };
        peer.connections.retain(|other| *other != number);
        peer.pending.retain(|other| *other != number);
        if peer.connections.is_empty() {
            self.peers.remove(index);
            self.ready_peers.retain(|ready| *ready != index);
            self.dirty_peers.retain(|dirty| *dirty != index);
        }
    }

    /// The socket to a peer is gone.
    pub fn peer_lost(&mut self, index: usize) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(index) {
            tracing::info!(peer = %peer.route.address, instance = %peer.route.instance, "connection lost");
            peer.lost(now);
        }
    }

    /// The socket to a peer is open: everything unacknowledged is sent, oldest first.
    pub fn peer_opened(&mut self, index: usize) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !peer.dirty {
            peer.dirty = true;
            self.dirty_peers.push(index);
        }
        for number in peer.connections.clone() {
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.queue.rewind(now);
            }
            self.mark_pending(number);
        }
    }

    /// Writes what waits: events first, since answers are in less of a hurry.
    pub fn flush(&mut self) {
        for index in std::mem::take(&mut self.dirty_peers) {
            self.flush_peer(index);
        }
        for index in std::mem::take(&mut self.dirty_sources) {
            let Some(source) = self.sources.get_mut(index) else { continue };
            source.dirty = false;
            if source.socket.flush().is_err() {
                self.source_lost(index);
            }
        }
        let links: Vec<usize> = self.links.iter().map(|(index, _)| index).collect();
        for index in links {
            if let Err(error) = self.links[index].flush() {
                tracing::info!(%error, "the agent's link ended");
                self.links.remove(index);
            }
        }
    }

    fn flush_peer(&mut self, index: usize) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        peer.dirty = false;
        let Peer { pending, state, .. } = peer;
        let crate::peer::State::Open(socket) = state else { return };
        loop {
            while socket.backlog() < BATCH
                && let Some(number) = pending.pop_front()
            {
                let Some(connection) = self.connections.get_mut(&number) else { continue };
                connection.pending = false;
                if !connection.may_send() {
                    continue;
                }
                let held = connection.queue.bytes();
                // What the socket still holds in front of its backlog was written already, and does not count.
                let room = BATCH - socket.backlog();
                connection.queue.send(socket.outgoing(), room);
                self.kept -= held - connection.queue.bytes();
                if connection.queue.has_unsent() {
                    connection.pending = true;
                    pending.push_back(number);
                }
            }
            if socket.backlog() == 0 {
                return;
            }
            if socket.flush().is_err() {
                return self.peer_lost(index);
            }
            if socket.backlog() > 0 {
                return;
            }
        }
    }

    /// Connects to peers that are due.
    pub fn connect_peers(&mut self) {
        for (index, peer) in &mut self.peers {
            if peer.due().is_some_and(|due| due <= self.now) {
                let hello = authentic_wire::hello::Hello { deployment: self.file.deployment, target: peer.route.instance, source: self.file.instance };
                peer.connect(&self.registry, peer_token(index), &hello, self.now);
            }
        }
    }
}
