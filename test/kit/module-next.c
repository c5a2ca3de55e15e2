/* A later version of module.c: another layout of its state, other declarations before the ones that stayed. */
#include <authentic.h>

AUTHENTIC_ENTRY(added, 8) {}
AUTHENTIC_OUTPUT(output, 64)

struct memory {
    uint64_t before, now, factor;
};
AUTHENTIC_STATE(struct memory, memory, 4)
AUTHENTIC_INPUT(input, 64) {
    memory.now++;
    output(&memory, sizeof memory);
}
AUTHENTIC_DEVICE(device, AUTHENTIC_WRITTEN)

struct memory_3 {
    uint64_t events, sum;
};
AUTHENTIC_MIGRATE(memory, 3, struct memory_3) {
    memory.before = old->events + 1;
    memory.factor = 7;
    return true;
}
