// A soil sensor without a device: remembers the reading that the deployer sent last, and sends it when the controller asks.
#include <authentic.h>
#include "irrigation.h"

struct soil {
    uint8_t moisture;
    uint8_t known;
};
static struct soil soil;
AUTHENTIC_STATE(struct soil, soil, 1)

AUTHENTIC_OUTPUT(moisture, READING_BYTES)

AUTHENTIC_INPUT(reading, READING_BYTES) {
    const uint8_t *bytes = data;
    if (length != READING_BYTES || bytes[0] > 100) return;
    soil.moisture = bytes[0];
    soil.known = 1;
}

// The controller wants a sample. Before the first reading there is nothing true to say.
AUTHENTIC_INPUT(sample, 0) {
    (void)data;
    (void)length;
    if (soil.known) moisture(&soil.moisture, READING_BYTES);
}
