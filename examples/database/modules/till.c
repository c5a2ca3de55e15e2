// Till: sells one piece of an article, if the store has one.
#include <authentic.h>
#include "stock.h"

AUTHENTIC_REQUEST(add, CHANGE_BYTES, COUNT_BYTES)

// The article's name; the answer is how many are left.
AUTHENTIC_HANDLER(sell, NAME_BYTES, COUNT_BYTES) {
    static const char one[] = {'=', '-', '1'};
    uint8_t change[CHANGE_BYTES];
    memcpy(change, data, length);
    for (size_t i = 0; i < length; i++) {
        if (change[i] == '=') return -1; // how many is not the caller's to say
    }
    memcpy(change + length, one, sizeof one);

    size_t left;
    if (add(change, length + sizeof one, reply, capacity, &left) != AUTHENTIC_OK) return -1;
    return (int64_t)left;
}
