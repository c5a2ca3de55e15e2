/* The secure firmware's own types, and the functions its files offer to each other. */
#ifndef TRUSTZONE_FIRMWARE_H
#define TRUSTZONE_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../board.h"
#include "../gateway.h"
#include "bytes.h"
#include "crypto.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* identity.c: who this device is. Everything but the attestation key is public. */
extern struct identity {
    uint8_t instance_id[33];
    uint8_t public_key[65]; /* uncompressed point */
    uint8_t implementation_id[32];
    uint8_t firmware[32];   /* measurement of what runs */
    uint8_t boot_seed[32];
    uint32_t lifecycle;
} identity;
void identity_establish(void);
void identity_sign(uint8_t signature[64], const struct part *parts, size_t count);
void random_bytes(uint8_t *out, size_t length);

/* identity.zig: P-256 (FIPS 186-5) and the generator's stream, from Zig's standard library. */
void p256_key(uint8_t secret[32], const uint8_t uniform[48]);
void p256_public(uint8_t point[65], const uint8_t secret[32]);
void p256_sign(uint8_t signature[64], const uint8_t secret[32], const struct part *parts, size_t count);
void generator_draw(uint8_t key[32], uint8_t *out, size_t length);

/* token.c: RFC 9783. Returns its length, 0 when it does not fit. */
size_t token_write(uint8_t *out, size_t capacity, unsigned slot, const uint8_t report_data[64]);

/* slots.c: the modules. */
enum { HEADER = 96, DEVICES_AT = 32, DEVICES = 64, CONFIGURATION = 1024 };
struct slot {
    enum { SLOT_EMPTY, SLOT_LOADED, SLOT_DEAD } state;
    uint32_t code, data, entry, configuration; /* offsets: end of the read-only part, start of the data, entry, block */
    uint32_t time_limit;                       /* milliseconds of one call */
    uint8_t measurement[32];
    uint8_t devices[DEVICES];                  /* peripheral of each endpoint, 0 for none */
    bool waits;                                /* until the instance before it passes its peripherals on */
};
extern struct slot slots[SLOTS];
static inline uint8_t *slot_memory(unsigned slot) { return (uint8_t *)(uintptr_t)SLOT_ADDRESS(slot); }
enum load_status slot_load(unsigned slot, const uint8_t *image, size_t length, uint32_t time_limit);
void slot_unload(unsigned slot);
void slot_pass(unsigned slot, const uint8_t measurement[32]);
uint32_t slot_enter(unsigned slot, uint32_t reason);

/* run.c: unprivileged execution. Returns what the module left with, or CRASHED | cause. */
#define CRASHED 0x80000000u
enum cause { CAUSE_FAULT = 1, CAUSE_TIME = 2 };
uint32_t run_module(unsigned slot, uint32_t reason, uint32_t argument);
bool run_owns(const void *address, size_t length);
unsigned run_slot(void);

/* services.c: what a module may ask for. */
uint32_t service(uint32_t number, uint32_t a, uint32_t b, uint32_t c);

/* protect.c: SAU and MPU. */
void protect_worlds(void);
void protect_module(unsigned slot);
void protect_nothing(void);

/* fault.c */
extern struct fault_record last_fault;
void fault_reset(void) __attribute__((noreturn));

#endif
