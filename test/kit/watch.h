/* How the kit accesses the shared region. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Accesses of aligned words, all others, and the code of the first of these. */
struct watched {
    uint32_t words, others;
    uint8_t first[8];
};

void watch_start(void *region, size_t length);
/* While it is closed every access is counted. */
void watch_close(bool closed);
const struct watched *watch_seen(void);

#endif
