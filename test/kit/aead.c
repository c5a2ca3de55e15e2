/* Seals and opens texts of many lengths with the kit's ChaCha20-Poly1305, out of place and in place, and forges each byte.
 * What it sealed goes to standard output, for a comparison with another implementation. Ends with 1 where an opening went wrong. */
#include <crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LONGEST = 1100, FORGED = 200, AAD = 22 };

void start(void);
__asm__(".globl _start\n_start: and $-16, %rsp\n call start\n");

static uint8_t text[LONGEST], sealed[LONGEST + CRYPTO_TAG], opened[LONGEST + CRYPTO_TAG], aad[AAD], nonce[12], key[32];

static long system_call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void require(bool condition) {
    if (!condition)
        for (;;) system_call(231, 1, 0, 0);
}

static void fill(uint8_t *bytes, size_t length, size_t seed) {
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)(seed * 131 + i * 7 + 3);
}

static bool opens(size_t length) {
    memcpy(opened, sealed, length + CRYPTO_TAG);
    return crypto_chacha_open(opened, opened, length, aad, AAD, nonce, key);
}

static void forge(uint8_t *bytes, size_t count, size_t length) {
    for (size_t i = 0; i < count; i++) {
        bytes[i] ^= 1;
        require(!opens(length));
        bytes[i] ^= 1;
    }
}

__attribute__((used)) void start(void) {
    for (size_t length = 0; length <= LONGEST; length++) {
        fill(text, length, length);
        fill(aad, AAD, length + 1);
        fill(nonce, sizeof nonce, length + 2);
        fill(key, sizeof key, length + 3);
        crypto_chacha_seal(sealed, text, length, aad, AAD, nonce, key);
        require(crypto_chacha_open(opened, sealed, length, aad, AAD, nonce, key) && memcmp(opened, text, length) == 0);
        require(opens(length) && memcmp(opened, text, length) == 0);
        memcpy(opened, text, length);
        crypto_chacha_seal(opened, opened, length, aad, AAD, nonce, key);
        require(memcmp(opened, sealed, length + CRYPTO_TAG) == 0);
        if (length <= FORGED) {
            forge(sealed, length + CRYPTO_TAG, length);
            forge(aad, AAD, length);
            forge(nonce, sizeof nonce, length);
            forge(key, sizeof key, length);
        }
        for (size_t done = 0; done < length + CRYPTO_TAG;) {
            long count = system_call(1, 1, (long)(sealed + done), (long)(length + CRYPTO_TAG - done));
            require(count > 0);
            done += (size_t)count;
        }
    }
    for (;;) system_call(231, 0, 0, 0);
}
