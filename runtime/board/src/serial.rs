//! A board at a serial port of this machine: a UART, or an adapter that may be unplugged and plugged in again.

use crate::line::{Heard, Line};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::termios::{ControlModes, InputModes, OptionalActions, Termios, ioctl_tiocexcl, tcgetattr, tcsetattr};
use rustix::time::Timespec;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

/// A board that says nothing for so long, beside what a module may take, will not say anything.
const SILENCE: Duration = Duration::from_millis(500);
/// A line that is gone may come back for so long: somebody plugs it in again, and the question is asked again.
const REPLUG: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(100);

/// A serial line.
pub struct Serial {
    device: String,
    baud: u32,
    port: Option<File>,
    silence: Duration,
}

/// 8N1 without translation, and no flow control: the board grants what may be sent. The modem's lines mean nothing.
fn plain(settings: &mut Termios, baud: u32) -> io::Result<()> {
    settings.make_raw();
    settings.control_modes -= ControlModes::CSTOPB | ControlModes::CRTSCTS;
    settings.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
    settings.input_modes -= InputModes::IXOFF | InputModes::IXANY;
    Ok(settings.set_speed(baud)?)
}

fn connect(device: &str, baud: u32) -> io::Result<File> {
    // Without waiting for a carrier, which a board does not have.
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
    let port = OpenOptions::new().read(true).write(true).custom_flags(flags.bits() as i32).open(device)?;
    let mut settings = tcgetattr(&port)?;
    plain(&mut settings, baud)?;
    tcsetattr(&port, OptionalActions::Flush, &settings)?;
    // A driver takes what it can of the settings, and does not complain about the rest.
    let taken = tcgetattr(&port)?;
    if (taken.input_speed(), taken.output_speed()) != (baud, baud) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, format!("{device} cannot be set to {baud} baud, only to {}", taken.output_speed())));
    }
    ioctl_tiocexcl(&port)?;
    fcntl_setfl(&port, fcntl_getfl(&port)? - OFlags::NONBLOCK)?;
    Ok(port)
}

impl Serial {
    /// Opens a serial port.
    ///
    /// # Errors
    /// It cannot be opened, is not a serial port, or does not take the speed.
    pub fn open(device: &str, baud: u32) -> io::Result<Self> {
        Ok(Self { device: device.into(), baud, port: Some(connect(device, baud)?), silence: SILENCE })
    }

    /// The port; one that was lost is opened again as soon as it is back.
    fn port(&mut self) -> io::Result<&mut File> {
        if self.port.is_none() {
            let until = Instant::now() + REPLUG;
            self.port = loop {
                match connect(&self.device, self.baud) {
                    Ok(port) => break Some(port),
                    Err(error) if Instant::now() >= until => return Err(error),
                    Err(_) => std::thread::sleep(RETRY),
                }
            };
            tracing::info!(device = self.device, "the line to the board is back");
        }
        self.port.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn lose(&mut self, error: &io::Error) {
        if self.port.take().is_some() {
            tracing::warn!(device = self.device, %error, "the line to the board is gone");
        }
    }

    fn read(&mut self) -> io::Result<Heard> {
        let silence = self.silence;
        let port = self.port()?;
        let until = Instant::now() + silence;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(port, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return Ok(Heard::Silence),
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut bytes = [0; 512];
        match port.read(&mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(Heard::Bytes(bytes[..count].to_vec())),
        }
    }
}

impl Line for Serial {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.port()?.write_all(bytes) {
            self.lose(&error);
        }
        Ok(())
    }

    /// A line that is lost meanwhile is silent: what was asked is asked again, once it is back.
    fn receive(&mut self) -> io::Result<Heard> {
        self.read().or_else(|error| {
            if self.port.is_none() {
                return Err(error);
            }
            self.lose(&error);
            Ok(Heard::Silence)
        })
    }

    fn allow(&mut self, milliseconds: u32) {
        self.silence = SILENCE + Duration::from_millis(milliseconds.into());
    }

    fn power_cycle(&mut self) -> bool {
        false
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.port.as_ref().map(AsRawFd::as_raw_fd)
    }

    fn waiting(&self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.port.as_ref().is_some_and(|port| poll(&mut [PollFd::new(port, PollFlags::IN)], Some(&at_once)).is_ok_and(|ready| ready > 0))
    }

    fn kind(&self) -> &'static str {
        "serial"
    }
}
