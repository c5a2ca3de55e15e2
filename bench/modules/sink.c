/* Counts events of 64 bytes, asks for more, and says how many came when. */
#include <authentic.h>

enum { BURST = 64 };

AUTHENTIC_OUTPUT(more, 0)

static struct { uint64_t count, time, misplaced; } total;
static bool stopped;

AUTHENTIC_INPUT(event, 64) {
    uint64_t number = 0;
    if (length == 64) memcpy(&number, data, sizeof number);
    if (number != ++total.count) total.misplaced++;
    if (total.count % BURST == 0 && !stopped) more("", 0);
}

AUTHENTIC_ENTRY(stop, 1) { stopped = length == 1; }

/* events u64 | time-stamp counter u64 | events that were not the next one u64 */
AUTHENTIC_HANDLER(sum, 0, sizeof total) {
    total.time = __builtin_ia32_rdtsc();
    memcpy(reply, &total, sizeof total);
    return sizeof total;
}
