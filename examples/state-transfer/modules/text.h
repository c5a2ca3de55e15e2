// Writes replies that people can read.
#ifndef TEXT_H
#define TEXT_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Both write at `to` and return the place behind.
static inline char *put_text(char *to, const char *text) {
    while (*text != 0) *to++ = *text++;
    return to;
}

static inline char *put_number(char *to, uint32_t number) {
    char digits[10];
    size_t count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0) *to++ = digits[--count];
    return to;
}
#endif
