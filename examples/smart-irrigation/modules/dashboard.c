// Dashboard: collects what controller, valve and pump report and answers the people who ask.
#include <authentic.h>
#include "irrigation.h"

struct view {
    uint8_t report[REPORT_BYTES];
    uint8_t position;
    uint32_t moves;
    uint32_t reports;
    uint8_t pumping;
    uint32_t switches;
};
static struct view view;
AUTHENTIC_STATE(struct view, view, 1)

AUTHENTIC_INPUT(report, REPORT_BYTES) {
    if (length != REPORT_BYTES) return;
    for (size_t i = 0; i < REPORT_BYTES; i++) view.report[i] = ((const uint8_t *)data)[i];
    view.reports++;
}

AUTHENTIC_INPUT(moved, 1) {
    if (length != 1) return;
    view.position = *(const uint8_t *)data;
    view.moves++;
}

AUTHENTIC_INPUT(running, 1) {
    if (length != 1) return;
    view.pumping = *(const uint8_t *)data;
    view.switches++;
}

AUTHENTIC_HANDLER(query, 0, VIEW_BYTES) {
    (void)data;
    (void)length;
    if (capacity < VIEW_BYTES) return -1;
    uint8_t *bytes = reply;
    for (size_t i = 0; i < REPORT_BYTES; i++) bytes[i] = view.report[i];
    bytes[REPORT_BYTES] = view.position;
    store_u32(bytes + REPORT_BYTES + 1, view.moves);
    store_u32(bytes + REPORT_BYTES + 5, view.reports);
    bytes[REPORT_BYTES + 9] = view.pumping;
    store_u32(bytes + REPORT_BYTES + 10, view.switches);
    return VIEW_BYTES;
}
