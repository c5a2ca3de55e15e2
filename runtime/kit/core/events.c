/* Frames that arrive (section 6), and what the host is told at the end of an entry (section 8). */
#include "kit.h"

/* Little-endian numbers of OUT bodies: they never leave the machine. */
struct position { uint32_t connection, low, high; };
static struct position position(uint32_t connection, uint64_t counter) { return (struct position){connection, (uint32_t)counter, (uint32_t)(counter >> 32)}; }

/* connection u32 | epoch u64 | counter u64; all zero when not even that could be read. */
void refuse_frame(const uint8_t *bytes, size_t length, enum frame_refusal reason) {
    struct reader r = {bytes, length, false};
    read_view(&r, 2);
    uint32_t connection = (uint32_t)read_number(&r, 4);
    uint64_t numbers[2] = {0};
    numbers[0] = read_number(&r, 8);
    numbers[1] = read_number(&r, 8);
    out_put(OUT_REFUSED, (uint16_t)reason, PARTS({&connection, 4}, {numbers, sizeof numbers}));
}

/* The slot whose epoch the frame names, if that accepts; only data activates a pending one, never an ack or reply. */
static struct keys *keys_for(struct connection *c, uint64_t epoch, bool data) {
    if (c->active && c->current.accepts && c->current.epoch == epoch) return &c->current;
    if (c->active && c->previous.accepts && c->previous.epoch == epoch) return &c->previous;
    if (data && c->pending.accepts && c->pending.epoch == epoch) return &c->pending;
    return NULL;
}

/* Asked again for what is done: the handler's reply once more, under the epoch of the one who asks. */
static void reply_again(const struct connection *c, const struct keys *keys, uint64_t counter) {
    const struct authentic_declaration *d = &port_interface[c->endpoint];
    const uint8_t *slot = (const uint8_t *)d->data + (size_t)c->reply_slot * (d->reply_maximum + 1);
    if (counter == c->acknowledged && c->reply_length > 0) frame_put(c, keys, REPLY, counter, slot, c->reply_length);
}

/* A frame of the events ring: an event or a request. */
enum frame_refusal event_receive(uint8_t *bytes, size_t length) {
    struct frame f;
    if (!frame_parse(bytes, length, &f)) return FRAME_MALFORMED;
    struct connection *c = table_find(&kit.table, f.connection);
    if (!c) return FRAME_UNKNOWN;
    if (c->direction != (f.kind == EVENT ? RECEIVER : f.kind == REQUEST ? HANDLER : 0)) return FRAME_KIND;
    struct keys *keys = keys_for(c, f.epoch, true);
    if (!keys) return c->active ? FRAME_EPOCH : FRAME_INACTIVE;
    const struct authentic_declaration *target = &port_interface[c->endpoint];
    if (!frame_open(bytes, &f, keys, keys->forward)) return FRAME_TAG;
    if (f.length > target->maximum) return FRAME_TOO_LONG;

    if (keys == &c->pending) { /* the sender uses it already */
        table_activate(c);
        keys = &c->current;
    }
    c->answer_previous = keys == &c->previous;
    if (f.counter < c->next) {
        if (c->direction == HANDLER) reply_again(c, keys, f.counter);
        else if (c->delivery == STRICT) c->news |= NEWS_ACK;
        return FRAME_OLD;
    }
    if (c->delivery == STRICT && f.counter != c->next) return FRAME_GAP;
    if (keys == &c->previous && f.counter > c->previous_last) return FRAME_EPOCH;
    if (keys == &c->current) crypto_wipe(&c->previous, sizeof c->previous);

    uint8_t *reply = c->direction == HANDLER ? (uint8_t *)target->data + (size_t)c->reply_slot * (target->reply_maximum + 1) : NULL;
    task_start(&(struct task){.job = c->direction == HANDLER ? JOB_REQUEST : JOB_EVENT, .target = target, .data = bytes + FRAME_HEADER, .length = f.length,
                              .reply = reply, .epoch = f.epoch,
                              .event = {.authenticated = true, .reset = c->reset, .connection = c->id, .counter = f.counter, .gaps = f.counter - c->next}});
    return FRAME_ACCEPTED;
}

/* A frame of the control ring: an ack or a reply. */
enum frame_refusal answer_receive(uint8_t *bytes, size_t length) {
    struct frame f;
    if (!frame_parse(bytes, length, &f)) return FRAME_MALFORMED;
    struct connection *c = table_find(&kit.table, f.connection);
    if (!c) return FRAME_UNKNOWN;
    if (c->direction != (f.kind == ACK ? SENDER : f.kind == REPLY ? CLIENT : 0) || c->delivery != STRICT) return FRAME_KIND;
    struct keys *keys = keys_for(c, f.epoch, false);
    if (!keys) return c->active ? FRAME_EPOCH : FRAME_INACTIVE;
    size_t maximum = f.kind == ACK ? 0 : (size_t)port_interface[c->endpoint].reply_maximum + 1;
    if (!frame_open(bytes, &f, keys, keys->backward)) return FRAME_TAG;
    if (f.length > maximum) return FRAME_TOO_LONG;
    if (f.counter <= c->acknowledged) return FRAME_ACCEPTED; /* known already, and harmless */
    if (f.counter >= c->next) return FRAME_GAP;
    if (keys == &c->previous && f.counter > c->previous_acks) return FRAME_EPOCH;
    c->acknowledged = f.counter;
    if (c->reseal <= f.counter) c->reseal = f.counter + 1;
    if (c->previous.epoch != 0 && f.counter >= c->previous_last) crypto_wipe(&c->previous, sizeof c->previous);
    c->news |= NEWS_ACKNOWLEDGED;
    if (f.kind == REPLY) request_answer(c->id, f.counter, bytes + FRAME_HEADER, f.length);
    return FRAME_ACCEPTED;
}

/* A frame the host gave back: the same event under the new epoch, with the same counter and each exactly once. */
enum frame_refusal reseal_receive(uint8_t *bytes, size_t length) {
    struct frame f;
    if (!frame_parse(bytes, length, &f)) return FRAME_MALFORMED;
    struct connection *c = table_find(&kit.table, f.connection);
    if (!c) return FRAME_UNKNOWN;
    if (c->direction != (f.kind == EVENT ? SENDER : f.kind == REQUEST ? CLIENT : 0)) return FRAME_KIND;
    if (!c->active && !c->retired) return FRAME_INACTIVE; /* one that retires in the middle still finishes: it says nothing new */
    if (c->previous.epoch == 0 || f.epoch != c->previous.epoch) return FRAME_EPOCH;
    if (!frame_open(bytes, &f, &c->previous, c->previous.forward)) return FRAME_TAG;
    if (f.length > port_interface[c->endpoint].maximum) return FRAME_TOO_LONG;
    if (f.counter < c->reseal) return FRAME_OLD;
    if (f.counter > c->reseal) return FRAME_GAP;
    frame_put(c, &c->current, (enum frame_kind)f.kind, f.counter, bytes + FRAME_HEADER, f.length);
    c->reseal++;
    return FRAME_ACCEPTED;
}

/* Whether every strict output can take its declared burst. While the peer of one is being replaced it cannot. */
bool outputs_ready(void) {
    for (size_t i = 0; i < kit.table.count; i++) {
        const struct connection *c = &kit.table.at[i];
        if (c->direction != SENDER || c->delivery != STRICT) continue;
        if (c->retired) return false;
        if (c->active && c->next - 1 - c->acknowledged + port_interface[c->endpoint].burst > c->window) return false;
    }
    return true;
}

/* connection u32 | endpoint u16 | direction u8 | delivery u8 | window u16 | reserved u16 | epoch u64 | next u64 */
void connection_put(const struct connection *c, enum connection_state state) {
    struct { uint32_t id; uint16_t endpoint; uint8_t direction, delivery; uint16_t window, reserved; } head = {c->id, c->endpoint, c->direction, c->delivery, c->window, 0};
    uint64_t numbers[2] = {c->current.epoch, c->next};
    out_put(OUT_CONNECTION, (uint16_t)state, PARTS({&head, sizeof head}, {numbers, sizeof numbers}));
}

static void settle_connection(struct connection *c) {
    struct position acknowledged = position(c->id, c->acknowledged);
    if (c->news & NEWS_STATE) connection_put(c, c->active ? CONNECTION_ACTIVE : CONNECTION_RETIRED);
    if (c->news & NEWS_ACKNOWLEDGED) out_put(OUT_ACKNOWLEDGED, 0, PARTS({&acknowledged, sizeof acknowledged}));
    if (c->news & NEWS_RESEAL && table_resealing(c)) {
        struct position from = position(c->id, c->reseal);
        out_put(OUT_RESEAL, 0, PARTS({&from, sizeof from}, {&c->previous_last, 8}));
    }
    if (c->news & NEWS_PROCESSED) out_put(OUT_PROCESSED, 0, PARTS({&acknowledged, sizeof acknowledged}, {&c->gaps, 8}));
    if (c->news & NEWS_ACK && c->active && c->acknowledged > 0) {
        const struct keys *keys = c->answer_previous && c->previous.accepts ? &c->previous : &c->current;
        frame_put(c, keys, ACK, c->acknowledged, c, 0);
    }
    c->news = 0;
}

/* At the end of an entry: what changed, one ack for all events of a connection, and a request. False while the ring has no room. */
bool settle(void) {
    enum { NEWS_BYTES = 256 };
    for (size_t i = 0; i < kit.table.count; i++) {
        if (kit.table.at[i].news == 0) continue;
        if (!out_has_room(NEWS_BYTES)) return false;
        settle_connection(&kit.table.at[i]);
    }
    return request_put();
}
