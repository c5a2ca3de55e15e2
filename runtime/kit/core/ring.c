/* The three rings in memory that the host may change at any time (section 8): everything is copied in before it is
 * looked at, and capacities and own positions are kept in private memory.
 * All of that memory is read and written in aligned words of eight bytes and not otherwise: where the host maps a device
 * there, a processor may answer any other read with stale data of its own, and give away such data with any other write
 * (INTEL-SA-00657, INTEL-SA-00615). */
#include "kit.h"

enum { HEADER = 4096, SMALLEST = 4096, SMALLEST_OUT = AUTHENTIC_OUT, PINS = 512, TARGET = 1024, WORD = 8 };

typedef volatile uint64_t shared_word;

struct ring {
    shared_word *data;
    uint32_t capacity, position; /* position: the head of a ring we read, the tail of the one we write */
    shared_word *theirs, *ours;  /* where positions are exchanged, in the lower half */
};
static struct ring rings[2], out;
static const shared_word *pins, *target;
static uint32_t pin_count;

/* Copies whole words and what of the last one is wanted; `from` continues at its start behind `capacity` bytes, a power of two. */
static void copy_in(const shared_word *from, uint32_t position, uint32_t capacity, void *to, size_t length) {
    uint8_t *d = to;
    for (size_t rest = length; rest > 0; position += WORD) {
        uint64_t word = from[(position & (capacity - 1)) / WORD];
        size_t some = rest < WORD ? rest : WORD;
        if (some == WORD) memcpy(d, &word, WORD);
        else memcpy(d, &word, some);
        d += some;
        rest -= some;
    }
}

static uint32_t position_of(const shared_word *theirs) {
    uint32_t position = (uint32_t)*theirs;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return position;
}

static void publish(const struct ring *ring) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *ring->ours = ring->position;
}

static bool ring_place(struct ring *ring, uint8_t *region, uint64_t size, uint64_t *offset, uint32_t capacity, uint32_t theirs, uint32_t ours) {
    if (capacity < SMALLEST || (capacity & (capacity - 1)) != 0 || capacity > size - *offset) return false;
    *ring = (struct ring){(shared_word *)(region + *offset), capacity, 0, (shared_word *)(region + theirs), (shared_word *)(region + ours)};
    *offset += capacity;
    return true;
}

/* magic u32 | version u32 | size u64 | control, events, out capacity u32 | pin count u32 */
bool ring_open(void *shared, uint64_t size) {
    uint8_t *region = shared;
    uint64_t offset = HEADER;
    if ((uintptr_t)region % HEADER != 0 || size < HEADER || !port_is_shared(region, size)) return false;
    struct { uint32_t magic, version; uint64_t size; uint32_t control, events, out, pins; } header;
    copy_in(shared, 0, HEADER, &header, sizeof header);
    if (header.magic != 0x52584541 || header.version != 1 || header.size != size) return false;
    if (!ring_place(&rings[RING_CONTROL], region, size, &offset, header.control, 64, 128) ||
        !ring_place(&rings[RING_EVENTS], region, size, &offset, header.events, 192, 256) ||
        !ring_place(&out, region, size, &offset, header.out, 384, 320) || out.capacity < SMALLEST_OUT)
        return false;
    pin_count = header.pins;
    pins = (shared_word *)(region + PINS);
    target = (shared_word *)(region + TARGET);
    return pin_count <= 64;
}

static uint64_t padded(uint64_t length) { return (length + 7) & ~(uint64_t)7; }

static void advance(struct ring *ring, uint32_t bytes) {
    ring->position += bytes;
    publish(ring);
}

/* Copies the header of the next record; false when there is none. A record that claims more bytes than there are
 * cannot be stepped over: what lies behind it is dropped with it. */
bool ring_peek(enum ring_name name, struct record *record) {
    struct ring *ring = &rings[name];
    uint32_t used = position_of(ring->theirs) - ring->position;
    if (used > ring->capacity || used % 8 != 0) {
        fail(RING_CORRUPTED);
        return false;
    }
    if (used == 0) return false;
    copy_in(ring->data, ring->position, ring->capacity, record, sizeof *record);
    if (sizeof *record + padded(record->length) <= used) return true;
    advance(ring, used);
    refuse_frame(NULL, 0, FRAME_MALFORMED);
    return false;
}

/* Takes the record just peeked at: its body is copied, or dropped when it exceeds `capacity`. */
bool ring_take(enum ring_name name, const struct record *record, uint8_t *to, size_t capacity) {
    struct ring *ring = &rings[name];
    bool fits = record->length <= capacity;
    if (fits) copy_in(ring->data, ring->position + sizeof *record, ring->capacity, to, record->length);
    advance(ring, (uint32_t)(sizeof *record + padded(record->length)));
    return fits;
}

/* Whether records of `bytes` altogether, headers and padding included, fit now. */
bool out_has_room(size_t bytes) {
    uint32_t used = out.position - position_of(out.theirs);
    if (used > out.capacity) {
        fail(RING_CORRUPTED);
        return false;
    }
    return bytes <= out.capacity - used;
}

size_t out_capacity(void) { return out.capacity; }

/* A record on its way out: bytes wait in `word` until it is full. */
struct writing {
    uint32_t position;
    size_t filled;
    uint64_t word;
};

static void put_word(struct writing *writing) {
    out.data[(writing->position & (out.capacity - 1)) / WORD] = writing->word;
    *writing = (struct writing){writing->position + WORD, 0, 0};
}

static void put_bytes(struct writing *writing, const uint8_t *from, size_t length) {
    while (length > 0) {
        size_t some = WORD - writing->filled < length ? WORD - writing->filled : length;
        if (some == WORD) memcpy(&writing->word, from, WORD);
        else memcpy((uint8_t *)&writing->word + writing->filled, from, some);
        from += some;
        length -= some;
        writing->filled += some;
        if (writing->filled == WORD) put_word(writing);
    }
}

/* Appends a record, invisible until it is published. Callers have made sure of the room; without it nothing is written. */
void out_put(enum out_record kind, uint16_t argument, const struct part *parts, size_t count) {
    struct record record = {0, (uint16_t)kind, argument};
    for (size_t i = 0; i < count; i++) record.length += (uint32_t)parts[i].length;
    if (!out_has_room(sizeof record + padded(record.length))) return;
    struct writing writing = {out.position, 0, 0};
    put_bytes(&writing, (const uint8_t *)&record, sizeof record);
    for (size_t i = 0; i < count; i++) put_bytes(&writing, parts[i].data, parts[i].length);
    if (writing.filled > 0) put_word(&writing);
    out.position = writing.position;
}

void out_publish(void) {
    if (out.ours) publish(&out);
}

/* What the node says a device shows; nobody vouches for it. */
uint32_t pin_read(size_t endpoint) {
    uint32_t pair[2];
    if (endpoint >= pin_count) return 0;
    copy_in(pins, (uint32_t)(endpoint / 2) * WORD, HEADER, pair, sizeof pair);
    return pair[endpoint % 2];
}

/* Who will verify the TEE's report, as the host says. */
void ring_target(uint8_t to[PORT_TARGET]) { copy_in(target, 0, HEADER, to, PORT_TARGET); }
