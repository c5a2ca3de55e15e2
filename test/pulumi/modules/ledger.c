/* Adds amounts up; ledger.rs does the same. */
#include <authentic.h>

struct sum { uint64_t events; int64_t amount; };
AUTHENTIC_STATE(struct sum, sum, 1)

AUTHENTIC_CONFIG_INTEGER(limit)
AUTHENTIC_CONFIG_TEXT(unit, 8)
AUTHENTIC_OUTPUT(total, sizeof(struct sum))
AUTHENTIC_DEVICE(shown, AUTHENTIC_WRITTEN)

static bool add(const void *data, size_t length) {
    int64_t amount;
    if (length != sizeof amount) return false;
    memcpy(&amount, data, sizeof amount);
    if (amount > limit()) return false;
    sum.events++;
    sum.amount += amount;
    shown_write((uint32_t)sum.amount);
    return true;
}

AUTHENTIC_HANDLER(add_up, 8, 32) {
    if (!add(data, length) || capacity < sizeof sum + 8) return -1;
    size_t name = 0;
    while (name < 8 && unit()[name]) name++;
    memcpy(reply, &sum, sizeof sum);
    memcpy((uint8_t *)reply + sizeof sum, unit(), name);
    return (int64_t)(sizeof sum + name);
}

AUTHENTIC_INPUT(amount, 8) {
    if (add(data, length)) total(&sum, sizeof sum);
}

AUTHENTIC_ENTRY(clear, 1) {
    if (!authentic_event()->authenticated || length != 1) return;
    sum = (struct sum){0};
    authentic_log("cleared");
}

AUTHENTIC_ENTRY(crash, 0) { __builtin_trap(); }
