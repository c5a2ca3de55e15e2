//! The pages of an enclave, from the segments of its image (`docs/protocol.md` section 2).

use crate::tcs::Tcs;
use crate::{Attributes, PAGE};

/// Permissions of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The enclave may read it.
    pub read: bool,
    /// The enclave may write it.
    pub write: bool,
    /// The enclave may execute it.
    pub execute: bool,
}

/// A part of the image: its bytes, then zeros.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'image> {
    /// Offset in the enclave, page-aligned.
    pub offset: u64,
    /// Its first bytes.
    pub bytes: &'image [u8],
    /// Bytes altogether.
    pub size: u64,
    /// Of all its pages; those of the TCS are not looked at.
    pub permissions: Permissions,
}

/// A page to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Offset in the enclave.
    pub offset: u64,
    /// Permissions; `None` for the TCS.
    pub permissions: Option<Permissions>,
    /// Content.
    pub bytes: Box<[u8; PAGE]>,
}

impl Page {
    /// SECINFO.FLAGS (SDM 38.11).
    pub fn flags(&self) -> u64 {
        match self.permissions {
            None => 1 << 8,
            Some(Permissions { read, write, execute }) => 2 << 8 | u64::from(read) | u64::from(write) << 1 | u64::from(execute) << 2,
        }
    }
}

/// Why segments are no enclave.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LayoutError {
    /// There are none.
    #[error("it has no segments")]
    Empty,
    /// Not in order, not at pages, or too large.
    #[error("its segments overlap, are not page-aligned, not in order, or reach beyond {0:#x}")]
    Order(u64),
    /// Pages that code may change.
    #[error("the segment at {0:#x} is both writable and executable")]
    WritableCode(u64),
    /// The last segment is no TCS.
    #[error("its last segment is not a thread control structure of one page")]
    Tcs,
    /// The TCS leads outside.
    #[error("its thread control structure points to an entry that is not executable, or to save areas that are not writable")]
    TcsTargets,
}

/// An enclave before it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of its range of addresses: a power of two.
    pub size: u64,
    /// By offset.
    pub pages: Vec<Page>,
    /// Offset of the TCS: the last page.
    pub tcs_offset: u64,
    /// What the TCS says.
    pub tcs: Tcs,
}

impl Layout {
    /// Pages of an SSA frame: 832 bytes of x87, SSE and AVX state and 184 of registers fit into one.
    pub const SSA_FRAME_SIZE: u32 = 1;
    /// Largest range of addresses that is loaded.
    pub const MAX_SIZE: u64 = 256 << 20;
    /// Attributes before EINIT.
    pub const ATTRIBUTES: Attributes = Attributes { flags: Attributes::MODE64, xfrm: Attributes::XFRM_AVX };

    /// From the segments, in order of address.
    ///
    /// # Errors
    /// What the rule of `docs/protocol.md` section 2 does not allow.
    pub fn new(segments: &[Segment<'_>]) -> Result<Self, LayoutError> {
        let Some((tcs, others)) = segments.split_last() else { return Err(LayoutError::Empty) };
        let mut end = 0;
        for segment in segments {
            let file = segment.bytes.len() as u64;
            let fits = segment.offset.checked_add(segment.size).is_some_and(|last| last <= Self::MAX_SIZE);
            if segment.offset < end || !segment.offset.is_multiple_of(PAGE as u64) || !fits || file > segment.size || segment.size == 0 {
                return Err(LayoutError::Order(Self::MAX_SIZE));
            }
            if segment.permissions.write && segment.permissions.execute {
                return Err(LayoutError::WritableCode(segment.offset));
            }
            end = (segment.offset + segment.size).next_multiple_of(PAGE as u64);
        }
        if tcs.bytes.len() != PAGE || tcs.size != PAGE as u64 || tcs.permissions.execute {
            return Err(LayoutError::Tcs);
        }
        let mut pages: Vec<Page> = others.iter().flat_map(pages_of).collect();
        pages.extend(pages_of(tcs).map(|page| Page { permissions: None, ..page }));
        let layout = Self { size: end.next_power_of_two(), tcs_offset: tcs.offset, tcs: Tcs::from_page(tcs.bytes).ok_or(LayoutError::Tcs)?, pages };
        layout.check_tcs()?;
        Ok(layout)
    }

    /// What EENTER would refuse or fault on is refused before anything is loaded.
    fn check_tcs(&self) -> Result<(), LayoutError> {
        let permits = |offset: u64, wanted: fn(Permissions) -> bool| self.page(offset).and_then(|page| page.permissions).is_some_and(wanted);
        let frames = (0..u64::from(self.tcs.nssa)).all(|frame| {
            let offset = self.tcs.ossa.checked_add(frame * PAGE as u64);
            offset.is_some_and(|offset| permits(offset, |permissions| permissions.read && permissions.write))
        });
        if frames && permits(self.tcs.oentry, |permissions| permissions.execute) { Ok(()) } else { Err(LayoutError::TcsTargets) }
    }

    /// The page that holds an offset.
    pub fn page(&self, offset: u64) -> Option<&Page> {
        let start = offset - offset % PAGE as u64;
        self.pages.binary_search_by_key(&start, |page| page.offset).ok().map(|index| &self.pages[index])
    }
}

fn pages_of<'segment>(segment: &'segment Segment<'_>) -> impl Iterator<Item = Page> + 'segment {
    (0..segment.size.div_ceil(PAGE as u64)).map(|index| {
        let mut bytes = Box::new([0; PAGE]);
        let start = (index as usize * PAGE).min(segment.bytes.len());
        let content = &segment.bytes[start..segment.bytes.len().min(start + PAGE)];
        bytes[..content.len()].copy_from_slice(content);
        Page { offset: segment.offset + index * PAGE as u64, permissions: Some(segment.permissions), bytes }
    })
}
