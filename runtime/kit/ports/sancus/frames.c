/* Compact frames (section 6): version and kind u8 | epoch u8 | connection u16 | counter u32 | ciphertext | tag.
 * A plaintext that is not empty ends in its padding, 1 or 2 bytes of which the last says how many there are. */
#include "kit.h"

/* version u8 = 1 | kind u8 | connection u32 | epoch u64 | counter u64: what the short header stands for is the AD. */
static void write_header(u8 *to, const struct connection *c, const struct slot *slot, u8 kind, u32 counter) {
    to[0] = 1;
    to[1] = kind;
    put_64(put_64(put_32(to + 2, c->id), slot->epoch), counter);
}

/* key = MAC(key_t, "K1" ‖ kind u8 ‖ flow u8 ‖ deployment16 ‖ connection u32 ‖ epoch u64 ‖ suite u8 ‖ 0 u8) */
static void derive(u8 *to, const struct connection *c, const struct slot *slot, u8 kind) {
    u8 message[34] __attribute__((aligned(2)));
    memcpy(message, "K1", 2);
    message[2] = kind;
    message[3] = kind == EVENT || kind == REQUEST ? 1 : 2;
    memcpy(message + 4, board_configuration + 8, 16);
    u8 *at = put_64(put_32(message + 20, c->id), slot->epoch);
    at[0] = SUITE;
    at[1] = 0;
    mac(slot->key, message, sizeof message, to);
}

/* Opens `sealed` bytes of ciphertext and tag behind the short header in place, in private memory. */
bool frame_open(u8 *frame, u16 sealed, const struct connection *c, const struct slot *slot, u8 kind, u32 counter, u16 *length) {
    u8 key[TAG] __attribute__((aligned(2))), header[FULL_HEADER] __attribute__((aligned(2))), tag[TAG] __attribute__((aligned(2)));
    u8 *text = frame + HEADER;
    *length = 0;
    if (sealed < TAG || sealed & 1) return false;
    u16 n = sealed - TAG;
    write_header(header, c, slot, kind, counter);
    derive(key, c, slot, kind);
    bool open;
    if (n == 0) { /* the unit does not unwrap an empty body: recompute its tag */
        mac(key, header, sizeof header, tag);
        open = sancus_equal(tag, text, TAG);
    } else {
        struct sancus_crypt job = {key, header, header + FULL_HEADER, text, text + n, text, text + n};
        open = sancus_unwrap(&job);
        u8 padding = text[n - 1];
        if (!open) wipe(text, n);
        else if (padding < 1 || padding > 2) open = false;
        else *length = n - padding;
    }
    wipe(key, TAG);
    return open;
}

/* Seals from private memory; `text` has room for its padding, and is even. */
void frame_put(const struct connection *c, const struct slot *slot, u8 kind, u32 counter, const u8 *text, u16 length) {
    u8 key[TAG] __attribute__((aligned(2))), header[FULL_HEADER] __attribute__((aligned(2)));
    u16 n = kind == ACK ? 0 : (length + 2) & ~1;
    bool keep = kind <= REQUEST && c->delivery == STRICT;
    if (n) {
        ((u8 *)text)[n - 2] = length & 1 ? text[n - 2] : 0;
        ((u8 *)text)[n - 1] = (u8)(n - length);
    }
    u8 *to = out_reserve(OUT_FRAME, keep, HEADER + n + TAG);
    if (!to) return;
    to[0] = 1 << 4 | kind;
    to[1] = (u8)slot->epoch;
    put_32(put_16(to + 2, (u16)c->id), counter);
    write_header(header, c, slot, kind, counter);
    derive(key, c, slot, kind);
    struct sancus_crypt job = {key, header, header + FULL_HEADER, text, text + n, to + HEADER, to + HEADER + n};
    sancus_wrap(&job);
    wipe(key, TAG);
}
