//! The bridge between module hosts and a board: each connection owns one slot, which is cleared when it ends. Requests of
//! all hosts pass one after the other; the board has one processor.

use crate::link::{Link, LinkError};
use authentic_wire::trustzone::{BODY, Facts, Header, Operation, REPLY, STAGING, read_message, write_message};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
/// Of a board that is switched on by somebody else: it boots in less than a second, or is not there.
const BOOT: Duration = Duration::from_secs(8);
const MAX_MESSAGE: usize = 1 << 20;
/// Slots of a board; their numbers are bytes, and one of them means the staging memory.
const MAX_SLOTS: u32 = 254;
/// Connections at once, and how long one may take to load a module.
const MAX_CLIENTS: usize = 64;
const FIRST: Duration = Duration::from_secs(10);
/// Statuses of the bridge itself, beside those of the firmware.
pub const STATUS_NO_SLOT: u32 = 0x100;
/// The host's request is not one.
pub const STATUS_MALFORMED: u32 = 0x101;

/// What connections share.
pub struct Bridge {
    link: Mutex<Link>,
    slots: Mutex<Vec<bool>>,
    /// As many references as connections, and one.
    clients: Arc<()>,
    /// Public facts of the board.
    pub facts: Facts,
}

impl Bridge {
    /// Waits for the board behind `link`.
    ///
    /// # Errors
    /// It does not come up.
    pub fn new(mut link: Link) -> Result<Arc<Self>, LinkError> {
        let patience = if link.is_remote() { BOOT } else { PATIENCE };
        let (_, body) = link.call(Operation::Facts, 0, [0, 0], &[], patience)?;
        let facts = Facts::decode(&body).filter(|facts| facts.slots <= MAX_SLOTS).ok_or(LinkError::Silent)?;
        if link.is_remote() {
            // What an earlier bridge has left there belongs to nobody.
            for slot in 0..facts.slots {
                link.call(Operation::Unload, slot as u8, [0, 0], &[], PATIENCE)?;
            }
        }
        Ok(Arc::new(Self { link: Mutex::new(link), slots: Mutex::new(vec![false; facts.slots as usize]), clients: Arc::default(), facts }))
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> MutexGuard<'_, Vec<bool>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the board is gone for good, or was reset; false while it is busy.
    pub fn has_ended(&self) -> bool {
        self.link.try_lock().is_ok_and(|mut link| link.has_ended() || (link.is_remote() && self.was_lost(&mut link)))
    }

    /// Asks a board that runs by itself whether it is the one that it was: nobody else says when it is not.
    fn was_lost(&self, link: &mut Link) -> bool {
        let reason = match link.call(Operation::Facts, 0, [0, 0], &[], BOOT) {
            Ok((_, body)) => match Facts::decode(&body) {
                Some(facts) if Facts { restarts: self.facts.restarts, ..facts.clone() } == self.facts => return false,
                Some(facts) if facts.firmware != self.facts.firmware => "the board runs other firmware than before: every module on it is lost",
                _ => "the board was reset: every module on it is lost",
            },
            Err(LinkError::Silent) => "the board does not answer",
            Err(_) => "the line to the board is broken",
        };
        tracing::error!("{reason}");
        link.end();
        true
    }

    /// Serves module hosts, each in a thread; calls `end` when one asks for the end.
    pub fn serve(self: &Arc<Self>, listener: &UnixListener, end: fn()) {
        for stream in listener.incoming() {
            let (Ok(stream), bridge) = (stream, self.clone()) else { continue };
            if Arc::strong_count(&self.clients) > MAX_CLIENTS {
                tracing::warn!("refusing a connection: there are {MAX_CLIENTS}");
                continue;
            }
            let place = self.clients.clone();
            std::thread::spawn(move || {
                let _place = place;
                let mut client = Client { bridge: &bridge, slot: None, entry: PATIENCE };
                match client.serve(&stream, end) {
                    Ok(()) => {}
                    Err(error) => tracing::info!(%error, "a module host's connection ended"),
                }
            });
        }
    }
}

/// A module host's connection, and the slot it owns.
struct Client<'a> {
    bridge: &'a Bridge,
    slot: Option<u8>,
    /// How long an entry may take: its time limit, twice, as a module that is stopped is entered once more.
    entry: Duration,
}

impl Client<'_> {
    fn serve(&mut self, mut stream: &UnixStream, end: fn()) -> io::Result<()> {
        stream.set_read_timeout(Some(FIRST))?;
        while let Some((request, body)) = read_message(&mut stream, MAX_MESSAGE)? {
            if request.operation == Operation::End as u8 {
                end();
            }
            let (status, b, reply) = self.handle(&request, &body).map_err(|error| io::Error::other(error.to_string()))?;
            let header = Header { operation: request.operation | REPLY, slot: self.slot.unwrap_or(STAGING), a: status, b, ..request };
            write_message(&mut stream, &header, &reply)?;
            // A module's host may have nothing to say for a long time; others are served and go.
            stream.set_read_timeout(if self.slot.is_some() { None } else { Some(FIRST) })?;
        }
        Ok(())
    }

    fn handle(&mut self, request: &Header, body: &[u8]) -> Result<(u32, u32, Vec<u8>), LinkError> {
        const MALFORMED: (u32, u32, Vec<u8>) = (STATUS_MALFORMED, 0, Vec::new());
        let pass = |operation, slot, patience| {
            let (header, reply) = self.bridge.link().call(operation, slot, [request.a, request.b], body, patience)?;
            Ok((header.a, header.b, reply))
        };
        let is = |operation: Operation| request.operation == operation as u8;
        // Nobody begins with a board that is not the one that it was.
        if is(Operation::Facts) || is(Operation::Load) {
            let mut link = self.bridge.link();
            if link.is_remote() && self.bridge.was_lost(&mut link) {
                return Err(link.gone());
            }
        }
        if is(Operation::Facts) {
            return pass(Operation::Facts, 0, PATIENCE);
        }
        if is(Operation::Load) {
            return self.load(body, request.a);
        }
        let Some(slot) = self.slot else { return Ok(MALFORMED) };
        match () {
            () if body.len() > BODY => Ok(MALFORMED),
            () if is(Operation::Write) => pass(Operation::Write, slot, PATIENCE),
            () if is(Operation::Read) => pass(Operation::Read, slot, PATIENCE),
            () if is(Operation::Enter) => pass(Operation::Enter, slot, self.entry),
            () if is(Operation::Fault) => pass(Operation::Fault, slot, PATIENCE),
            () if is(Operation::Unload) => pass(Operation::Unload, slot, PATIENCE),
            () => Ok(MALFORMED),
        }
    }

    /// Puts an image into a free slot, which is this connection's from then on.
    fn load(&mut self, image: &[u8], time_limit: u32) -> Result<(u32, u32, Vec<u8>), LinkError> {
        if self.slot.is_some() || image.len() > self.bridge.facts.slot_size as usize {
            return Ok((STATUS_MALFORMED, 0, Vec::new()));
        }
        let Some(free) = self.bridge.slots().iter_mut().enumerate().find(|(_, taken)| !**taken).map(|(slot, taken)| {
            *taken = true;
            slot
        }) else {
            return Ok((STATUS_NO_SLOT, 0, Vec::new()));
        };
        let slot = free as u8;
        self.slot = Some(slot);
        self.entry = PATIENCE + 2 * Duration::from_millis(time_limit.into());
        // Held throughout: there is one staging memory.
        let mut link = self.bridge.link();
        for (index, part) in image.chunks(BODY).enumerate() {
            link.call(Operation::Write, STAGING, [(index * BODY) as u32, 0], part, PATIENCE)?;
        }
        let (header, measurement) = link.call(Operation::Load, slot, [image.len() as u32, time_limit], &[], PATIENCE)?;
        drop(link);
        if header.a != 0 {
            self.release();
        }
        Ok((header.a, header.b, measurement))
    }

    fn release(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.bridge.slots()[usize::from(slot)] = false;
        }
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        // A module whose host is gone is gone too: its keys are erased before anyone else gets the slot.
        if let Err(error) = self.bridge.link().call(Operation::Unload, slot, [0, 0], &[], self.entry) {
            tracing::warn!(slot, %error, "cannot clear a slot");
            return;
        }
        self.release();
    }
}
