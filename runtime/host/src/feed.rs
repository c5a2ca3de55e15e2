//! What goes into the enclave, in order of precedence: frames it asked back, messages, answers of peers, then events.

use crate::connection::Handle;
use crate::host::{Caller, Host, KEPT_SOFT};
use authentic_wire::ring::Corrupted;

/// Bytes taken from one event socket before the next has its turn.
const SHARE: usize = 128 * 1024;

/// How far a socket was emptied.
enum Fed {
    /// Nothing left for now.
    Drained,
    /// Its share is used.
    Share,
    /// The ring is full.
    Full,
    /// It is closed, or sent what is not a frame.
    Closed,
}

impl Host {
    /// Fills the rings. Returns whether anything went in.
    ///
    /// # Errors
    /// The enclave broke a ring.
    pub fn feed(&mut self) -> Result<bool, Corrupted> {
        if self.gate.is_dead() {
            return Ok(false);
        }
        if !self.reseals.is_empty() {
            return self.feed_reseals();
        }
        // A message can make the enclave ask frames back, so nothing may follow it into the rings before its reply.
        if let Some(message) = self.messages.front() {
            if !self.gate.message(message.kind, &message.body)? {
                return Ok(self.gate.wants_entry());
            }
            if let Some(mut message) = self.messages.pop_front() {
                message.body = Vec::new();
                self.asked.push_back(message);
            }
            return Ok(true);
        }
        let answers = self.feed_peers()?;
        let calls = self.feed_calls()?;
        let events = self.feed_sources()?;
        Ok(answers || calls || events)
    }

    fn feed_reseals(&mut self) -> Result<bool, Corrupted> {
        let mut fed = false;
        while let Some(&number) = self.reseals.front() {
            if let Some(reseal) = self.connections.get_mut(&number).and_then(|connection| connection.reseal.as_mut()) {
                while let Some(frame) = reseal.frames.front() {
                    if !self.gate.reseal(frame)? {
                        return Ok(true);
                    }
                    reseal.frames.pop_front();
                    fed = true;
                }
            }
            // Ended once the enclave has taken them all, so that newer frames stay behind them.
            if fed || self.gate.wants_entry() && !self.gate.control_is_drained() {
                return Ok(true);
            }
            self.end_reseal(number);
            self.reseals.pop_front();
        }
        Ok(fed)
    }

    /// Acknowledgements and replies of peers.
    fn feed_peers(&mut self) -> Result<bool, Corrupted> {
        let mut fed = false;
        for _ in 0..self.ready_peers.len() {
            let Some(index) = self.ready_peers.pop_front() else { break };
            match self.feed_peer(index, &mut fed)? {
                Fed::Drained => {}
                Fed::Share => self.ready_peers.push_back(index),
                Fed::Full => {
                    self.ready_peers.push_front(index);
                    break;
                }
                Fed::Closed => self.peer_lost(index),
            }
        }
        Ok(fed)
    }

    fn feed_peer(&mut self, index: usize, fed: &mut bool) -> Result<Fed, Corrupted> {
        let Some(socket) = self.peers.get_mut(index).and_then(|peer| peer.socket()) else { return Ok(Fed::Drained) };
        let mut share = SHARE;
        loop {
            while let Some((header, frame)) = match socket.buffer.peek() {
                Ok(frame) => frame,
                Err(error) => {
                    tracing::warn!(%error, "a peer sent what is not a frame");
                    return Ok(Fed::Closed);
                }
            } {
                if header.kind.is_forward() {
                    tracing::warn!("a peer sent events against the direction of its socket");
                    return Ok(Fed::Closed);
                }
                if !self.gate.backward(frame)? {
                    return Ok(Fed::Full);
                }
                *fed = true;
                let length = frame.len();
                socket.buffer.consume(length);
                share = share.saturating_sub(length);
                if share == 0 {
                    return Ok(Fed::Share);
                }
            }
            if !socket.readable {
                return Ok(Fed::Drained);
            }
            if socket.read(false).is_err() {
                return Ok(Fed::Closed);
            }
        }
    }

    fn feed_calls(&mut self) -> Result<bool, Corrupted> {
        let mut fed = false;
        while let Some((endpoint, _)) = self.calls.front() {
            if !self.gate.trigger(*endpoint)? {
                break;
            }
            self.called.extend(self.calls.pop_front());
            fed = true;
        }
        Ok(fed)
    }

    /// Events and requests of peers.
    fn feed_sources(&mut self) -> Result<bool, Corrupted> {
        let mut fed = false;
        if self.failed.is_some() || self.kept > KEPT_SOFT {
            return Ok(false);
        }
        for _ in 0..self.ready_sources.len() {
            let Some(index) = self.ready_sources.pop_front() else { break };
            match self.feed_source(index, &mut fed)? {
                Fed::Drained => {
                    if let Some(source) = self.sources.get_mut(index) {
                        source.ready = false;
                    }
                }
                Fed::Share => self.ready_sources.push_back(index),
                Fed::Full => {
                    self.ready_sources.push_front(index);
                    break;
                }
                Fed::Closed => self.source_lost(index),
            }
        }
        Ok(fed)
    }

    fn feed_source(&mut self, index: usize, fed: &mut bool) -> Result<Fed, Corrupted> {
        let Some(mut source) = self.sources.get_mut(index) else { return Ok(Fed::Drained) };
        let handle = Handle { index, serial: source.serial };
        let mut share = SHARE;
        loop {
            while let Some((header, frame)) = match source.socket.buffer.peek() {
                Ok(frame) => frame,
                Err(error) => {
                    tracing::warn!(%error, "an event socket sent what is not a frame");
                    self.count_stray("malformedFrames");
                    return Ok(Fed::Closed);
                }
            } {
                if !header.kind.is_forward() {
                    tracing::warn!("an event socket sent answers against its direction");
                    self.count_stray("wrongDirection");
                    return Ok(Fed::Closed);
                }
                if !self.gate.forward(frame)? {
                    return Ok(Fed::Full);
                }
                *fed = true;
                let length = frame.len();
                source.socket.buffer.consume(length);
                source.last_frame = Some(self.now);
                self.trace.arrived(header.connection, header.counter, length, self.now);
                if let Some(connection) = self.connection(header.connection) {
                    connection.came_from(handle);
                }
                let Some(same) = self.sources.get_mut(index) else { return Ok(Fed::Drained) };
                source = same;
                share = share.saturating_sub(length);
                if share == 0 {
                    return Ok(Fed::Share);
                }
            }
            if !source.socket.readable {
                return Ok(Fed::Drained);
            }
            if source.socket.read(false).is_err() {
                return Ok(Fed::Closed);
            }
        }
    }

    /// Queues a call of an entry. Returns false where it could not be processed now.
    pub fn call_entry(&mut self, endpoint: u16, caller: Caller) -> bool {
        const MAX_CALLS: usize = 256;
        if !self.may_call() || self.calls.len() + self.called.len() >= MAX_CALLS {
            return false;
        }
        self.calls.push_back((endpoint, caller));
        true
    }

    /// Whether events are processed at all now.
    pub fn may_call(&self) -> bool {
        self.failed.is_none() && self.kept <= KEPT_SOFT && !self.gate.holds_events()
    }
}
