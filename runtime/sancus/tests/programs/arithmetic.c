// Exercises what the compiler makes of C on an MSP430; the results lie at 0x0200 for the test to compare.
typedef unsigned char u8;
typedef unsigned int u16;
typedef unsigned long u32;

struct results {
    u16 product, quotient, remainder;
    int signed_quotient, signed_remainder;
    u32 long_product, long_quotient, long_remainder;
    long negative_quotient, arithmetic_shift;
    u32 left_shift, right_shift;
    u16 crc;
    u8 sorted[16];
    u16 fibonacci;
    u16 initialized;
};

__attribute__((section(".results"), used)) volatile struct results results;

static u16 initialized = 0xbeef;
static volatile u16 a = 1234, b = 57;
static volatile int c = -1234, d = 57;
static volatile u32 e = 123456789, f = 98765;
static volatile long g = -123456789;
static volatile u8 shift = 13;

static u16 crc16(const u8 *data, u16 length)
{
    u16 crc = 0xffff;
    while (length--) {
        crc ^= (u16)*data++ << 8;
        for (u16 i = 0; i < 8; i++)
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
    }
    return crc;
}

static void sort(u8 *items, u16 count)
{
    for (u16 i = 1; i < count; i++)
        for (u16 j = i; j && items[j - 1] > items[j]; j--) {
            u8 swap = items[j];
            items[j] = items[j - 1];
            items[j - 1] = swap;
        }
}

__attribute__((noinline)) static u16 fibonacci(u16 n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int main(void)
{
    static const char text[] = "123456789";
    u8 items[16];
    results.product = a * b;
    results.quotient = a / b;
    results.remainder = a % b;
    results.signed_quotient = c / d;
    results.signed_remainder = c % d;
    results.long_product = e * f;
    results.long_quotient = e / f;
    results.long_remainder = e % f;
    results.negative_quotient = g / (long)f;
    results.arithmetic_shift = g >> shift;
    results.left_shift = e << shift;
    results.right_shift = e >> shift;
    results.crc = crc16((const u8 *)text, 9);
    for (u16 i = 0; i < 16; i++)
        items[i] = (u8)(i * 167 + 13);
    sort(items, 16);
    for (u16 i = 0; i < 16; i++)
        results.sorted[i] = items[i];
    results.fibonacci = fibonacci(15);
    results.initialized = initialized;
    return 0;
}
