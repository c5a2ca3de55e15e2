//! The seam between the link and a board: bytes, pins and power.

use std::io;
use std::os::fd::RawFd;

/// What came of waiting for the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Bytes it sent.
    Bytes(Vec<u8>),
    /// It is asleep, or has been silent for long: nothing more will come by itself.
    Silence,
    /// It has been at work for longer than it may.
    Overdue,
}

/// The board drives a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortOutput {
    /// 1 to 6.
    pub port: u8,
    /// The levels it drives.
    pub levels: u8,
}

/// A board at the other end of a line.
pub trait Line: Send {
    /// Puts bytes on the line.
    ///
    /// # Errors
    /// The line is gone.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits for bytes. The limit of a question counts from [`Line::allow`].
    ///
    /// # Errors
    /// The line is gone.
    fn receive(&mut self) -> io::Result<Heard>;

    /// Lets the next answer take so much of the board's time, beside what the line takes.
    fn allow(&mut self, milliseconds: u32);

    /// Takes the power away and gives it back. False where the line cannot.
    fn power_cycle(&mut self) -> bool;

    /// Drives all pins of a port from outside. False where the line cannot.
    fn drive(&mut self, _port: u8, _levels: u8) -> bool {
        false
    }

    /// What the board drove since the last call.
    fn outputs(&mut self) -> Vec<PortOutput> {
        Vec::new()
    }

    /// Violations of access rules since the last call, as the hardware saw them; nothing where only the board itself knows.
    fn violations(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What tells that the board says something by itself; nothing where it only does so while it is asked.
    fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Whether the board has said something that nobody has received.
    fn waiting(&self) -> bool {
        false
    }

    /// The board's cycles since power-on; 0 where nobody counts them.
    fn cycles(&self) -> u64 {
        0
    }

    /// `emulated` or `serial`.
    fn kind(&self) -> &'static str;
}
