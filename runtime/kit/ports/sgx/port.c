/* An SGX enclave. Leaves of ENCLU and layouts are those of the SDM, volume 3D, chapters "Enclave access control and data
 * structures" and "SGX instruction references". */
#include "../x86_64/processor.h"

enum { EREPORT = 0, RUN = 1, FAULTED = 2, FAILED = 4 };
enum { FRAME = 4096, GPRSGX = FRAME - 184, SAVED_RIP = GPRSGX + 136, MRENCLAVE = 64 };

#pragma GCC visibility push(hidden)
extern uint8_t port_ssa[], port_end[]; /* link.ld */
void given_up(void);                   /* entry.S */
#pragma GCC visibility pop

/* Registers of an interrupted entry, which may be keys, are erased, and ERESUME leads nowhere: it would go on with keys
 * that are gone, and its frames would be sealed under none. */
static void give_up(void) {
    memset(port_ssa, 0, FRAME);
    *(void (*volatile *)(void))(port_ssa + SAVED_RIP) = given_up;
}

/* Called on a stack of its own for each level. With a frame in the SSA the host can only make the kit fail, and have the
 * messages of a failed instance answered. */
__attribute__((visibility("hidden"))) uint64_t port_enter(uint64_t reason, void *shared, uint64_t size, uint64_t cssa) {
    static bool relocated, failed;
    if (cssa == 0) {
        if (!relocated) port_relocate();
        relocated = true;
    } else {
        if (!relocated || reason != (failed ? RUN : FAULTED)) return FAILED;
        if (!failed) give_up();
        failed = true;
    }
    return kit_enter(reason, shared, size);
}

/* Altogether outside the range of addresses that are the enclave's, which is as large as its size: a power of two. */
bool port_is_shared(const void *region, size_t length) {
    uint64_t base = (uint64_t)__ehdr_start, size = FRAME, start = (uint64_t)region, end;
    while (size < (uint64_t)port_end - base) size *= 2;
    return !__builtin_add_overflow(start, length, &end) && (end <= base || start >= base + size);
}

/* REPORT (432 bytes) for an enclave that verifies it on this machine. */
size_t port_report(uint8_t report[PORT_REPORT], const uint8_t data[64], const uint8_t target[PORT_TARGET]) {
    static _Alignas(512) uint8_t target_info[PORT_TARGET], made[PORT_REPORT];
    static _Alignas(128) uint8_t report_data[64];
    uint64_t leaf = EREPORT;
    memcpy(target_info, target, sizeof target_info);
    memcpy(report_data, data, sizeof report_data);
    __asm__ volatile("enclu" : "+a"(leaf) : "b"(target_info), "c"(report_data), "d"(made) : "memory", "cc");
    memcpy(report, made, sizeof made);
    return sizeof made;
}

bool port_measurement(uint8_t measurement[32]) {
    static const uint8_t nobody[PORT_TARGET];
    uint8_t report[PORT_REPORT];
    port_report(report, nobody, nobody);
    memcpy(measurement, report + MRENCLAVE, 32);
    return true;
}
