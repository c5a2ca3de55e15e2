/* One end of a round trip: sends, waits until the same bytes have come back, and keeps how long each took. */
#include <authentic.h>

enum { KEPT = 65536, PAGE = 8192, LARGEST = 1024 };

AUTHENTIC_OUTPUT(there, LARGEST)

static uint8_t bytes[LARGEST];
static uint32_t times[KEPT];
static uint64_t sent;
static uint32_t size, left, kept;

static void serve(void) {
    left--;
    sent = __builtin_ia32_rdtsc();
    there(bytes, size);
}

AUTHENTIC_INPUT(back, LARGEST) {
    uint64_t took = __builtin_ia32_rdtsc() - sent;
    if (length != size) return;
    if (kept < KEPT) times[kept++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    if (left > 0) serve();
}

/* size u32 | round trips u32 */
AUTHENTIC_ENTRY(play, 8) {
    if (length != 8) return;
    memcpy(&size, data, 4);
    memcpy(&left, (const uint8_t *)data + 4, 4);
    if (size > LARGEST || left == 0) return;
    kept = 0;
    serve();
}

/* page u32; the reply: its times in cycles of the time-stamp counter */
AUTHENTIC_HANDLER(page, 4, PAGE * 4) {
    uint32_t first;
    memcpy(&first, data, 4);
    first *= PAGE;
    if (length != 4 || first >= kept) return 0;
    uint32_t count = kept - first < PAGE ? kept - first : PAGE;
    memcpy(reply, times + first, count * 4);
    return (int64_t)(count * 4);
}
