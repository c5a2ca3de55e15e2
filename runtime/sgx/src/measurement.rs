//! MRENCLAVE (SDM 39.3: ECREATE, EADD, EEXTEND; 39.4.1: its records).

use crate::PAGE;
use crate::bytes::put;
use crate::layout::Layout;
use sha2::{Digest, Sha256};

const CHUNK: usize = 256;

/// A measurement under way.
pub struct Measurement(Sha256);

impl Measurement {
    /// ECREATE.
    pub fn create(ssa_frame_size: u32, size: u64) -> Self {
        let mut record = [0; 64];
        put(&mut record, 0, b"ECREATE\0");
        put(&mut record, 8, &ssa_frame_size.to_le_bytes());
        put(&mut record, 12, &size.to_le_bytes());
        Self(Sha256::new_with_prefix(record))
    }

    /// EADD of a page, with the lower half of its SECINFO.FLAGS.
    pub fn add(&mut self, offset: u64, flags: u64) {
        let mut record = [0; 64];
        put(&mut record, 0, b"EADD\0\0\0\0");
        put(&mut record, 8, &offset.to_le_bytes());
        put(&mut record, 16, &flags.to_le_bytes());
        self.0.update(record);
    }

    /// EEXTEND of all 16 chunks of a page.
    pub fn extend(&mut self, offset: u64, page: &[u8; PAGE]) {
        for (index, chunk) in page.chunks_exact(CHUNK).enumerate() {
            let mut record = [0; 64];
            put(&mut record, 0, b"EEXTEND\0");
            put(&mut record, 8, &(offset + (index * CHUNK) as u64).to_le_bytes());
            self.0.update(record);
            self.0.update(chunk);
        }
    }

    /// MRENCLAVE, as EINIT makes it.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// MRENCLAVE of an enclave all of whose pages are measured.
    pub fn of(layout: &Layout) -> [u8; 32] {
        let mut measurement = Self::create(Layout::SSA_FRAME_SIZE, layout.size);
        for page in &layout.pages {
            measurement.add(page.offset, page.flags());
            measurement.extend(page.offset, &page.bytes);
        }
        measurement.finish()
    }
}
