// One module for every TEE: two inputs, a declared state, a handler of requests, an output, a device and measured configuration.
// What it says is big-endian, so that processors agree.
#include <authentic.h>

struct tank {
    uint32_t moves;
    uint16_t level;
    uint8_t open;
};
AUTHENTIC_STATE(struct tank, tank, 1)
AUTHENTIC_CONFIG_INTEGER(limit)
AUTHENTIC_OUTPUT(moved, 8)
AUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN)

// moves u32 | level u16 | open u8 | whether the device took it u8
static void describe(uint8_t *to, uint8_t taken) {
    to[0] = (uint8_t)(tank.moves >> 24);
    to[1] = (uint8_t)(tank.moves >> 16);
    to[2] = (uint8_t)(tank.moves >> 8);
    to[3] = (uint8_t)tank.moves;
    to[4] = (uint8_t)(tank.level >> 8);
    to[5] = (uint8_t)tank.level;
    to[6] = tank.open;
    to[7] = taken;
}

AUTHENTIC_INPUT(set, 1) {
    uint8_t report[8];
    if (length != 1) return;
    tank.open = *(const uint8_t *)data != 0;
    tank.moves++;
    describe(report, tap_write(tank.open) == AUTHENTIC_OK);
    moved(report, sizeof report);
}

AUTHENTIC_INPUT(level, 2) {
    uint8_t report[8];
    const uint8_t *bytes = data;
    if (length != 2) return;
    const uint16_t wanted = (uint16_t)((uint16_t)bytes[0] << 8 | bytes[1]);
    tank.level = wanted > limit() ? (uint16_t)limit() : wanted;
    describe(report, 1);
    moved(report, sizeof report);
}

// Answers a question of four bytes with the question and the state; refuses any other.
AUTHENTIC_HANDLER(report, 8, 12) {
    uint8_t *bytes = reply;
    if (length != 4 || capacity < 12) return -1;
    memcpy(bytes, data, 4);
    describe(bytes + 4, 1);
    return 12;
}
