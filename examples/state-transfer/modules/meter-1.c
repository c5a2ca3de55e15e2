// Meter, first version: counts readings and litres.
#include <authentic.h>
#include "text.h"

struct count {
    uint32_t readings, litres;
};
static struct count count;
AUTHENTIC_STATE(struct count, count, 1)

AUTHENTIC_INPUT(flow, 1) {
    if (length != 1) return;
    count.readings++;
    count.litres += *(const uint8_t *)data;
}

AUTHENTIC_HANDLER(read, 0, 64) {
    char *end = put_number(reply, count.readings);
    end = put_text(end, " readings, ");
    end = put_number(end, count.litres);
    end = put_text(end, " litres");
    return end - (char *)reply;
}
