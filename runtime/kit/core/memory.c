/* The functions a compiler calls for copies and comparisons. Built without recognizing them, or they would call themselves. */
#include <stdint.h>
#include <string.h>

typedef uint64_t word __attribute__((may_alias, aligned(1)));

/* Below this the string instructions take longer to start than the words take to move. */
enum { SHORT = 512 };

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    uint8_t *d = to;
    const uint8_t *s = from;
#ifdef __x86_64__
    if (length >= SHORT) {
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(length) : : "memory");
        return to;
    }
#endif
    for (; length >= sizeof(word); length -= sizeof(word), d += sizeof(word), s += sizeof(word)) *(word *)d = *(const word *)s;
    while (length-- > 0) *d++ = *s++;
    return to;
}

void *memset(void *to, int value, size_t length) {
    uint8_t *d = to;
#ifdef __x86_64__
    if (length >= SHORT) {
        __asm__ volatile("rep stosb" : "+D"(d), "+c"(length) : "a"(value) : "memory");
        return to;
    }
#endif
    const word words = (uint8_t)value * 0x0101010101010101u;
    for (; length >= sizeof(word); length -= sizeof(word), d += sizeof(word)) *(word *)d = words;
    while (length-- > 0) *d++ = (uint8_t)value;
    return to;
}

void *memmove(void *to, const void *from, size_t length) {
    uint8_t *d = to;
    const uint8_t *s = from;
    if (d <= s || d >= s + length) return memcpy(to, from, length);
    while (length-- > 0) d[length] = s[length];
    return to;
}

int memcmp(const void *a, const void *b, size_t length) {
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < length; i++)
        if (x[i] != y[i]) return x[i] - y[i];
    return 0;
}
