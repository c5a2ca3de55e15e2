/* What the functions of a module may call. Outputs, device writes and log lines are staged, and take effect together when
 * the function has returned; a function that faults leaves nothing behind. */
#include "kit.h"

/* The stage is the scratch memory: (kind u8 | endpoint u8 | length u16 | data, padded to even with 2 bytes to spare)* */
static u16 staged;
static u8 bursts[ENDPOINTS];
static struct authentic_event event;
static u16 seen; /* bytes of `incoming` that the function may look at */

/* The request whose reply a function waits for; connection 0 for none. */
static struct request {
    u32 connection;
    void *reply;
    u16 capacity, length;
    bool ended;
    int result;
} request;

const struct authentic_event *authentic_event(void) { return &event; }

void task_begin(const struct authentic_event *next, u16 length) {
    event = *next;
    seen = 2 + HEADER + length;
    staged = 0;
    memset(bursts, 0, sizeof bursts);
}

const struct authentic_declaration *interface_at(u16 endpoint, u8 kind) {
    u16 count = (u16)(board_interface_end - board_interface);
    return endpoint < count && board_interface[endpoint].kind == kind ? &board_interface[endpoint] : NULL;
}

static bool stage(u8 kind, u16 endpoint, const void *data, u16 length) {
    u16 size = 4 + ((length + 2) & ~1);
    if (size > SCRATCH - staged) return false;
    u8 *at = scratch + staged;
    at[0] = kind;
    at[1] = (u8)endpoint;
    memcpy(at + 2, &length, 2);
    memcpy(at + 4, data, length);
    staged += size;
    return true;
}

int authentic_emit(const struct authentic_declaration *output, const void *data, size_t length) {
    u16 endpoint = (u16)(output - board_interface), connected = 0;
    if (length > output->maximum) return AUTHENTIC_TOO_LONG;
    if (bursts[endpoint] >= output->burst) return AUTHENTIC_BURST;
    for (u16 i = 0; i < kit.count; i++) {
        const struct connection *c = &kit.at[i];
        if (c->direction != SENDER || c->endpoint != endpoint || !c->active) continue;
        if (COUNTER_END - c->next <= output->burst) return AUTHENTIC_EXHAUSTED;
        connected++;
    }
    if (!connected) return AUTHENTIC_NOT_CONNECTED;
    if (!stage(OUT_FRAME, endpoint, data, length)) return AUTHENTIC_NO_ROOM;
    bursts[endpoint]++;
    return AUTHENTIC_OK;
}

int authentic_device_write(const struct authentic_declaration *device, uint32_t value) {
    u16 endpoint = (u16)(device - board_interface), word = (u16)value;
    if (!kit.drivers[endpoint]) return AUTHENTIC_NOT_GRANTED;
    return stage(OUT_DEVICE, endpoint, &word, sizeof word) ? AUTHENTIC_OK : AUTHENTIC_NO_ROOM;
}

uint32_t authentic_device_read(const struct authentic_declaration *device) {
    return driver_call((u16)(device - board_interface), DRIVER_READ, 0);
}

int authentic_log(const char *text) {
    u16 length = 0;
    while (length < 64 && text[length]) length++;
    return stage(OUT_LOG, 0, text, length) ? AUTHENTIC_OK : AUTHENTIC_NO_ROOM;
}

/* The integer of that name in the measured configuration (section 2): entries are nameLength u8 | name | type u8 | valueLength u16 | value. */
int64_t authentic_integer(const struct authentic_declaration *integer) {
    const u8 *at = board_configuration + 74;
    for (u16 count = get_16(board_configuration + 72); count; count--) {
        u16 length = at[0];
        const u8 *value = at + length + 4;
        if (at[length + 1] == 1 && integer->name[length] == 0 && memcmp(at + 1, integer->name, length) == 0) {
            union { u32 half[2]; int64_t whole; } number;
            number.half[1] = get_32(value);
            number.half[0] = get_32(value + 4);
            return number.whole;
        }
        at = value + get_16(value - 2);
    }
    return 0; /* not reached: the builder has put every declared value there */
}

/* Leaves the module in the middle of a function. Other records are processed meanwhile, but for events, requests and triggers;
 * what they overwrite is kept on the stack. */
static void leave(void) {
    u8 kept[seen + staged];
    memcpy(kept, incoming, seen);
    memcpy(kept + seen, scratch, staged);
    wipe(incoming, seen);
    kit.waiting = true;
    kit.running = false;
    sancus_suspend(out_used());
    kit.waiting = false;
    memcpy(incoming, kept, seen);
    memcpy(scratch, kept + seen, staged);
    wipe(kept, seen + staged);
}

void task_continue(void) {
    if (request.connection ? request.ended : outputs_ready()) sancus_resume();
}

int authentic_request(const struct authentic_declaration *declaration, const void *data, size_t length, void *reply_to, size_t capacity, size_t *reply_length) {
    u16 endpoint = (u16)(declaration - board_interface), i = 0;
    *reply_length = 0;
    if (length > declaration->maximum) return AUTHENTIC_TOO_LONG;
    while (i < kit.count && !(kit.at[i].direction == CLIENT && kit.at[i].endpoint == endpoint && kit.at[i].active)) i++;
    struct connection *c = &kit.at[i];
    if (i == kit.count) return AUTHENTIC_NOT_CONNECTED;
    if (c->next == COUNTER_END) return AUTHENTIC_EXHAUSTED;
    if (c->next - 1 != c->acknowledged) return AUTHENTIC_BUSY;
    if (length + 2 > SCRATCH - staged) return AUTHENTIC_NO_ROOM;
    memcpy(scratch + staged, data, length);
    frame_put(c, &c->current, REQUEST, c->next++, scratch + staged, length);
    request = (struct request){c->id, reply_to, capacity, 0, false, 0};
    leave();
    request.connection = 0;
    *reply_length = request.length;
    return request.result;
}

/* There is a reply, or there will be none. */
void request_end(u32 connection, enum authentic_result result, const u8 *reply, u16 length) {
    if (!kit.waiting || request.connection != connection || request.ended) return;
    request.result = result == AUTHENTIC_OK && length > request.capacity ? AUTHENTIC_TOO_LONG : result;
    request.length = request.result == AUTHENTIC_OK ? length : 0;
    memcpy(request.reply, reply, request.length);
    request.ended = true;
}

static void commit_output(u16 endpoint, const u8 *data, u16 length) {
    for (u16 i = 0; i < kit.count; i++) {
        struct connection *c = &kit.at[i];
        if (c->direction == SENDER && c->endpoint == endpoint && c->active) frame_put(c, &c->current, EVENT, c->next++, data, length);
    }
}

/* Where a strict output has no room, because its connection changed while the function waited, this waits as well. */
void task_commit(void) {
    while (!outputs_ready()) leave();
    for (u16 at = 0; at < staged;) {
        u8 kind = scratch[at], endpoint = scratch[at + 1];
        u16 length, word;
        memcpy(&length, scratch + at + 2, 2);
        const u8 *data = scratch + at + 4;
        at += 4 + ((length + 2) & ~1);
        if (kind == OUT_FRAME) commit_output(endpoint, data, length);
        else if (kind == OUT_LOG) out_put(OUT_LOG, 0, data, length);
        else {
            memcpy(&word, data, 2);
            driver_call(endpoint, DRIVER_WRITE, word);
        }
    }
    wipe(scratch, staged);
    staged = 0;
    memset(&event, 0, sizeof event);
}
