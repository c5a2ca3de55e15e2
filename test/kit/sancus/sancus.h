/* Stands for the board's sancus.h where its kit is compiled for this machine: numbers of the same size, and a crypto unit that
 * finds everything authentic (fuzz.c). */
#ifndef SANCUS_H
#define SANCUS_H

#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

#define SANCUS_TAG_BYTES (SANCUS_SECURITY / 8)
#define SANCUS_ENTRY(name) u16 name

struct sancus_crypt {
    const void *key;
    const void *associated, *associated_end;
    const void *body, *body_end;
    void *output;
    void *tag;
};
u16 sancus_wrap(const struct sancus_crypt *job);
u16 sancus_unwrap(const struct sancus_crypt *job);
u16 sancus_verify(const void *address, const void *tag);
u16 sancus_id(const void *address);
u16 sancus_call(u16 id, const void *target, u16 entry, const u16 arguments[4]);
void sancus_suspend(u16 result);
_Noreturn void sancus_resume(void);
u16 sancus_outside(const void *start, u16 length);
u16 sancus_equal(const void *a, const void *b, u16 length);
extern u16 sancus_preset;

#endif
