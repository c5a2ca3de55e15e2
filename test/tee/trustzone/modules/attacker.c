// A module that tries what it must not: which attack is in its configuration. Addresses are those of the board's layout.h.
#include <authentic.h>

AUTHENTIC_CONFIG_INTEGER(attack)

#define WORD(address) (*(volatile uint32_t *)(uintptr_t)(address))
enum { FIRMWARE = 0x10000000, FIRMWARE_RAM = 0x10100000, SLOT = 0x40000, SECRETS = 0x30000000, PERIPHERAL = 0x50302000, NONSECURE_RAM = 0x28200000, WINDOW = 0x28280000, WINDOW_STRIDE = 0x20000, MPU_CTRL = 0xE000ED94,
       SYSTICK = 0xE000E010, RESET_CONTROL = 0xE000ED0C, ETHERNET = 0x42000000 };

static volatile uint32_t depth;
enum { TAP = 2 }; /* its endpoint: it is declared last */
static uint32_t data[8] = {0x47704770}; /* bx lr */

static uintptr_t own_slot(void) { return (uintptr_t)data & ~(uintptr_t)(SLOT - 1); }
static uintptr_t other_slot(void) { return own_slot() ^ SLOT; }
static unsigned slot_number(void) { return (own_slot() - 0x38000000) / SLOT; }

static void overflow(void) {
    volatile uint8_t space[512];
    space[0] = (uint8_t)depth++;
    overflow();
    depth += space[0];
}

static uint32_t call(uint32_t service, uint32_t a, uint32_t b, uint32_t c) {
    register uint32_t r0 __asm__("r0") = service;
    register uint32_t r1 __asm__("r1") = a;
    register uint32_t r2 __asm__("r2") = b;
    register uint32_t r3 __asm__("r3") = c;
    __asm__ volatile("svc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "r12", "lr", "memory");
    return r0;
}

AUTHENTIC_ENTRY(go, 0) {
    uint32_t seen = 0;
    switch (attack()) {
    case 1: seen = WORD(other_slot() + 0x20000); break;
    case 2: WORD(other_slot() + 0x30000) = 1; break;
    case 3: seen = WORD(FIRMWARE); break;
    case 4: WORD(FIRMWARE_RAM) = 1; break;
    case 5: WORD(own_slot() + 0x400) = 0; break;
    case 6: ((void (*)(void))((uintptr_t)data | 1))(); break;
    case 7: seen = WORD(PERIPHERAL); break;
    case 8: seen = WORD(NONSECURE_RAM); break;
    case 9: seen = WORD(WINDOW + (slot_number() ^ 1) * WINDOW_STRIDE); break;
    case 10: seen = WORD(MPU_CTRL); break;
    case 11: __asm__ volatile("msr control, %0\n isb" : : "r"(0)); WORD(FIRMWARE_RAM) = 1; break;
    case 12: seen = WORD(SECRETS); break;
    case 13: ((void (*)(void))(FIRMWARE | 0x401))(); break;
    case 14: ((void (*)(void))(0x00200041))(); break;
    case 15: overflow(); break;
    case 16: __asm__ volatile("udf #0"); break;
    case 17: __asm__ volatile(".inst.w 0xee000a10"); break; /* vmov s0, r0 */
    case 18: __asm__ volatile("cpsid i\n mov sp, %0\n svc #0" : : "r"(FIRMWARE_RAM + 0x1000)); break;
    case 19: __asm__ volatile("cpsid i"); for (;;) {}
    case 20: /* services on memory that is not its own: refused, and it goes on */
        seen = call(2, FIRMWARE_RAM, 16, 0) | call(2, other_slot() + 0x20000, 16, 0) | call(2, (uint32_t)data, 0xfffffff0, 0) | call(3, FIRMWARE_RAM, 0, 0) |
               call(4, FIRMWARE, (uint32_t)data, 16) | call(4, (uint32_t)data, FIRMWARE_RAM, 640) | call(5, 0, FIRMWARE_RAM, 0) | call(6, 0, 1, 0) | call(99, 0, 0, 0);
        authentic_log(seen == 0 ? "services refused" : "a service obeyed");
        return;
    case 21: WORD(SYSTICK) = 0; break;
    case 22: WORD(RESET_CONTROL) = 0x05fa0004; break;
    case 23: seen = WORD(ETHERNET); break;
    case 24: /* the device that its image names, past the kit and its grants */
        seen = call(6, TAP, 1, 0) | call(5, TAP, (uint32_t)data, 0);
        authentic_log(seen == 0 ? "services refused" : "a service obeyed");
        return;
    case 25: /* into the other world as the architecture allows, behind its vectors */
        __asm__ volatile("bxns %0" : : "r"(0x00200040));
        break;
    }
    authentic_log(seen ? "read" : "done");
}

AUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN | AUTHENTIC_READ)
