/* The gateway: the only functions that the non-secure world can call. Each masks that world's interrupts while it works, so
 * that none of them is entered twice; what a pointer names is checked to be non-secure memory, and copied before it is used. */
#include "firmware.h"

#include <arm_cmse.h>

extern uint32_t nonsecure_restarts;

/* Visible, so that the import library for the non-secure side has it. */
#define GATE __attribute__((cmse_nonsecure_entry, visibility("default")))

enum { NONSECURE_PRIORITIES = 0x80 };

/* False in a handler: the firmware runs modules in thread mode alone. */
static bool begin(void) {
    uint32_t exception;
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    if (exception != 0) return false;
    __asm__ volatile("msr basepri, %0\n isb" : : "r"(NONSECURE_PRIORITIES) : "memory");
    return true;
}

static uint32_t end(uint32_t result) {
    __asm__ volatile("msr basepri, %0" : : "r"(0) : "memory");
    return result;
}

/* Whether the non-secure world itself may read, or write, all of it, and it is memory and not a device. */
static bool theirs(const void *address, size_t length, int access) {
    uintptr_t at = (uintptr_t)address;
    bool inside = (at >= NONSECURE_RAM && at < NONSECURE_RAM_END && length <= NONSECURE_RAM_END - at) ||
                  (access == CMSE_MPU_READ && at >= NONSECURE_CODE && at < NONSECURE_CODE_END && length <= NONSECURE_CODE_END - at);
    return inside && cmse_check_address_range((void *)at, length, CMSE_NONSECURE | access) != NULL;
}

GATE uint32_t secure_load(uint32_t slot, const uint8_t *image, uint32_t length, uint32_t time_limit) {
    if (!begin()) return LOAD_BUSY;
    if (slot >= SLOTS || length > SLOT_SIZE || !theirs(image, length, CMSE_MPU_READ)) return end(LOAD_ARGUMENT);
    return end(slot_load(slot, image, length, time_limit));
}

GATE uint32_t secure_unload(uint32_t slot) {
    if (!begin()) return LOAD_BUSY;
    if (slot >= SLOTS) return end(LOAD_ARGUMENT);
    slot_unload(slot);
    return end(LOAD_DONE);
}

GATE uint32_t secure_enter(uint32_t slot, uint32_t reason) {
    if (!begin()) return ENTER_REFUSED;
    if (slot >= SLOTS || slots[slot].state == SLOT_EMPTY || reason > 1) return end(ENTER_REFUSED);
    return end(slot_enter(slot, reason));
}

GATE uint32_t secure_measurement(uint32_t slot, uint8_t measurement[32]) {
    if (!begin()) return LOAD_BUSY;
    if (slot >= SLOTS || slots[slot].state == SLOT_EMPTY || !theirs(measurement, 32, CMSE_MPU_READWRITE)) return end(LOAD_ARGUMENT);
    memcpy(measurement, slots[slot].measurement, 32);
    return end(LOAD_DONE);
}

GATE uint32_t secure_facts(struct board_facts *facts) {
    if (!begin()) return LOAD_BUSY;
    if (!theirs(facts, sizeof *facts, CMSE_MPU_READWRITE)) return end(LOAD_ARGUMENT);
    struct board_facts known = {.lifecycle = identity.lifecycle, .slots = SLOTS, .slot_size = SLOT_SIZE, .window = WINDOW_SIZE,
                                .control = RING_CONTROL, .events = RING_EVENTS, .out = RING_OUT, .restarts = nonsecure_restarts};
    memcpy(known.instance_id, identity.instance_id, sizeof known.instance_id);
    memcpy(known.public_key, identity.public_key, sizeof known.public_key);
    memcpy(known.implementation_id, identity.implementation_id, sizeof known.implementation_id);
    memcpy(known.firmware, identity.firmware, sizeof known.firmware);
    memcpy(known.boot, identity.boot_seed, sizeof known.boot);
    memcpy(facts, &known, sizeof known);
    return end(LOAD_DONE);
}

GATE uint32_t secure_fault(struct fault_record *record) {
    if (!begin()) return LOAD_BUSY;
    if (!theirs(record, sizeof *record, CMSE_MPU_READWRITE)) return end(LOAD_ARGUMENT);
    memcpy(record, &last_fault, sizeof last_fault);
    return end(LOAD_DONE);
}
