/* Frames that arrive: events and requests for the module's functions, acks, and frames to be sealed again (section 6). */
#include "kit.h"

/* A frame that authenticates, and what it belongs to. */
struct opened {
    u8 kind;
    u32 counter;
    struct connection *c;
    struct slot *slot;
    u16 length;
};

/* The slot whose epoch the frame names, if that accepts; only data activates a pending one, never an ack or a reply. */
static struct slot *slot_for(struct connection *c, u8 epoch, bool data, bool again) {
    if (again) return (c->active || c->retired) && c->previous.epoch && (u8)c->previous.epoch == epoch ? &c->previous : NULL;
    if (c->active && c->current.accepts && (u8)c->current.epoch == epoch) return &c->current;
    if (c->active && c->previous.accepts && (u8)c->previous.epoch == epoch) return &c->previous;
    return data && c->pending.accepts && (u8)c->pending.epoch == epoch ? &c->pending : NULL;
}

static enum frame_refusal open(u8 *frame, u16 length, bool again, struct opened *o) {
    static const u8 directions[] = {0, RECEIVER, HANDLER, CLIENT, SENDER}, returning[] = {0, SENDER, CLIENT, 0, 0};
    if (length < HEADER + TAG || frame[0] >> 4 != 1) return FRAME_MALFORMED;
    o->kind = frame[0] & 0x0f;
    o->counter = get_32(frame + 4);
    if (o->kind < EVENT || o->kind > ACK || o->counter == 0 || o->counter == COUNTER_END) return FRAME_MALFORMED;
    struct connection *c = o->c = table_find_low(get_16(frame + 2));
    if (!c) return FRAME_UNKNOWN;
    if (c->direction != (again ? returning : directions)[o->kind] || (o->kind == ACK && c->delivery != STRICT)) return FRAME_KIND;
    o->slot = slot_for(c, frame[1], o->kind <= REQUEST, again);
    if (!o->slot) return c->active ? FRAME_EPOCH : FRAME_INACTIVE;
    u16 maximum = o->kind == ACK ? 0 : o->kind == REPLY ? 1 + (u16)board_interface[c->endpoint].reply_maximum : (u16)board_interface[c->endpoint].maximum;
    if (length - HEADER - TAG > maximum + 2) return FRAME_TOO_LONG;
    if (!frame_open(frame, length - HEADER, c, o->slot, o->kind, o->counter, &o->length)) return FRAME_TAG;
    return o->length > maximum ? FRAME_TOO_LONG : FRAME_ACCEPTED;
}

static void drop_previous(struct connection *c, u32 counter) {
    if (c->previous.epoch && counter >= c->previous_last) wipe(&c->previous, sizeof c->previous);
}

/* What a receiver or handler answers: an ack of all that is processed, or the reply, which is kept for when it is asked again. */
static void answer(const struct connection *c, const struct slot *slot) {
    u16 length = c->direction == HANDLER ? c->reply_length : 0;
    if (!c->active || c->acknowledged == 0 || c->delivery != STRICT || (c->direction == HANDLER && length == 0)) return;
    memcpy(scratch, board_interface[c->endpoint].data, length);
    frame_put(c, slot, c->direction == HANDLER ? REPLY : ACK, c->acknowledged, scratch, length);
}

/* Calls a handler; the reply is status u8, 1 when it refused | data. */
static u16 handle(const struct authentic_declaration *d, const u8 *data, u16 length) {
    int64_t (*handler)(const void *, size_t, void *, size_t) = (int64_t (*)(const void *, size_t, void *, size_t))d->code;
    u8 *to = d->data;
    int64_t result = handler(data, length, to + 1, (u16)d->reply_maximum);
    bool refused = result < 0 || result > (int64_t)d->reply_maximum;
    to[0] = refused;
    return 1 + (refused ? 0 : (u16)result);
}

static enum frame_refusal forward(const u8 *text, struct opened *o) {
    struct connection *c = o->c;
    const struct authentic_declaration *d = &board_interface[c->endpoint];
    if (o->slot == &c->pending) { /* the sender uses it already */
        table_activate(c);
        o->slot = &c->current;
    }
    if (o->counter < c->next) {
        if (c->direction == RECEIVER || o->counter == c->acknowledged) answer(c, o->slot);
        return FRAME_OLD;
    }
    u32 gaps = o->counter - c->next;
    if (c->delivery == STRICT && gaps) return FRAME_GAP;
    if (o->slot == &c->previous && o->counter > c->previous_last) return FRAME_EPOCH;
    if (o->slot == &c->current) wipe(&c->previous, sizeof c->previous);

    struct authentic_event event = {.authenticated = true, .reset = c->reset, .connection = c->id, .counter = o->counter, .gaps = gaps};
    u32 epoch = o->slot->epoch;
    u16 replied = 0;
    task_begin(&event, o->length);
    if (c->direction == HANDLER) replied = handle(d, text, o->length);
    else ((void (*)(const void *, size_t))d->code)(text, o->length);
    task_commit();
    c = table_find(event.connection); /* the table may have changed while the function waited */
    if (!c || o->counter < c->next) return FRAME_ACCEPTED;
    c->reply_length = replied;
    c->gaps += gaps;
    c->next = o->counter + 1;
    c->acknowledged = o->counter;
    c->reset = false;
    u32 processed[3] = {c->id, o->counter, c->gaps};
    out_put(OUT_PROCESSED, 0, processed, sizeof processed);
    answer(c, c->previous.epoch == epoch ? &c->previous : &c->current);
    drop_previous(c, o->counter);
    return FRAME_ACCEPTED;
}

/* An ack, or a reply: status u8, 1 when the handler refused | data */
static enum frame_refusal acknowledged(const u8 *text, struct opened *o) {
    struct connection *c = o->c;
    if (o->counter <= c->acknowledged) return FRAME_ACCEPTED; /* known already, and harmless */
    if (o->counter >= c->next) return FRAME_GAP;
    if (o->slot == &c->previous && o->counter > c->previous_acks) return FRAME_EPOCH;
    c->acknowledged = o->counter;
    if (c->reseal <= o->counter) c->reseal = o->counter + 1;
    drop_previous(c, o->counter);
    u32 body[2] = {c->id, o->counter};
    out_put(OUT_ACKNOWLEDGED, 0, body, sizeof body);
    if (o->kind == REPLY) request_end(c->id, o->length == 0 || text[0] ? AUTHENTIC_REFUSED : AUTHENTIC_OK, text + 1, o->length - 1);
    return FRAME_ACCEPTED;
}

enum frame_refusal frame_receive(u8 *frame, u16 length, bool again) {
    struct opened o;
    enum frame_refusal refusal = open(frame, length, again, &o);
    if (refusal) return refusal;
    if (o.kind >= REPLY) return acknowledged(frame + HEADER, &o);
    if (!again) return forward(frame + HEADER, &o);
    /* the same event under the new epoch with the same counter, each exactly once */
    if (o.counter != o.c->reseal) return o.counter < o.c->reseal ? FRAME_OLD : FRAME_GAP;
    frame_put(o.c, &o.c->current, o.kind, o.counter, frame + HEADER, o.length);
    o.c->reseal++;
    return FRAME_ACCEPTED;
}

/* Whether every strict output can take its burst; while the peer of one is being replaced it cannot. */
bool outputs_ready(void) {
    for (const struct connection *c = kit.at; c < kit.at + kit.count; c++) {
        if (c->direction != SENDER || c->delivery != STRICT) continue;
        if (c->retired || (c->previous.epoch && c->reseal <= c->previous_last)) return false;
        if (c->active && (u16)(c->next - 1 - c->acknowledged) + (u16)board_interface[c->endpoint].burst > c->window) return false;
    }
    return true;
}

/* Anyone may cause it: no data, no authentication. */
void trigger(u16 endpoint) {
    static const struct authentic_event nothing;
    const struct authentic_declaration *d = interface_at(endpoint, AUTHENTIC_KIND_ENTRY);
    if (!d) return;
    task_begin(&nothing, 0);
    ((void (*)(const void *, size_t))d->code)(incoming, 0);
    task_commit();
    out_put(OUT_TRIGGERED, (u8)endpoint, "", 1);
}
