// Soil probe on a board: reads the sensor through its protected driver and sends the moisture in percent, when it is asked
// to and when the sensor's pins change.
#include <authentic.h>

AUTHENTIC_DEVICE(soil, AUTHENTIC_READ)
AUTHENTIC_OUTPUT(moisture, 1)

static void measure(void) {
    const uint8_t percent = (uint8_t)soil_read();
    moisture(&percent, 1);
}

AUTHENTIC_INPUT(sample, 0) { measure(); }

// Called when a pin of the device "soil" has changed. Anyone may cause it, which can only make the probe measure more often.
AUTHENTIC_ENTRY(soil_changed, 0) { measure(); }
