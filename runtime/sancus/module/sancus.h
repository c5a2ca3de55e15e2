// What C code in a protected module uses: entries, the crypto unit, calls to other domains.
//
// A module runs with interrupts off. Its entries take up to four words and return one; whoever calls them is untrusted,
// so a pointer from outside must pass sancus_outside() before it is followed.
#ifndef SANCUS_H
#define SANCUS_H

typedef unsigned char u8;
typedef unsigned int u16;
typedef unsigned long u32;

#ifndef SANCUS_SECURITY
#error "the builder defines SANCUS_SECURITY as 64 or 128"
#endif

// Bytes of keys and tags.
#define SANCUS_TAG_BYTES (SANCUS_SECURITY / 8)

// An entry: `SANCUS_ENTRY(name)(u16 a, u16 b) { ... }`. Entries are numbered in the order of sources and declarations.
#define SANCUS_ENTRY(name)                                                                                   \
    u16 name();                                                                                              \
    __attribute__((section(".sancus.entries"), used)) u16 (*const sancus_entry_##name)() = name;             \
    u16 name

// The operands of the crypto unit. `key` 0 is the module's own; ends are exclusive, lengths even, `associated` not empty.
struct sancus_crypt {
    const void *key;
    const void *associated, *associated_end;
    const void *body, *body_end;
    void *output;
    void *tag;
};

// Encrypts the body to `output` and writes the tag; with an empty body only the tag. 1, or 0 if it cannot be done.
u16 sancus_wrap(const struct sancus_crypt *job);

// Decrypts the body if the tag is right: 1, else 0. On the published core a wrong tag leaves plaintext in `output`:
// give secret memory and wipe it on failure.
u16 sancus_unwrap(const struct sancus_crypt *job);

// The id of the module at `address` if its measurement is `tag`, else 0.
u16 sancus_verify(const void *address, const void *tag);

// The id of the module at `address`, 0 for none.
u16 sancus_id(const void *address);

// Who entered last: a module's id, 0 for unprotected code. After sancus_call it is the callee.
u16 sancus_caller(void);

// Calls entry `entry` of the module at `target`, or unprotected code there, and waits for a return by domain `id` only.
// Meanwhile every other entry of this module is refused. Returns the callee's word; 0xffff if the callee refused (r13 not
// 0) or the target lies in this module.
u16 sancus_call(u16 id, const void *target, u16 entry, const u16 arguments[4]);

// Leaves the module in the middle of a function: the entry it runs in returns `result`. A later entry has the function go on with
// sancus_resume: it then returns to its own caller's caller, whose entry was the later one. One function can wait at a time.
void sancus_suspend(u16 result);
_Noreturn void sancus_resume(void);

// 1 if no byte of [start, start + length) is this module's, text or data.
u16 sancus_outside(const void *start, u16 length);

// Not 0 once, after the first entry, if this module's memory was not empty when it was enabled: since the boot code wipes RAM,
// and a module that leaves its own, somebody else has written there. What it was is gone.
extern u16 sancus_preset;

// Equal in constant time: 1, else 0.
u16 sancus_equal(const void *a, const void *b, u16 length);

#endif
