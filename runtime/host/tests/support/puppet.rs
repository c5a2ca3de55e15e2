//! An enclave in Rust that does what messages tell it: for tests of the host alone.
#![allow(dead_code, clippy::unwrap_used)]

use super::support::{Folder, Link, description};
use authentic_host::enclave::{Enclave, Entry, Exit};
use authentic_host::{Region, serve};
use authentic_wire::control::{Bytes, Evidence};
use authentic_wire::frame::{Header, Kind};
use authentic_wire::record::{input, output};
use authentic_wire::ring::{Consumer, Layout, Producer};
use std::os::unix::net::UnixStream;

/// `m1` is answered with itself and a report; `command` is a record to emit; `activate` asks frames back
/// (connection, from, to); `prepare` stops events and `abort` lets them go on; `release` breaks the out ring.
/// Events are acknowledged, frames given back get the next epoch, entries are called.
pub struct Puppet {
    control: Consumer,
    events: Consumer,
    out: Producer,
    region: *mut u8,
    blocked: bool,
}

// SAFETY: the region is only touched by the thread that runs the host.
unsafe impl Send for Puppet {}

impl Puppet {
    fn emit(&mut self, kind: u16, argument: u16, parts: &[&[u8]]) {
        assert!(self.out.push(kind, argument, parts).unwrap(), "the tests emit little");
    }

    fn control(&mut self, kind: u16, argument: u16, body: &[u8]) {
        match (kind, argument) {
            (input::MESSAGE, 1) => self.emit(output::MESSAGE, 1, &[body, &[5; 64]]),
            (input::MESSAGE, 3) => {
                self.emit(output::MESSAGE, 3, &[b"activated"]);
                self.emit(output::RESEAL, 0, &[body]);
            }
            (input::MESSAGE, 4) => {
                let short = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
                self.emit(short(0), short(2), &[&body[4..]]);
                self.emit(output::MESSAGE, 4, &[b"result"]);
            }
            (input::MESSAGE, 5 | 6) => {
                self.blocked = argument == 5;
                self.emit(output::MESSAGE, argument, &[b"noted"]);
            }
            // SAFETY: the tail of the out ring, within the region's first page.
            (input::MESSAGE, 7) => unsafe { self.region.add(320).cast::<u32>().write(0x7000_0000) },
            (input::FRAME, _) => {
                let header = Header::decode(body).unwrap();
                self.emit(output::ACKNOWLEDGED, 0, &[&header.connection.to_le_bytes(), &header.counter.to_le_bytes()]);
            }
            (input::RESEAL, _) => {
                let mut header = Header::decode(body).unwrap();
                header.epoch += 1;
                self.emit(output::FRAME, 1, &[&header.encode(), &body[22..]]);
            }
            _ => panic!("unexpected control record {kind}/{argument}"),
        }
    }
}

impl Enclave for Puppet {
    fn enter(&mut self, entry: Entry) -> Exit {
        if entry != Entry::Run {
            return Exit::Idle;
        }
        let mut body = Vec::new();
        while let Some((kind, argument)) = self.control.next(&mut body).unwrap() {
            self.control(kind, argument, &body);
        }
        for _ in 0..64 {
            if self.blocked {
                return Exit::Blocked;
            }
            match self.events.next(&mut body).unwrap() {
                None => return Exit::Idle,
                Some((input::TRIGGER, endpoint)) => self.emit(output::TRIGGERED, endpoint, &[&[0]]),
                Some(_) => {
                    let header = Header::decode(&body).unwrap();
                    let acknowledgement = Header { kind: Kind::Acknowledgement, ..header };
                    self.emit(output::PROCESSED, 0, &[&header.connection.to_le_bytes(), &header.counter.to_le_bytes(), &[0; 8]]);
                    self.emit(output::FRAME, 0, &[&acknowledgement.encode(), &[0; 16]]);
                }
            }
        }
        Exit::More
    }

    fn evidence(&mut self, report: &[u8]) -> Result<Evidence, String> {
        Ok(Evidence { kind: 0, body: Bytes(report.to_vec()) })
    }

    fn destroy(&mut self) {}
}

/// Runs a host around a puppet in a thread until the returned link tells it to stop.
pub fn start(name: &str) -> (Folder, Link, std::thread::JoinHandle<()>) {
    let folder = Folder::new(name);
    let path = folder.0.clone();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || {
        let region = Region::map(Layout::new(1 << 20, 1 << 16, 1 << 20).unwrap()).unwrap();
        // SAFETY: the region is owned by the host that owns the puppet.
        let (control, events, out) = unsafe { region.enclave_ends() };
        let puppet = Puppet { control, events, out, region: region.address(), blocked: false };
        serve(&path, description(), region, Box::new(puppet), Some(theirs)).unwrap();
    });
    (folder, Link::new(ours), thread)
}
