/* SpongeWrap over Spongent (sponge.c): the authenticated encryption of Sancus boards. */
#ifndef AUTHENTIC_SPONGE_H
#define AUTHENTIC_SPONGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `key_length` 8 or 16: also the length of the tag. `body_length` is even; `out` is `in` or does not overlap it. */
void sponge_wrap(const uint8_t *key, size_t key_length, const uint8_t *ad, size_t ad_length, const uint8_t *in, size_t body_length, uint8_t *out, uint8_t *tag);
/* As above; false, with `out` wiped, where the tag is wrong. */
bool sponge_unwrap(const uint8_t *key, size_t key_length, const uint8_t *ad, size_t ad_length, const uint8_t *in, size_t body_length, uint8_t *out, const uint8_t *tag);

#endif
