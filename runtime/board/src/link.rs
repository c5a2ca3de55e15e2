//! The link to the board's event manager (`runtime/sancus/firmware/main.c`): questions and answers in escaped frames.
//!
//! One question at a time. A question whose answer does not come whole is asked again with the same turn, and the board
//! then repeats its answer instead of carrying it out twice: a spoiled line costs time, never a record.

use crate::line::{Heard, Line};
use std::io;

const FLAG: u8 = 0x7e;
const ESCAPE: u8 = 0x7d;
const INVERT: u8 = 0x20;
const CRC_START: u16 = 0xffff;
const CRC_GOOD: u16 = 0xf0b8;
/// The longest frame a board sends.
const MAX_FRAME: usize = 1024;
const ATTEMPTS: usize = 12;

/// What a board can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Question {
    /// Write memory: address u16 | bytes.
    Write = 1,
    /// Enable a module: vendor, ps, pe, ss, se, five words. Its id, or 0.
    Enable = 2,
    /// Call a module: start u16 | entry u16 | record.
    Call = 3,
    /// Version of the event manager.
    Info = 4,
    /// Reset the board. It does not answer, but starts anew.
    Reset = 5,
}

const ANSWER: u8 = 0x80;
const ATTENTION: u8 = 0x90;
const BOOTED: u8 = 0x91;

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Carried out.
    Done,
    /// The board does not know it.
    Unknown,
    /// No module is enabled there.
    NoModule,
    /// The module refused the call.
    Refused,
    /// Somebody broke an access rule on the way.
    Violation,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it went.
    pub status: Status,
    /// What the board says.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The board has started anew; its modules are gone.
    #[error("the board was reset")]
    Reset,
    /// It does not answer, however often it is asked.
    #[error("the board does not answer")]
    Silent,
    /// It works for longer than it may.
    #[error("a module exceeded its time limit")]
    Overdue,
    /// The line is gone.
    #[error("the line to the board is gone: {0}")]
    Line(#[from] io::Error),
}

fn crc(sum: u16, byte: u8) -> u16 {
    let mut byte = byte ^ sum as u8;
    byte ^= byte << 4;
    (u16::from(byte) << 8 | sum >> 8) ^ u16::from(byte >> 4) ^ u16::from(byte) << 3
}

/// A frame: flag, content and checksum escaped, flag.
#[must_use]
pub fn encode(content: &[u8]) -> Vec<u8> {
    let sum = !content.iter().fold(CRC_START, |sum, byte| crc(sum, *byte));
    let mut frame = vec![FLAG];
    for byte in content.iter().copied().chain(sum.to_le_bytes()) {
        if byte == FLAG || byte == ESCAPE {
            frame.extend([ESCAPE, byte ^ INVERT]);
        } else {
            frame.push(byte);
        }
    }
    frame.push(FLAG);
    frame
}

/// Takes frames apart.
#[derive(Default)]
pub struct Decoder {
    content: Vec<u8>,
    escaped: bool,
    /// Frames that were dropped because they came in pieces or altered.
    pub spoiled: u64,
}

impl Decoder {
    /// Takes a byte. The content of a frame that ends with it and whose checksum is right.
    pub fn accept(&mut self, byte: u8) -> Option<Vec<u8>> {
        match byte {
            FLAG => {
                self.escaped = false;
                let mut content = std::mem::take(&mut self.content);
                if content.is_empty() {
                    return None; // between two frames
                }
                if content.len() < 4 || content.iter().fold(CRC_START, |sum, byte| crc(sum, *byte)) != CRC_GOOD {
                    self.spoiled += 1;
                    return None;
                }
                content.truncate(content.len() - 2);
                Some(content)
            }
            ESCAPE => {
                self.escaped = true;
                None
            }
            _ => {
                if self.content.len() < MAX_FRAME {
                    self.content.push(if std::mem::take(&mut self.escaped) { byte ^ INVERT } else { byte });
                }
                None
            }
        }
    }
}

/// The link over a line.
pub struct Link {
    line: Box<dyn Line>,
    decoder: Decoder,
    turn: u8,
    credit: usize,
    attention: u8,
    /// Times the board started.
    pub boots: u64,
    /// Questions that were asked again.
    pub repeated: u64,
    /// Frames that are no answer to what was asked: somebody else talks on the line, or an answer came late.
    pub unexpected: u64,
    violations: u64,
}

impl Link {
    /// Talks over a line; the board on it is started.
    pub fn new(line: Box<dyn Line>) -> Self {
        Self { line, decoder: Decoder::default(), turn: 0, credit: 64, attention: 0, boots: 0, repeated: 0, unexpected: 0, violations: 0 }
    }

    /// The line, for its pins and power.
    pub fn line(&mut self) -> &mut dyn Line {
        self.line.as_mut()
    }

    /// The board's cycles so far.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.line.cycles()
    }

    /// Bytes that the next question may have.
    #[must_use]
    pub fn credit(&self) -> usize {
        self.credit
    }

    /// Ports, as bits, whose interrupts came since the last call.
    pub fn take_attention(&mut self) -> u8 {
        std::mem::take(&mut self.attention)
    }

    /// Frames that came spoiled.
    #[must_use]
    pub fn spoiled(&self) -> u64 {
        self.decoder.spoiled
    }

    /// Answers since the last call that told of a violation.
    pub fn take_violations(&mut self) -> u64 {
        std::mem::take(&mut self.violations)
    }

    /// Asks the board, again where the line spoils the question or its answer.
    ///
    /// # Errors
    /// No answer. After [`LinkError::Overdue`] the board needs its power cut.
    pub fn ask(&mut self, question: Question, body: &[u8], milliseconds: u32) -> Result<Answer, LinkError> {
        self.ask_raw(question as u8, body, milliseconds)
    }

    /// As [`Link::ask`], with a question of any number.
    ///
    /// # Errors
    /// As [`Link::ask`].
    pub fn ask_raw(&mut self, question: u8, body: &[u8], milliseconds: u32) -> Result<Answer, LinkError> {
        self.turn = self.turn % 255 + 1;
        let mut content = vec![self.turn, question];
        content.extend_from_slice(body);
        let frame = encode(&content);
        self.line.allow(milliseconds);
        for attempt in 0..ATTEMPTS {
            self.repeated += u64::from(attempt > 0);
            self.line.send(&frame)?;
            loop {
                match self.line.receive()? {
                    Heard::Bytes(bytes) => {
                        if let Some(answer) = self.hear(&bytes)? {
                            return Ok(answer);
                        }
                    }
                    Heard::Silence => break,
                    Heard::Overdue => return Err(LinkError::Overdue),
                }
            }
        }
        Err(LinkError::Silent)
    }

    /// Listens until the board is asleep or wants attention.
    ///
    /// # Errors
    /// The board was reset, or the line is gone.
    pub fn listen(&mut self) -> Result<(), LinkError> {
        self.line.allow(0);
        while self.attention == 0 {
            match self.line.receive()? {
                Heard::Bytes(bytes) => drop(self.hear(&bytes)?),
                Heard::Silence | Heard::Overdue => break,
            }
        }
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<Option<Answer>, LinkError> {
        let mut found: Option<Answer> = None;
        for byte in bytes {
            let Some(content) = self.decoder.accept(*byte) else { continue };
            match content[..] {
                [0, BOOTED, _] => {
                    self.boots += 1;
                    if self.boots > 1 {
                        return Err(LinkError::Reset);
                    }
                }
                [0, ATTENTION, ports] => self.attention |= ports,
                [turn, kind, low, high, credit_low, credit_high, ref body @ ..] if turn == self.turn && kind & ANSWER != 0 && found.is_none() => {
                    self.credit = usize::from(u16::from_le_bytes([credit_low, credit_high]));
                    let status = match u16::from_le_bytes([low, high]) {
                        0 => Status::Done,
                        2 => Status::NoModule,
                        3 => Status::Refused,
                        4 => Status::Violation,
                        _ => Status::Unknown,
                    };
                    self.violations += u64::from(status == Status::Violation);
                    // One that was on already before anybody listened.
                    self.boots = self.boots.max(1);
                    found = Some(Answer { status, body: body.to_vec() });
                }
                _ => self.unexpected += 1,
            }
        }
        Ok(found)
    }

    /// Cuts the power and waits for the board to start. Where the line has no power switch the event manager resets the
    /// board, which a program in its place may refuse.
    ///
    /// # Errors
    /// The line is gone, or the board does not start.
    pub fn power_cycle(&mut self) -> Result<(), LinkError> {
        let switched = self.line.power_cycle();
        self.decoder = Decoder { spoiled: self.decoder.spoiled, ..Decoder::default() };
        self.attention = 0;
        self.turn = 0;
        let boots = self.boots;
        for _ in 0..ATTEMPTS {
            if !switched {
                self.line.send(&encode(&[255, Question::Reset as u8]))?;
            }
            match self.listen() {
                Err(LinkError::Reset) => return Ok(()),
                Ok(()) if self.boots > boots => return Ok(()),
                Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Err(LinkError::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_whatever_their_bytes() {
        let content: Vec<u8> = (0..=255).collect();
        let mut decoder = Decoder::default();
        let heard: Vec<_> = encode(&content).into_iter().filter_map(|byte| decoder.accept(byte)).collect();
        assert_eq!(heard, [content]);
    }

    #[test]
    fn a_spoiled_frame_is_dropped_and_the_next_is_heard() {
        for spoiled in 1..8 {
            let mut bytes = encode(b"first");
            bytes[spoiled] ^= 0x04;
            bytes.extend(encode(b"second"));
            let mut decoder = Decoder::default();
            let heard: Vec<_> = bytes.into_iter().filter_map(|byte| decoder.accept(byte)).collect();
            assert_eq!(heard, [b"second".to_vec()], "byte {spoiled}");
        }
    }

    #[test]
    fn the_checksum_is_x25() {
        let sum = !b"123456789".iter().fold(CRC_START, |sum, byte| crc(sum, *byte));
        assert_eq!(sum, 0x906e);
    }
}
