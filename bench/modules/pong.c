/* The other end of a round trip: sends back what comes. */
#include <authentic.h>

AUTHENTIC_OUTPUT(back, 1024)

AUTHENTIC_INPUT(there, 1024) { back(data, length); }
