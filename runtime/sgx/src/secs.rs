//! SECS (SDM 38.7): the control structure of an enclave.

use crate::attributes::Attributes;
use crate::bytes::put;

/// CONFIGID, zero where the enclave has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigId(pub [u8; 64]);

impl Default for ConfigId {
    fn default() -> Self {
        Self([0; 64])
    }
}

/// An enclave as its processor knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secs {
    /// Bytes of the range of addresses, a power of two.
    pub size: u64,
    /// First address, a multiple of the size.
    pub base: u64,
    /// Pages of a frame of the SSA.
    pub ssa_frame_size: u32,
    /// Extended information in the SSA; 0: none.
    pub misc_select: u32,
    /// With `INIT` once EINIT has succeeded.
    pub attributes: Attributes,
    /// Measurement.
    pub mr_enclave: [u8; 32],
    /// Who signed it: SHA-256 of the modulus.
    pub mr_signer: [u8; 32],
    /// Chosen when the enclave is created (KSS).
    pub config_id: ConfigId,
    /// From SIGSTRUCT.
    pub isv_prod_id: u16,
    /// From SIGSTRUCT.
    pub isv_svn: u16,
    /// With `config_id`.
    pub config_svn: u16,
    /// From SIGSTRUCT (KSS).
    pub isv_family_id: [u8; 16],
    /// From SIGSTRUCT (KSS).
    pub isv_ext_prod_id: [u8; 16],
}

impl Secs {
    /// The source page of ECREATE, for `/dev/sgx_enclave`.
    pub fn to_page(&self) -> Box<[u8; 4096]> {
        let mut page = Box::new([0; 4096]);
        put(&mut page[..], 0, &self.size.to_le_bytes());
        put(&mut page[..], 8, &self.base.to_le_bytes());
        put(&mut page[..], 16, &self.ssa_frame_size.to_le_bytes());
        put(&mut page[..], 20, &self.misc_select.to_le_bytes());
        put(&mut page[..], 48, &self.attributes.to_bytes());
        put(&mut page[..], 192, &self.config_id.0);
        put(&mut page[..], 260, &self.config_svn.to_le_bytes());
        page
    }
}
