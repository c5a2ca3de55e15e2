/* SpongeWrap over Spongent-176 and -336 as the Sancus hardware has it, in constant time.
 *
 * Spongent: Bogdanov et al., IEEE Trans. Computers 62(10), 2013. SpongeWrap: Bertoni et al., SAC 2011. The state is a
 * little-endian integer of b bits, b/4 nibbles. Its bit layer takes bit 4k + j to bit j·b/4 + k, so bits j of all nibbles are
 * gathered into a plane, the S-box is a Boolean function of the four planes, and the planes one after another are the state. */
#include "sponge.h"

#include <string.h>

#include "crypto.h"

enum { WORDS = 6, PLANE_WORDS = 2 };

struct sponge {
    uint64_t state[WORDS];
    size_t bits, rounds, words;
    uint8_t counter, mask, taps;
};

/* Every fourth bit of a word, the lowest 16 of the result. */
static uint64_t gather(uint64_t x) {
    x &= 0x1111111111111111;
    x = (x | x >> 3) & 0x0303030303030303;
    x = (x | x >> 6) & 0x000f000f000f000f;
    x = (x | x >> 12) & 0x000000ff000000ff;
    return (x | x >> 24) & 0xffff;
}

/* The S-box EDB0214F7A859C36, bit 0 in a, as its algebraic normal form; evaluated on 64 nibbles at once. */
static void substitute(uint64_t p[4][PLANE_WORDS], size_t word) {
    uint64_t a = p[0][word], b = p[1][word], c = p[2][word], d = p[3][word];
    uint64_t ab = a & b, ac = a & c, ad = a & d, bc = b & c, bd = b & d, cd = c & d;
    p[0][word] = a ^ b ^ bc ^ d;
    p[1][word] = ~(a ^ bc ^ ad ^ bd ^ cd ^ (b & cd));
    p[2][word] = ~(b ^ c ^ ad ^ (bc & d));
    p[3][word] = ~(ab ^ c ^ d ^ ad ^ bd ^ (ab & d) ^ (ac & d));
}

static uint8_t reversed(uint8_t x) {
    x = (uint8_t)(x >> 4 | x << 4);
    x = (uint8_t)((x & 0xcc) >> 2 | (x & 0x33) << 2);
    return (uint8_t)((x & 0xaa) >> 1 | (x & 0x55) << 1);
}

/* The permutation: rounds of counter, S-box layer and bit layer. */
static void permute(struct sponge *s) {
    size_t quarter = s->bits / 4, top = s->bits - (s->mask == 0x7f ? 7 : 8);
    uint8_t counter = s->counter;
    for (size_t round = 0; round < s->rounds; round++) {
        uint64_t planes[4][PLANE_WORDS] = {{0}};
        s->state[0] ^= counter;
        s->state[top / 64] ^= (uint64_t)(reversed(counter) >> (s->mask == 0x7f ? 1 : 0)) << (top % 64);
        counter = (uint8_t)((counter << 1 | __builtin_parity(counter & s->taps)) & s->mask);
        for (size_t plane = 0; plane < 4; plane++)
            for (size_t word = 0; word < s->words; word++) planes[plane][word / 4] |= gather(s->state[word] >> plane) << (16 * (word % 4));
        for (size_t word = 0; word < PLANE_WORDS; word++) substitute(planes, word);
        memset(s->state, 0, sizeof s->state);
        for (size_t plane = 0; plane < 4; plane++) {
            for (size_t word = 0; word * 64 < quarter; word++) {
                size_t used = quarter - word * 64 < 64 ? quarter - word * 64 : 64, at = plane * quarter + word * 64;
                uint64_t bits = planes[plane][word] & (used == 64 ? ~(uint64_t)0 : ((uint64_t)1 << used) - 1);
                s->state[at / 64] ^= bits << (at % 64);
                if (at % 64 != 0 && at / 64 + 1 < WORDS) s->state[at / 64 + 1] ^= bits >> (64 - at % 64);
            }
        }
    }
}

/* Blocks of 18 bits: 16 of data, the frame bit, the padding. */
enum { FRAME = 1 << 16, PADDING = 1 << 17, EMPTY_BLOCK = 2, BLANK_BLOCK = 1 };

static uint16_t duplex(struct sponge *s, uint32_t block) {
    s->state[0] ^= block;
    permute(s);
    return (uint16_t)s->state[0];
}

/* `last` is the frame bit of the last word, the others have its complement. */
static void absorb(struct sponge *s, const uint8_t *bytes, size_t length, bool last) {
    for (size_t i = 0; i < length; i += 2) {
        uint32_t frame = (i + 2 == length) == last ? FRAME : 0;
        duplex(s, bytes[i] | (uint32_t)bytes[i + 1] << 8 | frame | PADDING);
    }
}

static void start(struct sponge *s, const uint8_t *key, size_t key_length, const uint8_t *ad, size_t ad_length) {
    *s = key_length == 8 ? (struct sponge){.bits = 176, .rounds = 90, .words = 3, .counter = 0x45, .mask = 0x7f, .taps = 0x60}
                         : (struct sponge){.bits = 336, .rounds = 170, .words = 6, .counter = 0x52, .mask = 0xff, .taps = 0x8e};
    absorb(s, key, key_length, false);
    absorb(s, ad, ad_length, true);
}

static void process(struct sponge *s, const uint8_t *in, size_t length, uint8_t *out, bool decrypt) {
    if (length == 0) duplex(s, EMPTY_BLOCK);
    for (size_t i = 0; i < length; i += 2) {
        uint16_t word = (uint16_t)(in[i] | in[i + 1] << 8), other = word ^ (uint16_t)s->state[0];
        out[i] = (uint8_t)other;
        out[i + 1] = (uint8_t)(other >> 8);
        duplex(s, (decrypt ? other : word) | (uint32_t)(i + 2 == length ? 0 : FRAME) | PADDING);
    }
}

static void finish(struct sponge *s, uint8_t *tag, size_t length) {
    for (size_t i = 0; i < length; i += 2) {
        uint16_t word = i == 0 ? (uint16_t)s->state[0] : duplex(s, BLANK_BLOCK);
        tag[i] = (uint8_t)word;
        tag[i + 1] = (uint8_t)(word >> 8);
    }
    crypto_wipe(s, sizeof *s);
}

void sponge_wrap(const uint8_t *key, size_t key_length, const uint8_t *ad, size_t ad_length, const uint8_t *in, size_t body_length, uint8_t *out, uint8_t *tag) {
    struct sponge s;
    start(&s, key, key_length, ad, ad_length);
    process(&s, in, body_length, out, false);
    finish(&s, tag, key_length);
}

bool sponge_unwrap(const uint8_t *key, size_t key_length, const uint8_t *ad, size_t ad_length, const uint8_t *in, size_t body_length, uint8_t *out, const uint8_t *tag) {
    struct sponge s;
    uint8_t expected[16];
    start(&s, key, key_length, ad, ad_length);
    process(&s, in, body_length, out, true);
    finish(&s, expected, key_length);
    bool right = crypto_equal(expected, tag, key_length);
    if (!right) crypto_wipe(out, body_length);
    return right;
}
