/* Keys and frames of suites 3 and 4, which boards have (sections 5 and 6). A plaintext that is not empty ends in its padding:
 * 1 or 2 bytes, of which the last says how many there are. */
#include "kit.h"
#include "../crypto/sponge.h"

bool is_sponge(uint8_t suite) { return suite == SUITE_SPONGE_128 || suite == SUITE_SPONGE_64; }

/* Bytes of a suite's keys and tags. */
static size_t key_length(uint8_t suite) { return suite == SUITE_SPONGE_64 ? 8 : 16; }

/* Whether an event of that size fits a frame, with its padding. */
bool suite_takes(uint8_t suite, size_t length) { return !is_sponge(suite) || length <= AUTHENTIC_EVENT - 2; }

/* MAC(key_t, "K1" ‖ kind u8 ‖ flow u8 ‖ deployment16 ‖ connection u32 ‖ epoch u64 ‖ suite u8 ‖ 0 u8) */
static void derive(uint8_t to[32], const struct keys *keys, uint32_t id, uint8_t flow, enum frame_kind kind) {
    uint8_t message[34];
    struct writer w = {message, 0, sizeof message, false};
    write_bytes(&w, "K1", 2);
    write_number(&w, kind, 1);
    write_number(&w, flow, 1);
    write_bytes(&w, identity.deployment, 16);
    write_number(&w, id, 4);
    write_number(&w, keys->epoch, 8);
    write_number(&w, keys->suite, 1);
    write_number(&w, 0, 1);
    sponge_wrap(keys->key, key_length(keys->suite), message, sizeof message, message, 0, message, to);
}

/* Fills in what follows from epoch, suite and key. */
void sponge_keys(struct keys *keys, uint32_t id, bool events) {
    uint8_t tag[16];
    sponge_wrap(keys->key, key_length(keys->suite), (const uint8_t *)"K2", 2, tag, 0, tag, tag);
    memcpy(keys->id, tag, sizeof keys->id);
    derive(keys->forward, keys, id, 1, events ? EVENT : REQUEST);
    derive(keys->backward, keys, id, 2, events ? ACK : REPLY);
}

bool sponge_open(uint8_t *bytes, struct frame *frame, uint8_t suite, const uint8_t key[32]) {
    size_t tag = key_length(suite);
    uint8_t *text = bytes + FRAME_HEADER;
    if (frame->sealed < tag || frame->sealed % 2 != 0) return false;
    size_t length = frame->sealed - tag;
    if (!sponge_unwrap(key, tag, bytes, FRAME_HEADER, text, length, text, text + length)) return false;
    uint8_t padding = length == 0 ? 0 : text[length - 1];
    if ((length == 0) != (frame->kind == ACK) || padding > 2 || (length > 0 && padding == 0)) return false;
    frame->length = length - padding;
    return true;
}

size_t sponge_seal(uint8_t *frame, uint8_t suite, const uint8_t key[32], enum frame_kind kind, const void *text, size_t length) {
    size_t padding = kind == ACK ? 0 : 2 - length % 2, tag = key_length(suite);
    uint8_t *to = frame + FRAME_HEADER;
    memcpy(to, text, length);
    memset(to + length, 0, padding);
    if (padding) to[length + padding - 1] = (uint8_t)padding;
    length += padding;
    sponge_wrap(key, tag, frame, FRAME_HEADER, to, length, to, to + length);
    return length + tag;
}
