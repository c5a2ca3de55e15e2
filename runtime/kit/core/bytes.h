/* Reading and writing big-endian messages without ever leaving their buffers. */
#ifndef AUTHENTIC_BYTES_H
#define AUTHENTIC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A message being decoded. Once something did not fit, `bad` stays set and everything read is zero. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

/* The next `length` bytes where they lie; NULL when there are fewer. */
static inline const uint8_t *read_view(struct reader *r, size_t length) {
    if (length > r->left) {
        *r = (struct reader){.bad = true};
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += length;
    r->left -= length;
    return at;
}

static inline uint64_t read_number(struct reader *r, size_t size) {
    const uint8_t *at = read_view(r, size);
    uint64_t value = 0;
    for (size_t i = 0; at && i < size; i++) value = value << 8 | at[i];
    return value;
}

static inline void read_bytes(struct reader *r, void *to, size_t length) {
    const uint8_t *at = read_view(r, length);
    if (at) memcpy(to, at, length);
    else memset(to, 0, length);
}

/* Everything fitted and nothing is left over. */
static inline bool read_done(const struct reader *r) { return !r->bad && r->left == 0; }

/* A message being encoded. Once something did not fit, `bad` stays set and nothing more is written. */
struct writer {
    uint8_t *start;
    size_t length, capacity;
    bool bad;
};

static inline void write_bytes(struct writer *w, const void *from, size_t length) {
    if (w->bad || length > w->capacity - w->length) {
        w->bad = true;
        return;
    }
    memcpy(w->start + w->length, from, length);
    w->length += length;
}

static inline void write_number(struct writer *w, uint64_t value, size_t size) {
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    write_bytes(w, bytes, size);
}

#endif
