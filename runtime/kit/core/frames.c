/* Keys (section 5) and frames (section 6). */
#include "kit.h"

/* One frame is sealed at a time, in private memory: an AEAD reads its ciphertext back to authenticate it. */
static uint8_t sealed[FRAME_MAXIMUM];

/* HKDF(key32, "aex/v1/" ‖ kind ‖ "\0" ‖ deployment16 ‖ connection u32 ‖ flow u8 ‖ epoch u64 ‖ suite u8) */
static void derive(uint8_t to[32], const struct keys *keys, uint32_t connection, uint8_t flow, struct part kind) {
    uint8_t fields[14], prk[32];
    struct writer w = {fields, 0, sizeof fields, false};
    write_number(&w, connection, 4);
    write_number(&w, flow, 1);
    write_number(&w, keys->epoch, 8);
    write_number(&w, keys->suite, 1);
    crypto_hkdf_extract(prk, NULL, 0, PARTS({keys->key, 32}));
    crypto_hkdf_expand(to, keys->suite == SUITE_CHACHA ? 32 : 16, prk, PARTS({"aex/v1/", 7}, kind, {identity.deployment, 16}, {fields, 14}));
    crypto_wipe(prk, sizeof prk);
}

/* Fills in what follows from epoch, suite and key. */
void keys_derive(struct keys *keys, uint32_t connection, enum direction direction) {
    bool events = direction == SENDER || direction == RECEIVER;
    uint8_t digest[32];
    keys->accepts = true;
    if (is_sponge(keys->suite)) {
        sponge_keys(keys, connection, events);
        return;
    }
    crypto_sha256(digest, PARTS(LABEL("aex/v1/key-id"), {keys->key, 32}));
    memcpy(keys->id, digest, sizeof keys->id);
    derive(keys->forward, keys, connection, 1, events ? (struct part)LABEL("event") : (struct part)LABEL("request"));
    derive(keys->backward, keys, connection, 2, events ? (struct part)LABEL("ack") : (struct part)LABEL("reply"));
}

/* version u8 = 1 | kind u8 | connection u32 | epoch u64 | counter u64 | ciphertext | tag16 */
bool frame_parse(const uint8_t *bytes, size_t length, struct frame *frame) {
    struct reader r = {bytes, length, false};
    uint64_t version = read_number(&r, 1);
    frame->kind = (uint8_t)read_number(&r, 1);
    frame->connection = (uint32_t)read_number(&r, 4);
    frame->epoch = read_number(&r, 8);
    frame->counter = read_number(&r, 8);
    if (r.bad || version != 1 || length < FRAME_MINIMUM || length > FRAME_MAXIMUM) return false;
    frame->sealed = length - FRAME_HEADER;
    frame->length = 0;
    return frame->epoch != 0 && frame->counter != 0 && frame->counter != UINT64_MAX;
}

static void frame_nonce(uint8_t nonce[12], const uint8_t *header) {
    memset(nonce, 0, 4);
    memcpy(nonce + 4, header + FRAME_HEADER - 8, 8);
}

/* Opens in place; the plaintext begins after the header. The header is the AAD. */
bool frame_open(uint8_t *bytes, struct frame *frame, const struct keys *keys, const uint8_t key[32]) {
    uint8_t nonce[12], *text = bytes + FRAME_HEADER;
    if (is_sponge(keys->suite)) return sponge_open(bytes, frame, keys->suite, key);
    if (frame->sealed < CRYPTO_TAG) return false;
    frame->length = frame->sealed - CRYPTO_TAG;
    frame_nonce(nonce, bytes);
    if (keys->suite == SUITE_AES) return crypto_aes128gcm_open(text, text, frame->length, bytes, FRAME_HEADER, nonce, key);
    return crypto_chacha_open(text, text, frame->length, bytes, FRAME_HEADER, nonce, key);
}

/* Seals and hands to the host, which keeps events and requests of strict connections until they are acknowledged. */
void frame_put(const struct connection *c, const struct keys *keys, enum frame_kind kind, uint64_t counter, const void *text, size_t length) {
    struct writer w = {sealed, 0, sizeof sealed, false};
    write_number(&w, 1, 1);
    write_number(&w, kind, 1);
    write_number(&w, c->id, 4);
    write_number(&w, keys->epoch, 8);
    write_number(&w, counter, 8);
    bool forward = kind == EVENT || kind == REQUEST;
    uint8_t nonce[12], *to = sealed + FRAME_HEADER;
    const uint8_t *key = forward ? keys->forward : keys->backward;
    frame_nonce(nonce, sealed);
    size_t size = length + CRYPTO_TAG;
    if (is_sponge(keys->suite)) size = sponge_seal(sealed, keys->suite, key, kind, text, length);
    else if (keys->suite == SUITE_AES) crypto_aes128gcm_seal(to, text, length, sealed, FRAME_HEADER, nonce, key);
    else crypto_chacha_seal(to, text, length, sealed, FRAME_HEADER, nonce, key);
    out_put(OUT_FRAME, forward && c->delivery == STRICT, PARTS({sealed, FRAME_HEADER + size}));
}
