//! The module host: moves frames between event sockets and the enclave, in one thread.

use crate::connection::{Connection, Handle};
use crate::enclave;
use crate::gate::Gate;
use crate::link::Link;
use crate::peer::Peer;
use crate::socket::Socket;
use crate::trace::Recorder;
use crate::trigger::Trigger;
use authentic_wire::control::{Answer, Pin};
use authentic_wire::instance::InstanceFile;
use authentic_wire::message::MessageType;
use authentic_wire::ring::Corrupted;
use mio::Registry;
use slab::Slab;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

/// Bytes of unacknowledged frames above which no further events are let in.
pub const KEPT_SOFT: usize = 64 << 20;
/// Bytes of unacknowledged frames above which the enclave is taken for broken.
pub const KEPT_HARD: usize = 256 << 20;
/// Event sockets from peers.
pub const MAX_SOURCES: usize = 1024;
/// Connections nobody has told the host of, which frames name.
const MAX_UNKNOWN: usize = 1024;
/// Connections in all: what a status can list.
const MAX_CONNECTIONS: usize = 65_535 + MAX_UNKNOWN;
/// Entries in one turn before sockets are polled again.
const MAX_ROUNDS: usize = 16;

/// An event socket from a peer.
pub struct Source {
    /// The socket.
    pub socket: Socket,
    /// Serial number, to recognize it after its index was reused.
    pub serial: u64,
    /// Whether it is in the list of sockets to read.
    pub ready: bool,
    /// Whether it is in the list of sockets to write.
    pub dirty: bool,
    /// When the last whole frame came; sockets without one are given up first.
    pub last_frame: Option<Instant>,
}

/// Who waits for an entry that was called.
pub enum Caller {
    /// A trigger.
    Trigger(String),
    /// A call of the agent.
    Agent(Handle, u64),
}

/// A message of the agent for the module.
pub struct Message {
    /// The link.
    pub link: Handle,
    /// The call.
    pub id: u64,
    /// Its type.
    pub kind: MessageType,
    /// Its bytes, until they are in the ring.
    pub body: Vec<u8>,
}

/// The refusal of an instance that has failed (`docs/protocol.md` section 4).
const FAILED: u16 = 10;

/// The answer to calls of entries of an instance that has failed.
pub fn failed_instance() -> Answer {
    Answer::Error {
        code: "AE-HOST-FAILED".into(),
        message: "the instance has failed".into(),
        next: "look at the instance's reason and logs; delete the instance and start it again".into(),
    }
}

/// Everything a module host holds.
pub struct Host {
    /// What it was told.
    pub file: InstanceFile,
    /// The enclave.
    pub gate: Gate,
    /// Where sockets are registered.
    pub registry: Registry,
    /// Time of this turn.
    pub now: Instant,
    /// Connections by number.
    pub connections: HashMap<u32, Connection>,
    /// Those of them that are only numbers in frames.
    pub unknown: usize,
    /// Bytes in all queues.
    pub kept: usize,
    /// Peers.
    pub peers: Slab<Peer>,
    /// Peers to write to.
    pub dirty_peers: Vec<usize>,
    /// Peers to read from.
    pub ready_peers: VecDeque<usize>,
    /// Sockets from peers.
    pub sources: Slab<Source>,
    /// Those to read from.
    pub ready_sources: VecDeque<usize>,
    /// Those to write to.
    pub dirty_sources: Vec<usize>,
    /// Agents.
    pub links: Slab<Link>,
    /// Those to read on from.
    pub ready_links: Vec<usize>,
    /// Messages not yet in the ring.
    pub messages: VecDeque<Message>,
    /// Messages without a reply yet.
    pub asked: VecDeque<Message>,
    /// Connections whose frames are being given back.
    pub reseals: VecDeque<u32>,
    /// Triggers by name.
    pub triggers: BTreeMap<String, Trigger>,
    /// Entries called and not yet answered, in order, with their endpoints.
    pub called: VecDeque<(u16, Caller)>,
    /// Entries still to be put into the ring.
    pub calls: VecDeque<(u16, Caller)>,
    /// What the module wrote to its devices.
    pub pins: BTreeMap<u16, Pin>,
    /// What is recorded of events while somebody watches.
    pub trace: Recorder,
    /// Frames and records outside any known connection.
    pub stray: BTreeMap<String, u64>,
    /// Why the instance failed.
    pub failed: Option<String>,
    /// The agent wants the process to end.
    pub stopping: bool,
    /// Serial number of the next socket or link.
    pub serial: u64,
    /// Reused for records of the out ring.
    pub scratch: Vec<u8>,
}

impl Host {
    /// A host without sockets around an enclave that was not yet entered.
    pub fn new(file: InstanceFile, gate: Gate, registry: Registry) -> Self {
        Self {
            file,
            gate,
            registry,
            now: Instant::now(),
            connections: HashMap::new(),
            unknown: 0,
            kept: 0,
            peers: Slab::new(),
            dirty_peers: Vec::new(),
            ready_peers: VecDeque::new(),
            sources: Slab::new(),
            ready_sources: VecDeque::new(),
            dirty_sources: Vec::new(),
            links: Slab::new(),
            ready_links: Vec::new(),
            messages: VecDeque::new(),
            asked: VecDeque::new(),
            reseals: VecDeque::new(),
            triggers: BTreeMap::new(),
            called: VecDeque::new(),
            calls: VecDeque::new(),
            pins: BTreeMap::new(),
            trace: Recorder::default(),
            stray: BTreeMap::new(),
            failed: None,
            stopping: false,
            serial: 0,
            scratch: Vec::new(),
        }
    }

    /// First entry into the enclave.
    pub fn initialize(&mut self) {
        self.enter(enclave::Entry::Initialize);
    }

    /// A serial number.
    pub fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Counts something that belongs to no connection.
    pub fn count_stray(&mut self, what: &'static str) {
        match self.stray.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.stray.insert(what.into(), 1)),
        }
    }

    /// The connection with this number. Numbers nobody told the host of are forgotten when there are many.
    pub fn connection(&mut self, number: u32) -> Option<&mut Connection> {
        if self.unknown >= MAX_UNKNOWN && !self.connections.contains_key(&number) {
            self.connections.retain(|_, connection| connection.is_known() || !connection.queue.is_empty());
            self.unknown = self.connections.values().filter(|connection| !connection.is_known()).count();
        }
        let full = self.unknown >= MAX_UNKNOWN || self.connections.len() >= MAX_CONNECTIONS;
        match self.connections.entry(number) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(_) if full => None,
            Entry::Vacant(place) => {
                self.unknown += 1;
                Some(place.insert(Connection::new(self.now)))
            }
        }
    }

    /// Marks a connection's peer for writing, if the connection has frames and a peer.
    pub fn mark_pending(&mut self, number: u32) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let Some(index) = connection.peer else { return };
        if !connection.queue.has_unsent() || !connection.may_send() {
            return;
        }
        let Some(peer) = self.peers.get_mut(index) else { return };
        if !connection.pending {
            connection.pending = true;
            peer.pending.push_back(number);
        }
        if !peer.dirty {
            peer.dirty = true;
            self.dirty_peers.push(index);
        }
    }

    /// Feeds the enclave and enters it until there is nothing left to do, then writes what came out.
    ///
    /// Returns whether it stopped early to let sockets be polled.
    pub fn turn(&mut self) -> bool {
        let mut more = true;
        for _ in 0..MAX_ROUNDS {
            match self.feed() {
                Ok(fed) if fed || self.gate.wants_entry() => {}
                Ok(_) => {
                    more = false;
                    break;
                }
                Err(Corrupted) => self.corrupted(),
            }
            self.enter(enclave::Entry::Run);
        }
        self.flush();
        more
    }

    fn enter(&mut self, entry: enclave::Entry) {
        let crash = self.gate.enter(entry);
        if let Some(crash) = &crash {
            self.fail(crash.to_string());
        }
        if let Err(Corrupted) = self.drain() {
            self.corrupted();
        }
        if crash.is_some() {
            // What the module was doing when it crashed may have been one of these.
            for message in std::mem::take(&mut self.asked) {
                self.answer(message.link, message.id, Answer::Refused { code: FAILED });
            }
        }
        if self.kept > KEPT_HARD {
            self.fail(format!("the module keeps more than {} MiB of unacknowledged frames", KEPT_HARD >> 20));
            self.gate.destroy();
        }
        if self.gate.is_dead() {
            self.refuse_messages();
        }
    }

    fn corrupted(&mut self) {
        self.fail("the module broke the ring between host and enclave".into());
        self.gate.destroy();
        self.refuse_messages();
    }

    /// The instance has failed; the first reason is kept.
    pub fn fail(&mut self, reason: String) {
        if self.failed.is_none() {
            tracing::error!(%reason, "the instance has failed");
            self.failed = Some(reason);
            for (_, caller) in std::mem::take(&mut self.called).into_iter().chain(std::mem::take(&mut self.calls)) {
                if let Caller::Agent(link, id) = caller {
                    self.answer(link, id, failed_instance());
                }
            }
        }
    }

    fn refuse_messages(&mut self) {
        for message in std::mem::take(&mut self.asked).into_iter().chain(std::mem::take(&mut self.messages)) {
            self.answer(message.link, message.id, Answer::Refused { code: FAILED });
        }
    }

    /// Answers a call, if its link still exists.
    pub fn answer(&mut self, link: Handle, id: u64, answer: Answer) {
        if let Some(target) = self.links.get_mut(link.index)
            && target.serial == link.serial
        {
            target.answer(id, answer);
        }
    }
}
