/* Stand-ins that take everything for authentic, so that fuzzed inputs reach the parsers behind. For the fuzzer only. */
#include <string.h>

#include <crypto.h>
#include <sponge.h>

void crypto_sha256(uint8_t digest[32], const struct part *parts, size_t count) {
    (void)parts, (void)count;
    memset(digest, 0, 32);
}
void crypto_sha512(uint8_t digest[64], const struct part *parts, size_t count) {
    (void)parts, (void)count;
    memset(digest, 0, 64);
}
void crypto_hkdf_extract(uint8_t prk[32], const uint8_t *salt, size_t salt_length, const struct part *ikm, size_t count) {
    (void)salt, (void)salt_length, (void)ikm, (void)count;
    memset(prk, 0, 32);
}
void crypto_hkdf_expand(uint8_t *out, size_t length, const uint8_t prk[32], const struct part *info, size_t count) {
    (void)prk, (void)info, (void)count;
    memset(out, 0, length);
}
void crypto_x25519_public(uint8_t public[32], const uint8_t secret[32]) {
    (void)secret;
    memset(public, 0, 32);
}
bool crypto_x25519(uint8_t shared[32], const uint8_t secret[32], const uint8_t public[32]) {
    (void)secret, (void)public;
    memset(shared, 0, 32);
    return true;
}
bool crypto_ed25519_verify(const uint8_t signature[64], const uint8_t key[32], const struct part *parts, size_t count) {
    (void)signature, (void)key, (void)parts, (void)count;
    return true;
}
static void copy(uint8_t *out, const uint8_t *in, size_t length) {
    if (length > 0) memmove(out, in, length);
}
void crypto_chacha_seal(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[32]) {
    (void)aad, (void)aad_length, (void)nonce, (void)key;
    copy(out, in, length);
    memset(out + length, 0, CRYPTO_TAG);
}
bool crypto_chacha_open(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[32]) {
    (void)aad, (void)aad_length, (void)nonce, (void)key;
    copy(out, in, length);
    return true;
}
void crypto_aes128gcm_seal(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[16]) {
    crypto_chacha_seal(out, in, length, aad, aad_length, nonce, key);
}
bool crypto_aes128gcm_open(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[16]) {
    return crypto_chacha_open(out, in, length, aad, aad_length, nonce, key);
}
void sponge_wrap(const uint8_t *key, size_t key_length, const uint8_t *ad, size_t ad_length, const uint8_t *in, size_t body_length, uint8_t *out, uint8_t *tag) {
    (void)key, (void)ad, (void)ad_length;
    copy(out, in, body_length);
    memset(tag, 0, key_length);
}
bool sponge_unwrap(const uint8_t *key, size_t key_length, const uint8_t *ad, size_t ad_length, const uint8_t *in, size_t body_length, uint8_t *out, const uint8_t *tag) {
    (void)key, (void)key_length, (void)ad, (void)ad_length, (void)tag;
    copy(out, in, body_length);
    return true;
}
bool crypto_equal(const void *a, const void *b, size_t length) { return memcmp(a, b, length) == 0; }
void crypto_wipe(void *data, size_t length) { memset(data, 0, length); }
