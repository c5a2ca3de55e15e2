// Water tap on a board: its port moves only through a protected driver, which serves this module alone.
#include <authentic.h>

AUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN)
AUTHENTIC_OUTPUT(moved, 1)

AUTHENTIC_INPUT(set, 1) {
    if (length != 1) return;
    const uint8_t open = *(const uint8_t *)data != 0;
    if (tap_write(open) == AUTHENTIC_OK) moved(&open, 1);
}
