// Button: tells the server when it goes down and when it comes up.
#include <authentic.h>

AUTHENTIC_DEVICE(button, AUTHENTIC_READ)
AUTHENTIC_OUTPUT(pressed, 1)

static uint8_t last;

// Anyone on the node can cause this call, at any time. What counts is what the pin shows.
AUTHENTIC_ENTRY(button_changed, 0) {
    (void)data;
    (void)length;
    const uint8_t down = button_read() & 1;
    if (down == last) return;
    last = down;
    pressed(&down, 1);
}
