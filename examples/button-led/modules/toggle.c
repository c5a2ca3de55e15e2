// Toggle: every press changes the light.
#include <authentic.h>

static uint8_t on;
AUTHENTIC_STATE(uint8_t, on, 1)
AUTHENTIC_OUTPUT(light, 1)

AUTHENTIC_INPUT(pressed, 1) {
    if (length != 1 || *(const uint8_t *)data == 0) return; // released
    on = !on;
    light(&on, 1);
}
