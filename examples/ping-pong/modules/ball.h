// The ball: how often it was hit, big-endian, so that all processors agree.
#ifndef BALL_H
#define BALL_H
#include <stdint.h>

enum { BALL_BYTES = 2 };

static inline void store_ball(uint8_t *to, uint16_t hits) {
    to[0] = (uint8_t)(hits >> 8);
    to[1] = (uint8_t)hits;
}

static inline uint16_t load_ball(const uint8_t *from) { return (uint16_t)(from[0] << 8 | from[1]); }
#endif
