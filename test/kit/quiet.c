/* The interface of the session vectors, whose module emits nothing. */
#include <authentic.h>

AUTHENTIC_INPUT(input, 64) {}
AUTHENTIC_OUTPUT(output, 64)
AUTHENTIC_DEVICE(device, AUTHENTIC_WRITTEN)
AUTHENTIC_ENTRY(entry, 64) {}
AUTHENTIC_HANDLER(handler, 64, 64) {
    if (length == 0) return -1;
    for (size_t i = 0; i < length; i++) ((uint8_t *)reply)[i] = ((const uint8_t *)data)[length - 1 - i];
    return (int64_t)length;
}
AUTHENTIC_REQUEST(request, 64, 64)

struct memory {
    uint64_t events, sum;
};
AUTHENTIC_STATE(struct memory, memory, 3)
AUTHENTIC_DROP(gone)
AUTHENTIC_CONFIG_INTEGER(limit)
