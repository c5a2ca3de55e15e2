/* The module manager: copies images into slots, measures what it copied, and enters modules. docs/trustzone.md has the format. */
#include "firmware.h"

enum { MAGIC = 0x54584541, VERSION = 1, STACK = 4096, TIME_LIMIT = 600000 };
enum { KIT_FAULTED = 2, KIT_FAILED = 4 };
enum { PLACE_AT = 8, PLACE = 64 }; /* of the measured configuration: deployment16 | instance16 | deployerKey32 */

struct slot slots[SLOTS];

struct header { uint32_t magic, version, code, data, data_end, memory, entry, configuration; uint8_t devices[DEVICES]; };

static bool well_formed(const struct header *h, size_t length) {
    return h->magic == MAGIC && h->version == VERSION && h->code % 32 == 0 && h->data % 32 == 0 &&
           h->code >= HEADER && h->code < h->data && h->data - h->code >= STACK && h->data <= h->data_end && h->data_end <= h->memory && h->memory <= SLOT_SIZE &&
           h->code + (h->data_end - h->data) == length && h->entry >= HEADER && h->entry < h->code &&
           h->configuration >= HEADER && h->configuration <= h->code && h->code - h->configuration >= CONFIGURATION;
}

static bool owns(const struct slot *slot, uint8_t peripheral) {
    if (slot->state != SLOT_LOADED || slot->waits) return false;
    for (unsigned i = 0; i < DEVICES; i++)
        if (slot->devices[i] == peripheral) return true;
    return false;
}

/* Whether both are instances of the same module of the same deployer. */
static bool same_place(unsigned slot, unsigned other) {
    return memcmp(slot_memory(slot) + slots[slot].configuration + PLACE_AT, slot_memory(other) + slots[other].configuration + PLACE_AT, PLACE) == 0;
}

/* Whether the peripherals of a slot exist and are nobody's, or those of an instance of the same module: then it waits. */
static bool devices_taken(unsigned slot) {
    struct slot *s = &slots[slot];
    for (unsigned i = 0; i < DEVICES; i++) {
        if (s->devices[i] == 0) continue;
        if (!board_peripheral_exists(s->devices[i])) return false;
        for (unsigned other = 0; other < SLOTS; other++) {
            if (other == slot || !owns(&slots[other], s->devices[i])) continue;
            if (!same_place(slot, other)) return false;
            s->waits = true;
        }
    }
    return true;
}

static void clear(unsigned slot) {
    crypto_wipe(slot_memory(slot), SLOT_SIZE);
    slots[slot] = (struct slot){.state = SLOT_EMPTY};
}

/* Everything is looked at only in the copy: the original may change at any time. */
enum load_status slot_load(unsigned slot, const uint8_t *image, size_t length, uint32_t time_limit) {
    struct header header;
    uint8_t *memory = slot_memory(slot);
    if (slots[slot].state != SLOT_EMPTY) return LOAD_OCCUPIED;
    if (length < sizeof header || length > SLOT_SIZE || time_limit == 0 || time_limit > TIME_LIMIT) return LOAD_ARGUMENT;
    memcpy(memory, image, length);
    memcpy(&header, memory, sizeof header);
    if (!well_formed(&header, length)) {
        clear(slot);
        return LOAD_IMAGE;
    }
    struct slot *s = &slots[slot];
    *s = (struct slot){SLOT_LOADED, header.code, header.data, header.entry, header.configuration, time_limit, {0}, {0}, false};
    memcpy(s->devices, header.devices, DEVICES);
    if (!devices_taken(slot)) {
        clear(slot);
        return LOAD_DEVICE;
    }
    crypto_sha256(s->measurement, PARTS(LABEL("aex/v1/measurement/trustzone"), {memory, length}));
    memmove(memory + header.data, memory + header.code, header.data_end - header.data);
    memset(memory + header.code, 0, header.data - header.code);
    memset(memory + header.data_end, 0, SLOT_SIZE - header.data_end);
    return LOAD_DONE;
}

void slot_unload(unsigned slot) { clear(slot); }

/* A module gives its peripherals up for good: to the next instance that it names, if that waits for nobody else. */
void slot_pass(unsigned slot, const uint8_t measurement[32]) {
    memset(slots[slot].devices, 0, DEVICES);
    for (unsigned other = 0; other < SLOTS; other++) {
        struct slot *s = &slots[other];
        if (s->state != SLOT_LOADED || !s->waits || memcmp(s->measurement, measurement, sizeof s->measurement) != 0) continue;
        s->waits = false;
        if (devices_taken(other) && !s->waits) return;
        s->waits = true;
    }
}

/* A module that was stopped is entered once more, to erase its keys and to say that it failed; when that is stopped as
 * well, all of it is erased here. */
uint32_t slot_enter(unsigned slot, uint32_t reason) {
    if (slots[slot].state == SLOT_DEAD) return KIT_FAILED;
    uint32_t outcome = run_module(slot, reason, WINDOW_SIZE);
    if (!(outcome & CRASHED)) return outcome <= KIT_FAILED ? outcome : KIT_FAILED;
    uint32_t cause = outcome & ~CRASHED;
    if (run_module(slot, KIT_FAULTED, cause) & CRASHED) {
        crypto_wipe(slot_memory(slot), SLOT_SIZE);
        slots[slot].state = SLOT_DEAD;
    }
    return ENTER_CRASHED | cause << 8 | KIT_FAILED;
}
