// Publishes every event it accepts, by the input it came to: what the tests count with.
#include <authentic.h>
#include "record.h"

AUTHENTIC_INPUT(number, RECORD_BYTES) {
    record("number", data, length);
}

AUTHENTIC_INPUT(letter, RECORD_BYTES) {
    record("letter", data, length);
}
