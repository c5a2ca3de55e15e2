/* The module of the kit's tests. Endpoints 0 to 5 are those of the session vectors, the rest has one of everything. */
#include <authentic.h>

static void process(const void *data, size_t length);

AUTHENTIC_INPUT(input, 64) { process(data, length); }
AUTHENTIC_OUTPUT(output, 64)
AUTHENTIC_DEVICE(device, AUTHENTIC_WRITTEN | AUTHENTIC_READ)
AUTHENTIC_ENTRY(entry, 64) { process(data, length); }
AUTHENTIC_HANDLER(handler, 64, 64) {
    if (length == 0) return -1;
    for (size_t i = 0; i < length; i++) ((uint8_t *)reply)[i] = ((const uint8_t *)data)[length - 1 - i];
    return (int64_t)length;
}
AUTHENTIC_REQUEST(request, 64, 64)
AUTHENTIC_OUTPUT_BURST(burst, 16, 3)
AUTHENTIC_OUTPUT(large, 65536)
AUTHENTIC_INPUT(bulk, 65536) { large(data, length); }

struct memory {
    uint64_t events, sum;
};
AUTHENTIC_STATE(struct memory, memory, 3)

static void report(int result) {
    char text[] = "result -00";
    unsigned value = result < 0 ? (unsigned)-result : (unsigned)result;
    text[7] = result < 0 ? '-' : '+';
    text[8] = (char)('0' + value / 10 % 10);
    text[9] = (char)('0' + value % 10);
    authentic_log(text);
}

/* What a byte tells the module to do; everything else is passed on. */
static void process(const void *data, size_t length) {
    const uint8_t *bytes = data;
    memory.events++;
    if (length == 0) {
        report(output("", 0));
        return;
    }
    static uint8_t many[65];
    uint8_t reply[64], about[35];
    size_t reply_length;
    const struct authentic_event *event = authentic_event();
    switch (bytes[0]) {
    case 'b':
        for (int i = 0; i < 4; i++) report(burst("burst", 5));
        break;
    case 'l': report(output(many, sizeof many)); break;
    case 'd': report(device_write(device_read() + 1)); break;
    case 'r': {
        int result = request(bytes + 1, length - 1, reply, sizeof reply, &reply_length);
        report(result);
        if (result == AUTHENTIC_OK) output(reply, reply_length);
        break;
    }
    case 'e':
        about[0] = event->authenticated;
        about[1] = event->reset;
        memcpy(about + 2, &event->connection, 4);
        memcpy(about + 6, &event->counter, 8);
        memcpy(about + 14, &event->gaps, 8);
        output(about, 22);
        break;
    case 's':
        memory.sum += length;
        output(&memory, sizeof memory);
        break;
    case 'f': __builtin_trap();
    default: report(output(data, length));
    }
}
