/* The gateway between the worlds: all that non-secure code can ask of the secure firmware. Pointers are to non-secure memory. */
#ifndef TRUSTZONE_GATEWAY_H
#define TRUSTZONE_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

enum load_status { LOAD_DONE, LOAD_ARGUMENT, LOAD_OCCUPIED, LOAD_IMAGE, LOAD_DEVICE, LOAD_BUSY };

/* What the firmware saw when it last stopped something: a module (`slot`) or the non-secure world (`slot` 0xffffffff). */
struct fault_record {
    uint32_t count, slot, exception, configurable, secure, address, location;
};

/* Public facts of the device, for enrolment; nobody vouches for them but who carries them. */
struct board_facts {
    uint8_t instance_id[33], public_key[65], implementation_id[32], firmware[32];
    uint8_t reserved[2];
    uint32_t lifecycle, slots, slot_size, window, control, events, out, restarts;
    uint8_t boot[16]; /* of this boot: the beginning of the boot seed */
};

/* Copies an image of `length` bytes into an empty slot and measures it. `time_limit` is in milliseconds. */
uint32_t secure_load(uint32_t slot, const uint8_t *image, uint32_t length, uint32_t time_limit);
/* Stops a module for good and clears its slot. */
uint32_t secure_unload(uint32_t slot);
/* Enters a module: reason 0 initialize, 1 run. Returns the kit's outcome, and ENTER_CRASHED | cause << 8 when it was stopped. */
#define ENTER_REFUSED 0xffffffffu
#define ENTER_CRASHED 0x10000u
uint32_t secure_enter(uint32_t slot, uint32_t reason);
/* The measurement of a loaded module. */
uint32_t secure_measurement(uint32_t slot, uint8_t measurement[32]);
uint32_t secure_facts(struct board_facts *facts);
uint32_t secure_fault(struct fault_record *record);

#endif
