// What the modules of the irrigation system say to each other. All fields are single bytes
// or big-endian, so that modules on different processors agree.
#ifndef IRRIGATION_H
#define IRRIGATION_H
#include <stdint.h>

#define VALVE_CLOSED 0
#define VALVE_OPEN 1

// Soil moisture in percent, 0 to 100.
enum { READING_BYTES = 1 };

// What the controller decided: moisture % | valve | readings received (u32) | readings missed (u32).
enum { REPORT_BYTES = 10 };

// What the dashboard (dashboard.rs) answers: the last report | position of the valve | moves of the valve (u32) | reports received (u32) |
// whether the pump runs | starts and stops of the pump (u32).
enum { VIEW_BYTES = REPORT_BYTES + 14 };

static inline void store_u32(uint8_t *to, uint32_t value) {
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}
#endif
