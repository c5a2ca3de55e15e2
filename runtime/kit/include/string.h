/* The four functions every C compiler may call, which the kit provides; there is no C library in a module. */
#ifndef AUTHENTIC_STRING_H
#define AUTHENTIC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);

#endif
