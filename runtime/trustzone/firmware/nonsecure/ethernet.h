/* The network controller of the non-secure side: raw Ethernet frames, one at a time. */
#ifndef TRUSTZONE_ETHERNET_H
#define TRUSTZONE_ETHERNET_H

#include <stddef.h>
#include <stdint.h>

enum { ETHERNET_FRAME = 1514 };

void ethernet_start(void);
/* Waits for a frame; its length, or 0 for one that is longer than a frame may be. `frame` is word-aligned. */
size_t ethernet_receive(uint32_t frame[(ETHERNET_FRAME + 4) / 4 + 1]);
void ethernet_send(const uint32_t *frame, size_t length);

#endif
