// What LLVM calls on an MSP430 for arithmetic the CPU does not have (MSP430 EABI, SLAA534), and memcpy and memset.
//
// Every protected module gets its own copy: code outside it is not trusted. No hardware multiplier: its registers are
// visible to everyone. Multiplication takes the same time for all operands; division does not.

typedef unsigned int u16;
typedef int s16;
typedef unsigned long u32;
typedef long s32;

_Static_assert(sizeof(u16) == 2 && sizeof(u32) == 4, "for the MSP430 only");

// Keeps the compiler from recognizing a loop and calling the very function it is in.
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))

u16 __mspabi_mpyi(u16 a, u16 b)
{
    u16 sum = 0;
    for (u16 i = 0; i < 16; i++) {
        u16 mask = -(b & 1);
        OPAQUE(mask);
        sum += a & mask;
        a <<= 1;
        b >>= 1;
    }
    return sum;
}

u32 __mspabi_mpyl(u32 a, u32 b)
{
    u32 sum = 0;
    for (u16 i = 0; i < 32; i++) {
        u16 low = -((u16)b & 1), high = low;
        OPAQUE(low);
        OPAQUE(high);
        sum += a & ((u32)high << 16 | low);
        a <<= 1;
        b >>= 1;
    }
    return sum;
}

// A quotient and its remainder. Division by zero gives all ones and the dividend.
struct pair16 { u16 quotient, remainder; };
struct pair32 { u32 quotient, remainder; };

static void divide16(u16 a, u16 b, struct pair16 *out)
{
    u16 remainder = 0;
    for (u16 i = 0; i < 16; i++) {
        u16 carry = remainder >> 15;
        remainder = remainder << 1 | a >> 15;
        a <<= 1;
        if (carry || remainder >= b) {
            remainder -= b;
            a |= 1;
        }
        OPAQUE(a);
    }
    out->quotient = a;
    out->remainder = remainder;
}

static void divide32(u32 a, u32 b, struct pair32 *out)
{
    u32 remainder = 0;
    for (u16 i = 0; i < 32; i++) {
        u16 carry = (u16)(remainder >> 16) >> 15;
        remainder = remainder << 1 | (u16)(a >> 16) >> 15;
        a <<= 1;
        if (carry || remainder >= b) {
            remainder -= b;
            a |= 1;
        }
    }
    out->quotient = a;
    out->remainder = remainder;
}

u16 __mspabi_divu(u16 a, u16 b)
{
    struct pair16 p;
    divide16(a, b, &p);
    return p.quotient;
}

u16 __mspabi_remu(u16 a, u16 b)
{
    struct pair16 p;
    divide16(a, b, &p);
    return p.remainder;
}

s16 __mspabi_divi(s16 a, s16 b)
{
    struct pair16 p;
    divide16(a < 0 ? -(u16)a : (u16)a, b < 0 ? -(u16)b : (u16)b, &p);
    return (s16)((a < 0) != (b < 0) ? -p.quotient : p.quotient);
}

s16 __mspabi_remi(s16 a, s16 b)
{
    struct pair16 p;
    divide16(a < 0 ? -(u16)a : (u16)a, b < 0 ? -(u16)b : (u16)b, &p);
    return (s16)(a < 0 ? -p.remainder : p.remainder);
}

u32 __mspabi_divul(u32 a, u32 b)
{
    struct pair32 p;
    divide32(a, b, &p);
    return p.quotient;
}

u32 __mspabi_remul(u32 a, u32 b)
{
    struct pair32 p;
    divide32(a, b, &p);
    return p.remainder;
}

s32 __mspabi_divli(s32 a, s32 b)
{
    struct pair32 p;
    divide32(a < 0 ? -(u32)a : (u32)a, b < 0 ? -(u32)b : (u32)b, &p);
    return (s32)((a < 0) != (b < 0) ? -p.quotient : p.quotient);
}

s32 __mspabi_remli(s32 a, s32 b)
{
    struct pair32 p;
    divide32(a < 0 ? -(u32)a : (u32)a, b < 0 ? -(u32)b : (u32)b, &p);
    return (s32)(a < 0 ? -p.remainder : p.remainder);
}

u32 __mspabi_slll(u32 a, u16 by)
{
    while (by--) {
        a <<= 1;
        OPAQUE(by);
    }
    return a;
}

u32 __mspabi_srll(u32 a, u16 by)
{
    while (by--) {
        a >>= 1;
        OPAQUE(by);
    }
    return a;
}

s32 __mspabi_sral(s32 a, u16 by)
{
    while (by--) {
        a >>= 1;
        OPAQUE(by);
    }
    return a;
}

void *memcpy(void *to, const void *from, u16 length)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    while (length--) {
        *out++ = *in++;
        OPAQUE(out);
    }
    return to;
}

void *memset(void *to, int value, u16 length)
{
    unsigned char *out = to;
    while (length--) {
        *out++ = (unsigned char)value;
        OPAQUE(out);
    }
    return to;
}
