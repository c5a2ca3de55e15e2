/* The seam of a board: everything the firmware has to know about the machine it runs on. `boards/<name>` has a
 * `layout.h` with the addresses, a `board.c` with these functions, and the linker scripts of both worlds. */
#ifndef TRUSTZONE_BOARD_H
#define TRUSTZONE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* What the device was given when it was made, and fresh entropy of this boot. */
struct board_secrets {
    uint8_t unique_key[32]; /* of this device alone, for its whole life */
    uint8_t seed[32];       /* new at every boot */
    uint32_t lifecycle;     /* RFC 9783 section 4.3.1: 0x3000 is "secured" */
};

/* Memory and peripheral protection outside of the processor: what the non-secure world may reach on the bus. */
void board_protect(void);

/* Hands the secrets over and makes them unreachable for everyone until the next reset. */
void board_take_secrets(struct board_secrets *secrets);

/* Peripherals are numbered from 1; docs/trustzone.md names them. A peripheral belongs to one module at a time. */
bool board_peripheral_exists(unsigned number);
bool board_peripheral_read(unsigned number, uint32_t *value);
bool board_peripheral_write(unsigned number, uint32_t value);

#endif
