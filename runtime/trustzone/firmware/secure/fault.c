/* Faults. A module's stops that module; one of the non-secure world restarts that world, whose code nobody trusts, while
 * the modules keep their state; one of the firmware itself resets the board, and every key is gone. */
#include "firmware.h"

#define CFSR 0xE000ED28
#define HFSR 0xE000ED2C
#define MMFAR 0xE000ED34
#define BFAR 0xE000ED38
#define SFSR 0xE000EDE4
#define SFAR 0xE000EDE8
#define AIRCR 0xE000ED0C

enum { FROM_SECURE = 1 << 6, FROM_THREAD = 1 << 3, PROCESS_STACK = 1 << 2, MMFAR_VALID = 1 << 7, BFAR_VALID = 1 << 15, SFAR_VALID = 1 << 6, THUMB = 1 << 24 };
enum { NONSECURE_WORLD = -1 };

struct fault_record last_fault;
extern uint32_t nonsecure_restarts;
uint32_t nonsecure_restarts;

bool run_stop(uint32_t exc_return, uint32_t *next);

void fault_reset(void) {
    __asm__ volatile("dsb" : : : "memory");
    REGISTER(AIRCR) = 0x05FA0004;
    for (;;) __asm__ volatile("dsb");
}

static void record(uint32_t exception, uint32_t slot, uint32_t location) {
    uint32_t configurable = REGISTER(CFSR), secure = REGISTER(SFSR);
    uint32_t address = configurable & MMFAR_VALID ? REGISTER(MMFAR) : configurable & BFAR_VALID ? REGISTER(BFAR) : secure & SFAR_VALID ? REGISTER(SFAR) : 0;
    last_fault = (struct fault_record){last_fault.count + 1, slot, exception, configurable, secure, address, location};
    REGISTER(CFSR) = 0xffffffff;
    REGISTER(HFSR) = 0xffffffff;
    REGISTER(SFSR) = 0xff;
}

/* Where the module was, relative to its slot; what its stack pointer says is only believed inside its own data. */
static uint32_t module_location(void) {
    uint32_t *frame;
    __asm__ volatile("mrs %0, psp" : "=r"(frame));
    return run_owns(frame, 32) ? frame[6] - (uint32_t)slot_memory(run_slot()) : 0;
}

/* Its code begins again, as after a reset, with a frame that leads there. */
static uint32_t restart_nonsecure(uint32_t exc_return) {
    const uint32_t *vectors = (const uint32_t *)NONSECURE_CODE;
    uint32_t *frame = (uint32_t *)vectors[0] - 8;
    if ((uint32_t)frame < NONSECURE_RAM || (uint32_t)frame > NONSECURE_RAM_END - 32) fault_reset();
    for (int i = 0; i < 5; i++) frame[i] = 0;
    frame[5] = 0xFFFFFFFF;
    frame[6] = vectors[1] & ~1u;
    frame[7] = THUMB;
    __asm__ volatile("msr msp_ns, %0\n msr control_ns, %1\n msr primask_ns, %2\n msr faultmask_ns, %1\n msr basepri_ns, %1\n msr msplim_ns, %1\n isb"
                     : : "r"(frame), "r"(0), "r"(1) : "memory");
    nonsecure_restarts++;
    return exc_return & ~(uint32_t)PROCESS_STACK;
}

__attribute__((used)) uint32_t run_fault(uint32_t exc_return) {
    uint32_t exception, next;
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    if (!(exc_return & FROM_SECURE)) {
        uint32_t *frame;
        uint32_t control;
        __asm__ volatile("mrs %0, control_ns" : "=r"(control));
        if (control & 2) __asm__ volatile("mrs %0, psp_ns" : "=r"(frame));
        else __asm__ volatile("mrs %0, msp_ns" : "=r"(frame));
        bool readable = (uint32_t)frame >= NONSECURE_RAM && (uint32_t)frame <= NONSECURE_RAM_END - 32;
        record(exception, (uint32_t)NONSECURE_WORLD, readable ? frame[6] : 0);
        if (!(exc_return & FROM_THREAD)) fault_reset(); /* in one of its own handlers: there is no clean way back into it */
        return restart_nonsecure(exc_return);
    }
    record(exception, run_slot(), module_location());
    if (run_stop(exc_return, &next)) return next;
    fault_reset();
}
