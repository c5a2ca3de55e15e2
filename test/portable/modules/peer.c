// Drives a module under test as the deployer says, answers what it asks, and keeps everything that it says, in order.
#include <authentic.h>

AUTHENTIC_OUTPUT(set, 1)
AUTHENTIC_OUTPUT(level, 2)
AUTHENTIC_REQUEST(report, 8, 12)

static uint8_t kept[4096];
static uint32_t used;

static void keep(char kind, const void *data, size_t length) {
    if (used + 2 + length > sizeof kept) return;
    kept[used++] = (uint8_t)kind;
    kept[used++] = (uint8_t)length;
    memcpy(kept + used, data, length);
    used += (uint32_t)length;
}

AUTHENTIC_INPUT(moved, 8) { keep('m', data, length); }

AUTHENTIC_ENTRY(set_to, 1) {
    if (authentic_event()->authenticated) set(data, length);
}

AUTHENTIC_ENTRY(level_to, 2) {
    if (authentic_event()->authenticated) level(data, length);
}

AUTHENTIC_ENTRY(question, 8) {
    uint8_t reply[12];
    size_t received = 0;
    if (!authentic_event()->authenticated) return;
    const int result = report(data, length, reply, sizeof reply, &received);
    keep(result == AUTHENTIC_OK ? 'r' : 'x', reply, result == AUTHENTIC_OK ? received : 0);
}

AUTHENTIC_HANDLER(halve, 2, 2) {
    const uint8_t *bytes = data;
    uint8_t *half = reply;
    if (length != 2 || capacity < 2) return -1;
    const uint16_t value = (uint16_t)(bytes[0] << 8 | bytes[1]) / 2;
    half[0] = (uint8_t)(value >> 8);
    half[1] = (uint8_t)value;
    return 2;
}

AUTHENTIC_HANDLER(log, 0, 4096) {
    if (capacity < used) return -1;
    memcpy(reply, kept, used);
    return used;
}
