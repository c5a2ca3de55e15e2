// Gate: draws its bolt for an accepted shipment, and shuts it again.
#include <authentic.h>

AUTHENTIC_DEVICE(bolt, AUTHENTIC_WRITTEN)

AUTHENTIC_INPUT(open, 1) {
    if (length == 1) bolt_write(*(const uint8_t *)data & 1);
}
