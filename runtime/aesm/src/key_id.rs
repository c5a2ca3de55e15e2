//! Identities of attestation keys (`sgx_att_key_id_ext_t` in the PSW's `sgx_quote.h`): which quoting enclave, and which
//! algorithm.

/// Bytes of an identity.
pub const LENGTH: usize = 256;
/// An ECDSA key on P-256.
pub const ALGORITHM_ECDSA_P256: u32 = 2;

const VERSION: usize = 2;
const SIGNER_LENGTH: usize = 4;
const SIGNER: usize = 6;
const PRODUCT: usize = 54;
const ALGORITHM: usize = 154;

/// The identity of an attestation key. Members that ECDSA does not use are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; LENGTH]);

impl KeyId {
    /// The identity of an ECDSA P-256 key of the quoting enclave with this MRSIGNER and ISVPRODID.
    pub fn ecdsa_p256(signer: &[u8; 32], product: u32) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[VERSION..VERSION + 2].copy_from_slice(&0u16.to_le_bytes());
        bytes[SIGNER_LENGTH..SIGNER_LENGTH + 2].copy_from_slice(&32u16.to_le_bytes());
        bytes[SIGNER..SIGNER + 32].copy_from_slice(signer);
        bytes[PRODUCT..PRODUCT + 4].copy_from_slice(&product.to_le_bytes());
        bytes[ALGORITHM..ALGORITHM + 4].copy_from_slice(&ALGORITHM_ECDSA_P256.to_le_bytes());
        Self(bytes)
    }

    /// Reads an identity; `None` where the length is another.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As messages carry it.
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// The algorithm of the key.
    pub fn algorithm(&self) -> u32 {
        self.0[ALGORITHM..ALGORITHM + 4].try_into().map_or(0, u32::from_le_bytes)
    }
}
