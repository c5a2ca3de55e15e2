/* Requests of the bridge: windows of shared memory, images, entries. All arithmetic on rings is the bridge's. */
#include "link.h"

#include <string.h>

#include "../board.h"
#include "../gateway.h"

static uint8_t staging[SLOT_SIZE]; /* an image on its way into a slot */

/* The memory that a request names, and its size. */
static uint8_t *area(uint8_t slot, size_t *size) {
    *size = slot == LINK_STAGING ? sizeof staging : WINDOW_SIZE;
    return slot == LINK_STAGING ? staging : slot < SLOTS ? (uint8_t *)(uintptr_t)(WINDOW_START + slot * WINDOW_STRIDE) : NULL;
}

static size_t write(struct link_header *h, const uint8_t *body) {
    size_t size;
    uint8_t *to = area(h->slot, &size);
    if (!to || h->a > size || h->length > size - h->a) {
        h->a = LINK_MALFORMED;
        return 0;
    }
    memcpy(to + h->a, body, h->length);
    h->a = LINK_DONE;
    return 0;
}

static size_t read(struct link_header *h, uint8_t *body) {
    size_t size, length = h->b;
    const uint8_t *from = area(h->slot, &size);
    if (!from || h->a > size || length > size - h->a || length > LINK_BODY) {
        h->a = LINK_MALFORMED;
        return 0;
    }
    memcpy(body, from + h->a, length);
    h->a = LINK_DONE;
    return length;
}

static size_t load(struct link_header *h, uint8_t *body) {
    static uint8_t measurement[32];
    h->a = secure_load(h->slot, staging, h->a, h->b);
    if (h->a != LOAD_DONE) return 0;
    secure_measurement(h->slot, measurement);
    memcpy(body, measurement, sizeof measurement);
    return sizeof measurement;
}

/* Applies patches, `offset u32 | length u16 | bytes`, to the slot's window; false when one does not fit. */
static int patch(uint8_t *window, const uint8_t *body, size_t length) {
    for (size_t at = 0; at < length;) {
        uint32_t offset;
        uint16_t count;
        if (length - at < 6) return 0;
        memcpy(&offset, body + at, 4);
        memcpy(&count, body + at + 4, 2);
        at += 6;
        if (count > length - at || offset > WINDOW_SIZE || count > WINDOW_SIZE - offset) return 0;
        memcpy(window + offset, body + at, count);
        at += count;
    }
    return 1;
}

/* Patches the window, enters the module, and answers with the positions of the rings and what is new in the out ring. */
static size_t enter(struct link_header *h, uint8_t *body) {
    enum { CONTROL_HEAD = 128, EVENTS_HEAD = 256, OUT_TAIL = 320, OUT_DATA = 4096 + RING_CONTROL + RING_EVENTS, POSITIONS = 12 };
    size_t size;
    uint8_t *window = area(h->slot, &size);
    uint32_t from = h->b, tail;
    if (h->slot >= SLOTS || !patch(window, body, h->length)) {
        h->a = LINK_MALFORMED;
        return 0;
    }
    h->a = secure_enter(h->slot, h->a);
    memcpy(body, window + CONTROL_HEAD, 4);
    memcpy(body + 4, window + EVENTS_HEAD, 4);
    memcpy(body + 8, window + OUT_TAIL, 4);
    memcpy(&tail, window + OUT_TAIL, 4);
    uint32_t start = from & (RING_OUT - 1), count = tail - from;
    if (count > RING_OUT - start) count = RING_OUT - start;
    if (count > LINK_BODY - POSITIONS) count = LINK_BODY - POSITIONS;
    memcpy(body + POSITIONS, window + OUT_DATA + start, count);
    return POSITIONS + count;
}

size_t link_handle(struct link_header *h, uint8_t body[LINK_BODY]) {
    static struct board_facts facts;
    static struct fault_record fault;
    switch (h->operation) {
    case LINK_FACTS:
        h->a = secure_facts(&facts);
        memcpy(body, &facts, sizeof facts);
        return sizeof facts;
    case LINK_FAULT:
        h->a = secure_fault(&fault);
        memcpy(body, &fault, sizeof fault);
        return sizeof fault;
    case LINK_WRITE: return write(h, body);
    case LINK_READ: return read(h, body);
    case LINK_LOAD: return load(h, body);
    case LINK_ENTER: return enter(h, body);
    case LINK_UNLOAD:
        h->a = secure_unload(h->slot);
        return 0;
    default:
        h->a = LINK_MALFORMED;
        return 0;
    }
}
