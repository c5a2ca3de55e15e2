//! The yardstick for SpongeWrap's speed: the permutation of 176 bits with a table for each byte of a lane, as software usually does it.

use authentic_sancus::crypto::spongent;

const SBOX: [u8; 16] = [14, 13, 11, 0, 2, 1, 4, 15, 7, 10, 8, 5, 9, 12, 3, 6];

/// For byte `m` of a lane: its S-box outputs, bits 2m and 2m + 1 of four fields.
static SPREAD: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0u64; 256]; 8];
    let mut at = 0;
    while at < 8 * 256 * 8 {
        let (m, v, bit) = (at / 2048, at / 8 % 256, at % 8);
        let out = SBOX[v >> (bit & 4) & 15] as u64 >> (bit & 3) & 1;
        tables[m][v] |= out << (16 * (bit & 3) + 2 * m + bit / 4);
        at += 1;
    }
    tables
}

fn permute(state: &mut [u64; 3]) {
    let mut counter = 0x45u8;
    for _ in 0..90 {
        state[0] ^= u64::from(counter);
        state[2] ^= u64::from(counter.reverse_bits() >> 1) << 41;
        let mut fields = [0u64; 3];
        for (lane, field) in fields.iter_mut().enumerate() {
            for (m, table) in SPREAD.iter().enumerate().take(22 - 8 * lane) {
                *field |= table[(state[lane] >> (8 * m) & 0xff) as usize];
            }
        }
        let quarter = |j: u32| fields.iter().rev().fold(0, |bits, field| bits << 16 | u128::from(field >> (16 * j) & 0xffff));
        let (low, high) = (quarter(0) | quarter(1) << 44 | quarter(2) << 88, quarter(2) >> 40 | quarter(3) << 4);
        *state = [low as u64, (low >> 64) as u64, high as u64];
        counter = (counter << 1 | (counter >> 6 ^ counter >> 5) & 1) & 0x7f;
    }
}

/// Encrypts `body` in place under a state that has absorbed a key: what SpongeWrap-64 costs a word, with this permutation.
pub fn encrypt(state: &mut [u64; 3], body: &mut [u8]) {
    for pair in body.chunks_exact_mut(2) {
        let plain = u16::from_le_bytes([pair[0], pair[1]]);
        pair.copy_from_slice(&(plain ^ state[0] as u16).to_le_bytes());
        state[0] ^= u64::from(plain) | 0b11 << 16;
        permute(state);
    }
}

/// # Panics
/// If it is not the permutation: a yardstick has to do the same work.
pub fn check() {
    let (mut here, mut there) = ([3, 5, 7], [3, 5, 7]);
    permute(&mut here);
    spongent::permute_176(&mut there);
    assert_eq!(here, there, "the yardstick computes something else");
}
