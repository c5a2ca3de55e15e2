/* A module on TrustZone-M: unprivileged, in a slot of its own of the secure world; the firmware does what it may not. */
#include "../../core/kit.h"

enum service { RANDOM = 2, MEASUREMENT, TOKEN, DEVICE_READ, DEVICE_WRITE, PASS };
enum { RELATIVE = 23, STACK = 16384 };

struct relocation { uint32_t offset, kind; };

#pragma GCC visibility push(hidden)
extern const struct relocation port_relocations[], port_relocations_end[];
extern uint8_t port_image[], port_module_stack[];
uint32_t port_service(uint32_t service, uintptr_t a, uintptr_t b, uintptr_t c);
void port_relocate(void);
#pragma GCC visibility pop

/* Adds the image's address to the words that the linker lists; it lists no others. Data is not relocated before. */
void port_relocate(void) {
    static bool done;
    if (done) return;
    done = true;
    uintptr_t base = (uintptr_t)port_image;
    for (const struct relocation *r = port_relocations; r < port_relocations_end; r++)
        if ((uint8_t)r->kind == RELATIVE) *(uint32_t *)(base + r->offset) += base;
}

bool port_random(uint8_t *out, size_t length) { return port_service(RANDOM, (uintptr_t)out, length, 0); }

/* The firmware chose the region, and lets this module touch nothing else outside its slot. */
bool port_is_shared(const void *region, size_t length) { return region != NULL && length > 0; }

bool port_measurement(uint8_t measurement[32]) { return port_service(MEASUREMENT, (uintptr_t)measurement, 0, 0); }

/* A PSA token; the firmware computes its nonce from this module's measurement and `data`. Empty when it fails. */
size_t port_report(uint8_t report[PORT_REPORT], const uint8_t data[64], const uint8_t target[PORT_TARGET]) {
    (void)target;
    return port_service(TOKEN, (uintptr_t)data, (uintptr_t)report, PORT_REPORT);
}

/* 0 where the firmware refuses: what the outside puts into its pins is nobody's reading. */
bool port_device_read(size_t endpoint, uint32_t *value) {
    *value = 0;
    port_service(DEVICE_READ, endpoint, (uintptr_t)value, 0);
    return true;
}

void port_device_write(size_t endpoint, uint32_t value) { port_service(DEVICE_WRITE, endpoint, value, 0); }

void port_devices_pass(const uint8_t measurement[32]) { port_service(PASS, (uintptr_t)measurement, 0, 0); }

/* Eight callee-saved registers, then where to go. */
void *port_stack(void (*start)(void)) {
    void **top = (void **)(port_module_stack + STACK) - 9;
    memset(top, 0, 9 * sizeof *top);
    top[8] = (void *)start;
    return top;
}
