//! Records of the rings and those of a board (`runtime/kit/ports/sancus/step.c`), frames and compact frames.

use authentic_wire::record::{input, output};
use std::collections::HashMap;

/// A board's record: strict outputs have no room, nothing was processed.
pub const BLOCKED: u16 = 12;

const FULL_HEADER: usize = 22;
const COMPACT_HEADER: usize = 8;
const VERSION: u8 = 1;

/// A record that a module on a board left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub kind: u16,
    pub argument: u16,
    pub body: &'a [u8],
}

/// The records in what a step left. What does not fit the format ends it: it comes from outside.
pub fn records(mut bytes: &[u8]) -> Vec<Record<'_>> {
    let mut found = Vec::new();
    while let Some(([kind, argument, low, high], rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some(body) = rest.get(..length) else { break };
        found.push(Record { kind: (*kind).into(), argument: (*argument).into(), body });
        bytes = rest.get(length + length % 2..).unwrap_or_default();
    }
    found
}

/// What is known of the module's connections: their full numbers and epochs, of which a compact frame has the low bits.
#[derive(Default)]
pub struct Translator {
    connections: HashMap<u16, (u32, u64)>,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

impl Translator {
    /// A record for the board; `None` where no board could take it.
    pub fn inward(kind: u16, argument: u16, body: &[u8]) -> Option<Vec<u8>> {
        let mut record = vec![u8::try_from(kind).ok()?, u8::try_from(argument).ok()?];
        match kind {
            input::FRAME | input::RESEAL => record.extend(compact(body)?),
            _ => record.extend_from_slice(body),
        }
        Some(record)
    }

    /// A record for the host; `None` where it is not understood.
    pub fn outward(&mut self, kind: u16, argument: u16, body: &[u8]) -> Option<Vec<u8>> {
        let number = |at: usize| word(body, at);
        let wide = |at: usize| number(at).map(|word| u64::from(word).to_le_bytes());
        Some(match kind {
            output::MESSAGE | output::LOG | output::TRIGGERED | output::FAILED => body.to_vec(),
            output::FRAME => self.expand(body)?,
            output::ACKNOWLEDGED => [&number(0)?.to_le_bytes()[..], &wide(4)?].concat(),
            output::RESEAL | output::PROCESSED => [&number(0)?.to_le_bytes()[..], &wide(4)?, &wide(8)?].concat(),
            output::REFUSED => [&number(0)?.to_le_bytes()[..], &[0; 8], &wide(4)?].concat(),
            output::CONNECTION => {
                let (id, epoch) = (number(0)?, number(12)?);
                if argument == 3 {
                    self.connections.remove(&(id as u16));
                } else {
                    self.connections.insert(id as u16, (id, epoch.into()));
                }
                [&body[..12], &wide(12)?, &wide(16)?].concat()
            }
            _ => return None,
        })
    }

    /// The frame that a compact one stands for. Its epoch is the connection's, or one shortly before.
    fn expand(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let (head, sealed) = frame.split_first_chunk::<COMPACT_HEADER>()?;
        let (id, current) = *self.connections.get(&u16::from_be_bytes([head[2], head[3]]))?;
        let epoch = current.checked_sub(u64::from((current as u8).wrapping_sub(head[1])))?;
        let mut full = Vec::with_capacity(FULL_HEADER + sealed.len());
        full.extend([VERSION, head[0] & 0x0f]);
        full.extend(id.to_be_bytes());
        full.extend(epoch.to_be_bytes());
        full.extend([0; 4]);
        full.extend(&head[4..]);
        full.extend(sealed);
        Some(full)
    }
}

/// The short form of a frame; `None` where its counter is beyond a board's.
fn compact(frame: &[u8]) -> Option<Vec<u8>> {
    let (head, sealed) = frame.split_first_chunk::<FULL_HEADER>()?;
    if head[14..18] != [0; 4] {
        return None;
    }
    let mut short = vec![VERSION << 4 | head[1] & 0x0f, head[13], head[4], head[5]];
    short.extend(&head[18..]);
    short.extend(sealed);
    Some(short)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure must fail the test")]
mod tests {
    use super::*;

    fn known(epoch: u32) -> Translator {
        let mut translator = Translator::default();
        let report = [&0x1122_3344u32.to_le_bytes()[..], &[0; 8], &epoch.to_le_bytes(), &7u32.to_le_bytes()].concat();
        let translated = translator.outward(output::CONNECTION, 1, &report).unwrap();
        assert_eq!(translated.len(), 28);
        translator
    }

    fn full(epoch: u64) -> Vec<u8> {
        [&[1, 1, 0x11, 0x22, 0x33, 0x44][..], &epoch.to_be_bytes(), &9u64.to_be_bytes(), b"ciphertext and tag"].concat()
    }

    #[test]
    fn a_frame_comes_back_from_its_short_form_in_the_current_and_the_previous_epoch() {
        for epoch in [0x1ff, 0x200, 0x201] {
            let short = compact(&full(epoch)).unwrap();
            assert_eq!(short.len(), full(epoch).len() - FULL_HEADER + COMPACT_HEADER);
            assert_eq!(known(0x201).expand(&short), Some(full(epoch)));
        }
    }

    #[test]
    fn a_frame_of_an_unknown_connection_or_a_counter_beyond_32_bits_is_not_translated() {
        let mut frame = full(1);
        assert_eq!(Translator::default().expand(&compact(&frame).unwrap()), None);
        frame[17] = 1;
        assert_eq!(compact(&frame), None);
        assert_eq!(compact(&frame[..20]), None);
    }

    #[test]
    fn truncated_records_end_the_list() {
        let bytes = [2, 1, 3, 0, 9, 9, 9, 0, 11, 5, 1, 0, 7, 0, 10, 0, 9, 0, 1];
        let found = records(&bytes);
        assert_eq!(found, [Record { kind: 2, argument: 1, body: &[9, 9, 9] }, Record { kind: 11, argument: 5, body: &[7] }]);
    }

    #[test]
    fn records_of_a_hostile_board() {
        let mut translator = known(0x201);
        let short = compact(&full(0x201)).unwrap();
        let report = [&0x1122_3344u32.to_le_bytes()[..], &[0; 8], &7u32.to_le_bytes(), &9u32.to_le_bytes()].concat();
        let samples = [(output::FRAME, short), (output::CONNECTION, report), (output::REFUSED, vec![1; 8]), (output::RESEAL, vec![2; 12]), (output::LOG, vec![b'x'; 90])]
            .map(|(kind, body)| [&[kind as u8, 1][..], &(body.len() as u16).to_le_bytes(), &body, &[0; 1][..body.len() % 2]].concat());
        authentic_testing::fuzz::fuzz("records of a hostile board", |random| {
            let mut bytes = random.changed(&samples);
            bytes.extend(random.changed(&samples));
            let mut translated = false;
            for Record { kind, argument, body } in records(&bytes) {
                if let Some(full) = translator.outward(kind, argument, body) {
                    assert!(full.len() <= body.len() + 24);
                    translated = true;
                }
            }
            assert!(translator.connections.len() <= 1 << 16);
            translated
        })
        .reaches(8);
    }

    #[test]
    fn frames_for_a_board() {
        let samples = [full(1), full(0x201), full(u64::MAX)];
        authentic_testing::fuzz::fuzz("frames for a board", |random| {
            let frame = random.changed(&samples);
            let record = Translator::inward(input::FRAME, 0, &frame);
            record.is_some_and(|record| record.len() + FULL_HEADER == frame.len() + COMPACT_HEADER + 2)
        })
        .reaches(8);
    }
}
