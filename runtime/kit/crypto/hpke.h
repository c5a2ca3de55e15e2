/* hpke.c: RFC 9180 base mode, suite 0x0020/0x0001/0x0003, one message. */
#ifndef AUTHENTIC_HPKE_H
#define AUTHENTIC_HPKE_H

#include "crypto.h"

bool hpke_open(uint8_t *text, const uint8_t *ciphertext, size_t length, const uint8_t enc[32], const uint8_t secret[32], const uint8_t public[32], const uint8_t info[32], uint8_t exporter[32]);
bool hpke_seal(uint8_t enc[32], uint8_t *ciphertext, const uint8_t *text, size_t length, const uint8_t public[32], const uint8_t info[32]);
void hpke_export(uint8_t out[32], const uint8_t exporter[32], const struct part *context, size_t count);

#endif
