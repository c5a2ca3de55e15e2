// Controller: asks for a sample at every poll, opens the valve when the soil is dry and closes it when it is wet.
#include <authentic.h>
#include "irrigation.h"

AUTHENTIC_CONFIG_INTEGER(openBelow)
AUTHENTIC_CONFIG_INTEGER(closeAbove)

struct control {
    uint32_t received;
    uint32_t missed;
    uint8_t open;
    uint8_t told; // the valve, of `open`
};
static struct control control;
AUTHENTIC_STATE(struct control, control, 1)

AUTHENTIC_OUTPUT(sample, 0)
AUTHENTIC_OUTPUT(valve, 1)
AUTHENTIC_OUTPUT(report, REPORT_BYTES)

// Called by a trigger. A trigger is not trusted and is no clock: the worst it can do is to ask too often or never.
AUTHENTIC_ENTRY(poll, 0) {
    (void)data;
    (void)length;
    sample("", 0);
}

AUTHENTIC_INPUT(moisture, READING_BYTES) {
    if (length != READING_BYTES) return;
    const uint8_t percent = *(const uint8_t *)data;
    control.received++;
    control.missed += (uint32_t)authentic_event()->gaps;

    const uint8_t open = percent < openBelow() ? VALVE_OPEN : percent > closeAbove() ? VALVE_CLOSED : control.open;
    if (open != control.open) control.told = 0;
    control.open = open;
    // Readings may come before the valve is connected: what it was not told, it is told with the next one.
    if (!control.told) control.told = valve(&open, 1) == AUTHENTIC_OK;

    uint8_t bytes[REPORT_BYTES] = {percent, open};
    store_u32(bytes + 2, control.received);
    store_u32(bytes + 6, control.missed);
    report(bytes, sizeof bytes);
}
