/* A native module: an ordinary process loads it, nothing protects it and nothing vouches for it. */
#include "../../core/port.h"

enum { STACK = 262144, RETRIES = 100, RELATIVE = 8, TAG_RELA = 7, TAG_RELA_SIZE = 8 };

struct dynamic { int64_t tag; uint64_t value; };
struct relocation { uint64_t offset, kind; int64_t addend; };

/* Applies the relative relocations of a static PIE; it has no others. */
__attribute__((visibility("hidden"))) void port_relocate(uint8_t *base, const struct dynamic *dynamic) {
    uint64_t table = 0, size = 0;
    for (; dynamic->tag != 0; dynamic++) {
        if (dynamic->tag == TAG_RELA) table = dynamic->value;
        if (dynamic->tag == TAG_RELA_SIZE) size = dynamic->value;
    }
    const struct relocation *r = (const struct relocation *)(base + table);
    for (const struct relocation *end = r + size / sizeof *r; r < end; r++)
        if ((uint32_t)r->kind == RELATIVE) *(uint64_t *)(base + r->offset) = (uint64_t)base + (uint64_t)r->addend;
}

/* RDRAND fails now and then when it is asked faster than it can answer. */
bool port_random(uint8_t *out, size_t length) {
    for (size_t done = 0; done < length; done += sizeof(uint64_t)) {
        uint64_t value;
        bool valid = false;
        for (int tries = 0; tries < RETRIES && !valid; tries++) __asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(valid) : : "cc");
        if (!valid) return false;
        memcpy(out + done, &value, length - done < sizeof value ? length - done : sizeof value);
    }
    return true;
}

/* There is no boundary to check. */
bool port_is_shared(const void *region, size_t length) { return region != NULL && length > 0; }

bool port_measurement(uint8_t measurement[32]) {
    (void)measurement;
    return false;
}

/* Six callee-saved registers, then where to go, then a zero where its return address would be. */
void *port_stack(void (*start)(void)) {
    static _Alignas(64) uint8_t stack[STACK];
    void **top = (void **)(stack + STACK) - 2;
    memset(top - 7, 0, 9 * sizeof *top);
    top[0] = (void *)start;
    return top - 6;
}
