//! A board emulated in this process. Its time stands still while nobody waits for it.

use crate::freshness;
use crate::line::{Heard, Line, PortOutput};
use authentic_sancus::crypto::Key;
use authentic_sancus::devices::Clock;
use authentic_sancus::image::Image;
use authentic_sancus::{Machine, Stop};
use authentic_wire::board::Freshness;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cycles between two looks at the line.
const SLICE: u64 = 2_000;
/// Cycles a question may take beside what is allowed for the module: the line, the event manager and cryptography.
const OVERHEAD: u64 = 60_000_000;

/// An emulated board.
pub struct Emulated {
    machine: Machine,
    clock_hz: u32,
    deadline: u64,
    /// The source of nonces cannot be trusted any more.
    broken: Arc<AtomicBool>,
}

impl Emulated {
    /// A board with this event manager, switched on.
    ///
    /// # Errors
    /// The event manager is not an image, or does not fit.
    pub fn new(firmware: &[u8], node_key: Key, source: Freshness, counter: PathBuf, clock_hz: u32) -> io::Result<Self> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut builder = Machine::builder().node_key(node_key).clock(Clock { main_hz: clock_hz, ..Clock::default() });
        let broken = Arc::new(AtomicBool::new(false));
        if let Some(device) = freshness::device(source, counter, broken.clone())? {
            builder = builder.device(device);
        }
        let mut machine = builder.build();
        for piece in Image::parse(firmware, 0x4000).map_err(|error| invalid(error.to_string()))?.pieces {
            machine.load(piece.address, &piece.bytes).map_err(|error| invalid(error.to_string()))?;
        }
        machine.reset_to_power_on();
        Ok(Self { machine, clock_hz, deadline: OVERHEAD, broken })
    }

    /// Runs for a moment: what the board said, and how it stopped.
    ///
    /// # Errors
    /// Its source of nonces cannot be trusted any more.
    pub fn run(&mut self) -> io::Result<(Vec<u8>, Stop)> {
        let stop = self.machine.run(SLICE);
        let sent = self.machine.take_from_uart(0);
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("its non-volatile counter cannot be stored (is the disk full?)"));
        }
        Ok((sent, stop))
    }

    /// The machine, to look at.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }
}

impl Line for Emulated {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.machine.send_to_uart(0, bytes);
        Ok(())
    }

    fn receive(&mut self) -> io::Result<Heard> {
        loop {
            let (sent, stop) = self.run()?;
            if !sent.is_empty() {
                return Ok(Heard::Bytes(sent));
            }
            match stop {
                Stop::CpuOff | Stop::UnhandledViolation(_) => return Ok(Heard::Silence),
                _ if self.machine.cycles() >= self.deadline => return Ok(Heard::Overdue),
                _ => {}
            }
        }
    }

    fn allow(&mut self, milliseconds: u32) {
        self.deadline = self.machine.cycles() + OVERHEAD + u64::from(milliseconds) * u64::from(self.clock_hz) / 1000;
    }

    /// RAM keeps its content, as it does for a while on a chip; the boot code wipes it.
    fn power_cycle(&mut self) -> bool {
        self.machine.reset();
        true
    }

    fn drive(&mut self, port: u8, levels: u8) -> bool {
        self.machine.drive_pins(port, 0xff, levels);
        true
    }

    fn outputs(&mut self) -> Vec<PortOutput> {
        self.machine.take_port_changes().into_iter().map(|change| PortOutput { port: change.port, levels: change.output & change.direction }).collect()
    }

    fn violations(&mut self) -> Vec<String> {
        self.machine.take_violations().iter().map(ToString::to_string).collect()
    }

    fn cycles(&self) -> u64 {
        self.machine.cycles()
    }

    fn kind(&self) -> &'static str {
        "emulated"
    }
}
