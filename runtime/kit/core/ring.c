/* The three rings in memory that the host may change at any time (section 8): everything is copied in before it is
 * looked at, and capacities and own positions are kept in private memory. */
#include "kit.h"

enum { HEADER = 4096, SMALLEST = 4096, SMALLEST_OUT = AUTHENTIC_OUT, PINS = 512, TARGET = 1024 };

struct ring {
    uint8_t *data;
    uint32_t capacity, position; /* position: the head of a ring we read, the tail of the one we write */
    uint32_t *theirs, *ours;     /* where positions are exchanged */
};
static struct ring rings[2], out;
static const uint32_t *pins;
static uint32_t pin_count;
static const uint8_t *target;

static bool ring_place(struct ring *ring, uint8_t *region, uint64_t size, uint64_t *offset, size_t field, uint32_t theirs, uint32_t ours) {
    uint32_t capacity = *(volatile uint32_t *)(region + field);
    if (capacity < SMALLEST || (capacity & (capacity - 1)) != 0 || capacity > size - *offset) return false;
    *ring = (struct ring){region + *offset, capacity, 0, (uint32_t *)(region + theirs), (uint32_t *)(region + ours)};
    *offset += capacity;
    return true;
}

/* magic u32 | version u32 | size u64 | control, events, out capacity u32 | pin count u32 */
bool ring_open(void *shared, uint64_t size) {
    uint8_t *region = shared;
    uint64_t offset = HEADER;
    if ((uintptr_t)region % HEADER != 0 || size < HEADER || !port_is_shared(region, size)) return false;
    struct { uint32_t magic, version; uint64_t size; } header;
    memcpy(&header, region, sizeof header);
    if (header.magic != 0x52584541 || header.version != 1 || header.size != size) return false;
    if (!ring_place(&rings[RING_CONTROL], region, size, &offset, 16, 64, 128) ||
        !ring_place(&rings[RING_EVENTS], region, size, &offset, 20, 192, 256) ||
        !ring_place(&out, region, size, &offset, 24, 384, 320) || out.capacity < SMALLEST_OUT)
        return false;
    pin_count = *(volatile uint32_t *)(region + 28);
    pins = (const uint32_t *)(region + PINS);
    target = region + TARGET;
    return pin_count <= 64;
}

static void copy_in(const struct ring *ring, uint32_t position, void *to, size_t length) {
    size_t start = position & (ring->capacity - 1), first = ring->capacity - start;
    if (first > length) first = length;
    memcpy(to, ring->data + start, first);
    memcpy((uint8_t *)to + first, ring->data, length - first);
}

static void copy_out(const struct ring *ring, uint32_t position, const void *from, size_t length) {
    size_t start = position & (ring->capacity - 1), first = ring->capacity - start;
    if (first > length) first = length;
    memcpy(ring->data + start, from, first);
    memcpy(ring->data, (const uint8_t *)from + first, length - first);
}

static uint64_t padded(uint64_t length) { return (length + 7) & ~(uint64_t)7; }

static void advance(struct ring *ring, uint32_t bytes) {
    ring->position += bytes;
    __atomic_store_n(ring->ours, ring->position, __ATOMIC_RELEASE);
}

/* Copies the header of the next record; false when there is none. A record that claims more bytes than there are
 * cannot be stepped over: what lies behind it is dropped with it. */
bool ring_peek(enum ring_name name, struct record *record) {
    struct ring *ring = &rings[name];
    uint32_t used = __atomic_load_n(ring->theirs, __ATOMIC_ACQUIRE) - ring->position;
    if (used > ring->capacity || used % 8 != 0) {
        fail(RING_CORRUPTED);
        return false;
    }
    if (used == 0) return false;
    copy_in(ring, ring->position, record, sizeof *record);
    if (sizeof *record + padded(record->length) <= used) return true;
    advance(ring, used);
    refuse_frame(NULL, 0, FRAME_MALFORMED);
    return false;
}

/* Takes the record just peeked at: its body is copied, or dropped when it exceeds `capacity`. */
bool ring_take(enum ring_name name, const struct record *record, uint8_t *to, size_t capacity) {
    struct ring *ring = &rings[name];
    bool fits = record->length <= capacity;
    if (fits) copy_in(ring, ring->position + sizeof *record, to, record->length);
    advance(ring, (uint32_t)(sizeof *record + padded(record->length)));
    return fits;
}

/* Whether records of `bytes` altogether, headers and padding included, fit now. */
bool out_has_room(size_t bytes) {
    uint32_t used = out.position - __atomic_load_n(out.theirs, __ATOMIC_ACQUIRE);
    if (used > out.capacity) {
        fail(RING_CORRUPTED);
        return false;
    }
    return bytes <= out.capacity - used;
}

size_t out_capacity(void) { return out.capacity; }

/* Appends a record, invisible until it is published. Callers have made sure of the room; without it nothing is written. */
void out_put(enum out_record kind, uint16_t argument, const struct part *parts, size_t count) {
    struct record record = {0, (uint16_t)kind, argument};
    for (size_t i = 0; i < count; i++) record.length += (uint32_t)parts[i].length;
    if (!out_has_room(sizeof record + padded(record.length))) return;
    uint32_t at = out.position;
    copy_out(&out, at, &record, sizeof record);
    at += sizeof record;
    for (size_t i = 0; i < count; i++) {
        copy_out(&out, at, parts[i].data, parts[i].length);
        at += (uint32_t)parts[i].length;
    }
    out.position += (uint32_t)(sizeof record + padded(record.length));
}

void out_publish(void) {
    if (out.ours) __atomic_store_n(out.ours, out.position, __ATOMIC_RELEASE);
}

/* What the node says a device shows; nobody vouches for it. */
uint32_t pin_read(size_t endpoint) { return endpoint < pin_count ? __atomic_load_n(&pins[endpoint], __ATOMIC_RELAXED) : 0; }

/* Who will verify the TEE's report, as the host says: 512 bytes in shared memory. */
const uint8_t *ring_target(void) { return target; }
