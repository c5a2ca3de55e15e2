//! What the host knows about a connection: its frames, where they go, where answers go, and its counts.

use crate::queue::FrameQueue;
use authentic_wire::control::{ConnectionStatus, Route};
use authentic_wire::counter::Counter;
use authentic_wire::record::{self, ConnectionState, REFUSAL_REASONS};
use std::collections::VecDeque;
use std::time::Instant;

/// Sockets that answers of one connection go to.
const RETURNS: usize = 4;

/// An entry of a slab that may have been reused: its index and the serial number of who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Index in the slab.
    pub index: usize,
    /// Serial number, never reused.
    pub serial: u64,
}

/// Frames that are being given back to the enclave, and those that must stay behind them.
#[derive(Default)]
pub struct Reseal {
    /// Highest counter given back.
    pub to: u64,
    /// Still to be given back.
    pub frames: VecDeque<Vec<u8>>,
    /// To be appended afterwards, with their counters and whether they are kept.
    pub after: VecDeque<(u64, Vec<u8>, bool)>,
}

/// A connection.
pub struct Connection {
    /// What the enclave last said about it.
    pub report: Option<record::Connection>,
    /// Outgoing frames.
    pub queue: FrameQueue,
    /// Peer its frames go to.
    pub peer: Option<usize>,
    /// The peer's address.
    pub route: Option<Route>,
    /// Whether it is in its peer's list of connections with unsent frames.
    pub pending: bool,
    /// A re-seal under way.
    pub reseal: Option<Reseal>,
    /// Sockets that sent frames for it, most recent first.
    returns: [Option<Handle>; RETURNS],
    /// Frames the enclave emitted.
    pub sent: u64,
    /// Frames that came for it.
    pub received: u64,
    /// Events and requests processed.
    pub delivered: u64,
    /// Highest counter acknowledged or processed.
    pub acknowledged: u64,
    /// Events skipped.
    pub gaps: u64,
    /// Next counter.
    pub next: u64,
    refused: [u64; REFUSAL_REASONS.len() + 1],
}

impl Connection {
    /// A connection nothing is known of yet.
    pub fn new(now: Instant) -> Self {
        Self {
            report: None,
            queue: FrameQueue::new(now),
            peer: None,
            route: None,
            pending: false,
            reseal: None,
            returns: [None; RETURNS],
            sent: 0,
            received: 0,
            delivered: 0,
            acknowledged: 0,
            gaps: 0,
            next: 0,
            refused: Default::default(),
        }
    }

    /// Whether the enclave or the agent know it; else it is only a number in someone's frame.
    pub fn is_known(&self) -> bool {
        self.report.is_some() || self.route.is_some()
    }

    /// Whether its frames may be sent: those of the instance before wait until the module has taken over.
    pub fn may_send(&self) -> bool {
        self.report.is_some_and(|report| report.state != ConnectionState::Retired)
    }

    /// Notes that a frame came from `source`, to which answers go.
    ///
    /// Anyone can name any connection in a frame, so answers go to the few sockets that did so last: a genuine sender
    /// is among them at the latest when it sends its frame again.
    pub fn came_from(&mut self, source: Handle) {
        self.received += 1;
        if self.returns[0] == Some(source) {
            return;
        }
        let end = self.returns.iter().position(|entry| *entry == Some(source)).unwrap_or(RETURNS - 1);
        self.returns[..=end].rotate_right(1);
        self.returns[0] = Some(source);
    }

    /// Sockets that answers go to.
    pub fn returns(&self) -> impl Iterator<Item = Handle> + use<> {
        self.returns.into_iter().flatten()
    }

    /// The enclave processed frames up to `counter`.
    pub fn processed(&mut self, counter: u64, gaps: u64) {
        let advanced = counter.saturating_sub(self.acknowledged.max(self.next.saturating_sub(1)));
        self.delivered += advanced.saturating_sub(gaps.saturating_sub(self.gaps));
        self.acknowledged = self.acknowledged.max(counter);
        self.next = self.next.max(counter.saturating_add(1));
        self.gaps = self.gaps.max(gaps);
    }

    /// The enclave refused a frame.
    pub fn refuse(&mut self, reason: u16) {
        let index = usize::from(reason).wrapping_sub(1).min(REFUSAL_REASONS.len());
        self.refused[index] += 1;
    }

    /// Its state, where the enclave has reported it.
    pub fn status(&self, number: u32, connected: bool) -> Option<ConnectionStatus> {
        let report = self.report?;
        let names = REFUSAL_REASONS.iter().copied().chain(["other"]);
        let reseal = self.reseal.as_ref().map_or(0, |reseal| reseal.frames.len() + reseal.after.len());
        Some(ConnectionStatus {
            connection: number,
            endpoint: report.endpoint,
            direction: ["sender", "receiver", "client", "handler", "deployer"][usize::from(report.direction - 1)].into(),
            delivery: if report.delivery == 1 { "strict" } else { "latest" }.into(),
            state: if report.state == ConnectionState::Retired { "retired" } else { "active" }.into(),
            epoch: Counter(report.epoch),
            next: Counter(self.next),
            sent: Counter(self.sent),
            received: Counter(self.received),
            delivered: Counter(self.delivered),
            refused: names.zip(self.refused).filter(|(_, count)| *count > 0).map(|(name, count)| (name.into(), count)).collect(),
            acknowledged: Counter(self.acknowledged),
            queued: (self.queue.len() + reseal) as u32,
            gaps: Counter(self.gaps),
            resent: Counter(self.queue.resent),
            dropped: Counter(self.queue.dropped),
            route: self.route,
            connected,
        })
    }
}
