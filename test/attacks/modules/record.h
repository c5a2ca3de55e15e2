// Publishes `recorded <input> <hexadecimal>` in the module's log.
#include <authentic.h>

enum { RECORD_BYTES = 4 };

static void record(const char *input, const void *data, size_t length) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    char line[64] = "recorded ";
    size_t at = 9;
    while (*input) line[at++] = *input++;
    line[at++] = ' ';
    for (size_t i = 0; i < length && at + 2 < sizeof line; i++) {
        line[at++] = digits[bytes[i] >> 4];
        line[at++] = digits[bytes[i] & 15];
    }
    line[at] = 0;
    authentic_log(line);
}
