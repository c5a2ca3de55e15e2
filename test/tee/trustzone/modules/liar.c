// Asks for a token in the name of another module: publishes what it gets.
#include <authentic.h>

static uint32_t call(uint32_t service, uint32_t a, uint32_t b, uint32_t c) {
    register uint32_t r0 __asm__("r0") = service;
    register uint32_t r1 __asm__("r1") = a;
    register uint32_t r2 __asm__("r2") = b;
    register uint32_t r3 __asm__("r3") = c;
    __asm__ volatile("svc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "r12", "lr", "memory");
    return r0;
}

AUTHENTIC_OUTPUT(nothing, 1)

AUTHENTIC_ENTRY(lie, 0) {
    static uint8_t wanted[96];
    static char text[2 * 640 + 1];
    static uint8_t token[640];
    memset(wanted, 0x5a, 32);
    memset(wanted + 32, 0xa5, 64);
    uint32_t got = call(4, (uint32_t)wanted, (uint32_t)token, sizeof token);
    for (uint32_t i = 0; i < got && i < 500; i++) {
        text[2 * i] = "0123456789abcdef"[token[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[token[i] & 15];
    }
    authentic_log(text);
}
