// Warehouse: brings pieces to the store.
#include <authentic.h>
#include "stock.h"

AUTHENTIC_REQUEST(add, CHANGE_BYTES, COUNT_BYTES)

// NAME=PIECES; the answer is how many there are then. A warehouse takes nothing away: a sign is refused.
AUTHENTIC_HANDLER(deliver, CHANGE_BYTES, COUNT_BYTES) {
    const char *text = data;
    size_t now;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '-') return -1;
    }
    if (add(data, length, reply, capacity, &now) != AUTHENTIC_OK) return -1;
    return (int64_t)now;
}
