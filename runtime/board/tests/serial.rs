//! The link over a serial port: a pseudo-terminal, the other end of which is the UART of an emulated board. Counts come from
//! the board's memory and its UART, not from the link.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

#[path = "../../sancus/tests/toolchain/mod.rs"]
#[allow(dead_code, reason = "shared with the emulator's tests")]
mod toolchain;

use authentic_board::Serial;
use authentic_board::link::{Link, LinkError, Question, Status};
use authentic_sancus::Machine;
use authentic_sancus::crypto::{Key, Security};
use authentic_sancus::image::Image;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;
use rustix::time::Timespec;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use toolchain::Folder;

const CLOCK: u32 = 20_000_000;
const PLACE: u16 = 0x1000;
const SLICE: u64 = 2_000;

/// What somebody does to the wire.
enum Wire {
    /// Pull the plug, and tell when it is out.
    Unplug(Sender<()>),
    Plug,
    /// Put bytes on the wire to the bridge that no board sent.
    Noise(Vec<u8>, Sender<()>),
}

/// A board at a pseudo-terminal, which appears under `device`. It runs while it has something to do.
struct Board {
    machine: Arc<Mutex<Machine>>,
    wires: Sender<Wire>,
    device: PathBuf,
    powered: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A new pseudo-terminal: this end, and a link of that name to the other one.
fn terminal(device: &Path) -> File {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let _ = fs::remove_file(device);
    symlink(name.to_str().unwrap(), device).unwrap();
    File::from(master)
}

/// Whether bytes are there, within `milliseconds`. A terminal whose other end is closed is silent.
fn readable(file: &File, milliseconds: i64) -> bool {
    let timeout = Timespec { tv_sec: 0, tv_nsec: milliseconds * 1_000_000 };
    let mut descriptors = [PollFd::new(file, PollFlags::IN)];
    let ready = poll(&mut descriptors, Some(&timeout)).unwrap_or(0) > 0;
    if ready && !descriptors[0].revents().contains(PollFlags::IN) {
        std::thread::sleep(std::time::Duration::from_millis(5));
        return false;
    }
    ready
}

impl Board {
    fn start(folder: &Folder, baud: u32) -> Self {
        let divisor = u16::try_from((CLOCK + baud / 2) / baud - 1).unwrap();
        let mut machine = Machine::builder().node_key(Key::zero(Security::default())).build();
        for piece in Image::parse(&fs::read(toolchain::firmware(folder, divisor)).unwrap(), 0x4000).unwrap().pieces {
            machine.load(piece.address, &piece.bytes).unwrap();
        }
        machine.reset_to_power_on();
        let machine = Arc::new(Mutex::new(machine));
        let device = folder.file("ttyBoard");
        let mut wire = Some(terminal(&device));
        let [powered, ended] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
        let (wires, actions) = channel();
        let (board, on, over, path) = (machine.clone(), powered.clone(), ended.clone(), device.clone());
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if !on.load(Ordering::Relaxed) {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    continue;
                }
                match actions.try_recv() {
                    Ok(Wire::Unplug(done)) => {
                        wire = None;
                        let _ = fs::remove_file(&path);
                        done.send(()).unwrap();
                    }
                    Ok(Wire::Plug) => wire = Some(terminal(&path)),
                    Ok(Wire::Noise(bytes, done)) => {
                        wire.as_mut().unwrap().write_all(&bytes).unwrap();
                        done.send(()).unwrap();
                    }
                    Err(_) => {}
                }
                let mut machine = board.lock().unwrap();
                let asleep = machine.run(SLICE) != authentic_sancus::Stop::Budget;
                let sent = machine.take_from_uart(0);
                drop(machine);
                let Some(port) = &mut wire else { continue };
                if !sent.is_empty() {
                    let _ = port.write_all(&sent);
                }
                if readable(port, i64::from(asleep) * 2) {
                    let mut bytes = [0; 256];
                    let count = port.read(&mut bytes).unwrap_or(0);
                    board.lock().unwrap().send_to_uart(0, &bytes[..count]);
                }
            }
        });
        Self { machine, wires, device, powered, ended, thread: Some(thread) }
    }

    /// Switches the board on, and links to it once that has started: before, its UART is off.
    fn link(&self, baud: u32) -> Link {
        let mut link = Link::new(Box::new(Serial::open(self.device.to_str().unwrap(), baud).unwrap()));
        self.powered.store(true, Ordering::Relaxed);
        while link.boots == 0 {
            link.listen().unwrap();
        }
        link.ask(Question::Info, &[], 0).unwrap();
        link
    }

    /// Writes another pattern at each question, and looks into the board's memory each time.
    /// The link waits for an answer for so many milliseconds beside its own half second.
    fn write_and_look(&self, link: &mut Link, numbers: std::ops::Range<u32>, patience: u32) {
        for number in numbers {
            let length = 1 + (number * 37 % 224) as usize;
            // Bytes among them that have to be escaped, and those that a terminal would act upon: Ctrl-C, Ctrl-D, CR, XON, XOFF.
            let special = [0x7e, 0x7d, 0x03, 0x04, 0x0d, 0x0a, 0x11, 0x13, 0x00, 0xff];
            let bytes: Vec<u8> = (0..length).map(|at| if at % 3 == 1 { special[(at / 3 + number as usize) % special.len()] } else { (number + at as u32) as u8 }).collect();
            let answer = link.ask(Question::Write, &[&PLACE.to_le_bytes()[..], &bytes].concat(), patience).unwrap();
            assert_eq!(answer.status, Status::Done);
            assert_eq!(self.machine.lock().unwrap().peek_range(PLACE, length), bytes, "question {number}");
        }
    }

    fn lost(&self) -> u64 {
        self.machine.lock().unwrap().devices().uarts[0].lost()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[test]
fn no_question_is_lost_over_a_terminal_at_115200_baud_and_at_1_mbaud() {
    let folder = Folder::new("serial");
    for baud in [115_200, 1_000_000] {
        let board = Board::start(&folder, baud);
        let mut link = board.link(baud);
        // A busy machine may let this board stand still for long.
        board.write_and_look(&mut link, 0..100, 30_000);
        assert_eq!((link.repeated, link.spoiled(), link.unexpected, board.lost()), (0, 0, 0, 0), "{baud} baud");
    }
}

#[test]
fn a_port_is_set_to_the_speed_without_translation_or_flow_control_and_taken_by_nobody_else() {
    use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes};
    let folder = Folder::new("settings");
    for baud in [9600, 115_200, 250_000, 1_000_000] {
        let device = folder.file("tty");
        let master = terminal(&device);
        let _port = Serial::open(device.to_str().unwrap(), baud).unwrap();
        let settings = tcgetattr(&master).unwrap();
        assert_eq!((settings.input_speed(), settings.output_speed()), (baud, baud));
        assert!(!settings.input_modes.intersects(InputModes::IXON | InputModes::IXOFF | InputModes::ICRNL | InputModes::ISTRIP));
        assert!(!settings.output_modes.contains(OutputModes::OPOST));
        assert!(!settings.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
        assert!(!settings.control_modes.intersects(ControlModes::CRTSCTS | ControlModes::CSTOPB | ControlModes::PARENB));
        assert!(settings.control_modes.contains(ControlModes::CS8 | ControlModes::CLOCAL));
    }
    assert!(Serial::open(folder.0.to_str().unwrap(), 9600).is_err(), "a folder is no serial port");
}

#[test]
fn a_plug_that_is_pulled_and_put_in_again_costs_no_question() {
    let folder = Folder::new("plug");
    let board = Board::start(&folder, 1_000_000);
    let mut link = board.link(1_000_000);
    board.write_and_look(&mut link, 0..5, 0);
    let (done, pulled) = channel();
    board.wires.send(Wire::Unplug(done)).unwrap();
    pulled.recv().unwrap();
    assert!(!board.device.exists());
    let again = board.wires.clone();
    let helper = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(700));
        again.send(Wire::Plug).unwrap();
    });
    board.write_and_look(&mut link, 5..10, 0);
    helper.join().unwrap();
    assert!(link.repeated > 0, "the question was asked before the plug was back");
    assert_eq!(link.boots, 1, "the board went on");
}

#[test]
fn noise_on_the_line_is_no_answer_and_is_counted() {
    let folder = Folder::new("garbage");
    let board = Board::start(&folder, 1_000_000);
    let mut link = board.link(1_000_000);
    let answer = authentic_board::link::encode(&[77, 0x81, 0, 0, 0, 2]);
    let (done, written) = channel();
    board.wires.send(Wire::Noise([&[0x7e, 1, 2, 3, 4, 5, 0x7e][..], &[0xa5; 2000], &answer].concat(), done)).unwrap();
    written.recv().unwrap();
    board.write_and_look(&mut link, 0..20, 30_000);
    assert_eq!(link.unexpected, 1, "the answer that nobody asked for");
    assert!(link.spoiled() >= 2, "{}", link.spoiled());
}

#[test]
fn a_board_without_a_power_switch_resets_itself() {
    let folder = Folder::new("reset");
    let board = Board::start(&folder, 1_000_000);
    let mut link = board.link(1_000_000);
    board.write_and_look(&mut link, 0..2, 0);
    let before = board.machine.lock().unwrap().resets();
    link.power_cycle().unwrap();
    let machine = board.machine.lock().unwrap();
    assert!(machine.resets() > before && link.boots > 1);
    assert!(machine.peek_range(PLACE, 64).iter().all(|byte| *byte == 0), "the boot code wipes RAM");
    drop(machine);
    board.write_and_look(&mut link, 2..4, 0);
    // One that nobody asked for ends the question under way, and says so.
    board.machine.lock().unwrap().reset();
    assert!(matches!(link.ask(Question::Info, &[], 0), Err(LinkError::Reset)));
    board.write_and_look(&mut link, 4..6, 0);
}
