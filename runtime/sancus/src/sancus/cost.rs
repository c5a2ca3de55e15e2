//! Cycles of the crypto instructions, measured on the published core; `*` marks what is derived from its state machine.

use crate::crypto::Security;

/// Cycles of a permutation and of the fixed part of each instruction.
struct Figures {
    permutation: u64,
    wrap: u64,
    mac: u64,
    enable: u64,
    verify: u64,
    key_words: u64,
}

const BITS_64: Figures = Figures { permutation: 93, wrap: 939, mac: 937, enable: 1950, verify: 1118, key_words: 4 };
const BITS_128: Figures = Figures { permutation: 173, wrap: 3123, mac: 3121, enable: 6382, verify: 3454, key_words: 8 };

fn figures(security: Security) -> &'static Figures {
    match security {
        Security::Bits64 => &BITS_64,
        Security::Bits128 => &BITS_128,
    }
}

/// Wrap and unwrap* of `body` words with `associated` words. A module's own key* need not be fetched.
pub(super) fn wrap(security: Security, associated: u16, body: u16, own_key: bool) -> u64 {
    let f = figures(security);
    let words = u64::from(associated) + u64::from(body);
    let cycles = if body == 0 { f.mac + f.permutation * (words - 1) } else { f.wrap + f.permutation * (words - 2) };
    cycles - if own_key { 2 * f.key_words } else { 0 }
}

/// Enable; a confidential load* also absorbs key and nonce, decrypts the text and checks the tag.
pub(super) fn enable(security: Security, text: u16, confidential: bool) -> u64 {
    let f = figures(security);
    let text = u64::from(text);
    let decryption = if confidential { f.permutation * (2 * f.key_words + text) } else { 0 };
    f.enable + f.permutation * text + decryption
}

/// Verify of a module that exists.
pub(super) fn verify(security: Security, text: u16) -> u64 {
    let f = figures(security);
    f.verify + f.permutation * u64::from(text)
}

/// Disable*: a cycle a word and the set-up of two loops.
pub(super) fn disable(text: u16, secret: u16) -> u64 {
    8 + u64::from(text) + u64::from(secret)
}
