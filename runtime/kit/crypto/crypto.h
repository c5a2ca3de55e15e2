/* The cryptographic primitives, implemented by crypto.zig. Functions that return bool say whether the input is authentic. */
#ifndef AUTHENTIC_CRYPTO_H
#define AUTHENTIC_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_TAG 16

/* One piece of a message that is hashed, signed or expanded. */
struct part {
    const void *data;
    size_t length;
};

/* A list of parts and its count, as two arguments. */
#define PARTS(...) (const struct part[]){__VA_ARGS__}, sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part)
/* A label with its terminating zero. */
#define LABEL(text) {text, sizeof(text)}

void crypto_sha256(uint8_t digest[32], const struct part *parts, size_t count);
void crypto_sha512(uint8_t digest[64], const struct part *parts, size_t count);
void crypto_hkdf_extract(uint8_t prk[32], const uint8_t *salt, size_t salt_length, const struct part *ikm, size_t count);
void crypto_hkdf_expand(uint8_t *out, size_t length, const uint8_t prk[32], const struct part *info, size_t count);
void crypto_x25519_public(uint8_t public[32], const uint8_t secret[32]);
bool crypto_x25519(uint8_t shared[32], const uint8_t secret[32], const uint8_t public[32]);
bool crypto_ed25519_verify(const uint8_t signature[64], const uint8_t key[32], const struct part *parts, size_t count);

/* `length` counts the plaintext; 16 bytes of tag follow the ciphertext. `out` is `in` or does not overlap it. */
void crypto_chacha_seal(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[32]);
bool crypto_chacha_open(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[32]);
void crypto_aes128gcm_seal(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[16]);
bool crypto_aes128gcm_open(uint8_t *out, const uint8_t *in, size_t length, const uint8_t *aad, size_t aad_length, const uint8_t nonce[12], const uint8_t key[16]);

/* Constant-time comparison, and a wipe that is not optimized away. */
bool crypto_equal(const void *a, const void *b, size_t length);
void crypto_wipe(void *data, size_t length);

#endif
