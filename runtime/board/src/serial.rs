//! A board at a serial port of this machine.

use crate::line::{Heard, Line};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use rustix::time::Timespec;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

/// A board that says nothing for so long, beside what a module may take, will not say anything.
const SILENCE: Duration = Duration::from_millis(500);

/// A serial line.
pub struct Serial {
    port: File,
    silence: Duration,
}

impl Serial {
    /// Opens a serial port: 8N1, no translation, no flow control by the driver.
    ///
    /// # Errors
    /// It cannot be opened, or is not a serial port.
    pub fn open(device: &str, baud: u32) -> io::Result<Self> {
        let port = OpenOptions::new().read(true).write(true).custom_flags(rustix::fs::OFlags::NOCTTY.bits() as i32).open(device)?;
        let mut settings = tcgetattr(&port)?;
        settings.make_raw();
        settings.set_speed(baud)?;
        tcsetattr(&port, OptionalActions::Flush, &settings)?;
        Ok(Self { port, silence: SILENCE })
    }
}

impl Line for Serial {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.port.write_all(bytes)
    }

    fn receive(&mut self) -> io::Result<Heard> {
        let until = Instant::now() + self.silence;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&self.port, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return Ok(Heard::Silence),
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut bytes = [0; 512];
        match self.port.read(&mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(Heard::Bytes(bytes[..count].to_vec())),
        }
    }

    fn allow(&mut self, milliseconds: u32) {
        self.silence = SILENCE + Duration::from_millis(milliseconds.into());
    }

    fn power_cycle(&mut self) -> bool {
        false
    }

    fn kind(&self) -> &'static str {
        "serial"
    }
}
