//! Random inputs for the parsers of a board's bridge: what a board says on its line, and images for it.

use authentic_board::board::Board;
use authentic_board::image::ModuleImage;
use authentic_board::line::{Heard, Line, PortOutput};
use authentic_board::link::{Decoder, Link, Question, encode};
use authentic_testing::fuzz::{Harness, Random, fuzz};
use authentic_testing::memory::Counting;
use authentic_wire::id::Id;
use std::collections::VecDeque;
use std::io;

#[global_allocator]
static MEMORY: Counting = Counting;

#[test]
fn frames_on_the_line() {
    let samples = [encode(b"\x01\x81\0\0\x40\0body"), encode(b"\0\x91\0"), encode(b"\0\x90\x03"), encode(&[0x7e; 30]), vec![0x11; 3000]];
    let mut decoder = Decoder::default();
    fuzz("frames of a board's line", |random| {
        let bytes = random.changed(&samples);
        let mut heard = false;
        for byte in bytes {
            if let Some(content) = decoder.accept(byte) {
                assert!((2..=1022).contains(&content.len()));
                heard = true;
            }
        }
        heard
    })
    .reaches(8);
}

#[test]
fn images() {
    let module = [b"AEXM\x01\x02\x12\x34".as_slice(), &[0, 0, 0x48, 0, 0x48, 4, 10, 0, 12, 0, 1, 2, 3, 4], &[1, 5, 0xfc, 0, 0xfc, 2, 0, 0x20, 0, 0x28, 9, 9]];
    let samples = [module.concat(), [b"AEXM\x01\x01\x12\x34".as_slice(), &[0, 0, 0x48, 0, 0x48, 4, 10, 0, 12, 0, 1, 2, 3, 4]].concat()];
    fuzz("images of Sancus modules", |random| {
        let bytes = random.changed(&samples);
        ModuleImage::parse(&bytes).is_ok_and(|image| {
            assert!(!image.parts.is_empty() && image.parts.iter().map(|part| part.text.len()).sum::<usize>() <= bytes.len());
            assert_eq!(image.start(), image.parts[0].layout[0]);
            image.clashes(&image)
        })
    })
    .reaches(100);
}

/// A board that says anything; now and then it answers.
struct Hostile {
    random: Random,
    said: VecDeque<Heard>,
}

impl Line for Hostile {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut decoder = Decoder::default();
        let asked = bytes.iter().filter_map(|byte| decoder.accept(*byte)).last().unwrap_or_default();
        let turn = asked.first().copied().unwrap_or(1);
        let random = &mut self.random;
        let mut answer = vec![turn, 0x81, random.below(6) as u8, 0, random.number() as u8, random.below(4) as u8];
        answer.extend((0..random.below(60)).map(|_| random.number() as u8));
        let mut frame = encode(&answer);
        for _ in 0..random.below(3) {
            let boot = encode(&[0, 0x90 + random.below(2) as u8, random.number() as u8]);
            frame.splice(0..0, boot);
        }
        if random.below(3) == 0 {
            random.mutate(&mut frame);
        }
        self.said.push_back(match random.below(64) {
            0 => Heard::Overdue,
            1 => Heard::Silence,
            _ => Heard::Bytes(frame),
        });
        Ok(())
    }

    fn receive(&mut self) -> io::Result<Heard> {
        Ok(self.said.pop_front().unwrap_or(Heard::Silence))
    }

    fn allow(&mut self, _milliseconds: u32) {}

    fn power_cycle(&mut self) -> bool {
        true
    }

    fn drive(&mut self, _port: u8, _levels: u8) -> bool {
        true
    }

    fn outputs(&mut self) -> Vec<PortOutput> {
        Vec::new()
    }

    fn cycles(&self) -> u64 {
        0
    }

    fn kind(&self) -> &'static str {
        "hostile"
    }
}

fn hostile(name: &str) -> Box<Hostile> {
    Box::new(Hostile { random: Random::new(name), said: VecDeque::new() })
}

#[test]
fn answers_of_a_hostile_board() {
    let mut link = Link::new(hostile("answers"));
    fuzz("answers of a hostile board", |random| link.ask(*random.one_of(&[Question::Info, Question::Call, Question::Enable]), &[1, 2, 3], 10).is_ok())
        .reaches(16);
}

#[test]
fn modules_on_a_hostile_board() {
    let text = [b"AEXM\x01\x01\x12\x34".as_slice(), &[0, 0, 0x48, 0, 0x48, 4, 10, 0, 12, 0, 1, 2, 3, 4]].concat();
    let image = ModuleImage::parse(&text).expect("an image");
    let mut board = loop {
        if let Ok(board) = Board::new(hostile("board")) {
            break board;
        }
    };
    let instance = Id([1; 16]);
    let mut loaded = false;
    Harness { name: "steps on a hostile board", memory: 4 << 20, slow: 4 }
        .run(|random| {
            if !loaded {
                loaded = board.open(instance, image.clone(), 100).is_ok();
                return loaded;
            }
            let good = board.step(instance, &[1, 1, 4, 0, 1, 2, 3, 4]).is_ok();
            if !good || random.below(64) == 0 {
                let _ = board.close(instance);
                board.forget();
                loaded = false;
            }
            good
        })
        .reaches(2000);
}
