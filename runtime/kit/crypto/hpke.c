/* HPKE (RFC 9180) in base mode for DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305. */
#include "hpke.h"

#include <string.h>

#include "../core/bytes.h"
#include "../core/port.h"

static const uint8_t KEM[] = {'K', 'E', 'M', 0x00, 0x20};
static const uint8_t HPKE[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03};
static const uint8_t ZEROS[12];

struct suite_id {
    const uint8_t *data;
    size_t length;
};
static const struct suite_id KEM_ID = {KEM, sizeof KEM}, HPKE_ID = {HPKE, sizeof HPKE};

/* Section 4 of the RFC: LabeledExtract and LabeledExpand. `label` is text without its terminating zero. */
static void extract(uint8_t prk[32], struct suite_id id, const uint8_t *salt, size_t salt_length, struct part label, struct part ikm) {
    crypto_hkdf_extract(prk, salt, salt_length, PARTS({"HPKE-v1", 7}, {id.data, id.length}, label, ikm));
}

static void expand(uint8_t *to, size_t length, struct suite_id id, const uint8_t prk[32], struct part label, struct part info) {
    const uint8_t size[2] = {0, (uint8_t)length};
    crypto_hkdf_expand(to, length, prk, PARTS({size, 2}, {"HPKE-v1", 7}, {id.data, id.length}, label, info));
}

/* A label without its terminating zero. */
#define NAME(text) ((struct part){text, sizeof(text) - 1})

/* Sections 4.1 and 5.1: from the Diffie-Hellman result to key, nonce and exporter secret. */
static void schedule(const uint8_t shared_point[32], const uint8_t enc[32], const uint8_t public[32], const uint8_t info[32],
                     uint8_t key[32], uint8_t nonce[12], uint8_t exporter[32]) {
    uint8_t kem_context[64], prk[32], shared[32], context[65] = {0 /* mode base */}, secret[32];
    memcpy(kem_context, enc, 32);
    memcpy(kem_context + 32, public, 32);
    extract(prk, KEM_ID, NULL, 0, NAME("eae_prk"), (struct part){shared_point, 32});
    expand(shared, 32, KEM_ID, prk, NAME("shared_secret"), (struct part){kem_context, 64});
    extract(context + 1, HPKE_ID, NULL, 0, NAME("psk_id_hash"), (struct part){NULL, 0});
    extract(context + 33, HPKE_ID, NULL, 0, NAME("info_hash"), (struct part){info, 32});
    extract(secret, HPKE_ID, shared, 32, NAME("secret"), (struct part){NULL, 0});
    expand(key, 32, HPKE_ID, secret, NAME("key"), (struct part){context, 65});
    expand(nonce, 12, HPKE_ID, secret, NAME("base_nonce"), (struct part){context, 65});
    expand(exporter, 32, HPKE_ID, secret, NAME("exp"), (struct part){context, 65});
    crypto_wipe(prk, sizeof prk);
    crypto_wipe(shared, sizeof shared);
    crypto_wipe(secret, sizeof secret);
}

/* Opens the one message of `length` plaintext bytes; `exporter` is valid when true is returned. */
bool hpke_open(uint8_t *text, const uint8_t *ciphertext, size_t length, const uint8_t enc[32], const uint8_t secret[32],
               const uint8_t public[32], const uint8_t info[32], uint8_t exporter[32]) {
    uint8_t point[32], key[32], nonce[12];
    if (!crypto_x25519(point, secret, enc)) return false;
    schedule(point, enc, public, info, key, nonce, exporter);
    bool authentic = crypto_chacha_open(text, ciphertext, length, ZEROS, 0, nonce, key);
    crypto_wipe(point, sizeof point);
    crypto_wipe(key, sizeof key);
    return authentic;
}

/* Seals one message to `public`; false when that is a low-order point or there is no entropy. */
bool hpke_seal(uint8_t enc[32], uint8_t *ciphertext, const uint8_t *text, size_t length, const uint8_t public[32], const uint8_t info[32]) {
    uint8_t ephemeral[32], point[32], key[32], nonce[12], exporter[32];
    if (!port_random(ephemeral, sizeof ephemeral)) return false;
    crypto_x25519_public(enc, ephemeral);
    bool usable = crypto_x25519(point, ephemeral, public);
    if (usable) {
        schedule(point, enc, public, info, key, nonce, exporter);
        crypto_chacha_seal(ciphertext, text, length, ZEROS, 0, nonce, key);
        crypto_wipe(key, sizeof key);
        crypto_wipe(exporter, sizeof exporter);
    }
    crypto_wipe(ephemeral, sizeof ephemeral);
    crypto_wipe(point, sizeof point);
    return usable;
}

/* Section 5.3: 32 bytes bound to SHA-256 of nothing but `context`. */
void hpke_export(uint8_t to[32], const uint8_t exporter[32], const struct part *context, size_t count) {
    uint8_t joined[96];
    struct writer w = {joined, 0, sizeof joined, false};
    for (size_t i = 0; i < count; i++) write_bytes(&w, context[i].data, context[i].length);
    expand(to, 32, HPKE_ID, exporter, NAME("sec"), (struct part){joined, w.length});
}
