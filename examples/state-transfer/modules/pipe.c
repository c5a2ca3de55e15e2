// Pipe: at every call some water flows, and the meter is told how much. It keeps its own count, to compare.
#include <authentic.h>
#include "text.h"

struct pumped {
    uint32_t times, litres;
};
static struct pumped pumped_so_far;
AUTHENTIC_STATE(struct pumped, pumped_so_far, 1)
AUTHENTIC_OUTPUT(flow, 1)

AUTHENTIC_ENTRY(pump, 0) {
    const uint8_t litres = (uint8_t)(pumped_so_far.times * 7 % 10);
    // Not counted where it did not leave.
    if (flow(&litres, 1) != AUTHENTIC_OK) return;
    pumped_so_far.times++;
    pumped_so_far.litres += litres;
}

AUTHENTIC_HANDLER(pumped, 0, 64) {
    char *end = put_number(reply, pumped_so_far.times);
    end = put_text(end, " times, ");
    end = put_number(end, pumped_so_far.litres);
    end = put_text(end, " litres");
    return end - (char *)reply;
}
