/* Sees every access of the kit to the shared region: the region is closed while the kit runs, each fault opens it for one
 * instruction, and what that instruction is tells how wide the access was. Layouts are those of Linux on x86-64. */
#include <authentic.h>

#include "watch.h"

enum { MPROTECT = 10, SIGACTION = 13, SIGALTSTACK = 131, TRAP = 5, SEGV = 11, CLOSED = 0, OPEN = 3 };
enum { SIGINFO = 4, ONSTACK = 0x08000000, RESTORER = 0x04000000, ADDRESS = 16, RIP = 168, FLAGS = 176, STEP = 0x100 };

static uint8_t stack[16384];
static uint8_t *region;
static size_t size;
static bool armed;
static struct watched seen;

static long system_call(long number, long a, long b, long c, long d) {
    register long r10 __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}

static void protect(long access) { system_call(MPROTECT, (long)region, (long)size, access, 0); }

/* MOV and the arithmetic that compilers fold loads into, with an operand of 64 bits (REX.W; SDM volume 2). */
static bool moves_word(const uint8_t *code) {
    static const uint8_t opcodes[] = {0x8b, 0x89, 0xc7, 0x03, 0x2b, 0x3b, 0x39};
    if ((code[0] & 0xf8) != 0x48) return false;
    for (size_t i = 0; i < sizeof opcodes; i++)
        if (code[1] == opcodes[i]) return true;
    return false;
}

__attribute__((used)) static void on_signal(long number, uint8_t *info, uint8_t *context) {
    uint64_t address, rip, *flags = (uint64_t *)(context + FLAGS);
    if (number == TRAP) {
        *flags &= ~(uint64_t)STEP;
        if (armed) protect(CLOSED);
        return;
    }
    memcpy(&address, info + ADDRESS, 8);
    memcpy(&rip, context + RIP, 8);
    if (address < (uint64_t)region || address >= (uint64_t)region + size) system_call(231, 5, 0, 0, 0);
    if (address % 8 == 0 && moves_word((const uint8_t *)rip)) seen.words++;
    else if (seen.others++ == 0) memcpy(seen.first, (const uint8_t *)rip, sizeof seen.first);
    protect(OPEN);
    *flags |= STEP;
}

void restorer(void);
__asm__(".globl restorer\nrestorer:\n mov $15, %eax\n syscall\n");

void watch_start(void *at, size_t length) {
    region = at;
    size = length;
    const struct { void *pointer; uint64_t flags, size; } alternative = {stack, 0, sizeof stack};
    const struct { void (*handler)(long, uint8_t *, uint8_t *); uint64_t flags; void (*restorer)(void); uint64_t mask; } action = {on_signal, SIGINFO | ONSTACK | RESTORER, restorer, 0};
    system_call(SIGALTSTACK, (long)&alternative, 0, 0, 0);
    system_call(SIGACTION, SEGV, (long)&action, 0, 8);
    system_call(SIGACTION, TRAP, (long)&action, 0, 8);
}

void watch_close(bool closed) {
    if (region == NULL) return;
    armed = closed;
    protect(closed ? CLOSED : OPEN);
}

const struct watched *watch_seen(void) { return &seen; }
