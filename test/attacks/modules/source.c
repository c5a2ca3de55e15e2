// Emits numbered events when its entry is called, and publishes every order the deployer gave it.
#include <authentic.h>
#include "record.h"

AUTHENTIC_OUTPUT(number, RECORD_BYTES)
AUTHENTIC_OUTPUT(letter, RECORD_BYTES)

static uint32_t emitted;

AUTHENTIC_ENTRY(emit, 0) {
    (void)data;
    (void)length;
    emitted++;
    const uint8_t numbered[RECORD_BYTES] = {'N', (uint8_t)(emitted >> 16), (uint8_t)(emitted >> 8), (uint8_t)emitted};
    const uint8_t lettered[RECORD_BYTES] = {'L', (uint8_t)(emitted >> 16), (uint8_t)(emitted >> 8), (uint8_t)emitted};
    number(numbered, sizeof numbered);
    letter(lettered, sizeof lettered);
}

AUTHENTIC_INPUT(order, RECORD_BYTES) {
    record("order", data, length);
}
