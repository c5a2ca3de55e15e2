//! Modules on boards: an "enclave" that takes records from the rings and has them processed on the board, through its
//! bridge (`runtime/board`). Frames have their short form there (`docs/protocol.md` section 6, compact frames).

mod bridge;
mod translate;

use crate::enclave::{Cause, Crash, Enclave, Entry, Exit};
use crate::region::Region;
use authentic_wire::board::BoardMessage;
use authentic_wire::control::Evidence;
use authentic_wire::instance::InstanceFile;
use authentic_wire::record::{input, output};
use authentic_wire::ring::{Consumer, Corrupted, Producer};
use bridge::Bridge;
pub use bridge::BridgeError;
use std::os::fd::RawFd;
use std::path::Path;
use translate::{Record, Translator, records};

/// Evidence type of Sancus (`docs/protocol.md` section 4). It is in the reply itself: the MAC of S2.
const SANCUS: u16 = 3;
const REPORT_DATA: [u8; 64] = [0; 64];
/// The longest record a board takes (`runtime/kit/ports/sancus/kit.h`).
const LONGEST: usize = 272;
/// Control records of one entry: what they leave fits the out ring, which the host empties after each.
const CONTROL_BUDGET: usize = 256;

/// Why a step did not end as it should.
enum Trouble {
    Rings,
    Board(String),
}

impl From<Corrupted> for Trouble {
    fn from(_: Corrupted) -> Self {
        Self::Rings
    }
}

/// A module on a board.
pub struct BoardModule {
    bridge: Bridge,
    control: Consumer,
    events: Consumer,
    out: Producer,
    translator: Translator,
    /// An event that waits for room in a window.
    held: Option<(u16, u16, Vec<u8>)>,
    /// Entries to call because a pin of the device with that endpoint changed.
    on_change: Vec<(u16, u16)>,
    changed: Vec<u16>,
    scratch: Vec<u8>,
}

impl BoardModule {
    /// Loads an image onto the board of the node that the instance in `folder` belongs to.
    ///
    /// # Errors
    /// The bridge is not there or refuses.
    ///
    /// # Safety
    /// The region outlives the result, and nobody else uses the enclave's ends of its rings.
    pub unsafe fn load(folder: &Path, file: &InstanceFile, image: &[u8], region: &Region) -> Result<Self, BridgeError> {
        let bridge = Bridge::open(folder, file, image)?;
        // SAFETY: promised by the caller.
        let (control, events, out) = unsafe { region.enclave_ends() };
        let endpoint_of = |name: &str, kind: &str| file.interface.iter().position(|one| one.kind == kind && one.name == name).map(|endpoint| endpoint as u16);
        let on_change = (0..)
            .zip(&file.interface)
            .filter(|(_, declaration)| declaration.kind == "device")
            .filter_map(|(endpoint, device)| Some((endpoint, endpoint_of(&format!("{}_changed", device.name), "entry")?)))
            .collect();
        Ok(Self { bridge, control, events, out, translator: Translator::default(), held: None, on_change, changed: Vec::new(), scratch: Vec::new() })
    }

    fn run(&mut self) -> Result<Exit, Trouble> {
        self.notices()?;
        let mut body = std::mem::take(&mut self.scratch);
        let mut budget = CONTROL_BUDGET;
        while budget > 0
            && let Some((kind, argument)) = self.control.next(&mut body)?
        {
            self.step(kind, argument, &body, false)?;
            budget -= 1;
        }
        let result = if budget == 0 { Ok(Exit::More) } else { self.run_events(&mut body) };
        self.scratch = body;
        result
    }

    fn run_events(&mut self, body: &mut Vec<u8>) -> Result<Exit, Trouble> {
        if let Some((kind, argument, held)) = self.held.take()
            && self.step(kind, argument, &held, false)?
        {
            self.held = Some((kind, argument, held));
            return Ok(Exit::Blocked);
        }
        loop {
            self.notices()?;
            if let Some(entry) = self.changed.pop() {
                if self.step(input::TRIGGER, entry, &[], true)? {
                    self.changed.push(entry);
                    return Ok(Exit::Blocked);
                }
                continue;
            }
            let Some((kind, argument)) = self.events.next(body)? else { return Ok(Exit::Idle) };
            if self.step(kind, argument, body, false)? {
                self.held = Some((kind, argument, body.clone()));
                return Ok(Exit::Blocked);
            }
            // Acknowledgements come first, and the host has its turn: the board is slow.
            return Ok(Exit::More);
        }
    }

    /// What happened on the board without being asked for.
    fn notices(&mut self) -> Result<(), Trouble> {
        for notice in self.bridge.notices().map_err(|error| Trouble::Board(error.to_string()))? {
            match notice {
                BoardMessage::Port { endpoint, value } => self.put(output::DEVICE, endpoint, &[&value.to_le_bytes()])?,
                BoardMessage::Interrupt { endpoint } => {
                    let entry = self.on_change.iter().find(|(device, _)| *device == endpoint).map(|(_, entry)| *entry);
                    self.changed.extend(entry.filter(|entry| !self.changed.contains(entry)));
                }
                BoardMessage::Violation { text } => tracing::warn!(violation = text, "somebody broke an access rule of this module's board"),
                BoardMessage::Lost { reason } => return Err(Trouble::Board(reason)),
                _ => {}
            }
        }
        Ok(())
    }

    fn put(&mut self, kind: u16, argument: u16, parts: &[&[u8]]) -> Result<(), Trouble> {
        if self.out.push(kind, argument, parts)? { Ok(()) } else { Err(Trouble::Rings) }
    }

    /// Has one record processed; `own` where the host did not put it. True where it has to wait for room in a window.
    fn step(&mut self, kind: u16, argument: u16, body: &[u8], own: bool) -> Result<bool, Trouble> {
        let Some(record) = Translator::inward(kind, argument, body).filter(|record| record.len() <= LONGEST) else {
            return self.refuse(kind, argument, body).map(|()| false);
        };
        let reply = self.bridge.step(&record).map_err(|error| Trouble::Board(error.to_string()))?;
        for Record { kind, argument, body } in records(&reply) {
            if kind == translate::BLOCKED {
                return Ok(true);
            }
            if kind == output::TRIGGERED && own {
                continue;
            }
            if let Some(translated) = self.translator.outward(kind, argument, body) {
                let more: &[u8] = if kind == output::MESSAGE && argument == 1 && body.len() > 3 { &REPORT_DATA } else { &[] };
                self.put(kind, argument, &[&translated, more])?;
            }
        }
        Ok(false)
    }

    /// What no board could process.
    fn refuse(&mut self, kind: u16, argument: u16, body: &[u8]) -> Result<(), Trouble> {
        const TOO_LONG: u16 = 8;
        const MALFORMED: u16 = 1;
        match kind {
            input::MESSAGE => self.put(output::MESSAGE, argument, &[&[0xff, 0, 1]]),
            _ => {
                let (reason, connection) = if body.len() > LONGEST { (TOO_LONG, &body[2..6]) } else { (MALFORMED, &[0; 4][..]) };
                self.put(output::REFUSED, reason, &[connection, &[0; 16]])
            }
        }
    }
}

impl Enclave for BoardModule {
    fn enter(&mut self, entry: Entry) -> Exit {
        if let Entry::Fault(_) = entry {
            return Exit::Failed;
        }
        match self.run() {
            Ok(exit) => exit,
            Err(Trouble::Rings) => Exit::Failed,
            Err(Trouble::Board(description)) => Exit::Crashed(Crash { cause: Cause::Fault, description }),
        }
    }

    fn evidence(&mut self, _report_data: &[u8]) -> Result<Evidence, String> {
        Ok(Evidence { kind: SANCUS, body: authentic_wire::control::Bytes(Vec::new()) })
    }

    fn destroy(&mut self) {
        self.bridge.close();
    }

    fn wakes(&self) -> Option<RawFd> {
        Some(self.bridge.descriptor())
    }

    fn set_pin(&mut self, endpoint: u16, value: u32) {
        if let Err(error) = self.bridge.drive(endpoint, value) {
            tracing::warn!(endpoint, %error, "the pin was not set");
        }
    }
}
