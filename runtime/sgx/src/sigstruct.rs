//! SIGSTRUCT (SDM 38.13): what the signer of an enclave says about it.

use crate::attributes::Attributes;
use crate::bytes::{get, zero};
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

const HEADER: [u8; 16] = [6, 0, 0, 0, 0xE1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
const HEADER2: [u8; 16] = [1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0];
const VENDOR_INTEL: [u8; 4] = [0x86, 0x80, 0, 0];
const RSA: usize = 384;
/// DigestInfo of SHA-256 (RFC 8017, 9.2).
const DIGEST_INFO: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// A signature structure, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigStruct {
    bytes: [u8; Self::LENGTH],
}

impl SigStruct {
    /// Bytes of it.
    pub const LENGTH: usize = 1808;

    /// From its bytes.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self { bytes: *bytes }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.bytes
    }

    /// MISCSELECT.
    pub fn misc_select(&self) -> u32 {
        u32::from_le_bytes(get(&self.bytes, 900))
    }

    /// MISCMASK.
    pub fn misc_mask(&self) -> u32 {
        u32::from_le_bytes(get(&self.bytes, 904))
    }

    /// ISVFAMILYID.
    pub fn isv_family_id(&self) -> [u8; 16] {
        get(&self.bytes, 912)
    }

    /// ATTRIBUTES.
    pub fn attributes(&self) -> Attributes {
        Attributes::from_bytes(get(&self.bytes, 928))
    }

    /// ATTRIBUTEMASK.
    pub fn attribute_mask(&self) -> Attributes {
        Attributes::from_bytes(get(&self.bytes, 944))
    }

    /// ENCLAVEHASH.
    pub fn enclave_hash(&self) -> [u8; 32] {
        get(&self.bytes, 960)
    }

    /// ISVEXTPRODID.
    pub fn isv_ext_prod_id(&self) -> [u8; 16] {
        get(&self.bytes, 1008)
    }

    /// ISVPRODID.
    pub fn isv_prod_id(&self) -> u16 {
        u16::from_le_bytes(get(&self.bytes, 1024))
    }

    /// ISVSVN.
    pub fn isv_svn(&self) -> u16 {
        u16::from_le_bytes(get(&self.bytes, 1026))
    }

    /// MRSIGNER: SHA-256 of the modulus as it lies here.
    pub fn mr_signer(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes[128..512]).into()
    }

    /// Constants and reserved fields.
    pub(crate) fn is_well_formed(&self) -> bool {
        let bytes = &self.bytes;
        let vendor: [u8; 4] = get(bytes, 16);
        bytes[..16] == HEADER
            && (vendor == [0; 4] || vendor == VENDOR_INTEL)
            && bytes[24..40] == HEADER2
            && get(bytes, 512) == 3u32.to_le_bytes()
            && zero(&bytes[44..128])
            && zero(&bytes[908..912])
            && zero(&bytes[992..1008])
            && zero(&bytes[1028..1040])
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, exponent 3, by the quotients Q1 and Q2 (SDM 38.13).
    pub(crate) fn is_signed(&self) -> bool {
        let number = |at: usize| BigUint::from_bytes_le(&self.bytes[at..at + RSA]);
        let (modulus, signature, q1, q2) = (number(128), number(516), number(1040), number(1424));
        if modulus.bits() != 8 * RSA as u64 || signature >= modulus {
            return false;
        }
        let reduce = |product: BigUint, quotient: &BigUint| {
            let multiple = quotient * &modulus;
            (product >= multiple).then(|| product - multiple).filter(|rest| rest < &modulus)
        };
        let Some(square) = reduce(&signature * &signature, &q1) else { return false };
        let Some(cube) = reduce(square * &signature, &q2) else { return false };
        let digest = Sha256::new().chain_update(&self.bytes[..128]).chain_update(&self.bytes[900..1028]).finalize();
        let mut message = [0xFF; RSA];
        message[..2].copy_from_slice(&[0, 1]);
        message[RSA - 52] = 0;
        message[RSA - 51..RSA - 32].copy_from_slice(&DIGEST_INFO);
        message[RSA - 32..].copy_from_slice(&digest);
        cube == BigUint::from_bytes_be(&message)
    }
}
