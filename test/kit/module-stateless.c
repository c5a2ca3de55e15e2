/* A later version of module.c that says nothing of its state. */
#include <authentic.h>

AUTHENTIC_INPUT(input, 64) {}
AUTHENTIC_OUTPUT(output, 64)
