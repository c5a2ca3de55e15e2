// Valve: moves the valve as the controller says, and tells the dashboard that it did.
#include <authentic.h>
#include "irrigation.h"

AUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN)
AUTHENTIC_OUTPUT(moved, 1)

AUTHENTIC_INPUT(set, 1) {
    if (length != 1) return;
    const uint8_t position = *(const uint8_t *)data == VALVE_OPEN ? VALVE_OPEN : VALVE_CLOSED;
    if (tap_write(position) == AUTHENTIC_OK) moved(&position, 1);
}
