//! The Spongent permutations of the Sancus core: 176 bits for 64-bit security, 336 bits for 128-bit security.
//!
//! Source: Bogdanov et al., "SPONGENT: The Design Space of Lightweight Cryptographic Hashing" (IEEE Transactions on Computers, 2013).

/// The S-box on a nibble.
const SBOX: [u8; 16] = [14, 13, 11, 0, 2, 1, 4, 15, 7, 10, 8, 5, 9, 12, 3, 6];

/// `SPREAD[m][v]`: S-box of both nibbles of byte `v`, its output bits dealt out to four 16-bit fields.
///
/// The bit layer sends bit 4k+j to k + j·b/4: the four output bits of a nibble go to four quarters of the state,
/// at the nibble's own number. So byte `m` of a group of eight contributes bits 2m and 2m+1 of each field, and eight
/// look-ups give 16 bits of every quarter. The tables take 16 KiB and stay in the first-level cache.
const SPREAD: [[u64; 256]; 8] = spread_tables();

const fn spread_tables() -> [[u64; 256]; 8] {
    let mut tables = [[0u64; 256]; 8];
    let mut m = 0;
    while m < 8 {
        let mut v = 0;
        while v < 256 {
            let low = SBOX[v & 15] as u64;
            let high = SBOX[v >> 4] as u64;
            let mut j = 0;
            while j < 4 {
                let pair = (low >> j & 1) | (high >> j & 1) << 1;
                tables[m][v] |= pair << (16 * j + 2 * m);
                j += 1;
            }
            v += 1;
        }
        m += 1;
    }
    tables
}

/// What distinguishes the two permutations: width, number of rounds and the round counter's feedback register.
#[derive(Clone, Copy)]
struct Parameters {
    width: u32,
    rounds: u32,
    counter_bits: u32,
    counter_start: u8,
    counter_taps: u8,
}

const B176: Parameters = Parameters { width: 176, rounds: 90, counter_bits: 7, counter_start: 0x45, counter_taps: 0x60 };
const B336: Parameters = Parameters { width: 336, rounds: 170, counter_bits: 8, counter_start: 0x52, counter_taps: 0x8e };

/// Permutes a 176-bit state, little-endian in three lanes; bits 176–191 are and stay zero.
pub fn permute_176(state: &mut [u64; 3]) {
    permute(state, B176);
}

/// Permutes a 336-bit state, little-endian in six lanes; bits 336–383 are and stay zero.
pub fn permute_336(state: &mut [u64; 6]) {
    permute(state, B336);
}

#[inline(always)]
fn permute<const LANES: usize>(state: &mut [u64; LANES], p: Parameters) {
    let mut counter = p.counter_start;
    for _ in 0..p.rounds {
        state[0] ^= u64::from(counter);
        let reversed = u64::from(counter.reverse_bits() >> (8 - p.counter_bits));
        state[LANES - 1] ^= reversed << ((p.width - p.counter_bits) % 64);
        substitute_and_transpose(state, p.width);
        let feedback = (counter & p.counter_taps).count_ones() as u8 & 1;
        counter = (counter << 1 | feedback) & (0xff >> (8 - p.counter_bits));
    }
}

#[inline(always)]
fn substitute_and_transpose<const LANES: usize>(state: &mut [u64; LANES], width: u32) {
    let quarter = (width / 4) as usize;
    let mut fields = [0u64; LANES];
    for (lane, field) in fields.iter_mut().enumerate() {
        let bytes = (width as usize / 8 - lane * 8).min(8);
        for (m, table) in SPREAD.iter().enumerate().take(bytes) {
            *field |= table[(state[lane] >> (8 * m) & 0xff) as usize];
        }
    }
    *state = [0; LANES];
    for j in 0..4 {
        let mut bits = 0u128;
        for (lane, field) in fields.iter().enumerate() {
            bits |= u128::from(field >> (16 * j) & 0xffff) << (16 * lane);
        }
        let start = j * quarter;
        let (lane, shift) = (start / 64, start % 64);
        let low = bits << shift;
        state[lane] |= low as u64;
        if lane + 1 < LANES {
            state[lane + 1] |= (low >> 64) as u64;
        }
        if shift > 0 && lane + 2 < LANES {
            state[lane + 2] |= (bits >> (128 - shift)) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The permutation written from its definition, bit by bit.
    fn by_definition(bits: &mut [bool], p: Parameters) {
        let b = bits.len();
        let n = p.counter_bits as usize;
        let mut counter = p.counter_start;
        for _ in 0..p.rounds {
            for i in 0..n {
                let bit = counter >> i & 1 == 1;
                bits[i] ^= bit;
                bits[b - 1 - i] ^= bit;
            }
            for nibble in bits.chunks_mut(4) {
                let value = (0..4).fold(0, |v, i| v | usize::from(nibble[i]) << i);
                for (i, bit) in nibble.iter_mut().enumerate() {
                    *bit = SBOX[value] >> i & 1 == 1;
                }
            }
            let before = bits.to_vec();
            for (i, bit) in before.iter().enumerate() {
                bits[if i == b - 1 { i } else { i * b / 4 % (b - 1) }] = *bit;
            }
            let feedback = (0..8).fold(0, |f, i| f ^ (counter & p.counter_taps) >> i & 1);
            counter = (counter << 1 | feedback) & (0xff >> (8 - p.counter_bits));
        }
    }

    fn check<const LANES: usize>(permute: fn(&mut [u64; LANES]), p: Parameters) {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        for round in 0..20 {
            let mut state = [0u64; LANES];
            for lane in &mut state {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
                *lane = seed;
            }
            if !p.width.is_multiple_of(64) {
                state[LANES - 1] &= (1 << (p.width % 64)) - 1;
            }
            let mut bits: Vec<bool> = (0..p.width as usize).map(|i| state[i / 64] >> (i % 64) & 1 == 1).collect();
            by_definition(&mut bits, p);
            permute(&mut state);
            let got: Vec<bool> = (0..LANES * 64).map(|i| state[i / 64] >> (i % 64) & 1 == 1).collect();
            bits.resize(LANES * 64, false);
            assert_eq!(got, bits);
        }
    }

    #[test]
    fn the_tables_equal_the_definition_bit_by_bit() {
        check(permute_176, B176);
        check(permute_336, B336);
    }

    #[test]
    fn the_permutation_of_zero_is_the_hardware_s() {
        let mut state = [0; 3];
        permute_176(&mut state);
        let bytes: Vec<u8> = state.iter().flat_map(|lane| lane.to_le_bytes()).take(22).collect();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "7cc4ce71e12103a7601e25ff8970fb10bf32793c2379");
    }
}
