//! The enclave with its rings: what goes in, what comes out, and whether it is worth entering.

use crate::enclave::{Cause, Crash, Enclave, Entry, Exit};
use crate::region::Region;
use authentic_wire::control::Evidence;
use authentic_wire::message::MessageType;
use authentic_wire::record::input;
use authentic_wire::ring::{Consumer, Corrupted, Producer};
use std::os::fd::RawFd;

/// An enclave behind its rings. Fields are dropped in order: the enclave before the region it works on.
pub struct Gate {
    enclave: Box<dyn Enclave>,
    control: Producer,
    events: Producer,
    out: Consumer,
    region: Region,
    exit: Exit,
    dirty: bool,
    dead: bool,
    /// Entries so far.
    pub entries: u64,
}

impl Gate {
    /// Takes an enclave that was created on `region`, and initializes it.
    ///
    /// # Safety
    /// Nobody else uses the host's ends of the region.
    pub unsafe fn new(region: Region, enclave: Box<dyn Enclave>) -> Self {
        // SAFETY: the region lives in the same struct, behind the ends in drop order.
        let (control, events, out) = unsafe { region.host_ends() };
        Self { enclave, control, events, out, region, exit: Exit::Idle, dirty: false, dead: false, entries: 0 }
    }

    /// Enters the enclave. After a crash it is entered once more, to erase its keys.
    ///
    /// Returns the crash, if there was one.
    pub fn enter(&mut self, entry: Entry) -> Option<Crash> {
        if self.dead {
            self.dirty = false;
            return None;
        }
        self.entries += 1;
        self.exit = self.enclave.enter(entry);
        self.dirty = self.exit == Exit::More;
        let Exit::Crashed(crash) = &self.exit else { return None };
        let crash = crash.clone();
        self.fail(crash.cause);
        Some(crash)
    }

    /// Makes the enclave erase its keys; destroys it when it cannot.
    fn fail(&mut self, cause: Cause) {
        self.entries += 1;
        self.exit = self.enclave.enter(Entry::Fault(cause));
        self.dirty = false;
        if let Exit::Crashed(_) = self.exit {
            self.destroy();
        }
    }

    /// Destroys the enclave; it is never entered again.
    pub fn destroy(&mut self) {
        self.dead = true;
        self.dirty = false;
        self.exit = Exit::Failed;
        self.enclave.destroy();
    }

    /// Whether the enclave can no longer answer messages.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether an entry would find something to do.
    pub fn wants_entry(&self) -> bool {
        self.dirty
    }

    /// Whether events are processed at all until control records come.
    pub fn holds_events(&self) -> bool {
        matches!(self.exit, Exit::Blocked | Exit::Waiting)
    }

    /// Whether all control records were taken.
    pub fn control_is_drained(&self) -> bool {
        self.control.is_drained()
    }

    /// A protocol message. False while there is no room.
    ///
    /// # Errors
    /// The enclave broke the ring.
    pub fn message(&mut self, kind: MessageType, body: &[u8]) -> Result<bool, Corrupted> {
        if kind == MessageType::M1 {
            self.enclave.before_challenge();
        }
        self.control(input::MESSAGE, kind as u16, body)
    }

    /// An acknowledgement or a reply. False while there is no room.
    ///
    /// # Errors
    /// The enclave broke the ring.
    pub fn backward(&mut self, frame: &[u8]) -> Result<bool, Corrupted> {
        self.control(input::FRAME, 0, frame)
    }

    /// A frame the enclave asked back. False while there is no room.
    ///
    /// # Errors
    /// The enclave broke the ring.
    pub fn reseal(&mut self, frame: &[u8]) -> Result<bool, Corrupted> {
        self.control(input::RESEAL, 0, frame)
    }

    fn control(&mut self, kind: u16, argument: u16, body: &[u8]) -> Result<bool, Corrupted> {
        let pushed = self.control.push(kind, argument, &[body])?;
        self.dirty |= pushed;
        Ok(pushed)
    }

    /// An event or a request. False while there is no room.
    ///
    /// # Errors
    /// The enclave broke the ring.
    pub fn forward(&mut self, frame: &[u8]) -> Result<bool, Corrupted> {
        self.event(input::FRAME, 0, frame)
    }

    /// A call of an entry. False while there is no room.
    ///
    /// # Errors
    /// The enclave broke the ring.
    pub fn trigger(&mut self, endpoint: u16) -> Result<bool, Corrupted> {
        self.event(input::TRIGGER, endpoint, &[])
    }

    fn event(&mut self, kind: u16, argument: u16, body: &[u8]) -> Result<bool, Corrupted> {
        let pushed = self.events.push(kind, argument, &[body])?;
        self.dirty |= pushed && !self.holds_events();
        Ok(pushed)
    }

    /// The next record of the out ring.
    ///
    /// # Errors
    /// The enclave broke the ring.
    pub fn next_output(&mut self, body: &mut Vec<u8>) -> Result<Option<(u16, u16)>, Corrupted> {
        self.out.next(body)
    }

    /// Bytes of the report that ends a reply to a challenge.
    pub fn report_length(&self) -> usize {
        self.enclave.report_length()
    }

    /// Evidence from the report in the reply to a challenge.
    ///
    /// # Errors
    /// What keeps the TEE from producing it.
    pub fn evidence(&mut self, report: &[u8]) -> Result<Evidence, String> {
        self.enclave.evidence(report)
    }

    /// Sets what a device shows.
    pub fn set_pin(&mut self, endpoint: u16, value: u32) -> bool {
        let there = self.region.set_pin(endpoint, value);
        if there && !self.dead {
            self.enclave.set_pin(endpoint, value);
            self.dirty |= self.enclave.wakes().is_some();
        }
        there
    }

    /// What the enclave wakes the host by.
    pub fn wakes(&self) -> Option<RawFd> {
        self.enclave.wakes()
    }

    /// The enclave has something to say.
    pub fn woken(&mut self) {
        self.dirty = !self.dead;
    }
}
