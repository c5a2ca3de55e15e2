// Soil sensor: reads the probe through its driver and sends the moisture, when the controller asks and when the soil changes.
#include <authentic.h>
#include "irrigation.h"

AUTHENTIC_DEVICE(soil, AUTHENTIC_READ)
AUTHENTIC_OUTPUT(moisture, READING_BYTES)

static void measure(void) {
    const uint32_t percent = soil_read();
    const uint8_t reading = percent > 100 ? 100 : (uint8_t)percent;
    moisture(&reading, READING_BYTES);
}

AUTHENTIC_INPUT(sample, 0) {
    (void)data;
    (void)length;
    measure();
}

// Called when a pin of the device has changed. Anyone may cause that, which can only make the sensor measure more often.
AUTHENTIC_ENTRY(soil_changed, 0) {
    (void)data;
    (void)length;
    measure();
}
