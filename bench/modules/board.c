/* A module on a board: takes events, and passes some on. */
#include <authentic.h>

AUTHENTIC_OUTPUT(on, 4)

AUTHENTIC_INPUT(take, 4) {
    (void)data;
    (void)length;
}
AUTHENTIC_INPUT(pass, 4) { on(data, length); }
