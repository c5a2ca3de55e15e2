//! A copy of the board's window, in which this side does all arithmetic on rings: what is new in it is sent along with an
//! entry, and what the board says is new there is copied in.

use super::client::Entered;
use crate::region::Region;
use authentic_wire::ring::{Consumer, Corrupted, DATA, Layout, PINS, PINS_AT, Producer, Ring};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where positions lie in a region: tail and head of control, of events, of out.
const CONTROL_TAIL: usize = 64;
const CONTROL_HEAD: usize = 128;
const EVENTS_TAIL: usize = 192;
const EVENTS_HEAD: usize = 256;
const OUT_TAIL: usize = 320;
const OUT_HEAD: usize = 384;
/// `offset u32 | length u16` before the bytes of a patch.
const PATCH: usize = 6;

/// The copy.
pub struct Shadow {
    /// Writing ends of control and events, reading end of out.
    pub control: Producer,
    /// See `control`.
    pub events: Producer,
    /// See `control`.
    pub out: Consumer,
    capacities: [u32; 3],
    sent: [u32; 2],
    received: u32,
    pins: [u32; PINS],
    region: Region,
}

/// Bytes to write before an entry, and those that go along with it.
#[derive(Default)]
pub struct Patches {
    /// Offsets and bytes that do not fit along with the entry.
    pub before: Vec<(usize, Vec<u8>)>,
    /// Encoded patches.
    pub along: Vec<u8>,
}

impl Patches {
    fn add(&mut self, offset: usize, bytes: &[u8], room: usize) {
        if self.along.len() + PATCH + bytes.len() > room {
            return self.before.push((offset, bytes.to_vec()));
        }
        self.along.extend((offset as u32).to_le_bytes());
        self.along.extend((bytes.len() as u16).to_le_bytes());
        self.along.extend(bytes);
    }
}

impl Shadow {
    /// An empty window with these capacities: control, events, out. `None` where they are impossible.
    ///
    /// # Errors
    /// No memory.
    pub fn new(capacities: [u32; 3]) -> std::io::Result<Option<Self>> {
        let Some(layout) = Layout::new(capacities[0], capacities[1], capacities[2]) else { return Ok(None) };
        let region = Region::map(layout)?;
        // SAFETY: the only ends of this region, which is dropped behind them.
        let (control, events, out) = unsafe { region.host_ends() };
        Ok(Some(Self { control, events, out, capacities, sent: [0; 2], received: 0, pins: [0; PINS], region }))
    }

    /// The first page, with which the board's window begins.
    pub fn header(&self) -> Vec<u8> {
        self.bytes(0, DATA)
    }

    fn bytes(&self, offset: usize, length: usize) -> Vec<u8> {
        assert!(offset + length <= self.region.size());
        let mut bytes = vec![0; length];
        // SAFETY: inside the region, as was just checked; nobody else runs while this thread holds `self`.
        unsafe { std::ptr::copy_nonoverlapping(self.region.address().add(offset), bytes.as_mut_ptr(), length) };
        bytes
    }

    fn store(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.region.size());
        // SAFETY: as for `bytes`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.region.address().add(offset), bytes.len()) };
    }

    fn position(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: one of the constants above: aligned and in the first page, which is only accessed through atomics there.
        unsafe { &*self.region.address().add(offset).cast::<AtomicU32>() }
    }

    fn data(&self, ring: Ring) -> (usize, u32) {
        let [control, events, out] = self.capacities;
        match ring {
            Ring::Control => (DATA, control),
            Ring::Events => (DATA + control as usize, events),
            Ring::Out => (DATA + (control + events) as usize, out),
        }
    }

    /// The pieces of a ring's data from one position to another: at most two.
    fn pieces(&self, ring: Ring, from: u32, to: u32) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (data, capacity) = self.data(ring);
        let (start, length) = ((from & (capacity - 1)) as usize, to.wrapping_sub(from) as usize);
        let first = length.min(capacity as usize - start);
        [(data + start, first), (data, length - first)].into_iter().filter(|(_, length)| *length > 0)
    }

    /// What is new here, of which at most `room` bytes go along with the entry. Tails always do: they come last.
    pub fn patches(&mut self, pins: [u32; PINS], room: usize) -> Patches {
        const TAILS: usize = 3 * (PATCH + 4);
        let mut patches = Patches::default();
        for (index, (ring, tail)) in [(Ring::Control, CONTROL_TAIL), (Ring::Events, EVENTS_TAIL)].into_iter().enumerate() {
            let to = self.position(tail).load(Ordering::Acquire);
            for (offset, length) in self.pieces(ring, self.sent[index], to) {
                patches.add(offset, &self.bytes(offset, length), room - TAILS);
            }
            self.sent[index] = to;
        }
        if pins != self.pins {
            self.pins = pins;
            let bytes: Vec<u8> = pins.iter().flat_map(|pin| pin.to_le_bytes()).collect();
            patches.add(PINS_AT, &bytes, room - TAILS);
        }
        for offset in [CONTROL_TAIL, EVENTS_TAIL, OUT_HEAD] {
            patches.add(offset, &self.position(offset).load(Ordering::Acquire).to_le_bytes(), room);
        }
        patches
    }

    /// Where the bytes of the out ring begin that the board is asked for.
    pub fn out_from(&self) -> u32 {
        self.received
    }

    /// Takes the board's positions and out bytes over. Returns what of the out ring is still missing: offset and length.
    ///
    /// # Errors
    /// The board claims more than the ring holds.
    pub fn take(&mut self, entered: &Entered) -> Result<Vec<(usize, usize)>, Corrupted> {
        let [control, events, tail] = entered.positions;
        let new = tail.wrapping_sub(self.received);
        let unread = tail.wrapping_sub(self.position(OUT_HEAD).load(Ordering::Acquire));
        if new > self.capacities[2] || unread > self.capacities[2] || entered.out.len() > new as usize {
            return Err(Corrupted);
        }
        let mut from = self.received;
        let mut out = &entered.out[..];
        let here: Vec<_> = self.pieces(Ring::Out, from, from.wrapping_add(out.len() as u32)).collect();
        for (offset, length) in here {
            let (piece, rest) = out.split_at(length);
            self.store(offset, piece);
            out = rest;
        }
        from = from.wrapping_add(entered.out.len() as u32);
        let missing = self.pieces(Ring::Out, from, tail).collect();
        self.received = tail;
        self.position(CONTROL_HEAD).store(control, Ordering::Release);
        self.position(EVENTS_HEAD).store(events, Ordering::Release);
        Ok(missing)
    }

    /// Bytes that were missing.
    pub fn complete(&self, offset: usize, bytes: &[u8]) {
        self.store(offset, bytes);
    }

    /// Makes what was taken visible to the reading end.
    pub fn publish(&self) {
        self.position(OUT_TAIL).store(self.received, Ordering::Release);
    }

    /// Whether a record with a body of this length can ever be put into control or events.
    pub fn holds(&self, length: usize) -> bool {
        length + 16 <= self.capacities[0].min(self.capacities[1]) as usize
    }
}
