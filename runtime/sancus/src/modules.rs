//! The table of protected modules and the access map that follows from it.

use crate::crypto::{Key, Layout};

/// Protected modules a core can hold at once.
pub const CAPACITY: usize = 4;

/// Identifies code that is in no module.
pub const UNPROTECTED: u16 = 0;
/// The caller seen after a reset.
pub const AFTER_RESET: u16 = 0xffff;
/// Interrupt n is the domain `INTERRUPT + n`.
pub const INTERRUPT: u16 = 0xfff0;

/// A protected module as enabled.
#[derive(Clone, Debug)]
pub struct Module {
    /// From 1, never reused before a reset.
    pub id: u16,
    /// The vendor it was enabled for.
    pub vendor: u16,
    /// Its text and secret ranges.
    pub layout: Layout,
    pub(crate) key: Key,
}

impl Module {
    pub(crate) fn has_text(&self, address: u16) -> bool {
        (self.layout.public_start..self.layout.public_end).contains(&address)
    }
}

/// What code may not touch, as access-map bits doubled for word accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub read: u16,
    pub write: u16,
}

/// The slots, and for each byte of memory a bit per slot: bits 0–3 its text, bits 4–7 its secret data.
pub(crate) struct ModuleTable {
    slots: [Option<Module>; CAPACITY],
    map: Box<[u8; 0x1_0000]>,
    next_id: u16,
}

impl Default for ModuleTable {
    fn default() -> Self {
        Self { slots: Default::default(), map: Box::new([0; 0x1_0000]), next_id: 1 }
    }
}

impl ModuleTable {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Module> {
        self.slots.iter().flatten()
    }

    pub(crate) fn next_id(&self) -> u16 {
        self.next_id
    }

    #[cfg(test)]
    pub(crate) fn set_next_id(&mut self, id: u16) {
        self.next_id = id;
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&Module> {
        self.slots[slot].as_ref()
    }

    /// The slot whose text holds an address. Text ranges of enabled modules do not overlap, except by a hardware quirk.
    pub(crate) fn slot_at(&self, address: u16) -> Option<usize> {
        self.slots.iter().position(|slot| slot.as_ref().is_some_and(|m| m.has_text(address)))
    }

    pub(crate) fn slot_of(&self, id: u16) -> Option<usize> {
        self.slots.iter().position(|slot| slot.as_ref().is_some_and(|m| m.id == id))
    }

    pub(crate) fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(Option::is_none)
    }

    pub(crate) fn overlaps_text(&self, start: u16, end: u16) -> bool {
        self.iter().any(|m| start < m.layout.public_end && m.layout.public_start < end)
    }

    /// Fills a slot and consumes the next id, which it returns.
    pub(crate) fn insert(&mut self, slot: usize, vendor: u16, layout: Layout, key: Key) -> u16 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.slots[slot] = Some(Module { id, vendor, layout, key });
        self.redraw();
        id
    }

    pub(crate) fn rekey(&mut self, slot: usize, vendor: u16, key: Key) {
        if let Some(module) = &mut self.slots[slot] {
            module.vendor = vendor;
            module.key = key;
        }
    }

    pub(crate) fn remove(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.redraw();
    }

    pub(crate) fn clear(&mut self) {
        self.slots = Default::default();
        self.next_id = 1;
        self.redraw();
    }

    #[inline(always)]
    pub(crate) fn byte_bits(&self, address: u16) -> u16 {
        u16::from(self.map[usize::from(address)])
    }

    /// The map bits of both bytes of a word; `address` must be even.
    #[inline(always)]
    pub(crate) fn word_bits(&self, address: u16) -> u16 {
        u16::from(self.map[usize::from(address)]) | u16::from(self.map[usize::from(address | 1)]) << 8
    }

    /// What code in a slot (or unprotected code) may not do. Text is never written, not even by its module.
    pub(crate) fn denied_to(slot: Option<usize>) -> Denied {
        let (own_text, own_secret) = slot.map_or((0, 0), |i| (1u16 << i, 0x10u16 << i));
        Denied { read: (0xff & !(own_text | own_secret)) * 0x101, write: (0xff & !own_secret) * 0x101 }
    }

    /// The bits of a slot's text, doubled for words.
    pub(crate) fn text_bit(slot: usize) -> u16 {
        0x101 << slot
    }

    /// The largest range around `pc` that belongs to the same domain: (start, length).
    pub(crate) fn window(&self, pc: u16, slot: Option<usize>) -> (u16, u32) {
        let (mut low, mut high) = (0u32, 0x1_0000u32);
        if let Some(module) = slot.and_then(|i| self.get(i)) {
            low = u32::from(module.layout.public_start);
            high = u32::from(module.layout.public_end);
        } else {
            let pc = u32::from(pc);
            for module in self.iter() {
                let [ps, pe, ss, se] = module.layout.words().map(u32::from);
                for (start, end) in [(ps, pe), (ss, se)] {
                    if end <= pc {
                        low = low.max(end);
                    } else if start > pc {
                        high = high.min(start);
                    }
                }
            }
        }
        // Instructions are words: a range with an odd border ends at the last whole word.
        let low = (low + 1) & !1;
        ((low & 0xffff) as u16, (high & !1).saturating_sub(low))
    }

    fn redraw(&mut self) {
        self.map.fill(0);
        for (i, module) in self.slots.iter().enumerate() {
            let Some(module) = module else { continue };
            let [ps, pe, ss, se] = module.layout.words().map(usize::from);
            for (range, bit) in [(ps..pe, 1u8 << i), (ss..se, 0x10 << i)] {
                for byte in &mut self.map[range] {
                    *byte |= bit;
                }
            }
        }
    }
}
