/* Start of the secure firmware: takes the secrets, protects the worlds from each other, and starts the non-secure one. */
#include "firmware.h"

#define VTOR_NS 0xE002ED08
#define CPACR 0xE000ED88
#define NSACR 0xE000ED8C

extern uint32_t data_start[], data_end[], data_source[], bss_start[], bss_end[];

__attribute__((used, noreturn)) void firmware_start_up(void) {
    const uint32_t *from = data_source;
    for (uint32_t *to = data_start; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
    REGISTER(CPACR) = 0; /* no floating point, for neither world: its registers would have to be cleared */
    REGISTER(NSACR) = 0;
    protect_worlds();
    board_protect();
    identity_establish();

    const uint32_t *vectors = (const uint32_t *)NONSECURE_CODE;
    REGISTER(VTOR_NS) = NONSECURE_CODE;
    __asm__ volatile("msr msp_ns, %0" : : "r"(vectors[0]));
    typedef void __attribute__((cmse_nonsecure_call)) world(void);
    ((world *)(vectors[1] & ~(uintptr_t)1))();
    fault_reset(); /* it never returns */
}
