//! KEYREQUEST (SDM 38.18): which key an enclave asks for.

use crate::attributes::Attributes;
use crate::bytes::{get, put, zero};

/// KEYNAME (SDM 38.18.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum KeyName {
    /// Launch tokens.
    EinitToken = 0,
    /// Provisioning.
    Provision = 1,
    /// Sealing for provisioning.
    ProvisionSeal = 2,
    /// Reports to this enclave.
    Report = 3,
    /// Sealing.
    Seal = 4,
}

impl KeyName {
    /// From its number.
    pub fn from_number(number: u16) -> Option<Self> {
        [Self::EinitToken, Self::Provision, Self::ProvisionSeal, Self::Report, Self::Seal].into_iter().find(|name| *name as u16 == number)
    }
}

/// KEYPOLICY (SDM 38.18.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy(pub u16);

impl Policy {
    /// The key depends on MRENCLAVE.
    pub const MR_ENCLAVE: u16 = 1 << 0;
    /// The key depends on MRSIGNER.
    pub const MR_SIGNER: u16 = 1 << 1;
    /// The key does not depend on ISVPRODID (KSS).
    pub const NO_ISV_PROD_ID: u16 = 1 << 2;
    /// The key depends on CONFIGID and CONFIGSVN (KSS).
    pub const CONFIG_ID: u16 = 1 << 3;
    /// The key depends on ISVFAMILYID (KSS).
    pub const ISV_FAMILY_ID: u16 = 1 << 4;
    /// The key depends on ISVEXTPRODID (KSS).
    pub const ISV_EXT_PROD_ID: u16 = 1 << 5;
    /// Bits that need KSS.
    pub const KSS: u16 = 0b11_1100;
    /// Bits that are not defined.
    pub const RESERVED: u16 = !0b11_1111;

    /// Whether a bit is set.
    pub fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

/// A request for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    /// Which key; numbers that are none are refused by EGETKEY.
    pub name: u16,
    /// What it depends on.
    pub policy: Policy,
    /// Security version of the enclave.
    pub isv_svn: u16,
    /// Security version of the processor.
    pub cpu_svn: [u8; 16],
    /// Attributes the key depends on.
    pub attribute_mask: Attributes,
    /// Any number.
    pub key_id: [u8; 32],
    /// Bits of MISCSELECT the key depends on.
    pub misc_mask: u32,
    /// With CONFIGID.
    pub config_svn: u16,
}

impl KeyRequest {
    /// Bytes of it.
    pub const LENGTH: usize = 512;

    /// From its bytes; `None` where a reserved bit is set, on which EGETKEY faults.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let request = Self {
            name: u16::from_le_bytes(get(bytes, 0)),
            policy: Policy(u16::from_le_bytes(get(bytes, 2))),
            isv_svn: u16::from_le_bytes(get(bytes, 4)),
            cpu_svn: get(bytes, 8),
            attribute_mask: Attributes::from_bytes(get(bytes, 24)),
            key_id: get(bytes, 40),
            misc_mask: u32::from_le_bytes(get(bytes, 72)),
            config_svn: u16::from_le_bytes(get(bytes, 76)),
        };
        // CET attributes at 6 are reserved on a processor without CET for enclaves.
        (zero(&bytes[6..8]) && zero(&bytes[78..]) && !request.policy.has(Policy::RESERVED)).then_some(request)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        put(&mut bytes, 0, &self.name.to_le_bytes());
        put(&mut bytes, 2, &self.policy.0.to_le_bytes());
        put(&mut bytes, 4, &self.isv_svn.to_le_bytes());
        put(&mut bytes, 8, &self.cpu_svn);
        put(&mut bytes, 24, &self.attribute_mask.to_bytes());
        put(&mut bytes, 40, &self.key_id);
        put(&mut bytes, 72, &self.misc_mask.to_le_bytes());
        put(&mut bytes, 76, &self.config_svn.to_le_bytes());
        bytes
    }
}
