//! `authentic-physical-board`: an emulated board that nobody on a node runs, behind a serial line, for tests and benchmarks.
//!
//! Its UART is a pseudo-terminal that appears as the file `tty` in its folder. Each line of standard input is answered with
//! a line of JSON that says how the board is: `look`; `pins PORT LEVELS` drives a port from outside; `cut` takes the power
//! away and gives it back. It ends with its input.

use authentic_board::Emulated;
use authentic_board::line::Line;
use authentic_sancus::Stop;
use authentic_sancus::crypto::Key;
use authentic_wire::board::BoardFile;
use clap::Parser;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::time::Timespec;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Moments that a look waits for the board to sleep.
const SETTLE: usize = 1000;

/// An emulated board behind a serial line.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder with `board.json`, which describes an emulated board.
    #[arg(long)]
    folder: PathBuf,
}

struct Physical {
    board: Emulated,
    port: File,
    received: u64,
    sent: u64,
    driven: [Option<u8>; 6],
}

/// A new pseudo-terminal: this end, and a link of that name to the other one.
fn terminal(name: &Path) -> io::Result<File> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    symlink(ptsname(&master, Vec::new())?.to_string_lossy().as_ref(), name)?;
    let flags = rustix::fs::fcntl_getfl(&master)?;
    rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
    Ok(File::from(master))
}

impl Physical {
    fn open(folder: &Path) -> io::Result<Self> {
        let description: BoardFile = serde_json::from_slice(&fs::read(folder.join("board.json"))?)?;
        let BoardFile::Emulated { firmware, node_key, freshness, clock_hz } = description else {
            return Err(io::Error::other("board.json describes no emulated board"));
        };
        let key = Key::new(&node_key.0).map_err(|error| io::Error::other(error.to_string()))?;
        let board = Emulated::new(&firmware.0, key, freshness, folder.join("counter"), clock_hz)?;
        Ok(Self { board, port: terminal(&folder.join("tty"))?, received: 0, sent: 0, driven: [None; 6] })
    }

    /// Lets the board run for a moment; what it says goes to the line, or nowhere if nobody listens. Whether it sleeps then.
    fn work(&mut self) -> io::Result<bool> {
        let (bytes, stop) = self.board.run()?;
        self.sent += bytes.len() as u64;
        let _ = self.port.write_all(&bytes);
        for output in self.board.outputs() {
            self.driven[usize::from(output.port - 1)] = Some(output.levels);
        }
        Ok(stop != Stop::Budget)
    }

    /// Until it sleeps. It does not while it waits to be asked about a pin that changed.
    fn settle(&mut self) -> io::Result<()> {
        for _ in 0..SETTLE {
            if self.work()? {
                break;
            }
        }
        Ok(())
    }

    fn look(&self) -> Value {
        let machine = self.board.machine();
        let uart = &machine.devices().uarts[0];
        json!({
            "cycles": machine.cycles(), "crypto": machine.crypto_cycles(), "byteCycles": uart.byte_cycles(), "received": self.received, "sent": self.sent,
            "lost": uart.lost(), "resets": machine.resets(), "modules": machine.modules().count(), "violations": machine.violations(), "driven": self.driven,
        })
    }

    fn obey(&mut self, command: &str) -> io::Result<()> {
        let invalid = || io::Error::other(format!("there is no command {command:?}: look, pins PORT LEVELS, or cut"));
        let number = |text: &str| text.parse::<u8>().map_err(|_| invalid());
        match command.split(' ').collect::<Vec<_>>()[..] {
            ["look"] => self.settle()?,
            ["pins", port, levels] => {
                self.board.drive(number(port)?, number(levels)?);
            }
            ["cut"] => {
                self.board.power_cycle();
                self.driven = [None; 6];
                self.settle()?;
            }
            _ => return Err(invalid()),
        }
        writeln!(io::stdout(), "{}", self.look())
    }

    fn run(mut self) -> io::Result<()> {
        let stdin = io::stdin();
        let mut pending = Vec::new();
        let mut bytes = [0; 512];
        self.settle()?;
        writeln!(io::stdout(), "{}", self.look())?;
        loop {
            let asleep = self.work()?;
            let mut waiting = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.port, PollFlags::IN)];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut waiting, (!asleep).then_some(&at_once))?;
            let [told, asked] = [waiting[0].revents(), waiting[1].revents()];
            if asked.contains(PollFlags::IN) {
                let count = self.port.read(&mut bytes)?;
                self.received += count as u64;
                self.board.send(&bytes[..count])?;
            } else if !asked.is_empty() {
                std::thread::sleep(Duration::from_millis(5)); // nobody has the line open
            }
            if !told.is_empty() {
                let count = rustix::io::read(&stdin, &mut bytes)?;
                if count == 0 {
                    return Ok(());
                }
                pending.extend_from_slice(&bytes[..count]);
                while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = pending.drain(..=end).collect();
                    self.obey(String::from_utf8_lossy(&line[..end]).as_ref())?;
                }
            }
        }
    }
}

fn main() -> io::Result<()> {
    Physical::open(&Arguments::parse().folder)?.run()
}
