// Thermostat: heats below the target, and tells the gateway what has changed.
#include <authentic.h>

AUTHENTIC_DEVICE(thermometer, AUTHENTIC_READ)
AUTHENTIC_DEVICE(heater, AUTHENTIC_WRITTEN)
// Degrees, whether it heats, the target.
AUTHENTIC_OUTPUT(climate, 3)

static uint8_t wanted = 20;
static uint8_t told[3];

static void control(void) {
    const uint8_t degrees = (uint8_t)thermometer_read();
    // One degree between on and off, so that it does not flutter.
    const uint8_t heats = degrees < wanted ? 1 : degrees > wanted ? 0 : told[1];
    const uint8_t now[3] = {degrees, heats, wanted};
    if (memcmp(now, told, sizeof now) == 0) return;
    if (heater_write(heats) != AUTHENTIC_OK || climate(now, sizeof now) != AUTHENTIC_OK) return;
    memcpy(told, now, sizeof now);
}

AUTHENTIC_ENTRY(measure, 0) { control(); }
AUTHENTIC_ENTRY(thermometer_changed, 0) { control(); }

AUTHENTIC_INPUT(target, 1) {
    if (length != 1) return;
    wanted = *(const uint8_t *)data;
    control();
}
