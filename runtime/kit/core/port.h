/* All a TEE has to provide; `ports/<tee>` implements it beside its entry code and linker script. */
#ifndef AUTHENTIC_PORT_H
#define AUTHENTIC_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <authentic.h>

#pragma GCC visibility push(hidden) /* addressed relative to the code, without a table of pointers */
/* From the image: the measured block (section 2), on a page of its own, and the declarations (section 3). */
extern const uint8_t port_configuration[];
extern const uint8_t port_configuration_end[];
extern struct authentic_declaration port_interface[];
extern struct authentic_declaration port_interface_end[];
#pragma GCC visibility pop

/* Fills `out` from the processor's own source; false when it fails, which fails the instance. */
bool port_random(uint8_t *out, size_t length);

/* Whether `length` bytes at `region` are shared memory altogether: no byte belongs to the module. */
bool port_is_shared(const void *region, size_t length);

/* The module's own measurement, where the TEE tells it; false where it does not. */
bool port_measurement(uint8_t measurement[32]);

/* What the TEE says of this module together with 64 bytes of its choice; the host makes evidence of it (section 8).
 * `target`: for whom, as the host says. Returns the length. */
enum { PORT_REPORT = AUTHENTIC_REPORT, PORT_TARGET = 512 };
size_t port_report(uint8_t report[PORT_REPORT], const uint8_t data[64], const uint8_t target[PORT_TARGET]);

/* Devices that the TEE reaches without the host; false where it has none for this endpoint. A write needs the grant. */
bool port_device_read(size_t endpoint, uint32_t *value);
void port_device_write(size_t endpoint, uint32_t value);

/* All of them are the next instance's from now on: the one that was handed over to, by its measurement. */
void port_devices_pass(const uint8_t measurement[32]);

/* A fresh second stack whose first switch calls `start`, which never returns. */
void *port_stack(void (*start)(void));

/* Saves the registers of the running stack, puts its position into `*save` and continues at `load`. */
void port_switch(void **save, void *load);

#endif
