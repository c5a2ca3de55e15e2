/* Does nothing. Its evidence says which machine a hardware node is on, before any other module is there. */
#include <authentic.h>

AUTHENTIC_ENTRY(nothing, 0) {
    (void)data;
    (void)length;
}
