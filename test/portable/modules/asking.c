// A module that asks another one before it acts, for every TEE whose modules can wait for a reply.
#include <authentic.h>

struct asked { uint16_t times; };
AUTHENTIC_STATE(struct asked, asked, 1)
AUTHENTIC_REQUEST(halve, 2, 2)
AUTHENTIC_OUTPUT(moved, 8)

AUTHENTIC_INPUT(level, 2) {
    uint8_t half[2] = {0}, report[8] = {0};
    size_t received = 0;
    const int result = halve(data, length, half, sizeof half, &received);
    asked.times++;
    report[0] = (uint8_t)(asked.times >> 8);
    report[1] = (uint8_t)asked.times;
    memcpy(report + 2, half, 2);
    report[4] = result == AUTHENTIC_OK;
    report[5] = (uint8_t)received;
    moved(report, sizeof report);
}
