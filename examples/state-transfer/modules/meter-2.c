// Meter, second version: also knows the strongest flow, of what it has seen itself.
#include <authentic.h>
#include "text.h"

struct count {
    uint32_t readings, litres, strongest;
};
static struct count count;
AUTHENTIC_STATE(struct count, count, 2)

struct count_1 {
    uint32_t readings, litres;
};
AUTHENTIC_MIGRATE(count, 1, struct count_1) {
    count.readings = old->readings;
    count.litres = old->litres;
    return true;
}

AUTHENTIC_INPUT(flow, 1) {
    if (length != 1) return;
    const uint8_t litres = *(const uint8_t *)data;
    count.readings++;
    count.litres += litres;
    if (litres > count.strongest) count.strongest = litres;
}

AUTHENTIC_HANDLER(read, 0, 64) {
    char *end = put_number(reply, count.readings);
    end = put_text(end, " readings, ");
    end = put_number(end, count.litres);
    end = put_text(end, " litres, strongest ");
    end = put_number(end, count.strongest);
    return end - (char *)reply;
}
