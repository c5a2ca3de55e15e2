/* The PSA attestation token (RFC 9783): COSE_Sign1 with ES256 over a map of claims in deterministic CBOR (RFC 8949). */
#include "firmware.h"

enum { UNSIGNED = 0, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, TAG = 6 };
enum { NONCE = 10, INSTANCE_ID = 256, PROFILE = 265, BOOT_SEED = 268, CLIENT_ID = 2394, LIFECYCLE = 2395, IMPLEMENTATION_ID = 2396, COMPONENTS = 2399 };
enum { TYPE = 1, MEASUREMENT = 2, COMPONENT_VERSION = 4, SIGNER_ID = 5 };
enum { SIGN1 = 18, CLAIMS = 512 };

static const uint8_t PROTECTED[] = {0xa1, 0x01, 0x26}; /* {1: -7}: ES256 */
/* A text without its terminating zero. */
#define TEXT_OF(text) ((struct part){text, sizeof(text) - 1})

static void head(struct writer *w, unsigned major, uint32_t argument) {
    size_t size = argument < 24 ? 0 : argument < 0x100 ? 1 : argument < 0x10000 ? 2 : 4;
    write_number(w, major << 5 | (size == 0 ? argument : size == 1 ? 24 : size == 2 ? 25 : 26), 1);
    write_number(w, argument, size);
}

static void string(struct writer *w, unsigned major, const void *data, size_t length) {
    head(w, major, (uint32_t)length);
    write_bytes(w, data, length);
}

static void claim_bytes(struct writer *w, uint32_t label, const void *data, size_t length) {
    head(w, UNSIGNED, label);
    string(w, BYTES, data, length);
}

static void claim_number(struct writer *w, uint32_t label, uint32_t value) {
    head(w, UNSIGNED, label);
    head(w, UNSIGNED, value);
}

static void claim_text(struct writer *w, uint32_t label, struct part text) {
    head(w, UNSIGNED, label);
    string(w, TEXT, text.data, text.length);
}

/* Nobody signs software here: a measurement alone says what it is, and a module's covers its deployer's key. */
static void component(struct writer *w, struct part type, const uint8_t measurement[32]) {
    static const uint8_t nobody[32];
    head(w, MAP, 4);
    claim_text(w, TYPE, type);
    claim_bytes(w, MEASUREMENT, measurement, 32);
    claim_text(w, COMPONENT_VERSION, TEXT_OF("1"));
    claim_bytes(w, SIGNER_ID, nobody, 32);
}

static void claims(struct writer *w, unsigned slot, const uint8_t nonce[64]) {
    head(w, MAP, 8);
    claim_bytes(w, NONCE, nonce, 64);
    claim_bytes(w, INSTANCE_ID, identity.instance_id, sizeof identity.instance_id);
    claim_text(w, PROFILE, TEXT_OF("tag:psacertified.org,2023:psa#tfm"));
    claim_bytes(w, BOOT_SEED, identity.boot_seed, sizeof identity.boot_seed);
    claim_number(w, CLIENT_ID, slot + 1);
    claim_number(w, LIFECYCLE, identity.lifecycle);
    claim_bytes(w, IMPLEMENTATION_ID, identity.implementation_id, sizeof identity.implementation_id);
    head(w, UNSIGNED, COMPONENTS);
    head(w, ARRAY, 2);
    component(w, TEXT_OF("PRoT"), identity.firmware);
    component(w, TEXT_OF("ARoT"), slots[slot].measurement);
}

/* The nonce is SHA-512("aex/v1/trustzone/nonce\0" ‖ measurement of the caller ‖ its report data): no module can choose it,
 * or have a token made in the name of another. */
size_t token_write(uint8_t *out, size_t capacity, unsigned slot, const uint8_t report_data[64]) {
    uint8_t nonce[64], signature[64], buffer[CLAIMS], structure[32];
    crypto_sha512(nonce, PARTS(LABEL("aex/v1/trustzone/nonce"), {slots[slot].measurement, 32}, {report_data, 64}));
    struct writer payload = {buffer, 0, sizeof buffer, false};
    claims(&payload, slot, nonce);

    struct writer s = {structure, 0, sizeof structure, false};
    head(&s, ARRAY, 4);
    string(&s, TEXT, "Signature1", 10);
    string(&s, BYTES, PROTECTED, sizeof PROTECTED);
    string(&s, BYTES, NULL, 0);
    head(&s, BYTES, (uint32_t)payload.length);
    if (payload.bad || s.bad) return 0;
    identity_sign(signature, PARTS({structure, s.length}, {buffer, payload.length}));

    struct writer w = {out, 0, capacity, false};
    head(&w, TAG, SIGN1);
    head(&w, ARRAY, 4);
    string(&w, BYTES, PROTECTED, sizeof PROTECTED);
    head(&w, MAP, 0);
    string(&w, BYTES, buffer, payload.length);
    string(&w, BYTES, signature, sizeof signature);
    return w.bad ? 0 : w.length;
}
