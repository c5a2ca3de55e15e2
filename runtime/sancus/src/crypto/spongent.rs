//! The Spongent permutations of the Sancus core: 176 bits for 64-bit security, 336 bits for 128-bit security.
//!
//! Source: Bogdanov et al., "SPONGENT: The Design Space of Lightweight Cryptographic Hashing" (IEEE Transactions on Computers, 2013).

/// The S-box on a nibble.
const SBOX: [u8; 16] = [14, 13, 11, 0, 2, 1, 4, 15, 7, 10, 8, 5, 9, 12, 3, 6];

/// `SPREAD[v]`: S-box of the three nibbles of `v`, its output bits dealt out to four 16-bit fields.
///
/// The bit layer sends bit 4k+j to k + j·b/4: bit j of every nibble goes to quarter j of the state, at the nibble's own
/// number. So a look-up gives three bits of each quarter. The table takes 32 KiB, which first-level caches hold.
static SPREAD: [u64; 4096] = spread_table();

const fn spread_table() -> [u64; 4096] {
    let mut table = [0u64; 4096];
    let mut v = 0;
    while v < 4096 {
        let mut bit = 0;
        while bit < 12 {
            let (nibble, j) = (bit / 4, bit % 4);
            let out = SBOX[v >> (4 * nibble) & 15] as u64 >> j & 1;
            table[v] |= out << (16 * j + nibble);
            bit += 1;
        }
        v += 1;
    }
    table
}

/// The four fields of 24, 48 or 60 bits of the state, 12 a look-up: bit j of nibble k at 16j + k.
#[inline(always)]
fn spread(nibbles: u64, look_ups: usize) -> u64 {
    let fields = |i: usize| SPREAD[(nibbles >> (12 * i) & 0xfff) as usize] << (3 * i);
    match look_ups {
        2 => fields(0) | fields(1),
        4 => (fields(0) | fields(1)) | (fields(2) | fields(3)),
        _ => (fields(0) | fields(1)) | (fields(2) | fields(3)) | fields(4),
    }
}

/// What distinguishes the two permutations, beside their width: number of rounds and the round counter's feedback register.
#[derive(Clone, Copy)]
struct Parameters {
    rounds: usize,
    counter_bits: u32,
    counter_start: u8,
    counter_taps: u8,
}

const B176: Parameters = Parameters { rounds: 90, counter_bits: 7, counter_start: 0x45, counter_taps: 0x60 };
const B336: Parameters = Parameters { rounds: 170, counter_bits: 8, counter_start: 0x52, counter_taps: 0x8e };

/// The counter of each round, and its reverse at the place it has in the topmost `top` bits of the state.
const fn counters<const ROUNDS: usize>(p: Parameters, top: u32) -> [(u64, u64); ROUNDS] {
    let mut all = [(0, 0); ROUNDS];
    let mut counter = p.counter_start;
    let mut i = 0;
    while i < ROUNDS {
        let reversed = counter.reverse_bits() >> (8 - p.counter_bits);
        all[i] = (counter as u64, (reversed as u64) << (top - p.counter_bits));
        let feedback = (counter & p.counter_taps).count_ones() as u8 & 1;
        counter = (counter << 1 | feedback) & (0xff >> (8 - p.counter_bits));
        i += 1;
    }
    all
}

static COUNTERS_176: [(u64, u64); B176.rounds] = counters(B176, 44);
static COUNTERS_336: [(u64, u64); B336.rounds] = counters(B336, 24);

/// `count` bits of the state from bit `start` on; at most 64.
#[inline(always)]
fn bits(state: &[u64], start: usize, count: usize) -> u64 {
    let (lane, shift) = (start / 64, start % 64);
    let above = state.get(lane + 1).map_or(0, |next| u128::from(*next) << 64);
    ((u128::from(state[lane]) | above) >> shift) as u64 & (u64::MAX >> (64 - count))
}

/// Puts bits where there are zeros.
#[inline(always)]
fn put(state: &mut [u64], start: usize, bits: u64) {
    let (lane, wide) = (start / 64, u128::from(bits) << (start % 64));
    state[lane] |= wide as u64;
    if let Some(next) = state.get_mut(lane + 1) {
        *next |= (wide >> 64) as u64;
    }
}

/// Permutes a 176-bit state, little-endian in three lanes; bits 176–191 are and stay zero.
///
/// It is held as its quarters of 44 bits, 11 nibbles. Of each the next state takes 11 bits a quarter.
pub fn permute_176(state: &mut [u64; 3]) {
    let mut quarters: [u64; 4] = std::array::from_fn(|q| bits(state, 44 * q, 44));
    for (counter, reversed) in &COUNTERS_176 {
        quarters[0] ^= counter;
        quarters[3] ^= reversed;
        // The fourth look-up has eight bits only; what the table says of the missing nibble is masked away.
        let fields = quarters.map(|nibbles| spread(nibbles, 4));
        let quarter = |j: u32| {
            let [a, b, c, d] = fields.map(|all| all >> (16 * j) & 0x7ff);
            (a | b << 11) | (c << 22 | d << 33)
        };
        // Not a `map` over the numbers: the compiler makes slow vector code of that.
        quarters = [quarter(0), quarter(1), quarter(2), quarter(3)];
    }
    *state = [0; 3];
    for (q, nibbles) in quarters.into_iter().enumerate() {
        put(state, 44 * q, nibbles);
    }
}

/// Permutes a 336-bit state, little-endian in six lanes; bits 336–383 are and stay zero.
///
/// It is held as its quarters of 84 bits, as 60 and 24 of them: 15 and 6 nibbles. Of each quarter the next state takes 21 bits a quarter.
pub fn permute_336(state: &mut [u64; 6]) {
    let mut quarters: [(u64, u64); 4] = std::array::from_fn(|q| (bits(state, 84 * q, 60), bits(state, 84 * q + 60, 24)));
    for (counter, reversed) in &COUNTERS_336 {
        quarters[0].0 ^= counter;
        quarters[3].1 ^= reversed;
        let fields = quarters.map(|(low, high)| (spread(low, 5), spread(high, 2)));
        let quarter = |j: u32| {
            let [a, b, c, d] = fields.map(|(low, high)| low >> (16 * j) & 0x7fff | (high >> (16 * j) & 0x3f) << 15);
            let first = a | b << 21 | c << 42;
            (first & (u64::MAX >> 4), first >> 60 | d << 3)
        };
        quarters = [quarter(0), quarter(1), quarter(2), quarter(3)];
    }
    *state = [0; 6];
    for (q, (low, high)) in quarters.into_iter().enumerate() {
        put(state, 84 * q, low);
        put(state, 84 * q + 60, high);
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

    fn check<const LANES: usize>(permute: fn(&mut [u64; LANES]), width: usize, p: Parameters) {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        for round in 0..20 {
            let mut state = [0u64; LANES];
            for lane in &mut state {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
                *lane = seed;
            }
            state[LANES - 1] &= (1 << (width % 64)) - 1;
            let mut bits: Vec<bool> = (0..width).map(|i| state[i / 64] >> (i % 64) & 1 == 1).collect();
            by_definition(&mut bits, p);
            permute(&mut state);
            let got: Vec<bool> = (0..LANES * 64).map(|i| state[i / 64] >> (i % 64) & 1 == 1).collect();
            bits.resize(LANES * 64, false);
            assert_eq!(got, bits);
        }
    }

    #[test]
    fn the_tables_equal_the_definition_bit_by_bit() {
        check(permute_176, 176, B176);
        check(permute_336, 336, B336);
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
