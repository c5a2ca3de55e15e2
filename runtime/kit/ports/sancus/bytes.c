/* Numbers on the wire, MACs and wipes. */
#include "kit.h"

u16 get_16(const u8 *at) { return (u16)at[0] << 8 | at[1]; }

u32 get_32(const u8 *at) {
    union { u16 half[2]; u32 whole; } value;
    value.half[1] = get_16(at);
    value.half[0] = get_16(at + 2);
    return value.whole;
}

u32 get_64(const u8 *at) { return get_16(at) | get_16(at + 2) ? COUNTER_END : get_32(at + 4); }

u8 *put_16(u8 *to, u16 value) {
    *to++ = (u8)(value >> 8);
    *to++ = (u8)value;
    return to;
}

u8 *put_32(u8 *to, u32 value) {
    union { u32 whole; u16 half[2]; } parts = {value};
    return put_16(put_16(to, parts.half[1]), parts.half[0]);
}

u8 *put_64(u8 *to, u32 value) { return put_32(put_32(to, 0), value); }

void mac(const void *key, const void *data, u16 length, void *to) {
    struct sancus_crypt job = {key, data, (const u8 *)data + length, data, data, 0, to};
    sancus_wrap(&job);
}

void wipe(void *data, u16 length) {
    volatile u8 *at = data;
    while (length--) *at++ = 0;
}

void *memmove(void *to, const void *from, size_t length) {
    u8 *out = to;
    const u8 *in = from;
    if (out <= in) {
        while (length--) *out++ = *in++;
    } else {
        while (length--) out[length] = in[length];
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t length) {
    const u8 *x = a, *y = b;
    for (; length--; x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}
