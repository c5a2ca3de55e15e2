// Three modules in a row whose events say of themselves where they come from: series and number, how many the module in the
// middle has passed on since it began, and the counters under which both connections carried them.

/** Events that a sink has room for: with them its state is nearly as large as one that can be handed over. */
export const ROOM = 6400;
/** Events of one series. */
export const SERIES = ROOM / 2;
/** Records in one reply. */
export const PART = 256;
/** Bytes of a record: five numbers below 65536, which no deployment of the campaign exceeds. */
export const RECORD = 10;

/**
 * Sends the series that it is told to. One that began anew sends nothing until it is told: what its predecessor sent stays the
 * end of a series.
 */
export const SOURCE = `
#include <authentic.h>

struct series { uint32_t tag, sent, flows; };
AUTHENTIC_STATE(struct series, series, 1)
AUTHENTIC_OUTPUT(event, 8)
AUTHENTIC_ENTRY(work, 0) {
    const uint32_t next[2] = {series.tag, series.sent};
    if (series.flows && series.sent < ${SERIES} && event(next, sizeof next) == AUTHENTIC_OK) series.sent++;
}
/* Begins a series, lets it flow or not, and says how far it is. */
AUTHENTIC_HANDLER(tell, 8, 8) {
    uint32_t told[2];
    if (capacity < 8) return -1;
    if (length == 8) {
        memcpy(told, data, 8);
        if (told[0] != series.tag) series = (struct series){.tag = told[0]};
        series.flows = told[1];
    }
    memcpy(reply, &series, 8);
    return 8;
}
`;

/** Passes everything on, with its own count, which it loses with its state, and the counter of the event. */
export const WORKER = `
#include <authentic.h>

AUTHENTIC_STATE(uint32_t, passed, 1)
AUTHENTIC_OUTPUT(out, 16)
AUTHENTIC_INPUT(in, 8) {
    uint32_t record[4];
    memcpy(record, data, 8);
    record[2] = ++passed;
    record[3] = (uint32_t)authentic_event()->counter;
    /* Which version it is says nothing to anybody, but makes it another program. */
    static const volatile int version = VERSION;
    (void)version;
    out(record, sizeof record);
}
`;

/** Keeps what it hears, until it is told to forget it. */
export const SINK = `
#include <authentic.h>

struct record { uint16_t said[4], counter; };
struct heard { uint32_t count; struct record records[${ROOM}]; };
AUTHENTIC_STATE(struct heard, heard, 1)
static const volatile int version = VERSION;
AUTHENTIC_INPUT(in, 16) {
    (void)version;
    if (heard.count < ${ROOM}) {
        uint32_t said[4];
        memcpy(said, data, 16);
        for (int i = 0; i < 4; i++) heard.records[heard.count].said[i] = (uint16_t)said[i];
        heard.records[heard.count].counter = (uint16_t)authentic_event()->counter;
    }
    heard.count++;
}
AUTHENTIC_HANDLER(read, 4, ${PART * RECORD}) {
    uint32_t first;
    if (length != 4) return -1;
    memcpy(&first, data, 4);
    if (first > heard.count || heard.count > ${ROOM}) return -1;
    uint32_t count = heard.count - first < ${PART} ? heard.count - first : ${PART};
    if (capacity < count * sizeof(struct record)) return -1;
    memcpy(reply, &heard.records[first], count * sizeof(struct record));
    return (int64_t)(count * sizeof(struct record));
}
AUTHENTIC_HANDLER(forget, 0, 4) {
    if (capacity < 4) return -1;
    memcpy(reply, &heard.count, 4);
    heard.count = 0;
    return 4;
}
`;
