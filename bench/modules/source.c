/* Sends 64 events of 64 bytes each time it is asked for more; the first eight bytes of each count them. */
#include <authentic.h>

enum { BURST = 64 };

AUTHENTIC_OUTPUT_BURST(event, 64, BURST)

static uint64_t content[8];

static void burst(void) {
    for (int i = 0; i < BURST; i++) {
        content[0]++;
        event(content, sizeof content);
    }
}

AUTHENTIC_INPUT(more, 0) { burst(); }

AUTHENTIC_ENTRY(begin, 0) { burst(); }
