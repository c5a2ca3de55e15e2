/* The connection table: records of M3 are applied to a draft, which replaces the table only when all of them are good.
 * Section 4 (M3, activation) and section 6 (rotation). */
#include "kit.h"

enum { CLOSE_REMOVE, CLOSE_RETIRE };
#define EPOCH_JUMP ((uint64_t)1 << 32)

static struct table draft;

struct connection *table_find(struct table *table, uint32_t id) {
    for (size_t i = 0; i < table->count; i++)
        if (table->at[i].id == id) return &table->at[i];
    return NULL;
}

/* A fresh draft of the table as it is. */
struct table *table_draft(void) {
    memcpy(&draft, &kit.table, sizeof draft);
    return &draft;
}

/* Ring bytes that the outputs of one event may take at most. */
size_t table_output_bytes(const struct table *table) {
    size_t bytes = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct authentic_declaration *d = interface_at(table->at[i].endpoint, AUTHENTIC_KIND_OUTPUT);
        if (d) bytes += (size_t)d->burst * (d->maximum + FRAME_OVERHEAD + sizeof(struct record) + 7);
    }
    return bytes;
}

bool table_fits(enum direction direction, size_t endpoint) {
    static const uint8_t kinds[] = {0, AUTHENTIC_KIND_OUTPUT, AUTHENTIC_KIND_INPUT, AUTHENTIC_KIND_REQUEST, AUTHENTIC_KIND_HANDLER};
    if (direction == DEPLOYER) return interface_at(endpoint, AUTHENTIC_KIND_INPUT) || interface_at(endpoint, AUTHENTIC_KIND_HANDLER);
    return interface_at(endpoint, kinds[direction]);
}

/* A handler keeps one reply for each connection; slot 0 belongs to the deployer's commands. */
static uint32_t free_slot(size_t endpoint) {
    for (uint32_t slot = 1; slot <= AUTHENTIC_CLIENTS; slot++) {
        bool taken = false;
        for (size_t i = 0; i < draft.count; i++) taken |= draft.at[i].endpoint == endpoint && draft.at[i].reply_slot == slot;
        if (!taken) return slot;
    }
    return 0;
}

static enum refusal create(uint32_t id, uint16_t endpoint, enum direction direction, enum delivery delivery, uint64_t first, struct connection **created) {
    if (first == 0 || first == UINT64_MAX || !table_fits(direction, endpoint)) return BAD_RECORD;
    if (delivery == LATEST && direction > RECEIVER) return BAD_RECORD;
    for (size_t i = 0; i < draft.count; i++) /* a request has exactly one handler */
        if (direction == CLIENT && draft.at[i].endpoint == endpoint) return BAD_RECORD;
    uint32_t slot = direction == HANDLER ? free_slot(endpoint) : 0;
    if (draft.count == AUTHENTIC_CONNECTIONS || (direction == HANDLER && slot == 0)) return NO_ROOM;
    struct connection *c = *created = &draft.at[draft.count++];
    *c = (struct connection){.id = id, .endpoint = endpoint, .direction = (uint8_t)direction, .delivery = (uint8_t)delivery,
                             .next = first, .acknowledged = first - 1, .reseal = first, .reply_slot = slot};
    return ACCEPTED;
}

/* connection u32 | endpoint u16 | direction u8 | delivery u8 | suite u8 | flags u8 | window u16 | epoch u64 | key32
 * | firstCounter u64 | lastCounter u64 */
enum refusal table_set(struct reader *r, const struct authentic_declaration *handed_over) {
    uint32_t id = (uint32_t)read_number(r, 4);
    uint16_t endpoint = (uint16_t)read_number(r, 2);
    if (handed_over) endpoint = (uint16_t)interface_endpoint(handed_over);
    enum direction direction = (enum direction)read_number(r, 1);
    enum delivery delivery = (enum delivery)read_number(r, 1);
    struct keys keys = {.suite = (uint8_t)read_number(r, 1)};
    uint8_t flags = (uint8_t)read_number(r, 1);
    uint16_t window = (uint16_t)read_number(r, 2);
    keys.epoch = read_number(r, 8);
    read_bytes(r, keys.key, sizeof keys.key);
    uint64_t first = read_number(r, 8), last = read_number(r, 8);
    if (r->bad || (flags & ~(handed_over ? FLAG_ACTIVE | FLAG_RETIRED | FLAG_RESET : SET_RESET)) != 0) return MALFORMED;
    if (id == 0 || direction < SENDER || direction > DEPLOYER || (delivery != STRICT && delivery != LATEST)) return MALFORMED;
    if (keys.suite > SUITE_SPONGE_64 || (keys.suite == SUITE_NONE) != (direction == DEPLOYER) || (window == 0) != (direction == DEPLOYER)) return MALFORMED;
    bool reset = flags & (handed_over ? FLAG_RESET : SET_RESET), retired = handed_over && flags & FLAG_RETIRED;

    struct connection *c = table_find(&draft, id);
    if (!c) {
        enum refusal refusal = create(id, endpoint, direction, delivery, first, &c);
        if (refusal) return refusal;
    } else {
        if (c->endpoint != endpoint || c->direction != direction || c->delivery != delivery) return BAD_RECORD;
        if (first != 0) return BAD_RECORD;
    }
    if (direction == DEPLOYER) {
        static const uint8_t zero[32];
        if (keys.epoch != 0 || reset || !crypto_equal(keys.key, zero, 32)) return MALFORMED;
        c->retired = retired;
        c->active = !c->retired;
        c->news |= NEWS_STATE;
        return ACCEPTED;
    }
    const struct authentic_declaration *d = &port_interface[endpoint];
    if (!suite_takes(keys.suite, d->maximum) || !suite_takes(keys.suite, d->reply_maximum)) return BAD_RECORD;
    uint64_t newest = c->pending.epoch > c->current.epoch ? c->pending.epoch : c->current.epoch;
    if (keys.epoch <= newest) return BAD_RECORD;
    if (!handed_over && keys.epoch - newest > EPOCH_JUMP) return BAD_RECORD;
    if (direction == SENDER && delivery == STRICT && window < interface_at(endpoint, AUTHENTIC_KIND_OUTPUT)->burst) return BAD_RECORD;
    keys_derive(&keys, id, direction);
    c->pending = keys;
    c->pending_last = last;
    c->pending_window = window;
    c->pending_reset = reset;
    if (handed_over) c->retired = retired;
    crypto_wipe(&keys, sizeof keys);
    return ACCEPTED;
}

/* No key accepts frames any more. The event key of a sender stays, only to open what it re-seals. */
static void stop_accepting(struct keys *keys, bool keep_forward) {
    keys->accepts = false;
    crypto_wipe(keys->backward, sizeof keys->backward);
    if (keep_forward) return;
    crypto_wipe(keys->forward, sizeof keys->forward);
    crypto_wipe(keys->key, sizeof keys->key);
}

void table_retire(struct connection *c) {
    bool sends = c->direction == SENDER || c->direction == CLIENT;
    stop_accepting(&c->current, sends);
    stop_accepting(&c->previous, sends);
    crypto_wipe(&c->pending, sizeof c->pending);
    c->active = false;
    c->retired = true;
    c->news = (c->news & (NEWS_PROCESSED | NEWS_ACKNOWLEDGED | NEWS_RESEAL)) | NEWS_STATE;
    const struct task *task = task_current();
    if (task->phase != TASK_NONE && task->event.connection == c->id && task->event.counter >= c->next) {
        c->next = task->event.counter + 1; /* it will be processed: the status must not promise it to a new peer */
        c->acknowledged = task->event.counter;
    }
}

/* connection u32 | mode u8 */
static enum refusal close(struct reader *r) {
    struct connection *c = table_find(&draft, (uint32_t)read_number(r, 4));
    uint64_t mode = read_number(r, 1);
    if (r->bad || mode > CLOSE_RETIRE) return MALFORMED;
    if (!c) return BAD_RECORD;
    if (mode == CLOSE_RETIRE) {
        table_retire(c);
        return ACCEPTED;
    }
    struct connection *last = &draft.at[--draft.count];
    if (c != last) *c = *last;
    crypto_wipe(last, sizeof *last);
    return ACCEPTED;
}

/* endpoint u16 | measurement32 | incarnation16 */
static enum refusal grant(struct reader *r) {
    uint64_t endpoint = read_number(r, 2);
    const uint8_t *measurement = read_view(r, 32), *incarnation = read_view(r, 16);
    const struct authentic_declaration *d = interface_at(endpoint, AUTHENTIC_KIND_DEVICE);
    uint8_t own[32];
    if (r->bad) return MALFORMED;
    if (!d || !(d->flags & AUTHENTIC_WRITTEN)) return BAD_RECORD;
    if (port_measurement(own) && !crypto_equal(own, measurement, sizeof own)) return BAD_RECORD;
    if (!crypto_equal(incarnation, kit.incarnation, 16)) return BAD_RECORD;
    draft.grants |= (uint64_t)1 << endpoint;
    return ACCEPTED;
}

static enum refusal revoke(struct reader *r) {
    uint64_t endpoint = read_number(r, 2);
    if (r->bad) return MALFORMED;
    if (!interface_at(endpoint, AUTHENTIC_KIND_DEVICE)) return BAD_RECORD;
    draft.grants &= ~((uint64_t)1 << endpoint);
    return ACCEPTED;
}

/* count records: type u8 | length u16 | body */
enum refusal table_apply(struct reader *r, size_t count) {
    static uint64_t seen[2 * AUTHENTIC_CONNECTIONS + AUTHENTIC_DECLARATIONS]; /* subjects: no two records share one */
    for (size_t i = 0; i < count; i++) {
        uint64_t type = read_number(r, 1);
        size_t length = read_number(r, 2);
        struct reader body = {read_view(r, length), length, false}, peek = body;
        bool device = type == RECORD_GRANT || type == RECORD_REVOKE;
        uint64_t subject = device ? read_number(&peek, 2) | (uint64_t)1 << 32 : read_number(&peek, 4);
        if (r->bad) return MALFORMED;
        if (i == sizeof seen / sizeof *seen) return NO_ROOM;
        for (size_t j = 0; j < i; j++)
            if (seen[j] == subject) return MALFORMED;
        seen[i] = subject;
        enum refusal refusal = type == RECORD_SET      ? table_set(&body, NULL)
                               : type == RECORD_CLOSE  ? close(&body)
                               : type == RECORD_GRANT  ? grant(&body)
                               : type == RECORD_REVOKE ? revoke(&body)
                                                       : MALFORMED;
        if (refusal) return refusal;
        if (!read_done(&body)) return MALFORMED;
    }
    if (!read_done(r)) return MALFORMED;
    return table_output_bytes(&draft) + OUT_RESERVE <= out_capacity() ? ACCEPTED : NO_ROOM;
}

/* Replaces the table by the draft. */
void table_commit(void) {
    for (size_t i = 0; i < kit.table.count; i++) {
        const struct connection *c = &kit.table.at[i];
        if (table_find(&draft, c->id)) continue;
        connection_put(c, CONNECTION_CLOSED);
        request_fail(c->id, AUTHENTIC_CLOSED);
    }
    memcpy(&kit.table, &draft, sizeof draft);
    kit.table.generation++;
    crypto_wipe(&draft, sizeof draft);
}

/* Whether frames of the previous epoch are still to be given back. */
bool table_resealing(const struct connection *c) {
    bool sends = c->direction == SENDER || c->direction == CLIENT;
    return sends && c->previous.epoch != 0 && c->reseal <= c->previous_last;
}

/* Pending becomes current. What the other end may still send or expect under the old epoch decides what stays of it. */
void table_activate(struct connection *c) {
    bool sends = c->direction == SENDER || c->direction == CLIENT;
    if (c->pending_reset && c->direction == CLIENT) c->acknowledged = c->next - 1; /* the outstanding request fails */
    uint64_t last = sends ? c->next - 1 : c->pending_last;
    bool needed = sends ? c->delivery == STRICT && c->acknowledged < last : c->current.accepts && c->next <= last;
    crypto_wipe(&c->previous, sizeof c->previous);
    if (c->current.epoch != 0 && needed) {
        c->previous = c->current;
        c->previous_last = last;
        c->previous_acks = last < c->pending_last ? last : c->pending_last;
        if (sends) c->news |= NEWS_RESEAL;
    }
    c->reseal = c->acknowledged + 1;
    c->current = c->pending;
    crypto_wipe(&c->pending, sizeof c->pending);
    c->window = c->pending_window;
    c->answer_previous = false;
    c->active = true;
    c->retired = false;
    c->news |= NEWS_STATE;
    if (c->pending_reset) {
        c->reset = true;
        c->pending_reset = false;
        request_fail(c->id, AUTHENTIC_PEER_RESET);
    }
}
