// A module for tests: doubles, and tells who asked.
#include <sancus.h>

SANCUS_ENTRY(twice)(u16 x)
{
    return 2 * x + 0x1000 * sancus_caller();
}
