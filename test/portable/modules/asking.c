// A module that asks another one before it acts, for every TEE: a declared state, a request, a handler and two inputs.
#include <authentic.h>

struct asked {
    uint16_t times, half, level;
    uint8_t set, answered;
};
AUTHENTIC_STATE(struct asked, asked, 1)
AUTHENTIC_REQUEST(halve, 2, 2)

static void put(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

AUTHENTIC_INPUT(level, 2) {
    uint8_t half[2] = {0};
    const uint8_t *bytes = data;
    size_t received = 0;
    if (length != 2) return;
    asked.answered = halve(data, length, half, sizeof half, &received) == AUTHENTIC_OK && received == sizeof half;
    asked.times++;
    asked.half = (uint16_t)(half[0] << 8 | half[1]);
    asked.level = (uint16_t)(bytes[0] << 8 | bytes[1]); // what arrived is still there after the reply
}

AUTHENTIC_INPUT(set, 1) {
    if (length == 1) asked.set = *(const uint8_t *)data;
}

// Answers a question of four bytes with the question and the state; refuses any other.
AUTHENTIC_HANDLER(report, 8, 12) {
    uint8_t *bytes = reply;
    if (length != 4 || capacity < 12) return -1;
    memcpy(bytes, data, 4);
    put(bytes + 4, asked.times);
    put(bytes + 6, asked.half);
    put(bytes + 8, asked.level);
    bytes[10] = asked.set;
    bytes[11] = asked.answered;
    return 12;
}
