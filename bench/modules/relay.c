/* One of many modules of a large stack: passes on what it gets, on two connections. */
#include <authentic.h>

AUTHENTIC_CONFIG_INTEGER(number)
AUTHENTIC_OUTPUT(left, 8)
AUTHENTIC_OUTPUT(right, 8)

AUTHENTIC_INPUT(event, 8) {
    int64_t own = number();
    left(&own, sizeof own);
    right(data, length);
}
