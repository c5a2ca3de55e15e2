//! Authenticated encryption for software: the wrap and unwrap instructions.

use zeroize::Zeroizing;

use super::{LOOK_UP_CYCLES, cost, word_count};
use crate::crypto::{Duplex, Key};
use crate::machine::Machine;

/// The operands in registers.
struct Job {
    duplex: Duplex,
    body: u16,
    body_words: u16,
    output: u16,
    tag: u16,
    cycles: u64,
}

impl Machine {
    /// Wrap: encrypts [r12, r13) to r14 and writes the tag to r15; with an empty body only the tag.
    pub(super) fn wrap(&mut self) -> u64 {
        let Some(mut job) = self.absorb_key_and_associated_data() else { return self.give(0, LOOK_UP_CYCLES) };
        for i in 0..job.body_words {
            let plain = self.read_word(job.body.wrapping_add(2 * i));
            let cipher = job.duplex.encrypt(plain, i + 1 == job.body_words);
            self.write_word(job.output.wrapping_add(2 * i), cipher);
        }
        if job.body_words == 0 {
            job.duplex.empty_body();
        }
        let tag = job.duplex.tag();
        for (i, pair) in (0u16..).zip(tag.chunks_exact(2).take(self.security().tag_words())) {
            self.write_word(job.tag.wrapping_add(2 * i), u16::from_le_bytes([pair[0], pair[1]]));
        }
        self.give(u16::from(self.fault.is_none()), job.cycles)
    }

    /// Unwrap: decrypts [r12, r13) to r14 if the tag at r15 is right.
    ///
    /// The published core writes the plaintext before it checks the tag; here a wrong tag leaves the output as it was.
    pub(super) fn unwrap(&mut self) -> u64 {
        let Some(mut job) = self.absorb_key_and_associated_data() else { return self.give(0, LOOK_UP_CYCLES) };
        if job.body_words == 0 {
            return self.give(0, job.cycles);
        }
        let mut held = Zeroizing::new(Vec::with_capacity(usize::from(job.body_words)));
        for i in 0..job.body_words {
            let cipher = self.read_word(job.body.wrapping_add(2 * i));
            let plain = job.duplex.decrypt(cipher, i + 1 == job.body_words);
            if self.quirks {
                self.write_word(job.output.wrapping_add(2 * i), plain);
            } else {
                held.push(plain);
            }
        }
        let authentic = self.tag_matches(&job.duplex.tag(), job.tag);
        if authentic {
            for (i, plain) in (0u16..).zip(held.iter()) {
                self.write_word(job.output.wrapping_add(2 * i), *plain);
            }
        }
        self.give(u16::from(authentic && self.fault.is_none()), job.cycles)
    }

    /// r9 key (0: the executing module's own), r10/r11 associated data. `None` for what the hardware cannot do: the own
    /// key outside a module, no associated data, a body that ends before it starts.
    fn absorb_key_and_associated_data(&mut self) -> Option<Job> {
        let [key_at, from, to, body, body_end, output, tag] = [9, 10, 11, 12, 13, 14, 15].map(|r| self.registers[r]);
        if from >= to || body > body_end {
            return None;
        }
        let key = if key_at == 0 { self.slot.and_then(|slot| self.modules.get(slot))?.key.clone() } else { self.read_key(key_at) };
        let mut duplex = Duplex::new(&key);
        let words = word_count(from, to);
        for i in 0..words {
            let word = self.read_word(from.wrapping_add(2 * i));
            duplex.associated(word, i + 1 == words);
        }
        let body_words = word_count(body, body_end);
        let cycles = cost::wrap(self.security(), words, body_words, key_at == 0);
        Some(Job { duplex, body, body_words, output, tag, cycles })
    }

    fn read_key(&mut self, address: u16) -> Key {
        let mut bytes = Zeroizing::new([0; 16]);
        let length = self.security().tag_bytes();
        for (i, pair) in (0u16..).zip(bytes[..length].chunks_exact_mut(2)) {
            pair.copy_from_slice(&self.read_word(address.wrapping_add(2 * i)).to_le_bytes());
        }
        let mut key = Key::zero(self.security());
        key.set(&bytes[..length]);
        key
    }
}
