// Tracker: reads thermometer and lid, and sends what has changed. Asked by the ledger, it answers in any case.
#include <authentic.h>

AUTHENTIC_DEVICE(thermometer, AUTHENTIC_READ)
AUTHENTIC_DEVICE(lid, AUTHENTIC_READ)
// Degrees, whether the lid is open, and the number of the ledger's question that this answers, or 0.
AUTHENTIC_OUTPUT(reading, 3)

static uint8_t degrees, open;

static void look(uint8_t question) {
    const uint8_t now[3] = {(uint8_t)thermometer_read(), lid_read() & 1, question};
    if (question == 0 && now[0] == degrees && now[1] == open) return;
    if (reading(now, sizeof now) != AUTHENTIC_OK) return;
    degrees = now[0];
    open = now[1];
}

// A trigger and changed pins call these; anyone may. That can only make the tracker look more often.
AUTHENTIC_ENTRY(measure, 0) { look(0); }
AUTHENTIC_ENTRY(thermometer_changed, 0) { look(0); }
AUTHENTIC_ENTRY(lid_changed, 0) { look(0); }

AUTHENTIC_INPUT(ask, 1) {
    if (length == 1) look(*(const uint8_t *)data);
}
