//! TCS (SDM 38.8): where the one thread of an enclave enters, and where its state is saved.

use crate::PAGE;
use crate::bytes::{get, zero};

/// A thread control structure as EADD takes it. Offsets are relative to the enclave's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcs {
    /// First frame of the SSA.
    pub ossa: u64,
    /// Frames of the SSA.
    pub nssa: u32,
    /// Entry point.
    pub oentry: u64,
}

impl Tcs {
    /// From its page; `None` where EADD refuses it, or where it asks for what no enclave here needs: a state other than
    /// new, debugging, another FS or GS.
    pub fn from_page(page: &[u8]) -> Option<Self> {
        let tcs = Self { ossa: u64::from_le_bytes(get(page, 16)), nssa: u32::from_le_bytes(get(page, 28)), oentry: u64::from_le_bytes(get(page, 32)) };
        let fresh = zero(&page[..16]) && zero(&page[24..28]) && zero(&page[40..64]) && zero(&page[72..PAGE]);
        (fresh && tcs.ossa.is_multiple_of(PAGE as u64) && tcs.nssa > 0).then_some(tcs)
    }
}
