/* Who this device is: keys from its unique key, and a generator of random bytes from the seed of this boot. */
#include "firmware.h"

struct identity identity;
static uint8_t attestation_key[32], generator[32];

extern const uint8_t firmware_start[], firmware_end[];


/* HKDF-SHA256 of the unique key; a scalar is drawn from 48 bytes, so that its bias is negligible (FIPS 186-5, A.2.1). */
static void attestation(const uint8_t unique_key[32]) {
    static const uint8_t salt[] = "aex/v1/trustzone/unique-key";
    uint8_t prk[32], uniform[64];
    crypto_hkdf_extract(prk, salt, sizeof salt, PARTS({unique_key, 32}));
    crypto_hkdf_expand(uniform, 32, prk, PARTS(LABEL("attestation key 1")));
    crypto_hkdf_expand(uniform + 32, 32, prk, PARTS(LABEL("attestation key 2")));
    p256_key(attestation_key, uniform);
    p256_public(identity.public_key, attestation_key);
    crypto_wipe(prk, sizeof prk);
    crypto_wipe(uniform, sizeof uniform);
}

/* The generator also takes the unique key in: a seed that somebody learned is not enough to know what it draws. */
static void start_generator(const struct board_secrets *secrets) {
    static const uint8_t salt[] = "aex/v1/trustzone/generator";
    crypto_hkdf_extract(generator, salt, sizeof salt, PARTS({secrets->unique_key, 32}, {secrets->seed, 32}));
}

void identity_establish(void) {
    struct board_secrets secrets;
    board_take_secrets(&secrets);
    attestation(secrets.unique_key);
    start_generator(&secrets);
    identity.lifecycle = secrets.lifecycle;
    crypto_wipe(&secrets, sizeof secrets);

    identity.instance_id[0] = 1; /* RFC 9783 section 4.2.1 */
    crypto_sha256(identity.instance_id + 1, PARTS({identity.public_key, sizeof identity.public_key}));
    crypto_sha256(identity.implementation_id, PARTS(LABEL("aex/v1/trustzone/implementation"), {BOARD_NAME, sizeof BOARD_NAME - 1}));
    crypto_sha256(identity.firmware, PARTS(LABEL("aex/v1/measurement/trustzone-firmware"), {firmware_start, (size_t)(firmware_end - firmware_start)}));
    random_bytes(identity.boot_seed, sizeof identity.boot_seed);
}

void identity_sign(uint8_t signature[64], const struct part *parts, size_t count) { p256_sign(signature, attestation_key, parts, count); }

/* Each call replaces the generator's key, so that what it drew before cannot be computed again. */
void random_bytes(uint8_t *out, size_t length) { generator_draw(generator, out, length); }
