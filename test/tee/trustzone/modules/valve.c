// One module for every TEE: two inputs, a declared state, a request, a handler, an output and a device.
#include <authentic.h>

struct tank { uint32_t moved, level; };
AUTHENTIC_STATE(struct tank, tank, 1)
AUTHENTIC_CONFIG_INTEGER(limit)
AUTHENTIC_CONFIG_TEXT(label, 16)
AUTHENTIC_OUTPUT(moved, 8)
AUTHENTIC_REQUEST(ask, 4, 4)
AUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN | AUTHENTIC_READ)

/* Opens or closes the tap, and reports how often it has moved and what it shows. */
AUTHENTIC_INPUT(set, 1) {
    const uint8_t *open = data;
    if (length != 1) return;
    tank.moved++;
    int result = tap_write(*open);
    uint32_t report[2] = {tank.moved, result == AUTHENTIC_OK ? *open : 0xffffffff};
    moved(report, sizeof report);
}

/* Sets the level, within the configured limit, after asking whether that is right. */
AUTHENTIC_INPUT(level, 4) {
    uint32_t wanted, answer = 0;
    size_t got = 0;
    if (length != sizeof wanted) return;
    memcpy(&wanted, data, sizeof wanted);
    if (ask(&wanted, sizeof wanted, &answer, sizeof answer, &got) == AUTHENTIC_OK && got == sizeof answer) wanted = answer;
    tank.level = wanted > (uint32_t)limit() ? (uint32_t)limit() : wanted;
}

/* Answers with what it knows: moves, level, what the tap shows, first character of its label. */
AUTHENTIC_HANDLER(report, 4, 16) {
    uint32_t known[4] = {tank.moved, tank.level, tap_read(), (uint8_t)label()[0]};
    if (capacity < sizeof known) return -1;
    memcpy(reply, known, sizeof known);
    return sizeof known;
}

AUTHENTIC_ENTRY(poke, 1) { authentic_log("poked"); }
