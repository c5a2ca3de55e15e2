/* Unprivileged execution: enters a module by an exception return, and comes back when it leaves, faults or is out of time. */
#include "firmware.h"

#define ICSR 0xE000ED04
#define SHCSR 0xE000ED24
#define SYST_CSR 0xE000E010
#define SYST_RVR 0xE000E014
#define SYST_CVR 0xE000E018

enum { RETURN_FIRMWARE = 0xFFFFFFF9, RETURN_MODULE = 0xFFFFFFFD, RETURN_SPSEL = 4, RETURN_THREAD = 8 };
enum { PENDSTCLR = 1 << 25, SVCALL_PENDED = 1 << 15, THUMB = 1 << 24, TICKS_A_SECOND = 1000 };
enum { SERVICE_LEAVE = 1 };

/* What the processor pushes at an exception. */
struct frame { uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr; };

static struct {
    bool active;
    unsigned slot;
    uint32_t ticks;      /* left for this call */
    struct frame *caller; /* the firmware's own frame, on the main stack */
} run;

extern uint32_t stack_top[];
uint32_t run_begin(uint32_t entry, uint32_t reason, uint32_t window, uint32_t argument);

unsigned run_slot(void) { return run.slot; }

/* Whether the module that runs may write all of it: inside its stacks and data. */
bool run_owns(const void *address, size_t length) {
    uintptr_t start = (uintptr_t)slot_memory(run.slot) + slots[run.slot].code, end = (uintptr_t)slot_memory(run.slot) + SLOT_SIZE;
    uintptr_t at = (uintptr_t)address;
    return run.active && at >= start && at <= end && length <= end - at;
}

static void set_unprivileged(bool unprivileged) {
    uint32_t control;
    __asm__ volatile("mrs %0, control" : "=r"(control));
    control = (control & ~1u) | unprivileged;
    __asm__ volatile("msr control, %0\n isb" : : "r"(control) : "memory");
}

/* The stack of the module that runs; the seal when none does (vectors.S). */
static void set_process_stack(uint32_t top, uint32_t limit) {
    __asm__ volatile("msr psplim, %2\n msr psp, %0\n msr psplim, %1" : : "r"(top), "r"(limit), "r"(0) : "memory");
}

uint32_t run_module(unsigned slot, uint32_t reason, uint32_t argument) {
    run.slot = slot;
    run.ticks = slots[slot].time_limit * (TICKS_A_SECOND / 1000);
    protect_module(slot);
    REGISTER(SYST_RVR) = PROCESSOR_HZ / TICKS_A_SECOND - 1;
    REGISTER(SYST_CVR) = 0;
    REGISTER(SYST_CSR) = 7;
    uint32_t outcome = run_begin((uint32_t)slot_memory(slot) + slots[slot].entry, reason, WINDOW_START + slot * WINDOW_STRIDE, argument);
    protect_nothing();
    return outcome;
}

/* The first call of the firmware itself: the module begins on the stack between its code and its data. */
static uint64_t begin(struct frame *caller) {
    uint8_t *memory = slot_memory(run.slot);
    struct frame *frame = (struct frame *)(memory + slots[run.slot].data) - 1;
    *frame = (struct frame){.r0 = caller->r1, .r1 = caller->r2, .r2 = caller->r3, .lr = 0xFFFFFFFF, .pc = caller->r0 & ~1u, .xpsr = THUMB};
    set_process_stack((uint32_t)frame, (uint32_t)memory + slots[run.slot].code);
    run.caller = caller;
    run.active = true;
    set_unprivileged(true);
    return (uint64_t)1 << 32 | RETURN_MODULE;
}

/* Back to the firmware, whatever the module was doing. What it had pending must not happen to the firmware. */
static uint32_t end(uint32_t outcome) {
    run.active = false;
    run.caller->r0 = outcome;
    REGISTER(SYST_CSR) = 0;
    REGISTER(ICSR) = PENDSTCLR;
    REGISTER(SHCSR) &= ~(uint32_t)SVCALL_PENDED;
    set_unprivileged(false);
    set_process_stack((uint32_t)stack_top, (uint32_t)stack_top);
    return RETURN_FIRMWARE;
}

/* SVCall, with EXC_RETURN and the frame of whoever called. */
__attribute__((used)) uint64_t run_service(uint32_t exc_return, struct frame *frame) {
    if (!(exc_return & RETURN_THREAD)) fault_reset();
    if (!(exc_return & RETURN_SPSEL)) {
        if (run.active) fault_reset();
        return begin(frame);
    }
    if (!run_owns(frame, sizeof *frame)) return end(CRASHED | CAUSE_FAULT); /* its stack pointer is anywhere */
    if (frame->r0 == SERVICE_LEAVE) return end(frame->r1 & ~CRASHED);
    frame->r0 = service(frame->r0, frame->r1, frame->r2, frame->r3);
    return exc_return;
}

__attribute__((used)) uint32_t run_tick(uint32_t exc_return) {
    if (!run.active || run.ticks-- > 0) return exc_return;
    return end(CRASHED | CAUSE_TIME);
}

/* Ends the module that faulted; false when it was not a module. */
bool run_stop(uint32_t exc_return, uint32_t *next);
bool run_stop(uint32_t exc_return, uint32_t *next) {
    bool module = run.active && (exc_return & (RETURN_THREAD | RETURN_SPSEL)) == (RETURN_THREAD | RETURN_SPSEL);
    if (module) *next = end(CRASHED | CAUSE_FAULT);
    return module;
}
