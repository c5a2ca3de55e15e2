// Switch: turns something on and off, and tells that it did.
#include <authentic.h>

AUTHENTIC_DEVICE(relay, AUTHENTIC_WRITTEN)
AUTHENTIC_OUTPUT(turned, 1)

AUTHENTIC_INPUT(turn, 1) {
    if (length != 1) return;
    const uint8_t on = *(const uint8_t *)data & 1;
    if (relay_write(on) == AUTHENTIC_OK) turned(&on, 1);
}
