/* A native module: an ordinary process loads it, nothing protects it and nothing vouches for it. */
#include "../x86_64/processor.h"

/* Called on the kit's stack with what the host gave to the entry. */
__attribute__((visibility("hidden"))) uint64_t port_enter(uint64_t reason, void *shared, uint64_t size) {
    static bool relocated;
    if (!relocated) port_relocate();
    relocated = true;
    return kit_enter(reason, shared, size);
}

/* There is no boundary to check. */
bool port_is_shared(const void *region, size_t length) { return region != NULL && length > 0; }

bool port_measurement(uint8_t measurement[32]) {
    (void)measurement;
    return false;
}

/* Nothing can vouch for the report data: they are all there is. */
size_t port_report(uint8_t report[PORT_REPORT], const uint8_t data[64], const uint8_t target[PORT_TARGET]) {
    (void)target;
    memcpy(report, data, 64);
    return 64;
}
