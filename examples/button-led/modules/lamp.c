// Lamp: shows what the server decided.
#include <authentic.h>

AUTHENTIC_DEVICE(led, AUTHENTIC_WRITTEN)

AUTHENTIC_INPUT(light, 1) {
    if (length == 1) led_write(*(const uint8_t *)data & 1);
}
