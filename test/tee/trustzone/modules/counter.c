// Counts events in its declared state, and lights its device with each.
#include <authentic.h>

struct count { uint32_t events; };
AUTHENTIC_STATE(struct count, count, 1)
AUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN | AUTHENTIC_READ)

AUTHENTIC_INPUT(set, 64) {
    count.events++;
    tap_write(1);
}

AUTHENTIC_HANDLER(report, 4, 4) {
    memcpy(reply, &count.events, sizeof count.events);
    return sizeof count.events;
}

AUTHENTIC_ENTRY(show, 0) { authentic_log(tap_read() ? "lit" : "dark"); }
AUTHENTIC_ENTRY(light, 0) { tap_write(1); }
AUTHENTIC_ENTRY(douse, 0) { tap_write(0); }
