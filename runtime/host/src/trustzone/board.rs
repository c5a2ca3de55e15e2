//! A module on a board as an [`Enclave`]: records go from the host's region into the board's window, and come back from it.

use super::client::{Client, TrustzoneError};
use super::shadow::Shadow;
use crate::enclave::{Cause, Crash, Enclave, Entry, Exit};
use crate::region::Region;
use authentic_wire::control::{Bytes, Evidence};
use authentic_wire::frame::Header;
use authentic_wire::message::MessageType;
use authentic_wire::record::{input, output};
use authentic_wire::ring::{Consumer, Corrupted, Producer};
use authentic_wire::trustzone::{BODY, ENTER_CRASHED, ENTER_REFUSED};
use std::path::Path;

const EVIDENCE_PSA: u16 = 2;
const MALFORMED: [u8; 3] = [0xff, 0, 1];
const TOO_LONG: u16 = 8;
/// Largest ring of a board.
const MAX_RING: u32 = 1 << 20;

/// A record that waits for room.
type Waiting = Option<(u16, u16, Vec<u8>)>;

/// A module on a board.
pub struct TrustzoneModule {
    client: Client,
    shadow: Shadow,
    control: Consumer,
    events: Consumer,
    out: Producer,
    control_waiting: Waiting,
    events_waiting: Waiting,
    out_waiting: Waiting,
    pins: *const u8,
    /// Of the report in the last reply to a challenge.
    report: usize,
    gone: bool,
}

impl TrustzoneModule {
    /// Loads a module into a slot of the board whose bridge runs in `folder`.
    ///
    /// # Errors
    /// There is no board, or it does not take the image.
    ///
    /// # Safety
    /// `region` outlives the board, and nobody else uses its enclave's ends.
    pub unsafe fn load(folder: &Path, image: &[u8], region: &Region, time_limit_ms: u32) -> Result<Self, TrustzoneError> {
        let mut client = Client::connect(folder)?;
        let facts = client.facts()?;
        // A board has far less memory; this machine gives none to one that claims otherwise.
        if facts.rings.iter().any(|capacity| *capacity > MAX_RING) {
            return Err(TrustzoneError::Unexpected);
        }
        let shadow = Shadow::new(facts.rings)?.ok_or(TrustzoneError::Unexpected)?;
        client.load(image, time_limit_ms)?;
        client.write(0, &shadow.header())?;
        // SAFETY: the caller's promise.
        let (control, events, out) = unsafe { region.enclave_ends() };
        let pins = region.address().cast_const();
        Ok(Self { client, shadow, control, events, out, control_waiting: None, events_waiting: None, out_waiting: None, pins, report: 0, gone: false })
    }

    fn pins(&self) -> [u32; authentic_wire::ring::PINS] {
        let at = |index: usize| {
            // SAFETY: inside the first page of the region, which outlives this; the host writes it through atomics.
            unsafe { &*self.pins.add(authentic_wire::ring::PINS_AT + 4 * index).cast::<std::sync::atomic::AtomicU32>() }
        };
        std::array::from_fn(|index| at(index).load(std::sync::atomic::Ordering::Acquire))
    }

    /// Moves records of the host into the window while there is room. What never fits is answered here.
    fn fill(&mut self) -> Result<(), Corrupted> {
        for control in [true, false] {
            let (from, waiting) = if control { (&mut self.control, &mut self.control_waiting) } else { (&mut self.events, &mut self.events_waiting) };
            loop {
                let (kind, argument, body) = match waiting.take() {
                    Some(record) => record,
                    None => {
                        let mut body = Vec::new();
                        let Some((kind, argument)) = from.next(&mut body)? else { break };
                        (kind, argument, body)
                    }
                };
                if !self.shadow.holds(body.len()) {
                    if refuse(&mut self.out, kind, argument, &body)? {
                        continue;
                    }
                } else if (if control { &mut self.shadow.control } else { &mut self.shadow.events }).push(kind, argument, &[&body])? {
                    continue;
                }
                *waiting = Some((kind, argument, body));
                break;
            }
        }
        Ok(())
    }

    /// Moves records of the module to the host while there is room. Returns whether all were moved.
    fn empty(&mut self) -> Result<bool, Corrupted> {
        loop {
            let (kind, argument, body) = match self.out_waiting.take() {
                Some(record) => record,
                None => {
                    let mut body = Vec::new();
                    let Some((kind, argument)) = self.shadow.out.next(&mut body)? else { return Ok(true) };
                    if kind == output::MESSAGE && argument == MessageType::M1 as u16 {
                        self.report = report_length(&body);
                    }
                    (kind, argument, body)
                }
            };
            if !self.out.push(kind, argument, &[&body])? {
                self.out_waiting = Some((kind, argument, body));
                return Ok(false);
            }
        }
    }

    fn exchange(&mut self, reason: u32) -> Result<u32, TrustzoneError> {
        let patches = self.shadow.patches(self.pins(), BODY);
        for (offset, bytes) in &patches.before {
            self.client.write(*offset, bytes)?;
        }
        let entered = self.client.enter(reason, self.shadow.out_from(), &patches.along)?;
        for (offset, length) in self.shadow.take(&entered).map_err(|Corrupted| TrustzoneError::Unexpected)? {
            let bytes = self.client.read(offset, length)?;
            self.shadow.complete(offset, &bytes);
        }
        self.shadow.publish();
        Ok(entered.result)
    }

    fn try_enter(&mut self, reason: u32) -> Result<Exit, TrustzoneError> {
        let broken = |Corrupted| TrustzoneError::Unexpected;
        // What came out before and found no room goes first: the host has made some.
        if !self.empty().map_err(broken)? {
            return Ok(Exit::More);
        }
        self.fill().map_err(broken)?;
        let result = self.exchange(reason)?;
        let emptied = self.empty().map_err(broken)?;
        if result == ENTER_REFUSED {
            return Ok(Exit::Failed);
        }
        if result & ENTER_CRASHED != 0 {
            return Ok(Exit::Crashed(self.crash(result >> 8 & 0xff)));
        }
        let exit = Exit::from_value(result.into());
        let unfinished = !emptied || self.control_waiting.is_some() || (exit == Exit::Idle && self.events_waiting.is_some());
        Ok(if unfinished && exit != Exit::Failed { Exit::More } else { exit })
    }

    fn crash(&mut self, cause: u32) -> Crash {
        if cause == 2 {
            return Crash { cause: Cause::TimeLimit, description: "the module exceeded its time limit".into() };
        }
        let description = match self.client.fault() {
            Ok(fault) => {
                let name = match fault.exception {
                    4 => "MemManage fault",
                    5 => "bus fault",
                    6 => "usage fault",
                    7 => "secure fault",
                    _ => "fault",
                };
                format!("{name} at {:#x} of the module, address {:#010x}, CFSR {:#010x}", fault.location, fault.address, fault.configurable)
            }
            Err(error) => format!("fault; {error}"),
        };
        Crash { cause: Cause::Fault, description }
    }
}

/// What follows the M2 core that `body` begins with: nonce, key, and the status with its length.
fn report_length(body: &[u8]) -> usize {
    let status = body.get(64..66).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]])));
    body.len().saturating_sub(66 + status)
}

/// Answers a record that is too large for a board.
fn refuse(out: &mut Producer, kind: u16, argument: u16, body: &[u8]) -> Result<bool, Corrupted> {
    if kind == input::MESSAGE {
        return out.push(output::MESSAGE, argument, &[&MALFORMED]);
    }
    let Ok(header) = Header::decode(body) else { return Ok(true) };
    out.push(output::REFUSED, TOO_LONG, &[&header.connection.to_le_bytes(), &header.epoch.to_le_bytes(), &header.counter.to_le_bytes()])
}

impl Enclave for TrustzoneModule {
    fn enter(&mut self, entry: Entry) -> Exit {
        let reason = match entry {
            Entry::Initialize => 0,
            Entry::Run => 1,
            // The firmware has entered the module itself, to erase its keys; a board that is gone has none.
            Entry::Fault(cause) if self.gone => return Exit::Crashed(Crash { cause, description: "the board is gone".into() }),
            Entry::Fault(_) => return Exit::Failed,
        };
        match self.try_enter(reason) {
            Ok(exit) => exit,
            Err(error) => {
                self.gone = true;
                Exit::Crashed(Crash { cause: Cause::Fault, description: error.to_string() })
            }
        }
    }

    fn report_length(&self) -> usize {
        self.report
    }

    fn evidence(&mut self, report: &[u8]) -> Result<Evidence, String> {
        if report.is_empty() {
            return Err("the firmware made no token".into());
        }
        Ok(Evidence { kind: EVIDENCE_PSA, body: Bytes(report.to_vec()) })
    }

    fn destroy(&mut self) {
        if let Err(error) = self.client.unload() {
            tracing::info!(%error, "the module's slot is gone");
        }
    }
}
