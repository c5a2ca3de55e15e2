//! ATTRIBUTES (SDM 38.7.1): what an enclave may do, and which processor state it uses.

use crate::bytes::get;

/// Attributes of an enclave, or a mask over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Bits 0 to 63.
    pub flags: u64,
    /// Bits 64 to 127: the value of XCR0 inside the enclave.
    pub xfrm: u64,
}

impl Attributes {
    /// EINIT has initialized the enclave.
    pub const INIT: u64 = 1 << 0;
    /// A debugger may read and write the enclave.
    pub const DEBUG: u64 = 1 << 1;
    /// 64-bit code.
    pub const MODE64: u64 = 1 << 2;
    /// The enclave may have provisioning keys.
    pub const PROVISION_KEY: u64 = 1 << 4;
    /// The enclave may have the launch key.
    pub const EINITTOKEN_KEY: u64 = 1 << 5;
    /// Key separation and sharing: CONFIGID, ISVFAMILYID, ISVEXTPRODID.
    pub const KSS: u64 = 1 << 7;
    /// x87, SSE and AVX state.
    pub const XFRM_AVX: u64 = 7;

    /// From their 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { flags: u64::from_le_bytes(get(&bytes, 0)), xfrm: u64::from_le_bytes(get(&bytes, 8)) }
    }

    /// Their 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.flags.to_le_bytes());
        bytes[8..].copy_from_slice(&self.xfrm.to_le_bytes());
        bytes
    }

    /// The bits that `mask` selects.
    pub fn masked(self, mask: Self) -> Self {
        Self { flags: self.flags & mask.flags, xfrm: self.xfrm & mask.xfrm }
    }
}
