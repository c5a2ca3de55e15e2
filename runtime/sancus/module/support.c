// The parts of sancus.h that need no assembly.
#include "sancus.h"

extern char __public_start[], __public_end[], __secret_start[], __secret_end[];

u16 sancus_outside(const void *start, u16 length)
{
    u16 first = (u16)start, end = first + length;
    if (length == 0)
        return 1;
    // A range that wraps around ends at or below its start; one that ends at 0x10000 has end 0.
    if (end != 0 && end <= first)
        return 0;
    u16 last = end - 1;
    u16 clear_of_text = last < (u16)__public_start || first >= (u16)__public_end;
    u16 clear_of_data = last < (u16)__secret_start || first >= (u16)__secret_end;
    return clear_of_text && clear_of_data;
}

u16 sancus_equal(const void *a, const void *b, u16 length)
{
    const volatile u8 *x = a, *y = b;
    u8 difference = 0;
    while (length--)
        difference |= *x++ ^ *y++;
    return difference == 0;
}
