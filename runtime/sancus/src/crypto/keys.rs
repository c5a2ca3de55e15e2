//! Keys and their derivation: node key → vendor key → module key, and the public tag that identifies a module.
//!
//! Source: Noorman et al., "Sancus 2.0: A Low-Cost Security Architecture for IoT Devices" (ACM TOPS, 2017).

use std::fmt;

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroize;

use super::sponge_wrap::mac;

/// Length of keys and tags; fixed when a Sancus core is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// 64-bit keys and tags, Spongent with 176 bits.
    #[default]
    Bits64,
    /// 128-bit keys and tags, Spongent with 336 bits.
    Bits128,
}

impl Security {
    /// Bytes in a key and in a tag: 8 or 16.
    #[must_use]
    pub const fn tag_bytes(self) -> usize {
        match self {
            Self::Bits64 => 8,
            Self::Bits128 => 16,
        }
    }

    pub(crate) const fn tag_words(self) -> usize {
        self.tag_bytes() / 2
    }
}

/// The text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Neither 8 nor 16 bytes.
    #[error("a Sancus key has 8 bytes (64-bit security) or 16 bytes (128-bit security), not {0}")]
    Length(usize),
    /// Not an even number of hexadecimal digits.
    #[error("a Sancus key is written in hexadecimal digits, two a byte")]
    NotHexadecimal,
}

/// A symmetric key; erased when dropped, never shown by `Debug`.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; 16],
    security: Security,
}

impl Key {
    /// Takes a key of 8 bytes (64-bit security) or 16 bytes (128-bit security).
    ///
    /// # Errors
    /// [`KeyError::Length`] for any other length.
    pub fn new(key: &[u8]) -> Result<Self, KeyError> {
        let security = match key.len() {
            8 => Security::Bits64,
            16 => Security::Bits128,
            other => return Err(KeyError::Length(other)),
        };
        let mut bytes = [0; 16];
        bytes[..key.len()].copy_from_slice(key);
        Ok(Self { bytes, security })
    }

    /// Reads a key written in hexadecimal; white space around it is ignored.
    ///
    /// # Errors
    /// If it is not hexadecimal or has another length than 16 or 32 digits.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if !text.len().is_multiple_of(2) || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err(KeyError::NotHexadecimal);
        }
        if text.len() > 32 {
            return Err(KeyError::Length(text.len() / 2));
        }
        let mut bytes = [0; 16];
        for (i, byte) in bytes.iter_mut().enumerate().take(text.len() / 2) {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| KeyError::NotHexadecimal)?;
        }
        let key = Self::new(&bytes[..text.len() / 2]);
        bytes.zeroize();
        key
    }

    /// The all-zero key, under which a MAC is a plain hash.
    #[must_use]
    pub fn zero(security: Security) -> Self {
        Self { bytes: [0; 16], security }
    }

    /// Replaces the key by one of the same length.
    pub(crate) fn set(&mut self, key: &[u8]) {
        self.bytes[..self.security.tag_bytes()].copy_from_slice(key);
    }

    /// The security level this key belongs to.
    #[must_use]
    pub fn security(&self) -> Security {
        self.security
    }

    /// The key itself: 8 or 16 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.security.tag_bytes()]
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, hidden)", self.security)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.security == other.security && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

impl Eq for Key {}

/// Where a module lies: part of its identity. Ends are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// First byte of the text section, and its only entry point.
    pub public_start: u16,
    /// End of the text section.
    pub public_end: u16,
    /// First byte of the secret section.
    pub secret_start: u16,
    /// End of the secret section.
    pub secret_end: u16,
}

impl Layout {
    /// The four addresses as they are measured, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        for (pair, word) in bytes.chunks_exact_mut(2).zip(self.words()) {
            pair.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(crate) const fn words(self) -> [u16; 4] {
        [self.public_start, self.public_end, self.secret_start, self.secret_end]
    }
}

/// `K_vendor = MAC(K_node, vendor id)`: what the owner of a node gives to a software vendor.
#[must_use]
pub fn vendor_key(node: &Key, vendor: u16) -> Key {
    key_of(mac(node, &vendor.to_le_bytes()))
}

/// `K_module = MAC(K_vendor, text ‖ layout)`: what only this module on this node can use.
///
/// # Panics
/// If `text` has an odd length.
#[must_use]
pub fn module_key(vendor: &Key, text: &[u8], layout: Layout) -> Key {
    key_of(mac(vendor, &identity(text, layout)))
}

/// The tag `verify` compares: a hash of a module's text and layout.
///
/// # Panics
/// If `text` has an odd length.
#[must_use]
pub fn verify_tag(security: Security, text: &[u8], layout: Layout) -> Vec<u8> {
    mac(&Key::zero(security), &identity(text, layout))
}

fn identity(text: &[u8], layout: Layout) -> Vec<u8> {
    [text, &layout.to_bytes()].concat()
}

fn key_of(mut tag: Vec<u8>) -> Key {
    let mut bytes = [0; 16];
    bytes[..tag.len()].copy_from_slice(&tag);
    let security = if tag.len() == 8 { Security::Bits64 } else { Security::Bits128 };
    tag.zeroize();
    let key = Key { bytes, security };
    bytes.zeroize();
    key
}
