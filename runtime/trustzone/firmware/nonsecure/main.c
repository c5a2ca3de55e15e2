/* The non-secure side: answers one request of the bridge after the other. A request that comes again, because its reply
 * was lost, is answered with the same reply and not carried out again. */
#include <string.h>

#include "ethernet.h"
#include "link.h"

enum { FRAME_WORDS = (ETHERNET_FRAME + 4) / 4 + 1, SMALLEST = 60 };

/* The link's header begins two bytes behind a word: it is copied out and in. */
static uint32_t incoming[FRAME_WORDS], reply[FRAME_WORDS];
static size_t reply_length;
static uint8_t body[LINK_BODY];

extern uint32_t bss_start[], bss_end[], stack_top[];

static void answer(const uint8_t *frame, size_t length) {
    static uint32_t last;
    struct link_header h;
    if (length < LINK_MAC + sizeof h || frame[12] != LINK_ETHERTYPE >> 8 || frame[13] != (LINK_ETHERTYPE & 0xff)) return;
    memcpy(&h, frame + LINK_MAC, sizeof h);
    if (h.length > LINK_BODY || h.length > length - LINK_MAC - sizeof h || h.sequence == 0) return;
    if (h.sequence != last || reply_length == 0) {
        memcpy(body, frame + LINK_MAC + sizeof h, h.length);
        last = h.sequence;
        h.length = (uint16_t)link_handle(&h, body);
        h.operation |= LINK_REPLY;
        uint8_t *out = (uint8_t *)reply;
        memcpy(out, frame + 6, 6);
        memcpy(out + 6, frame, 6);
        memcpy(out + 12, frame + 12, 2);
        memcpy(out + LINK_MAC, &h, sizeof h);
        memcpy(out + LINK_MAC + sizeof h, body, h.length);
        reply_length = LINK_MAC + sizeof h + h.length;
        if (reply_length < SMALLEST) reply_length = SMALLEST;
    }
    ethernet_send(reply, reply_length);
}

__attribute__((used, noreturn)) void nonsecure_reset(void) {
    __asm__ volatile("cpsid i" : : : "memory");
    for (uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
    ethernet_start();
    for (;;) {
        size_t length = ethernet_receive(incoming);
        if (length > 0) answer((const uint8_t *)incoming, length);
    }
}

static void hang(void) {
    for (;;) __asm__ volatile("wfi");
}

typedef void handler(void);
__attribute__((section(".vectors"), used)) static const union { void *stack; handler *code; } vectors[16] = {
    {stack_top}, {.code = (handler *)nonsecure_reset}, {.code = hang}, {.code = hang}, {.code = hang}, {.code = hang}, {.code = hang}, {.code = hang},
    {NULL}, {NULL}, {NULL}, {.code = hang}, {.code = hang}, {NULL}, {.code = hang}, {.code = hang},
};
