/* A later version of module.c whose migration refuses. */
#include <authentic.h>

AUTHENTIC_INPUT(input, 64) {}
AUTHENTIC_OUTPUT(output, 64)

struct memory_3 {
    uint64_t events, sum;
};
AUTHENTIC_MIGRATE(memory, 3, struct memory_3) { return old->events > 1000; }
