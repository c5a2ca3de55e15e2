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

#define MULTIPLICATION(bits, type, name)                                                                     \
    type name(type a, type b)                                                                                \
    {                                                                                                        \
        type sum = 0;                                                                                        \
        for (u16 i = 0; i < bits; i++) {                                                                     \
            type mask = -(b & 1);                                                                            \
            OPAQUE(mask);                                                                                    \
            sum += a & mask;                                                                                 \
            a <<= 1;                                                                                         \
            b >>= 1;                                                                                         \
        }                                                                                                    \
        return sum;                                                                                          \
    }
MULTIPLICATION(16, u16, __mspabi_mpyi)
MULTIPLICATION(32, u32, __mspabi_mpyl)

// Unsigned and signed division of one width, bit by bit. By zero it gives all ones and the dividend.
#define DIVISION(bits, unsigned_, signed_, divu, remu, divi, remi)                                          \
    static unsigned_ divide##bits(unsigned_ a, unsigned_ b, unsigned_ *rest)                                 \
    {                                                                                                        \
        unsigned_ remainder = 0;                                                                             \
        for (u16 i = 0; i < bits; i++) {                                                                     \
            u16 carry = (u16)(remainder >> (bits - 16)) >> 15;                                               \
            remainder = remainder << 1 | (u16)(a >> (bits - 16)) >> 15;                                      \
            a <<= 1;                                                                                         \
            if (carry || remainder >= b) {                                                                   \
                remainder -= b;                                                                              \
                a |= 1;                                                                                      \
            }                                                                                                \
            OPAQUE(i);                                                                                       \
        }                                                                                                    \
        *rest = remainder;                                                                                   \
        return a;                                                                                            \
    }                                                                                                        \
    unsigned_ divu(unsigned_ a, unsigned_ b) { return divide##bits(a, b, &b); }                              \
    unsigned_ remu(unsigned_ a, unsigned_ b) { return divide##bits(a, b, &a), a; }                           \
    signed_ divi(signed_ a, signed_ b)                                                                       \
    {                                                                                                        \
        unsigned_ rest, quotient = divide##bits(a < 0 ? -(unsigned_)a : a, b < 0 ? -(unsigned_)b : b, &rest); \
        return (signed_)((a < 0) != (b < 0) ? -quotient : quotient);                                         \
    }                                                                                                        \
    signed_ remi(signed_ a, signed_ b)                                                                       \
    {                                                                                                        \
        unsigned_ rest;                                                                                      \
        divide##bits(a < 0 ? -(unsigned_)a : a, b < 0 ? -(unsigned_)b : b, &rest);                           \
        return (signed_)(a < 0 ? -rest : rest);                                                              \
    }
DIVISION(16, u16, s16, __mspabi_divu, __mspabi_remu, __mspabi_divi, __mspabi_remi)
DIVISION(32, u32, s32, __mspabi_divul, __mspabi_remul, __mspabi_divli, __mspabi_remli)

#define SHIFT(name, type, step)                                                                             \
    type name(type a, u16 by)                                                                                \
    {                                                                                                        \
        while (by--) {                                                                                       \
            a step 1;                                                                                        \
            OPAQUE(by);                                                                                      \
        }                                                                                                    \
        return a;                                                                                            \
    }
SHIFT(__mspabi_slll, u32, <<=)
SHIFT(__mspabi_srll, u32, >>=)
SHIFT(__mspabi_sral, s32, >>=)

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
