//! The link over the emulated board's UART: no question is lost at the board's baud rates, and none on a bad line either.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

#[path = "../../sancus/tests/toolchain/mod.rs"]
#[allow(dead_code, reason = "shared with the emulator's tests")]
mod toolchain;

use authentic_board::Emulated;
use authentic_board::line::{Heard, Line};
use authentic_board::link::{Link, Question, Status};
use authentic_sancus::crypto::{Key, Security};
use authentic_wire::board::Freshness;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use toolchain::Folder;

const CLOCK: u32 = 20_000_000;
/// Memory that no module and no event manager has in these tests.
const PLACE: u16 = 0x1000;

/// A board that the test can look at, on a line that spoils one byte in so many; 0: none.
#[derive(Clone)]
struct Shared {
    board: Arc<Mutex<Emulated>>,
    spoils: u32,
    random: u32,
}

impl Shared {
    fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut spoiled = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match self.spoils {
                0 => spoiled.push(*byte),
                rate if !(self.random >> 8).is_multiple_of(rate) => spoiled.push(*byte),
                _ if self.random >> 31 == 0 => {} // lost
                _ => spoiled.push(byte ^ 0x20),
            }
        }
        spoiled
    }
}

impl Line for Shared {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let spoiled = self.spoil(bytes);
        self.board.lock().unwrap().send(&spoiled)
    }

    fn receive(&mut self) -> io::Result<Heard> {
        let heard = self.board.lock().unwrap().receive()?;
        Ok(match heard {
            Heard::Bytes(bytes) => Heard::Bytes(self.spoil(&bytes)),
            other => other,
        })
    }

    fn allow(&mut self, milliseconds: u32) {
        self.board.lock().unwrap().allow(milliseconds);
    }

    fn power_cycle(&mut self) -> bool {
        self.board.lock().unwrap().power_cycle()
    }

    fn cycles(&self) -> u64 {
        self.board.lock().unwrap().cycles()
    }

    fn kind(&self) -> &'static str {
        "emulated"
    }
}

fn board(folder: &Folder, baud: u32, spoils: u32) -> (Shared, Link) {
    let divisor = u16::try_from((CLOCK + baud / 2) / baud - 1).unwrap();
    let firmware = std::fs::read(toolchain::firmware(folder, divisor)).unwrap();
    let board = Emulated::new(&firmware, Key::zero(Security::default()), Freshness::None, PathBuf::new(), CLOCK).unwrap();
    let shared = Shared { board: Arc::new(Mutex::new(board)), spoils: 0, random: 1 };
    let mut link = Link::new(Box::new(Shared { spoils, ..shared.clone() }));
    let _ = link.listen();
    (shared, link)
}

/// Writes `count` times to one place, each time something else, and looks each time.
fn write_and_look(shared: &Shared, link: &mut Link, count: u32) {
    for number in 0..count {
        let length = 1 + (number * 37 % 224) as usize;
        // Bytes that have to be escaped among them.
        let bytes: Vec<u8> = (0..length)
            .map(|at| {
                if at % 11 == 3 {
                    0x7e
                } else if at % 7 == 2 {
                    0x7d
                } else {
                    (number + at as u32) as u8
                }
            })
            .collect();
        let answer = link.ask(Question::Write, &[&PLACE.to_le_bytes()[..], &bytes].concat(), 0).unwrap();
        assert_eq!(answer.status, Status::Done);
        assert_eq!(shared.board.lock().unwrap().machine().peek_range(PLACE, length), bytes, "question {number}");
    }
}

#[test]
fn no_question_is_lost_at_115200_baud_and_at_1_mbaud() {
    let folder = Folder::new("line");
    for baud in [115_200, 1_000_000] {
        let (shared, mut link) = board(&folder, baud, 0);
        write_and_look(&shared, &mut link, 200);
        let board = shared.board.lock().unwrap();
        assert_eq!((link.repeated, board.machine().devices().uarts[0].lost()), (0, 0), "{baud} baud");
        let cycles = board.machine().cycles();
        println!("{baud} baud: {} cycles a question", cycles / 200);
    }
}

#[test]
fn a_line_that_spoils_bytes_costs_time_but_no_question() {
    let folder = Folder::new("noise");
    let (shared, mut link) = board(&folder, 1_000_000, 400);
    write_and_look(&shared, &mut link, 200);
    assert!(link.repeated > 20, "{} repetitions", link.repeated);
}
