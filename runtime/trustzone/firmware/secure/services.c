/* What the module that runs may ask the firmware for. Everything it names is checked to be its own. */
#include "firmware.h"

enum { RANDOM = 2, MEASUREMENT, TOKEN, DEVICE_READ, DEVICE_WRITE, PASS };
enum { RANDOM_MAXIMUM = 4096, REPORT_DATA = 64, TOKEN_MAXIMUM = 1024 };

/* The peripheral that was measured into the module for this endpoint; 0 for none, or where another instance has it. */
static unsigned peripheral_of(uint32_t endpoint) {
    const struct slot *slot = &slots[run_slot()];
    return endpoint < DEVICES && !slot->waits ? slot->devices[endpoint] : 0;
}

static uint32_t device_read(uint32_t endpoint, uint32_t *to) {
    uint32_t value;
    unsigned peripheral = peripheral_of(endpoint);
    if (peripheral == 0 || !run_owns(to, sizeof *to) || !board_peripheral_read(peripheral, &value)) return 0;
    memcpy(to, &value, sizeof value);
    return 1;
}

static uint32_t device_write(uint32_t endpoint, uint32_t value) {
    unsigned peripheral = peripheral_of(endpoint);
    return peripheral != 0 && board_peripheral_write(peripheral, value);
}

static uint32_t token(const uint8_t *report_data, uint8_t *out, uint32_t capacity) {
    uint8_t data[REPORT_DATA];
    if (capacity > TOKEN_MAXIMUM || !run_owns(report_data, sizeof data) || !run_owns(out, capacity)) return 0;
    memcpy(data, report_data, sizeof data);
    return (uint32_t)token_write(out, capacity, run_slot(), data);
}

uint32_t service(uint32_t number, uint32_t a, uint32_t b, uint32_t c) {
    void *const to = (void *)(uintptr_t)a;
    switch (number) {
    case RANDOM:
        if (b > RANDOM_MAXIMUM || !run_owns(to, b)) return 0;
        random_bytes(to, b);
        return 1;
    case MEASUREMENT:
        if (!run_owns(to, 32)) return 0;
        memcpy(to, slots[run_slot()].measurement, 32);
        return 1;
    case TOKEN: return token(to, (uint8_t *)(uintptr_t)b, c);
    case DEVICE_READ: return device_read(a, (uint32_t *)(uintptr_t)b);
    case DEVICE_WRITE: return device_write(a, b);
    case PASS:
        if (!run_owns(to, 32)) return 0;
        slot_pass(run_slot(), to);
        return 1;
    default: return 0;
    }
}
