// A module for tests: signs with its own key, computes, counts.
#include <sancus.h>

static u16 counter = 41;
static u16 history[4];
static const u16 weights[5] = {3, 1, 4, 1, 5};

// MAC of 8 bytes at `message` under the module's key, to `out`.
SANCUS_ENTRY(sign)(const void *message, void *out)
{
    if (!sancus_outside(message, 8) || !sancus_outside(out, SANCUS_TAG_BYTES))
        return 0;
    struct sancus_crypt job = {0, message, (const u8 *)message + 8, 0, 0, 0, out};
    return sancus_wrap(&job);
}

SANCUS_ENTRY(count)(void)
{
    history[counter % 4] = counter;
    return ++counter + history[0] * 0;
}

// Arithmetic the CPU does not have.
SANCUS_ENTRY(compute)(u16 a, u16 b)
{
    u32 sum = 0;
    for (u16 i = 0; i < 5; i++)
        sum += (u32)weights[i] * a;
    return (u16)(sum / b) + a % b;
}

__attribute__((noinline)) static u16 deep(volatile u16 *from, u16 left)
{
    volatile u16 local[8];
    for (u16 i = 0; i < 8; i++)
        local[i] = 0xdead;
    return left ? deep(local, left - 1) + local[3] : *from;
}

// Needs more stack than there is.
SANCUS_ENTRY(overflow)(u16 levels)
{
    volatile u16 start = levels;
    return deep(&start, levels);
}
