/* Where nonceM comes from: what the node is said to have, and measured into the module (AUTHENTIC_FRESHNESS).
 *
 * The sources are registers that only ever give a new value; nobody can make them repeat one, so they need no owner. */
#include "kit.h"

enum { FRESHNESS_NONE, FRESHNESS_RNG, FRESHNESS_NV };
#define REGISTER(address) (*(volatile u16 *)(address))

void nonce_draw(u8 nonce[8]) {
    u16 words[4];
#if AUTHENTIC_FRESHNESS == 1
    for (u16 i = 0; i < 4; i++) words[i] = REGISTER(0x1a0); /* each read is another random word */
#elif AUTHENTIC_FRESHNESS == 2
    REGISTER(0x1a8) = 0; /* counts, and shows the new count: it survives a reset */
    for (u16 i = 0; i < 4; i++) words[i] = REGISTER(0x1a8 + 2 * i);
#else
    REGISTER(0x190) = 0; /* cycles since the reset: an exact repetition of all that came after it gives them again */
    for (u16 i = 0; i < 4; i++) words[i] = REGISTER(0x190 + 2 * i);
#endif
    memcpy(nonce, words, 8);
}
