//! The shared rings between host and enclave (`docs/protocol.md` section 8): layout, producer and consumer.
//!
//! Both sides are here, because the tests' enclave uses the other ends. Every record is copied out before it is
//! looked at, and the other side's position is read once a record: the memory may change under the reader.

use std::sync::atomic::{AtomicU32, Ordering};

/// Offset of the control data.
pub const DATA: usize = 4096;
/// Number of pins.
pub const PINS: usize = 64;
/// Offset of the pins.
pub const PINS_AT: usize = 512;
/// Offset of the 512 bytes that say for whom the TEE makes its reports.
pub const TARGET_AT: usize = 1024;
/// Bytes of a record's header.
pub const HEADER: u32 = 8;

const MAGIC: u32 = 0x5258_4541;
const VERSION: u32 = 1;
const CONTROL_AT: usize = 64;
const EVENTS_AT: usize = 192;
const OUT_AT: usize = 320;
const HEAD_AFTER: usize = 64;

/// Which ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Host to enclave, drained first.
    Control,
    /// Host to enclave.
    Events,
    /// Enclave to host.
    Out,
}

/// The other side broke the ring: its position claims more than the capacity or a record more than there is.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the ring between host and enclave is corrupted")]
pub struct Corrupted;

/// Capacities of the three rings in bytes, powers of two of at least 4096.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    control: u32,
    events: u32,
    out: u32,
}

impl Layout {
    /// A layout, where every capacity is a power of two from 4 KiB to 64 MiB.
    pub fn new(control: u32, events: u32, out: u32) -> Option<Self> {
        let fits = |capacity: u32| capacity.is_power_of_two() && (4096..=64 << 20).contains(&capacity);
        (fits(control) && fits(events) && fits(out)).then_some(Self { control, events, out })
    }

    /// Bytes of the whole region.
    pub fn size(&self) -> usize {
        DATA + self.control as usize + self.events as usize + self.out as usize
    }

    /// Bytes of a ring's data.
    pub fn capacity(&self, ring: Ring) -> u32 {
        match ring {
            Ring::Control => self.control,
            Ring::Events => self.events,
            Ring::Out => self.out,
        }
    }

    fn data(&self, ring: Ring) -> usize {
        match ring {
            Ring::Control => DATA,
            Ring::Events => DATA + self.control as usize,
            Ring::Out => DATA + self.control as usize + self.events as usize,
        }
    }

    /// Writes the header of an empty region.
    ///
    /// # Safety
    /// `region` points to `self.size()` writable bytes, page-aligned, that nobody uses yet.
    pub unsafe fn initialize(&self, region: *mut u8) {
        let words = [(0, MAGIC), (4, VERSION), (16, self.control), (20, self.events), (24, self.out), (28, PINS as u32)];
        // SAFETY: all offsets are below 4096 and aligned for their type; the caller grants the region.
        unsafe {
            for (offset, word) in words {
                region.add(offset).cast::<u32>().write(word.to_le());
            }
            region.add(8).cast::<u64>().write((self.size() as u64).to_le());
        }
    }

    /// # Safety
    /// As for [`Producer::new`].
    unsafe fn side(&self, region: *mut u8, ring: Ring) -> Side {
        let positions = match ring {
            Ring::Control => CONTROL_AT,
            Ring::Events => EVENTS_AT,
            Ring::Out => OUT_AT,
        };
        // SAFETY: positions and data lie within the region that the caller grants; positions are 64-byte aligned.
        unsafe {
            Side {
                data: region.add(self.data(ring)),
                capacity: self.capacity(ring),
                tail: region.add(positions).cast(),
                head: region.add(positions + HEAD_AFTER).cast(),
            }
        }
    }
}

struct Side {
    data: *mut u8,
    capacity: u32,
    tail: *const AtomicU32,
    head: *const AtomicU32,
}

impl Side {
    fn tail(&self) -> &AtomicU32 {
        // SAFETY: points into the region, which lives as long as the side; atomics may be shared.
        unsafe { &*self.tail }
    }

    fn head(&self) -> &AtomicU32 {
        // SAFETY: as for `tail`.
        unsafe { &*self.head }
    }

    /// Copies `bytes` to `position`, wrapping at the end. `bytes` is not longer than the capacity.
    fn write(&self, position: u32, bytes: &[u8]) {
        let start = (position & (self.capacity - 1)) as usize;
        let first = bytes.len().min(self.capacity as usize - start);
        // SAFETY: `start + first` ends within the data, the rest begins at its start and is shorter than the capacity.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data.add(start), first);
            std::ptr::copy_nonoverlapping(bytes.as_ptr().add(first), self.data, bytes.len() - first);
        }
    }

    /// Copies from `position`, wrapping at the end. `bytes` is not longer than the capacity.
    fn read(&self, position: u32, bytes: &mut [u8]) {
        let start = (position & (self.capacity - 1)) as usize;
        let first = bytes.len().min(self.capacity as usize - start);
        // SAFETY: as for `write`.
        unsafe {
            std::ptr::copy_nonoverlapping(self.data.add(start), bytes.as_mut_ptr(), first);
            std::ptr::copy_nonoverlapping(self.data, bytes.as_mut_ptr().add(first), bytes.len() - first);
        }
    }
}

fn padded(body: usize) -> usize {
    (HEADER as usize + body).next_multiple_of(8)
}

/// The writing end of a ring.
pub struct Producer {
    side: Side,
    position: u32,
}

// SAFETY: the pointers refer to memory that is only accessed through atomics and copies of this one end.
unsafe impl Send for Producer {}

impl Producer {
    /// The writing end of `ring`.
    ///
    /// # Safety
    /// `region` was initialized with `layout`, outlives the end, and there is no other writing end of this ring.
    pub unsafe fn new(layout: &Layout, region: *mut u8, ring: Ring) -> Self {
        // SAFETY: passed on.
        Self { side: unsafe { layout.side(region, ring) }, position: 0 }
    }

    /// Appends a record whose body is the concatenation of `parts`. Returns false while there is no room.
    ///
    /// # Errors
    /// The reader's position is impossible.
    pub fn push(&mut self, kind: u16, argument: u16, parts: &[&[u8]]) -> Result<bool, Corrupted> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let used = self.position.wrapping_sub(self.side.head().load(Ordering::Acquire));
        if used > self.side.capacity {
            return Err(Corrupted);
        }
        if padded(length) > (self.side.capacity - used) as usize {
            return Ok(false);
        }
        let mut header = [0; HEADER as usize];
        header[..4].copy_from_slice(&(length as u32).to_le_bytes());
        header[4..6].copy_from_slice(&kind.to_le_bytes());
        header[6..].copy_from_slice(&argument.to_le_bytes());
        self.side.write(self.position, &header);
        let mut at = self.position.wrapping_add(HEADER);
        for part in parts {
            self.side.write(at, part);
            at = at.wrapping_add(part.len() as u32);
        }
        self.position = self.position.wrapping_add(padded(length) as u32);
        self.side.tail().store(self.position, Ordering::Release);
        Ok(true)
    }

    /// Whether the reader has taken everything.
    pub fn is_drained(&self) -> bool {
        self.side.head().load(Ordering::Acquire) == self.position
    }
}

/// The reading end of a ring.
pub struct Consumer {
    side: Side,
    position: u32,
}

// SAFETY: as for `Producer`.
unsafe impl Send for Consumer {}

impl Consumer {
    /// The reading end of `ring`.
    ///
    /// # Safety
    /// As for [`Producer::new`], with no other reading end.
    pub unsafe fn new(layout: &Layout, region: *mut u8, ring: Ring) -> Self {
        // SAFETY: passed on.
        Self { side: unsafe { layout.side(region, ring) }, position: 0 }
    }

    /// Copies the next record's body into `body` and returns its kind and argument.
    ///
    /// # Errors
    /// The writer's position is impossible, or the record claims more bytes than there are.
    pub fn next(&mut self, body: &mut Vec<u8>) -> Result<Option<(u16, u16)>, Corrupted> {
        let used = self.side.tail().load(Ordering::Acquire).wrapping_sub(self.position);
        if used == 0 {
            return Ok(None);
        }
        if used > self.side.capacity || used < HEADER {
            return Err(Corrupted);
        }
        let mut header = [0; HEADER as usize];
        self.side.read(self.position, &mut header);
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        if padded(length) > used as usize {
            return Err(Corrupted);
        }
        body.resize(length, 0);
        self.side.read(self.position.wrapping_add(HEADER), body);
        self.position = self.position.wrapping_add(padded(length) as u32);
        self.side.head().store(self.position, Ordering::Release);
        Ok(Some((u16::from_le_bytes([header[4], header[5]]), u16::from_le_bytes([header[6], header[7]]))))
    }
}
