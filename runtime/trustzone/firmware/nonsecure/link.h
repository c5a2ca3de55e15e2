/* The link between the board and its bridge: requests and replies in single Ethernet frames (docs/trustzone.md, "The link").
 * Everything is little-endian and nothing of it is trusted: what passes here is sealed, signed or public. */
#ifndef TRUSTZONE_LINK_H
#define TRUSTZONE_LINK_H

#include <stddef.h>
#include <stdint.h>

enum { LINK_ETHERTYPE = 0x88B5, LINK_MAC = 14, LINK_BODY = 1440, LINK_REPLY = 0x80, LINK_STAGING = 0xff };
enum link_operation { LINK_FACTS = 1, LINK_WRITE, LINK_READ, LINK_LOAD, LINK_ENTER, LINK_UNLOAD, LINK_FAULT };
enum link_status { LINK_DONE = 0, LINK_MALFORMED = 0xfffffffe };

struct link_header {
    uint8_t operation, slot;
    uint16_t length;   /* of the body */
    uint32_t sequence; /* of the request; a reply has the same */
    uint32_t a, b;
};

/* Handles one request: its body at `body`, where that of the reply goes too. Returns the length of the reply's body and
 * sets `a` and `b` of the header to those of the reply. */
size_t link_handle(struct link_header *header, uint8_t body[LINK_BODY]);

#endif
