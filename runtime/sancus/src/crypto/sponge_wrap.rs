//! SpongeWrap as the Sancus crypto unit runs it: authenticated encryption and MACs over 16-bit words.
//!
//! Source: Bertoni et al., "Duplexing the Sponge" (SAC 2011), with rate 18: 16 data bits, a frame bit and padding.

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroize;

use super::keys::{Key, Security};
use super::spongent::{permute_176, permute_336};

const FRAME: u64 = 1 << 16;
const PADDING: u64 = 1 << 17;
/// A body without a word: frame bit 0 at bit 0, padding at bit 1.
const EMPTY_BODY: u64 = 0b10;
/// A block that only asks for more output.
const BLANK: u64 = 0b01;

/// The tag did not match: the data or the associated data was changed, or the key is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the tag does not match")]
pub struct AuthenticationFailed;

enum State {
    B176([u64; 3]),
    B336([u64; 6]),
}

/// The sponge with a key absorbed; feeds one word a step, so that the crypto unit can work on memory in place.
pub(crate) struct Duplex {
    state: State,
    security: Security,
}

impl Duplex {
    pub(crate) fn new(key: &Key) -> Self {
        let security = key.security();
        let state = match security {
            Security::Bits64 => State::B176([0; 3]),
            Security::Bits128 => State::B336([0; 6]),
        };
        let mut duplex = Self { state, security };
        let words = security.tag_words();
        for (i, pair) in key.bytes().chunks_exact(2).enumerate() {
            duplex.absorb(u16::from_le_bytes([pair[0], pair[1]]), i + 1 < words);
        }
        duplex
    }

    /// Absorbs a word of associated data; the last one opens the body.
    pub(crate) fn associated(&mut self, word: u16, last: bool) {
        self.absorb(word, last);
    }

    /// Encrypts and absorbs a word of the body.
    pub(crate) fn encrypt(&mut self, plain: u16, last: bool) -> u16 {
        let cipher = plain ^ self.output();
        self.absorb(plain, !last);
        cipher
    }

    /// Decrypts a word of the body and absorbs the plaintext.
    pub(crate) fn decrypt(&mut self, cipher: u16, last: bool) -> u16 {
        let plain = cipher ^ self.output();
        self.absorb(plain, !last);
        plain
    }

    /// Closes a body of no words.
    pub(crate) fn empty_body(&mut self) {
        self.step(EMPTY_BODY);
    }

    /// The tag; only the first 8 bytes count at 64 bits.
    pub(crate) fn tag(mut self) -> [u8; 16] {
        let mut tag = [0; 16];
        for (i, pair) in tag.chunks_exact_mut(2).take(self.security.tag_words()).enumerate() {
            if i > 0 {
                self.step(BLANK);
            }
            pair.copy_from_slice(&self.output().to_le_bytes());
        }
        tag
    }

    fn absorb(&mut self, word: u16, frame: bool) {
        self.step(u64::from(word) | if frame { FRAME } else { 0 } | PADDING);
    }

    fn step(&mut self, block: u64) {
        match &mut self.state {
            State::B176(lanes) => {
                lanes[0] ^= block;
                permute_176(lanes);
            }
            State::B336(lanes) => {
                lanes[0] ^= block;
                permute_336(lanes);
            }
        }
    }

    fn output(&self) -> u16 {
        match &self.state {
            State::B176(lanes) => lanes[0] as u16,
            State::B336(lanes) => lanes[0] as u16,
        }
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        match &mut self.state {
            State::B176(lanes) => lanes.zeroize(),
            State::B336(lanes) => lanes.zeroize(),
        }
    }
}

/// Splits bytes into the words the hardware reads; an odd last byte is the low half of a word whose high half is 0.
fn words(bytes: &[u8]) -> impl Iterator<Item = (u16, bool)> + '_ {
    let count = bytes.len().div_ceil(2);
    bytes.chunks(2).enumerate().map(move |(i, c)| (u16::from_le_bytes([c[0], *c.get(1).unwrap_or(&0)]), i + 1 == count))
}

/// Encrypts `body` in place and returns the tag (8 or 16 bytes by the key's security).
///
/// # Panics
/// If `associated` is empty or either length is odd: the hardware supports neither.
#[must_use]
pub fn wrap(key: &Key, associated: &[u8], body: &mut [u8]) -> Vec<u8> {
    crypt(key, associated, body, Duplex::encrypt)
}

/// Decrypts `body` in place if the tag matches, else leaves it as it was.
///
/// # Errors
/// [`AuthenticationFailed`] for a wrong tag or one of another length; always for an empty body, as in the hardware.
///
/// # Panics
/// As [`wrap`].
pub fn unwrap(key: &Key, associated: &[u8], body: &mut [u8], tag: &[u8]) -> Result<(), AuthenticationFailed> {
    let mut plain = body.to_vec();
    let expected = crypt(key, associated, &mut plain, Duplex::decrypt);
    let authentic = bool::from(expected.ct_eq(tag)) && !body.is_empty();
    if authentic {
        body.copy_from_slice(&plain);
    }
    plain.zeroize();
    if authentic { Ok(()) } else { Err(AuthenticationFailed) }
}

/// The message authentication code of `message`: the tag over it as associated data with an empty body.
///
/// # Panics
/// As [`wrap`].
#[must_use]
pub fn mac(key: &Key, message: &[u8]) -> Vec<u8> {
    wrap(key, message, &mut [])
}

fn crypt(key: &Key, associated: &[u8], body: &mut [u8], step: impl Fn(&mut Duplex, u16, bool) -> u16) -> Vec<u8> {
    assert!(!associated.is_empty(), "SpongeWrap needs associated data");
    assert!(associated.len().is_multiple_of(2) && body.len().is_multiple_of(2), "SpongeWrap works on 16-bit words");
    let mut duplex = Duplex::new(key);
    for (word, last) in words(associated) {
        duplex.associated(word, last);
    }
    let count = body.len() / 2;
    for (i, pair) in body.chunks_exact_mut(2).enumerate() {
        let out = step(&mut duplex, u16::from_le_bytes([pair[0], pair[1]]), i + 1 == count);
        pair.copy_from_slice(&out.to_le_bytes());
    }
    if count == 0 {
        duplex.empty_body();
    }
    duplex.tag()[..key.security().tag_bytes()].to_vec()
}
