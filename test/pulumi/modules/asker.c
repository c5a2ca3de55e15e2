/* Asks a ledger, and keeps what it is told; asker.rs does the same. */
#include <authentic.h>

struct noted { uint64_t notes; uint8_t last[16]; };
AUTHENTIC_STATE(struct noted, noted, 1)

AUTHENTIC_REQUEST(ledger, 8, 32)

/* The result of the request, then the reply. */
AUTHENTIC_HANDLER(relay, 8, 33) {
    size_t received;
    uint8_t *to = reply;
    if (capacity < 33) return -1;
    int result = ledger(data, length, to + 1, capacity - 1, &received);
    to[0] = (uint8_t)result;
    return (int64_t)(1 + received);
}

AUTHENTIC_INPUT(note, 16) {
    if (length != sizeof noted.last) return;
    noted.notes++;
    memcpy(noted.last, data, sizeof noted.last);
}

AUTHENTIC_HANDLER(noted_so_far, 0, sizeof(struct noted)) {
    if (capacity < sizeof noted) return -1;
    memcpy(reply, &noted, sizeof noted);
    return sizeof noted;
}
