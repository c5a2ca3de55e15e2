/* What every port for this processor has besides switch.S; included by its one C file. */
#include "../../core/port.h"

enum { RETRIES = 100, RELATIVE = 8, TAG_RELA = 7, TAG_RELA_SIZE = 8 };

struct dynamic { int64_t tag; uint64_t value; };
struct relocation { uint64_t offset, kind; int64_t addend; };

#pragma GCC visibility push(hidden)
extern uint8_t __ehdr_start[];
extern const struct dynamic _DYNAMIC[];
extern void *module_stack_top[];
uint64_t kit_enter(uint64_t reason, void *shared, uint64_t size);
void port_relocate(void);
#pragma GCC visibility pop

/* Applies the relative relocations of a static PIE; it has no others. */
void port_relocate(void) {
    uint64_t table = 0, size = 0;
    for (const struct dynamic *dynamic = _DYNAMIC; dynamic->tag != 0; dynamic++) {
        if (dynamic->tag == TAG_RELA) table = dynamic->value;
        if (dynamic->tag == TAG_RELA_SIZE) size = dynamic->value;
    }
    const struct relocation *r = (const struct relocation *)(__ehdr_start + table);
    for (const struct relocation *end = r + size / sizeof *r; r < end; r++)
        if ((uint32_t)r->kind == RELATIVE) *(uint64_t *)(__ehdr_start + r->offset) = (uint64_t)__ehdr_start + (uint64_t)r->addend;
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

/* Six callee-saved registers, then where to go, then a zero where its return address would be. */
void *port_stack(void (*start)(void)) {
    void **top = module_stack_top - 2;
    memset(top - 7, 0, 9 * sizeof *top);
    top[0] = (void *)start;
    return top - 6;
}
